"""The intervals against worked values, independent computations, and simulated data whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from seapo.evaluate.statistics import (
    MIN_QUESTIONS,
    bootstrap_intervals,
    mcnemar_p,
    question_of,
    student_quantile,
    tango_interval,
    unvaried_interval,
)
from seapo.interval import wilson_interval

COUNTS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60)).filter(lambda counts: sum(counts) > 0)
BOUNDS = ((-1.0, 1.0),)


def paired_score(gained, lost, n, delta):
    """Tango's statistic with the nuisance parameter found by numerical maximisation of the likelihood."""
    same = n - gained - lost

    def minus_log_likelihood(share_lost):
        return -(gained * math.log(share_lost + delta) + lost * math.log(share_lost)) - same * math.log(
            1 - 2 * share_lost - delta
        )

    edge = 1e-12
    bounds = (max(0.0, -delta) + edge, (1 - delta) / 2 - edge)
    share_lost = optimize.minimize_scalar(
        minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-13}
    ).x
    return (gained - lost - n * delta) / math.sqrt(n * (2 * share_lost + delta - delta**2))


def test_question_of_joins_the_parts_of_one_question():
    assert question_of("q7#mc1") == question_of("q7#mc2") == "q7"
    assert question_of("q7") != question_of("q8")


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (8, 10), (20, 40), (39, 40), (817, 817)])
def test_wilson_interval_equals_scipys(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, n, confidence=0.95) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_interval_of_the_docstring():
    assert wilson_interval(8, 10, confidence=0.95) == pytest.approx((0.490, 0.943), abs=5e-4)


@pytest.mark.parametrize(("gained", "lost", "n"), [(5, 1, 40), (1, 5, 40), (3, 3, 20), (12, 4, 200), (2, 9, 11)])
def test_tango_interval_ends_where_the_score_test_rejects(gained, lost, n):
    low, high = tango_interval(gained, lost, n, confidence=0.95)
    assert paired_score(gained, lost, n, low) == pytest.approx(1.959964, abs=1e-4)
    assert paired_score(gained, lost, n, high) == pytest.approx(-1.959964, abs=1e-4)


@pytest.mark.parametrize("n", [1, 5, 40, 817])
def test_tango_interval_without_a_changed_item_keeps_a_width(n):
    bound = 1.959964**2 / (n + 1.959964**2)
    assert tango_interval(0, 0, n, confidence=0.95) == pytest.approx((-bound, bound), abs=1e-6)


@given(COUNTS)
def test_swapping_before_and_after_mirrors_the_interval(counts):
    gained, lost, _ = counts
    low, high = tango_interval(gained, lost, sum(counts), confidence=0.95)
    mirrored_low, mirrored_high = tango_interval(lost, gained, sum(counts), confidence=0.95)
    assert (low, high) == pytest.approx((-mirrored_high, -mirrored_low), abs=1e-9)
    assert mcnemar_p(gained, lost) == mcnemar_p(lost, gained)


@given(COUNTS)
def test_tango_interval_holds_the_estimate_and_grows_with_confidence(counts):
    gained, lost, _ = counts
    n = sum(counts)
    low, high = tango_interval(gained, lost, n, confidence=0.95)
    wider_low, wider_high = tango_interval(gained, lost, n, confidence=0.99)
    assert -1 <= wider_low <= low + 1e-9
    assert low - 1e-9 <= (gained - lost) / n <= high + 1e-9
    assert high - 1e-9 <= wider_high <= 1


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (5, 1), (10, 10), (3, 17), (200, 260)])
def test_mcnemar_p_equals_scipys_binomial_test(gained, lost):
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar_p(gained, lost) == pytest.approx(expected, abs=1e-12)


def test_mcnemar_p_of_the_docstring():
    assert mcnemar_p(5, 1) == 0.21875


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("degrees", [9, 20, 39, 816])
def test_student_quantile_equals_scipys(degrees, confidence):
    assert student_quantile(degrees, confidence=confidence) == pytest.approx(
        stats.t.ppf((1 + confidence) / 2, degrees), abs=5e-3 if confidence > 0.95 else 5e-4
    )


