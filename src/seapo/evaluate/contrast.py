"""One line of a comparison: two models' scores in a task, benchmark or dimension, and what the difference is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seapo.evaluate.clusters import Extent, Pair, cluster_of
from seapo.evaluate.statistics import (
    MIN_QUESTIONS,
    Array,
    Bootstrap,
    across_tasks_interval,
    bootstrap,
    mcnemar_p,
    tango_interval,
)
from seapo.interval import Interval, wilson_interval
from seapo.records import digest

BASE, OTHER, DIFFERENCE = 0, 1, 2
BOUNDS: tuple[Interval, ...] = ((0.0, 1.0), (0.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True)
class Contrast:
    """Two scores of the same items, and the means to tell what their difference is worth."""

    extent: Extent
    base: float
    other: float
    p_value: float
    counts: tuple[int, int] | None
    """Items gained and lost; None where an item's score is more than right or wrong."""
    resampled: Bootstrap | None
    """None where score intervals are there."""
    seed: int

    @property
    def difference(self) -> float:
        """Mean of the paired differences, the other model's score less the base's."""
        return self.other - self.base

    def base_interval(self, confidence: float) -> Interval:
        """Of the base's score."""
        return self._score_interval(BASE, self.base, confidence)

    def other_interval(self, confidence: float) -> Interval:
        """Of the other model's score."""
        return self._score_interval(OTHER, self.other, confidence)

    def difference_interval(self, confidence: float) -> Interval:
        """Of the difference, were the items drawn anew from the same tasks."""
        if self.resampled is not None:
            return self._resampled_interval(DIFFERENCE, confidence)
        assert self.counts is not None
        return tango_interval(*self.counts, len(self.extent.pairs), confidence=confidence)

    def across_tasks_interval(self, confidence: float) -> Interval | None:
        """Of the difference, were the tasks drawn anew too; None where too few tasks tell of others."""
        benchmarks = [_sums_of_tasks(pairs) for pairs in self.extent.benchmarks]
        return across_tasks_interval(benchmarks, confidence=confidence, seed=self.seed)

    def _score_interval(self, column: int, score: float, confidence: float) -> Interval:
        if self.resampled is not None:
            return self._resampled_interval(column, confidence)
        items = len(self.extent.pairs)
        return wilson_interval(score * items, items, confidence=confidence)

    def _resampled_interval(self, column: int, confidence: float) -> Interval:
        assert self.resampled is not None
        return self.resampled.interval(column, bounds=BOUNDS[column], confidence=confidence)


def contrast(extent: Extent, *, seed: int) -> Contrast:
    """Compare the two models of an extent's pairs.

    Right or wrong items of one benchmark are taken together, as McNemar's test does. That is never too narrow for the
    benchmark's own tasks: what the tasks differ by is counted as chance.
    """
    base, other = (_mean(extent, each) for each in (BASE, OTHER))
    tasks = list(dict.fromkeys(pair.base.task for pair in extent.pairs))
    own_seed = int(digest([seed, tasks]), 16)  # so that a dimension of one task has the task's own interval
    if len(extent.benchmarks) == 1 and _is_binary(extent.pairs):
        gained = sum(pair.other.value > pair.base.value for pair in extent.pairs)
        lost = sum(pair.other.value < pair.base.value for pair in extent.pairs)
        return Contrast(extent, base, other, mcnemar_p(gained, lost), (gained, lost), None, own_seed)
    resampled = _resample(extent, own_seed)
    return Contrast(extent, base, other, resampled.p_value(DIFFERENCE), None, resampled, own_seed)


def _mean(extent: Extent, column: int) -> float:
    return float(np.mean([np.mean([_values(pair)[column] for pair in pairs]) for pairs in extent.benchmarks]))


def _values(pair: Pair) -> tuple[float, float, float]:
    return pair.base.value, pair.other.value, pair.other.value - pair.base.value


def _is_binary(pairs: Sequence[Pair]) -> bool:
    """Scores are 0 or 1, and each item is a question of its own."""
    values = {value for pair in pairs for value in (pair.base.value, pair.other.value)}
    return values <= {0.0, 1.0} and len({cluster_of(pair.base) for pair in pairs}) == len(pairs)


def _resample(extent: Extent, seed: int) -> Bootstrap:
    weights: dict[tuple[str, str], float] = {}
    contributions: dict[tuple[str, str], Array] = {}
    asked_in: dict[tuple[str, str], tuple[str, ...]] = {}
    for pairs in extent.benchmarks:
        weight = 1 / (len(extent.benchmarks) * len(pairs))
        for pair in pairs:
            question = cluster_of(pair.base)
            weights[question] = weights.get(question, 0.0) + weight
            contributions[question] = contributions.get(question, np.zeros(3)) + weight * np.array(_values(pair))
            asked_in[question] = (*asked_in.get(question, ()), pair.base.task)
    strata: dict[tuple[str, ...], list[Array]] = {}
    for question, tasks in asked_in.items():
        strata.setdefault(tasks, []).append(contributions[question])
    fewest = min(len({cluster_of(pair.base) for pair in pairs}) for pairs in extent.benchmarks)
    questions = fewest if fewest < MIN_QUESTIONS else 1 / max(weights.values())
    return bootstrap([np.array(rows) for rows in strata.values()], seed=seed, questions=questions)


def _sums_of_tasks(pairs: Sequence[Pair]) -> Array:
    """For each task of a benchmark: the sum of its differences, and the number of its items."""
    sums: dict[str, tuple[float, int]] = {}
    for pair in pairs:
        total, items = sums.get(pair.base.task, (0.0, 0))
        sums[pair.base.task] = total + pair.other.value - pair.base.value, items + 1
    return np.array(list(sums.values()), dtype=np.float64)
