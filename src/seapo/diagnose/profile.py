"""The profile of a model's errors: how often it is wrong, of which type its errors are, and the weights for `mix`."""

from collections.abc import Iterable, Sequence

from seapo.diagnose.classify import Diagnosis
from seapo.diagnose.finding import OTHER
from seapo.interval import share, simultaneous_confidence, wilson_interval
from seapo.records import DIMENSIONS, Dimension, Record
from seapo.summaries import DimensionProfile, Profile, TypeShare, TypeWeight

ALL = "all"

__all__ = ["AnswerRow", "Profile", "profile_dimensions", "type_weights"]


class AnswerRow(Record):
    """One question, what the model answered, and what was made of it: a row of `answers.jsonl`."""

    id: str
    task: str
    dimension: Dimension | None
    question: str
    reference: str
    answer: str
    finish: str
    """stop, length, too_long, or unanswered; see `generation.Reply`."""
    diagnosis: Diagnosis | None
    """None where the model gave no answer that could be looked at: too_long, unanswered."""


def profile_dimensions(
    rows: Sequence[AnswerRow], error_types: Sequence[str], *, confidence: float
) -> tuple[DimensionProfile, ...]:
    """The profile of all answers, and of each dimension that was asked."""
    asked = [name for name in DIMENSIONS if any(row.dimension == name for row in rows)]
    parts = [(ALL, list(rows)), *((name, [row for row in rows if row.dimension == name]) for name in asked)]
    return tuple(_dimension(name, part, error_types, confidence) for name, part in parts)


def _dimension(name: str, rows: Sequence[AnswerRow], error_types: Sequence[str], confidence: float) -> DimensionProfile:
    made = [row.diagnosis for row in rows if row.diagnosis is not None]
    wrong = [each for each in made if each.outcome == "wrong"]
    right = sum(each.outcome == "right" for each in made)
    untold = sum(each.error_type is None for each in wrong)
    return DimensionProfile(
        name=name,
        answers=len(made),
        not_judged=len(made) - right - len(wrong),
        accuracy=share(right, right + len(wrong), confidence=confidence),
        wrong=len(wrong),
        types=tuple(_type_share(each, wrong, right, confidence) for each in (*error_types, OTHER)),
        type_not_judged=share(untold, len(wrong), confidence=confidence),
    )


def _type_share(error_type: str, wrong: Sequence[Diagnosis], right: int, confidence: float) -> TypeShare:
    of_type = [each for each in wrong if each.error_type == error_type]
    return TypeShare(
        error_type=error_type,
        of_wrong=share(len(of_type), len(wrong), confidence=confidence),
        of_all=share(len(of_type), len(wrong) + right, confidence=confidence),
        proved=sum(each.is_proved for each in of_type),
        judged=sum(each.by == "judge" for each in of_type),
    )


def type_weights(
    rows: Iterable[AnswerRow], error_types: Sequence[str], *, pseudo_count: float, confidence: float
) -> tuple[TypeWeight, ...]:
    """The weight of each error type: its share of the wrong answers that have one, smoothed.

    (n + a) / (N + k a) for n of N wrong answers and k types: the mean of a Dirichlet distribution whose prior counts a
    for each type. 3, 1 and 0 of 4 wrong answers with a = 1 give 4/7, 2/7 and 1/7.
    """
    made = [row.diagnosis.error_type for row in rows if row.diagnosis is not None]
    counts = {name: made.count(name) for name in error_types}
    total = sum(counts.values())
    each = simultaneous_confidence(confidence, len(counts))
    return tuple(
        TypeWeight(
            error_type=name,
            count=count,
            weight=round((count + pseudo_count) / (total + len(counts) * pseudo_count), 6),
            interval=wilson_interval(count, total, confidence=each) if total else None,
        )
        for name, count in counts.items()
    )
