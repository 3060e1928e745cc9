"""Shares and their intervals."""

import math
from statistics import NormalDist

from seapo.records import Record

Interval = tuple[float, float]


class Share(Record):
    """Part of a whole, with its interval (Wilson)."""

    part: int
    whole: int
    interval: Interval | None = None
    """None where the whole is empty."""


def share(part: int, whole: int, *, confidence: float) -> Share:
    """A share with its interval."""
    interval = wilson_interval(part, whole, confidence=confidence) if whole else None
    return Share(part=part, whole=whole, interval=interval)


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


def simultaneous_confidence(confidence: float, categories: int) -> float:
    """The confidence of each of several intervals that hold together with the one that is given.

    With it, Wilson's interval of each share is Goodman's simultaneous interval of a multinomial vector.
    Source: Goodman 1965, Technometrics 7:247-254. simultaneous_confidence(0.95, 5) = 0.99.
    """
    return 1 - (1 - confidence) / max(categories, 1)
