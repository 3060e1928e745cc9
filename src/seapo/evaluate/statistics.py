"""Paired statistics: what a difference between two models on the same items is worth.

0/1 scores get score intervals, Wilson's for a share and Tango's for a paired difference: where no item changed, a
bootstrap says [0, 0], as if nothing ever could, and Tango's interval says how much may have gone unseen. Other scores
get a bootstrap over questions. Every interval keeps an honest width for few items.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from seapo.evaluate.clusters import question_of
from seapo.interval import Interval, normal_quantile

__all__ = [
    "MIN_QUESTIONS", "MIN_TASKS", "RESAMPLES", "Array", "Bootstrap", "across_tasks_interval", "bootstrap",
    "bootstrap_intervals", "holm", "mcnemar_p", "question_of", "tango_interval", "unvaried_interval",
]  # fmt: skip

Array = npt.NDArray[np.float64]

RESAMPLES = 10_000
MIN_QUESTIONS = 10
"""Below it a bootstrap cannot know its own error, and the interval is the whole range of the score."""
MIN_TASKS = 10
"""Below it nothing can be said of tasks that were not asked."""
OUTERMOST = 25
"""So many resamples lie beyond the outermost percentile that is read off; further out the tail is Student's."""
CHUNK = 1_000_000  # numbers drawn at a time: 8 MB of indices


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
    return min(1.0, 2 * float(special.bdtr(min(gained, lost), gained + lost, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number: at most 5% of families without any effect hold one below 0.05.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70. The k-th smallest of m is multiplied by m - k + 1,
    and none may be smaller than one before it. holm([0.01, 0.04, 0.03, 0.005]) = [0.03, 0.06, 0.06, 0.02].
    """
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


@dataclass(frozen=True)
class Bootstrap:
    """Several means, and how far each moved in the resamples."""

    means: Array
    shifts: Array
    """(resamples, means); each stratum's part is scaled by the root of n / (n - 1), since resamples vary too little."""
    degrees: Array
    """Degrees of freedom of each mean's error, after Satterthwaite 1946; infinite where nothing varies."""
    questions: float
    """Questions there would be if all weighed as much as the heaviest one."""

    def interval(self, column: int, *, bounds: Interval, confidence: float) -> Interval:
        """Percentiles widened to Student's t ("expanded percentile": Hesterberg 2015, arXiv:1411.5279)."""
        mean, shifts = float(self.means[column]), self.shifts[:, column]
        if self.questions < MIN_QUESTIONS:
            return bounds
        if math.isinf(self.degrees[column]):
            return unvaried_interval(mean, self.questions, bounds, confidence=confidence)
        width = float(special.stdtrit(self.degrees[column], (1 + confidence) / 2))
        low, high = mean - _reach(-shifts, width), mean + _reach(shifts, width)
        return max(bounds[0], low), min(bounds[1], high)

    def p_value(self, column: int) -> float:
        """Two-sided p-value of a mean of 0: one less the confidence of the interval that ends at 0."""
        mean, shifts = float(self.means[column]), self.shifts[:, column]
        if self.questions < MIN_QUESTIONS or mean == 0:
            return 1.0
        if math.isinf(self.degrees[column]):
            return float(2 * special.ndtr(-math.sqrt(self.questions * abs(mean))))
        width = _width_of(-shifts if mean > 0 else shifts, abs(mean))
        return min(1.0, float(2 * special.stdtr(self.degrees[column], -width)))


def bootstrap(
    strata: Sequence[Array], *, seed: int, questions: float | None = None, resamples: int = RESAMPLES
) -> Bootstrap:
    """Redraw questions inside their stratum.

    strata: arrays of shape (questions, means). A row holds what one question contributes to each mean, so that a mean
    is the sum of its column over all strata. Strata of one question are drawn as one: alone they show no variation.
    questions: see `Bootstrap`; left out, all weigh the same.
    """
    strata = _joined(strata)
    generator = np.random.default_rng(seed)
    sizes = [len(stratum) for stratum in strata]
    scales = [math.sqrt(n / max(n - 1, 1)) for n in sizes]
    shifts = np.sum(
        [
            scale * (_redraw(stratum, generator, resamples) - stratum.sum(axis=0))
            for stratum, scale in zip(strata, scales, strict=True)
        ],
        axis=0,
    )
    variances = np.array([_sum_variance(stratum) for stratum in strata])
    return Bootstrap(
        np.sum([stratum.sum(axis=0) for stratum in strata], axis=0),
        shifts,
        _degrees(variances, np.array(sizes)),
        float(sum(sizes)) if questions is None else questions,
    )


def bootstrap_intervals(
    strata: Sequence[Array], *, bounds: Sequence[Interval], confidence: float, seed: int, resamples: int = RESAMPLES
) -> list[Interval]:
    """Intervals of several means that are drawn together; `bounds` are the least and greatest value of each."""
    drawn = bootstrap(strata, seed=seed, resamples=resamples)
    return [drawn.interval(column, bounds=bound, confidence=confidence) for column, bound in enumerate(bounds)]


def across_tasks_interval(
    benchmarks: Sequence[Array], *, confidence: float, seed: int, resamples: int = RESAMPLES
) -> Interval | None:
    """Interval of a mean difference if other tasks of the same kind had been asked; None under `MIN_TASKS` tasks.

    benchmarks: arrays of shape (tasks, 2), the sum of a task's differences and the number of its items; each benchmark
    counts the same. Tasks are drawn anew with all their items. Their items are not drawn once more: the tasks' scores
    already vary by the chance of their items, which would then count twice.
    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8.
    """
    fewest = min(len(tasks) for tasks in benchmarks)
    if fewest < MIN_TASKS:
        return None
    generator = np.random.default_rng(seed)
    mean = float(np.mean([tasks[:, 0].sum() / tasks[:, 1].sum() for tasks in benchmarks]))
    if all(np.ptp(tasks[:, 0] / tasks[:, 1]) == 0 for tasks in benchmarks):
        return unvaried_interval(mean, fewest, (-1.0, 1.0), confidence=confidence)
    drawn = [_redraw(tasks, generator, resamples) for tasks in benchmarks]
    means = np.mean([sums[:, 0] / sums[:, 1] for sums in drawn], axis=0)
    shifts = math.sqrt(fewest / (fewest - 1)) * (means - mean)
    width = float(special.stdtrit(fewest - 1, (1 + confidence) / 2))
    return max(-1.0, mean - _reach(-shifts, width)), min(1.0, mean + _reach(shifts, width))


def unvaried_interval(mean: float, n: float, bounds: Interval, *, confidence: float) -> Interval:
    """Interval of a mean of which n questions showed only one value.

    As Wilson's interval of none in n, it leaves a share of z^2 / (n + z^2) to questions that behave otherwise, anywhere
    inside the bounds.
    """
    square = normal_quantile(confidence) ** 2
    unseen = square / (n + square)
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


def _joined(strata: Sequence[Array]) -> list[Array]:
    """The strata, those of one question put together."""
    single = [stratum for stratum in strata if len(stratum) == 1]
    return [stratum for stratum in strata if len(stratum) > 1] + ([np.concatenate(single)] if single else [])


def _redraw(stratum: Array, generator: np.random.Generator, resamples: int) -> Array:
    """Sums of the rows of each resample."""
    n = len(stratum)
    kinds, counts = np.unique(stratum, axis=0, return_counts=True)
    if 4 * len(kinds) <= n:  # how often each kind is drawn has a law of its own, which is cheaper to draw from
        drawn: Array = generator.multinomial(n, counts / n, size=resamples) @ kinds
        return drawn
    size = max(1, CHUNK // n)
    parts = [
        stratum[generator.integers(0, n, size=(min(size, resamples - start), n))].sum(axis=1)
        for start in range(0, resamples, size)
    ]
    return np.concatenate(parts)


def _sum_variance(stratum: Array) -> Array:
    """Variance of the sum of each column, were the questions drawn anew; exactly 0 where all rows are the same."""
    varies = np.ptp(stratum, axis=0) > 0
    variance: Array = np.where(varies, len(stratum) * stratum.var(axis=0, ddof=min(1, len(stratum) - 1)), 0.0)
    return variance


def _degrees(variances: Array, sizes: npt.NDArray[np.int_]) -> Array:
    """variances: (strata, means); Satterthwaite 1946, Biometrics Bulletin 2:110-114."""
    within = (variances**2 / np.maximum(sizes - 1, 1)[:, None]).sum(axis=0)
    total = variances.sum(axis=0) ** 2
    degrees: Array = np.divide(total, within, out=np.full(len(total), np.inf), where=within > 0)
    return degrees


def _reach(shifts: Array, width: float) -> float:
    """How far the upper tail of the shifts reaches, where a normal one would reach `width` standard errors."""
    outermost = _outermost(shifts)
    if width <= outermost:
        return float(np.quantile(shifts, special.ndtr(width)))
    return float(np.quantile(shifts, special.ndtr(outermost))) * width / outermost


def _width_of(shifts: Array, distance: float) -> float:
    """The inverse of `_reach`: the width at which the upper tail reaches so far."""
    outermost = _outermost(shifts)
    furthest = float(np.quantile(shifts, special.ndtr(outermost)))
    if 0 < furthest <= distance:
        return outermost * distance / furthest
    return float(-special.ndtri((shifts >= distance).mean()))


def _outermost(shifts: Array) -> float:
    return float(-special.ndtri(min(OUTERMOST, len(shifts) / 10) / len(shifts)))
