"""Brings an experiment up to date: what runs have in common once, then a training and an evaluation for each.

First, in this process: the stages up to the mix, each made by the first run that needs it and linked into the others;
the untouched model's scores; and what the reference says of every pair, with one loaded model. Then the trainings, in
this process or in several side by side. Every finished stage stays, so a killed call goes on where it was.
"""

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from seapo.amounts import duration
from seapo.errors import RunError, SeapoError, StoppedError
from seapo.evaluate import Subject, measure, write_evaluation
from seapo.evaluating import asked, evaluate_depends
from seapo.experiment.arms import ArmRun
from seapo.experiment.held_out import VERSION, examine
from seapo.experiment.matrix import HELD_OUT, Matrix
from seapo.experiment.sharing import is_current, take
from seapo.parallel import end_with_parent
from seapo.pipeline import run_stages, wanted
from seapo.recipe import Recipe, dump_recipe, parse_recipe
from seapo.recipe.experiment import UNTOUCHED
from seapo.records import PreferencePair, digest
from seapo.run import Run
from seapo.store import write_json, write_records, write_text
from seapo.trained import load_scorer, scorer_fingerprint, trained_weights

SHARED = ("source", "diagnose", "inject", "verify", "mix")
OWN = ("train", "evaluate")
ROWS = "rows.jsonl"


@dataclass
class Done:
    """What a call has done, and what it could not do."""

    made: Counter[str] = field(default_factory=Counter)
    """Stage -> runs that made it."""
    shared: Counter[str] = field(default_factory=Counter)
    """Stage -> runs that took it from another one."""
    reused: Counter[str] = field(default_factory=Counter)
    """Stage -> runs that had it before."""
    failed: dict[str, str] = field(default_factory=dict)
    """Run -> why it has no result."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Part of the work -> how long it took in this call."""

    def add(self, other: "Done") -> None:
        """Count what a run of another process did."""
        self.made += other.made
        self.shared += other.shared
        self.reused += other.reused

    def as_json(self) -> dict[str, dict[str, int] | dict[str, float] | dict[str, str]]:
        """Plain values."""
        counts = {name: dict(sorted(getattr(self, name).items())) for name in ("made", "shared", "reused")}
        return {**counts, "failed": self.failed, "seconds": {k: round(v, 1) for k, v in self.seconds.items()}}


def share_stages(matrix: Matrix, done: Done, *, quiet: bool) -> None:
    """Give every run its stages up to the mix; each is made once, and linked wherever it fits."""
    for one in matrix.runs:
        run = matrix.run(one, quiet=quiet)
        run.folder.path.mkdir(parents=True, exist_ok=True)
        write_text(run.folder.path / "recipe.yaml", dump_recipe(run.recipe))
        try:
            for stage in (name for name in SHARED if name in wanted(run)):
                _bring(run, stage, matrix, done)
        except StoppedError:
            raise
        except SeapoError as problem:
            done.failed[one.name] = str(problem)
            run.warn(f"{one.name}: {problem}")
    if len(done.failed) == len(matrix.runs):
        raise RunError(f"no run of the experiment can be trained; the first: {next(iter(done.failed.values()))}")


def _bring(run: Run, stage: str, matrix: Matrix, done: Done) -> None:
    if is_current(run, stage):
        done.reused[stage] += 1
    elif take(run, stage, matrix.donors):
        done.shared[stage] += 1
    else:
        run_stages(run, [stage])
        done.made[stage] += 1


