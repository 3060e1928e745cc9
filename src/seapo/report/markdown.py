"""The report as Markdown: the same sentences and tables, to be read in a terminal or where Markdown is shown.

Every value passes `markdown_text` on its way into the template, so that nothing of data or models is markup there: no
link, image, tag, table cell, formula or emphasis.
"""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from seapo.amounts import duration
from seapo.recipe import ReportSection
from seapo.report.contents import RunContents
from seapo.report.drawings import benchmark_rows
from seapo.report.examples import Example, Part, choose_examples
from seapo.report.quality import REJECTED, Distance, distances
from seapo.report.results import results_of
from seapo.report.story import capital, interval, not_run, percent, points, spelt, tell, tenths
from seapo.report.tables import final_metrics
from seapo.report.untrusted import cut, label, visible

EXAMPLES_PER_TYPE = 2
AROUND = 60
"""Characters of the answer shown before and after an edit."""

_MARKUP = re.compile(
    r"[\\`|~$]"
    r"|(?<!\s)\*|\*(?!\s)"  # a star between spaces is a star
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # and so is a line within a word
    r"|\](?=[(\[:])|^\["  # of a link; other brackets are brackets
    r"|<(?=[A-Za-z/!?])|&(?=#?\w+;)"
    r"|:(?=//)|(?<=www)\.",  # of an address
    re.IGNORECASE,
)
_LINE_START = re.compile(r"^(?:(#{1,6}|[+-]|\d{1,9}[.)])(?=\s|$)|>|=+$|-+$)")
"""What makes a heading, a list, a quotation or a rule of a line, at its beginning."""


class Whole(str):
    """Text that is Markdown already, made by this package."""

    __slots__ = ()


def markdown_text(text: str) -> str:
    """The text as one line that shows as it is: `a|b <c>` becomes `a\\|b \\<c>`."""
    line = _MARKUP.sub(lambda found: f"\\{found[0]}", visible(" ".join(text.split())))
    start = _LINE_START.match(line)
    return line if start is None else f"{line[: start.end() - 1]}\\{line[start.end() - 1 :]}"


def render_markdown(
    contents: RunContents, *, settings: ReportSection, found: tuple[Distance, ...] | None = None
) -> str:
    """The report of a run as one Markdown document."""
    measured = distances(contents) if found is None else found
    final = final_metrics(contents)
    per_type = min(EXAMPLES_PER_TYPE, settings.examples_per_type)
    text = (
        _environment()
        .get_template("report.md.jinja")
        .render(
            contents=contents,
            story=tell(contents),
            results=results_of(contents, found=measured),
            benchmarks=benchmark_rows(contents),
            rejected=REJECTED,
            final=final,
            series=list(dict.fromkeys(name for values in final.values() for name in values)),
            examples=choose_examples(contents, per_type=per_type),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("seapo.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    environment.filters |= {"cut": cut, "label": label, "percent": percent, "points": points, "spelt": spelt}
    environment.filters |= {"capital": capital, "duration": duration, "interval": interval, "edit": edit_line}
    environment.filters["tenths"] = tenths
    environment.filters |= {"number": lambda value: f"{value:,}", "reasons": _reasons}
    environment.globals |= {"not_run": not_run}
    return environment


def _escaped(value: Any) -> Any:
    return markdown_text(value) if isinstance(value, str) and not isinstance(value, Whole) else value


def _reasons(counts: dict[str, int]) -> str:
    shown = [f"{cut(spelt(reason), 160)}: {number:,}" for reason, number in list(counts.items())[:6]]
    rest = list(counts.values())[6:]
    return "; ".join([*shown, f"{len(rest)} further: {sum(rest):,}"] if rest else shown)


def edit_line(example: Example) -> Whole:
    """What the injection took out and put in, as `[-12-]{+18+}`, with a little of what stands around."""
    if not example.is_marked:
        return Whole(markdown_text(cut(example.negative.text, 4 * AROUND)))
    out, into = example.chosen, example.rejected
    pieces = [_piece(one, two, place, len(out)) for place, (one, two) in enumerate(zip(out, into, strict=True))]
    return Whole(markdown_text("".join(pieces)))


def _piece(one: Part, two: Part, place: int, parts: int) -> str:
    if one.mark == "same":
        return _around(one.text, is_first=place == 0, is_last=place == parts - 1)
    if one.mark == "left_out":
        return " … "
    old, new = (" ".join(part.text.split())[: 4 * AROUND] for part in (one, two))
    return f"[-{old}-]{{+{new}+}}"


def _around(text: str, *, is_first: bool, is_last: bool) -> str:
    """The part of an unchanged stretch that stands beside an edit, with its spaces at both ends."""
    line = re.sub(r"\s+", " ", text)
    if is_first and is_last:
        shown = line[: 4 * AROUND]
    elif is_first:
        shown = line if len(line) <= AROUND else f"… {line[-AROUND:]}"
    elif is_last:
        shown = line if len(line) <= AROUND else f"{line[:AROUND]} …"
    else:
        shown = line if len(line) <= 2 * AROUND else f"{line[:AROUND]} … {line[-AROUND:]}"
    return shown
