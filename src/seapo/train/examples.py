"""Preference pairs as token ids: one example per sample, its negatives beside the chosen answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seapo.errors import DataError
from seapo.model.encoding import EncodedChat, encode_chat
from seapo.reading.rows import stable_reason
from seapo.records import Edit, Message, PreferencePair, RejectedRow, apply_edits, edited_spans
from seapo.train.truncation import Rule, Tokens, Truncation

SAME_TOKENS = "chosen and rejected answer are the same tokens"
NOT_ONE_MESSAGE = "an answer is not one message of the assistant"
EDIT_CUT_OFF = "chosen and rejected answer differ only behind train.max_length, where they are cut off"
DIFFERENT_PROMPTS = "the chat template writes another prompt before the rejected answer than before the chosen one"
WRONG_EDITS = "the edits of the pair do not lead from its chosen to its rejected answer"
REPEATED = "the same prompt and answer as before"
LABELLED_BOTH = "the same answer to the same prompt is labelled both good and bad"


@dataclass(frozen=True)
class Answer:
    """One answer to a prompt, as token ids."""

    tokens: tuple[int, ...]
    is_desirable: bool
    error_type: str = ""
    """The error in it; empty for a desirable answer."""
    edited: tuple[int, ...] = ()
    """Places of the tokens that touch an edit: what was put in, or, in a desirable answer, what was replaced."""
    epochs: tuple[int, ...] = ()
    """Epochs, from 1, that train it; empty for all."""
    order: float | None = None
    """Its part in the order of the samples, the lowest first; None where that is drawn."""

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
        first, *others = [answer.is_desirable for answer in self.answers]
        return first and len(others) > 0 and not any(others)


@dataclass(frozen=True)
class EncodedPairs:
    """What can be trained on, and what was set aside."""

    examples: list[Example]
    set_aside: dict[str, int]
    """Reason -> number of pairs; of answers, where the data has no pairs."""
    boundary_shifted: tuple[str, ...] = ()
    """Ids of examples where the prompt's tokens are not the first ones of prompt and answer in one piece."""
    cut: tuple[str, ...] = ()
    """Ids of examples that lost tokens to `train.truncation`."""
    rejected_rows: tuple[RejectedRow, ...] = ()
    """Rows of a file that could not be read; they are counted in `set_aside`, too."""
    untemplated: int = 0
    """Rows of plain texts, encoded without the chat template that the tokenizer has."""


@dataclass
class _Gathered:
    """The answers to one prompt, or the negatives of one chosen answer, while they are collected."""

    name: str
    prompt: Tokens
    answers: list[Answer] = field(default_factory=list)
    edited: set[int] = field(default_factory=set)
    """Places in the chosen answer that some negative replaces."""
    is_shifted: bool = False
    is_cut: bool = False

    def add(self, answer: Answer, encoded: EncodedChat) -> None:
        """Add an answer that was encoded as this, and perhaps cut."""
        self.answers.append(answer)
        self.is_shifted |= encoded.boundary_shifted
        self.is_cut |= len(answer.tokens) < len(encoded.completion)


class Gathering:
    """Collects encoded answers into examples: those that share prompt and chosen answer, or just the prompt."""

    def __init__(self, truncation: Truncation) -> None:
        self.truncation = truncation
        self.reasons: Counter[str] = Counter()
        """Reason -> number of pairs or answers that were set aside."""
        self._found: dict[tuple[object, ...], _Gathered] = {}

    def add_pair(
        self,
        name: str,
        chosen: EncodedChat,
        rejected: EncodedChat,
        *,
        error_type: str = "",
        edited: tuple[Sequence[int], Sequence[int]] = ((), ()),
        group: str | None = None,
        epochs: tuple[int, ...] = (),
        order: float | None = None,
    ) -> None:
        """Add a negative to the example of this group (or name), prompt and chosen answer, or count why not.

        `edited` holds the places of edited tokens in both answers; `epochs` and `order` are the negative's.
        """
        prompt, pair = tuple(chosen.prompt), (tuple(chosen.completion), tuple(rejected.completion))
        good, bad = (self.truncation.cut_answer(prompt, answer) for answer in pair)
        reason = self._why_not(chosen, rejected, is_same=good == bad)
        if reason:
            self.reasons[reason] += 1
            return
        key = (name if group is None else group, prompt, pair[0])
        gathered = self._found.get(key)
        if gathered is None:
            gathered = self._found[key] = _Gathered(name, prompt)
            gathered.add(Answer(good, True), chosen)
        gathered.add(Answer(bad, False, error_type, _before(len(bad), edited[1]), epochs, order), rejected)
        gathered.edited.update(_before(len(good), edited[0]))

    def add_answer(self, name: str, encoded: EncodedChat, *, is_desirable: bool) -> None:
        """Add an answer to the example of its prompt, or count why not."""
        prompt, whole = tuple(encoded.prompt), tuple(encoded.completion)
        tokens = self.truncation.cut_answer(prompt, whole)
        known = self._found.get((prompt,)) or _Gathered(name, prompt)
        same = [answer.is_desirable for answer in known.answers if answer.tokens == tokens]
        reason = self.truncation.refuses(prompt, whole)
        if same and reason is None:
            reason = REPEATED if same == [is_desirable] else LABELLED_BOTH if tokens == whole else EDIT_CUT_OFF
        if reason:
            self.reasons[reason] += 1
            return
        self._found[(prompt,)] = known
        known.add(Answer(tokens, is_desirable), encoded)

    def result(self, rejected_rows: Sequence[RejectedRow] = ()) -> EncodedPairs:
        """All examples, in the order of their first answers."""
        longest: dict[Tokens, int] = {}
        for one in self._found.values():
            longest[one.prompt] = max(longest.get(one.prompt, 0), *(len(answer.tokens) for answer in one.answers))
        examples, cut = [], []
        for one in self._found.values():
            # The same prompt is cut in the same place everywhere, so that samples which share it still do.
            prompt = self.truncation.cut_prompt(one.prompt, longest[one.prompt])
            examples.append(Example(one.name, prompt, _ordered(one)))
            if one.is_cut or prompt != one.prompt:
                cut.append(one.name)
        shifted = tuple(one.name for one in self._found.values() if one.is_shifted)
        counts = self.reasons + Counter(stable_reason(row.reason) for row in rejected_rows)
        return EncodedPairs(examples, dict(counts), shifted, tuple(cut), tuple(rejected_rows))

    def _why_not(self, chosen: EncodedChat, rejected: EncodedChat, *, is_same: bool) -> str | None:
        if chosen.prompt != rejected.prompt:
            return DIFFERENT_PROMPTS
        if chosen.completion == rejected.completion:
            return SAME_TOKENS
        for one in (chosen, rejected):
            reason = self.truncation.refuses(tuple(one.prompt), tuple(one.completion))
            if reason:
                return reason
        return EDIT_CUT_OFF if is_same else None


