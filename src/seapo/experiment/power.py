"""How many items, or seeds, would decide what a run leaves undecided."""

import math
from collections.abc import Callable
from statistics import NormalDist

from scipy import special

from seapo.interval import normal_quantile
from seapo.records import Record

POWER = 0.8
MOST = 10_000_000
"""A larger number says as much as none."""
MANY = 100_000
"""Student's distribution with more degrees of freedom is the normal one."""


class Needed(Record):
    """What would decide a claim with 80% power, if difference and variances stay as they were measured."""

    items: int | None
    """With as many seeds as `seeds`; None where no number does."""
    seeds: int


def needed(
    item_variance: float, seed_variance: float, distance: float, *, seeds: int, confidence: float, power: float = POWER
) -> Needed:
    """Items, and if need be seeds, that tell a mean difference from a threshold `distance` away.

    item_variance: of one item's paired difference, averaged over the seeds at hand. seed_variance: of a seed's mean
    difference; 0 where it is not known. More items alone, where these can do; else as many seeds as do where items and
    seeds have equal parts in the error, and the items that go with them.

    Where seeds do not vary, n = (z_(1 - alpha/2) + z_power)^2 variance / distance^2: a standard deviation of 0.5 and
    a distance of 0.1 need (1.95996 + 0.84162)^2 * 0.25 / 0.01 = 196.2 items, thus 197. Where they do, the difference
    is judged by Student's quantile, with degrees of freedom that a few seeds keep low, so more is needed.
    Source: Chow, Shao, Wang 2008, Sample Size Calculations in Clinical Research, section 3.1.
    """

    def do_items(items: int, seeds: int) -> bool:
        return _decides(item_variance / items, seed_variance / seeds, distance, seeds, confidence, power)

    def do_seeds(count: int) -> bool:
        part = seed_variance / count
        return _decides(part, part, distance, count, confidence, power)

    if not do_items(MOST, seeds):
        enough = _least(do_seeds, max(seeds, 2)) if seed_variance else None
        if enough is None or not do_items(MOST, enough):
            return Needed(items=None, seeds=seeds)
        seeds = enough
    return Needed(items=_least(lambda items: do_items(items, seeds), 1), seeds=seeds)


def _decides(
    items_part: float, seeds_part: float, distance: float, seeds: int, confidence: float, power: float
) -> bool:
    """Whether a difference whose error has these two variances is told from the threshold often enough.

    The degrees of freedom are Satterthwaite's, as in `effects.seeds_interval`, those of the items taken for many.
    """
    error = math.sqrt(items_part + seeds_part)
    if not distance or not error:
        return bool(distance)
    degrees = (seeds - 1) * ((items_part + seeds_part) / seeds_part) ** 2 if seeds_part else math.inf
    if degrees > MANY:
        return distance / error >= normal_quantile(confidence) + NormalDist().inv_cdf(power)
    critical = float(special.stdtrit(degrees, (1 + confidence) / 2))
    return 1 - float(special.nctdtr(degrees, distance / error, critical)) >= power


def _least(does: Callable[[int], bool], start: int) -> int | None:
    """The least number from `start` on that does, where every larger one does, too; None where none to MOST does."""
    if not does(MOST):
        return None
    low, high = start - 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if does(middle) else (middle, high)
    return high
