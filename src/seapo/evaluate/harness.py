"""Tasks of lm-evaluation-harness: loaded with their data from the hub or from a folder, asked, and turned into scores.

Prompts, filters and metrics are the installed package's own, and its evaluator runs them; so scores are its scores. A
task's score is the first metric of its list after the first filter of its list, as `exact_match,strict-match` of GSM8K;
the others are told beside it.
"""

import functools
import logging
import numbers
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seapo.errors import DataError, RecipeError, did_you_mean
from seapo.evaluate.suites import SUITES, draw
from seapo.records import ItemScore, Protocol
from seapo.tasks.benchmark import BENCHMARKS, BenchmarkTask
from seapo.tasks.local import local_splits

INSTALL = "pip install 'seapo[evaluate]'"
FOLDERS = ("gsm8k", "minerva_math", "bbh/cot_fewshot", "mmlu/default", "truthfulqa")
"""Where the package defines the tasks of our suites: reading these takes 0.1 s, and all of its tasks take 12 s."""
SEEDS = {"python": 0, "numpy": 1234, "fewshot": 1234}
"""What lm-evaluation-harness sets by default, so that tasks that shuffle or draw their examples do as they do there."""
HASH_DIGITS = 16


@dataclass(frozen=True)
class LoadedTask:
    """A task with its data, and the items that are asked."""

    benchmark: BenchmarkTask
    task: Any
    """An `lm_eval.api.task.Task`."""
    ids: Mapping[int, str]
    """Place in the task's documents -> the item's id, in order."""
    is_whole: bool
    """Whether all documents are asked."""

    @property
    def name(self) -> str:
        """The task's name."""
        return self.benchmark.name


@dataclass(frozen=True)
class HarnessScores:
    """What a model made of the tasks."""

    scores: tuple[ItemScore, ...]
    """By the score of each task, one an item."""
    others: tuple[ItemScore, ...] = ()
    """By the other metrics and filters; one an item, metric and filter."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Task -> the version of its definition, and that of lm-evaluation-harness."""


def load_tasks(
    asked: Sequence[BenchmarkTask], *, data_dir: Path | None, protocol: Protocol, limit: int | None, seed: int
) -> list[LoadedTask]:
    """Load tasks with their data and draw their items; a group or tag of lm-evaluation-harness becomes its tasks.

    Raises RecipeError for a task that nobody defines; DataError for data that is missing or of another version,
    where `lm_eval` is not installed, and for a task that does not score items between 0 and 1.
    """
    require_lm_eval()
    with _quiet_harness(), _harness_seeds():
        loaded = [
            (benchmark, task) for each in asked for benchmark, task in _load(each, data_dir=data_dir, protocol=protocol)
        ]
        names = [benchmark.name for benchmark, _ in loaded]
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(f"the task {twice[0]!r} is asked twice: by its own name and as part of another")
        for benchmark, task in loaded:
            _prepare(benchmark, task)
        return [_drawn(benchmark, task, limit, seed) for benchmark, task in loaded]


def count_requests(loaded: Sequence[LoadedTask]) -> dict[str, int]:
    """Task -> requests to the model, counted without their contexts, which take minutes to write."""
    with _quiet_harness():
        return {each.name: _count_requests(each) for each in loaded}


def _count_requests(each: LoadedTask) -> int:
    task = each.task
    if getattr(task, "multiple_input", False):  # each choice stands in a context of its own
        task.build_all_requests(samples=None if each.is_whole else list(each.ids))
        return sum(instance.repeats for instance in task.instances)
    metadata = (each.name, 0, task.config.repeats)
    docs = task.eval_docs
    made = (task.construct_requests(doc=docs[place], ctx="", metadata=metadata) for place in each.ids)
    return sum(sum(one.repeats for one in (found if isinstance(found, list) else [found])) for found in made)


def run_tasks(lm: Any, loaded: Sequence[LoadedTask], *, protocol: Protocol) -> HarnessScores:
    """Put all tasks to a model in one go, so that requests can be shared among them.

    lm: an `lm_eval.api.model.LM`. With the protocol `chat` its chat template is applied, examples as turns.
    """
    from lm_eval.evaluator import evaluate

    with _quiet_harness(), _harness_seeds():
        found = evaluate(
            lm,
            {"tasks": {each.name: each.task for each in loaded}, "groups": {}},
            samples={each.name: list(each.ids) for each in loaded if not each.is_whole},
            bootstrap_iters=0,
            apply_chat_template=protocol == "chat",
            fewshot_as_multiturn=protocol == "chat",
        )
    by_task = [(each, _scored(each, found["samples"][each.name], protocol)) for each in loaded]
    return HarnessScores(
        scores=tuple(score for each, scores in by_task for score in scores[_main(each.task)]),
        others=tuple(
            score
            for each, found in by_task
            for key, scores in found.items()
            if key != _main(each.task)
            for score in scores
        ),
        versions={"lm_eval": version("lm_eval")} | {each.name: str(each.task.VERSION) for each in loaded},
    )


