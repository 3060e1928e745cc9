"""The page in a real browser: opened from disk, it asks for nothing, runs nothing, and fits the screen."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from seapo.recipe import ReportSection
from seapo.report import read_run, render

INERT = "return [...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !a.name.startsWith('on')))"
WIDTHS = {"phone": 390, "desk": 1440}
GROUNDS = ("paper", "soft", "deleted", "inserted")
TEXT = ("ink", "muted", "accent")
MARKS = ("blue", "orange", "green", "vermillion", "sky", "purple", "grey")


def save(folder: Path, html: str) -> Path:
    path = folder / "index.html"
    path.write_text(html, encoding="utf-8")
    return path


def open_page(chromium: Any, path: Path, *, width: int = 1440, theme: str = "light") -> None:
    """Open a file at a width in CSS pixels; what the browser logged before is forgotten."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    scheme = {"name": "prefers-color-scheme", "value": theme}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get_log("performance")
    chromium.get(path.as_uri())


def requested(chromium: Any) -> set[str]:
    """Addresses that the browser asked for since the page was opened."""
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


@pytest.fixture
def page(made_run: Path) -> Path:
    return save(made_run, render(read_run(made_run), settings=ReportSection()))


@pytest.fixture
def hostile_page(hostile_run: Path) -> Path:
    return save(hostile_run, render(read_run(hostile_run), settings=ReportSection()))


def test_the_page_opens_from_disk_without_complaint_or_request(chromium: Any, page: Path) -> None:
    open_page(chromium, page)
    assert chromium.title == "SeaPO report: made-up"
    assert chromium.get_log("browser") == []
    assert requested(chromium) == {page.as_uri()}
    assert chromium.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_the_style_sheet_and_the_drawings_are_in_force(chromium: Any, page: Path) -> None:
    open_page(chromium, page)
    width = "return getComputedStyle(document.querySelector('main')).maxWidth"
    assert chromium.execute_script(width) == "896px"
    seen = "e => e.getBoundingClientRect().height > 50"
    wide, narrow = (
        chromium.execute_script(f"return [...document.querySelectorAll('svg.{form}')].map({seen})")
        for form in ("wide", "narrow")
    )
    assert len(wide) == len(narrow) >= 4
    assert all(wide)
    assert not any(narrow)


def test_hostile_text_does_nothing(chromium: Any, hostile_page: Path) -> None:
    open_page(chromium, hostile_page)
    assert chromium.title == "SeaPO report: made-up"
    assert chromium.get_log("browser") == []
    assert requested(chromium) == {hostile_page.as_uri()}
    assert chromium.execute_script("return document.querySelectorAll('img').length") == 0
    assert chromium.execute_script("return document.querySelectorAll('script').length") == 2
    assert chromium.execute_script(INERT)


def test_markup_that_slipped_through_would_be_stopped_by_the_policy(
    chromium: Any, page: Path, hostile_text: str
) -> None:
    """A second wall behind the escaping, and the control of the test above: here the log is not empty."""
    image = '<img src="https://example.org/x.png">'
    save(page.parent, page.read_text(encoding="utf-8").replace("</main>", f"{image}{hostile_text}</main>"))
    open_page(chromium, page)
    assert chromium.title == "SeaPO report: made-up"
    assert chromium.execute_script("return document.querySelectorAll('img').length") == 2
    assert "Content Security Policy" in chromium.get_log("browser")[0]["message"]
    assert not chromium.execute_script(INERT)


def test_without_the_policy_the_request_and_the_script_would_be_seen(
    chromium: Any, page: Path, hostile_text: str
) -> None:
    """The control of the checks themselves."""
    image = '<img src="http://127.0.0.1:9/x.png">'
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    save(page.parent, bare.replace("</main>", f"{image}{hostile_text.replace('alert', 'isNaN')}</main>"))
    open_page(chromium, page)
    assert chromium.title == "hacked"
    assert "http://127.0.0.1:9/x.png" in requested(chromium)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_nothing_is_wider_than_the_screen(chromium: Any, page: Path, width: int, theme: str) -> None:
    open_page(chromium, page, width=width, theme=theme)
    unfold = "document.querySelectorAll('details').forEach(e => e.open = true)"
    chromium.execute_script(unfold)
    assert chromium.execute_script("return document.documentElement.scrollWidth") == width


def test_hostile_text_does_not_widen_the_page_of_a_phone(chromium: Any, hostile_page: Path) -> None:
    open_page(chromium, hostile_page, width=390)
    chromium.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert chromium.execute_script("return document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_marks_can_be_told_from_their_ground(chromium: Any, page: Path, theme: str) -> None:
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what a drawing needs (1.4.11)."""
    open_page(chromium, page, theme=theme)
    script = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])"
    names = (*GROUNDS, *TEXT, *MARKS)
    colours = {name: chromium.execute_script(script, f"--{name}") for name in names}
    body = chromium.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert body == f"rgb({', '.join(str(part) for part in _channels(colours['paper']))})"
    assert all(_contrast(colours[name], colours[ground]) >= 4.5 for name in TEXT for ground in ("paper", "soft"))
    assert all(_contrast(colours["ink"], colours[ground]) >= 4.5 for ground in GROUNDS)
    assert all(_contrast(colours[name], colours["paper"]) >= 3 for name in MARKS)


def _channels(colour: str) -> tuple[int, int, int]:
    digits = colour.strip().removeprefix("#")
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        shares = (part / 255 for part in _channels(colour))
        red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_is_computed_as_defined() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_printed_page_is_light_and_shows_what_is_folded(chromium: Any, page: Path) -> None:
    open_page(chromium, page, theme="dark")
    ground = "return getComputedStyle(document.body).backgroundColor"
    is_shown = "return document.querySelector('#glossary ~ details dl').checkVisibility()"
    assert not chromium.execute_script(is_shown)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [dark]})
    assert chromium.execute_script(is_shown)
    assert chromium.execute_script(ground) == "rgb(255, 255, 255)"
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
