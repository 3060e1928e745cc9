"""Checkpoints that are whole or not there: written beside, then renamed into place.

    checkpoints/<plan>/checkpoint-20      the newest one; older ones are removed
    checkpoints/<plan>/.new               one that is being written, or was when a kill came

`<plan>` is a digest of all that the training follows from, so that a checkpoint of other data, settings or weights is
never gone on with.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

PREFIX = "checkpoint-"
PARTS = (
    ("trainer_state.json",),
    ("scheduler.pt",),
    ("optimizer.pt", "optimizer_0", "optimizer.bin", "latest"),
    ("adapter_model.safetensors", "model.safetensors", "pytorch_model_fsdp_0", "pytorch_model_fsdp.bin"),
)
"""What a complete checkpoint holds: of each line one; the later names are what FSDP and DeepSpeed write."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training."""

    root: Path
    plan: str
    processes: int = 1

    @property
    def folder(self) -> Path:
        """Folder of this plan's checkpoints."""
        return self.root / self.plan

    @property
    def staging(self) -> Path:
        """Where a checkpoint is written before it is put in place."""
        return self.folder / ".new"

    def open(self) -> None:
        """Make the folder; remove what another plan or a kill left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for other in self.root.iterdir():
            if other != self.folder:
                shutil.rmtree(other)
        shutil.rmtree(self.staging, ignore_errors=True)

    def newest(self) -> Path | None:
        """The newest complete checkpoint; None where there is none."""
        return max((path for path in self._all() if self._is_complete(path)), key=step_of, default=None)

    def put_in_place(self, step: int) -> None:
        """Make the staged checkpoint of a step the newest, and remove the older ones."""
        staged = self.staging / f"{PREFIX}{step}"
        for path in staged.rglob("*"):
            _flush(path)
        old = self._all()
        for path in old:
            if step_of(path) == step:
                shutil.rmtree(path)
        staged.rename(self.folder / staged.name)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Remove all checkpoints, once the training's result is in place."""
        shutil.rmtree(self.root)

    def _is_complete(self, checkpoint: Path) -> bool:
        numbers = ["rng_state.pth"] if self.processes == 1 else [f"rng_state_{n}.pth" for n in range(self.processes)]
        parts = [*PARTS, *((name,) for name in numbers)]
        return all(any((checkpoint / name).exists() for name in part) for part in parts)

    def _all(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.name.startswith(PREFIX)]


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.removeprefix(PREFIX))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