def require_lm_eval() -> None:
    """Raise DataError with the command that installs it, where the package is missing."""
    try:
        version("lm_eval")
    except PackageNotFoundError as problem:
        raise DataError(f"benchmarks need the package lm_eval, which is not installed; run: {INSTALL}") from problem


def _load(asked: BenchmarkTask, *, data_dir: Path | None, protocol: Protocol) -> list[tuple[BenchmarkTask, Any]]:
    if asked.build is not None:
        return [(asked, asked.build(data_dir, protocol))]
    manager = _manager_of(asked.name)
    manager._factory = _factory(data_dir)
    try:
        found = manager.load(asked.name)
    except (OSError, ValueError, KeyError, ImportError, AssertionError) as problem:
        raise DataError(_unloadable(asked.name, problem, data_dir)) from problem
    groups = [group for group in found.get("groups", {}).values() if group.name == asked.name]
    if not groups and list(found["tasks"]) == [asked.name]:
        return [(asked, found["tasks"][asked.name])]
    group = asked.name if groups and _is_weighted_by_size(groups[0]) else ""
    return [(replace(asked, name=name, group=group), task) for name, task in found["tasks"].items()]


def _is_weighted_by_size(group: Any) -> bool:
    """Whether lm-evaluation-harness gives the group a score, and this is the mean over its items."""
    metrics = group.aggregate_metric_list or []
    return bool(metrics) and all(metric.weight_by_size for metric in metrics)


def _manager_of(name: str) -> Any:
    """A manager that knows the task or group; a tag may hold tasks of any folder, so it needs all of them."""
    from lm_eval.tasks._index import Kind

    few = _manager(has_all=False)
    if name in few.task_index and few.task_index[name].kind is not Kind.TAG:
        return few
    every = _manager(has_all=True)
    if name not in every.task_index:
        near = did_you_mean(name, [*SUITES, *BENCHMARKS, *every.task_index])
        raise RecipeError(
            f"no suite or task named {name!r}.{near} Known are the suites "
            f"({', '.join(SUITES)}) and the {len(every.task_index):,} tasks and groups that `lm-eval ls tasks` prints"
        )
    return every


@functools.cache
def _manager(*, has_all: bool) -> Any:
    import lm_eval.tasks

    if has_all:
        return lm_eval.tasks.TaskManager()
    root = Path(lm_eval.tasks.__file__).parent
    return lm_eval.tasks.TaskManager(include_defaults=False, include_path=[root / folder for folder in FOLDERS])


def _factory(data_dir: Path | None) -> Any:
    """What makes tasks of definitions: lm-evaluation-harness's own, the data of the folder in place of the hub's."""
    from lm_eval.tasks._factory import TaskFactory

    class LocalFactory(TaskFactory):  # type: ignore[misc]
        def _load_full_config(self, entry: Any, overrides: Any) -> dict[str, Any]:
            config: dict[str, Any] = super()._load_full_config(entry, overrides)
            if data_dir is not None:
                splits = local_splits(data_dir, config.get("dataset_path", ""), config.get("dataset_name"))
                if splits is not None:
                    config["custom_dataset"] = lambda **_: splits
            return config

    return LocalFactory()


def _unloadable(name: str, problem: Exception, data_dir: Path | None) -> str:
    reason = (str(problem).splitlines() or [type(problem).__name__])[0]
    if isinstance(problem, ImportError | AssertionError):
        return f"the task {name!r} needs packages that are missing ({reason}); run: {INSTALL}"
    where = (
        "its data comes from the hub, since no file of a data folder stands for it"
        if data_dir is not None
        else "its data comes from the hub; where that cannot be reached, name a folder: --data-dir (docs/evaluation.md)"
    )
    return f"the task {name!r} cannot be loaded: {reason}; {where}"