def coverage(draw_interval, truth, data_sets):
    """Share of simulated data sets whose interval holds the truth."""
    return sum(low <= truth <= high for low, high in (draw_interval() for _ in range(data_sets))) / data_sets


@pytest.mark.parametrize(("share_gained", "share_lost"), [(0.20, 0.10), (0.15, 0.15), (0.30, 0.05)])
def test_tango_interval_covers_the_truth_in_about_95_percent_of_40_item_data_sets(share_gained, share_lost):
    generator = np.random.default_rng(7)

    def draw_interval():
        gained, lost, _ = generator.multinomial(40, [share_gained, share_lost, 1 - share_gained - share_lost])
        return tango_interval(int(gained), int(lost), 40, confidence=0.95)

    assert 0.92 <= coverage(draw_interval, share_gained - share_lost, data_sets=500) <= 0.98


def test_the_simulation_notices_intervals_that_are_too_narrow():
    generator = np.random.default_rng(7)

    def draw_interval():
        gained, lost, _ = generator.multinomial(40, [0.2, 0.1, 0.7])
        return tango_interval(int(gained), int(lost), 40, confidence=0.85)

    assert coverage(draw_interval, 0.1, data_sets=500) < 0.92


@pytest.mark.parametrize("n", [MIN_QUESTIONS, 40])
def test_bootstrap_interval_covers_the_truth_in_about_95_percent_of_data_sets(n):
    generator = np.random.default_rng(8)

    def draw_interval():
        differences = generator.beta(2, 6, size=(n, 1)) - generator.beta(2, 6, size=(n, 1)) + 0.05
        seed = int(generator.integers(2**32))
        return bootstrap_intervals([differences / n], bounds=BOUNDS, confidence=0.95, seed=seed, resamples=1000)[0]

    assert 0.92 <= coverage(draw_interval, 0.05, data_sets=500) <= 0.98


def test_bootstrap_interval_is_near_students_where_the_mean_is_nearly_normal():
    values = np.random.default_rng(1).normal(0.1, 0.2, size=60)
    (interval,) = bootstrap_intervals([values[:, None] / 60], bounds=BOUNDS, confidence=0.95, seed=0)
    expected = stats.t.interval(0.95, 59, loc=values.mean(), scale=values.std(ddof=1) / math.sqrt(60))
    assert interval == pytest.approx(expected, abs=0.004)


def test_bootstrap_interval_is_mirrored_by_negation_and_repeated_by_its_seed():
    values = np.random.default_rng(2).normal(0.1, 0.2, size=(40, 1)) / 40
    options = {"bounds": BOUNDS, "confidence": 0.95, "resamples": 2000}
    ((low, high),) = bootstrap_intervals([values], seed=3, **options)
    ((mirrored_low, mirrored_high),) = bootstrap_intervals([-values], seed=3, **options)
    assert (low, high) == pytest.approx((-mirrored_high, -mirrored_low), abs=1e-12)
    assert bootstrap_intervals([values], seed=3, **options) == [(low, high)]
    assert bootstrap_intervals([values], seed=4, **options) != [(low, high)]


def test_bootstrap_draws_each_stratum_by_itself():
    # Two strata of which each has but one value: nothing varies inside them, although their values differ.
    strata = [np.full((20, 1), 0.9 / 40), np.full((20, 1), 0.1 / 40)]
    (interval,) = bootstrap_intervals(strata, bounds=((0.0, 1.0),), confidence=0.95, seed=0, resamples=500)
    assert interval == pytest.approx(unvaried_interval(0.5, 20, (0.0, 1.0), confidence=0.95))


def test_bootstrap_of_unchanged_scores_keeps_a_width_and_of_few_questions_claims_nothing():
    unchanged = np.zeros((40, 1))
    assert bootstrap_intervals([unchanged], bounds=BOUNDS, confidence=0.95, seed=0) == [
        pytest.approx(tango_interval(0, 0, 40, confidence=0.95), abs=1e-9)
    ]
    few = np.full((MIN_QUESTIONS - 1, 1), 0.5 / (MIN_QUESTIONS - 1))
    assert bootstrap_intervals([few], bounds=BOUNDS, confidence=0.95, seed=0) == [(-1.0, 1.0)]
