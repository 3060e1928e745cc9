"""Plain text as token ids, exactly as lm-evaluation-harness encodes it."""

import functools
from dataclasses import dataclass
from typing import Any

from seapo.errors import DataError
from seapo.records import ChoiceItem

CONTEXTS_KEPT = 64
"""Encoded contexts that are remembered: the choices of a question follow each other."""


@dataclass(frozen=True)
class Request:
    """A continuation after its context, as token ids."""

    tokens: tuple[int, ...]
    start: int
    """Place of the continuation's first token."""


class PairEncoder:
    """Contexts and continuations encoded jointly, and cut where the context's own encoding ends.

    Spaces at the context's end go to the continuation; an empty context becomes the begin- or end-of-sequence token.
    Source: lm-evaluation-harness 0.4.13, `TemplateLM._encode_pair`, `TemplateLM.loglikelihood`, `HFLM.tok_encode`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._context = functools.lru_cache(maxsize=CONTEXTS_KEPT)(self.encode)
        self.prefix_token: int = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        self._prefix: str = tokenizer.decode(self.prefix_token)

    def encode(self, text: str) -> list[int]:
        """Special tokens as the tokenizer adds them by itself, unless the text brings its own first one."""
        options = {"add_special_tokens": False} if text.startswith(self._prefix) else {}
        ids: list[int] = self._tokenizer.encode(text, **options)
        return ids

    def encode_pair(self, context: str, continuation: str) -> Request:
        """The request for a continuation after its context."""
        if context == "":
            tail = self._tokenizer.encode(continuation, add_special_tokens=False)
            return Request(tuple(tail) if tail[:1] == [self.prefix_token] else (self.prefix_token, *tail), 1)
        head = self._context(context.rstrip())
        whole = self.encode(context + continuation)
        return Request((*head, *whole[len(head) :]), len(head))

    def encode_item(self, item: ChoiceItem) -> tuple[Request, ...]:
        """The requests of a plain-text item, one a choice; raises DataError where there is nothing to score."""
        assert item.context is not None
        requests = tuple(self.encode_pair(item.context, choice) for choice in item.choices)
        for choice, request in zip(item.choices, requests, strict=True):
            if not 0 < request.start < len(request.tokens):
                raise DataError(f"item {item.id!r}: its context and its choice {choice!r} need a token each")
        return requests
