"""What an experiment will do and how long that takes, before it does it: from a short probe, and from what is done.

The probe puts errors into a few samples, trains on them for one round with each kind of training, asks the untouched
model a few items of each suite, and lets it answer a few held-out prompts; all in a folder that is removed. What the
experiment has finished already is measured, not probed.
"""

import functools
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seapo.errors import SeapoError
from seapo.evaluate import Subject, measure
from seapo.evaluate.measurement import Workload, workload
from seapo.evaluate.suites import load_suites
from seapo.experiment.arms import ArmRun
from seapo.experiment.held_out import examine, split_data
from seapo.experiment.matrix import HELD_OUT, Matrix
from seapo.experiment.work import has_untouched, is_finished
from seapo.injecting import asks_engine
from seapo.journal import Journal
from seapo.pipeline import quiet_libraries, run_stages
from seapo.recipe import EvaluateSection, Recipe, TrainSection
from seapo.records import PreferencePair, Record, Sample, digest
from seapo.run import Run
from seapo.source.clean import draw
from seapo.stages import STAGES, stage_fingerprint
from seapo.store import read_json, read_records, write_json, write_records
from seapo.summaries import MixSummary, SourceSummary
from seapo.trained import load_scorer

SAMPLES = 8
"""So many samples are injected and trained on."""
ITEMS = 8
"""So many of the items that a suite asks, spread over its tasks."""
TASKS = 3
ROWS = 4
NEVER = 1_000_000


class Part(Record):
    """One part of the work."""

    name: str
    seconds: float
    """By the clock, on this machine, still to come."""
    basis: str
    """What the figure follows from."""


class Estimate(Record):
    """What an experiment is, and how long it will take."""

    arms: dict[str, dict[str, Any]]
    """Name -> what differs from the recipe."""
    seeds: tuple[int, ...]
    runs: int
    samples: int
    """That are trained on at most."""
    total_samples: int
    held_out: int
    items: dict[str, int]
    """Task -> items that each model is asked."""
    requests: int
    """Choices to be scored, or texts to be generated, for each model."""
    jobs: int
    parts: tuple[Part, ...]
    not_estimated: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return sum(part.seconds for part in self.parts)


@dataclass(frozen=True)
class _Probe:
    """A place to try things in."""

    matrix: Matrix
    folder: Path
    load: Any
    """Gives the untouched model as a scorer, in the number type of the evaluation."""

    @property
    def recipe(self) -> Recipe:
        """The experiment's."""
        return self.matrix.recipe


def estimate(matrix: Matrix, *, jobs: int, probe: bool = True) -> Estimate:
    """What is to be done, and how long it takes; without the probe, no times are told."""
    recipe = matrix.recipe
    work = workload(recipe.evaluate, seed=recipe.seed)
    parts, left_out = _parts(matrix, work, jobs) if probe else ([], ["times: no probe was made"])
    return Estimate(
        arms={arm.name: dict(arm.overrides) for arm in matrix.arms},
        seeds=recipe.experiment.seeds,
        runs=len(matrix.runs),
        samples=matrix.split.summary.limit,
        total_samples=matrix.split.summary.total,
        held_out=matrix.split.summary.held_out,
        items=work.items,
        requests=sum(work.requests.values()),
        jobs=jobs,
        parts=tuple(parts),
        not_estimated=tuple(left_out),
    )


