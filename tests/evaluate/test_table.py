"""The table for a terminal."""

import pytest

from seapo.evaluate import format_table
from seapo.summaries import EvaluateSummary, ScoreRow


def row(name, **changes):
    values = {
        "name": name,
        "dimension": "truthfulness",
        "metric": "acc",
        "items": 54,
        "before": 0.37,
        "before_interval": (0.253, 0.504),
        "after": 0.4,
        "after_interval": (0.284, 0.542),
        "difference": 0.03,
        "difference_interval": (-0.061, 0.135),
        "verdict": "undecided",
    }
    return ScoreRow(**(values | changes))


@pytest.fixture
def summary():
    """Two dimensions of the starter suite, and two further tasks of the first of them."""
    knowledge = {"dimension": "knowledge", "items": 50, "before": 0.64, "after": 0.5, "difference": -0.14,
                 "difference_interval": (-0.25, -0.02), "verdict": "worse"}  # fmt: skip
    mc1 = row("truthfulqa_mc1", items=817, before=0.25, after=0.25, difference=-0.0)
    mc2 = row("truthfulqa_mc2", items=817, before=0.41, after=1.0, difference=0.59, verdict="better", metric="mc2")
    return EvaluateSummary(
        model="SmolLM2-135M-Instruct",
        confidence=0.95,
        method="in words",
        tasks=(row("starter_knowledge", **knowledge), row("starter_truthfulness"), mc1, mc2),
        dimensions=(row("knowledge", **knowledge), row("truthfulness")),
        not_measured={"coding": "no suite of this run measures it"},
    )


def test_a_wide_table_shows_every_interval(summary):
    assert format_table(summary, width=120).splitlines()[:8] == [
        "SmolLM2-135M-Instruct before and after training, in percent, with 95% intervals",
        "",
        "                items             before               after           difference",
        "--------------------------------------------------------------------------------------------",
        "knowledge          50  64.0 [25.3, 50.4]   50.0 [28.4, 54.2]  -14.0 [-25.0, -2.0]  worse",
        "truthfulness       54  37.0 [25.3, 50.4]   40.0 [28.4, 54.2]   +3.0 [-6.1, +13.5]  undecided",
        "truthfulqa_mc1    817  25.0 [25.3, 50.4]   25.0 [28.4, 54.2]   +0.0 [-6.1, +13.5]  undecided",
        "truthfulqa_mc2    817  41.0 [25.3, 50.4]  100.0 [28.4, 54.2]  +59.0 [-6.1, +13.5]  better",
    ]


@pytest.mark.parametrize("width", [200, 100, 80, 72, 60, 40, 30])
def test_no_line_is_longer_than_the_width_and_every_row_and_difference_is_there(summary, width):
    text = format_table(summary, width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    for part in ("knowledge", "truthfulness", "truthfulqa_mc1", "truthfulqa_mc2", "-14.0 [-25.0, -2.0]", "undecided"):
        assert part in text


def test_at_60_columns_a_row_still_stands_in_one_line(summary):
    (line,) = [line for line in format_table(summary, width=60).splitlines() if line.startswith("knowledge")]
    assert line.split() == ["knowledge", "64.0", "50.0", "-14.0", "[-25.0,", "-2.0]", "worse"]


def test_what_was_not_measured_is_told_with_its_reason(summary):
    assert "coding: not measured, no suite of this run measures it" in format_table(summary, width=100)


def test_a_table_without_rows_says_so(summary):
    empty = summary.model_copy(update={"tasks": (), "dimensions": ()})
    assert "no suite was asked for" in format_table(empty, width=60)


def test_tasks_of_a_dimension_that_is_their_mean_are_shown(summary):
    mean = row("truthfulness", metric="mean", items=1634)
    text = format_table(summary.model_copy(update={"dimensions": (mean,), "tasks": summary.tasks[2:]}), width=100)
    assert [line.split()[0] for line in text.splitlines()[4:7]] == ["truthfulness", "truthfulqa_mc1", "truthfulqa_mc2"]


def test_the_table_is_plain_ascii(summary):
    assert format_table(summary, width=80).isascii()


def test_a_dimension_that_is_one_benchmark_of_several_tasks_stands_for_it(summary):
    bbh = row("bbh", dimension="reasoning")
    parts = (row("bbh_a", dimension="reasoning"), row("bbh_b", dimension="reasoning", before=0.1))
    reasoning = bbh.model_copy(update={"name": "reasoning"})
    told = summary.model_copy(update={"dimensions": (reasoning,), "groups": (bbh,), "tasks": parts})
    lines = format_table(told, width=100).splitlines()
    assert [line.split()[0] for line in lines[4:7]] == ["reasoning", "bbh_a", "bbh_b"]
