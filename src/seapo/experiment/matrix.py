"""The folder of an experiment, and what is in it.

runs/journal.sqlite            what was computed at some cost, by any run or experiment beside it
runs/NAME/
    recipe.yaml                the resolved recipe
    journal.sqlite             a link to the one above
    held_out/                  rows that no arm is trained on
    untouched/                 the model before training: results.json, samples.parquet, held_out.jsonl
    mixed-0/ mixed-1/ ...      a run for each arm and seed, as `seapo run` makes them, with held_out/ beside
    experiment/                results.json, results.md, work.json
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seapo.errors import DataError
from seapo.experiment.arms import Arm, ArmRun, arms_of, runs_of
from seapo.experiment.held_out import Split, SplitSummary, held_out_data, split_data
from seapo.journal import Journal
from seapo.recipe import Recipe
from seapo.recipe.experiment import UNTOUCHED
from seapo.records import Sample, digest
from seapo.run import Run
from seapo.runfolder import RunFolder
from seapo.stages import STAGES, data_sha256
from seapo.store import read_json, read_records, write_json, write_records

HELD_OUT = "held_out"
RESULTS = "experiment"


@dataclass(frozen=True)
class Matrix:
    """An experiment: its recipe, how the data is divided, its arms, and each of them with each seed."""

    recipe: Recipe
    split: Split
    arms: tuple[Arm, ...]
    runs: tuple[ArmRun, ...]

    @property
    def folder(self) -> RunFolder:
        """The experiment's folder, whose stages are `held_out`, `untouched` and `experiment`."""
        return RunFolder(self.recipe.run_dir)

    @property
    def untouched(self) -> Path:
        """Evaluation of the model before training."""
        return self.folder.stage(UNTOUCHED)

    def run(self, one: ArmRun, *, quiet: bool) -> Run:
        """A run of the matrix at work in its folder."""
        return Run(one.recipe, quiet=quiet)

    @property
    def donors(self) -> list[RunFolder]:
        """The folders of all runs."""
        return [RunFolder(one.recipe.run_dir) for one in self.runs]


def look(recipe: Recipe) -> Matrix:
    """The matrix of a recipe; reads the data where it was not divided before, and writes nothing."""
    folder = RunFolder(recipe.run_dir)
    is_there = folder.fingerprint(HELD_OUT) == split_fingerprint(recipe)
    return _matrix(recipe, _read_split(folder) if is_there else split_data(recipe))


def prepare(recipe: Recipe) -> Matrix:
    """The matrix of a recipe, its folder made: held-out rows, and the journal that all runs share."""
    found = look(recipe)
    folder, fingerprint = found.folder, split_fingerprint(recipe)
    if folder.fingerprint(HELD_OUT) != fingerprint:
        folder.produce(HELD_OUT, fingerprint, functools.partial(_write_split, found.split))
    _share_journal(folder)
    return found


def split_fingerprint(recipe: Recipe) -> str:
    """Stands for what is held out."""
    depends: Callable[[Recipe], Any] | None = STAGES["source"].depends
    assert depends is not None
    section, others = recipe.data.model_dump(mode="json"), held_out_data(recipe)
    own = [] if others is None else [others.path, data_sha256(others)]
    return digest([HELD_OUT, 1, section, depends(recipe), recipe.seed, recipe.experiment.held_out, *own])


def _matrix(recipe: Recipe, split: Split) -> Matrix:
    arms = arms_of(recipe, has_rejected=split.summary.has_rejected)
    if not split.summary.limit:
        raise DataError(f"{recipe.data.path}: no sample is left to train on; lower experiment.held_out")
    return Matrix(recipe, split, tuple(arms), tuple(runs_of(arms, recipe, limit=split.summary.limit)))


def _read_split(folder: RunFolder) -> Split:
    place = folder.stage(HELD_OUT)
    held = list(read_records(place / "samples.jsonl", Sample))
    return Split(held, SplitSummary.model_validate(read_json(place / "summary.json")))


def _write_split(split: Split, folder: Path) -> None:
    write_records(folder / "samples.jsonl", split.held_out)
    write_json(folder / "summary.json", split.summary.model_dump(mode="json"))


def _share_journal(folder: RunFolder) -> None:
    """Let the runs inside the folder use the journal beside it: what another experiment computed is found again."""
    Journal(folder.journal).close()
    inside = folder.path / folder.journal.name
    if not inside.exists() and not inside.is_symlink():
        inside.symlink_to(Path("..") / folder.journal.name)
