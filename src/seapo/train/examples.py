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
class Answer:
    """One answer to a prompt, as token ids."""

    tokens: tuple[int, ...]
    is_desirable: bool
    error_type: str = ""
    """The error in it; empty for a desirable answer."""
    edited: tuple[int, ...] = ()
    """Places of the tokens that touch an edit: what was put in, or, in a desirable answer, what was replaced."""

    def weights(self, edit_weight: float) -> list[float]:
        """How often each token counts: `edit_weight` inside an edit, 1 elsewhere."""
        weights = [1.0] * len(self.tokens)
        for place in self.edited:
            weights[place] = edit_weight
        return weights

    def weight(self, edit_weight: float) -> float:
        """Sum of the weights: the number of tokens where an edit counts like the rest."""
        return len(self.tokens) + (edit_weight - 1) * len(self.edited)


@dataclass(frozen=True)
class Example:
    """A prompt and its answers; where the data has pairs, the chosen answer comes first and its negatives follow."""

    id: str
    prompt: tuple[int, ...]
    answers: tuple[Answer, ...]

    def __post_init__(self) -> None:
        if not self.answers:
            raise ValueError("an example needs an answer")

    @property
    def chosen(self) -> Answer:
        """The first answer."""
        return self.answers[0]

    @property
    def rejected(self) -> tuple[Answer, ...]:
        """All answers that are not desirable."""
        return tuple(answer for answer in self.answers if not answer.is_desirable)

    @property
    def completions(self) -> tuple[tuple[int, ...], ...]:
        """Token ids of the answers."""
        return tuple(answer.tokens for answer in self.answers)

    @property
    def has_pairs(self) -> bool:
        """Whether one desirable answer stands before at least one undesirable one."""
        return len(self.answers) > 1 and [one.is_desirable for one in self.answers] == [True] + [False] * (len(self.answers) - 1)


@dataclass(frozen=True)
class EncodedPairs:
    """What can be trained on, and what was set aside."""

    examples: list[Example]
    set_aside: dict[str, int]
    """Reason -> number of pairs."""


@dataclass
class _Gathered:
    """The negatives of one prompt and chosen answer, while they are collected."""

    rejected: list[Answer] = field(default_factory=list)


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
        gathered.rejected.append(Answer(tuple(rejected.completion), False, pair.error_type))
    examples = [
        Example(sample, prompt, (Answer(chosen_ids, True), *one.rejected))
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
