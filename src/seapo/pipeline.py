"""Composes the stages into a run: what each reads and writes, what is reused, and what is said on the way.

    source -> inject -> verify -> mix -> train -> evaluate -> report

A stage is reused when the fingerprint of its inputs still matches: its part of the recipe, the files of the stages
before it, the data's and the model's hash, and the version of its code. `STAGES` says which of these each stage has.
"""

import functools
import importlib.metadata
import os
import platform
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from seapo.errors import RunError
from seapo.journal import Journal
from seapo.recipe import DataSection, ModelSection, Recipe, dump_recipe
from seapo.records import (
    Candidate,
    ItemScore,
    Negative,
    PreferencePair,
    Record,
    Sample,
    Skip,
    digest,
)
from seapo.runfolder import MANIFEST, RunFolder, hash_files
from seapo.store import file_sha256, read_json, read_records, write_json, write_records, write_text
from seapo.summaries import TrainSummary
from seapo.trained import load_scorer, scorer_fingerprint, trained_weights

T = TypeVar("T")
REPORTED = ("source", "inject", "verify", "mix", "train", "evaluate")
PACKAGES = ("accelerate", "numpy", "peft", "pydantic", "safetensors", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class Stage:
    """One stage: what its output depends on, and the function that writes it."""

    name: str
    version: int
    """Raised when the stage's code gives other output for the same input."""
    sections: tuple[str, ...]
    """Sections of the recipe that it reads."""
    inputs: dict[str, tuple[str, ...]]
    """Stage -> files of it that it reads; no file named means all."""
    write: Callable[["Run", Path], None]
    depends: Callable[[Recipe], Any] | None = None
    """What else it depends on, as a JSON-like value: hashes of data and model, what the machine offers."""


@dataclass
class Run:
    """A recipe at work in its folder."""

    recipe: Recipe
    quiet: bool = False
    folder: RunFolder = field(init=False)
    seconds: dict[str, float] = field(default_factory=dict)
    """Stage -> seconds that it took in this call; a reused stage is left out."""
    has_called: bool = False
    """Whether the other processes were called to train, where there are any."""

    def __post_init__(self) -> None:
        self.folder = RunFolder(self.recipe.run_dir)

    @property
    def speaks(self) -> bool:
        """Whether this is the one of several processes that writes files and prints results."""
        return _process_count() == 1 or os.environ.get("RANK") == "0"

    def warn(self, text: str) -> None:
        """A warning on stderr, above a progress bar that is under way."""
        from tqdm import tqdm

        if not self.quiet:
            tqdm.write(f"  warning: {text}", file=sys.stderr)

    def say(self, text: str) -> None:
        """A line about progress, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def progress(self, description: str) -> Callable[[Iterable[T]], Iterable[T]]:
        """A progress bar on stderr, with rate and time left, to put around an iterable."""

        def bar(items: Iterable[T]) -> Iterable[T]:
            from tqdm import tqdm

            pause_s = 0.2 if sys.stderr.isatty() else 10.0
            return tqdm(items, desc=f"  {description}", disable=self.quiet, mininterval=pause_s, dynamic_ncols=True)

        return bar

    def journal(self) -> Journal:
        """The run's journal, to be closed by the caller."""
        return Journal(self.folder.journal)

    def records(self, stage: str, file: str, kind: type[Any]) -> list[Any]:
        """Records of a finished stage's file."""
        return list(read_records(self.folder.stage(stage) / file, kind))


def run_stages(run: Run, names: Sequence[str] | None = None) -> None:
    """Bring the named stages (all, by default) up to date, in order; finished ones whose inputs match are reused.

    Raises RunError where a named stage needs one that is not named, and missing or out of date.
    """
    _quiet_libraries()
    names = list(STAGES) if names is None else names
    if _process_count() > 1:
        _train_together(run, names)
    else:
        _run_stages(run, names)


def _run_stages(run: Run, names: Sequence[str]) -> None:
    for stage in STAGES.values():
        if stage.name in names and stage.depends:
            stage.depends(run.recipe)  # a mistake in the last stage's settings shows before the first stage's work
    with run.folder.lock():
        write_text(run.folder.path / "recipe.yaml", dump_recipe(run.recipe))
        for stage in STAGES.values():
            if stage.name in names:
                _require_inputs(run, stage, given=names)
                _bring_up_to_date(run, stage)


def plan(run: Run) -> dict[str, str]:
    """Stage -> what a call would do with it now: `reuse`, `go on`, `run`."""
    doings: dict[str, str] = {}
    for stage in STAGES.values():
        if all(doings[name] == "reuse" for name in _inputs(run, stage)) and _is_current(run, stage):
            doings[stage.name] = "reuse"
        else:
            doings[stage.name] = "go on" if run.folder.partial(stage.name) else "run"
    return doings


def stage_fingerprint(run: Run, stage: Stage) -> str:
    """16 hex digits over everything that a stage's output follows from."""
    values = run.recipe.model_dump(mode="json")
    return digest(
        {
            "stage": [stage.name, stage.version],
            "seed": run.recipe.seed,
            "recipe": {section: values[section] for section in stage.sections},
            "inputs": {name: _input_hashes(run, name, files) for name, files in _inputs(run, stage).items()},
            "depends": stage.depends(run.recipe) if stage.depends else None,
        }
    )


def data_sha256(data: DataSection) -> dict[str, str]:
    """File -> SHA-256 of what the recipe's data path stands for; the starter set has a digest, a hub id is itself."""
    if data.path == "starter":
        from seapo.tasks.starter import training_samples

        return {"starter": digest(list(training_samples()))}
    path = Path(data.path)
    if path.is_file():
        return {path.name: file_sha256(path)}
    return hash_files(path) if path.is_dir() else {"hub": data.path}


def _is_current(run: Run, stage: Stage) -> bool:
    """Whether a stage has finished on its inputs as they are now; these are there."""
    return run.folder.fingerprint(stage.name) == stage_fingerprint(run, stage)


def _require_inputs(run: Run, stage: Stage, *, given: Sequence[str]) -> None:
    inputs = _inputs(run, stage)
    if set(inputs) <= set(given):
        return
    doings = plan(run)
    for name in inputs:
        if name not in given and doings[name] != "reuse":
            state = "no longer fits the recipe" if run.folder.fingerprint(name) else "is not there"
            raise RunError(
                f"'{stage.name}' needs the output of '{name}', which {state}; run: seapo {name} {run.folder.path}"
            )


def _bring_up_to_date(run: Run, stage: Stage) -> None:
    fingerprint = stage_fingerprint(run, stage)
    if run.folder.fingerprint(stage.name) == fingerprint:
        run.say(f"{stage.name}: reused")
        return
    run.say(f"{stage.name} ...")
    start = time.monotonic()
    run.folder.produce(stage.name, fingerprint, lambda folder: stage.write(run, folder))
    run.seconds[stage.name] = round(time.monotonic() - start, 1)
    _write_run_json(run)
    run.say(f"{stage.name}: done in {run.seconds[stage.name]:.0f} s")


def _inputs(run: Run, stage: Stage) -> dict[str, tuple[str, ...]]:
    """What a stage reads of others: nothing, where training is given data of its own."""
    return {} if stage.name == "train" and run.recipe.train.data_path else stage.inputs


def _input_hashes(run: Run, stage: str, files: tuple[str, ...]) -> dict[str, str]:
    outputs = run.folder.outputs(stage)
    return {name: sha for name, sha in outputs.items() if not files or name in files}


def _model_hash(recipe: Recipe) -> list[str]:
    from seapo.model.identity import dtype_name, model_fingerprint

    return [model_fingerprint(recipe.model), dtype_name(recipe.model.dtype)]


def _train_hash(recipe: Recipe) -> list[Any]:
    from seapo.model.identity import model_fingerprint

    reference, data = recipe.train.reference, recipe.train.data_path
    return [
        _model_hash(recipe),
        None if reference is None else model_fingerprint(ModelSection(name=reference)),
        None if data is None else data_sha256(DataSection(path=data)),
    ]


def _inject_hash(recipe: Recipe) -> list[Any]:
    from seapo.inject import STRATEGIES
    from seapo.taxonomy import ERROR_TYPES

    for strategy in recipe.inject.strategies:
        STRATEGIES[strategy]
    return [_model_hash(recipe), [asdict(ERROR_TYPES[name]) for name in recipe.inject.error_types]]


def _sandbox_hash(recipe: Recipe) -> bool:
    """Unit tests prove nothing where no code may run, so a sandbox that was installed since makes a difference."""
    from seapo.sandbox import is_available

    return is_available() or recipe.verify.allow_unsandboxed_code


def _items_hash(recipe: Recipe) -> str:
    from seapo.evaluate import load_items

    return digest([_model_hash(recipe), load_items(recipe.evaluate, seed=recipe.seed)])


def _write_run_json(run: Run) -> None:
    path = run.folder.path / "run.json"
    before = read_json(path)["stages"] if path.is_file() else {}
    stages = {}
    for name in STAGES:
        fingerprint = run.folder.fingerprint(name)
        if fingerprint is not None:
            old = before.get(name, {})
            seconds = run.seconds.get(name, old.get("seconds") if old.get("fingerprint") == fingerprint else None)
            stages[name] = {"fingerprint": fingerprint, "seconds": seconds}
    write_json(
        path,
        {
            "seapo": importlib.metadata.version("seapo"),
            "python": platform.python_version(),
            "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
            "platform": platform.platform(),
            "seed": run.recipe.seed,
            "data_sha256": data_sha256(run.recipe.data),
            "model": dict(
                zip(("fingerprint", "dtype"), _model_hash(run.recipe), strict=True), name=run.recipe.model.name
            ),
            "stages": stages,
        },
    )


def _process_count() -> int:
    """How many processes `accelerate launch` started for this."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _quiet_libraries() -> None:
    """Keep the libraries' own bars and notices out of ours, where they are loaded at all."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")


def _write_source(run: Run, folder: Path) -> None:
    from seapo.source import read_source

    result = read_source(run.recipe.data, seed=run.recipe.seed)
    write_records(folder / "samples.jsonl", result.samples)
    write_records(folder / "rejected_rows.jsonl", result.rejected)
    _write_summary(folder, result.summary)
    run.say(f"  {result.summary.path}: format {result.summary.format}, {len(result.samples)} samples")


def _write_inject(run: Run, folder: Path) -> None:
    from seapo.inject import inject

    dtype = run.recipe.model.dtype
    with run.journal() as journal:
        result = inject(
            run.records("source", "samples.jsonl", Sample),
            run.recipe.inject,
            scorer=lambda: load_scorer(run.recipe, dtype=dtype),
            fingerprint=scorer_fingerprint(run.recipe, dtype=dtype),
            seed=run.recipe.seed,
            journal=journal,
            progress=run.progress("inject"),
        )
    write_records(folder / "candidates.jsonl", result.candidates)
    write_records(folder / "skipped.jsonl", result.skips)
    _write_summary(folder, result.summary)


def _write_verify(run: Run, folder: Path) -> None:
    from seapo.verify import verify_candidates

    with run.journal() as journal:
        result = verify_candidates(
            run.records("source", "samples.jsonl", Sample),
            run.records("inject", "candidates.jsonl", Candidate),
            run.records("inject", "skipped.jsonl", Skip),
            run.recipe.verify,
            error_types=run.recipe.inject.error_types,
            journal=journal,
            progress=run.progress("verify"),
        )
    write_records(folder / "negatives.jsonl", result.negatives)
    write_records(folder / "dropped.jsonl", result.dropped)
    write_records(folder / "skipped.jsonl", result.skips)
    write_records(folder / "set_aside.jsonl", result.set_aside)
    _write_summary(folder, result.summary)


def _write_mix(run: Run, folder: Path) -> None:
    from seapo.mix import mix_pairs

    samples = run.records("source", "samples.jsonl", Sample)
    negatives = run.records("verify", "negatives.jsonl", Negative)
    result = mix_pairs(samples, negatives, run.recipe.mix, seed=run.recipe.seed)
    write_records(folder / "pairs.jsonl", result.pairs)
    _write_summary(folder, result.summary)


def _write_train(run: Run, folder: Path) -> None:
    from seapo.train import processes

    if _take_over(run, folder):
        return
    with run.journal() as journal:
        if processes.count() > 1:
            run.has_called = True
            processes.tell(str(folder))
        _write_summary(folder, _train(run, folder, journal))


def _train(run: Run, folder: Path, journal: Journal) -> TrainSummary:
    from seapo.model.load import load_model
    from seapo.train import processes, train

    processes.join()  # before the model is loaded: each process has a device of its own
    summary: TrainSummary = train(
        [] if run.recipe.train.data_path else run.records("mix", "pairs.jsonl", PreferencePair),
        run.recipe.train,
        model=load_model(run.recipe.model),
        out_dir=folder,
        seed=run.recipe.seed,
        journal=journal,
        progress=run.progress,
        warn=run.warn,
    )
    return summary


def _train_together(run: Run, names: Sequence[str]) -> None:
    """The train stage in several processes: the main one does what one alone would do, and calls the others to it."""
    from seapo.train import processes

    if list(names) != ["train"]:
        raise RunError(
            f"{_process_count()} processes were started, and together they can only train; run the other stages in "
            f"one, then: accelerate launch -m seapo train {run.folder.path}"
        )
    processes.join()
    if processes.is_main():
        try:
            _run_stages(run, names)
        finally:
            if not run.has_called:
                processes.tell(None)
        return
    run.quiet = True
    called = processes.tell(None)
    if called is not None:
        with run.journal() as journal:
            _train(run, Path(called), journal)


def _take_over(run: Run, folder: Path) -> bool:
    """Take what a finished training wrote that differs in `train.merge` alone; merge it, in place of training again."""
    from seapo.model.load import load_model
    from seapo.train.saving import merge_saved

    settings = run.recipe.train
    before = run.recipe.model_copy(update={"train": settings.model_copy(update={"merge": not settings.merge})})
    finished = run.folder.stage("train")
    if run.folder.fingerprint("train") != stage_fingerprint(Run(before), STAGES["train"]):
        return False
    shutil.copytree(finished, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST, "merged"))
    if settings.merge and settings.tuning == "lora":
        merge_saved(load_model(run.recipe.model), folder)
    return True


