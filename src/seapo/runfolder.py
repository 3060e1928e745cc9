"""A run's folder: which stages are finished, on what inputs; a stage's output appears in it whole or not at all.

    runs/journal.sqlite  what was computed at some cost, by any run beside it
    runs/quickstart/
        recipe.yaml      the resolved recipe
        run.json         versions, seeds, hashes, times
        source/ inject/ verify/ mix/ train/ evaluate/ report/      each with a manifest.json

A stage writes into `.STAGE.FINGERPRINT.partial`, after its inputs, which is renamed when it is complete. A killed stage
finds its partial folder again as long as the inputs are still the same.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seapo.errors import RunError
from seapo.journal import NAME as JOURNAL
from seapo.store import file_sha256, read_json, write_json

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    def stage(self, name: str) -> Path:
        """Folder of a stage's finished output."""
        return self.path / name

    @property
    def journal(self) -> Path:
        """File of the journal. Runs beside each other share it; its keys are hashes of all that values follow from."""
        return self.path.parent / JOURNAL

    @property
    def own_journal(self) -> Path:
        """File of the journal that earlier versions kept for each run; read where it is there, and never written."""
        return self.path / JOURNAL

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one process; raises RunError where another one works in it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                raise RunError(
                    f"another seapo process works in {self.path}; wait for it, or choose name=..."
                ) from problem
            yield

    def fingerprint(self, stage: str) -> str | None:
        """Fingerprint of a finished stage's inputs; None where it has not finished or its files were changed."""
        folder = self.stage(stage)
        if not (folder / MANIFEST).is_file():
            return None
        manifest = read_json(folder / MANIFEST)
        if hash_files(folder) != manifest["outputs"]:
            return None
        fingerprint: str = manifest["fingerprint"]
        return fingerprint

    def outputs(self, stage: str) -> dict[str, str]:
        """File -> SHA-256 of a finished stage."""
        outputs: dict[str, str] = read_json(self.stage(stage) / MANIFEST)["outputs"]
        return outputs

    def partial(self, stage: str) -> list[Path]:
        """Folders of a stage that was stopped."""
        return sorted(self.path.glob(f".{stage}.*.partial"))

    def produce(self, stage: str, fingerprint: str, write: Callable[[Path], None]) -> None:
        """Let `write` fill a stage's folder, and put it in place when it is complete."""
        partial = self.path / f".{stage}.{fingerprint}.partial"
        for other in set(self.partial(stage)) - {partial}:
            shutil.rmtree(other)
        partial.mkdir(parents=True, exist_ok=True)
        if not (partial / MANIFEST).is_file():
            write(partial)
            write_json(partial / MANIFEST, {"fingerprint": fingerprint, "outputs": hash_files(partial)})
        self._put_in_place(stage, partial)

    def _put_in_place(self, stage: str, partial: Path) -> None:
        final, old = self.stage(stage), self.path / f".{stage}.old"
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            final.rename(old)
        partial.rename(final)
        shutil.rmtree(old, ignore_errors=True)


def hash_files(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file below a stage's folder, its manifest left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: file_sha256(path) for name, path in names.items() if name != MANIFEST}
