"""The intervals against worked values, independent computations, and simulated data whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from seapo.evaluate.statistics import (
    MIN_QUESTIONS,
    MIN_TASKS,
    across_tasks_interval,
    bootstrap,
    bootstrap_intervals,
    holm,
    mcnemar_p,
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
    assert mcnemar_p(5, 1) == pytest.approx(0.21875)


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
    assert interval == pytest.approx(unvaried_interval(0.5, 40, (0.0, 1.0), confidence=0.95))


def test_bootstrap_of_unchanged_scores_keeps_a_width_and_of_few_questions_claims_nothing():
    unchanged = np.zeros((40, 1))
    assert bootstrap_intervals([unchanged], bounds=BOUNDS, confidence=0.95, seed=0) == [
        pytest.approx(tango_interval(0, 0, 40, confidence=0.95), abs=1e-9)
    ]
    few = np.full((MIN_QUESTIONS - 1, 1), 0.5 / (MIN_QUESTIONS - 1))
    assert bootstrap_intervals([few], bounds=BOUNDS, confidence=0.95, seed=0) == [(-1.0, 1.0)]


def test_a_stratum_of_one_question_is_drawn_with_the_others_of_that_kind():
    # 20 tasks of one question each: their spread is all that tells of chance.
    values = np.random.default_rng(3).normal(0.1, 0.2, size=20) / 20
    alone = bootstrap([np.array([[value]]) for value in values], seed=0)
    together = bootstrap([values[:, None]], seed=0)
    assert alone.interval(0, bounds=(-1, 1), confidence=0.95) == together.interval(0, bounds=(-1, 1), confidence=0.95)
    assert alone.degrees[0] == together.degrees[0] == pytest.approx(19)


def test_few_kinds_of_questions_are_drawn_as_all_of_them_are():
    """The short way, by how often each kind is drawn, and the long way give the same law."""
    values = np.repeat([-1.0, 0.0, 1.0], [5, 80, 15])[:, None] / 100
    short = bootstrap([values], seed=0)
    noise = np.random.default_rng(4).normal(0, 1e-9, size=values.shape)  # no two questions alike: the long way
    long = bootstrap([values + noise], seed=0)
    for share in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert np.quantile(short.shifts, share) == pytest.approx(np.quantile(long.shifts, share), abs=0.011)
    assert short.shifts.std() == pytest.approx(values.sum(axis=1).std(ddof=1) * math.sqrt(100), rel=0.03)


@pytest.mark.parametrize("mean", [-0.12, -0.05, 0.02, 0.05, 0.12])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999, 0.99999])
def test_the_p_value_is_small_enough_exactly_where_the_interval_leaves_out_zero(mean, confidence):
    values = np.random.default_rng(5).gamma(2, 0.1, size=(60, 1))
    values = (values - values.mean() + mean) / 60
    drawn = bootstrap([values], seed=0)
    low, high = drawn.interval(0, bounds=(-1.0, 1.0), confidence=confidence)
    assert (low > 0 or high < 0) == (drawn.p_value(0) < 1 - confidence)


@pytest.mark.parametrize("mean", [-0.2, -0.05, 0.02, 0.1, 0.2])
def test_the_p_value_is_near_students_also_far_beyond_the_resamples(mean):
    values = np.random.default_rng(6).normal(0, 0.2, size=60)
    values += mean - values.mean()
    expected = stats.ttest_1samp(values, 0).pvalue
    found = bootstrap([values[:, None] / 60], seed=0).p_value(0)
    assert math.log10(found) == pytest.approx(math.log10(expected), rel=0.12, abs=0.02)


def test_the_p_value_where_nothing_varies_is_that_of_the_interval_which_then_ends_at_zero():
    drawn = bootstrap([np.full((40, 1), 0.1 / 40)], seed=0)
    p_value = drawn.p_value(0)
    assert drawn.interval(0, bounds=(-1.0, 1.0), confidence=1 - p_value)[0] == pytest.approx(0, abs=1e-9)
    assert bootstrap([np.zeros((40, 1))], seed=0).p_value(0) == 1
    assert bootstrap([np.full((5, 1), 0.1)], seed=0).p_value(0) == 1  # too few to tell anything


def test_holm_equals_the_steps_by_hand():
    """0.005 * 4 = 0.02; 0.01 * 3 = 0.03; 0.03 * 2 = 0.06; 0.04 * 1 = 0.04, but not below 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_rejects_as_its_definition_does(p_values):
    """Step down: compare the k-th smallest with alpha / (m - k + 1), and stop at the first that is larger."""
    alpha, m = 0.05, len(p_values)
    rejected = 0
    while rejected < m and sorted(p_values)[rejected] * (m - rejected) <= alpha:
        rejected += 1
    adjusted = holm(p_values)
    assert sum(p <= alpha for p in adjusted) == rejected
    assert all(p <= one <= 1 for p, one in zip(p_values, adjusted, strict=True))
    assert max(adjusted) <= max(1.0, *adjusted)


