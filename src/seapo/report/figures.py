"""The report's figures. Each is drawn for a given width, so that a phone gets a narrow drawing and not a shrunken one.

Nothing is told by colour alone: verdicts differ in the marker's shape, error types in the line's dashes, and every bar
carries its number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from seapo.records import Status
from seapo.report.curves import Panel
from seapo.report.funnel import Step, Unit, lost
from seapo.report.story import points
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
from seapo.summaries import ScoreRow

WIDE: Final = 864
NARROW: Final = 340
"""Widths in CSS pixels; the page shows one or the other."""

STATUS_COLOURS: Final[dict[Status, str]] = {"proved": BLUE, "judged": SKY, "constructed": ORANGE, "unverified": GREY}
_ON_BAR: Final[dict[Status, str]] = {"proved": PAPER, "judged": BLACK, "constructed": BLACK, "unverified": BLACK}
"""What is legible on those colours, in either theme."""
_VERDICTS: Final = {"better": ("^", BLUE, BLUE), "worse": ("v", VERMILLION, VERMILLION), "undecided": ("o", INK, PAPER)}
"""Verdict -> marker, line colour, fill: the shape says the same as the colour."""
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


def forest(rows: Sequence[ScoreRow], *, confidence: float, width: int) -> Plot:
    """Paired difference of each row with its interval, in percentage points, around a line at zero."""
    row_height, foot = 46, 52
    height = row_height * len(rows) + foot
    figure = new_figure(width, height)
    axes = figure.add_axes((10 / width, foot / height, 1 - 20 / width, row_height * len(rows) / height))
    for index, row in enumerate(rows):
        _draw_difference(axes, len(rows) - 1 - index, row)
    edges = [100 * edge for row in rows for edge in (*row.difference_interval, row.difference, 0.0)]
    margin = max(0.08 * (max(edges) - min(edges)), 1.0)
    axes.set(xlim=(min(edges) - margin, max(edges) + margin), ylim=(-0.45, len(rows) - 0.35), yticks=[])
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9 if width >= WIDE else 5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: points(value / 100).removesuffix(".0")))
    axes.set_xlabel(f"Change in percentage points, {confidence:.0%} interval", labelpad=6)
    _bare(axes, keep=("bottom",))
    told = [f"{label(row.name)} {_interval(row)}, {row.verdict}" for row in rows]
    tips = {_difference_gid(len(rows) - 1 - index): [text] for index, text in enumerate(told)}
    return Plot(figure, f"Paired differences in percentage points: {'; '.join(told)}", tips)


def _difference_gid(y: int) -> str:
    return f"difference-{y}"


def _draw_difference(axes: Axes, y: int, row: ScoreRow) -> None:
    marker, colour, fill = _VERDICTS[row.verdict]
    low, high = (100 * edge for edge in row.difference_interval)
    across = axes.get_yaxis_transform()
    axes.text(0, y + 0.34, label(row.name), transform=across, va="center", fontweight="bold")
    axes.text(1, y + 0.34, _interval(row), transform=across, va="center", ha="right", color=INK)
    axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
    axes.plot([100 * row.difference], [y], marker=marker, markersize=9, color=colour, markerfacecolor=fill,
              markeredgewidth=2, linestyle="none", zorder=3, gid=_difference_gid(y))  # fmt: skip


def _interval(row: ScoreRow) -> str:
    low, high = row.difference_interval
    return f"{points(row.difference)} [{points(low)}, {points(high)}]"


def funnel(steps: Sequence[Step], *, width: int) -> Plot:
    """One bar per step, in groups with a scale each: rows, negatives, pairs."""
    groups = {title: [i for i, step in enumerate(steps) if step.unit == unit] for unit, title in _UNITS.items()}
    shown = [(title, group) for title, group in groups.items() if group]
    row_height, head = 42, 30
    height = sum(row_height * len(group) + head for _, group in shown)
    figure = new_figure(width, height)
    top = float(height)
    for title, group in shown:
        size = row_height * len(group)
        axes = figure.add_axes((4 / width, (top - head - size) / height, 1 - 8 / width, size / height))
        figure.text(4 / width, (top - head / 2) / height, title, color=MUTED, va="center")
        _draw_steps(axes, steps, group)
        top -= head + size
    told = "; ".join(f"{step.label} {step.kept:,}" for step in steps)
    return Plot(figure, f"From rows to training pairs: {told}")


def _draw_steps(axes: Axes, steps: Sequence[Step], group: Sequence[int]) -> None:
    largest = max(max(steps[i].kept for i in group), 1)
    for y, i in enumerate(reversed(group)):
        gone = lost(tuple(steps), i)
        axes.barh(y, largest, height=0.3, color=TRACK)
        axes.barh(y, steps[i].kept, height=0.3, color=BLUE)
        axes.text(0, y + 0.36, steps[i].label, va="center", fontweight="bold")
        change = f" (−{gone:,})" if gone > 0 else ""
        axes.text(largest, y + 0.36, f"{steps[i].kept:,}{change}", va="center", ha="right")
    axes.set(xlim=(0, largest), ylim=(-0.4, len(group) - 0.3), xticks=[], yticks=[])
    _bare(axes)


def statuses(counts: dict[str, dict[Status, int]], *, width: int) -> Plot:
    """Per error type, one bar of its negatives, divided by how they are known to be wrong."""
    present = [status for status in STATUS_COLOURS if any(count.get(status) for count in counts.values())]
    legend_columns = 4 if width >= WIDE else 2
    row_height, foot, head = 42, 48, 14 + 20 * math.ceil(len(present) / legend_columns)
    height = row_height * len(counts) + foot + head
    figure = new_figure(width, height)
    axes = figure.add_axes((10 / width, foot / height, 1 - 36 / width, row_height * len(counts) / height))
    largest = max((sum(count.values()) for count in counts.values()), default=0) or 1
    for y, (name, count) in enumerate(reversed(counts.items())):
        axes.text(0, y + 0.36, label(name), va="center", fontweight="bold")
        axes.text(largest, y + 0.36, f"{sum(count.values()):,}", va="center", ha="right")
        _draw_statuses(axes, y, count, largest)
    axes.set(xlim=(0, largest), ylim=(-0.4, len(counts) - 0.3), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("Negatives", labelpad=6)
    _bare(axes, keep=("bottom",))
    handles = [Patch(color=STATUS_COLOURS[status], label=status) for status in present]
    figure.legend(
        handles=handles,
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
    return Plot(figure, f"Negatives per error type by status: {'; '.join(_told(*item) for item in counts.items())}")


def _told(name: str, count: dict[Status, int]) -> str:
    return f"{label(name)}: {', '.join(f'{number} {status}' for status, number in count.items())}"


def _draw_statuses(axes: Axes, y: int, count: dict[Status, int], largest: int) -> None:
    left = 0
    for status, colour in STATUS_COLOURS.items():
        number = count.get(status, 0)
        if number:
            axes.barh(y, number, left=left, height=0.36, color=colour, edgecolor=PAPER, linewidth=1)
        if number >= 0.06 * largest:
            axes.text(
                left + number / 2, y - 0.01, f"{number:,}", ha="center", va="center", fontsize=11, color=_ON_BAR[status]
            )
        left += number


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
    _bare(axes, keep=("bottom",))
    return tips


def _legend_entries(all_axes: Sequence[Axes], names: Sequence[str]) -> tuple[list[Artist], list[str]]:
    found = {text: handle for axes in all_axes for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    shown = [label(name) for name in names]
    return [found[name] for name in shown], shown


def _bare(axes: Axes, *, keep: Sequence[str] = ()) -> None:
    """No frame but the sides to keep, and no tick marks."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
    axes.tick_params(length=0)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
