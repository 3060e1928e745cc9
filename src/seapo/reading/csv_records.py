"""CSV read record by record: a header line, then one row a record, which may span lines inside quotes."""

import ast
import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seapo.errors import DataError
from seapo.reading.conversation import has_messages
from seapo.reading.json_values import ESCAPED_BYTE, parse_json
from seapo.reading.rows import BROKEN_CSV, CUT_GZIP, MAX_ROW_BYTES, NOT_UTF8, TOO_LONG, Row, set_aside
from seapo.reading.streams import ByteStream, split_lines
from seapo.records import RejectedRow

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", "\t", ";")


def header_delimiter(header: str) -> str | None:
    """The delimiter that a header line has most of, or None where it has none."""
    best = max(DELIMITERS, key=header.count)
    return best if best in header else None


def csv_records(stream: ByteStream, file: str) -> Iterator[Row | RejectedRow]:
    """One row a record behind the header; its line is the record's number, the header not counted."""
    lines = _Lines(stream)
    first = next(lines, "")
    delimiter = header_delimiter(first) or ","
    header = _read_header(csv.reader([first], delimiter=delimiter), file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    while True:
        lines.taken.clear()
        number += 1
        outcome = _read_record(reader, header, lines, Row(file, number, None, ""))
        if outcome is None:
            break
        yield outcome
    if stream.damage is not None:
        yield set_aside(Row(file, number, None, lines.cut_line), CUT_GZIP, stream.damage)


def _read_header(reader: "Reader", file: str) -> list[str]:
    try:
        header = _next_cells(reader) or []
    except csv.Error as problem:
        raise DataError(f"{file}: the header cannot be read as CSV: {problem}") from problem
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{file}: the header names the column {twice!r} twice; rename one of them")
    return header


def _read_record(reader: "Reader", header: list[str], lines: "_Lines", place: Row) -> Row | RejectedRow | None:
    try:
        cells = _next_cells(reader)
        while cells == []:
            cells = _next_cells(reader)
    except csv.Error as problem:
        return set_aside(lines.row(place), BROKEN_CSV, str(problem))
    if cells is None:
        return None
    row = lines.row(place)
    if ESCAPED_BYTE.search(row.raw or ""):
        return set_aside(row, NOT_UTF8)
    if len(row.raw or "") > MAX_ROW_BYTES:
        return set_aside(row, TOO_LONG)
    if len(cells) != len(header):
        return set_aside(row, BROKEN_CSV, f"{len(cells)} cells under {len(header)} columns")
    columns = {name: _unfolded(cell) for name, cell in zip(header, cells, strict=True)}
    return Row(row.file, row.line, columns, row.raw)


def _next_cells(reader: "Reader") -> list[str] | None:
    """The next record; None at the end. The module's limit of 131,072 characters a cell is lifted for this one call."""
    limit = csv.field_size_limit(MAX_ROW_BYTES)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(limit)


def _unfolded(cell: str) -> object:
    """Messages or pairs that were written into a cell as JSON, or as Python or NumPy write a list; else the cell."""
    if not cell.startswith(("[{", "[[", '{"', "{'")):
        return cell
    for parse in (parse_json, _parse_python):
        try:
            value = parse(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return value if has_messages(value) or _has_pairs(value) else cell
    return cell


def _parse_python(text: str) -> object:
    """The value of a Python literal, or of an array as NumPy prints it: with line feeds for commas."""
    return ast.literal_eval(text.replace("}\n {", "}, {"))


def _has_pairs(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, list) and len(part) == 2 for part in value)


class _Lines:
    """Text lines for the CSV reader, which remembers those of the record being read."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._lines = split_lines(stream)
        self.taken: list[str] = []
        self.cut_line = ""
        """A last line that a damaged gzip file broke off; it looks like a whole one, so it is kept apart."""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines).decode("utf-8", "surrogateescape")
        if self._stream.damage is not None and not line.endswith("\n"):
            self.cut_line = line
            raise StopIteration
        self.taken.append(line)
        return line

    def row(self, place: Row) -> Row:
        """The place with the lines that its record took."""
        return Row(place.file, place.line, None, "".join(self.taken))