def _write_evaluate(run: Run, folder: Path) -> None:
    from seapo.evaluate import compare, evaluate, load_items

    settings = run.recipe.evaluate
    items = load_items(settings, seed=run.recipe.seed)
    scores: dict[str, list[ItemScore]] = {}
    with run.journal() as journal:
        for name, weights in (("before", None), ("after", trained_weights(run.folder))):
            scores[name] = evaluate(
                items,
                functools.partial(load_scorer, run.recipe, dtype=settings.dtype, weights=weights),
                fingerprint=scorer_fingerprint(run.recipe, dtype=settings.dtype, weights=weights),
                journal=journal,
                progress=run.progress(f"evaluate {name}"),
            )
            write_records(folder / f"{name}.jsonl", scores[name])
    summary = compare(
        scores["before"],
        scores["after"],
        model=read_json(run.folder.stage("train") / "summary.json")["model"],
        confidence=settings.confidence,
        seed=run.recipe.seed,
    )
    _write_summary(folder, summary)


def _write_report(run: Run, folder: Path) -> None:
    from seapo.report import read_run, render

    contents = read_run(run.folder.path)
    write_text(folder / "index.html", render(contents, settings=run.recipe.report))


def _write_summary(folder: Path, summary: Record) -> None:
    write_json(folder / "summary.json", summary.model_dump(mode="json"))


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("source", 1, ("data",), {}, _write_source, lambda recipe: data_sha256(recipe.data)),
        Stage("inject", 1, ("inject", "model"), {"source": ("samples.jsonl",)}, _write_inject, _inject_hash),
        Stage(
            "verify",
            1,
            ("verify", "inject"),
            {"source": ("samples.jsonl",), "inject": ("candidates.jsonl", "skipped.jsonl")},
            _write_verify,
            _sandbox_hash,
        ),
        Stage("mix", 1, ("mix",), {"source": ("samples.jsonl",), "verify": ("negatives.jsonl",)}, _write_mix),
        Stage("train", 2, ("train", "model"), {"mix": ("pairs.jsonl",)}, _write_train, _train_hash),
        Stage("evaluate", 1, ("evaluate", "model"), {"train": ()}, _write_evaluate, _items_hash),
        Stage("report", 1, ("report",), dict.fromkeys(REPORTED, ()), _write_report),
    )
}
