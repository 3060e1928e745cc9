"""Which figures a run has something to show for, each drawn in both widths."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from seapo.report import figures
from seapo.report.contents import RunContents
from seapo.report.curves import training_panels
from seapo.report.funnel import funnel_steps
from seapo.report.svg import Plot, drawing, to_svg


@dataclass(frozen=True)
class Drawing:
    """A figure in both widths; the style sheet shows the one that fits."""

    wide: Markup
    narrow: Markup


def draw_all(contents: RunContents) -> dict[str, Drawing]:
    """The figures for which the run has something to show."""
    drawings = {}
    evaluate, verify = contents.evaluate, contents.verify
    if evaluate and evaluate.dimensions:
        rows, confidence = evaluate.dimensions, evaluate.confidence
        drawings["forest"] = _draw("forest", lambda width: figures.forest(rows, confidence=confidence, width=width))
    if steps := funnel_steps(contents):
        drawings["funnel"] = _draw("funnel", lambda width: figures.funnel(steps, width=width))
    if verify and verify.status:
        status = {name: verify.status[name] for name in contents.error_types if name in verify.status}
        drawings["statuses"] = _draw("statuses", lambda width: figures.statuses(status, width=width))
    if panels := training_panels(contents):
        drawings["curves"] = _draw("curves", lambda width: figures.curves(panels, width=width))
    return drawings


def _draw(name: str, plot: Callable[[int], Plot]) -> Drawing:
    with drawing():
        return Drawing(
            wide=to_svg(plot(figures.WIDE), name=f"{name}-wide", css_class="figure wide"),
            narrow=to_svg(plot(figures.NARROW), name=f"{name}-narrow", css_class="figure narrow"),
        )
