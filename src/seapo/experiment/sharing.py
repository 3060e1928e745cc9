"""What several runs have in common is made once: a finished stage that fits another run is linked into its folder.

Whether it fits is told by the stage's own fingerprint, over recipe, inputs, data, model and code. Files are hard links
(copies where the disk has none), so that every run stays whole when another one is removed.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from seapo.run import Run
from seapo.runfolder import MANIFEST, RunFolder
from seapo.stages import STAGES, stage_fingerprint
from seapo.store import read_json


def take(run: Run, stage: str, donors: Iterable[RunFolder]) -> bool:
    """Give a run the finished stage of another one that has the same inputs; False where none has."""
    fingerprint = stage_fingerprint(run, STAGES[stage])
    for donor in donors:
        is_another = donor.path != run.folder.path and _claims(donor, stage) == fingerprint
        if is_another and donor.fingerprint(stage) == fingerprint:  # its files are as it says
            _link(donor.stage(stage), run.folder, stage, fingerprint)
            return True
    return False


def is_current(run: Run, stage: str) -> bool:
    """Whether a run has the stage on its inputs as they are now."""
    found = run.folder.fingerprint(stage)
    return found is not None and found == stage_fingerprint(run, STAGES[stage])


def _claims(folder: RunFolder, stage: str) -> str | None:
    """The fingerprint that a manifest says, its files not looked at."""
    path = folder.stage(stage) / MANIFEST
    return read_json(path)["fingerprint"] if path.is_file() else None


def _link(source: Path, folder: RunFolder, stage: str, fingerprint: str) -> None:
    def write(partial: Path) -> None:
        shutil.rmtree(partial)
        shutil.copytree(source, partial, copy_function=_link_file, ignore=shutil.ignore_patterns(MANIFEST))

    with folder.lock():
        folder.produce(stage, fingerprint, write)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