def measure_untouched(matrix: Matrix, done: Done, *, quiet: bool) -> None:
    """Score the model before training, once for all arms, and let it answer the held-out prompts."""
    recipe, run = matrix.recipe, Run(matrix.recipe, quiet=quiet)
    if has_untouched(matrix):
        done.reused[UNTOUCHED] += 1
        return
    run.say("untouched model ...")

    def write(folder: Path) -> None:
        from seapo.model.embedded import NAME

        dtype, start = recipe.evaluate.dtype, time.monotonic()
        name = NAME if recipe.model.name == "embedded" else recipe.model.name
        load = functools.cache(functools.partial(load_scorer, recipe, dtype=dtype))
        subject = Subject(name, scorer_fingerprint(recipe, dtype=dtype), load)
        with run.journal() as journal:
            found = measure(
                recipe.evaluate, subject, seed=recipe.seed, journal=journal, progress=run.progress("evaluate untouched")
            )
        write_evaluation(folder, found.results, found.scores)
        between = time.monotonic()
        _examine(run, matrix, folder / "held_out.jsonl", load, subject.fingerprint)
        seconds = {"evaluate": round(between - start, 1), HELD_OUT: round(time.monotonic() - between, 1)}
        write_json(folder / "seconds.json", seconds)

    matrix.folder.produce(UNTOUCHED, untouched_fingerprint(matrix), write)
    done.made[UNTOUCHED] += 1


def has_untouched(matrix: Matrix) -> bool:
    """Whether the untouched model is scored, on the items and held-out rows as they are now."""
    return matrix.folder.fingerprint(UNTOUCHED) == untouched_fingerprint(matrix)


def untouched_fingerprint(matrix: Matrix) -> str:
    """Stands for the model before training, what it is asked and how, and the held-out rows."""
    recipe = matrix.recipe
    return digest([UNTOUCHED, 2, asked(recipe), evaluate_depends(recipe), _held_out_mark(matrix)])


def ask_references(matrix: Matrix, done: Done, *, quiet: bool) -> None:
    """Put what the reference says of all pairs into the journal, so that no two trainings ask the same."""
    waiting = [one for one in _trainable(matrix, done) if not is_current(matrix.run(one, quiet=True), "train")]
    waiting = [one for one in waiting if one.recipe.train.data_path is None]
    if not waiting:
        return
    from seapo.model.load import load_model
    from seapo.train.ahead import ask_reference

    start, first = time.monotonic(), matrix.run(waiting[0], quiet=quiet)
    first.say("reference ...")
    model = load_model(matrix.recipe.model)
    with first.journal() as journal:
        for one in waiting:
            run = matrix.run(one, quiet=quiet)
            pairs = run.records("mix", "pairs.jsonl", PreferencePair)
            ask_reference(
                pairs,
                one.recipe.train,
                model=model,
                seed=one.recipe.train_seed,
                journal=journal,
                progress=lambda name, run=run, own=one.name: run.progress(f"{own}: {name}"),  # type: ignore[misc]
            )
    done.seconds["reference"] = time.monotonic() - start


def train_all(matrix: Matrix, done: Done, *, jobs: int, quiet: bool) -> None:
    """Train and measure every run; with `jobs`, so many side by side, the machine's threads divided among them."""
    teller, start = Run(matrix.recipe, quiet=quiet), time.monotonic()
    waiting = [one for one in _trainable(matrix, done) if not is_finished(matrix, one)]
    done.reused["train"] += len(_trainable(matrix, done)) - len(waiting)
    for finished, (one, outcome) in enumerate(_outcomes(matrix, waiting, jobs=jobs, quiet=quiet), start=1):
        if isinstance(outcome, Done):
            done.add(outcome)
        else:
            done.failed[one.name] = outcome
            teller.warn(f"{one.name}: {outcome}")
        left = (time.monotonic() - start) / finished * (len(waiting) - finished)
        teller.say(f"{one.name}: done; {finished} of {len(waiting)} runs, about {duration(left)} left")
    done.seconds["train and evaluate"] = time.monotonic() - start


