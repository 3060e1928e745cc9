"""Conversations as token ids, and the log-probabilities of answers to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import torch

from seapo.errors import DataError
from seapo.records import Message
from seapo.tree import Group, score, score_tokens

TOKENS_PER_ROW = 2048


@dataclass(frozen=True)
class EncodedChat:
    """An answer after its prompt, as token ids; the completion ends with the template's end of turn."""

    prompt: list[int]
    completion: list[int]
    offsets: list[tuple[int, int]]
    """Characters of the answer that each completion token covers; (length, length) for the end of turn."""


@dataclass(frozen=True)
class TokenChoice:
    """One token of an answer, and what the model would have written in its place."""

    start: int
    """Offset of the token's first character in the answer."""
    end: int
    logprob_nats: float
    is_argmax: bool
    alternatives: tuple[tuple[str, float], ...]
    """(text, log-probability in nats) of the model's best tokens there, best first; the token itself may be one."""


class ChatScorer:
    """A model's opinion of answers, through its chat template.

    One prefix tree per prompt and call, so that a score never depends on what else is scored in the run.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, fingerprint: str) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.fingerprint = fingerprint

    @torch.no_grad()
    def logprobs(self, prompt: Sequence[Message], answers: Sequence[str]) -> list[float]:
        """Log-probability of each answer with its end of turn, in nats, rounded to 4 decimals."""
        encoded = [encode_chat(self.tokenizer, prompt, answer) for answer in answers]
        (scores,) = score(
            self.model,
            [Group(encoded[0].prompt, [answer.completion for answer in encoded])],
            max_tokens_per_row=TOKENS_PER_ROW,
        )
        return [round(value, 4) for value in scores.tolist()]

    @torch.no_grad()
    def alternatives(self, prompt: Sequence[Message], answer: str, *, k: int) -> list[TokenChoice]:
        """The model's k best tokens at the place of each token of the answer; the end of turn is left out."""
        encoded = encode_chat(self.tokenizer, prompt, answer)
        ((scores,),) = score_tokens(self.model, [Group(encoded.prompt, [encoded.completion])], alternatives=k)
        assert scores.alternatives is not None
        rows = zip(
            encoded.offsets,
            scores.logprobs.tolist(),
            scores.is_argmax.tolist(),
            scores.alternatives.ids.tolist(),
            scores.alternatives.logprobs.tolist(),
            strict=True,
        )
        return [
            TokenChoice(start, end, logprob, is_argmax, tuple(zip(self._texts(ids), values, strict=True)))
            for (start, end), logprob, is_argmax, ids, values in rows
            if start < end
        ]

    def count_tokens(self, answer: str) -> int:
        """Tokens of an answer alone."""
        return len(self.tokenizer(answer, add_special_tokens=False)["input_ids"])

    def _texts(self, ids: list[int]) -> list[str]:
        return [self.tokenizer.decode([token]) for token in ids]


def encode_chat(tokenizer: Any, prompt: Sequence[Message], answer: str) -> EncodedChat:
    """Token ids of a prompt and an answer under the tokenizer's chat template.

    Raises DataError where the template refuses the conversation, or does not write it as prompt + answer, so that no
    boundary exists.
    """
    messages = [message.model_dump() for message in prompt]
    try:
        head = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        whole = tokenizer.apply_chat_template([*messages, {"role": "assistant", "content": answer}], tokenize=False)
    except jinja2.TemplateError as problem:
        raise DataError(f"the chat template refuses this conversation: {problem}") from problem
    start = whole.find(answer.strip(), len(head)) if whole.startswith(head) else -1
    if start < 0:
        raise DataError("the chat template does not write this conversation as the prompt followed by the answer")
    whole = whole.rstrip()  # what some templates write after the end of turn belongs to the next one
    prompt_ids = tokenizer(head, add_special_tokens=False)["input_ids"]
    joint = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = joint["input_ids"], joint["offset_mapping"]
    if ids[: len(prompt_ids)] == prompt_ids:
        completion, places = ids[len(prompt_ids) :], offsets[len(prompt_ids) :]
    else:  # a token spans the boundary: the prompt's own tokens win, since generation starts from them
        tail = tokenizer(whole[len(head) :], add_special_tokens=False, return_offsets_mapping=True)
        completion = tail["input_ids"]
        places = [(left + len(head), right + len(head)) for left, right in tail["offset_mapping"]]
    lead = len(answer) - len(answer.lstrip())
    return EncodedChat(
        prompt=list(prompt_ids),
        completion=list(completion),
        offsets=[_within(left - start + lead, right - start + lead, len(answer.rstrip())) for left, right in places],
    )


def _within(left: int, right: int, length: int) -> tuple[int, int]:
    return min(max(left, 0), length), min(max(right, 0), length)
