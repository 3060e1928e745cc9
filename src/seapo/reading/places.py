"""What a path in a recipe stands for: a file, a folder, a folder of `datasets`, or a data set of the hub."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from seapo.errors import DataError, did_you_mean
from seapo.reading.files import ENDINGS, data_ending, read_rows
from seapo.reading.rows import Row, printable
from seapo.reading.tables import hub_rows, is_saved_dataset, saved_dataset_rows
from seapo.records import RejectedRow

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(:[\w.-]+)?")
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
}
"""Words of file names -> the split that they name."""
METADATA_FILES = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"}


@dataclass(frozen=True)
class Wanted:
    """What a recipe names as its data, and how messages speak of that."""

    path: str
    split: str
    key: str = "data.path"
    """The recipe's key that holds the path."""
    choose: str = "choose by data.split one of"
    """How to take another split."""
    accepted: str = "a file, a folder, 'starter', and the id of a data set of the hub, as owner/name"


@dataclass(frozen=True)
class Part:
    """Rows that share a format."""

    file: str
    """Name for the records: of the file, below the folder that the path names."""
    where: str
    """Name for messages, as the user wrote it."""
    rows: Callable[[], Iterator[Row | RejectedRow]]


@dataclass(frozen=True)
class Place:
    """The parts that a path stands for, in order."""

    parts: list[Part]
    left_out: dict[str, str] = field(default_factory=dict)
    """File -> why it is not read."""


def find_place(wanted: Wanted) -> Place:
    """What the recipe's path stands for; raises DataError where it is nothing that can be read."""
    try:
        return _find(wanted)
    except OSError as problem:
        raise DataError(f"{wanted.key}: {wanted.path!r} cannot be read: {problem.strerror or problem}") from problem


def _find(wanted: Wanted) -> Place:
    path = Path(wanted.path)
    name = printable(path.name or wanted.path)
    if path.is_file():
        return Place([Part(name, str(path), lambda: read_rows(path, name))])
    if path.is_dir():
        if is_saved_dataset(path):
            options = {"split": wanted.split, "choose": wanted.choose}
            return Place([Part(name, str(path), lambda: saved_dataset_rows(path, name, **options))])
        return _folder(path, wanted)
    if _may_be_hub_id(wanted.path):
        options = {"split": wanted.split, "key": wanted.key}
        return Place([Part(wanted.path, wanted.path, lambda: hub_rows(wanted.path, wanted.path, **options))])
    raise DataError(_missing(wanted, path))


def _folder(folder: Path, wanted: Wanted) -> Place:
    split = wanted.split
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))
    data_files = [path for path in files if data_ending(path) and path.name not in METADATA_FILES]
    if not data_files:
        raise DataError(
            f"{folder}: the folder holds no data file; such a file ends in {', '.join(ENDINGS)}, or these with .gz"
        )
    splits = {path: _split_of(path.relative_to(folder), split) for path in data_files}
    of_split = [path for path in data_files if splits[path] == SPLITS.get(split, split)]
    chosen = of_split or [path for path in data_files if splits[path] is None]
    if not chosen:
        known = ", ".join(sorted({name for name in splits.values() if name}))
        raise DataError(f"{folder}: no file is of the split {split!r}; {wanted.choose}: {known}")
    name = printable(folder.resolve().name)
    why = f"its name is not of the split {split!r}; give the path of this file to read it"
    left_out = {_below(path, folder, name): why for path in data_files if path not in chosen}
    return Place([_part(path, _below(path, folder, name)) for path in chosen], left_out)


def _part(path: Path, file: str) -> Part:
    return Part(file, str(path), lambda: read_rows(path, file))


def _below(path: Path, folder: Path, name: str) -> str:
    return printable(f"{name}/{path.relative_to(folder).as_posix()}")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _split_of(path: Path, wanted: str) -> str | None:
    """The split that a file's name, or else its folder's, holds as a word: `train-00000.parquet`, `test/1.json`."""
    if wanted not in SPLITS and wanted in path.as_posix():
        return wanted
    for part in reversed(path.parts):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return SPLITS[word]
    return None


def _may_be_hub_id(path: str) -> bool:
    is_local = data_ending(Path(path)) is not None or Path(path).parent.is_dir()
    return HUB_ID.fullmatch(path) is not None and not is_local


def _missing(wanted: Wanted, path: Path) -> str:
    folder, given = path.parent, wanted.path
    if not folder.is_dir():
        return f"{wanted.key}: there is no file or folder {given!r}, nor the folder {str(folder)!r} that it would be in"
    hint = did_you_mean(path.name, sorted(entry.name for entry in folder.iterdir()))
    return f"{wanted.key}: there is no file or folder {given!r}.{hint} Accepted are {wanted.accepted}"
