"""Which token of a row may attend to which: as a dense additive mask, a BlockMask, or a list of segments.

Token q attends to token k exactly when `k <= q < subtree_end[k]`; a layer with a sliding window of w tokens asks for
`depth[q] - depth[k] < w` besides, since depths are the positions of a sequence. Where the keys of a trunk stand before
the row's, the trees of the row go on from it, each behind the tokens that its first depth counts.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from seapo.tree.pack import Row, TokenTree

SEGMENT_TOKENS = 256
"""Longest segment: within it the half of the scores above the diagonal is computed for nothing."""
SEGMENT_TOKENS_WITHOUT_GRADIENT = 64
"""Without a backward pass short ones are faster, for 160 to 600 tokens (measured); 300 take half the time."""


@dataclass(frozen=True)
class Segment:
    """Tokens of a row, each the parent of the next, with all that they attend to."""

    start: int
    stop: int
    before: tuple[tuple[int, int], ...]
    """Ranges (start, stop) of the tokens before the segment that all of its tokens attend to, in order."""


def subtree_ends(row: Row) -> Tensor:
    """One past the last token below each token of the row, shape (tokens,)."""
    return torch.tensor([piece.offset + end for piece in row.pieces for end in piece.tree.subtree_end])


def row_depths(row: Row) -> Tensor:
    """Position of each token in its sequence, shape (tokens,)."""
    return torch.tensor([depth for piece in row.pieces for depth in piece.tree.depths])


def row_leaves(row: Row) -> Tensor:
    """For each token, how many tokens of a trunk stand before its tree, shape (tokens,)."""
    return torch.tensor([piece.tree.depths[0] for piece in row.pieces for _ in piece.tree.tokens])


@dataclass(frozen=True)
class Layout:
    """What the masks of a row follow from; all tensors have shape (tokens,)."""

    ends: Tensor
    """One past the last token below each token."""
    depths: Tensor
    leaves: Tensor | None = None
    """Tokens of the trunk that each token attends to; None where there is no trunk."""
    kept: int = 0
    """Places that the trunk's keys take before the row's; the last ones may be blank."""

    @classmethod
    def of(cls, row: Row, *, device: Any = None, spare: int = 0, kept: int | None = None) -> "Layout":
        """The layout of a row with `spare` tokens behind it that attend to themselves alone.

        Where a trunk's keys stand before it, `kept` is the number of their places.
        """
        after = torch.arange(len(row), len(row) + spare) + 1
        ends, depths = torch.cat([subtree_ends(row), after]), pad(row_depths(row), (0, spare))
        leaves = None if kept is None else pad(row_leaves(row), (0, spare)).to(device)
        return cls(ends.to(device), depths.to(device), leaves, kept or 0)

    def key_depths(self) -> Tensor:
        """Depth at each place of the keys, shape (kept + tokens,)."""
        return torch.cat([torch.arange(self.kept, device=self.depths.device), self.depths])


def additive_mask(layout: Layout, dtype: torch.dtype, *, window: int | None = None) -> Tensor:
    """0 where token q may attend to key k, the dtype's lowest number elsewhere; shape (1, 1, tokens, kept + tokens).

    Additive on purpose: a boolean mask is silently added as 0 and 1 under `eager` attention.
    """
    places = torch.arange(len(layout.ends), device=layout.ends.device)
    query, key = places[:, None], places[None, :]
    allowed = (key <= query) & (query < layout.ends[None, :])
    if layout.leaves is not None:
        trunk = torch.arange(layout.kept, device=places.device)
        allowed = torch.cat([trunk[None, :] < layout.leaves[:, None], allowed], dim=1)
    if window is not None:
        allowed &= layout.depths[:, None] - layout.key_depths()[None, :] < window
    mask = torch.zeros(allowed.shape, dtype=dtype, device=places.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[None, None]


def block_mask(layout: Layout, *, window: int | None = None) -> Any:
    """The same as a BlockMask of FlexAttention, which skips the blocks in which nothing is allowed."""
    from torch.nn.attention.flex_attention import create_block_mask

    ends, depths, leaves, kept, key_depths = layout.ends, layout.depths, layout.leaves, layout.kept, layout.key_depths()
    # Of each key, its place in the row and its end; by look-up, as arithmetic on key indices doesn't compile on a CPU.
    own = torch.arange(-kept, len(ends), device=ends.device)
    own_ends = pad(ends, (kept, 0))

    def allowed(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        if leaves is None:
            within = (key <= query) & (query < ends[key])
        else:
            within = (key < leaves[query]) | ((own[key] <= query) & (query < own_ends[key]))
        return within if window is None else within & (depths[query] - key_depths[key] < window)

    return create_block_mask(allowed, None, None, len(ends), kept + len(ends), device=str(ends.device))


def segments(row: Row, *, longest: int = SEGMENT_TOKENS) -> list[Segment]:
    """The row cut into unbranched runs of at most `longest` tokens, in order."""
    found: list[Segment] = []
    for piece in row.pieces:
        found += _tree_segments(piece.tree, piece.offset, longest)
    return found


def _tree_segments(tree: TokenTree, offset: int, longest: int) -> list[Segment]:
    found: list[Segment] = []
    home: list[int] = []  # for each node the index of its segment in `found`
    node = 0
    while node < len(tree):
        stop = node + 1
        while stop < len(tree) and tree.parents[stop] == stop - 1 and stop - node < longest:
            stop += 1
        parent = tree.parents[node]
        before: tuple[tuple[int, int], ...] = ()
        if parent >= 0:
            above = found[home[parent]]
            before = _merge((*above.before, (above.start, parent + offset + 1)))
        home += [len(found)] * (stop - node)
        found.append(Segment(node + offset, stop + offset, before))
        node = stop
    return found


def _merge(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    *rest, last = ranges
    if rest and rest[-1][1] == last[0]:
        return (*rest[:-1], (rest[-1][0], last[1]))
    return ranges
