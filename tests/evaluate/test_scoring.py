"""From log-probabilities to a score."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.evaluate import METRICS
from seapo.evaluate.scoring import accuracy, score_item, truthful_mass


@pytest.mark.parametrize(
    ("logprobs", "correct", "value"),
    [([-3.0, -1.0, -2.0], [1], 1), ([-3.0, -1.0, -2.0], [0, 2], 0), ([-1.0, -1.0], [1], 0), ([-1.0, -1.0], [0], 1)],
)
def test_accuracy_is_whether_the_first_of_the_likeliest_is_right(logprobs, correct, value):
    assert accuracy(logprobs, correct) == value


def test_truthful_mass_of_the_docstring():
    assert truthful_mass([math.log(0.2), math.log(0.1), math.log(0.1)], [0, 2]) == pytest.approx(0.75)


@given(st.lists(st.floats(-2000, 0), min_size=2, max_size=8))
def test_truthful_mass_of_right_and_wrong_choices_is_one_however_unlikely_they_are(logprobs):
    right, wrong = [0], list(range(1, len(logprobs)))
    assert truthful_mass(logprobs, right) + truthful_mass(logprobs, wrong) == pytest.approx(1)


def test_noise_below_the_rounding_keeps_a_tie_a_tie(chat_item):
    right_last = chat_item.model_copy(update={"correct": (2,)})
    score = score_item(right_last, [-9.0, -5.0000312, -5.0000287])
    assert score.value == 0
    assert score.choice_logprobs_nats == (-9.0, -5.0, -5.0)
    assert score_item(right_last, [-9.0, -5.0002, -5.0]).value == 1


def test_every_metric_of_an_item_is_known():
    assert set(METRICS) == {"acc", "mc2"}
