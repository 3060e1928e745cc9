"""Which token of a row may attend to which: as a dense additive mask, a BlockMask, or a list of segments.

Token q attends to token k exactly when `k <= q < subtree_end[k]`; a layer with a sliding window of w tokens asks for
`depth[q] - depth[k] < w` besides, since depths are the positions of a sequence.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seapo.tree.pack import Row, TokenTree

SEGMENT_TOKENS = 256
"""Longest segment: within it the half of the scores above the diagonal is computed for nothing."""


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


def additive_mask(
    ends: Tensor, dtype: torch.dtype, *, depths: Tensor | None = None, window: int | None = None
) -> Tensor:
    """0 where token q may attend to token k, the dtype's lowest number elsewhere; shape (1, 1, tokens, tokens).

    Additive on purpose: a boolean mask is silently added as 0 and 1 under `eager` attention.
    """
    places = torch.arange(len(ends), device=ends.device)
    query, key = places[:, None], places[None, :]
    allowed = (key <= query) & (query < ends[None, :])
    if window is not None and depths is not None:
        allowed &= depths[:, None] - depths[None, :] < window
    mask = torch.zeros(allowed.shape, dtype=dtype, device=ends.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[None, None]


def block_mask(ends: Tensor, *, depths: Tensor, window: int | None = None) -> Any:
    """The same as a BlockMask of FlexAttention, which skips the blocks in which nothing is allowed."""
    from torch.nn.attention.flex_attention import create_block_mask

    def allowed(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        within = (key <= query) & (query < ends[key])
        return within if window is None else within & (depths[query] - depths[key] < window)

    return create_block_mask(allowed, None, None, len(ends), len(ends), device=str(ends.device))


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
