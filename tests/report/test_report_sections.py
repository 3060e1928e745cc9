"""The page's further sections, each with its figure, and only where there is something to show."""

import re
from dataclasses import replace
from pathlib import Path

from seapo.recipe import ReportSection
from seapo.report import RunContents, read_run, render, render_markdown
from seapo.report.drawings import benchmark_rows, draw_all
from seapo.report.quality import distances


def page(contents: RunContents) -> str:
    return render(contents, settings=ReportSection(examples_per_type=0))


def test_the_sections_of_a_full_run(full_run: Path) -> None:
    html = page(read_run(full_run))
    for expected in (
        "<strong>60 negatives, one known error each, made from 30 good answers.</strong>",
        "Which answer the reference model prefers",
        "How gross the errors are",
        "What each strategy gave",
        "By benchmark",
        "at most 40 items of each task",
        "as published (protocol paper)",
        "3 requests of <bdi>gsm8k</bdi> were cut to fit the context.",
        "exact_match,flexible-extract",
        "The model's own errors",
        "What the mix would take from it",
        "mix.weights=from_diagnosis",
    ):
        assert expected in html, expected


def test_a_run_without_diagnosis_and_benchmarks_says_nothing_of_them(made_run: Path) -> None:
    html = page(read_run(made_run))
    for absent in ("diagnosis", "By benchmark", "The same items by other metrics", "Suites:"):
        assert absent not in html, absent


def test_every_figure_is_drawn_where_there_is_something_to_show(full_run: Path) -> None:
    contents = read_run(full_run)
    assert set(draw_all(contents, distances(contents))) == {
        "funnel", "statuses", "giveaways", "gaps", "spreads", "severities", "forest", "benchmarks", "curves",
        "diagnosis",
    }  # fmt: skip


def test_nothing_is_drawn_of_a_run_that_has_nothing(full_run: Path) -> None:
    bare = replace(
        read_run(full_run), source=None, inject=None, verify=None, mix=None, train=None, evaluate=None, diagnose=None,
        evaluated=(), metrics=(), negatives=(), samples={},
    )  # fmt: skip
    assert draw_all(bare, distances(bare)) == {}


def test_the_parts_of_a_benchmark_stand_as_one_row(full_run: Path) -> None:
    names = [row.name for row in benchmark_rows(read_run(full_run))]
    assert "math" in names
    assert "gsm8k" in names
    assert "math_algebra" not in names


def test_weights_that_the_mix_used_are_told(full_run: Path) -> None:
    contents = read_run(full_run)
    assert contents.mix
    weighted = contents.mix.model_copy(update={"weights": {"logic": 0.75, "correctness": 0.25}})
    assert "The mix of this run was drawn by weights: <bdi>logic</bdi> 0.750" in page(replace(contents, mix=weighted))


def test_the_limits_of_the_diagnosis_are_those_that_were_measured(full_run: Path) -> None:
    measured = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    contents = read_run(full_run)
    for text in (page(contents), render_markdown(contents, settings=ReportSection(examples_per_type=0))):
        limits = text.split("A program's diagnosis has limits.")[1].split("A share under")[0]
        figures = re.findall(r"[\d.]+%", limits)
        assert figures == ["84.9%", "78.1%", "3.2%"]
        assert all(figure in measured for figure in figures)
