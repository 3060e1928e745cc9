"""Composes the stages into a run: brings them up to date in their order, and reuses what still fits."""

import importlib.metadata
import logging
import os
import platform
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from seapo.errors import RunError
from seapo.recipe import dump_recipe
from seapo.run import Run, process_count
from seapo.stages import STAGES, Stage, data_sha256, inputs_of, model_hash, stage_fingerprint, train_here
from seapo.store import read_json, write_json, write_text

__all__ = ["STAGES", "Run", "plan", "quiet_libraries", "run_stages", "wanted"]

PACKAGES = ("accelerate", "numpy", "peft", "pydantic", "safetensors", "tokenizers", "torch", "transformers")


def run_stages(run: Run, names: Sequence[str] | None = None) -> None:
    """Bring the named stages (by default, all that the recipe wants) up to date, in order; what still fits is reused.

    Raises RunError where a named stage needs one that is not named, and missing or out of date.
    """
    quiet_libraries()
    names = wanted(run) if names is None else names
    if process_count() > 1:
        _train_together(run, names)
    else:
        _run_stages(run, names)


def _run_stages(run: Run, names: Sequence[str]) -> None:
    for stage in STAGES.values():
        if stage.name in names and stage.depends:
            stage.depends(run.recipe)  # a mistake in the last stage's settings shows before the first stage's work
    with run.folder.lock(), run.progress_file.call(names):
        write_text(run.folder.path / "recipe.yaml", dump_recipe(run.recipe))
        for stage in STAGES.values():
            if stage.name in names:
                _require_inputs(run, stage, given=names)
                _bring_up_to_date(run, stage)


def _train_together(run: Run, names: Sequence[str]) -> None:
    """The train stage in several processes: the main one does what one alone would do, and calls the others to it."""
    from seapo.train import processes

    if list(names) != ["train"]:
        raise RunError(
            f"{process_count()} processes were started, and together they can only train; run the other stages in "
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
            train_here(run, Path(called), journal)


def wanted(run: Run) -> list[str]:
    """The stages of a run of this recipe: all, but for the diagnosis where it does not ask for one."""
    return [name for name in STAGES if name != "diagnose" or run.recipe.has_diagnosis]


def plan(run: Run, *, also: Sequence[str] = ()) -> dict[str, str]:
    """Stage that the recipe wants, or that is named -> what a call would do with it now: `reuse`, `go on`, `run`."""
    doings: dict[str, str] = {}
    for stage in (STAGES[name] for name in STAGES if name in (*wanted(run), *also)):
        needed = doings if stage.reads_what_is_there else inputs_of(run, stage)
        if all(doings[name] == "reuse" for name in needed) and _is_current(run, stage):
            doings[stage.name] = "reuse"
        else:
            doings[stage.name] = "go on" if run.folder.partial(stage.name) else "run"
    return doings


def _is_current(run: Run, stage: Stage) -> bool:
    """Whether a stage has finished on its inputs as they are now; these are there."""
    return run.folder.fingerprint(stage.name) == stage_fingerprint(run, stage)


def _require_inputs(run: Run, stage: Stage, *, given: Sequence[str]) -> None:
    inputs = inputs_of(run, stage)
    if set(inputs) <= set(given):
        return
    doings = plan(run)
    for name in inputs:
        if name not in given and doings.get(name, "reuse") != "reuse":
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
    run.progress_file.enter(stage.name)
    start = time.monotonic()
    run.folder.produce(stage.name, fingerprint, lambda folder: stage.write(run, folder))
    run.seconds[stage.name] = round(time.monotonic() - start, 1)
    _write_run_json(run)
    run.say(f"{stage.name}: done in {run.seconds[stage.name]:.0f} s")


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
                zip(("fingerprint", "dtype"), model_hash(run.recipe), strict=True), name=run.recipe.model.name
            ),
            "stages": stages,
        },
    )


def quiet_libraries() -> None:
    """Keep the libraries' own bars and notices out of ours, where they are loaded at all."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    # Where it is installed, accelerate imports it whenever a model is saved, and it says on stdout what it found.
    logging.getLogger("DeepSpeed").addFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
