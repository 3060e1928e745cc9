"""Sequences in the order of their tokens, and what neighbours share: a prefix tree, whose parts are ranges."""

import itertools
from collections.abc import Sequence

from seapo.tree.pack import common_length

WORTH_KEEPING = 16
"""Tokens in common below which no trunk is made or lengthened: a short pass costs more than it saves."""


class SortedSequences:
    """Sequences without their last tokens, in order, and what neighbours share."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        chains = [tuple(sequence[:-1]) for sequence in sequences]
        self.order = sorted(range(len(chains)), key=lambda place: chains[place])
        self.lengths = [len(chains[place]) for place in self.order]
        pairs = itertools.pairwise(self.order)
        self.shared = [0, *(common_length(chains[left], chains[right]) for left, right in pairs)]
        """Tokens in common with the one before."""
        self.sums = [0]
        for length, shared in zip(self.lengths, self.shared, strict=True):
            self.sums.append(self.sums[-1] + length - shared)

    def depth(self, first: int, last: int) -> int:
        """Tokens that all sequences from `first` to before `last` begin with."""
        return min(self.shared[first + 1 : last], default=self.lengths[first])

    def size(self, first: int, last: int, above: int) -> int:
        """Tokens of their tree below the first `above`."""
        return self.sums[last] - self.sums[first + 1] + self.lengths[first] - above

    def children(self, first: int, last: int, depth: int) -> list[tuple[int, int]]:
        """The parts that go different ways after `depth` tokens."""
        starts = [first, *(place for place in range(first + 1, last) if self.shared[place] == depth), last]
        return list(itertools.pairwise(starts))
