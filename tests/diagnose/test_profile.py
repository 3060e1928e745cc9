"""Counts, intervals and weights, each against a value worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.diagnose.agreement import cohen_kappa
from seapo.diagnose.classify import Diagnosis
from seapo.diagnose.profile import AnswerRow, profile_dimensions, type_weights
from seapo.interval import simultaneous_confidence, wilson_interval

TYPES = ("correctness", "logic", "hallucination")


def row(number, outcome, error_type=None, dimension="mathematics", **options):
    diagnosis = Diagnosis(outcome=outcome, error_type=error_type, evidence="", **options)
    return AnswerRow(
        id=str(number), task="t", dimension=dimension, question="?", reference="", answer="", finish="stop",
        diagnosis=diagnosis,
    )  # fmt: skip


ROWS = [
    row(1, "right"),
    row(2, "wrong", "correctness", by="program", is_proved=True),
    row(3, "wrong", "correctness", by="judge"),
    row(4, "wrong", "logic", by="program"),
    row(5, "wrong", "other", by="program"),
    row(6, "wrong"),
    row(7, "not_judged"),
    row(8, "right", dimension="knowledge"),
    row(9, "right").model_copy(update={"diagnosis": None, "finish": "too_long"}),
]


def test_the_profile_counts_as_by_hand():
    overall, mathematics, knowledge = profile_dimensions(ROWS, TYPES, confidence=0.95)
    assert (overall.name, mathematics.name, knowledge.name) == ("all", "mathematics", "knowledge")
    assert (overall.answers, overall.wrong, overall.not_judged) == (8, 5, 1)
    assert (overall.accuracy.part, overall.accuracy.whole) == (2, 7)
    assert overall.accuracy.interval == wilson_interval(2, 7, confidence=0.95)
    correctness, logic, hallucination, other = overall.types
    assert (correctness.of_wrong.part, correctness.of_wrong.whole, correctness.of_all.whole) == (2, 5, 7)
    assert (correctness.proved, correctness.judged) == (1, 1)
    assert (logic.of_wrong.part, hallucination.of_wrong.part, other.of_wrong.part) == (1, 0, 1)
    assert overall.type_not_judged.part == 1
    assert knowledge.types[0].of_wrong.interval is None
    assert sum(each.of_wrong.part for each in overall.types) + overall.type_not_judged.part == overall.wrong


def test_weights_are_smoothed_shares_of_the_errors_that_have_a_type():
    weights = {each.error_type: each for each in type_weights(ROWS, TYPES, pseudo_count=1.0, confidence=0.95)}
    assert [weights[name].count for name in TYPES] == [2, 1, 0]
    assert [weights[name].weight for name in TYPES] == pytest.approx([3 / 6, 2 / 6, 1 / 6], abs=1e-6)
    # 0 of 3 at 1 - 0.05 / 3: Wilson's upper limit is z^2 / (n + z^2) with z = 2.3940.
    assert weights["hallucination"].interval == pytest.approx((0.0, 5.7311 / 8.7311), abs=1e-4)


def test_without_a_wrong_answer_all_types_weigh_the_same_and_have_no_interval():
    weights = type_weights([row(1, "right")], TYPES, pseudo_count=1.0, confidence=0.95)
    assert [each.weight for each in weights] == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert {each.interval for each in weights} == {None}


@given(st.lists(st.sampled_from([*TYPES, "other", None]), max_size=40), st.floats(0.01, 10))
def test_weights_sum_to_one_keep_their_order_and_are_never_zero(errors, pseudo_count):
    rows = [row(number, "wrong", name) for number, name in enumerate(errors)]
    weights = type_weights(rows, TYPES, pseudo_count=pseudo_count, confidence=0.95)
    assert sum(each.weight for each in weights) == pytest.approx(1, abs=1e-5)
    assert all(each.weight > 0 for each in weights)
    ordered = sorted(weights, key=lambda each: each.count)
    assert [each.weight for each in ordered] == sorted(each.weight for each in weights)


def test_intervals_that_hold_together_are_wider():
    assert simultaneous_confidence(0.95, 5) == pytest.approx(0.99)
    assert simultaneous_confidence(0.95, 1) == pytest.approx(0.95)


def test_kappa_is_the_one_of_cohens_formula():
    # 20 + 15 of 50 agree: 0.7 observed; 25/50 * 30/50 + 25/50 * 20/50 = 0.5 by chance; (0.7 - 0.5) / 0.5 = 0.4
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    kappa, (low, high) = cohen_kappa(pairs)
    assert kappa == pytest.approx(0.4)
    assert (low, high) == pytest.approx((0.146, 0.654), abs=1e-3)  # 1.96 * sqrt(0.7 * 0.3 / 50) / 0.5 = 0.254
    assert cohen_kappa([])[0] == cohen_kappa([("a", "a")])[0] == 0
