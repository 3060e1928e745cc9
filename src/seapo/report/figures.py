"""The report's figures. Each is drawn for a given width, so that a phone gets a narrow drawing and not a shrunken one.

Nothing is told by colour alone: verdicts differ in the marker's shape, error types in the line's dashes, and every bar
carries its number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from seapo.records import Status
from seapo.report.curves import Panel
from seapo.report.funnel import Step, Unit, lost
from seapo.report.svg import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    TRACK,
    VERMILLION,
    Plot,
    new_figure,
)
from seapo.report.untrusted import label

WIDE: Final = 864
NARROW: Final = 340
"""Widths in CSS pixels; the page shows one or the other."""

_STATUS_LOOKS: Final = {
    "proved": (BLUE, PAPER),
    "judged": (SKY, BLACK),
    "constructed": (ORANGE, BLACK),
    "unverified": (GREY, BLACK),
}
"""Status -> colour, and what is legible on it, in either theme."""
_SEVERITY_LOOKS: Final = {
    "subtle": (SKY, BLACK),
    "moderate": (ORANGE, BLACK),
    "gross": (VERMILLION, PAPER),
    "not scored": (GREY, BLACK),
}
_UNITS: Final[dict[Unit, str]] = {
    "rows": "Samples",
    "negatives": "Negatives (sample × error type)",
    "pairs": "Pairs",
}
_LINES: Final = (
    (INK, "-"),
    (BLUE, (0, (5, 1.5))),
    (VERMILLION, (0, (1, 1))),
    (GREEN, (0, (4, 1, 1, 1))),
    (PURPLE, (0, (8, 2))),
)


def funnel(steps: Sequence[Step], *, width: int) -> Plot:
    """One bar per step, in groups with a scale each: rows, negatives, pairs."""
    groups = {title: [i for i, step in enumerate(steps) if step.unit == unit] for unit, title in _UNITS.items()}
    shown = [(title, group) for title, group in groups.items() if group]
    row_height, head = 42, 30
    height = sum(row_height * len(group) + head for _, group in shown)
    figure = new_figure(width, height)
    top = float(height)
    tips: dict[str, Sequence[str]] = {}
    for title, group in shown:
        size = row_height * len(group)
        axes = figure.add_axes((4 / width, (top - head - size) / height, 1 - 8 / width, size / height))
        figure.text(4 / width, (top - head / 2) / height, title, color=MUTED, va="center")
        tips |= _draw_steps(axes, steps, group)
        top -= head + size
    told = "; ".join(f"{step.label} {step.kept:,}" for step in steps)
    return Plot(figure, f"From rows to training pairs: {told}", tips)


def _draw_steps(axes: Axes, steps: Sequence[Step], group: Sequence[int]) -> dict[str, Sequence[str]]:
    """Draw the bars of a group; gives their tips."""
    tips: dict[str, Sequence[str]] = {}
    largest = max(max(steps[i].kept for i in group), 1)
    for y, i in enumerate(reversed(group)):
        gone = lost(tuple(steps), i)
        axes.barh(y, largest, height=0.3, color=TRACK)
        axes.barh(y, steps[i].kept, height=0.3, color=BLUE)[0].set_gid(f"step-{i}")
        tips[f"step-{i}"] = [f"{steps[i].label}: {steps[i].kept:,} left, {gone:,} lost"]
        axes.text(0, y + 0.36, steps[i].label, va="center", fontweight="bold")
        change = f" (−{gone:,})" if gone > 0 else ""
        axes.text(largest, y + 0.36, f"{steps[i].kept:,}{change}", va="center", ha="right")
    axes.set(xlim=(0, largest), ylim=(-0.4, len(group) - 0.3), xticks=[], yticks=[])
    bare(axes)
    return tips


def statuses(counts: dict[str, dict[Status, int]], *, width: int) -> Plot:
    """Per error type, one bar of its negatives, divided by how they are known to be wrong."""
    return _stacked(counts, _STATUS_LOOKS, what="Negatives", title="Negatives per error type by status", width=width)


def severities(counts: dict[str, dict[str, int]], *, width: int) -> Plot:
    """Per error type, one bar of its negatives, divided by how gross the error is."""
    return _stacked(
        counts, _SEVERITY_LOOKS, what="Negatives", title="Negatives per error type by severity", width=width
    )


def _stacked(
    counts: Mapping[str, Mapping[Any, int]], looks: Mapping[str, tuple[str, str]], *, what: str, title: str, width: int
) -> Plot:
    """One bar a row, divided into parts; `looks` orders the parts, with their colours and what is legible on them."""
    present = [part for part in looks if any(count.get(part) for count in counts.values())]
    legend_columns = 4 if width >= WIDE else 2
    row_height, foot, head = 42, 48, 14 + 20 * math.ceil(len(present) / legend_columns)
    height = row_height * len(counts) + foot + head
    figure = new_figure(width, height)
    axes = figure.add_axes((10 / width, foot / height, 1 - 36 / width, row_height * len(counts) / height))
    largest = max((sum(count.values()) for count in counts.values()), default=0) or 1
    tips: dict[str, Sequence[str]] = {}
    for y, (name, count) in enumerate(reversed(list(counts.items()))):
        axes.text(0, y + 0.36, label(name), va="center", fontweight="bold")
        axes.text(largest, y + 0.36, f"{sum(count.values()):,}", va="center", ha="right")
        tips |= _draw_parts(axes, y, name, count, looks, largest)
    axes.set(xlim=(0, largest), ylim=(-0.4, len(counts) - 0.3), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel(f"Number of {what.lower()}", labelpad=6)
    bare(axes, keep=("bottom",))
    figure.legend(
        handles=[Patch(color=looks[part][0], label=part) for part in present],
        loc="upper left",
        bbox_to_anchor=(10 / width, 1),
        ncols=legend_columns,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=0.9,
        handletextpad=0.4,
        columnspacing=1.2,
    )
    return Plot(figure, f"{title}: {'; '.join(_told(*item) for item in counts.items())}", tips)


def _told(name: str, count: Mapping[str, int]) -> str:
    return f"{label(name)}: {', '.join(f'{number} {part}' for part, number in count.items())}"


def _draw_parts(
    axes: Axes, y: int, name: str, count: Mapping[Any, int], looks: Mapping[str, tuple[str, str]], largest: int
) -> dict[str, Sequence[str]]:
    """Draw the parts of a bar; gives their tips."""
    left = 0
    tips: dict[str, Sequence[str]] = {}
    for place, (part, (colour, legible)) in enumerate(looks.items()):
        number = count.get(part, 0)
        if not number:
            continue
        bar = axes.barh(y, number, left=left, height=0.36, color=colour, edgecolor=PAPER, linewidth=1)[0]
        bar.set_gid(f"part-{y}-{place}")
        tips[f"part-{y}-{place}"] = [f"{label(name)}, {part}: {number:,} of {sum(count.values()):,}"]
        if number >= 0.06 * largest:
            middle = left + number / 2
            axes.text(middle, y - 0.01, f"{number:,}", ha="center", va="center", fontsize=11, color=legible)
        left += number
    return tips


@dataclass(frozen=True)
class _Grid:
    """Where the panels of small multiples stand; lengths in pixels."""

    panels: int
    width: int
    series: int

    PANEL_HEIGHT: ClassVar[int] = 210
    LEGEND_LINE: ClassVar[int] = 24

    @property
    def columns(self) -> int:
        return 2 if self.width >= WIDE else 1

    @property
    def legend_columns(self) -> int:
        return 2 * self.columns

    @property
    def head(self) -> int:
        """Height of the legend; one series needs none."""
        return 12 + self.LEGEND_LINE * math.ceil(self.series / self.legend_columns) if self.series > 1 else 4

    @property
    def height(self) -> int:
        return self.head + self.PANEL_HEIGHT * math.ceil(self.panels / self.columns)

    def box(self, index: int) -> tuple[float, float, float, float]:
        """(left, bottom, width, height) of a panel's axes, as shares of the figure."""
        left, right, bottom, top = 48, 10, 46, 30
        row, column = divmod(index, self.columns)
        cell = self.width / self.columns
        low = self.height - self.head - self.PANEL_HEIGHT * (row + 1) + bottom
        across, up = (cell - left - right) / self.width, (self.PANEL_HEIGHT - bottom - top) / self.height
        return (column * cell + left) / self.width, low / self.height, across, up