def _prepare(benchmark: BenchmarkTask, task: Any) -> None:
    if benchmark.num_fewshot is not None:
        task.set_config(key="num_fewshot", value=benchmark.num_fewshot)
    elif task.get_config("num_fewshot") is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(seed=SEEDS["fewshot"])
    metric, _ = _main(task)
    if not task.higher_is_better().get(metric, True):
        raise DataError(
            f"the task {benchmark.name!r} is scored by {metric}, which is better when lower; seapo cannot rank it"
        )
    if getattr(task, "UNSAFE_CODE", False):
        raise DataError(
            f"the task {benchmark.name!r} of lm-evaluation-harness runs the model's code without a sandbox; "
            "the suite 'coding' asks such tasks in one"
        )


def _drawn(benchmark: BenchmarkTask, task: Any, limit: int | None, seed: int) -> LoadedTask:
    docs = task.eval_docs
    # Each look at them would make them anew, which takes longer than all else for tasks that process their documents.
    setattr(task, "test_docs" if task.has_test_docs() else "validation_docs", lambda: docs)
    count, limit = len(docs), limit if benchmark.limit is None else benchmark.limit
    ids = [_item_id(benchmark, place) for place in range(count)]
    kept = set(ids if limit is None else draw(ids, limit, seed=seed))
    places = {place: item_id for place, item_id in enumerate(ids) if item_id in kept}
    return LoadedTask(benchmark, task, places, len(places) == count)


def _item_id(benchmark: BenchmarkTask, place: int) -> str:
    if benchmark.questions:
        return f"{benchmark.questions}-{place:04d}#{benchmark.name.removeprefix(benchmark.questions + '_')}"
    return f"{benchmark.name}-{place:04d}"


def _main(task: Any) -> tuple[str, str]:
    """The metric and the filter that make a task's score."""
    return next(iter(task.aggregation())), task._filters[0].name


def _scored(
    each: LoadedTask, samples: Sequence[Mapping[str, Any]], protocol: Protocol
) -> dict[tuple[str, str], list[ItemScore]]:
    """(metric, filter) -> the scores of the items; metrics that are no number between 0 and 1 are left out."""
    by_key: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for sample in samples:
        for metric in sample["metrics"]:
            by_key.setdefault((metric, sample["filter"]), []).append(sample)
    fit = {key: found for key, found in by_key.items() if all(_is_share(sample[key[0]]) for sample in found)}
    if (main := _main(each.task)) not in fit:
        raise DataError(
            f"the task {each.name!r} is scored by {main[0]}, which is no number between 0 and 1 for each item; "
            "seapo compares models item by item"
        )
    return {key: [_item_score(each, sample, key[0], protocol) for sample in found] for key, found in fit.items()}


def _is_share(value: Any) -> bool:
    return isinstance(value, numbers.Real) and 0 <= float(value) <= 1


def _item_score(each: LoadedTask, sample: Mapping[str, Any], metric: str, protocol: Protocol) -> ItemScore:
    replies = [responses[0] for responses in sample["resps"]]
    is_choice = not isinstance(replies[0], str)
    logprobs = tuple(float(reply[0]) for reply in replies) if is_choice else ()
    return ItemScore(
        id=each.ids[sample["doc_id"]],
        task=each.name,
        dimension=each.benchmark.dimension,
        metric=metric if sample["filter"] == "none" else f"{metric},{sample['filter']}",
        value=float(sample[metric]),
        choice_logprobs_nats=logprobs,
        suite=each.benchmark.suite,
        group=each.benchmark.group,
        protocol=protocol,
        prompt_hash=sample["prompt_hash"][:HASH_DIGITS],
        answer=str(sample["arguments"][logprobs.index(max(logprobs))][1]) if is_choice else replies[0],
    )


@contextmanager
def _harness_seeds() -> Iterator[None]:
    """Seed the global generators as lm-evaluation-harness does, and give them back as they were."""
    import numpy as np

    before, numpy_before = random.getstate(), np.random.get_state()
    random.seed(SEEDS["python"])
    np.random.seed(SEEDS["numpy"])
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)


@contextmanager
def _quiet_harness() -> Iterator[None]:
    """Keep out its progress bars, one a task and split, and its remarks on settings that are ours."""
    import datasets
    import lm_eval.api.task

    logger, bar = logging.getLogger("lm_eval"), lm_eval.api.task.tqdm
    level, had_bars = logger.level, datasets.utils.logging.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    lm_eval.api.task.tqdm = _no_bar
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        lm_eval.api.task.tqdm = bar
        if had_bars:
            datasets.enable_progress_bars()


def _no_bar(items: Iterable[Any], **_: Any) -> Iterable[Any]:
    return items
