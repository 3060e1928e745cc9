"""Rows of tables: Parquet and Arrow files, folders that `datasets` saved, and data sets of the hub.

pyarrow and `datasets` are loaded when the first row is asked for.
"""

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from seapo.errors import DataError
from seapo.reading.rows import BROKEN_TABLE, NOT_UTF8, Row, set_aside
from seapo.reading.streams import GZIP_MAGIC
from seapo.records import RejectedRow
from seapo.store import read_json

PARQUET_MAGIC = b"PAR1"
ARROW_FILE_MAGIC = b"ARROW1"
ARROW_STREAM_MAGIC = b"\xff\xff\xff\xff"
BATCH_ROWS = 500


def parquet_rows(path: Path, file: str) -> Iterator[Row | RejectedRow]:
    """The rows of a Parquet file, gzipped or not; raises DataError where it is damaged from the start."""
    import pyarrow.parquet

    with _unpacked(path) as handle:
        try:
            batches = pyarrow.parquet.ParquetFile(handle).iter_batches(batch_size=BATCH_ROWS)
        except (pyarrow.ArrowException, OSError) as problem:
            raise DataError(f"{path}: cannot be read as Parquet: {_first_line(problem)}") from problem
        yield from _batch_rows(batches, file)


def arrow_rows(path: Path, file: str, *, first_line: int = 1) -> Iterator[Row | RejectedRow]:
    """The rows of an Arrow file or stream, gzipped or not; raises DataError where it is damaged from the start."""
    import pyarrow.ipc

    with _unpacked(path) as handle:
        try:
            is_stream = handle.read(4) == ARROW_STREAM_MAGIC
            handle.seek(0)
            if is_stream:
                batches: Iterator[Any] = iter(pyarrow.ipc.open_stream(handle))
            else:
                reader = pyarrow.ipc.open_file(handle)
                batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        except (pyarrow.ArrowException, OSError) as problem:
            raise DataError(f"{path}: cannot be read as Arrow: {_first_line(problem)}") from problem
        yield from _batch_rows(batches, file, first_line)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file, or a temporary one with its content where it is gzipped: tables are not read from front to end."""
    with path.open("rb") as file:
        is_packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        if not is_packed:
            yield file
            return
    with tempfile.TemporaryFile() as copy:
        try:
            with gzip.open(path) as packed:
                shutil.copyfileobj(packed, copy)
        except (OSError, EOFError, zlib.error) as problem:
            raise DataError(f"{path}: cannot be unpacked: {_first_line(problem)}") from problem
        copy.seek(0)
        yield copy


def _batch_rows(batches: Iterator[Any], file: str, first_line: int = 1) -> Iterator[Row | RejectedRow]:
    import pyarrow

    line = first_line
    while True:
        try:
            batch = next(batches, None)
        except (pyarrow.ArrowException, OSError) as problem:
            yield set_aside(Row(file, line, None, ""), BROKEN_TABLE, _first_line(problem))
            return
        if batch is None:
            return
        for start in range(0, batch.num_rows, BATCH_ROWS):
            for outcome in _rows(batch.slice(start, BATCH_ROWS), file, line):
                yield outcome
                line += 1


def _rows(batch: Any, file: str, line: int) -> Iterator[Row | RejectedRow]:
    try:
        values = batch.to_pylist()
    except UnicodeDecodeError as problem:
        if batch.num_rows == 1:
            yield set_aside(Row(file, line, None, repr(problem.object)), NOT_UTF8)
            return
        for index in range(batch.num_rows):
            yield from _rows(batch.slice(index, 1), file, line + index)
        return
    for index, value in enumerate(values):
        yield Row(file, line + index, value)


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` wrote this folder with `save_to_disk`."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def saved_dataset_rows(
    folder: Path, file: str, *, split: str, choose: str = "choose by data.split one of"
) -> Iterator[Row | RejectedRow]:
    """The rows of a folder that `datasets` saved; a folder of several splits gives the one that is named.

    `choose` is how the message for a split that is not there speaks of taking another one.
    """
    folder = _split_folder(folder, split, choose)
    line = 1
    for shard in _entry(folder / "state.json", "_data_files"):
        name = shard.get("filename") if isinstance(shard, dict) else None
        if not isinstance(name, str) or not (folder / name).is_file():
            raise DataError(
                f"{folder}: state.json names the file {name!r}, which is not there; save the data set again"
            )
        for outcome in arrow_rows(folder / name, file, first_line=line):
            yield outcome
            line += 1


def _split_folder(folder: Path, split: str, choose: str) -> Path:
    if not (folder / "dataset_dict.json").is_file():
        return folder
    splits = _entry(folder / "dataset_dict.json", "splits")
    if split in splits:
        return folder / split
    if len(splits) == 1:
        return folder / str(splits[0])
    raise DataError(f"{folder}: there is no split {split!r}; {choose}: {', '.join(map(str, splits))}")


def _entry(path: Path, key: str) -> list[Any]:
    value = read_json(path)
    entry = value.get(key) if isinstance(value, dict) else None
    if not isinstance(entry, list):
        raise DataError(f"{path}: lacks the list {key!r} that `datasets` writes; save the data set again")
    return entry


def hub_rows(name: str, file: str, *, split: str, key: str = "data.path") -> Iterator[Row]:
    """The rows of a data set of the hub, `owner/name` or `owner/name:configuration`; needs the package `datasets`."""
    try:
        import datasets
    except ImportError as problem:
        raise DataError(
            f"{key}: {name!r} is no file or folder here, and reading a data set of the hub needs the package "
            "datasets; install it with `pip install datasets`, or give the path of a file"
        ) from problem
    repository, _, configuration = name.partition(":")
    try:
        rows = datasets.load_dataset(repository, configuration or None, split=split)
    # The hub client raises errors of a dozen kinds, from requests', httpx's and its own; whichever it is, the data set
    # that the user named cannot be had.
    except Exception as problem:
        raise DataError(
            f"{key}: {name!r} is no file or folder here, and the split {split!r} of a data set of that name cannot "
            f"be loaded from the hub ({_first_line(problem)}); check the name, the split (of a data set with several "
            "configurations: owner/name:configuration) and the network, or give the path of a file"
        ) from problem
    for line, value in enumerate(rows, start=1):
        yield Row(file, line, value)


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__
