"""Several errors in one answer: proposals of one type put together where they do not touch each other."""

from collections.abc import Sequence
from random import Random

from seapo.inject.proposal import Proposal
from seapo.records import Edit


def combined(proposals: Sequence[Proposal], count: int, rng: Random) -> list[Proposal]:
    """For each proposal one with up to `count` errors: itself and others of its type, of other subtypes if possible.

    Whoever changes a number changes all that follows from it, so two errors whose consequences meet touch the same
    spans and are not put together.
    """
    if count == 1:
        return list(proposals)
    return [_with_others(first, rng.sample(proposals, len(proposals)), count) for first in proposals]


def _with_others(first: Proposal, others: Sequence[Proposal], count: int) -> Proposal:
    parts = [first]
    for other in sorted(others, key=lambda p: p.subtype == first.subtype):
        if len(parts) < count and all(_are_apart(other.edits, part.edits) for part in parts):
            parts.append(other)
    edits = sorted((edit for part in parts for edit in part.edits), key=lambda edit: (edit.start, edit.end))
    injector = " + ".join(dict.fromkeys(part.injector for part in parts))
    return Proposal(first.error_type, first.subtype, first.strategy, injector, tuple(edits), first.attempt)


def _are_apart(left: Sequence[Edit], right: Sequence[Edit]) -> bool:
    """Whether no edit of one side overlaps or touches one of the other."""
    return all(a.end < b.start or b.end < a.start for a in left for b in right)
