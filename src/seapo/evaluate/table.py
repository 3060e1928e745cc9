"""The table of scores for a terminal: plain text, as much of it side by side as the width allows."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seapo.summaries import EvaluateSummary, ScoreRow


@dataclass(frozen=True)
class _Column:
    """One column: its heading, what it shows of a row, and whether text stands at its left edge."""

    heading: str
    show: Callable[[ScoreRow], str]
    is_text: bool = False


def format_table(summary: EvaluateSummary, *, width: int) -> str:
    """The five dimensions, then further tasks: score before, after, difference with its interval, and the verdict.

    Scores are in percent, differences in percentage points. Where a line would exceed `width`, the intervals of the two
    scores are left out, then each row takes several lines. No colours.
    """
    rows = [*summary.dimensions, *_further_tasks(summary)]
    level = f"{100 * summary.confidence:g}%"
    title = f"{summary.model} before and after training, in percent, with {level} intervals"
    lines = [*_wrapped(title, width), "", *(_grid(rows, width) if rows else ["no suite was asked for"])]
    notes = [f"{name}: not measured, {reason}" for name, reason in summary.not_measured.items()]
    legend = "better, worse: the interval of the difference leaves out zero; else undecided."
    return "\n".join([*lines, "", *(line for note in (*notes, legend) for line in _wrapped(note, width))])


def _further_tasks(summary: EvaluateSummary) -> list[ScoreRow]:
    """Tasks but those that a dimension consists of: its first one, where its row is no mean of several."""
    told = {row.dimension for row in summary.dimensions if row.metric != "mean"}
    further = []
    for row in summary.tasks:
        if row.dimension in told:
            told.remove(row.dimension)
        else:
            further.append(row)
    return further


def _grid(rows: Sequence[ScoreRow], width: int) -> list[str]:
    name = _Column("", lambda row: row.name, is_text=True)
    items = _Column("items", lambda row: str(row.items))
    before, after = _Column("before", _before), _Column("after", _after)
    difference = _Column("difference", _difference)
    verdict = _Column("", lambda row: row.verdict, is_text=True)
    wide = [
        _Column("before", lambda row: f"{_before(row)} {_interval(row.before_interval)}"),
        _Column("after", lambda row: f"{_after(row)} {_interval(row.after_interval)}"),
    ]
    for columns, gap in (
        ([name, items, *wide, difference, verdict], "  "),
        ([name, items, before, after, difference, verdict], "  "),
        ([name, before, after, difference, verdict], " "),
    ):
        lines = _lines(columns, rows, gap)
        if all(len(line) <= width for line in lines):
            return lines
    return [line for row in rows for line in _stacked(row)]


def _lines(columns: Sequence[_Column], rows: Sequence[ScoreRow], gap: str) -> list[str]:
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


def _stacked(row: ScoreRow) -> list[str]:
    return [row.name, f"  {_before(row)} -> {_after(row)}, {row.verdict}", f"  {_difference(row)}"]


def _before(row: ScoreRow) -> str:
    return _percent(row.before)


def _after(row: ScoreRow) -> str:
    return _percent(row.after)


def _difference(row: ScoreRow) -> str:
    return f"{_percent(row.difference, sign='+')} {_interval(row.difference_interval, sign='+')}"


def _interval(interval: tuple[float, float], *, sign: str = "") -> str:
    return f"[{_percent(interval[0], sign=sign)}, {_percent(interval[1], sign=sign)}]"


def _percent(share: float, *, sign: str = "") -> str:
    rounded = round(100 * share, 1) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:{sign}.1f}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
