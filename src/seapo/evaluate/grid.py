"""Plain-text tables for a terminal: as much of a row side by side as the width allows. No colours."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column: its heading, what it shows of a row, and whether text stands at its left edge."""

    heading: str
    show: Callable[[R], str]
    is_text: bool = False


def grid(
    layouts: Sequence[tuple[Sequence[Column[R]], str]],
    rows: Sequence[R],
    *,
    width: int,
    stack: Callable[[R], list[str]],
) -> list[str]:
    """The rows in the first layout, columns and the gap between them, that fits the width; else each row stacked."""
    for columns, gap in layouts:
        lines = _lines(columns, rows, gap)
        if all(len(line) <= width for line in lines):
            return lines
    return [line for row in rows for line in stack(row)]


def wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    """The text in lines no longer than the width, the further ones indented; a long word is broken."""
    return textwrap.wrap(text, width, break_on_hyphens=False, subsequent_indent=indent)


def score(share: float, *, sign: str = "") -> str:
    """A share in percent with one decimal, or a difference in percentage points."""
    rounded = round(100 * share, 1) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:{sign}.1f}"


def interval(ends: tuple[float, float], *, sign: str = "") -> str:
    """Both ends of an interval as `score` writes them."""
    return f"[{score(ends[0], sign=sign)}, {score(ends[1], sign=sign)}]"


def plain(text: str) -> str:
    """Text of a model or a file on one line, without what a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))


def _lines(columns: Sequence[Column[R]], rows: Sequence[R], gap: str) -> list[str]:
    cells = [[column.heading for column in columns], *([column.show(row) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    padded = [
        gap.join(
            cell.ljust(size) if column.is_text else cell.rjust(size)
            for cell, size, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in cells
    ]
    return [padded[0], "-" * max(len(line) for line in padded), *padded[1:]]