# Means over many tasks


def tasks_of(generator, *, tasks, items, spread, gained=0.15, lost=0.1):
    """Paired differences (tasks, items) of 0/1 scores; tasks differ in how much is gained. And each task's truth."""
    shift = generator.uniform(-spread, spread, size=(tasks, 1))
    drawn = generator.random((tasks, items))
    share = gained + shift / 2
    differences = (drawn < share).astype(float) - (drawn > 1 - (lost - shift / 2))
    return differences, (gained - lost + shift).ravel()


@pytest.mark.parametrize(("tasks", "items", "spread"), [(27, 10, 0.15), (40, 4, 0.0), (10, 30, 0.15)])
def test_the_intervals_for_the_same_tasks_cover_the_truth_of_these_tasks(tasks, items, spread):
    generator = np.random.default_rng(9)
    hits = np.zeros(2)
    for _ in range(200):
        differences, truths = tasks_of(generator, tasks=tasks, items=items, spread=spread)
        strata = [row[:, None] / differences.size for row in differences]
        stratified = bootstrap_intervals(
            strata, bounds=BOUNDS, confidence=0.95, seed=int(generator.integers(2**32)), resamples=500
        )[0]
        pooled = tango_interval(
            int((differences > 0).sum()), int((differences < 0).sum()), differences.size, confidence=0.95
        )
        hits += [low <= truths.mean() <= high for low, high in (stratified, pooled)]
    assert all(0.92 <= share <= 0.985 for share in hits / 200)


@pytest.mark.parametrize(
    ("tasks", "items", "spread"), [(27, 10, 0.15), (57, 20, 0.15), (MIN_TASKS, 30, 0.15), (27, 10, 0.0)]
)
def test_the_interval_across_tasks_covers_the_truth_of_all_tasks_of_the_kind(tasks, items, spread):
    generator = np.random.default_rng(12)

    def draw_interval():
        differences, _ = tasks_of(generator, tasks=tasks, items=items, spread=spread)
        sums = np.array([[row.sum(), items] for row in differences])
        return across_tasks_interval([sums], confidence=0.95, seed=int(generator.integers(2**32)), resamples=1000)

    assert 0.92 <= coverage(draw_interval, 0.05, data_sets=300) <= 0.98


def test_the_interval_for_the_same_tasks_does_not_cover_other_tasks_where_tasks_differ():
    """The control of the two tests above: the two questions are different ones."""
    generator = np.random.default_rng(11)

    def draw_interval():
        differences, _ = tasks_of(generator, tasks=12, items=200, spread=0.19)
        return tango_interval(
            int((differences > 0).sum()), int((differences < 0).sum()), differences.size, confidence=0.95
        )

    assert coverage(draw_interval, 0.05, data_sets=200) < 0.8


def test_the_interval_across_tasks_keeps_its_width_and_its_silence():
    alike = np.array([[1.0, 10.0]] * 20)
    assert across_tasks_interval([alike], confidence=0.95, seed=0) == pytest.approx(
        unvaried_interval(0.1, 20, (-1.0, 1.0), confidence=0.95)
    )
    assert across_tasks_interval([alike[: MIN_TASKS - 1]], confidence=0.95, seed=0) is None
    assert across_tasks_interval([alike, alike[:1]], confidence=0.95, seed=0) is None


def test_tasks_count_by_their_items():
    """A task of 1,000 items that lost nothing outweighs nineteen of 10 items that gained all."""
    tasks = np.array([[10.0, 10.0]] * 19 + [[0.0, 1000.0]])
    low, high = across_tasks_interval([tasks], confidence=0.95, seed=0)
    assert low < 190 / 1190 < high
