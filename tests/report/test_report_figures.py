"""The drawings: every number in them, theme colours only, ids of their own, and names as text and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

from seapo.records import Status
from seapo.report import RunContents, figures, intervals, read_run
from seapo.report.curves import MOST_POINTS, Panel, Series, training_panels
from seapo.report.funnel import funnel_steps
from seapo.report.quality import distances
from seapo.report.spreads import spreads
from seapo.report.svg import BLACK, Plot, drawing, to_svg


def _forest(contents: RunContents, width: int) -> Plot:
    assert contents.evaluate
    return intervals.forest(contents.evaluate.dimensions, confidence=0.95, width=width)


def _funnel(contents: RunContents, width: int) -> Plot:
    return figures.funnel(funnel_steps(contents), width=width)


def _statuses(contents: RunContents, width: int) -> Plot:
    assert contents.verify
    return figures.statuses(contents.verify.status, width=width)


def _curves(contents: RunContents, width: int) -> Plot:
    return figures.curves(training_panels(contents), width=width)


def _severities(contents: RunContents, width: int) -> Plot:
    return figures.severities({one.of: one.severity for one in distances(contents) if one.severity}, width=width)


def _spreads(contents: RunContents, width: int) -> Plot:
    return spreads(distances(contents), width=width)


def _gaps(contents: RunContents, width: int) -> Plot:
    assert contents.verify
    assert contents.verify.audit
    return intervals.gaps(contents.verify.audit.gaps, width=width)


def _giveaways(contents: RunContents, width: int) -> Plot:
    assert contents.verify
    assert contents.verify.audit
    plot = intervals.giveaways(contents.verify.audit, width=width)
    assert plot
    return plot


def _diagnosis(contents: RunContents, width: int) -> Plot:
    assert contents.diagnose
    plot = intervals.diagnosed(contents.diagnose.dimensions[0], confidence=0.95, width=width)
    assert plot
    return plot


PLOTS = {
    "forest": _forest,
    "funnel": _funnel,
    "statuses": _statuses,
    "curves": _curves,
    "severities": _severities,
    "spreads": _spreads,
    "gaps": _gaps,
    "giveaways": _giveaways,
    "diagnosis": _diagnosis,
}


def _draw(plot: Callable[[RunContents, int], Plot], contents: RunContents, width: int) -> str:
    with drawing():
        return str(to_svg(plot(contents, width), name="test", css_class="figure"))


@pytest.mark.parametrize("width", [figures.WIDE, figures.NARROW])
@pytest.mark.parametrize("name", PLOTS)
def test_a_drawing_holds_nothing_that_a_strict_policy_would_block(full_run: Path, name: str, width: int) -> None:
    root = ElementTree.fromstring(_draw(PLOTS[name], read_run(full_run), width))
    assert root.get("width") == str(width)
    assert {element.tag for element in root.iter()} <= {
        "svg",
        "g",
        "defs",
        "path",
        "use",
        "text",
        "title",
        "clipPath",
        "rect",
    }
    keys = {key for element in root.iter() for key in element.attrib}
    assert not [key for key in keys if key == "style" or key.startswith("on")]
    targets = [element.attrib["href"] for element in root.iter() if "href" in element.attrib]
    assert all(target.startswith("#test-") for target in targets)


@pytest.mark.parametrize("name", PLOTS)
def test_every_colour_follows_the_theme(full_run: Path, name: str) -> None:
    root = ElementTree.fromstring(_draw(PLOTS[name], read_run(full_run), figures.WIDE))
    colours = {element.get(key) for element in root.iter() for key in ("fill", "stroke")} - {None, "none", BLACK}
    assert colours
    assert all(re.fullmatch(r"var\(--[a-z]+\)", str(colour)) for colour in colours), colours


@pytest.mark.parametrize("name", PLOTS)
def test_the_same_run_gives_the_same_drawing(full_run: Path, name: str) -> None:
    contents = read_run(full_run)
    assert _draw(PLOTS[name], contents, figures.WIDE) == _draw(PLOTS[name], contents, figures.WIDE)


@pytest.mark.parametrize("name", PLOTS)
def test_no_text_stands_outside_its_drawing(full_run: Path, name: str) -> None:
    for width in (figures.WIDE, figures.NARROW):
        with drawing():
            figure = PLOTS[name](read_run(full_run), width).figure
            box = figure.get_tightbbox()
        assert box.x0 >= -0.03
        assert box.x1 * 72 <= width + 2


def test_four_statuses_and_their_legend_fit_a_phone() -> None:
    counts: dict[str, dict[Status, int]] = {"x" * 50: {"proved": 9_999, "judged": 1, "constructed": 2, "unverified": 3}}
    with drawing():
        box = figures.statuses(counts, width=figures.NARROW).figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.x1 * 72 <= figures.NARROW


def test_the_forest_tells_its_numbers_and_marks_the_verdict_by_shape(full_run: Path) -> None:
    drawn = _draw(_forest, read_run(full_run), figures.WIDE)
    assert "+12.5 [+3.6, +21.4]" in drawn
    assert "<title>knowledge −7.5 [−14.3, −0.7]</title>" in drawn
    markers = set(re.findall(r'<use [^>]*href="#(test-m[0-9a-f]+)"[^>]*><title>', drawn))
    assert len(markers) == 3


def test_the_funnel_tells_what_is_left_and_lost(full_run: Path) -> None:
    drawn = _draw(_funnel, read_run(full_run), figures.NARROW)
    assert all(text in drawn for text in ("57 (−3)", "30 (−27)", "69 (−21)", "60 (−9)", "29 (−31)"))


@pytest.mark.parametrize(
    ("name", "tips"),
    [
        ("funnel", ["<title>Good samples: 57 left, 3 lost</title>"]),
        ("statuses", ["<title>logic, proved: 6 of 18</title>", "<title>logic, constructed: 12 of 18</title>"]),
        ("gaps", ["<title>the data's own rejected 31.3 [25.0, 37.5]</title>", "<title>logic 1.8 [−1.5, 4.5]</title>"]),
        ("giveaways", ["<title>logic: pairs 84% [79, 89]</title>", "<title>correctness: AUC 51% [48, 54]</title>"]),
        ("diagnosis", ["<title>correctness 60% [45, 74]</title>", "<title>hallucination 0% [0, 9]</title>"]),
        ("spreads", ["of 6</title>", "the data's own rejected: median"]),
        ("severities", ["<title>correctness, subtle: "]),
    ],
)
def test_marks_and_bars_tell_their_numbers(full_run: Path, name: str, tips: list[str]) -> None:
    drawn = _draw(PLOTS[name], read_run(full_run), figures.WIDE)
    assert all(tip in drawn for tip in tips)


def test_a_figure_over_the_limit_differs_in_shape(full_run: Path) -> None:
    drawn = _draw(_giveaways, read_run(full_run), figures.WIDE)
    markers = dict(re.findall(r'<use [^>]*href="#test-(m[0-9a-f]+)"[^>]*><title>([^<]+)', drawn))
    assert len(markers) == 2
    looks = [one for one, told in markers.items() if told.startswith("logic: pairs")]
    assert looks


def test_what_was_not_measured_is_not_drawn(full_run: Path) -> None:
    contents = read_run(full_run)
    assert contents.verify
    assert contents.verify.audit
    unmeasured = contents.verify.audit.model_copy(update={"rows": contents.verify.audit.rows[2:]})
    assert intervals.giveaways(unmeasured, width=figures.WIDE) is None


def test_every_point_of_a_curve_tells_its_number(full_run: Path) -> None:
    contents = read_run(full_run)
    drawn = _draw(_curves, contents, figures.WIDE)
    assert drawn.count("<title>") == sum(len(s.steps) for panel in training_panels(contents) for s in panel.series)
    assert "<title>all pairs, step 1: 0." in drawn


def test_names_are_drawn_as_text(full_run: Path) -> None:
    hostile = "</text><script>alert(1)</script>$\\frac{1}{2}$\u202e"
    with drawing():
        drawn = str(to_svg(figures.statuses({hostile: {"proved": 3}}, width=340), name="x", css_class="figure"))
    root = ElementTree.fromstring(drawn)
    assert "script" not in {element.tag for element in root.iter()}
    assert any("</text><script>" in (element.text or "") for element in root.iter("text"))
    assert "\u202e" not in drawn


def test_the_panels_follow_what_was_logged(full_run: Path) -> None:
    panels = training_panels(read_run(full_run))
    assert [panel.title for panel in panels] == [
        "Loss",
        "Reward margin (β × nats)",
        "Pairs ranked right (share)",
        "Chosen log-prob. change (nats)",
    ]
    assert [series.name for series in panels[1].series] == ["all pairs", "correctness", "logic", "hallucination"]


def test_the_chosen_change_is_the_reward_over_beta(full_run: Path) -> None:
    contents = read_run(full_run)
    [change] = training_panels(contents)[3].series
    assert change.values[0] == pytest.approx(contents.metrics[0]["rewards/chosen"] / 0.1)


def test_many_steps_are_averaged_and_the_mean_stays(full_run: Path) -> None:
    (full_run / "train" / "metrics.jsonl").write_text(
        "".join(f'{{"step": {i}, "loss": {i % 7}}}\n' for i in range(1200))
    )
    [panel] = training_panels(read_run(full_run))
    [series] = panel.series
    assert len(series.values) == MOST_POINTS
    assert sum(series.values) / MOST_POINTS == pytest.approx(sum(i % 7 for i in range(1200)) / 1200)


def test_one_curve_needs_no_legend() -> None:
    panel = Panel("Loss", (Series("all pairs", (1.0, 2.0), (0.5, 0.4)),))
    with drawing():
        assert "all pairs</text>" not in to_svg(figures.curves([panel], width=340), name="x", css_class="figure")


def test_a_users_own_settings_do_not_reach_the_drawing(full_run: Path) -> None:
    contents = read_run(full_run)
    plain = _draw(_funnel, contents, figures.WIDE)
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 40, "svg.fonttype": "path"}):
        assert _draw(_funnel, contents, figures.WIDE) == plain
