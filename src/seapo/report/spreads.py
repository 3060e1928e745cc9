"""How the worse answers lie around the good ones: quantiles of the changed share, the length and the gap, by kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from seapo.report.figures import WIDE, bare
from seapo.report.intervals import OWN_REJECTED, draw_line
from seapo.report.quality import REJECTED, Distance, Spread
from seapo.report.svg import BLUE, GREY, PAPER, Plot, new_figure
from seapo.report.untrusted import label

LOG_TICKS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
LEAST: Final = 0.001
"""Where a logarithmic axis cuts off values near zero."""


@dataclass(frozen=True)
class _Measure:
    """One panel."""

    title: str
    """What is measured, with its unit."""
    of: Callable[[Distance], Spread | None]
    form: Callable[[float], str]
    reference: float | None
    is_log: bool


MEASURES: Final = (
    _Measure("Answer changed (%)", lambda one: one.edit_ratio, lambda value: f"{100 * value:.3g}%", None, True),
    _Measure("Length (worse / chosen)", lambda one: one.length_ratio, lambda value: f"{value:.3g}×", 1.0, True),
    _Measure("Gap of log-prob. (nats)", lambda one: one.gap_nats, lambda value: f"{value:.3g}", 0.0, False),
)


def spreads(found: Sequence[Distance], *, width: int) -> Plot:
    """A panel for each measure: from 5% to 95% as a thin line, the middle half as a thick one, the median as a dot."""
    shown = [(measure, [one for one in found if measure.of(one)]) for measure in MEASURES]
    shown = [(measure, rows) for measure, rows in shown if rows]
    columns = len(shown) if width >= WIDE else 1
    row_height, head, foot = 38, 30, 36
    panel = head + foot + row_height * len(found)
    height = panel * -(-len(shown) // columns)
    figure = new_figure(width, height)
    cell = width / columns
    tips: dict[str, Sequence[str]] = {}
    told = []
    for index, (measure, rows) in enumerate(shown):
        line, column = divmod(index, columns)
        size = row_height * len(rows)
        bottom = height - panel * line - head - size
        axes = figure.add_axes(((column * cell + 8) / width, bottom / height, (cell - 24) / width, size / height))
        tips |= _draw_measure(axes, index, measure, rows)
        told.append(f"{measure.title}: {'; '.join(_told(measure, one) for one in rows)}")
    return Plot(figure, ". ".join(told), tips)


def _draw_measure(axes: Axes, index: int, measure: _Measure, rows: Sequence[Distance]) -> dict[str, Sequence[str]]:
    tips: dict[str, Sequence[str]] = {}
    spreads_shown = [each for one in rows if (each := measure.of(one))]
    lows, highs = [one.low for one in spreads_shown], [one.high for one in spreads_shown]
    for place, (one, each) in enumerate(zip(rows, spreads_shown, strict=True)):
        y, gid = len(rows) - 1 - place, f"spread-{index}-{place}"
        colour = GREY if one.of == REJECTED else BLUE
        low, quarter, median, three_quarters, high = (
            max(value, LEAST) if measure.is_log else value
            for value in (each.low, each.quarter, each.median, each.three_quarters, each.high)
        )
        axes.plot([low, high], [y - 0.12] * 2, color=colour, linewidth=1.5, zorder=2)
        axes.plot([quarter, three_quarters], [y - 0.12] * 2, color=colour, linewidth=7, zorder=2)
        axes.plot([median], [y - 0.12], marker="o", markersize=8, color=colour, markerfacecolor=PAPER,
                  markeredgewidth=2, linestyle="none", zorder=3, gid=gid)  # fmt: skip
        across = axes.get_yaxis_transform()
        axes.text(0, y + 0.26, _name(one), transform=across, va="center", fontweight="bold", fontsize=11)
        axes.text(1, y + 0.26, measure.form(each.median), transform=across, va="center", ha="right", fontsize=11)
        tips[gid] = [_told(measure, one)]
    if measure.reference is not None:
        draw_line(axes, measure.reference, len(rows), is_whole=False)
    _scale(axes, measure, min(lows), max(highs))
    axes.set(ylim=(-0.45, len(rows) - 0.5), yticks=[])
    axes.set_title(measure.title, loc="left", fontsize=12, fontweight="bold", pad=8)
    bare(axes, keep=("bottom",))
    return tips


def _scale(axes: Axes, measure: _Measure, low: float, high: float) -> None:
    edges = [low, high] if measure.reference is None else [low, high, measure.reference]
    if measure.is_log:
        axes.set_xscale("log")
        first, last = max(min(edges), LEAST) / 1.25, max(max(edges), LEAST) * 1.25
        axes.set_xlim(first, last)
        ticks = [tick for tick in LOG_TICKS if first <= tick <= last]
        axes.xaxis.set_major_locator(FixedLocator(ticks[:: 1 + len(ticks) // 6]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        margin = 0.06 * (max(edges) - min(edges)) or 1.0
        axes.set_xlim(min(edges) - margin, max(edges) + margin)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: measure.form(value).replace("-", "−")))


def _name(one: Distance) -> str:
    return OWN_REJECTED if one.of == REJECTED else label(one.of, 24)


def _told(measure: _Measure, one: Distance) -> str:
    each = measure.of(one)
    assert each
    parts = [measure.form(value) for value in (each.median, each.quarter, each.three_quarters, each.low, each.high)]
    median, quarter, three_quarters, low, high = parts
    return (
        f"{_name(one)}: median {median}, middle half {quarter} to {three_quarters}, "
        f"nine tenths {low} to {high}, of {each.values:,}"
    ).replace("-", "−")
