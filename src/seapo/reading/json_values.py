"""JSON read value by value: rows on lines, an array of rows, or rows one after another.

An array is parsed element by element, so that it needs no more memory than its longest element, and so that the good
elements before, and mostly behind, a broken one are kept.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator

from seapo.reading.rows import (
    BROKEN_JSON,
    CUT_GZIP,
    CUT_JSON,
    MAX_ROW_BYTES,
    NOT_UTF8,
    TOO_LONG,
    Row,
    excerpt,
    set_aside,
)
from seapo.reading.streams import ByteStream, split_lines
from seapo.records import RejectedRow

ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
"""What decoding with `surrogateescape` makes of a byte that is no UTF-8."""
_GAP = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()
_LONGEST_TOKEN = 16
"""An error this near to the end of what has been read may vanish with more text: `-Infinity`, `\\uD83D`."""


def parse_json(text: str) -> object:
    """The value of a JSON text; raises ValueError, also for what is nested too deep."""
    try:
        value: object = json.loads(text)
    except RecursionError as problem:
        raise ValueError("nested too deep") from problem
    return value


def json_lines(stream: ByteStream, file: str) -> Iterator[Row | RejectedRow]:
    """One JSON value a line; empty lines are no rows."""
    number = 0
    for number, line in enumerate(split_lines(stream), start=1):
        if line.strip():
            outcome = _read_line(line, file, number)
            is_cut = stream.damage is not None and not line.endswith(b"\n")
            if isinstance(outcome, RejectedRow) and is_cut:
                yield set_aside(Row(file, number, None, outcome.row), CUT_GZIP, stream.damage or "")
                return
            yield outcome
    if stream.damage is not None:
        yield set_aside(Row(file, number + 1, None, ""), CUT_GZIP, stream.damage)


def _read_line(line: bytes, file: str, number: int) -> Row | RejectedRow:
    if len(line) > MAX_ROW_BYTES:
        return set_aside(Row(file, number, None, line[:8000].decode("utf-8", "replace")), TOO_LONG)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as problem:
        raw = line[:8000].decode("utf-8", "backslashreplace")
        return set_aside(Row(file, number, None, raw), NOT_UTF8, f"at byte {problem.start + 1} of the line")
    try:
        return Row(file, number, parse_json(text), text)
    except ValueError as problem:
        return set_aside(Row(file, number, None, text), BROKEN_JSON, _describe(problem, 0))


def _describe(problem: ValueError, start: int) -> str:
    """What is wrong with the JSON value that begins at an offset of the text."""
    if isinstance(problem, json.JSONDecodeError):
        return f"{problem.msg} at character {problem.pos - start + 1}"
    return str(problem)


def json_values(stream: ByteStream, file: str) -> Iterator[Row | RejectedRow]:
    """The elements of a JSON array, or JSON values one after another, each with its place among them as its line."""
    text = _Text(codecs.iterdecode(stream, "utf-8", errors="surrogateescape"))
    text.skip_gap()
    is_array = text.starts_with("[")
    if is_array:
        text.at += 1
    number, indent = 0, None if is_array else ""
    while True:
        gap = text.skip_gap()
        if text.is_over() or (is_array and text.starts_with("]")):
            break
        number += 1
        if indent is None and "\n" in gap:
            indent = gap.rpartition("\n")[2]
        outcome = _read_value(text, file, number, indent)
        if isinstance(outcome, RejectedRow) and text.is_over():
            reason, detail = (CUT_GZIP, stream.damage) if stream.damage is not None else (CUT_JSON, outcome.reason)
            yield set_aside(Row(file, number, None, outcome.row), reason, detail)
            return
        yield outcome
    yield from _read_end(text, stream, file, number + 1, is_array=is_array)


def _read_value(text: "_Text", file: str, number: int, indent: str | None) -> Row | RejectedRow:
    try:
        value, raw = text.read_value()
    except ValueError as problem:
        reason, detail = (TOO_LONG, "") if text.held() > MAX_ROW_BYTES else (BROKEN_JSON, _describe(problem, text.at))
        return set_aside(Row(file, number, None, text.skip_to_row(indent)), reason, detail)
    if ESCAPED_BYTE.search(raw):
        return set_aside(Row(file, number, None, raw), NOT_UTF8)
    return Row(file, number, value, raw)


def _read_end(text: "_Text", stream: ByteStream, file: str, number: int, *, is_array: bool) -> Iterator[RejectedRow]:
    """What is wrong behind the last row, if anything is."""
    is_closed = not is_array or text.starts_with("]")
    if is_array and is_closed:
        text.at += 1
    text.skip_gap()
    left_over = text.skip_to_row(None)
    if stream.damage is not None:
        yield set_aside(Row(file, number, None, left_over), CUT_GZIP, stream.damage)
    elif not is_closed:
        yield set_aside(Row(file, number, None, ""), CUT_JSON, "the array is not closed")
    elif left_over:
        yield set_aside(Row(file, number, None, left_over), BROKEN_JSON, "text behind the end of the array")


class _Text:
    """The part of a long text that is being parsed: it grows by reading on, and forgets what lies behind."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = iter(chunks)
        self._has_ended = False
        self._text = ""
        self.at = 0

    def held(self) -> int:
        """Characters that were read and not yet parsed."""
        return len(self._text) - self.at

    def starts_with(self, character: str) -> bool:
        """Whether a character comes next; to be asked behind `skip_gap`."""
        return self._text.startswith(character, self.at)

    def is_over(self) -> bool:
        """Whether nothing is left; to be asked behind `skip_gap`."""
        return self._has_ended and not self.held()

    def skip_gap(self) -> str:
        """Step over white space and commas, and give them."""
        while True:
            gap = _GAP.match(self._text, self.at)
            if (gap is not None and gap.end() < len(self._text)) or self._has_ended:
                break
            self._grow()
        assert gap is not None
        self.at = gap.end()
        return gap.group()

    def read_value(self) -> tuple[object, str]:
        """The next JSON value and its text; raises ValueError where there is none."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self.at)
            except json.JSONDecodeError as problem:
                is_final = problem.pos < len(self._text) - _LONGEST_TOKEN and "Unterminated" not in problem.msg
                if self._has_ended or is_final or self.held() > MAX_ROW_BYTES:
                    raise
            except RecursionError as problem:
                raise ValueError("nested too deep") from problem
            else:
                # A number that ends where the text read so far ends may have more digits.
                if end < len(self._text) or self._has_ended:
                    raw, self.at = self._text[self.at : end], end
                    return value, raw
            self._grow()

    def skip_to_row(self, indent: str | None) -> str:
        """Step to the next line that begins with this white space and `{`, or to the end; gives how it began.

        No JSON string holds a line feed, so such a line is the next row, wherever the broken one ends.
        """
        mark = None if indent is None else f"\n{indent}{{"
        began = self._text[self.at : self.at + 8000]
        while True:
            found = -1 if mark is None else self._text.find(mark, self.at + 1)
            if found >= 0:
                self.at = found
                return excerpt(began)
            self.at = max(self.at, len(self._text) - len(mark or ""))
            if self._has_ended:
                self.at = len(self._text)
                return excerpt(began)
            self._grow()

    def _grow(self) -> None:
        """Read on by at least as much as is held, so that the cost of one long value stays linear."""
        parts = [self._text[self.at :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._has_ended = True
                break
            parts.append(chunk)
            wanted -= len(chunk)
        self._text, self.at = "".join(parts), 0
