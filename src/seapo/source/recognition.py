"""Which format do these rows have, and which columns are read?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from seapo.errors import DataError, UnknownNameError, did_you_mean
from seapo.reading.conversation import kind_in_words
from seapo.reading.rows import MISSING_COLUMN, UnusableRowError, printable
from seapo.source.drafts import FIELDS, Columns, Draft, Field, Values
from seapo.source.formats import FORMATS, KNOWN_FORMATS, Format

ColumnMap = Mapping[Field, str]
SAMPLE_ROWS = 1000
"""Rows of a part that are looked at."""
_SHOWN_COLUMNS = 12
_PARTS_OF_PROMPT: tuple[Field, ...] = ("input", "history")


@dataclass(frozen=True)
class Recognised:
    """A format, the columns that are read, and how to read a row of them."""

    layout: "Layout"
    where: str

    @property
    def format(self) -> str:
        """The format's name."""
        return self.layout.known.name

    @property
    def columns(self) -> dict[str, str]:
        """Our field -> the column that it is read from."""
        return {str(field): column for field, column in self.layout.columns.items()}

    @property
    def sentence(self) -> str:
        """The same for people: `train.jsonl: gsm8k (...); prompt from 'question', chosen from 'answer'`."""
        read = ", ".join(f"{field} from {column!r}" for field, column in self.columns.items())
        return f"{self.where}: {self.format} ({self.layout.known.description}); {read}"


def recognise(
    rows: Sequence[Columns], columns: Mapping[str, str], *, format_name: str = "auto", where: str = "the data"
) -> Recognised:
    """The format of the rows; a column map says for some fields, or all, which column to read, whatever it is called.

    The first format that at least half of the rows fit is taken, or else the one that most rows fit. Raises DataError
    where none fits, or where a mapped column is in no row; UnknownNameError for a format that there is not.
    """
    mapped = check_columns(columns)
    formats = _formats_to_try(format_name, mapped)
    _check_mapped(rows, mapped, where)
    counts = [sum(_fits(known, row, mapped, by_name=format_name != "auto") for row in rows) for known in formats]
    if not any(counts):
        raise DataError(_not_recognised(rows, format_name, mapped, where))
    enough = (index for index, count in enumerate(counts) if 2 * count >= len(rows))
    best = next(enough, counts.index(max(counts)))
    return Recognised(Layout.of(formats[best], rows, mapped), where)


@dataclass(frozen=True)
class Layout:
    """A format with the columns that its fields are read from."""

    known: Format
    mapped: ColumnMap
    columns: ColumnMap
    """Every required field, and the optional ones that the rows have."""

    @staticmethod
    def of(known: Format, rows: Sequence[Columns], mapped: ColumnMap) -> "Layout":
        """The layout of rows that the format fits: a field's column is the one that most rows have."""
        found: dict[Field, Counter[str]] = {field: Counter() for field in (*known.required, *known.optional)}
        for row in rows:
            for field, column in _find(known, row, mapped).items():
                found[field][column] += 1
        return Layout(known, mapped, {field: counts.most_common(1)[0][0] for field, counts in found.items() if counts})

    def read(self, row: Columns) -> Draft:
        """The draft of a row; raises UnusableRowError."""
        missing = [self.columns[field] for field in self.known.required if self.columns[field] not in row]
        if missing:
            raise UnusableRowError(MISSING_COLUMN, ", ".join(missing))
        return self.known.read(self.values(row), row)

    def values(self, row: Columns) -> Values:
        """Field -> value, for the fields that the row has."""
        columns = {**self._late_columns(row), **self.columns}
        return {field: _without_nan(row[column]) for field, column in columns.items() if column in row}

    def _late_columns(self, row: Columns) -> ColumnMap:
        """Columns of optional fields that none of the rows looked at had."""
        found = _find(self.known, row, self.mapped).items()
        taken = self.columns.values()
        return {field: column for field, column in found if field not in self.columns and column not in taken}


def check_columns(columns: Mapping[str, str]) -> ColumnMap:
    """The column map with its fields checked; raises DataError for a field that there is not."""
    for field in columns:
        if field not in FIELDS:
            raise DataError(
                f"data.columns: there is no field {field!r}.{did_you_mean(field, FIELDS)} Known: {', '.join(FIELDS)}; "
                "write them as {prompt: my_question, chosen: my_answer}"
            )
    return cast(ColumnMap, columns)


def _check_mapped(rows: Sequence[Columns], mapped: ColumnMap, where: str) -> None:
    there = list(dict.fromkeys(column for row in rows for column in row))
    for field, column in mapped.items():
        if column not in there:
            raise DataError(
                f"{where}: data.columns says that {field} is in the column {column!r}, but there is none of that name."
                f"{did_you_mean(column, there)} Columns: {', '.join(map(_shown, there[:_SHOWN_COLUMNS]))}"
            )


def _formats_to_try(format_name: str, mapped: ColumnMap) -> list[Format]:
    """The named format, or all that read every mapped field and still have a column to be known by, or need none."""
    if format_name != "auto" and format_name not in FORMATS:
        raise UnknownNameError("format", format_name, [*FORMATS, "auto"])
    able = [known for known in KNOWN_FORMATS if mapped.keys() <= {*known.required, *known.optional}]
    if format_name != "auto":
        return [known for known in able if known.name == format_name]
    return [known for known in able if known.is_general or not known.required.keys() <= mapped.keys()]


def _find(known: Format, row: Columns, mapped: ColumnMap) -> ColumnMap:
    """Field -> column, for the fields that the row has; no column serves two fields, and case does not matter.

    Where the prompt is mapped, that column is the whole question: nothing unmapped is put to it.
    """
    names = {name.casefold().strip(): name for name in row} | {name: name for name in row}
    found = {field: column for field, column in mapped.items() if column in row}
    unread = {*mapped, *(_PARTS_OF_PROMPT if "prompt" in mapped else ())}
    for field, accepted in (*known.required.items(), *known.optional.items()):
        if field not in unread:
            columns = (names[name] for name in accepted if name in names)
            column = next((name for name in columns if name not in found.values()), None)
            if column is not None:
                found[field] = column
    return found


def _fits(known: Format, row: Columns, mapped: ColumnMap, *, by_name: bool) -> bool:
    found = _find(known, row, mapped)
    if not known.required.keys() <= found.keys():
        return False
    return by_name or known.fits({field: _without_nan(row[column]) for field, column in found.items()}, row)


def _without_nan(value: object) -> object:
    return None if isinstance(value, float) and value != value else value


def _shown(column: str) -> str:
    """A column's name for a message of one line."""
    return printable(" ".join(column.split()))[:40]


def _not_recognised(rows: Sequence[Columns], format_name: str, mapped: ColumnMap, where: str) -> str:
    kinds = {column: kind_in_words(value) for row in reversed(rows) for column, value in row.items()}
    shown = [f"{_shown(column)} ({kind})" for column, kind in list(kinds.items())[:_SHOWN_COLUMNS]]
    found = ", ".join(shown) + (", ..." if len(kinds) > _SHOWN_COLUMNS else "")
    what = "the format is not known" if format_name == "auto" else f"the format {format_name!r} does not fit"
    unread = f" with data.columns for {', '.join(mapped)}" if mapped else ""
    return (
        f"{where}: {what}{unread}; found the columns {found or 'none'}; accepted are the formats {', '.join(FORMATS)} "
        "(`seapo source --help` says what each is); name the columns, as "
        "data.columns='{prompt: my_question, chosen: my_answer}', or the format, as data.format=plain"
    )
