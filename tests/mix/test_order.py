"""The order by severity or gap: both ways, whatever the order of the data, and refused where nothing was measured."""

import random

import pytest

from seapo.errors import DataError
from seapo.mix import mix_rows
from seapo.recipe import MixSection

GAPS = {"a": 0.5, "b": 12.0, "c": -2.0, "d": 3.0}
SEVERITIES = {"a": "subtle", "b": "gross", "c": "subtle", "d": "moderate", "e": "gross"}


@pytest.fixture(scope="module")
def gaps(row):
    return [row(name, gap=gap) for name, gap in GAPS.items()]


@pytest.fixture(scope="module")
def graded(row):
    return [row(name, severity=severity) for name, severity in SEVERITIES.items()]


def ids(rows, order, **values):
    return list(dict.fromkeys(p.id for p in mix_rows(rows, MixSection(order=order, **values), seed=0).pairs))


def test_the_largest_gap_comes_first_or_last(gaps):
    assert ids(gaps, "gap") == ["b", "d", "a", "c"]
    assert ids(gaps, "gap_hardest_first") == ["c", "a", "d", "b"]
    assert ids(gaps, "shuffled") == list(GAPS)


def test_gross_comes_first_or_last_and_a_draw_decides_between_equals(graded):
    order = ids(graded, "severity")
    assert [SEVERITIES[name] for name in order] == ["gross", "gross", "moderate", "subtle", "subtle"]
    assert [SEVERITIES[name] for name in ids(graded, "severity_hardest_first")][:3] == ["subtle", "subtle", "moderate"]
    drawn = {
        tuple(p.id for p in mix_rows(graded, MixSection(order="severity"), seed=seed).pairs)[:2] for seed in range(12)
    }
    assert drawn == {("b", "e"), ("e", "b")}


def test_the_order_of_the_data_changes_nothing(gaps, graded):
    for rows, order in ((gaps, "gap"), (graded, "severity")):
        for seed in range(5):
            assert ids(random.Random(seed).sample(rows, len(rows)), order) == ids(rows, order)


def test_the_mean_over_several_negatives_decides(row):
    rows = [row("a", gap=1.0), row("b", gap=2.0), row("c", gap=9.0)]
    first, second, third = rows[0].negatives
    uneven = (first.model_copy(update={"gap_nats": 3.0}), second, third.model_copy(update={"gap_nats": 3.0}))
    rows[0] = rows[0].model_copy(update={"negatives": uneven})
    assert ids(rows, "gap", kind="all") == ["c", "a", "b"]  # 9, (3 + 1 + 3) / 3, 2


def test_a_pair_carries_its_place_and_what_it_goes_by(gaps):
    first = mix_rows(gaps, MixSection(order="gap"), seed=0).pairs[0]
    assert (first.mix_order, first.gap_nats, first.severity) == (-12.0, 12.0, "moderate")
    assert mix_rows(gaps, MixSection(), seed=0).pairs[0].mix_order is None


@pytest.mark.parametrize(("order", "name"), [("gap", "gap"), ("severity_hardest_first", "severity")])
def test_what_was_not_measured_says_what_to_set(row, order, name):
    rows = [row("a", severity=None, gap=None), row("b", severity=None, gap=None)]
    with pytest.raises(DataError, match=rf"mix.order: {order} goes by the {name} .* no pair has a measured one: .*"):
        mix_rows(rows, MixSection(order=order), seed=0)
    with pytest.raises(DataError, match=r"1 of 3 pairs \(as of a\) have no measured one: .* inject.rank_by: model"):
        mix_rows([rows[0], row("b"), row("c")], MixSection(order=order), seed=0)