def encode_pairs(
    tokenizer: Any, pairs: Iterable[PreferencePair], *, max_length: int, truncation: Rule = "set_aside"
) -> EncodedPairs:
    """Token ids of all pairs under the chat template; the pairs of one sample form one example, in order.

    A pair is set aside and counted where the template cannot write it, where it is over `max_length` tokens and the
    rule does not make it fit, and where both answers are the same tokens, be it before or after they are cut.
    """
    gathering = Gathering(Truncation(max_length, truncation))
    for pair in pairs:
        try:
            chosen, rejected = (encode_answer(tokenizer, pair.prompt, one) for one in (pair.chosen, pair.rejected))
            texts = pair.chosen[0].content, pair.rejected[0].content
            edited = edited_tokens(pair.edits, (texts[0], chosen), (texts[1], rejected))
        except DataError as problem:
            gathering.reasons[str(problem)] += 1
            continue
        gathering.add_pair(
            pair.id,
            chosen,
            rejected,
            error_type=pair.error_type,
            edited=edited,
            epochs=pair.mix_epochs,
            order=pair.mix_order,
        )
    return gathering.result()


def encode_answer(tokenizer: Any, prompt: Sequence[Message], answer: Sequence[Message]) -> EncodedChat:
    """Token ids of a prompt and an answer of one message; raises DataError where there is no such thing."""
    if len(answer) != 1 or answer[0].role != "assistant":
        raise DataError(NOT_ONE_MESSAGE)
    return encode_chat(tokenizer, prompt, answer[0].content)


def touching_tokens(offsets: Sequence[tuple[int, int]], spans: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Places of the tokens that hold a character of the spans; an empty span touches nothing.

    `offsets` are the characters of each token. What lies between two tokens is white space that the tokenizer left out
    of the later one's offsets; it belongs to that one.
    """
    spans = [(start, end) for start, end in spans if start < end]
    found, behind = [], 0
    for place, (left, right) in enumerate(offsets):
        left = min(left, behind) if left < right else left
        if any(left < end and start < right for start, end in spans):
            found.append(place)
        behind = max(behind, right)
    return tuple(found)


def edited_tokens(
    edits: tuple[Edit, ...], chosen: tuple[str, EncodedChat], rejected: tuple[str, EncodedChat]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places of the replaced tokens in the chosen, and of the replacing ones in the rejected answer.

    The answers come as text and tokens. Raises DataError where the edits do not lead from one to the other.
    """
    if not edits:
        return (), ()
    try:
        is_right = apply_edits(chosen[0], edits) == rejected[0]
    except ValueError:
        is_right = False
    if not is_right:
        raise DataError(WRONG_EDITS)
    replaced = touching_tokens(chosen[1].offsets, [(edit.start, edit.end) for edit in edits])
    return replaced, touching_tokens(rejected[1].offsets, edited_spans(edits))


def _before(length: int, places: Iterable[int]) -> tuple[int, ...]:
    return tuple(place for place in places if place < length)


def _ordered(gathered: _Gathered) -> tuple[Answer, ...]:
    """The answers, desirable ones first; the chosen one knows what its negatives replace."""
    answers = sorted(gathered.answers, key=lambda answer: not answer.is_desirable)
    if gathered.edited:
        answers[0] = replace(answers[0], edited=tuple(sorted(gathered.edited)))
    return tuple(answers)
