"""The nouns of seapo: what the stages hand to each other, and what the files of a run hold, one JSON object a line.

Every record is immutable and refuses unknown keys, so a file of another version fails at its first row and says why.
"""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Role = Literal["system", "user", "assistant", "tool"]
Dimension = Literal["mathematics", "reasoning", "coding", "knowledge", "truthfulness"]
Protocol = Literal["", "paper", "chat"]
"""How a benchmark is asked: plain text as published, or through the chat template; empty for a suite's own way."""
DIMENSIONS: tuple[Dimension, ...] = ("mathematics", "reasoning", "coding", "knowledge", "truthfulness")
Outcome = Literal["pass", "fail", "not_judged"]
Status = Literal["proved", "judged", "constructed", "unverified"]
Severity = Literal["subtle", "moderate", "gross"]


class Record(BaseModel):
    """Base of all records: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Record):
    """One turn of a conversation."""

    role: Role
    content: str


class NumberTruth(Record):
    """The final answer is a number."""

    kind: Literal["number"] = "number"
    value: str
    """Decimal digits, without thousands separators or a unit: `1250`, `-3.5`."""


class TextTruth(Record):
    """The final answer is a word or a short phrase."""

    kind: Literal["text"] = "text"
    value: str


class ChoiceTruth(Record):
    """One statement is right and the others are wrong."""

    kind: Literal["choice"] = "choice"
    correct: str
    incorrect: tuple[str, ...]


class UnitTestTruth(Record):
    """The answer is Python code, and these assertions pass on it."""

    kind: Literal["unit_tests"] = "unit_tests"
    tests: str
    """Python statements, run after the answer's code in the same module."""


Truth = Annotated[NumberTruth | TextTruth | ChoiceTruth | UnitTestTruth, Field(discriminator="kind")]


class Sample(Record):
    """A prompt with a good answer."""

    id: str
    source: str
    """Name of the file, folder or hub data set that it was read from."""
    line: int
    """1-based line (JSONL) or row (other formats) in the source."""
    prompt: tuple[Message, ...]
    """The conversation up to the answer; its last message is the user's."""
    chosen: str
    """The good answer."""
    rejected: tuple[str, ...] = ()
    """The data's own rejected answers, where it has them."""
    dimension: Dimension | None = None
    truth: Truth | None = None
    """What a program can check an answer against; None where nothing is known."""

    @property
    def question(self) -> str:
        """The last user message."""
        return self.prompt[-1].content

    @model_validator(mode="after")
    def _check_prompt(self) -> Self:
        if not self.prompt or self.prompt[-1].role not in ("user", "tool"):
            raise ValueError("a prompt ends with a message of the user")
        return self


class RejectedRow(Record):
    """A row of the source that did not become a sample."""

    file: str
    line: int
    reason: str
    row: str
    """The raw row, cut to 2,000 characters."""


class Edit(Record):
    """One replaced span of the chosen answer; an insertion has `start == end`."""

    start: int
    """Offset of the span's first character in the chosen answer."""
    end: int
    """Offset behind the span's last character in the chosen answer."""
    original: str
    replacement: str

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if not 0 <= self.start <= self.end or self.end - self.start != len(self.original):
            raise ValueError(f"the span {self.start}:{self.end} does not fit the original text {self.original!r}")
        return self


class Candidate(Record):
    """An answer with one error put in, before anything has checked it."""

    sample_id: str
    error_type: str
    """Name of an error type of the taxonomy: correctness, logic, hallucination, or a user's own."""
    subtype: str
    """What kind of error of that type, as `wrong_number`."""
    strategy: str
    """The strategy that proposed it: `rule`, `pivot`."""
    injector: str
    """Who made it: the rule's name, or the model's."""
    rank: int
    """0 for the most plausible candidate of this sample and type."""
    text: str
    edits: tuple[Edit, ...]
    """In order, without overlap; applied to the chosen answer they give `text`."""
    attempt: int = 0
    """0 for the first answer of a model, 1 for the one after it was told what failed; always 0 for rules."""
    logprob_nats: float | None = None
    """Log-probability of `text` after the prompt under the reference model, summed over its tokens; None: unscored."""
    chosen_logprob_nats: float | None = None
    """The same of the chosen answer."""
    tokens: int | None = None
    """Tokens of `text` and its end of turn under the reference model."""
    chosen_tokens: int | None = None
    severity: Severity | None = None
    """By the drop of log-probability per token and the share of edited text; None where nothing was scored."""


class CheckResult(Record):
    """What one check found out about one candidate."""

    check: str
    outcome: Outcome
    evidence: str
    """The finding in words: for a proof, the false equation, the two final answers, or the failing test."""


