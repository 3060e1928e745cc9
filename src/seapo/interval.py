"""Intervals of a share."""

import math
from statistics import NormalDist

Interval = tuple[float, float]


def wilson_interval(successes: float, n: int, *, confidence: float) -> Interval:
    """Interval of a share of n independent items.

    Source: Wilson 1927, JASA 22:209-212. wilson_interval(8, 10, confidence=0.95) = (0.490, 0.943).
    """
    z = normal_quantile(confidence)
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def normal_quantile(confidence: float) -> float:
    """Half width of the central interval of a standard normal distribution that holds this share of it."""
    return NormalDist().inv_cdf((1 + confidence) / 2)
