"""Rows of a file of any known kind: told by its content, and by its name's ending only where that leaves it open."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seapo.errors import DataError
from seapo.reading.csv_records import csv_records, header_delimiter
from seapo.reading.json_values import json_lines, json_values, parse_json
from seapo.reading.rows import Row
from seapo.reading.streams import ByteStream, read_head
from seapo.reading.tables import ARROW_FILE_MAGIC, ARROW_STREAM_MAGIC, PARQUET_MAGIC, arrow_rows, parquet_rows
from seapo.records import RejectedRow

FileKind = Literal["json lines", "json values", "csv", "parquet", "arrow"]
ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow")
"""Endings of data files, each also with `.gz` behind it."""
KINDS_IN_WORDS = "JSON, JSON lines, CSV, Parquet and Arrow, each also gzipped"
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x80\x04": "a Python pickle",
}

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def data_ending(path: Path) -> str | None:
    """The ending that marks a data file, without `.gz`, or None where the name has none."""
    name = path.name.lower().removesuffix(".gz")
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)


def read_rows(path: Path, file: str) -> Iterator[Row | RejectedRow]:
    """The rows of a file under the name that the records shall carry; raises DataError where it is no data file."""
    kind = file_kind(path)
    if kind == "parquet":
        return parquet_rows(path, file)
    if kind == "arrow":
        return arrow_rows(path, file)
    stream = ByteStream(path)
    if kind == "csv":
        return csv_records(stream, file)
    return json_lines(stream, file) if kind == "json lines" else json_values(stream, file)


def file_kind(path: Path) -> FileKind:
    """What a file holds; raises DataError where it is empty or of no known kind."""
    head = read_head(path)
    if not head.strip():
        raise DataError(f"{path}: the file is empty")
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    if head.startswith((ARROW_FILE_MAGIC, ARROW_STREAM_MAGIC)):
        return "arrow"
    for magic, meaning in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{path}: this is {meaning}; readable are {KINDS_IN_WORDS}, text in UTF-8")
    return _text_kind(path, head.lstrip())


def _text_kind(path: Path, head: bytes) -> FileKind:
    ending = data_ending(path)
    lines = [line for line in head.split(b"\n") if line.strip()]
    if head.startswith(b"["):
        return "json lines" if len(lines) > 1 and _is_json(lines[0]) else "json values"
    if head.startswith(b"{"):
        return "json values" if _is_spread(lines) else "json lines"
    if ending in (".csv", ".tsv"):
        return "csv"
    if any(line.startswith(b"{") for line in lines[:50]):
        return "json lines"
    if _is_text(head) and header_delimiter(lines[0].decode("utf-8", "replace")) is not None:
        return "csv"
    if ending is not None:
        return "json lines"
    raise DataError(f"{path}: this is no data file, as far as one can tell; readable are {KINDS_IN_WORDS}")


def _is_text(head: bytes) -> bool:
    """Whether a file's beginning holds no control characters but tabs and ends of lines, as any text."""
    return not _CONTROL.search(head)


def _is_spread(lines: list[bytes]) -> bool:
    """Whether objects are spread over lines; a line that is merely broken has a line beside it that begins with `{`."""
    return len(lines) > 1 and not _is_json(lines[0]) and not lines[1].startswith(b"{")


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line.decode("utf-8"))
    except ValueError:
        return False
    return True
