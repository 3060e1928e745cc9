"""Two lists of scores of the same items -> the table of tasks and dimensions, with paired intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from seapo.evaluate.statistics import (
    RESAMPLES,
    Array,
    bootstrap_intervals,
    mcnemar_p,
    question_of,
    tango_interval,
)
from seapo.interval import Interval, wilson_interval
from seapo.records import DIMENSIONS, Dimension, ItemScore, digest
from seapo.summaries import EvaluateSummary, ScoreRow

BOUNDS: tuple[Interval, ...] = ((0.0, 1.0), (0.0, 1.0), (-1.0, 1.0))
METHOD = (
    "accuracy: Wilson's interval, and Tango's score interval for its paired difference; other scores: paired bootstrap "
    f"over questions ({RESAMPLES:,} resamples); no correction for the number of rows"
)


@dataclass(frozen=True)
class _Pair:
    """One item's score before and after."""

    before: ItemScore
    after: ItemScore


def compare(
    before: Sequence[ItemScore],
    after: Sequence[ItemScore],
    *,
    model: str,
    confidence: float,
    seed: int,
    not_measured: Mapping[str, str] = MappingProxyType({}),
) -> EvaluateSummary:
    """Scores of each task and dimension, and their paired differences.

    A dimension's score is the mean over its tasks in the first suite that measures it, so that two ways of asking never
    mix in one number. Raises ValueError where the two lists do not hold the same items.
    """
    tasks = _by_task(_paired(before, after))
    by_dimension = {dimension: _first_suite(tasks.values(), dimension) for dimension in DIMENSIONS}
    missing = {str(name): "no suite of this run measures it" for name, found in by_dimension.items() if not found}
    return EvaluateSummary(
        model=model,
        confidence=confidence,
        method=METHOD,
        tasks=tuple(_row(name, [pairs], confidence, seed) for name, pairs in tasks.items()),
        dimensions=tuple(_row(name, found, confidence, seed) for name, found in by_dimension.items() if found),
        not_measured={**missing, **not_measured},
    )


def _paired(before: Sequence[ItemScore], after: Sequence[ItemScore]) -> list[_Pair]:
    later = {(score.task, score.id): score for score in after}
    if len(later) != len(before) or any((score.task, score.id) not in later for score in before):
        raise ValueError("the scores before and after are not of the same items")
    return [_Pair(score, later[score.task, score.id]) for score in before]


def _by_task(pairs: Iterable[_Pair]) -> dict[str, list[_Pair]]:
    tasks: dict[str, list[_Pair]] = {}
    for pair in pairs:
        tasks.setdefault(pair.before.task, []).append(pair)
    return tasks


def _first_suite(tasks: Iterable[list[_Pair]], dimension: Dimension) -> list[list[_Pair]]:
    found = [pairs for pairs in tasks if pairs[0].before.dimension == dimension]
    return [pairs for pairs in found if pairs[0].before.suite == found[0][0].before.suite]


def _row(name: str, tasks: list[list[_Pair]], confidence: float, seed: int) -> ScoreRow:
    first = tasks[0][0].before
    before = _mean_of_tasks([[pair.before.value for pair in pairs] for pairs in tasks])
    after = _mean_of_tasks([[pair.after.value for pair in pairs] for pairs in tasks])
    p_value = None
    if len(tasks) == 1 and _is_binary(tasks[0]):
        intervals, p_value = _binary_intervals(tasks[0], confidence)
    else:
        own_seed = int(digest([seed, [pairs[0].before.task for pairs in tasks]]), 16)
        intervals = bootstrap_intervals(_strata(tasks), bounds=BOUNDS, confidence=confidence, seed=own_seed)
    return ScoreRow(
        name=name,
        dimension=first.dimension,
        metric=first.metric if len(tasks) == 1 else "mean",
        items=sum(len(pairs) for pairs in tasks),
        before=before,
        before_interval=intervals[0],
        after=after,
        after_interval=intervals[1],
        difference=after - before,
        difference_interval=intervals[2],
        verdict=verdict_of(intervals[2]),
        mcnemar_p=p_value,
    )


def verdict_of(difference_interval: Interval) -> Literal["better", "worse", "undecided"]:
    """`better` or `worse` where the interval of the difference leaves zero out."""
    low, high = difference_interval
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def _mean_of_tasks(values: list[list[float]]) -> float:
    means = [sum(task) / len(task) for task in values]
    return sum(means) / len(means)


def _is_binary(pairs: list[_Pair]) -> bool:
    """Scores are 0 or 1, and each item is a question of its own."""
    values = {value for pair in pairs for value in (pair.before.value, pair.after.value)}
    return values <= {0.0, 1.0} and len({question_of(pair.before.id) for pair in pairs}) == len(pairs)


def _binary_intervals(pairs: list[_Pair], confidence: float) -> tuple[list[Interval], float]:
    n = len(pairs)
    gained = sum(pair.after.value > pair.before.value for pair in pairs)
    lost = sum(pair.after.value < pair.before.value for pair in pairs)
    intervals = [
        wilson_interval(sum(pair.before.value for pair in pairs), n, confidence=confidence),
        wilson_interval(sum(pair.after.value for pair in pairs), n, confidence=confidence),
        tango_interval(gained, lost, n, confidence=confidence),
    ]
    return intervals, mcnemar_p(gained, lost)


def _strata(tasks: list[list[_Pair]]) -> list[Array]:
    """Questions by the tasks that ask them; a row holds their contributions to before, after and difference."""
    contributions: dict[str, Array] = {}
    asked_in: dict[str, tuple[str, ...]] = {}
    for pairs in tasks:
        for pair in pairs:
            question, weight = question_of(pair.before.id), 1 / (len(tasks) * len(pairs))
            values = np.array([pair.before.value, pair.after.value, pair.after.value - pair.before.value])
            contributions[question] = contributions.get(question, np.zeros(3)) + weight * values
            asked_in[question] = (*asked_in.get(question, ()), pair.before.task)
    strata: dict[tuple[str, ...], list[Array]] = {}
    for question, names in asked_in.items():
        strata.setdefault(names, []).append(contributions[question])
    return [np.array(rows) for rows in strata.values()]
