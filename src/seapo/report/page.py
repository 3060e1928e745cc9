"""The page: all of it put into templates, under a Content-Security-Policy that lets nothing load.

One style sheet and one script, that of the pair browser, are admitted by their hashes; no other script runs, and none
may make markup from text. Every value passes `visible` and jinja2's autoescape on its way in; what is not escaped is
made by this package: the style sheet, the script and the drawings.
"""

import base64
import hashlib
import re
from typing import Any, Final, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seapo.amounts import duration
from seapo.recipe import ReportSection
from seapo.records import Status
from seapo.report.browser import SCRIPTS, pack_pairs
from seapo.report.contents import STAGES, RunContents
from seapo.report.curves import group_size
from seapo.report.drawings import benchmark_rows, draw_all
from seapo.report.examples import choose_examples
from seapo.report.funnel import funnel_steps, lost, unexplained
from seapo.report.quality import REJECTED, Distance, distances
from seapo.report.results import asked, other_metrics
from seapo.report.story import capital, interval, not_run, percent, points, spelt, tell, tenths
from seapo.report.tables import dropped_checks, final_metrics, type_rows
from seapo.report.untrusted import cut, label, visible
from seapo.report.yields import strategy_yields

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


def render(contents: RunContents, *, settings: ReportSection, found: tuple[Distance, ...] | None = None) -> str:
    """The report of a run as one HTML document that needs nothing else; `found` spares measuring distances again."""
    environment = _environment()
    style = Markup(_source(environment, "page.css") + _source(environment, "browser.css"))
    script = _script(environment)
    browser = pack_pairs(contents, limit=settings.pairs)
    types = type_rows(contents)
    measured = distances(contents) if found is None else found
    return environment.get_template("page.html.jinja").render(
        contents=contents,
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        browser=browser,
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
        figures=draw_all(contents, measured),
        group_size=group_size(contents.metrics),
        dropped=dropped_checks(contents),
        final=final_metrics(contents),
        yields=strategy_yields(contents),
        distances=measured,
        rejected=REJECTED,
        benchmarks=benchmark_rows(contents),
        asked=asked(contents.evaluated),
        other_metrics=other_metrics(contents.evaluated),
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
        "tenths": tenths,
        "number": lambda value: f"{value:,}",
    }
    environment.globals |= {"not_run": not_run}
    return environment


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _script(environment: Environment) -> Markup:
    """The script of the pair browser, in a scope of its own."""
    parts = "\n".join(_source(environment, name) for name in SCRIPTS)
    assert not re.search("</?script|<!--", parts), "the script would end, or change its meaning, in the middle"
    return Markup(f'"use strict";\n{{\n{parts}}}\n')


def _hash(text: str) -> str:
    """A style sheet or script as the policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _steps(contents: RunContents) -> list[dict[str, Any]]:
    steps = funnel_steps(contents)
    return [
        {"step": step, "lost": lost(steps, index), "unexplained": unexplained(steps, index)}
        for index, step in enumerate(steps)
    ]
