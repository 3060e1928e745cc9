"""Preference pairs as token ids: one example per sample, its negatives beside the chosen answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seapo.errors import DataError
from seapo.model.chat import EncodedChat, encode_chat
from seapo.records import Message, PreferencePair

SAME_TOKENS = "chosen and rejected answer are the same tokens"
NOT_ONE_MESSAGE = "an answer is not one message of the assistant"


@dataclass(frozen=True)
class Example:
    """A sample's prompt, its chosen answer and its negatives, as token ids."""

    id: str
    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[tuple[int, ...], ...]
    error_types: tuple[str, ...]
    """The error type of each rejected answer."""

    def __post_init__(self) -> None:
        if not self.rejected or len(self.rejected) != len(self.error_types):
            raise ValueError("an example needs rejected answers, each with its error type")

    @property
    def completions(self) -> tuple[tuple[int, ...], ...]:
        """The chosen answer, then the rejected ones."""
        return (self.chosen, *self.rejected)


@dataclass(frozen=True)
class EncodedPairs:
    """What can be trained on, and what was set aside."""

    examples: list[Example]
    set_aside: dict[str, int]
    """Reason -> number of pairs."""


@dataclass
class _Gathered:
    """The negatives of one prompt and chosen answer, while they are collected."""

    rejected: list[tuple[int, ...]] = field(default_factory=list)
    error_types: list[str] = field(default_factory=list)


def encode_pairs(tokenizer: Any, pairs: Sequence[PreferencePair], *, max_length: int) -> EncodedPairs:
    """Token ids of all pairs under the chat template; the pairs of one sample form one example, in order.

    A pair is set aside where the template cannot write it, where prompt and answer have more than `max_length` tokens,
    or where both answers are the same tokens. Nothing is cut: a cut could take the error away.
    """
    found: dict[tuple[str, tuple[int, ...], tuple[int, ...]], _Gathered] = {}
    reasons: Counter[str] = Counter()
    for pair in pairs:
        try:
            chosen, rejected = (encode_answer(tokenizer, pair.prompt, one) for one in (pair.chosen, pair.rejected))
        except DataError as problem:
            reasons[str(problem)] += 1
            continue
        reason = _why_set_aside(chosen, rejected, max_length)
        if reason:
            reasons[reason] += 1
            continue
        gathered = found.setdefault((pair.id, tuple(chosen.prompt), tuple(chosen.completion)), _Gathered())
        gathered.rejected.append(tuple(rejected.completion))
        gathered.error_types.append(pair.error_type)
    examples = [
        Example(sample, prompt, chosen_ids, tuple(one.rejected), tuple(one.error_types))
        for (sample, prompt, chosen_ids), one in found.items()
    ]
    return EncodedPairs(examples, dict(reasons))


def encode_answer(tokenizer: Any, prompt: Sequence[Message], answer: Sequence[Message]) -> EncodedChat:
    """Token ids of a prompt and an answer of one message; raises DataError where there is no such thing."""
    if len(answer) != 1 or answer[0].role != "assistant":
        raise DataError(NOT_ONE_MESSAGE)
    return encode_chat(tokenizer, prompt, answer[0].content)


def _why_set_aside(chosen: EncodedChat, rejected: EncodedChat, max_length: int) -> str | None:
    if chosen.completion == rejected.completion:
        return SAME_TOKENS
    if len(chosen.prompt) + max(len(chosen.completion), len(rejected.completion)) > max_length:
        return f"longer than train.max_length, {max_length} tokens"
    return None