def _parts(matrix: Matrix, work: Workload, jobs: int) -> tuple[list[Part], list[str]]:
    import torch

    quiet_libraries()
    waiting = [one for one in matrix.runs if not is_finished(matrix, one)]
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="seapo-probe-") as folder:
        dtype = matrix.recipe.evaluate.dtype
        probe = _Probe(
            matrix, Path(folder), functools.cache(functools.partial(load_scorer, matrix.recipe, dtype=dtype))
        )
        parts, left_out = _shared_parts(probe, waiting)
        torch.set_num_threads(max(1, threads // jobs))
        try:
            asked = _untouched_seconds(probe, work)
            if not has_untouched(matrix):
                parts.append(Part(name="the untouched model's scores", seconds=asked.total, basis=asked.basis))
            try:
                parts += _own_parts(probe, waiting, asked, jobs)
            except SeapoError as problem:  # a few samples may not do where many would
                left_out.append(f"trainings: the probe could not train: {problem}")
        finally:
            torch.set_num_threads(threads)
    return parts, left_out


def _shared_parts(probe: _Probe, waiting: Sequence[ArmRun]) -> tuple[list[Part], list[str]]:
    """Injection and checks of each group of arms that has its own."""
    groups: dict[str, ArmRun] = {}
    for one in waiting:
        groups.setdefault(_injection_mark(one.recipe), one)
    parts, left_out = [], []
    for one in groups.values():
        run = probe.matrix.run(one, quiet=True)
        if all(run.folder.fingerprint(name) for name in ("inject", "verify")):
            continue
        if asks_engine(one.recipe) or one.recipe.verify.use_judge:
            left_out.append(f"injection ({one.arm.name}): a model is asked; `seapo inject` estimates it when it begins")
            continue
        count = min(probe.matrix.split.summary.limit, one.recipe.data.limit or NEVER)
        seconds = _injected(probe, one).seconds
        parts.append(
            Part(
                name=f"inject and verify, for {one.arm.name} and all that share it"
                if len(groups) > 1
                else "inject, verify",
                seconds=seconds / _probed(probe) * count,
                basis=f"{_probed(probe)} of {count} samples",
            )
        )
    return parts, left_out


def _injection_mark(recipe: Recipe) -> str:
    values = recipe.model_dump(mode="json")
    return digest([values[name] for name in ("data", "inject", "verify", "engine", "judge")])


@dataclass(frozen=True)
class _Injected:
    """A few samples with errors."""

    run: Run
    seconds: float


def _samples(probe: _Probe) -> list[Sample]:
    recipe = probe.recipe
    training = probe.matrix.split.training or split_data(recipe).training
    return draw(list(training), SAMPLES, seed=recipe.seed + 1)


def _probed(probe: _Probe) -> int:
    return min(SAMPLES, probe.matrix.split.summary.limit)


def _injected(probe: _Probe, one: ArmRun) -> _Injected:
    """The stages inject and verify on a few samples, and how long they took."""
    place = {"runs_dir": str(probe.folder), "name": f"inject-{_injection_mark(one.recipe)[:8]}"}
    run = Run(one.recipe.model_copy(update=place), quiet=True)
    if run.folder.fingerprint("source") is None:
        samples = _samples(probe)

        def write(folder: Path) -> None:
            write_records(folder / "samples.jsonl", samples)
            summary = SourceSummary(
                path="", format="", columns={}, rows=len(samples), samples=len(samples), set_aside={}, by_dimension={}
            )
            write_json(folder / "summary.json", summary.model_dump(mode="json"))

        run.folder.produce("source", stage_fingerprint(run, STAGES["source"]), write)
    probe.load()  # so that torch and the model's files are read before the clock runs
    start = time.monotonic()
    run_stages(run, ["inject", "verify"])
    return _Injected(run, time.monotonic() - start)


@dataclass(frozen=True)
class _Asked:
    """How long one model's questions take."""

    total: float
    basis: str
    held_out: float


def _untouched_seconds(probe: _Probe, work: Workload) -> _Asked:
    if has_untouched(probe.matrix):
        took = read_json(probe.matrix.untouched / "seconds.json")
        return _Asked(took["evaluate"], "what the untouched model took", took[HELD_OUT])
    seconds, asked = 0.0, 0
    for settings, share in _spread(probe.recipe, work):
        took, items = _timed(probe, settings)
        seconds, asked = seconds + took.fixed + took.an_item * share, asked + items
    rows = probe.matrix.split.held_out
    few = rows[:ROWS]
    held = 0.0
    if few:
        start = time.monotonic()
        with Journal(probe.folder / "held_out.sqlite") as journal:
            examine(
                few,
                probe.load,
                fingerprint="probe",
                answer_tokens=probe.recipe.experiment.answer_tokens,
                max_length=probe.recipe.train.max_length,
                journal=journal,
            )
        held = (time.monotonic() - start) / len(few) * len(rows)
    return _Asked(seconds, f"{asked} of {sum(work.items.values())} items", held)


def _spread(recipe: Recipe, work: Workload) -> list[tuple[EvaluateSection, int]]:
    """For each suite: settings that ask a little of it, and how many items all of it has."""
    settings, found = recipe.evaluate, []
    names = [*((name, "suites") for name in settings.suites), *((name, "tasks") for name in settings.tasks)]
    for name, kind in names:
        one = settings.model_copy(update={"suites": (), "tasks": (), "limits": {}, kind: (name,)})
        asked = load_suites(one, seed=recipe.seed)
        tasks = [task.name for task in asked.tasks]
        count = sum(work.items[task] for task in {*tasks, *(item.task for item in asked.items)})
        if tasks:
            few = tuple(tasks[:: max(1, len(tasks) // TASKS)][:TASKS])
            little = one.model_copy(update={"suites": (), "tasks": few, "limit": max(1, ITEMS // len(few))})
        else:
            of_each = max(1, ITEMS // len({item.task for item in asked.items}))
            little = one.model_copy(update={"limit": min(of_each, settings.limit or of_each)})
        found.append((little, count))
    return found


@dataclass(frozen=True)
class _Took:
    fixed: float
    an_item: float


def _timed(probe: _Probe, settings: EvaluateSection) -> tuple[_Took, int]:
    """Time of an item, and of what is done however few there are: asked twice, the second time from the journal."""
    subject = Subject("probe", "probe", probe.load)
    path = probe.folder / f"evaluate-{digest(settings.model_dump(mode='json'))}.sqlite"
    probe.load()
    took = []
    with Journal(path) as journal:
        for _ in range(2):
            start = time.monotonic()
            found = measure(settings, subject, seed=probe.recipe.seed, journal=journal)
            took.append(time.monotonic() - start)
    items = len(found.scores)
    return _Took(took[1], max(0.0, took[0] - took[1]) / items), items


def _own_parts(probe: _Probe, waiting: Sequence[ArmRun], asked: _Asked, jobs: int) -> list[Part]:
    """Reference, training and evaluation of the runs that are not finished."""
    if not waiting:
        return []
    costs = _training_costs(probe, waiting)
    reference, training, bases = 0.0, 0.0, set()
    seen: set[str] = set()
    for one in waiting:
        cost = costs[_kind(one)]
        count = _pairs_expected(probe, one)
        training += cost.an_example * count * one.recipe.train.num_train_epochs
        mark = digest([_kind(one), one.recipe.mix.model_dump(mode="json", exclude={"seed", "order"}), *_seeded(one)])
        if mark not in seen:
            reference += cost.reference * count
            seen.add(mark)
        bases.add(cost.basis)
    parts = [Part(name="the reference's log-probabilities", seconds=reference, basis="; ".join(sorted(bases)))]
    side = f", {jobs} side by side" if jobs > 1 else ""
    parts.append(Part(name=f"{len(waiting)} trainings{side}", seconds=training / jobs, basis="; ".join(sorted(bases))))
    parts.append(
        Part(name=f"{len(waiting)} evaluations{side}", seconds=asked.total * len(waiting) / jobs, basis=asked.basis)
    )
    if asked.held_out:
        seconds = asked.held_out * len(waiting) / jobs
        parts.append(Part(name=f"held-out rows{side}", seconds=seconds, basis="a few rows of the untouched model"))
    return parts


def _kind(one: ArmRun) -> str:
    """Runs of one kind cost alike: the same training, on as many answers of a sample."""
    train = one.recipe.train.model_dump(mode="json", exclude={"seed"})
    width = one.recipe.mix.kind if one.recipe.mix.kind in ("all", "original") else "one"
    return digest([train, width])


def _seeded(one: ArmRun) -> list[int]:
    """Seeds that decide what the reference is asked: of a drawn mix, and of KTO's prompts with answers of others."""
    drawn = [one.recipe.mix_seed] if one.recipe.mix.kind == "mixed" else []
    return [*drawn, one.recipe.train_seed] if one.recipe.train.method == "kto" else drawn


def _pairs_expected(probe: _Probe, one: ArmRun) -> int:
    """Samples that a run will train on, where its mix is made; else all."""
    summary = probe.matrix.run(one, quiet=True).folder.stage("mix") / "summary.json"
    if summary.is_file():
        mix = MixSummary.model_validate(read_json(summary))
        return mix.samples - mix.without_pair
    return min(probe.matrix.split.summary.limit, one.recipe.data.limit or NEVER)


@dataclass(frozen=True)
class _Cost:
    an_example: float
    """Seconds of one sample in one epoch."""
    reference: float
    """Seconds of one sample, once."""
    basis: str


def _training_costs(probe: _Probe, waiting: Sequence[ArmRun]) -> Mapping[str, _Cost]:
    from seapo.model.load import load_model

    kinds: dict[str, ArmRun] = {}
    for one in waiting:
        kinds.setdefault(_kind(one), one)
    model = load_model(probe.recipe.model)
    return {kind: _training_cost(probe, one, model) for kind, one in kinds.items()}


def _training_cost(probe: _Probe, one: ArmRun, model: Any) -> _Cost:
    """One round over a few samples."""
    from seapo.train import train
    from seapo.train.ahead import ask_reference

    pairs = _probe_pairs(probe, one)
    samples = len({pair.id for pair in pairs})
    few: TrainSection = one.recipe.train.model_copy(
        update={
            "num_train_epochs": 1.0,
            "save_steps": NEVER,
            "report_to": (),
            "merge": False,
            "data_path": None,
            "per_device_train_batch_size": min(samples, one.recipe.train.samples_per_step),
            "gradient_accumulation_steps": 1,
        }
    )
    out = probe.folder / f"train-{_kind(one)}"
    seed = one.recipe.train_seed
    with Journal(probe.folder / f"train-{_kind(one)}.sqlite") as journal:
        start = time.monotonic()
        ask_reference(pairs, few, model=model, seed=seed, journal=journal)
        between = time.monotonic()
        train(pairs, few, model=model, out_dir=out, seed=seed, journal=journal, warn=lambda text: None)
        end = time.monotonic()
    return _Cost((end - between) / samples, (between - start) / samples, f"a step of {samples} samples of each kind")


def _probe_pairs(probe: _Probe, one: ArmRun) -> list[PreferencePair]:
    """Pairs to try: of the run itself where they are made, else of the few samples with errors."""
    own = probe.matrix.run(one, quiet=True)
    if (own.folder.stage("mix") / "pairs.jsonl").is_file():
        pairs = list(read_records(own.folder.stage("mix") / "pairs.jsonl", PreferencePair))
        ids = sorted({pair.id for pair in pairs}, key=lambda sample_id: digest([1, sample_id]))[:SAMPLES]
        return [pair for pair in pairs if pair.id in ids]
    run = _injected(probe, one).run
    mixed = Run(run.recipe.model_copy(update={"mix": one.recipe.mix}), quiet=True)
    try:
        run_stages(mixed, ["mix"])
    except SeapoError:  # none of the few has the type; what other types cost tells as much
        values = {"kind": "mixed", "error_type": None, "weights": None}
        mixed = Run(run.recipe.model_copy(update={"mix": one.recipe.mix.model_copy(update=values)}), quiet=True)
        run_stages(mixed, ["mix"])
    return list(mixed.records("mix", "pairs.jsonl", PreferencePair))
