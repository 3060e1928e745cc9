"""How far a run is, as another process sees it: from the files in its folder alone, without a look into the data.

status = read_status(Path("runs/mine"))
status.state, status.under_way, [stage.seconds for stage in status.stages]
"""

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from seapo.errors import RunError, SeapoError, did_you_mean
from seapo.journal import NAME as JOURNAL
from seapo.progress import NAME, Progress, Step, read_progress
from seapo.records import Record
from seapo.runfolder import MANIFEST
from seapo.store import read_json

ORDER = ("source", "diagnose", "inject", "verify", "mix", "train", "evaluate", "report")
"""The stages of a run, as they follow each other."""
RECIPE = "recipe.yaml"
StageState = Literal["finished", "under way", "begun", "to come"]
RunState = Literal["running", "finished", "incomplete", "stopped", "interrupted", "failed", "killed", "unknown"]


class StageStatus(Record):
    """One stage of a run."""

    name: str
    state: StageState
    """`begun` is one that was ended before its end; it goes on from there."""
    seconds: float | None = None
    """Of a finished one: how long it took when it was computed; of one under way: how long it has been so."""
    outcome: str = ""
    """What a finished one says of itself, in a few words."""


class RunStatus(Record):
    """One run."""

    folder: str
    state: RunState
    """`killed`: its process is gone, and said no word of farewell; `unknown`: it runs on another machine, or did."""
    message: str = ""
    """Why it was stopped or failed."""
    pid: int | None = None
    host: str | None = None
    began_at: float | None = None
    """When the last call began, in seconds since 1970."""
    updated_at: float | None = None
    stages: tuple[StageStatus, ...]
    under_way: Step | None = None
    """What is, or was last, counted."""
    seconds_left: float | None = None
    """Of what is counted, at the present rate."""
    warnings: tuple[str, ...] = ()
    last_loss: float | None = None
    go_on: str | None = None
    """The command that goes on, where something is left to do and nobody does it."""
    bytes_used: int
    """Of the run's folder."""
    journal_bytes: int
    """Of the journal, which the runs beside it share."""


def read_status(folder: Path) -> RunStatus:
    """How far the run in a folder is; raises RunError where there is none."""
    if not _is_run(folder):
        raise RunError(_no_run(folder))
    said = read_progress(folder)
    stages = tuple(_stages(folder, said))
    state = _state(said, stages)
    is_under_way = said is not None and state in ("running", "unknown")
    step = said.step if said is not None and state != "finished" else None
    return RunStatus(
        folder=str(folder),
        state=state,
        message=said.message if said else "",
        pid=said.pid if said and is_under_way else None,
        host=said.host if said and is_under_way else None,
        began_at=said.began_at if said else None,
        updated_at=said.updated_at if said else None,
        stages=stages,
        under_way=step,
        seconds_left=step.seconds_left if step and is_under_way else None,
        warnings=said.warnings if said else (),
        last_loss=_last_loss(folder, step),
        go_on=None if is_under_way or state == "finished" else _command(folder, said),
        bytes_used=_size(folder),
        journal_bytes=sum(_file_size(path) for path in folder.parent.glob(f"{JOURNAL}*")),
    )


def find_runs(folder: Path) -> list[Path]:
    """The runs in a folder and its experiments, the last worked on at the end; raises RunError where there is none."""
    beside = [path for path in folder.iterdir() if _is_run(path)] if folder.is_dir() else []
    found = [run for path in beside for run in (_arms(path) if is_experiment(path) else [path])]
    if not found:
        raise RunError(f"{folder}: there is no run in it; begin one with seapo run RECIPE, or name a run's own folder")
    return sorted(found, key=_last_change)


def is_experiment(folder: Path) -> bool:
    """Whether a folder holds an experiment's runs, and is none itself."""
    return _is_run(folder) and not (folder / NAME).is_file() and bool(_arms(folder) or (folder / "untouched").is_dir())


def _arms(experiment: Path) -> list[Path]:
    return [path for path in experiment.iterdir() if _is_run(path)]


def _is_run(folder: Path) -> bool:
    return (folder / RECIPE).is_file() or (folder / NAME).is_file()


