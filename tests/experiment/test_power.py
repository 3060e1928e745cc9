"""The sample size that would decide, against published formulas and by simulation."""

import math

import numpy as np
import pytest

from seapo.experiment.power import needed, needed_items


def test_the_worked_example_of_the_docstring():
    assert needed_items(0.25, 0.1, confidence=0.95) == 197


@pytest.mark.parametrize(("variance", "distance"), [(0.2, 0.03), (0.05, 0.01), (1.0, 0.5)])
def test_lehrs_rule_for_a_paired_difference(variance, distance):
    # Lehr 1992: about 8 standardised distances squared for one paired sample, at 80% power and 95% confidence.
    assert needed_items(variance, distance, confidence=0.95) == pytest.approx(8 * variance / distance**2, rel=0.03)


def test_so_many_items_do_decide_in_four_of_five_experiments():
    sd, distance = 0.4, 0.05
    n = needed_items(sd**2, distance, confidence=0.95)
    draws = np.random.default_rng(0).normal(distance, sd / math.sqrt(n), size=20_000)
    assert np.mean(draws > 1.96 * sd / math.sqrt(n)) == pytest.approx(0.8, abs=0.01)


def test_no_number_decides_a_difference_that_lies_on_the_threshold():
    assert needed_items(0.25, 0.0, confidence=0.95) is None
    assert needed(0.25, 0.01, 0.0, seeds=3, confidence=0.95).items is None


def test_seeds_that_do_not_vary_ask_for_items_alone():
    assert needed(0.25, 0.0, 0.1, seeds=3, confidence=0.95) == needed(
        0.25, 0.0, 0.1, seeds=1, confidence=0.95
    ).model_copy(update={"seeds": 3})
    assert needed(0.25, 0.0, 0.1, seeds=1, confidence=0.95).items == 197


def test_seeds_that_vary_much_ask_for_more_seeds():
    found = needed(0.25, 0.01, 0.1, seeds=3, confidence=0.95)
    allowed = (0.1 / (1.959964 + 0.841621)) ** 2
    assert allowed < 0.01 / 3  # more items alone could not do
    assert found.seeds == math.ceil(0.01 / (allowed / 2))
    assert 0.25 / found.items + 0.01 / found.seeds <= allowed
