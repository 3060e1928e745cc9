"""Which figures a run has something to show for, each drawn in both widths."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from seapo.report import figures, intervals
from seapo.report.contents import RunContents
from seapo.report.curves import training_panels
from seapo.report.funnel import funnel_steps
from seapo.report.quality import Distance
from seapo.report.spreads import spreads
from seapo.report.svg import Plot, drawing, to_svg
from seapo.summaries import ScoreRow

DrawPlot = Callable[[int], Plot | None]
"""Width in CSS pixels -> the figure; None where there is nothing to show."""


@dataclass(frozen=True)
class Drawing:
    """A figure in both widths; the style sheet shows the one that fits."""

    wide: Markup
    narrow: Markup


def draw_all(contents: RunContents, found: tuple[Distance, ...]) -> dict[str, Drawing]:
    """The figures for which the run has something to show, by name."""
    plots = {**dict(_of_negatives(contents, found)), **dict(_of_models(contents))}
    drawn = {name: _draw(name, plot) for name, plot in plots.items()}
    return {name: each for name, each in drawn.items() if each is not None}


def _of_negatives(contents: RunContents, found: tuple[Distance, ...]) -> Iterator[tuple[str, DrawPlot]]:
    if steps := funnel_steps(contents):
        yield "funnel", lambda width: figures.funnel(steps, width=width)
    if (verify := contents.verify) and verify.status:
        status = {name: verify.status[name] for name in contents.error_types if name in verify.status}
        yield "statuses", lambda width: figures.statuses(status, width=width)
    if audit := verify.audit if verify else None:
        yield "giveaways", lambda width: intervals.giveaways(audit, width=width)
        if audit.gaps:
            yield "gaps", lambda width: intervals.gaps(audit.gaps, width=width)
    if found:
        yield "spreads", lambda width: spreads(found, width=width)
    if severity := {one.of: one.severity for one in found if one.severity}:
        yield "severities", lambda width: figures.severities(severity, width=width)


def _of_models(contents: RunContents) -> Iterator[tuple[str, DrawPlot]]:
    if evaluate := contents.evaluate:
        yield "forest", _forest(evaluate.dimensions, evaluate.confidence)
        yield "benchmarks", _forest(benchmark_rows(contents), evaluate.confidence)
    if panels := training_panels(contents):
        yield "curves", lambda width: figures.curves(panels, width=width)
    if profile := contents.diagnose:
        whole = profile.dimensions[0]
        yield "diagnosis", lambda width: intervals.diagnosed(whole, confidence=profile.confidence, width=width)


def benchmark_rows(contents: RunContents) -> tuple[ScoreRow, ...]:
    """The benchmarks behind the dimensions: those of several parts as one row each, then the others.

    Empty where a dimension is the same as its one benchmark.
    """
    evaluate = contents.evaluate
    if evaluate is None:
        return ()
    group_of = {task.name: task.group for results in contents.evaluated for task in results.tasks}
    rows = (*evaluate.groups, *(row for row in evaluate.tasks if not group_of.get(row.name)))
    return rows if len(rows) > len(evaluate.dimensions) else ()


def _forest(rows: tuple[ScoreRow, ...], confidence: float) -> DrawPlot:
    return lambda width: intervals.forest(rows, confidence=confidence, width=width) if rows else None


def _draw(name: str, plot: DrawPlot) -> Drawing | None:
    with drawing():
        wide, narrow = plot(figures.WIDE), plot(figures.NARROW)
        if wide is None or narrow is None:
            return None
        return Drawing(
            wide=to_svg(wide, name=f"{name}-wide", css_class="figure wide"),
            narrow=to_svg(narrow, name=f"{name}-narrow", css_class="figure narrow"),
        )