def _last_change(folder: Path) -> float:
    times = [path.stat().st_mtime for name in (NAME, "run.json", RECIPE) if (path := folder / name).is_file()]
    return max(times, default=0.0)


def _no_run(folder: Path) -> str:
    beside = sorted(path.name for path in folder.parent.iterdir() if _is_run(path)) if folder.parent.is_dir() else []
    there = f" Runs there: {', '.join(beside)}" if beside else " Begin one with seapo run RECIPE."
    return f"{folder}: no run has its folder there.{did_you_mean(folder.name, beside)}{there}"


def _stages(folder: Path, said: Progress | None) -> Iterable[StageStatus]:
    took = _durations(folder)
    wanted = set(said.stages if said else ())
    for name in ORDER:
        if said is not None and said.state == "running" and said.stage == name and is_alive(said) is not False:
            began = said.stage_began_at or said.began_at
            yield StageStatus(name=name, state="under way", seconds=round(time.time() - began, 1))
        elif (folder / name / MANIFEST).is_file():
            yield StageStatus(name=name, state="finished", seconds=took.get(name), outcome=_outcome(folder, name))
        elif any(folder.glob(f".{name}.*.partial")):
            yield StageStatus(name=name, state="begun")
        elif name != "diagnose" or name in wanted:
            yield StageStatus(name=name, state="to come")


def _durations(folder: Path) -> dict[str, float]:
    try:
        stages = read_json(folder / "run.json")["stages"]
        return {name: stage["seconds"] for name, stage in stages.items() if stage["seconds"] is not None}
    except (SeapoError, KeyError, TypeError, AttributeError):  # of another version, or not there yet
        return {}


def is_alive(said: Progress) -> bool | None:
    """Whether the process that wrote this still runs; None where another machine would have to be asked."""
    import psutil

    if said.host != socket.gethostname():
        return None
    try:
        process = psutil.Process(said.pid)
        is_same = bool(abs(process.create_time() - said.process_began_at) < 1)
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # somebody else's, so it is there
        return True


def _state(said: Progress | None, stages: Iterable[StageStatus]) -> RunState:
    is_complete = all(stage.state == "finished" for stage in stages)
    if said is None or said.state == "finished":
        return "finished" if is_complete else "incomplete"
    if said.state != "running":
        return said.state
    alive = is_alive(said)
    if alive is None:
        return "unknown"
    return "running" if alive else "killed"


def _command(folder: Path, said: Progress | None) -> str:
    """What goes on with the last call: its experiment, that one stage, where it was for one, and else the run."""
    if is_experiment(folder.parent):
        return f"seapo experiment {folder.parent}"
    one = said.stages[0] if said is not None and said.state != "finished" and len(said.stages) == 1 else "run"
    return f"seapo {one} {folder}"


def _last_loss(folder: Path, step: Step | None) -> float | None:
    if step is not None and "loss" in step.figures:
        return step.figures["loss"]
    loss = _summary(folder, "train").get("final", {}).get("loss")
    return float(loss) if isinstance(loss, int | float) else None


def _size(folder: Path) -> int:
    return sum(_file_size(path) for path in folder.rglob("*"))


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # renamed or removed by the run meanwhile
        return 0


def _summary(folder: Path, stage: str) -> dict[str, Any]:
    try:
        found = read_json(folder / stage / "summary.json")
    except SeapoError:
        return {}
    return found if isinstance(found, dict) else {}


def _outcome(folder: Path, stage: str) -> str:
    """A few words on a finished stage; none where its summary is of another version."""
    tell = _OUTCOMES.get(stage)
    try:
        return tell(_summary(folder, stage)) if tell else ""
    except (KeyError, TypeError, AttributeError):
        return ""


def _total(counts: Mapping[str, Any]) -> int:
    return sum(counts.values())


_OUTCOMES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "source": lambda said: f"{said['samples']:,} samples of {said['rows']:,} rows",
    "inject": lambda said: f"{_total(said['candidates']):,} candidates",
    "verify": lambda said: f"{_total(said['accepted']):,} negatives of {_total(said['asked']):,} asked",
    "mix": lambda said: f"{said['pairs']:,} pairs",
    "train": lambda said: f"{said['steps']:,} steps, {said['method']}",
    "evaluate": lambda said: f"{sum(row['items'] for row in said['tasks']):,} items",
}
