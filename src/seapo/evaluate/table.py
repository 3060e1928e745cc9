"""The table of scores before and after training: plain text, as much of it side by side as the width allows."""

from collections.abc import Sequence

from seapo.evaluate.grid import Column, grid, interval, score, wrapped
from seapo.summaries import EvaluateSummary, ScoreRow


def format_table(summary: EvaluateSummary, *, width: int) -> str:
    """The five dimensions, then further benchmarks and tasks: both scores, difference with its interval, verdict.

    Scores are in percent, differences in percentage points. Where a line would exceed `width`, the intervals of the two
    scores are left out, then each row takes several lines. No colours.
    """
    rows = [*summary.dimensions, *_further_rows(summary)]
    level = f"{100 * summary.confidence:g}%"
    title = f"{summary.model} before and after training, in percent, with {level} intervals"
    lines = [*wrapped(title, width), "", *(_grid(rows, width) if rows else ["no suite was asked for"])]
    notes = [f"{name}: not measured, {reason}" for name, reason in summary.not_measured.items()]
    legend = "better, worse: the interval of the difference leaves out zero; else undecided."
    return "\n".join([*lines, "", *(line for note in (*notes, legend) for line in wrapped(note, width))])


def _further_rows(summary: EvaluateSummary) -> list[ScoreRow]:
    """Benchmarks and tasks but those that a dimension consists of: its first one, where its row is no mean of several.

    A dimension that is one benchmark of several tasks tells its numbers; the tasks stand below.
    """
    told = {row.dimension: row for row in summary.dimensions if row.metric != "mean"}
    further = []
    for row in (*summary.groups, *summary.tasks):
        dimension = told.get(row.dimension)
        if dimension is not None and row == dimension.model_copy(update={"name": row.name}):
            del told[row.dimension]
        else:
            further.append(row)
    return further


def _grid(rows: Sequence[ScoreRow], width: int) -> list[str]:
    name = Column[ScoreRow]("", lambda row: row.name, is_text=True)
    items = Column[ScoreRow]("items", lambda row: str(row.items))
    before, after = Column("before", _before), Column("after", _after)
    difference = Column("difference", _difference)
    verdict = Column[ScoreRow]("", lambda row: row.verdict, is_text=True)
    wide = [
        Column[ScoreRow]("before", lambda row: f"{_before(row)} {interval(row.before_interval)}"),
        Column[ScoreRow]("after", lambda row: f"{_after(row)} {interval(row.after_interval)}"),
    ]
    layouts = (
        ([name, items, *wide, difference, verdict], "  "),
        ([name, items, before, after, difference, verdict], "  "),
        ([name, before, after, difference, verdict], " "),
    )
    return grid(layouts, rows, width=width, stack=_stacked)


def _stacked(row: ScoreRow) -> list[str]:
    return [row.name, f"  {_before(row)} -> {_after(row)}, {row.verdict}", f"  {_difference(row)}"]


def _before(row: ScoreRow) -> str:
    return score(row.before)


def _after(row: ScoreRow) -> str:
    return score(row.after)


def _difference(row: ScoreRow) -> str:
    return f"{score(row.difference, sign='+')} {interval(row.difference_interval, sign='+')}"
