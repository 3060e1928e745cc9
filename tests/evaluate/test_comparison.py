"""From two lists of scores to rows with intervals and verdicts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.errors import DataError
from seapo.evaluate import compare
from seapo.evaluate.statistics import mcnemar_p, tango_interval
from seapo.interval import wilson_interval
from seapo.records import DIMENSIONS, ItemScore

OPTIONS = {"model": "m", "confidence": 0.95, "seed": 0}


def scores(values, *, task="starter_knowledge", dimension="knowledge", suite="starter", metric="acc", suffix=""):
    return [
        ItemScore(
            id=f"q{number}{suffix}",
            task=task,
            dimension=dimension,
            metric=metric,
            value=value,
            choice_logprobs_nats=(-1.0, -2.0),
            suite=suite,
        )
        for number, value in enumerate(values)
    ]


def mc2(values, **changes):
    names = {"task": "truthfulqa_mc2", "dimension": "truthfulness", "suite": "truthfulqa", "metric": "mc2"}
    return scores(values, suffix="#mc2", **(names | changes))


def mc1(values):
    names = {"task": "truthfulqa_mc1", "dimension": "truthfulness", "suite": "truthfulqa"}
    return scores(values, suffix="#mc1", **names)


def smooth(seed, count=40):
    generator = random.Random(seed)
    return [generator.betavariate(2, 3) for _ in range(count)]


def test_an_accuracy_gets_score_intervals_and_mcnemars_p():
    before, after = [1.0] * 10 + [0.0] * 30, [1.0] * 9 + [0.0] + [1.0] * 12 + [0.0] * 18
    (row,) = compare(scores(before), scores(after), **OPTIONS).tasks
    assert (row.items, row.before, row.after) == (40, 0.25, 0.525)
    assert row.difference == pytest.approx(11 / 40)
    assert row.before_interval == wilson_interval(10, 40, confidence=0.95)
    assert row.after_interval == wilson_interval(21, 40, confidence=0.95)
    assert row.difference_interval == tango_interval(12, 1, 40, confidence=0.95)
    assert row.mcnemar_p == mcnemar_p(12, 1)
    assert row.verdict == "better"


def test_a_dimension_of_one_task_has_its_numbers():
    summary = compare(scores([1.0, 0.0] * 20), scores([1.0] * 40), **OPTIONS)
    (task,), (dimension,) = summary.tasks, summary.dimensions
    assert dimension == task.model_copy(update={"name": "knowledge"})


def test_dimensions_that_no_item_measures_are_named_with_the_reason():
    summary = compare(scores([1.0]), scores([0.0]), not_measured={"coding": "no sandbox"}, **OPTIONS)
    assert summary.not_measured == {
        name: "no sandbox" if name == "coding" else "no suite of this run measures it"
        for name in DIMENSIONS
        if name != "knowledge"
    }


@pytest.mark.parametrize("shift", [0.2, -0.2, 0.0])
def test_the_verdict_follows_the_interval(shift):
    before = smooth(1)
    after = [min(1.0, max(0.0, value + shift + noise / 10)) for value, noise in zip(before, smooth(2), strict=True)]
    (row,) = compare(mc2(before), mc2([max(0.0, value - 0.04) for value in after]), **OPTIONS).tasks
    assert row.verdict == {0.2: "better", -0.2: "worse", 0.0: "undecided"}[shift]
    assert row.mcnemar_p is None


@pytest.mark.parametrize("make", [scores, mc2])
def test_one_item_decides_nothing(make):
    (row,) = compare(make([0.0]), make([1.0]), **OPTIONS).tasks
    assert row.verdict == "undecided"


@pytest.mark.parametrize("make", [scores, mc2])
def test_an_untouched_model_differs_by_nothing_but_with_a_width(make):
    (row,) = compare(make([1.0, 0.0] * 20), make([1.0, 0.0] * 20), **OPTIONS).tasks
    low, high = row.difference_interval
    assert (row.difference, row.verdict) == (0, "undecided")
    assert low == pytest.approx(-high)
    assert high > 0.05


@given(st.integers(0, 2**32), st.sampled_from([scores, mc2]))
@settings(max_examples=10, deadline=None)
def test_swapping_before_and_after_mirrors_the_row(seed, make):
    first, second = smooth(seed), smooth(seed + 1)
    if make is scores:
        first, second = [float(x > 0.4) for x in first], [float(x > 0.4) for x in second]
    (row,) = compare(make(first), make(second), **OPTIONS).tasks
    (swapped,) = compare(make(second), make(first), **OPTIONS).tasks
    assert swapped.difference == pytest.approx(-row.difference)
    assert swapped.difference_interval == pytest.approx([-end for end in reversed(row.difference_interval)], abs=1e-9)
    assert {row.verdict, swapped.verdict} in ({"better", "worse"}, {"undecided"})


def test_the_order_of_the_second_list_changes_nothing():
    before, after = mc2(smooth(3)), mc2(smooth(4))
    straight = compare(before, after, **OPTIONS)
    mixed = compare(before, list(reversed(after)), **OPTIONS)
    assert mixed == straight


def test_the_mean_of_mc1_and_mc2_is_drawn_by_question():
    before1, after1 = [1.0, 0.0] * 20, [1.0, 1.0, 0.0, 0.0] * 10
    before, after = mc1(before1) + mc2(smooth(5)), mc1(after1) + mc2(smooth(6))
    summary = compare(before, after, **OPTIONS)
    (row,) = summary.dimensions
    assert (row.metric, row.items) == ("mean", 80)
    assert row.before == pytest.approx((0.5 + sum(smooth(5)) / 40) / 2)
    # By hand: the question's two parts averaged first, then the same bootstrap over 40 questions.
    halves = [
        mc2([(a + b) / 2 for a, b in zip(one, two, strict=True)])
        for one, two in ((before1, smooth(5)), (after1, smooth(6)))
    ]
    (expected,) = compare(*halves, **OPTIONS).tasks
    assert row.difference == pytest.approx(expected.difference)
    assert row.difference_interval == pytest.approx(expected.difference_interval, abs=0.01)


def test_a_dimension_takes_its_first_suite_only_so_that_ways_of_asking_do_not_mix():
    starter = scores([1.0, 0.0] * 20, task="starter_truthfulness", dimension="truthfulness")
    summary = compare(starter + mc2(smooth(7)), starter + mc2(smooth(7)), **OPTIONS)
    assert [row.name for row in summary.tasks] == ["starter_truthfulness", "truthfulqa_mc2"]
    (row,) = summary.dimensions
    assert (row.items, row.before) == (40, 0.5)


def test_no_scores_make_an_empty_table():
    summary = compare([], [], **OPTIONS)
    assert (summary.tasks, summary.dimensions, set(summary.not_measured)) == ((), (), set(DIMENSIONS))


@pytest.mark.parametrize("after", [[], scores([1.0], task="other")])
def test_scores_of_other_items_are_refused(after):
    with pytest.raises(DataError, match=r"before and after were not asked the same items: .* of before alone"):
        compare(scores([1.0]), after, **OPTIONS)