def curves(panels: Sequence[Panel], *, width: int) -> Plot:
    """Small multiples over the optimiser's steps; a series has the same dashes in every panel."""
    names = list(dict.fromkeys(series.name for panel in panels for series in panel.series))
    grid = _Grid(len(panels), width, len(names))
    figure = new_figure(width, grid.height)
    tips: dict[str, Sequence[str]] = {}
    for index, panel in enumerate(panels):
        tips |= _draw_panel(figure.add_axes(grid.box(index)), index, panel, names)
    if len(names) > 1:
        handles, labels = _legend_entries(figure.axes, names)
        figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0, 1), ncols=grid.legend_columns,
                      frameon=False, handlelength=2.6, columnspacing=1.4, borderpad=0.2)  # fmt: skip
    return Plot(figure, "Training curves: " + ", ".join(panel.title for panel in panels), tips)


def _draw_panel(axes: Axes, index: int, panel: Panel, names: Sequence[str]) -> dict[str, Sequence[str]]:
    """Draw the panel's series; gives the tips of their markers."""
    tips: dict[str, Sequence[str]] = {}
    if panel.reference is not None:
        axes.axhline(panel.reference, color=MUTED, linewidth=1, zorder=1)
    for series in panel.series:
        place = names.index(series.name)
        colour, dashes = _LINES[place % len(_LINES)]
        gid = f"series-{index}-{place}"
        axes.plot(series.steps, series.values, color=colour, linestyle=dashes, linewidth=1.8, marker="o",
                  markersize=3.2, clip_on=False, label=label(series.name), gid=gid)  # fmt: skip
        points_drawn = zip(series.steps, series.values, strict=True)
        tips[gid] = [f"{label(series.name)}, step {step:g}: {value:.4g}" for step, value in points_drawn]
    axes.set_title(panel.title, loc="left", fontsize=12, fontweight="bold", pad=8)
    axes.set_xlabel("Optimiser step", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="y", linewidth=0.8)
    bare(axes, keep=("bottom",))
    return tips


def _legend_entries(all_axes: Sequence[Axes], names: Sequence[str]) -> tuple[list[Artist], list[str]]:
    found = {text: handle for axes in all_axes for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    shown = [label(name) for name in names]
    return [found[name] for name in shown], shown


def bare(axes: Axes, *, keep: Sequence[str] = ()) -> None:
    """No frame but the sides to keep, no tick marks, and no axis without ticks."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_visible(len(axis.get_ticklocs()) > 0)
    axes.tick_params(length=0)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
