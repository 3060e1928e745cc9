"""What the writers of the formats are given, and what they say of what they wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seapo.export.pairs import Row
from seapo.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """Rows to be written to a folder that is there and empty."""

    folder: Path
    rows: tuple[Row, ...]
    recipe: Recipe
    micro_batch_size: int | None = None
    """Of single answers; None: as the recipe's batch has it, where siblings can be kept apart in it."""


@dataclass(frozen=True)
class Written:
    """What a writer made of the rows."""

    rows: int
    """Rows of the data file; pairs where there are several files."""
    use: str
    """How the tool is called on it, in Markdown."""
    data_files: str | None = None
    """What `datasets.load_dataset` reads of the folder; None where it has another entry."""
    set_aside: dict[str, int] = field(default_factory=dict)
    """Why the tool could not take a pair -> how many of them were left out."""
    notes: tuple[str, ...] = ()
    """How training with the written files differs from the recipe's, in sentences with the file's name before them."""
    kept: tuple[Row, ...] | None = None
    """The pairs that were written, where some were left out."""


def named_notes(file: str, notes: Sequence[str]) -> tuple[str, ...]:
    """The sentences, each behind the name of the file that they are about."""
    return tuple(f"`{file}`: {note}" for note in notes)
