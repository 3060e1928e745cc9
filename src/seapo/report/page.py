"""The page: all of it put into templates, under a Content-Security-Policy that lets nothing load and no script run.

The page holds no script, and one style sheet that the policy admits by its hash. Every value passes `visible` and
jinja2's autoescape on its way in; what is not escaped is made by this package: the style sheet and the drawings.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seapo.recipe import ReportSection
from seapo.records import Status
from seapo.report import figures
from seapo.report.contents import STAGES, RunContents
from seapo.report.curves import group_size, training_panels
from seapo.report.examples import choose_examples
from seapo.report.funnel import funnel_steps, lost, unexplained
from seapo.report.story import capital, duration, interval, not_run, percent, points, spelt, tell
from seapo.report.svg import Plot, drawing, to_svg
from seapo.report.untrusted import cut, label, visible
from seapo.taxonomy import ERROR_TYPES

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
OPEN_EXAMPLES: Final = 3
"""Examples of each type that stand open; the others unfold."""
METRIC_NAMES: Final = {"acc": "accuracy", "mc2": "MC2", "mean": "mean of its tasks"}
STATUS_MEANINGS: Final[dict[Status, str]] = {
    "proved": "A program showed that it is wrong: it recomputed an equation, compared final answers, or ran tests.",
    "judged": "A model that did not know which answer was which preferred the original and named the error.",
    "constructed": "The edit makes the answer wrong by the way it was built; no program could confirm it.",
    "unverified": "It passed every check that could be made, but nothing shows that it is wrong.",
}


@dataclass(frozen=True)
class Drawing:
    """A figure in both widths; the style sheet shows the one that fits."""

    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class TypeRow:
    """One error type in the table of negatives."""

    name: str
    definition: str
    wanted: int
    kept: int
    status: dict[Status, int]
    proofs: dict[str, int]
    pairs: int | None
    """Training pairs of this type; None before the mix."""


def render(contents: RunContents, *, settings: ReportSection) -> str:
    """The report of a run as one HTML document that needs nothing else."""
    environment = _environment()
    style = Markup(_source(environment, "page.css"))
    types = _type_rows(contents)
    return environment.get_template("page.html.jinja").render(
        contents=contents,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        story=tell(contents),
        stages=STAGES,
        steps=_steps(contents),
        types=types,
        present_statuses=[status for status in STATUSES if any(row.status.get(status) for row in types)],
        statuses=STATUSES,
        status_meanings=STATUS_MEANINGS,
        examples=choose_examples(contents, per_type=settings.examples_per_type),
        open_examples=OPEN_EXAMPLES,
        metric_names=METRIC_NAMES,
        figures=_drawings(contents),
        group_size=group_size(contents.metrics),
        dropped=_dropped(contents),
        final=_final_metrics(contents),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("seapo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters |= {"cut": cut, "label": label, "percent": percent, "points": points, "spelt": spelt}
    environment.filters |= {
        "capital": capital,
        "duration": duration,
        "interval": interval,
        "number": lambda value: f"{value:,}",
    }
    environment.globals |= {"not_run": not_run}
    return environment


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _drawings(contents: RunContents) -> dict[str, Drawing]:
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


def _steps(contents: RunContents) -> list[dict[str, Any]]:
    steps = funnel_steps(contents)
    return [
        {"step": step, "lost": lost(steps, index), "unexplained": unexplained(steps, index)}
        for index, step in enumerate(steps)
    ]


def _type_rows(contents: RunContents) -> list[TypeRow]:
    verify = contents.verify
    if verify is None:
        return []
    definitions = {section.name: section.definition for section in contents.recipe.inject.types}
    definitions |= {name: ERROR_TYPES[name].definition for name in contents.error_types if name in ERROR_TYPES}
    return [
        TypeRow(
            name=name,
            definition=definitions.get(name, ""),
            wanted=verify.asked.get(name, 0),
            kept=verify.accepted.get(name, 0),
            status=verify.status.get(name, {}),
            proofs=verify.proofs.get(name, {}),
            pairs=contents.mix.by_error_type.get(name, 0) if contents.mix else None,
        )
        for name in contents.error_types
    ]


def _dropped(contents: RunContents) -> dict[str, int]:
    """Check -> candidates that failed it, over all types, most first."""
    totals: dict[str, int] = {}
    for checks in contents.verify.dropped_candidates.values() if contents.verify else ():
        for check, number in checks.items():
            totals[check] = totals.get(check, 0) + number
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def _final_metrics(contents: RunContents) -> dict[str, dict[str, float]]:
    """Metric -> series (`all pairs`, or an error type) -> mean over the last tenth of the steps."""
    table: dict[str, dict[str, float]] = {}
    for name, value in contents.train.final.items() if contents.train else ():
        metric, _, kind = name.rpartition("/")
        is_typed = kind in contents.error_types or kind == "original"
        table.setdefault(metric if is_typed else name, {})[kind if is_typed else "all pairs"] = value
    return table
