"""How many items, or seeds, would decide what a run leaves undecided."""

import math
from statistics import NormalDist

from seapo.interval import normal_quantile
from seapo.records import Record

POWER = 0.8
MOST = 10_000_000
"""A larger number says as much as none."""


class Needed(Record):
    """What would decide a claim with 80% power, if difference and variances stay as they were measured."""

    items: int | None
    """With as many seeds as `seeds`; None where no number does."""
    seeds: int


def needed_items(variance: float, distance: float, *, confidence: float, power: float = POWER) -> int | None:
    """Items that tell their mean paired difference from a threshold `distance` away; None where no number does.

    n = (z_(1 - alpha/2) + z_power)^2 variance / distance^2, variance of one item's paired difference. A standard
    deviation of 0.5 and a distance of 0.1 need (1.95996 + 0.84162)^2 * 0.25 / 0.01 = 196.2 items, thus 197.
    Source: Chow, Shao, Wang 2008, Sample Size Calculations in Clinical Research, section 3.1.
    """
    allowed = _allowed_variance(distance, confidence, power)
    if not allowed or variance / allowed > MOST:
        return None
    return max(1, math.ceil(variance / allowed))


def needed(
    item_variance: float, seed_variance: float, distance: float, *, seeds: int, confidence: float, power: float = POWER
) -> Needed:
    """The same where the training's seeds vary, too: more items alone, or more of both where these cannot do.

    item_variance: of one item's paired difference, averaged over the seeds at hand. seed_variance: of a seed's mean
    difference; 0 where it is not known. Half of what the error may be is left to each where both have to grow.
    """
    allowed = _allowed_variance(distance, confidence, power)
    rest = allowed - seed_variance / seeds
    if rest > 0 and item_variance / rest <= MOST:
        return Needed(items=max(1, math.ceil(item_variance / rest)), seeds=seeds)
    if not allowed or item_variance / (allowed / 2) > MOST or seed_variance / (allowed / 2) > MOST:
        return Needed(items=None, seeds=seeds)
    both = max(seeds, math.ceil(seed_variance / (allowed / 2)))
    return Needed(items=max(1, math.ceil(item_variance / (allowed / 2))), seeds=both)


def _allowed_variance(distance: float, confidence: float, power: float) -> float:
    """Of the mean difference."""
    return (distance / (normal_quantile(confidence) + NormalDist().inv_cdf(power))) ** 2
