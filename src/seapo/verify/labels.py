"""What readers say of the negatives (`seapo verify RUN --labels FILE`): how often each check, proof and type is right.

A label is a line of JSON, as the report's pair browser exports them:

    {"run": "quickstart", "sample_id": "3f", "error_type": "logic", "text_sha256": "9b...", "label": "bad", "note": ""}

`good`: the negative is worse than the chosen answer by an error of its type; `bad`: it is not; `unsure`: no saying. The
hash is that of the negative's text, so that a label never counts for another text.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seapo.errors import DataError
from seapo.interval import Share, share
from seapo.records import Negative, Record

CONFIDENCE = 0.95
SHOWN_MISTAKES = 5
Opinion = Literal["good", "bad", "unsure"]
By = Literal["all", "proof", "check", "status", "error_type", "strategy", "injector"]


class HumanLabel(BaseModel):
    """What one reader says of one negative. Keys that are not known are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str = ""
    sample_id: str
    error_type: str
    text_sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")
    """Hex digits of the SHA-256 of the negative's text in UTF-8."""
    label: Opinion
    note: str = ""

    @property
    def of(self) -> tuple[str, str, str]:
        """What stands for the negative that it is about."""
        return self.sample_id, self.error_type, self.text_sha256.lower()


class LabelScore(Record):
    """How often a group of negatives is right, by those who read them."""

    by: By
    name: str
    precision: Share
    """Of those that were called good or bad, the good ones."""
    unsure: int


class BadNegative(Record):
    """A negative that was called bad."""

    sample_id: str
    error_type: str
    note: str


class LabelReport(Record):
    """Labels against the negatives of a run."""

    labels: int
    matched: int
    """Negatives that have a label."""
    disagreeing: int
    """Of these, the ones that readers judge differently; they count as unsure."""
    unmatched: dict[str, int]
    """Why a label belongs to no negative -> how many of them."""
    scores: tuple[LabelScore, ...]
    bad: tuple[BadNegative, ...]

    @classmethod
    def of(cls, labels: Sequence[HumanLabel], negatives: Iterable[Negative]) -> Self:
        """Count the labels; a negative counts once, however often it was labelled."""
        opinions: dict[tuple[str, str, str], dict[Opinion, str]] = {}
        for label in labels:
            opinions.setdefault(label.of, {})[label.label] = label.note
        found = [(negative, opinions.pop(key)) for negative in negatives if (key := negative_key(negative)) in opinions]
        judged = [(negative, _settled(own)) for negative, own in found]
        return cls(
            labels=len(labels),
            matched=len(found),
            disagreeing=sum(len(own) > 1 for _, own in found),
            unmatched=_unmatched(labels, set(opinions), [negative for negative, _ in found]),
            scores=tuple(_scores(judged)),
            bad=tuple(
                BadNegative(sample_id=one.sample_id, error_type=one.error_type, note=own["bad"])
                for one, own in found
                if _settled(own) == "bad"
            ),
        )


def negative_key(negative: Negative) -> tuple[str, str, str]:
    """What a label names a negative by."""
    return negative.sample_id, negative.error_type, hashlib.sha256(negative.text.encode()).hexdigest()


def read_labels(path: Path) -> list[HumanLabel]:
    """The labels of a file; raises DataError that names the lines that are none."""
    labels: list[HumanLabel] = []
    mistakes: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would also break at U+2028 in a note
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"{path}: cannot be read: {problem}") from problem
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                labels.append(HumanLabel.model_validate(json.loads(line)))
            except ValidationError as problem:
                first = problem.errors()[0]
                mistakes.append(f"line {number}: {'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}")
            except ValueError as problem:
                mistakes.append(f"line {number}: no JSON: {problem}")
    if mistakes:
        more = f"; and {len(mistakes) - SHOWN_MISTAKES} more" if len(mistakes) > SHOWN_MISTAKES else ""
        raise DataError(
            f"{path}: not labels as the report exports them (sample_id, error_type, text_sha256, label): "
            f"{'; '.join(mistakes[:SHOWN_MISTAKES])}{more}"
        )
    return labels


def _settled(opinions: dict[Opinion, str]) -> Opinion:
    return next(iter(opinions)) if len(opinions) == 1 else "unsure"


def _unmatched(
    labels: Sequence[HumanLabel], left: set[tuple[str, str, str]], matched: Sequence[Negative]
) -> dict[str, int]:
    known = {(negative.sample_id, negative.error_type) for negative in matched}
    reasons = Counter[str]()
    for label in labels:
        if label.of not in left:
            continue
        if label.error_type == "original":
            reasons["of the data's own rejected answer"] += 1
        elif (label.sample_id, label.error_type) in known:
            reasons["of another text of a sample and type whose negative has a label"] += 1
        else:
            reasons["of no negative that the run has"] += 1
    return dict(reasons)


def _scores(judged: Sequence[tuple[Negative, Opinion]]) -> Iterator[LabelScore]:
    groups: dict[tuple[By, str], Counter[Opinion]] = {}
    for negative, opinion in judged:
        for group in _groups(negative):
            groups.setdefault(group, Counter())[opinion] += 1
    order: tuple[By, ...] = ("all", "status", "proof", "check", "error_type", "strategy", "injector")
    for (by, name), counts in sorted(groups.items(), key=lambda one: (order.index(one[0][0]), one[0][1])):
        precision = share(counts["good"], counts["good"] + counts["bad"], confidence=CONFIDENCE)
        yield LabelScore(by=by, name=name, precision=precision, unsure=counts["unsure"])


def _groups(negative: Negative) -> Iterator[tuple[By, str]]:
    """What a negative is an instance of; a check counts where it let the negative pass."""
    yield "all", "negatives"
    yield "status", negative.verdict.status
    yield "error_type", negative.error_type
    yield "strategy", negative.strategy
    yield "injector", negative.injector
    for proof in negative.verdict.proofs:
        yield "proof", proof
    for result in negative.verdict.checks:
        if result.outcome == "pass":
            yield "check", result.check
