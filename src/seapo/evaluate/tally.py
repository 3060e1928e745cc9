"""One model's item scores -> its score in each task, benchmark and dimension, with standard error and interval.

Values and intervals are those that a comparison of two models shows for each of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seapo.evaluate.clusters import Extent, Pair, cluster_of, extents
from seapo.evaluate.contrast import contrast
from seapo.records import DIMENSIONS, ItemScore
from seapo.summaries import TaskResult


@dataclass(frozen=True)
class Tally:
    """The lines of a table of scores."""

    dimensions: tuple[TaskResult, ...]
    groups: tuple[TaskResult, ...]
    """Benchmarks of several tasks."""
    tasks: tuple[TaskResult, ...]
    """Those that are benchmarks of their own, then the parts of the others."""

    @property
    def not_measured(self) -> dict[str, str]:
        """Dimension that no item stands for -> why."""
        measured = {row.name for row in self.dimensions}
        return {str(name): "no suite or task of this call measures it" for name in DIMENSIONS if name not in measured}


def tally(scores: Sequence[ItemScore], *, confidence: float, seed: int) -> Tally:
    """The score of each dimension, benchmark and task; `clusters` says what is the mean of what."""
    lines = extents([Pair(score, score) for score in scores])
    rows = {
        kind: tuple(_row(line, confidence=confidence, seed=seed) for line in lines if line.kind == kind)
        for kind in ("dimension", "benchmark", "task")
    }
    is_group = {score.group for score in scores}
    whole = tuple(row for row in rows["benchmark"] if row.name not in is_group)
    groups = tuple(row for row in rows["benchmark"] if row.name in is_group)
    return Tally(rows["dimension"], groups, (*whole, *rows["task"]))


def tally_others(scores: Sequence[ItemScore], *, confidence: float, seed: int) -> tuple[TaskResult, ...]:
    """The same for scores by further metrics: a line for each benchmark and task, and metric."""
    by_metric = {score.metric: [each for each in scores if each.metric == score.metric] for score in scores}
    found = [tally(each, confidence=confidence, seed=seed) for each in by_metric.values()]
    return tuple(row for each in found for row in (*each.groups, *each.tasks))


def _row(line: Extent, *, confidence: float, seed: int) -> TaskResult:
    found = contrast(line, seed=seed)
    return TaskResult(
        name=line.name,
        dimension=line.first.dimension,
        metric=line.metric,
        items=len(line.pairs),
        value=found.base,
        stderr=_pooled_stderr(line) if len(line.benchmarks) == 1 else _stderr_of_mean(line),
        interval=found.base_interval(confidence),
        group=line.first.group if line.kind == "task" else "",
    )


def _pooled_stderr(line: Extent) -> float | None:
    """Standard error of the mean over items, spread about the means of their tasks; None where no task tells it.

    Of one task it is s / sqrt(n). Source: lm-evaluation-harness 0.4.13, `mean_stderr` and `pooled_sample_stderr`.
    """
    by_task: dict[str, list[float]] = {}
    for pair in line.pairs:
        by_task.setdefault(pair.base.task, []).append(pair.base.value)
    items, tasks = len(line.pairs), len(by_task)
    if items == tasks:
        return None
    squares = sum(float(np.var(values)) * len(values) for values in by_task.values())
    return math.sqrt(squares / (items - tasks) / items)


def _stderr_of_mean(line: Extent) -> float | None:
    """Standard error of a mean of benchmarks; items that ask one question, as MC1 and MC2, count as one draw."""
    contributions: dict[tuple[str, str], float] = {}
    asked_in: dict[tuple[str, str], tuple[str, ...]] = {}
    for pairs in line.benchmarks:
        for pair in pairs:
            question = cluster_of(pair.base)
            weighted = pair.base.value / (len(line.benchmarks) * len(pairs))
            contributions[question] = contributions.get(question, 0.0) + weighted
            asked_in[question] = (*asked_in.get(question, ()), pair.base.task)
    strata: dict[tuple[str, ...], list[float]] = {}
    for question, tasks in asked_in.items():
        strata.setdefault(tasks, []).append(contributions[question])
    if any(len(values) < 2 for values in strata.values()):
        return None
    return math.sqrt(sum(float(np.var(values, ddof=1)) * len(values) for values in strata.values()))
