"""Figures of values with their intervals, one row each: score differences, gaps, giveaways, shares of a diagnosis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from seapo.report.figures import WIDE, bare
from seapo.report.story import points
from seapo.report.svg import BLUE, INK, MUTED, PAPER, VERMILLION, Plot, new_figure
from seapo.report.untrusted import label
from seapo.summaries import AuditSummary, DimensionProfile, Estimate, LogprobGap, ScoreRow

LOOKS: Final = {
    "better": ("^", BLUE, BLUE),
    "worse": ("v", VERMILLION, VERMILLION),
    "undecided": ("o", INK, PAPER),
    "plain": ("o", BLUE, BLUE),
    "over": ("D", VERMILLION, VERMILLION),
}
"""Look -> marker, line colour, fill: the shape says the same as the colour."""
OWN_REJECTED: Final = "the data's own rejected"


@dataclass(frozen=True)
class Row:
    """One value with its interval, in the axis' unit."""

    name: str
    value: float
    low: float
    high: float
    told: str
    """The same in words, as it stands beside the mark."""
    look: str = "plain"


@dataclass(frozen=True)
class Line:
    """A value to compare with, drawn down the whole figure."""

    at: float
    name: str = ""


@dataclass(frozen=True)
class _Frame:
    """Where names, marks and numbers stand, in pixels. A narrow drawing has names and numbers above the marks."""

    width: int
    rows: int
    has_named_lines: bool

    FOOT = 52

    @property
    def is_wide(self) -> bool:
        return self.width >= WIDE

    @property
    def row_height(self) -> int:
        return 32 if self.is_wide else 46

    @property
    def head(self) -> int:
        return 22 if self.has_named_lines else 4

    @property
    def height(self) -> int:
        return self.row_height * self.rows + self.FOOT + self.head

    @property
    def sides(self) -> tuple[int, int]:
        return (190, 200) if self.is_wide else (10, 10)

    def box(self) -> tuple[float, float, float, float]:
        left, right = self.sides
        across = (self.width - left - right) / self.width
        return left / self.width, self.FOOT / self.height, across, self.row_height * self.rows / self.height


def rows_with_intervals(
    rows: Sequence[Row],
    *,
    axis: str,
    width: int,
    lines: Sequence[Line] = (),
    tick: Callable[[float], str] = lambda value: f"{value:g}",
    description: str = "",
) -> Plot:
    """A mark and a line for each row; `axis` names what is measured, with its unit."""
    frame = _Frame(width, len(rows), any(line.name for line in lines))
    figure = new_figure(width, frame.height)
    axes = figure.add_axes(frame.box())
    for index, row in enumerate(rows):
        _draw_row(axes, len(rows) - 1 - index, row, frame)
    edges = [edge for row in rows for edge in (row.low, row.high, row.value)] + [line.at for line in lines]
    margin = 0.06 * (max(edges) - min(edges)) or 1.0
    axes.set(xlim=(min(edges) - margin, max(edges) + margin), ylim=(-0.5, len(rows) - 0.5), yticks=[])
    for line in lines:
        draw_line(axes, line.at, len(rows), is_whole=frame.is_wide)
        axes.text(line.at, len(rows) - 0.42, line.name, ha="center", va="bottom", color=MUTED, fontsize=11)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8 if frame.is_wide else 5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.set_xlabel(axis, labelpad=6)
    bare(axes, keep=("bottom",))
    told = [f"{label(row.name, 60)} {row.told}" for row in rows]
    tips = {_gid(len(rows) - 1 - index): [text] for index, text in enumerate(told)}
    return Plot(figure, f"{description or axis}: {'; '.join(told)}", tips)


def draw_line(axes: Axes, at: float, rows: int, *, is_whole: bool) -> None:
    """A value to compare with: one line, or a piece a row where the names stand in its way."""
    if is_whole:
        axes.axvline(at, color=MUTED, linewidth=1, zorder=1)
    else:
        axes.vlines([at] * rows, [y - 0.42 for y in range(rows)], [y + 0.12 for y in range(rows)],
                    color=MUTED, linewidth=1, zorder=1)  # fmt: skip


def _gid(y: int) -> str:
    return f"row-{y}"


