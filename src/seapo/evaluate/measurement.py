"""One model's evaluation: what it is asked, the scores of the items, and what they come to."""

import functools
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seapo.evaluate.harness import HarnessScores, count_requests, load_tasks, require_lm_eval, run_tasks
from seapo.evaluate.results import Evaluation
from seapo.evaluate.stage import Progress, evaluate
from seapo.evaluate.suites import Asked, load_suites
from seapo.evaluate.tally import tally, tally_others
from seapo.journal import Journal
from seapo.model.identity import dtype_name
from seapo.recipe import EvaluateSection
from seapo.records import ItemScore, Protocol, digest
from seapo.summaries import EvaluationResults
from seapo.tasks.benchmark import BENCHMARKS
from seapo.tasks.local import check_file, data_hashes

if TYPE_CHECKING:
    from seapo.model.chat import ChatScorer

PACKAGES = ("seapo", "torch", "transformers")


@dataclass(frozen=True)
class Subject:
    """The model that is asked."""

    name: str
    fingerprint: str
    """Stands for its weights, adapter and number type."""
    load: Callable[[], "ChatScorer"]


@dataclass(frozen=True)
class Workload:
    """What an evaluation would ask, task by task."""

    items: dict[str, int]
    requests: dict[str, int]
    """Texts to be generated, or choices to be scored."""


def measure(
    settings: EvaluateSection,
    subject: Subject,
    *,
    seed: int,
    journal: Journal | None = None,
    progress: Progress = lambda work: work,
) -> Evaluation:
    """Ask a model all that the section names, and sum its scores up.

    Each reply is kept in the journal before it is used, so a killed call goes on where it was. Raises DataError for
    data that is missing or of another version, UnknownNameError or RecipeError for a suite or task that does not
    exist, ModelError where the model gives no numbers.
    """
    asked = load_suites(settings, seed=seed)
    load = functools.cache(subject.load)
    scores = evaluate(asked.items, load, fingerprint=subject.fingerprint, journal=journal, progress=progress)
    found, truncated = HarnessScores(()), dict[str, int]()
    if asked.tasks:
        found, truncated = _ask_benchmarks(asked, settings, load, seed=seed, journal=journal, progress=progress)
    every = (*scores, *found.scores)
    results = _results(settings, subject, every, found, seed=seed)
    return Evaluation(results.model_copy(update={"truncated": truncated}), every)


def workload(settings: EvaluateSection, *, seed: int) -> Workload:
    """What `measure` would ask; reads the data, and loads no model."""
    asked = load_suites(settings, seed=seed)
    items: dict[str, int] = {}
    requests: dict[str, int] = {}
    for item in asked.items:
        items[item.task] = items.get(item.task, 0) + 1
        requests[item.task] = requests.get(item.task, 0) + len(item.choices)
    if asked.tasks:
        loaded = _loaded(asked, settings, seed)
        items |= {each.name: len(each.ids) for each in loaded}
        requests |= count_requests(loaded)
    return Workload(items, requests)


def depends(settings: EvaluateSection, seed: int) -> str:
    """What the scores follow from beside the model: the items, the data's files, the package that defines the tasks.

    A mistake in the tasks' names or data shows here, before anything else is done.
    """
    return _depends(settings.model_dump_json(), seed)


@functools.cache
def _depends(values: str, seed: int) -> str:
    settings = EvaluateSection.model_validate_json(values)
    asked, data_dir = load_suites(settings, seed=seed), _data_dir(settings)
    if not asked.tasks:
        return digest(list(asked.items))
    _check(asked, settings, seed)
    data = None if data_dir is None else data_hashes(data_dir)
    return digest([list(asked.items), [each.name for each in asked.tasks], importlib.metadata.version("lm_eval"), data])


def _check(asked: Asked, settings: EvaluateSection, seed: int) -> None:
    """Tasks whose files are known need no more than a look at these; others have to be made."""
    data_dir = _data_dir(settings)
    if data_dir is not None:
        for path in dict.fromkeys(path for each in asked.tasks for path in each.files):
            check_file(data_dir, path)
    require_lm_eval()
    others = tuple(each for each in asked.tasks if data_dir is None or not each.files)
    if others:
        _loaded(replace(asked, tasks=others), settings, seed)


def _ask_benchmarks(
    asked: Asked,
    settings: EvaluateSection,
    load: Callable[[], "ChatScorer"],
    *,
    seed: int,
    journal: Journal | None,
    progress: Progress,
) -> tuple[HarnessScores, dict[str, int]]:
    from seapo.evaluate.lm import TreeLM

    loaded = _loaded(asked, settings, seed)
    lm = TreeLM.from_scorer(load(), journal=journal, seed=seed, progress=progress)
    found = run_tasks(lm, loaded, protocol=settings.protocol)
    return found, dict(lm.truncated)


def _loaded(asked: Asked, settings: EvaluateSection, seed: int) -> list[Any]:
    return load_tasks(
        asked.tasks, data_dir=_data_dir(settings), protocol=settings.protocol, limit=settings.limit, seed=seed
    )


def _data_dir(settings: EvaluateSection) -> Path | None:
    return None if settings.data_dir is None else Path(settings.data_dir).expanduser()


def _parts(scores: Sequence[ItemScore]) -> dict[str, str]:
    """Benchmark of which some tasks alone were asked -> how many; nobody should take its row for the whole."""
    asked = {group: {score.task for score in scores if score.group == group} for group in {s.group for s in scores}}
    whole = {group: len(BENCHMARKS[group]) for group in sorted(asked) if group in BENCHMARKS}
    return {
        group: f"only {len(asked[group])} of its {count} tasks {'was' if len(asked[group]) == 1 else 'were'} asked"
        for group, count in whole.items()
        if len(asked[group]) < count
    }


def _results(
    settings: EvaluateSection, subject: Subject, scores: Sequence[ItemScore], found: HarnessScores, *, seed: int
) -> EvaluationResults:
    lines = tally(scores, confidence=settings.confidence, seed=seed)
    protocol: Protocol = settings.protocol if found.scores else ""
    return EvaluationResults(
        model=subject.name,
        model_fingerprint=subject.fingerprint,
        dtype=dtype_name(settings.dtype),
        protocol=protocol,
        suites=settings.suites,
        seed=seed,
        limit=settings.limit,
        limits=settings.limits,
        confidence=settings.confidence,
        tasks=lines.tasks,
        groups=lines.groups,
        dimensions=lines.dimensions,
        further=tally_others(found.others, confidence=settings.confidence, seed=seed),
        not_measured=lines.not_measured | _parts(scores),
        versions={name: importlib.metadata.version(name) for name in PACKAGES} | dict(found.versions),
    )
