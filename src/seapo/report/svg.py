"""From a matplotlib figure to SVG that may stand in the page: no script, no style, no outside reference, theme colours.

A figure is drawn in stand-in colours (`INK`, `BLUE`, ...), each of which becomes a CSS variable of the page, so that
the same drawing is legible in light and dark. Style attributes become presentation attributes, which a
Content-Security-Policy without 'unsafe-inline' lets pass. Lengths are in CSS pixels: one of matplotlib's points is one.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

INK: Final = "#000001"
MUTED: Final = "#000002"
GRID: Final = "#000003"
TRACK: Final = "#000004"
BLUE: Final = "#000005"
ORANGE: Final = "#000006"
GREEN: Final = "#000007"
VERMILLION: Final = "#000008"
SKY: Final = "#000009"
PURPLE: Final = "#00000a"
GREY: Final = "#00000b"
PAPER: Final = "#00000c"
BLACK: Final = "#111111"
"""Black in both themes."""
_VARIABLES: Final = {
    INK: "ink", MUTED: "muted", GRID: "grid", TRACK: "track", BLUE: "blue", ORANGE: "orange", GREEN: "green",
    VERMILLION: "vermillion", SKY: "sky", PURPLE: "purple", GREY: "grey", PAPER: "paper",
}  # fmt: skip

_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "seapo",  # matplotlib's ids are random without it, and the page would differ at each call
    "text.parse_math": False,  # a `$` in a name is a dollar sign
    "font.family": "DejaVu Sans",  # ships with matplotlib, and wider than the page's fonts: what fits here fits there
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "axes.linewidth": 1,
    "grid.color": GRID,
    "axes.unicode_minus": True,
}

_METADATA: Final = ("Date", "Creator", "Format", "Type")
"""Fields that matplotlib writes unless they are None: a date would change the page at each call."""

PIXELS_PER_INCH: Final = 72
"""matplotlib measures figures in inches and its SVG in points."""


@dataclass
class Plot:
    """A figure, with what a reader is told who points at a mark or cannot see it."""

    figure: Figure
    description: str
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """`gid` of a line or a bar -> a text for each of its markers, in order; a bar is one."""


def new_figure(width: int, height: int) -> Figure:
    """An empty figure of that size in CSS pixels."""
    return Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), layout=None)


@contextmanager
def drawing() -> Iterator[None]:
    """The context in which a figure is made and saved: our settings, whatever a user's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def to_svg(plot: Plot, *, name: str, css_class: str) -> Markup:
    """The plot as an inline `<svg>`; `name` keeps its ids apart from those of other plots on the page."""
    file = io.StringIO()
    plot.figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(_METADATA))
    root = ElementTree.fromstring(file.getvalue())
    _drop_extras(root)
    for gid, texts in plot.tips.items():
        _add_tips(root, gid, texts)
    _rename(root, name)
    for element in root.iter():
        _clean(element)
    _frame(root, plot, css_class)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drop_extras(root: Element) -> None:
    """Remove the style sheet, whose rules the page's own one holds, and what draws nothing."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _tag(child) in ("style", "metadata") or (_tag(child) == "path" and _draws_nothing(child)):
                parent.remove(child)


def _draws_nothing(path: Element) -> bool:
    return path.get("style") == "fill: none"


def _add_tips(root: Element, gid: str, texts: Sequence[str]) -> None:
    group = next(element for element in root.iter() if element.get("id") == gid)
    marks = [element for element in group.iter() if _tag(element) == "use"]
    marks = marks or [element for element in group.iter() if _tag(element) == "path"]
    for mark, text in zip(marks, texts, strict=True):
        ElementTree.SubElement(mark, "title").text = text


def _rename(root: Element, name: str) -> None:
    """Give the ids that something refers to a prefix, and drop the others: an id stands once in a page."""
    references = re.compile(r"url\(#([^)]+)\)")
    used = {value[1:] for element in root.iter() for key, value in element.items() if key.endswith("href")}
    used |= {
        found for element in root.iter() for value in element.attrib.values() for found in references.findall(value)
    }
    for element in root.iter():
        for key, value in list(element.items()):
            if key == "id":
                del element.attrib[key]
                if value in used:
                    element.set(key, f"{name}-{value}")
            elif key.endswith("href"):
                del element.attrib[key]
                element.set("href", f"#{name}-{value[1:]}")
            else:
                element.set(key, references.sub(rf"url(#{name}-\1)", value))


def _clean(element: Element) -> None:
    """Plain tag names, presentation attributes for styles, theme colours for stand-ins."""
    element.tag = _tag(element)
    for declaration in filter(None, (part.strip() for part in element.attrib.pop("style", "").split(";"))):
        key, value = (part.strip() for part in declaration.split(":", 1))
        if key != "font-family":
            element.set(key, f"var(--{_VARIABLES[value]})" if value in _VARIABLES else value)
    if "d" in element.attrib:
        element.set("d", " ".join(element.attrib["d"].split()))
    if not (element.text or "").strip():
        element.text = None
    element.tail = None


def _frame(root: Element, plot: Plot, css_class: str) -> None:
    width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
    for key in ("version", "xmlns"):
        root.attrib.pop(key, None)
    root.attrib.update(
        {
            "class": css_class,
            "width": f"{width:.0f}",
            "height": f"{height:.0f}",
            "role": "img",
            "aria-label": plot.description,
        }
    )


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
