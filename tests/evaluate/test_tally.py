"""One model's scores: means, standard errors and intervals, against values worked out by hand and the harness's own."""

import math

import numpy as np
import pytest

from seapo.evaluate.tally import tally, tally_others
from seapo.interval import wilson_interval
from seapo.records import DIMENSIONS, ItemScore


def scores(task, values, *, group="", dimension="knowledge", metric="acc", suite="s", ids=None):
    names = ids or [f"{task}-{number}" for number in range(len(values))]
    return [
        ItemScore(id=item_id, task=task, dimension=dimension, metric=metric, value=value, suite=suite, group=group)
        for item_id, value in zip(names, values, strict=True)
    ]


def test_a_task_has_its_mean_standard_error_and_wilson_interval():
    (row,) = tally(scores("t", [1.0] * 6 + [0.0] * 4), confidence=0.95, seed=0).tasks
    assert (row.name, row.items, row.value) == ("t", 10, 0.6)
    assert row.stderr == pytest.approx(math.sqrt(0.6 * 0.4 * 10 / 9 / 10))
    assert row.interval == pytest.approx(wilson_interval(6, 10, confidence=0.95))


def test_one_item_tells_no_standard_error():
    assert tally(scores("t", [1.0]), confidence=0.95, seed=0).tasks[0].stderr is None


def test_a_group_weighs_its_tasks_by_size_as_the_harness_does():
    metrics = pytest.importorskip("lm_eval.api.metrics", reason="needs the package lm-eval")
    parts = {"m_a": [1.0, 0.0, 1.0, 1.0], "m_b": [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]}
    found = tally(
        [s for name, values in parts.items() for s in scores(name, values, group="m")], confidence=0.95, seed=0
    )
    (group,) = found.groups
    stderrs = [metrics.mean_stderr(values) for values in parts.values()]
    assert group.value == pytest.approx(5 / 11)
    assert group.stderr == pytest.approx(metrics.pooled_sample_stderr(stderrs, [4, 7]))
    assert [row.stderr for row in found.tasks] == pytest.approx(stderrs)
    assert [row.group for row in found.tasks] == ["m", "m"]


def test_a_dimension_is_the_mean_of_its_benchmarks_and_each_counts_the_same():
    group = [s for name in ("m_a", "m_b") for s in scores(name, [1.0, 0.0] * 6, group="m")]
    found = tally([*group, *scores("other", [1.0] * 15 + [0.0] * 5)], confidence=0.95, seed=0)
    (row,) = found.dimensions
    assert (row.name, row.metric, row.items) == ("knowledge", "mean", 44)
    assert row.value == pytest.approx((0.5 + 0.75) / 2)
    variances = (2 * 12 * np.var([1, 0] * 6, ddof=1) / 24**2, 20 * np.var([1] * 15 + [0] * 5, ddof=1) / 20**2)
    assert row.stderr == pytest.approx(math.sqrt(sum(variances)) / 2)
    assert row.interval[0] < row.value < row.interval[1]


def test_items_of_one_question_count_as_one_draw():
    """Two tasks whose values are the same tell as little as one of them."""
    values = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    ids = {name: [f"q{number}#{name}" for number in range(12)] for name in ("mc1", "mc2")}
    both = [s for name, own in ids.items() for s in scores(name, values, ids=own)]
    found = tally(both, confidence=0.95, seed=0)
    assert found.dimensions[0].stderr == pytest.approx(found.tasks[0].stderr)


def test_dimensions_without_an_item_are_named():
    found = tally(scores("t", [1.0, 0.0]), confidence=0.95, seed=0)
    assert set(found.not_measured) == set(DIMENSIONS) - {"knowledge"}
    assert tally([], confidence=0.95, seed=0).not_measured.keys() == set(DIMENSIONS)


def test_further_metrics_have_lines_of_their_own():
    strict, loose = (
        scores("t", values, metric=name) for name, values in (("strict", [0.0, 1.0]), ("loose", [1.0, 1.0]))
    )
    rows = tally_others([*strict, *loose], confidence=0.95, seed=0)
    assert [(row.name, row.metric, row.value) for row in rows] == [("t", "strict", 0.5), ("t", "loose", 1.0)]
