"""Suites, as plug-ins, and what a recipe asks of a model.

A suite is a function from the recipe's section to what it asks: items that are scored by the log-probabilities of given
choices (`ChoiceItem`), or tasks of lm-evaluation-harness and of its kind (`BenchmarkTask`). A package adds one by an
entry point of the group `seapo.suites`, or:

    @SUITES.register("weather")
    def weather(settings: EvaluateSection) -> Iterator[ChoiceItem]: ...

    @SUITES.register("exams")
    def exams(settings: EvaluateSection) -> Iterator[BenchmarkTask]: ...
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from seapo.errors import DataError, RecipeError, UnknownNameError
from seapo.evaluate.clusters import question_of
from seapo.recipe import EvaluateSection
from seapo.records import ChoiceItem
from seapo.registry import Registry
from seapo.tasks import benchmark, coding, starter
from seapo.tasks.benchmark import BenchmarkTask

Suite = Callable[[EvaluateSection], Iterable[ChoiceItem | BenchmarkTask]]

SUITES: Registry[Suite] = Registry("suite", "seapo.suites")


@dataclass(frozen=True)
class Asked:
    """What a model is asked."""

    items: tuple[ChoiceItem, ...]
    """Those that are drawn, where there is a limit."""
    tasks: tuple[BenchmarkTask, ...]
    """Whole; their items are drawn when their data is read."""


@SUITES.register("starter")
def starter_suite(settings: EvaluateSection) -> Iterable[ChoiceItem]:
    """The test items that seapo ships: five dimensions, through the model's chat template."""
    return starter.test_items()


@SUITES.register("mathematics")
def mathematics_suite(settings: EvaluateSection) -> Iterable[BenchmarkTask]:
    """GSM8K, MATH and MATH-500, with examples that are worked out."""
    return benchmark.mathematics()


@SUITES.register("reasoning")
def reasoning_suite(settings: EvaluateSection) -> Iterable[BenchmarkTask]:
    """The 27 tasks of BIG-Bench Hard, with three examples that are worked out."""
    return benchmark.BBH


@SUITES.register("coding")
def coding_suite(settings: EvaluateSection) -> Iterable[BenchmarkTask]:
    """HumanEval and MBPP, one greedy answer each, whose programs run in the sandbox."""
    return coding.coding_tasks(settings.protocol, allow_unsandboxed=settings.allow_unsandboxed_code)


@SUITES.register("knowledge")
def knowledge_suite(settings: EvaluateSection) -> Iterable[BenchmarkTask]:
    """The 57 subjects of MMLU, with five examples."""
    return benchmark.MMLU


@SUITES.register("truthfulness")
def truthfulness_suite(settings: EvaluateSection) -> Iterable[BenchmarkTask]:
    """TruthfulQA, multiple choice: MC1 and MC2."""
    return benchmark.TRUTHFULQA


def split_names(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a call's `--tasks` as (suites, tasks)."""
    each = tuple(dict.fromkeys(names))
    return tuple(name for name in each if name in SUITES), tuple(name for name in each if name not in SUITES)


def load_suites(settings: EvaluateSection, *, seed: int) -> Asked:
    """What a recipe's section asks, the suites in their order, then the tasks that it names; a task is asked once.

    Loads no model. Raises UnknownNameError for a suite that does not exist, DataError for one without usable items.
    """
    asked = [thing for name in dict.fromkeys(settings.suites) for thing in _suite(name, settings)]
    items = [thing for thing in asked if isinstance(thing, ChoiceItem)]
    tasks: dict[str, BenchmarkTask] = {}
    own = coding.all_coding_tasks(allow_unsandboxed=settings.allow_unsandboxed_code)
    for thing in (*asked, *benchmark.named(settings.tasks, own)):
        if isinstance(thing, BenchmarkTask):
            own_limit = _limit(settings, thing.name, thing.group, thing.suite)
            tasks.setdefault(thing.name, replace(thing, limit=own_limit))
    _check_limits(settings, items, tasks.values())
    return Asked(tuple(_drawn(settings, items, seed)), tuple(tasks.values()))


def _limit(settings: EvaluateSection, *names: str) -> int | None:
    """The limit of the first of the names that has one of its own; else that of all."""
    own = [settings.limits[name] for name in names if name in settings.limits]
    return own[0] if own else settings.limit


def _check_limits(settings: EvaluateSection, items: Iterable[ChoiceItem], tasks: Iterable[BenchmarkTask]) -> None:
    known = {name for task in tasks for name in (task.name, task.group, task.suite)}
    known |= {name for item in items for name in (item.task, item.suite)}
    for name in settings.limits:
        if name not in known:
            raise UnknownNameError("asked task, benchmark or suite (evaluate.limits)", name, known - {""})


def _drawn(settings: EvaluateSection, items: Sequence[ChoiceItem], seed: int) -> list[ChoiceItem]:
    if settings.limit is None and not settings.limits:
        return list(items)
    drawn: list[ChoiceItem] = []
    for (task, suite), own in _by_task(items).items():
        limit = _limit(settings, task, suite)
        drawn += own if limit is None else sample_items(own, limit, seed=seed)
    return drawn


def _by_task(items: Iterable[ChoiceItem]) -> dict[tuple[str, str], list[ChoiceItem]]:
    """(task, suite) -> items."""
    found: dict[tuple[str, str], list[ChoiceItem]] = {}
    for item in items:
        found.setdefault((item.task, item.suite), []).append(item)
    return found


def load_items(settings: EvaluateSection, *, seed: int) -> list[ChoiceItem]:
    """The multiple-choice items of all suites, in order; with a limit, that many of each task, drawn by the seed."""
    return list(load_suites(settings, seed=seed).items)


def sample_items(items: Iterable[ChoiceItem], limit: int, *, seed: int) -> list[ChoiceItem]:
    """At most `limit` items of each task, in their old order; tasks over the same questions get the same questions."""
    by_task = _by_task(items)
    drawn = {key: set(draw([item.id for item in task], limit, seed=seed)) for key, task in by_task.items()}
    return [item for key, task in by_task.items() for item in task if item.id in drawn[key]]


def draw(ids: Sequence[str], limit: int, *, seed: int) -> list[str]:
    """At most `limit` of a task's ids, in their old order; a smaller limit takes a part of what a larger one takes."""
    lot = {item_id: random.Random(f"{seed}:{question_of(item_id)}:evaluate").random() for item_id in ids}
    kept = set(sorted(lot, key=lambda item_id: lot[item_id])[:limit])
    return [item_id for item_id in ids if item_id in kept]


def _suite(name: str, settings: EvaluateSection) -> list[ChoiceItem | BenchmarkTask]:
    if name not in SUITES and name in benchmark.BENCHMARKS:
        raise RecipeError(f"{name!r} in evaluate.suites is a task, not a suite; name it in evaluate.tasks")
    asked = list(SUITES[name](settings))
    if not asked:
        raise DataError(f"the suite {name!r} gave no items")
    named = Counter((thing.task, thing.id) for thing in asked if isinstance(thing, ChoiceItem))
    repeated = [item_id for (_, item_id), count in named.items() if count > 1]
    if repeated:
        raise DataError(f"the suite {name!r} gave the item {repeated[0]!r} twice; ids are unique in a task")
    return [_marked(thing, name) for thing in asked]


def _marked(thing: ChoiceItem | BenchmarkTask, suite: str) -> ChoiceItem | BenchmarkTask:
    if isinstance(thing, BenchmarkTask):
        return replace(thing, suite=suite)
    return thing.model_copy(update={"suite": suite})
