"""The sample size that would decide, against published formulas and by simulation of the judgement itself."""

import numpy as np
import pytest

from seapo.experiment.effects import seeds_interval
from seapo.experiment.power import needed


def items(variance, distance):
    return needed(variance, 0.0, distance, seeds=1, confidence=0.95).items


def test_the_worked_example_of_the_docstring():
    assert items(0.25, 0.1) == 197


@pytest.mark.parametrize(("variance", "distance"), [(0.2, 0.03), (0.05, 0.01), (1.0, 0.5)])
def test_lehrs_rule_for_a_paired_difference(variance, distance):
    # Lehr 1992: about 8 standardised distances squared for one paired sample, at 80% power and 95% confidence.
    assert items(variance, distance) == pytest.approx(8 * variance / distance**2, rel=0.03)


def test_no_number_decides_a_difference_that_lies_on_the_threshold():
    assert items(0.25, 0.0) is None
    assert needed(0.25, 0.01, 0.0, seeds=3, confidence=0.95).items is None


def test_seeds_that_do_not_vary_ask_for_items_alone():
    found = needed(0.25, 0.0, 0.1, seeds=3, confidence=0.95)
    assert (found.items, found.seeds) == (197, 3)


def test_seeds_that_vary_ask_for_more_than_the_normal_formula():
    alone = needed(0.25, 0.0, 0.1, seeds=3, confidence=0.95)
    little = needed(0.25, 0.0003, 0.1, seeds=3, confidence=0.95)
    assert (little.seeds, little.items > alone.items) == (3, True)
    much = needed(0.25, 0.01, 0.1, seeds=3, confidence=0.95)
    assert much.seeds > 3


@pytest.mark.parametrize("seed_variance", [0.0003, 0.01])
def test_so_many_do_decide_in_four_of_five_experiments(seed_variance):
    # An interval as `effects` makes it, from seeds' means drawn anew each time; only its lower end above zero decides.
    distance, variance = 0.1, 0.25
    wanted = needed(variance, seed_variance, distance, seeds=3, confidence=0.95)
    assert _share_decided(wanted.items, wanted.seeds, variance, seed_variance, distance) == pytest.approx(0.8, abs=0.05)
    fewer = max(wanted.items // 4, 1)
    assert _share_decided(fewer, wanted.seeds, variance, seed_variance, distance) < 0.72, "a quarter does as well"


def _share_decided(count, seeds, variance, seed_variance, distance):
    draws = np.random.default_rng(0)
    error = np.sqrt(variance / count)
    decided = 0
    for _ in range(4000):
        by_seed = distance + draws.normal(0, error) + draws.normal(0, np.sqrt(seed_variance), seeds)
        low, _ = seeds_interval(by_seed.mean(), error, count, list(by_seed), confidence=0.95)
        decided += low > 0
    return decided / 4000
