"""Rows as files: JSON lines, Parquet, and the folder that `datasets.load_from_disk` reads.

Parquet and the folder have types of their own, so that a column of which nothing is known in one file is the same
column in another.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seapo.errors import DataError
from seapo.export.pairs import Row

if TYPE_CHECKING:
    import pyarrow

ROWS_PER_GROUP = 1000


def write_jsonl(path: Path, rows: Iterable[Row]) -> None:
    """One JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """A Parquet file with the columns' types in its schema."""
    import pyarrow.parquet

    pyarrow.parquet.write_table(_table(rows), path, row_group_size=ROWS_PER_GROUP)


def write_datasets_folder(folder: Path, rows: Sequence[Row]) -> None:
    """What `datasets.load_from_disk` reads, one split `train`; raises DataError where `datasets` is not installed."""
    try:
        import datasets
    except ImportError as problem:
        raise DataError(
            "--to datasets needs the package datasets; run: pip install 'seapo[datasets]', or choose --to parquet"
        ) from problem
    datasets.disable_progress_bars()
    datasets.DatasetDict({"train": datasets.Dataset(_table(rows))}).save_to_disk(str(folder))


def _table(rows: Sequence[Row]) -> "pyarrow.Table":
    import pyarrow

    return pyarrow.Table.from_pylist(list(rows), schema=_schema())


def _schema() -> "pyarrow.Schema":
    """The types of a pair's columns."""
    import pyarrow as pa

    text = pa.string()
    messages = pa.list_(pa.struct([("role", text), ("content", text)]))
    edit = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("original", text), ("replacement", text)])
    verdict = pa.struct([("status", text), ("proofs", pa.list_(text)), ("evidence", pa.list_(text))])
    return pa.schema(
        [
            ("id", text),
            ("prompt", messages),
            ("chosen", messages),
            ("rejected", messages),
            ("source", text),
            ("dimension", text),
            ("error_type", text),
            ("subtype", text),
            ("strategy", text),
            ("severity", text),
            ("edits", pa.list_(edit)),
            ("edit_ratio", pa.float64()),
            ("injector", text),
            ("verdict", verdict),
        ]
    )
