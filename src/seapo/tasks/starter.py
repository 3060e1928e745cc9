"""The starter set: training and test items in the five dimensions, written for this project and shipped with it.

The rows stand in `starter_data/<dimension>.<train|test>.jsonl`, one JSON object a line:

    {"id": "starter-mathematics-train-009", "dimension": "mathematics", "question": "...", "answer": "...",
     "truth": {"kind": "number", "value": "84"}, "check": {"kind": "expression", "expression": "12 * 7"}}

    {"id": "starter-mathematics-test-018", "dimension": "mathematics",
     "question": "A dozen is 12. How many eggs are 2 dozen?",
     "truth": {"kind": "number", "value": "24"}, "check": {"kind": "expression", "expression": "12 * 2"},
     "choices": ["2 * 12 = 32 eggs.", "2 * 12 = 17 eggs.", "2 * 12 = 24 eggs.", "2 + 12 = 14 eggs."], "correct": [2]}

`truth` is what a program checks an answer against. `check`, where a row has one, says how a program finds that truth
again from nothing but itself; the tests do so for every row. Mathematics, reasoning and coding are written by
`scripts/make_starter.py` from the frames beside it; knowledge and truthfulness are written by hand.
"""

from collections.abc import Iterator
from importlib.resources import as_file, files
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from seapo.records import DIMENSIONS, ChoiceItem, Dimension, Message, Record, Sample, Truth
from seapo.store import read_records

Split = Literal["train", "test"]


class ExpressionCheck(Record):
    """The truth is the value of an arithmetic expression."""

    kind: Literal["expression"] = "expression"
    expression: str
    """Numbers, parentheses, and + - * / // % **, as in Python."""


class OrderingFact(Record):
    """One clue about an order."""

    relation: Literal["before", "just_before", "beside", "not_beside", "at", "not_at"]
    first: str
    second: str | None = None
    """The other name; None for `at` and `not_at`."""
    position: int | None = None
    """For `at` and `not_at`: 0 for the front, -1 for the back."""


class OrderingCheck(Record):
    """The names stand in a row, and the facts leave one answer: who stands at a position."""

    kind: Literal["ordering"] = "ordering"
    names: tuple[str, ...]
    facts: tuple[OrderingFact, ...]
    position: int
    """The position that is asked for: 0 for the front, -1 for the back."""


class Proposition(Record):
    """A categorical statement about classes; the subject of `is` and `is_not` is one individual.

    A class may be empty, and then `all` and `no` hold for it, as in modern logic.
    """

    quantifier: Literal["all", "no", "some", "some_not", "is", "is_not"]
    subject: str
    predicate: str


class SyllogismCheck(Record):
    """The truth is `yes` where the conclusion must hold, `no` where it cannot hold, else `unknown`."""

    kind: Literal["syllogism"] = "syllogism"
    premises: tuple[Proposition, ...]
    conclusion: Proposition


class LogicCheck(Record):
    """The truth is the option whose formula follows from the premises, or `unknown` where none does.

    A formula is a Python expression of the variables with `and`, `or`, `not`, `==` (both or neither), `!=` (exactly one
    of two), `<=` (if the left one, then the right one) and `+` (how many of them hold, to be compared with a number).
    """

    kind: Literal["logic"] = "logic"
    variables: tuple[str, ...]
    premises: tuple[str, ...]
    options: dict[str, str]
    """Formula by answer, as {"yes": "wet", "no": "not wet"}."""


class CycleCheck(Record):
    """The truth is where the steps lead from the start, in a cycle such as the days of the week."""

    kind: Literal["cycle"] = "cycle"
    cycle: tuple[str, ...]
    start: str
    steps: tuple[int, ...]
    """Steps forward; negative ones go back."""


class FamilyCheck(Record):
    """The truth is what one person is to another: `grandmother`, `uncle`, `cousin`, ..."""

    kind: Literal["family"] = "family"
    parents: tuple[tuple[str, str], ...]
    """(parent, child)"""
    women: tuple[str, ...]
    men: tuple[str, ...]
    person: str
    relative_of: str


class AssignmentFact(Record):
    """One clue: this person has that thing, or has not."""

    person: str
    thing: str
    holds: bool


class AssignmentCheck(Record):
    """Each person has one of the things, no two the same, and the facts leave one owner of the thing asked for."""

    kind: Literal["assignment"] = "assignment"
    people: tuple[str, ...]
    things: tuple[str, ...]
    facts: tuple[AssignmentFact, ...]
    thing: str


Check = Annotated[
    ExpressionCheck | OrderingCheck | SyllogismCheck | LogicCheck | CycleCheck | FamilyCheck | AssignmentCheck,
    Field(discriminator="kind"),
]


class _StarterRow(Record):
    id: str = Field(pattern=r"^starter-[a-z]+-(train|test)-\d{3}$")
    dimension: Dimension
    question: str = Field(min_length=1)
    truth: Truth
    check: Check | None = None
    """How to compute the truth anew; None where it has to be looked up, or where unit tests are the truth."""


class StarterTrainRow(_StarterRow):
    """A question with a worked, good answer."""

    answer: str = Field(min_length=1)


class StarterTestRow(_StarterRow):
    """A question with choices; a model is scored by the log-probabilities that it gives them."""

    choices: tuple[str, ...] = Field(min_length=2)
    correct: tuple[int, ...] = Field(min_length=1)
    """Indices of the right choices."""

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("two choices are the same")
        if not all(0 <= index < len(self.choices) for index in self.correct):
            raise ValueError(f"the right choices {self.correct} are not among {len(self.choices)} choices")
        return self


Row = TypeVar("Row", StarterTrainRow, StarterTestRow)


def training_rows() -> Iterator[StarterTrainRow]:
    """The training rows as they are shipped, dimension by dimension."""
    yield from _rows("train", StarterTrainRow)


def test_rows() -> Iterator[StarterTestRow]:
    """The test rows as they are shipped, dimension by dimension."""
    yield from _rows("test", StarterTestRow)


def training_samples() -> Iterator[Sample]:
    """The training rows as samples of the source `starter`; `line` is the running number over all dimensions."""
    for number, row in enumerate(training_rows(), start=1):
        yield Sample(
            id=row.id,
            source="starter",
            line=number,
            prompt=(Message(role="user", content=row.question),),
            chosen=row.answer,
            dimension=row.dimension,
            truth=row.truth,
        )


def test_items() -> Iterator[ChoiceItem]:
    """The test rows as benchmark items, one task `starter_<dimension>` each dimension."""
    for row in test_rows():
        yield ChoiceItem(
            id=row.id,
            task=f"starter_{row.dimension}",
            dimension=row.dimension,
            prompt=(Message(role="user", content=row.question),),
            choices=row.choices,
            correct=row.correct,
        )


def _rows(split: Split, kind: type[Row]) -> Iterator[Row]:
    folder = files("seapo.tasks") / "starter_data"
    for dimension in DIMENSIONS:
        with as_file(folder / f"{dimension}.{split}.jsonl") as path:
            yield from read_records(path, kind)