def _outcomes(matrix: Matrix, waiting: list[ArmRun], *, jobs: int, quiet: bool) -> Iterator[tuple[ArmRun, Done | str]]:
    """Each run with what was done, or why it failed."""
    if jobs <= 1 or len(waiting) <= 1:
        for one in waiting:
            yield one, _finish(one.recipe, matrix, quiet)
        return
    import torch

    threads = max(1, torch.get_num_threads() // jobs)
    values = matrix.recipe.model_dump(mode="json")
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(threads, values)
    ) as pool:
        futures = {pool.submit(_finish_there, one.name): one for one in waiting}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as problem:
            raise RunError(
                "a process of the experiment died, perhaps for want of memory; the same command goes on, and lower "
                "--jobs need less"
            ) from problem
        finally:
            pool.shutdown(cancel_futures=True)


_THERE: dict[str, Matrix] = {}
"""In a process beside the main one: the experiment that it works for."""


def _begin(threads: int, values: dict[str, object]) -> None:
    import torch

    from seapo.experiment.matrix import look
    from seapo.pipeline import quiet_libraries

    end_with_parent()
    quiet_libraries()
    torch.set_num_threads(threads)
    _THERE["matrix"] = look(parse_recipe(values))


def _finish_there(name: str) -> Done | str:
    matrix = _THERE["matrix"]
    (one,) = [each for each in matrix.runs if each.name == name]
    return _finish(one.recipe, matrix, quiet=True)


def _finish(recipe: Recipe, matrix: Matrix, quiet: bool) -> Done | str:
    """Train and measure one run."""
    run, done = Run(recipe, quiet=quiet), Done()
    run.say(f"{recipe.name}")
    try:
        for stage in OWN:
            _bring(run, stage, matrix, done)
        _examine_trained(run, matrix, done)
    except StoppedError:
        raise
    except SeapoError as problem:
        return str(problem)
    return done


def is_finished(matrix: Matrix, one: ArmRun) -> bool:
    """Whether the run is trained and measured, on what the recipe asks now."""
    run = matrix.run(one, quiet=True)
    return (
        all(is_current(run, stage) for stage in OWN)
        and run.folder.fingerprint(HELD_OUT) == _examined_fingerprint(run, matrix)
    )  # fmt: skip


def _trainable(matrix: Matrix, done: Done) -> list[ArmRun]:
    return [one for one in matrix.runs if one.name not in done.failed]


def _examine_trained(run: Run, matrix: Matrix, done: Done) -> None:
    """What the trained model makes of the held-out rows, beside its stages."""
    fingerprint = _examined_fingerprint(run, matrix)
    if run.folder.fingerprint(HELD_OUT) == fingerprint:
        done.reused[HELD_OUT] += 1
        return
    weights, dtype = trained_weights(run.folder), run.recipe.evaluate.dtype
    mark = scorer_fingerprint(run.recipe, dtype=dtype, weights=weights)
    load = functools.partial(load_scorer, run.recipe, dtype=dtype, weights=weights)
    with run.folder.lock():
        run.folder.produce(HELD_OUT, fingerprint, lambda folder: _examine(run, matrix, folder / ROWS, load, mark))
    done.made[HELD_OUT] += 1


def _examine(run: Run, matrix: Matrix, path: Path, load: Callable[[], Any], mark: str) -> None:
    recipe = matrix.recipe
    with run.journal() as journal:
        rows = examine(
            matrix.split.held_out,
            load,
            fingerprint=mark,
            answer_tokens=recipe.experiment.answer_tokens,
            max_length=recipe.train.max_length,
            journal=journal,
            progress=run.progress("held-out rows"),
        )
    write_records(path, rows)


def _examined_fingerprint(run: Run, matrix: Matrix) -> str:
    weights = trained_weights(run.folder)
    return digest([scorer_fingerprint(run.recipe, dtype=run.recipe.evaluate.dtype, weights=weights),
                   _held_out_mark(matrix)])  # fmt: skip


def _held_out_mark(matrix: Matrix) -> list[object]:
    recipe = matrix.recipe
    ids = digest([sample.model_dump(mode="json") for sample in matrix.split.held_out])
    return [VERSION, ids, recipe.experiment.answer_tokens, recipe.train.max_length]
