"""How far the worse answers are from the good ones: the share that was changed, the length, the gap of probability.

The data's own rejected answers are measured in the same way, so that before and after can be compared.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from statistics import quantiles
from typing import Final, TypeVar, get_args

from pydantic import Field

from seapo.records import Negative, Record, Sample, Severity
from seapo.report.contents import RunContents

REJECTED: Final = "rejected"
SEVERITIES: Final = (*get_args(Severity), "not scored")
MOST_COMPARED: Final = 100
"""Rejected answers whose changed share is measured: a comparison word by word takes up to a tenth of a second."""

T = TypeVar("T")


class Spread(Record):
    """How values lie: five quantiles."""

    values: int
    """How many."""
    low: float
    """5% of the values lie below it."""
    quarter: float
    median: float
    three_quarters: float
    high: float
    """5% of the values lie above it."""


class Distance(Record):
    """How far the worse answers of a kind are from their chosen answers."""

    of: str
    """An error type, or `rejected`: the data's own rejected answers."""
    pairs: int
    edit_ratio: Spread
    """Characters that went or that came, whichever are more, over the length of the chosen answer."""
    length_ratio: Spread
    """Length of the worse answer over that of the chosen one, in characters."""
    gap_nats: Spread | None = None
    """log p(chosen) - log p(negative) of an answer under the model that ranked; None where none was scored."""
    severity: dict[str, int] = Field(default_factory=dict)
    """Severity, or `not scored`, -> number of negatives."""


def distances(contents: RunContents) -> tuple[Distance, ...]:
    """The data's own rejected answers, where it has them, then the negatives of each type."""
    own = _own(contents.samples.values(), contents.recipe.seed)
    by_type: dict[str, list[Negative]] = {name: [] for name in contents.error_types}
    for negative in contents.negatives:
        by_type.setdefault(negative.error_type, []).append(negative)
    made = [_of_type(name, found, contents) for name, found in by_type.items() if found]
    return (*([own] if own else []), *made)


def all_edit_ratios(contents: RunContents) -> Spread | None:
    """The changed share over all negatives; None where there are none."""
    return spread([negative.edit_ratio for negative in contents.negatives])


def _of_type(name: str, negatives: Sequence[Negative], contents: RunContents) -> Distance:
    counts = Counter(negative.severity or "not scored" for negative in negatives)
    return Distance(
        of=name,
        pairs=len(negatives),
        edit_ratio=_spread([negative.edit_ratio for negative in negatives]),
        length_ratio=_spread([_length_ratio(one, contents.samples) for one in negatives]),
        gap_nats=spread([gap for one in negatives if (gap := gap_nats(one)) is not None]),
        severity={severity: counts[severity] for severity in SEVERITIES if counts[severity]},
    )


def _own(samples: Iterable[Sample], seed: int) -> Distance | None:
    pairs = [(sample, rejected) for sample in samples for rejected in sample.rejected if sample.chosen]
    if not pairs:
        return None
    drawn = _drawn(pairs, MOST_COMPARED, key=lambda pair: f"{seed}:{pair[0].id}:distance")
    return Distance(
        of=REJECTED,
        pairs=len(pairs),
        edit_ratio=_spread([changed_share(sample.chosen, rejected) for sample, rejected in drawn]),
        length_ratio=_spread([len(rejected) / len(sample.chosen) for sample, rejected in pairs]),
    )


def _length_ratio(negative: Negative, samples: Mapping[str, Sample]) -> float:
    return len(negative.text) / max(len(samples[negative.sample_id].chosen), 1)


def gap_nats(negative: Negative) -> float | None:
    """log p(chosen) - log p(negative) under the model that ranked the candidates; None where none did."""
    chosen, worse = negative.chosen_logprob_nats, negative.logprob_nats
    return None if chosen is None or worse is None else chosen - worse


def changed_share(chosen: str, other: str) -> float:
    """The measure of `edit_ratio` for an answer whose edits are not known, found word by word.

    changed_share("four red apples", "four green apples") = 5 / 15: three characters went and five came.
    """
    one, two = (re.findall(r"\w+|\W", text) for text in (chosen, other))
    went = came = 0
    for mark, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if mark != "equal":
            went, came = went + sum(map(len, one[a:b])), came + sum(map(len, two[c:d]))
    return max(went, came) / len(chosen)


def spread(values: Sequence[float]) -> Spread | None:
    """The quantiles of some values; None where there are none."""
    return _spread(values) if values else None


def _spread(values: Sequence[float]) -> Spread:
    points = quantiles(values, n=20, method="inclusive") if len(values) > 1 else [values[0]] * 19
    low, quarter, median, three_quarters, high = (round(points[place], 6) for place in (0, 4, 9, 14, 18))
    return Spread(values=len(values), low=low, quarter=quarter, median=median, three_quarters=three_quarters, high=high)


def _drawn(items: Sequence[T], most: int, *, key: Callable[[T], str]) -> list[T]:
    """At most so many of the items, by a draw that depends on the key alone."""
    return sorted(items, key=lambda item: random.Random(key(item)).random())[:most]
