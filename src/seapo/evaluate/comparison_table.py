"""A comparison of models for people: plain text for a terminal, or Markdown."""

import re
from collections.abc import Callable, Iterator, Sequence

from seapo.evaluate.clusters import KINDS, Kind
from seapo.evaluate.comparison import ComparedRow, Comparison, ModelComparison
from seapo.evaluate.flips import Flip
from seapo.evaluate.grid import Column, grid, interval, plain, score, wrapped

HEADINGS: dict[Kind, str] = {"dimension": "Dimensions", "benchmark": "Benchmarks", "task": "Tasks of benchmarks"}
ANSWER_CHARACTERS = 200
"""So much of an answer is shown; files and JSON hold all of it."""


def format_comparison(found: Comparison, *, width: int, flips: int = 0) -> str:
    """A table for each two models and kind of row, and what the figures mean; at most `flips` items lost and gained.

    Scores are in percent, differences in percentage points. What does not fit the width is left out, the intervals of
    the two scores first; in a narrow terminal a row takes several lines.
    """
    lines: list[str] = []
    for each in found.comparisons:
        lines += [*wrapped(_title(each, found), width), ""]
        for kind in _shown_kinds(each):
            rows = [row for row in each.rows if row.kind == kind]
            lines += [HEADINGS[kind], *_grid(rows, width), ""]
        lines += _flip_lines(each.flips, flips, width)
    notes = [*_left_out(found), *found.notes, *_legend(found)]
    return "\n".join([*lines, *(line for note in notes for line in wrapped(plain(note), width))])


def format_markdown(found: Comparison, *, flips: int = 0) -> str:
    """The same as Markdown, with every interval."""
    parts: list[str] = []
    for each in found.comparisons:
        parts += [f"### {_escaped(_title(each, found))}", ""]
        for kind in _shown_kinds(each):
            parts += [*_markdown_table(HEADINGS[kind], [row for row in each.rows if row.kind == kind]), ""]
        for flip in _some(each.flips, flips):
            asked = f"{flip.change}: {flip.task} {flip.id}"
            answers = f"{_cut(flip.base_answer)} -> {_cut(flip.other_answer)}"
            parts.append(f"* {_escaped(asked)}: {_escaped(answers)}")
        parts += [""] if flips and each.flips else []
    notes = [*_left_out(found), *found.notes, *_legend(found), f"Method: {found.method}."]
    return "\n".join([*parts, *(f"* {_escaped(note)}" for note in notes)]) + "\n"


def _title(each: ModelComparison, found: Comparison) -> str:
    names = [f"{name} ({found.models[name]})" for name in (each.other, each.base)]
    level = f"{100 * found.confidence:g}%"
    return plain(f"{names[0]} against {names[1]}, in percent, with {level} intervals")


def _shown_kinds(each: ModelComparison) -> list[Kind]:
    return [kind for kind in KINDS if any(row.kind == kind for row in each.rows)]


def _grid(rows: Sequence[ComparedRow], width: int) -> list[str]:
    name = Column[ComparedRow]("", lambda row: plain(row.name), is_text=True)
    items = Column[ComparedRow]("items", lambda row: str(row.items))
    base, other = Column("base", _base), Column("other", _other)
    difference, p_value = Column("difference", _difference), Column("p", _p_value)
    verdict = Column[ComparedRow]("", lambda row: row.verdict, is_text=True)
    wide = [
        Column[ComparedRow]("base", lambda row: f"{_base(row)} {interval(row.base_interval)}"),
        Column[ComparedRow]("other", lambda row: f"{_other(row)} {interval(row.other_interval)}"),
    ]
    across = [Column("across tasks", _across)] if any(row.across_tasks_interval for row in rows) else []
    layouts: list[tuple[list[Column[ComparedRow]], str]] = [
        ([name, items, *wide, difference, *across, p_value, verdict], "  "),
        ([name, items, base, other, difference, *across, p_value, verdict], "  "),
        ([name, items, base, other, difference, p_value, verdict], "  "),
        ([name, base, other, difference, p_value, verdict], " "),
    ]
    return grid(layouts, rows, width=width, stack=lambda row: _stacked(row, width))


def _stacked(row: ComparedRow, width: int) -> list[str]:
    return [
        *wrapped(plain(row.name), width),
        f"  {_base(row)} -> {_other(row)}, {row.verdict}",
        f"  {_difference(row)}",
        f"  p {_p_value(row)}",
    ]


def _markdown_table(heading: str, rows: Sequence[ComparedRow]) -> Iterator[str]:
    columns: dict[str, Callable[[ComparedRow], str]] = {
        heading: lambda row: _escaped(row.name),
        "items": lambda row: str(row.items),
        "base": lambda row: f"{_base(row)} {interval(row.base_interval)}",
        "other": lambda row: f"{_other(row)} {interval(row.other_interval)}",
        "difference": _difference,
        "simultaneous": lambda row: interval(row.simultaneous_interval, sign="+"),
        "across tasks": _across,
        "gained, lost": lambda row: "" if row.gained is None else f"{row.gained}, {row.lost}",
        "p": lambda row: _p(row.p_value),
        "p corrected": _p_value,
        "verdict": lambda row: row.verdict,
    }
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(show(row) for show in columns.values())} |"


def _flip_lines(flips: Sequence[Flip], count: int, width: int) -> list[str]:
    lines = []
    for flip in _some(flips, count):
        lines += wrapped(plain(f"{flip.change}: {flip.task} {flip.id}"), width)
        lines += wrapped(f"  base: {_cut(flip.base_answer)}", width, indent="    ")
        lines += wrapped(f"  other: {_cut(flip.other_answer)}", width, indent="    ")
    return [*lines, ""] if lines else []


def _some(flips: Sequence[Flip], count: int) -> list[Flip]:
    return [flip for change in ("lost", "gained") for flip in [f for f in flips if f.change == change][:count]]


def _left_out(found: Comparison) -> Iterator[str]:
    left = {name: count for name, count in found.left_out.items() if count}
    if left:
        told = ", ".join(f"{count} of {name}" for name, count in left.items())
        yield f"Compared are the {found.items} items that all were asked; left out: {told}."


def _legend(found: Comparison) -> Iterator[str]:
    kinds = [f"{count} {_noun(kind, count)}" for kind, count in found.families.items() if count]
    yield (
        f"better, worse: p, corrected by Holm's method for all rows of its kind ({', '.join(kinds)}), is at most "
        f"{1 - found.confidence:.2g}; else undecided. Each interval stands for itself, uncorrected."
    )
    if any(row.across_tasks_interval for each in found.comparisons for row in each.rows):
        yield (
            "difference: were the items drawn anew from these tasks; across tasks: were other tasks of the kind asked."
        )


def _noun(kind: Kind, count: int) -> str:
    return kind if count == 1 else f"{kind}s"


def _base(row: ComparedRow) -> str:
    return score(row.base)


def _other(row: ComparedRow) -> str:
    return score(row.other)


def _difference(row: ComparedRow) -> str:
    return f"{score(row.difference, sign='+')} {interval(row.difference_interval, sign='+')}"


def _across(row: ComparedRow) -> str:
    return interval(row.across_tasks_interval, sign="+") if row.across_tasks_interval else ""


def _p_value(row: ComparedRow) -> str:
    return _p(row.p_adjusted)


def _p(value: float) -> str:
    return "<.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _cut(answer: str) -> str:
    text = plain(answer)
    return text if len(text) <= ANSWER_CHARACTERS else f"{text[:ANSWER_CHARACTERS]}..."


def _escaped(text: str) -> str:
    """Text of a model or a file, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", plain(text))
