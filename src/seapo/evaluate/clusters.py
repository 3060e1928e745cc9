"""What rises and falls together, and what a line of a table is the mean of; every statistic asks here.

question    items that ask the same question, as MC1 and MC2 of it: drawn together, or not at all
task        items that are asked in one way, as one of BBH's 27 tasks or one of MMLU's 57 subjects
benchmark   a task that is whole, or all tasks of one group; its score is the mean over its items, as
            lm-evaluation-harness weights the tasks of `mmlu` and of `bbh` by their sizes
dimension   the mean over its benchmarks in the first suite that measures it, each counting the same
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from seapo.records import DIMENSIONS, Dimension, ItemScore

Kind = Literal["dimension", "benchmark", "task"]
K = TypeVar("K", bound=Hashable)
KINDS: tuple[Kind, ...] = ("dimension", "benchmark", "task")


@dataclass(frozen=True)
class Pair:
    """One item's score by the base and by the model that is compared with it."""

    base: ItemScore
    other: ItemScore


@dataclass(frozen=True)
class Extent:
    """What one line of a table is about: the items of each benchmark, each benchmark counting the same."""

    kind: Kind
    name: str
    benchmarks: tuple[tuple[Pair, ...], ...]

    @property
    def first(self) -> ItemScore:
        """A score that tells what all of them share."""
        return self.benchmarks[0][0].base

    @property
    def is_task(self) -> bool:
        """A task: one of a benchmark's, or a benchmark that is one."""
        return self.kind == "task" or (self.kind == "benchmark" and not self.first.group)

    @property
    def pairs(self) -> list[Pair]:
        """All items."""
        return [pair for benchmark in self.benchmarks for pair in benchmark]

    @property
    def metric(self) -> str:
        """The items' metric, or `mean` where different things are averaged."""
        metrics = {pair.base.metric for pair in self.pairs}
        return metrics.pop() if len(metrics) == 1 and len(self.benchmarks) == 1 else "mean"


def question_of(item_id: str) -> str:
    """The part of an id that items asking the same question share, as `q7` of `q7#mc1` and `q7#mc2`."""
    return item_id.partition("#")[0]


def cluster_of(score: ItemScore) -> tuple[str, str]:
    """The cluster of an item: with others that ask the same question in the suite, or the item of its task alone.

    Ids are unique within a task only: item 7 of one subject has nothing to do with item 7 of another.
    """
    return (score.suite, question_of(score.id)) if "#" in score.id else (f"{score.suite}/{score.task}", score.id)


def benchmark_of(score: ItemScore) -> str:
    """The benchmark that an item belongs to."""
    return score.group or score.task


def extents(pairs: Sequence[Pair]) -> list[Extent]:
    """All lines: the dimensions, the benchmarks, the tasks of benchmarks that have several, in the items' order."""
    parts = _by([pair for pair in pairs if pair.base.group], lambda score: score.task)
    tasks = [Extent("task", name, (tuple(found),)) for name, found in parts.items()]
    asked = _by(pairs, _asked_benchmark)
    benchmarks = [Extent("benchmark", name, (tuple(found),)) for (_, name), found in asked.items()]
    measured = {dimension: _first_suite(pairs, dimension) for dimension in DIMENSIONS}
    dimensions = [Extent("dimension", str(name), found) for name, found in measured.items() if found]
    return [*dimensions, *benchmarks, *tasks]


def _asked_benchmark(score: ItemScore) -> tuple[str, str]:
    """A benchmark that two suites ask in two ways counts as two."""
    return score.suite, benchmark_of(score)


def _first_suite(pairs: Iterable[Pair], dimension: Dimension) -> tuple[tuple[Pair, ...], ...]:
    found = [pair for pair in pairs if pair.base.dimension == dimension]
    asked = [pair for pair in found if pair.base.suite == found[0].base.suite]
    return tuple(tuple(benchmark) for benchmark in _by(asked, benchmark_of).values())


def _by(pairs: Iterable[Pair], key: Callable[[ItemScore], K]) -> dict[K, list[Pair]]:
    parts: dict[K, list[Pair]] = {}
    for pair in pairs:
        parts.setdefault(key(pair.base), []).append(pair)
    return parts
