"""Paired statistics: what a difference between two models on the same items is worth.

0/1 scores get score intervals, Wilson's for a share and Tango's for a paired difference: where no item changed, a
bootstrap says [0, 0], as if nothing ever could, and Tango's interval says how much may have gone unseen. Other scores
get a bootstrap over questions. Every interval keeps an honest width for few items.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from seapo.interval import Interval, normal_quantile, wilson_interval

Array = npt.NDArray[np.float64]

RESAMPLES = 10_000
MIN_QUESTIONS = 10
"""Below it a bootstrap cannot know its own error, and the interval is the whole range of the score."""
CHUNK = 1_000_000  # numbers drawn at a time: 8 MB of indices


def question_of(item_id: str) -> str:
    """The cluster of an item: items that ask the same question, as `q7#mc1` and `q7#mc2`, rise and fall together."""
    return item_id.partition("#")[0]


def tango_interval(gained: int, lost: int, n: int, *, confidence: float) -> Interval:
    """Interval of the difference between two paired shares: (gained - lost) / n over n items.

    All differences that the score test does not reject; at no discordant item it is +- z^2 / (n + z^2).
    Source: Tango 1998, Statistics in Medicine 17:891-908, Eqs. 2-5.
    tango_interval(0, 0, 40, confidence=0.95) = (-0.088, 0.088).
    """
    z = normal_quantile(confidence)
    observed = (gained - lost) / n
    # The statistic falls as the assumed difference grows, and is 0 where that is the observed one.
    low = _bisect(lambda delta: _tango_z(gained, lost, n, delta) - z, -1.0, observed)
    high = _bisect(lambda delta: _tango_z(gained, lost, n, delta) + z, observed, 1.0)
    return low, high


def mcnemar_p(gained: int, lost: int) -> float:
    """Exact two-sided p-value of "as many items are gained as lost".

    Source: McNemar 1947, Psychometrika 12:153-157, with the binomial distribution for the discordant items.
    mcnemar_p(5, 1) = 2 * (1 + 6) / 2^6 = 0.21875.
    """
    n, few = gained + lost, min(gained, lost)
    tail = sum(math.comb(n, k) for k in range(few + 1))
    return min(1.0, float(2 * tail / 2**n))


def bootstrap_intervals(
    strata: Sequence[Array], *, bounds: Sequence[Interval], confidence: float, seed: int, resamples: int = RESAMPLES
) -> list[Interval]:
    """Intervals of several means that are drawn together.

    strata: arrays of shape (questions, means). A row holds what one question contributes to each mean, so that a mean
    is the sum of its column over all strata; questions are redrawn inside their stratum. bounds: the least and the
    greatest value that each mean can have. The percentiles are widened to the width of Student's t, after Hesterberg
    2015, The American Statistician 69:371-386 (long form: arXiv:1411.5279), "expanded percentile" intervals.
    """
    questions = min(len(stratum) for stratum in strata)
    if questions < MIN_QUESTIONS:
        return list(bounds)
    generator = np.random.default_rng(seed)
    sums = np.sum([_redraw(stratum, generator, resamples) for stratum in strata], axis=0)
    tail = _widened_tail(questions, confidence)
    lows, highs = np.quantile(sums, [tail, 1 - tail], axis=0)
    means = np.sum([stratum.sum(axis=0) for stratum in strata], axis=0)
    varies = np.any([np.ptp(stratum, axis=0) > 0 for stratum in strata], axis=0)
    return [
        (float(low), float(high)) if moves else unvaried_interval(float(mean), questions, bound, confidence=confidence)
        for low, high, mean, bound, moves in zip(lows, highs, means, bounds, varies, strict=True)
    ]


def unvaried_interval(mean: float, n: int, bounds: Interval, *, confidence: float) -> Interval:
    """Interval of a mean of which n questions showed only one value.

    Wilson's interval leaves a share of z^2 / (n + z^2) to questions that behave otherwise, anywhere inside the bounds.
    """
    unseen = wilson_interval(0, n, confidence=confidence)[1]
    low, high = bounds
    return (1 - unseen) * mean + unseen * low, (1 - unseen) * mean + unseen * high


def _tango_z(gained: int, lost: int, n: int, delta: float) -> float:
    a = 2 * n
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    share_lost = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = n * (2 * share_lost + delta * (1 - delta))
    distance = gained - lost - n * delta
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _bisect(falling: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def _redraw(stratum: Array, generator: np.random.Generator, resamples: int) -> Array:
    n = len(stratum)
    size = max(1, CHUNK // n)
    parts = [
        stratum[generator.integers(0, n, size=(min(size, resamples - start), n))].sum(axis=1)
        for start in range(0, resamples, size)
    ]
    return np.concatenate(parts)


def _widened_tail(n: int, confidence: float) -> float:
    """Tail of a percentile interval whose width is that of Student's t with n - 1 degrees of freedom."""
    return NormalDist().cdf(-math.sqrt(n / (n - 1)) * student_quantile(n - 1, confidence=confidence))


def student_quantile(degrees: int, *, confidence: float) -> float:
    """Two-sided quantile of Student's t, to 3 decimals from 9 degrees of freedom on.

    Source: Abramowitz and Stegun 1964, 26.7.5.
    """
    z = normal_quantile(confidence)
    terms: tuple[float, ...] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / degrees**power for power, term in enumerate(terms, start=1))
