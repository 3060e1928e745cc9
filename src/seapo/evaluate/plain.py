"""Log-probabilities of choices after plain text, encoded exactly as lm-evaluation-harness encodes them.

Questions that begin with the same few-shot examples are scored in one prefix tree, so that the examples are computed
once a batch instead of once a choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seapo.errors import DataError
from seapo.records import ChoiceItem
from seapo.tree import Group, build_tree, score_tokens

TOKENS_PER_ROW = 2048
TOKENS_PER_BATCH = 1024
"""Larger ones share the few-shot head more, but a dense mask grows with the square: up to 2,048, none was faster."""
WORTH_SHARING = 16
"""Tokens in common below which two questions are not put in one tree."""


@dataclass(frozen=True)
class Request:
    """A continuation after its context, as token ids."""

    tokens: tuple[int, ...]
    start: int
    """Place of the continuation's first token."""


@dataclass(frozen=True)
class Batch:
    """Items that one tree scores."""

    items: tuple[int, ...]
    """Their places in the list of items."""
    requests: tuple[tuple[Request, ...], ...]
    """For each of them, one request a choice."""


def encode_pair(tokenizer: Any, context: str, continuation: str) -> Request:
    """Context and continuation encoded jointly and cut where the context's own encoding ends.

    Spaces at the context's end go to the continuation; an empty context becomes the begin- or end-of-sequence token.
    Source: lm-evaluation-harness 0.4.13, `TemplateLM._encode_pair`, `TemplateLM.loglikelihood`, `HFLM.tok_encode`.
    """
    if context == "":
        prefix, tail = _prefix_token(tokenizer), tokenizer.encode(continuation, add_special_tokens=False)
        return Request(tuple(tail), 1) if tail[:1] == [prefix] else Request((prefix, *tail), 1)
    kept = context.rstrip()
    whole = _encode(tokenizer, context + continuation)
    head = _encode(tokenizer, kept)
    return Request((*head, *whole[len(head) :]), len(head))


def plan_batches(tokenizer: Any, items: Sequence[ChoiceItem], places: Sequence[int]) -> list[Batch]:
    """Batches of the plain-text items at the given places of a list, questions with one context together."""
    order = {context: rank for rank, context in enumerate(dict.fromkeys(items[place].context for place in places))}
    batches: list[Batch] = []
    for place in sorted(places, key=lambda place: order[items[place].context]):
        single = Batch((place,), (_encode_item(tokenizer, items[place]),))
        merged = _merge(batches[-1], single) if batches else single
        if batches and _shares_head(batches[-1], single) and batch_size(merged) <= TOKENS_PER_BATCH:
            batches[-1] = merged
        else:
            batches.append(single)
    return batches


@torch.no_grad()
def batch_logprobs(model: Any, batch: Batch) -> list[list[float]]:
    """Log-probability of each choice of each item of a batch, in nats, summed over the choice's tokens."""
    requests = [request for choices in batch.requests for request in choices]
    head = _head_length(requests)
    group = Group(requests[0].tokens[:head], [request.tokens[head:] for request in requests])
    (scores,) = score_tokens(model, [group], max_tokens_per_row=TOKENS_PER_ROW)
    sums = iter(
        float(score.logprobs[request.start - head :].double().sum())
        for request, score in zip(requests, scores, strict=True)
    )
    return [[next(sums) for _ in choices] for choices in batch.requests]


def batch_size(batch: Batch) -> int:
    """Tokens of the tree that scores a batch."""
    requests = [request for choices in batch.requests for request in choices]
    head = _head_length(requests)
    return len(build_tree(requests[0].tokens[:head], [request.tokens[head:] for request in requests]))


def _encode_item(tokenizer: Any, item: ChoiceItem) -> tuple[Request, ...]:
    assert item.context is not None
    requests = tuple(encode_pair(tokenizer, item.context, choice) for choice in item.choices)
    for choice, request in zip(item.choices, requests, strict=True):
        if not 0 < request.start < len(request.tokens):
            raise DataError(f"item {item.id!r}: its context and its choice {choice!r} need a token each")
    return requests


def _encode(tokenizer: Any, text: str) -> list[int]:
    """Special tokens as the tokenizer adds them by itself, unless the text brings its own first one."""
    options = {"add_special_tokens": False} if text.startswith(tokenizer.decode(_prefix_token(tokenizer))) else {}
    ids: list[int] = tokenizer.encode(text, **options)
    return ids


def _prefix_token(tokenizer: Any) -> int:
    token: int = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return token


def _merge(left: Batch, right: Batch) -> Batch:
    return Batch(left.items + right.items, left.requests + right.requests)


def _shares_head(left: Batch, right: Batch) -> bool:
    return _common_length(left.requests[0][0].tokens, right.requests[0][0].tokens) >= WORTH_SHARING


def _head_length(requests: Sequence[Request]) -> int:
    """Tokens that all requests begin with, none of them a choice's."""
    shared = min(_common_length(requests[0].tokens, request.tokens) for request in requests)
    return min(shared, *(request.start for request in requests))


def _common_length(left: Sequence[int], right: Sequence[int]) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(left), len(right)))