class Verdict(Record):
    """What all checks together say of a negative."""

    status: Status
    proofs: tuple[str, ...] = ()
    """Names of the checks that proved the error; they never rely on what the injector says of itself."""
    checks: tuple[CheckResult, ...] = ()


class Negative(Candidate):
    """A candidate that passed its checks: an answer that is worse than its parent, and how we know."""

    edit_ratio: float
    """Characters that went or that came, whichever are more, over the length of the chosen answer."""
    verdict: Verdict
    choice: int = 0
    """0 for the one that was chosen of this sample and type, 1 for the first that was kept beside, and so on."""


class Skip(Record):
    """A sample and error type for which there is no negative, and why."""

    sample_id: str
    error_type: str
    stage: str
    reason: str


class DroppedCandidate(Record):
    """A candidate that failed a check."""

    candidate: Candidate
    failed: tuple[CheckResult, ...]


class PreferencePair(Record):
    """One row of the training set, in the conversational preference format of TRL, with where it came from."""

    id: str
    """Id of the sample; the pairs of one sample share it."""
    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    source: str
    dimension: Dimension | None = None
    error_type: str
    """The injected error's type, or `original` for the data's own rejected answer."""
    subtype: str | None = None
    strategy: str | None = None
    injector: str | None = None
    edits: tuple[Edit, ...] = ()
    edit_ratio: float | None = None
    status: Status = "unverified"
    proofs: tuple[str, ...] = ()
    severity: Severity | None = None
    gap_nats: float | None = None
    """By so much likelier the reference finds the chosen answer, in nats; None where no model ranked."""
    mix_order: float | None = None
    """Samples are trained in the order of this, the lowest first; None for an order drawn anew each epoch."""
    mix_epochs: tuple[int, ...] = ()
    """Epochs, from 1, that the pair is trained in; empty for all."""


class ChoiceItem(Record):
    """A benchmark item that is scored by the log-probabilities of given answers."""

    id: str
    task: str
    dimension: Dimension
    prompt: tuple[Message, ...] | None = None
    """A conversation, for items that go through the chat template."""
    context: str | None = None
    """Plain text before the choices, for items that do not."""
    choices: tuple[str, ...]
    correct: tuple[int, ...]
    """Indices of the right choices."""
    metric: Literal["acc", "mc2"] = "acc"
    """`acc`: is the likeliest choice right; `mc2`: share of the choices' probability that lies on right ones."""
    suite: str = ""
    """The suite that asks it."""

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if (self.prompt is None) == (self.context is None):
            raise ValueError("an item has either a prompt or a context")
        if not self.correct or not all(0 <= i < len(self.choices) for i in self.correct):
            raise ValueError(f"the right choices {self.correct} are not among {len(self.choices)} choices")
        return self


class ItemScore(Record):
    """What a model made of one item."""

    id: str
    """Unique within its task; items that ask the same question share what stands before a `#`."""
    task: str
    dimension: Dimension | None
    """None for a task that stands for none of the five."""
    metric: str
    value: float
    """Between 0 and 1."""
    choice_logprobs_nats: tuple[float, ...] = ()
    """Of a multiple-choice item."""
    suite: str = ""
    """The suite that asked it."""
    group: str = ""
    """The benchmark of which the task is a part, as `mmlu` of `mmlu_abstract_algebra`; empty for one that is whole."""
    protocol: Protocol = ""
    prompt_hash: str = ""
    """Stands for what the model was asked, few-shot examples and template included."""
    answer: str = ""
    """What the model wrote; the choice it finds likeliest where it wrote nothing."""


def apply_edits(text: str, edits: tuple[Edit, ...]) -> str:
    """The text with the edits made; raises ValueError where one does not fit or two overlap."""
    parts, position = [], 0
    for edit in edits:
        if edit.start < position or text[edit.start : edit.end] != edit.original:
            raise ValueError(f"the edit at {edit.start}:{edit.end} does not fit the text")
        parts += [text[position : edit.start], edit.replacement]
        position = edit.end
    return "".join(parts) + text[position:]


def edited_spans(edits: tuple[Edit, ...]) -> tuple[tuple[int, int], ...]:
    """Where the replacements stand in the edited text, as (start, end) offsets."""
    spans, shift = [], 0
    for edit in edits:
        start = edit.start + shift
        spans.append((start, start + len(edit.replacement)))
        shift += len(edit.replacement) - len(edit.original)
    return tuple(spans)


def digest(value: object) -> str:
    """16 hex digits that stand for a JSON-like value or record, whatever the order of its keys."""

    def plain(part: object) -> object:
        if isinstance(part, BaseModel):
            return part.model_dump(mode="json")
        raise TypeError(f"no digest of a {type(part).__name__}")

    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