def _draw_row(axes: Axes, y: int, row: Row, frame: _Frame) -> None:
    marker, colour, fill = LOOKS[row.look]
    across = axes.get_yaxis_transform()
    left, right = frame.sides
    inner = frame.width - left - right
    up = 0.0 if frame.is_wide else 0.3
    start, end = ((4 - left) / inner, 1 + (right - 4) / inner) if frame.is_wide else (0.0, 1.0)
    down = 0.0 if frame.is_wide else -0.08
    axes.text(start, y + up, label(row.name, 26), transform=across, va="center", fontweight="bold")
    axes.text(end, y + up, row.told, transform=across, va="center", ha="right")
    axes.plot([row.low, row.high], [y + down] * 2, color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
    axes.plot([row.value], [y + down], marker=marker, markersize=9, color=colour, markerfacecolor=fill,
              markeredgewidth=2, linestyle="none", zorder=3, gid=_gid(y))  # fmt: skip


def forest(rows: Sequence[ScoreRow], *, confidence: float, width: int) -> Plot:
    """Paired difference of each row with its interval, in percentage points, around a line at zero."""
    marks = [
        Row(
            row.name,
            100 * row.difference,
            100 * row.difference_interval[0],
            100 * row.difference_interval[1],
            f"{points(row.difference)} [{points(row.difference_interval[0])}, {points(row.difference_interval[1])}]",
            row.verdict,
        )
        for row in rows
    ]
    return rows_with_intervals(
        marks,
        axis=f"Change in percentage points, {confidence:.0%} interval",
        width=width,
        lines=[Line(0.0)],
        tick=lambda value: points(value / 100).removesuffix(".0"),
        description="Paired differences in percentage points",
    )


def gaps(found: Sequence[LogprobGap], *, width: int) -> Plot:
    """How much likelier the reference finds chosen answers than the data's rejected ones, and than the negatives."""
    marks = [
        Row(
            OWN_REJECTED if gap.of == "rejected" else gap.of,
            gap.mean_nats.value,
            gap.mean_nats.low,
            gap.mean_nats.high,
            f"{gap.mean_nats.value:.1f} [{gap.mean_nats.low:.1f}, {gap.mean_nats.high:.1f}]".replace("-", "−"),
            "undecided" if gap.of == "rejected" else "plain",
        )
        for gap in found
    ]
    return rows_with_intervals(
        marks,
        axis="Mean log p(chosen) − log p(other), nats an answer, 95% interval"
        if width >= WIDE
        else "Mean gap, nats an answer, 95% interval",
        width=width,
        lines=[Line(0.0)],
        tick=lambda value: f"{value:g}".replace("-", "−"),
        description="Gap of log-probability between chosen answers and worse ones, in nats",
    )


def giveaways(audit: AuditSummary, *, width: int) -> Plot | None:
    """How often a linear model tells the negatives of each type by their surface; None where nothing was measured."""
    marks = []
    for row in audit.rows:
        if row.strategy is None and row.paired_accuracy and row.auc:
            marks.append(_giveaway(f"{label(row.error_type, 16)}: pairs", row.paired_accuracy, audit.limit))
            marks.append(_giveaway(f"{label(row.error_type, 16)}: AUC", row.auc, audit.limit))
    if not marks:
        return None
    lines = [Line(50.0, "chance"), Line(100 * audit.limit, "limit")]
    return rows_with_intervals(
        marks,
        axis="Told by the surface alone, percent, 95% interval",
        width=width,
        lines=lines,
        description="How well the surface tells negatives, in percent",
    )


def _giveaway(name: str, found: Estimate, limit: float) -> Row:
    told = f"{found.value:.0%} [{100 * found.low:.0f}, {100 * found.high:.0f}]"
    look = "over" if found.value > limit else "plain"
    return Row(name, 100 * found.value, 100 * found.low, 100 * found.high, told, look)


def diagnosed(profile: DimensionProfile, *, confidence: float, width: int) -> Plot | None:
    """Which share of the wrong answers each error type has; None where no answer was wrong."""
    shares = [(each.error_type, each.of_wrong) for each in profile.types]
    shares.append(("type not told", profile.type_not_judged))
    marks = [
        Row(
            name,
            100 * share.part / share.whole,
            100 * share.interval[0],
            100 * share.interval[1],
            f"{share.part / share.whole:.0%} [{100 * share.interval[0]:.0f}, {100 * share.interval[1]:.0f}]",
            "undecided" if name == "type not told" else "plain",
        )
        for name, share in shares
        if share.interval is not None
    ]
    if not marks:
        return None
    return rows_with_intervals(
        marks,
        axis=f"Share of the wrong answers, percent, {confidence:.0%} interval",
        width=width,
        lines=[Line(0.0)],
        description="Error types of the model's own wrong answers, in percent",
    )
