"""Caps: of a type or source that has too many, those stay whose ticket, a hash of seed and name, is lowest.

A ticket follows from the seed and its owner alone, so that new data only ever takes places of what was there: whoever
was over the cap before stays so.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Caps = int | Mapping[str, int] | None


def under_caps(
    things: Iterable[T], caps: Caps, *, group: Callable[[T], str], ticket: Callable[[T], int]
) -> tuple[set[T], Counter[str]]:
    """The things that stay, and how many of each group have to go; without caps all stay."""
    groups: dict[str, list[T]] = {}
    for thing in things:
        groups.setdefault(group(thing), []).append(thing)
    kept: set[T] = set()
    dropped: Counter[str] = Counter()
    for name, own in groups.items():
        most = caps.get(name) if isinstance(caps, Mapping) else caps
        if most is None or len(own) <= most:
            kept.update(own)
        else:
            kept.update(heapq.nsmallest(most, own, key=ticket))
            dropped[name] = len(own) - most
    return kept, dropped


def ticket_of(seed: int, *names: str) -> int:
    """A number that stands for the names, the same on every machine and in any company."""
    text = "\n".join([f"cap {seed}", *names])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=12).digest(), "big")
