"""Attention over a row of trees by plain matrix products, segment by segment, for processors without a fused kernel.

A dense mask computes tokens x tokens scores and throws most of them away; here a segment's queries meet only the keys
they may attend to, key and value heads are never repeated, and the backward pass reuses the probabilities of a short
row. Registered with transformers under `NAME`; it takes over where a call brings segments and nothing that it does not
know, else PyTorch's own attention runs with the dense mask.
"""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from seapo.tree.masks import Segment

NAME = "seapo_tree"
KEPT_SCORES = 1 << 15
"""Probabilities of a head and layer that are kept for the backward pass; above it they are computed again."""


class TreeAttention(torch.autograd.Function):
    """softmax(q k' * scaling) v within the segments of a row.

    Shapes: q (heads, tokens, size), k and v (key heads, tokens, size); gives (tokens, heads, size).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, parts: Sequence[Segment], scaling: float) -> Tensor:
        """Outputs of all segments, side by side."""
        grouped = _split(q * scaling, 0, len(k))
        out = torch.empty(*grouped.shape[:3], v.shape[-1], dtype=v.dtype, device=v.device)
        kept, groups = [], grouped.shape[1]
        keep = sum((one.stop - one.start) * _reach(one) for one in parts) <= KEPT_SCORES and ctx.needs_input_grad[0]
        for one in parts:
            shares = _probabilities(grouped, k, one)
            out[:, :, one.start : one.stop] = _split(torch.bmm(shares, _gather(v, one)), 1, groups)
            if keep:
                kept.append(shares)
        ctx.save_for_backward(grouped, k, v, *kept)
        ctx.parts, ctx.scaling = parts, scaling
        return out.flatten(0, 1).transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of q, k and v."""
        grouped, k, v, *kept = ctx.saved_tensors
        grad = _split(grads[0].transpose(0, 1), 0, len(k))
        dq, dk, dv = torch.empty_like(grouped), torch.zeros_like(k), torch.zeros_like(v)
        for index, one in enumerate(ctx.parts):
            shares = kept[index] if kept else _probabilities(grouped, k, one)
            own = grad[:, :, one.start : one.stop].flatten(1, 2)
            inner = torch.bmm(own, _gather(v, one).transpose(1, 2))
            scores = torch._softmax_backward_data(inner, shares, -1, inner.dtype)
            dq[:, :, one.start : one.stop] = _split(torch.bmm(scores, _gather(k, one)), 1, grouped.shape[1])
            queries = grouped[:, :, one.start : one.stop].flatten(1, 2)
            _scatter(dk, one, torch.bmm(scores.transpose(1, 2), queries))
            _scatter(dv, one, torch.bmm(shares.transpose(1, 2), own))
        return dq.flatten(0, 1).mul_(ctx.scaling), dk, dv, None, None


def tree_attention_forward(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    tree_segments: Sequence[Segment] | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """An attention function as transformers calls it: q (1, heads, tokens, size) to (1, tokens, heads, size)."""
    unknown = dropout or any(options.get(name) is not None for name in ("softcap", "s_aux", "position_bias"))
    if tree_segments is None or unknown or len(query) != 1:
        out: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
        return out
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return TreeAttention.apply(query[0], key[0], value[0], tree_segments, scaling)[None], None  # type: ignore[no-untyped-call]


def _split(values: Tensor, dim: int, parts: int) -> Tensor:
    """A view with one dimension as (parts, rest)."""
    return values.view(*values.shape[:dim], parts, values.shape[dim] // parts, *values.shape[dim + 1 :])


def _reach(one: Segment) -> int:
    return sum(stop - start for start, stop in one.before) + one.stop - one.start


@functools.lru_cache(maxsize=8)
def _triangle(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """-inf where a key comes after the query, else 0, shape (size, size)."""
    return torch.full((size, size), -torch.inf, dtype=dtype, device=device).triu_(1)


def _later(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same for any length, a view of a few kept ones; ten times as fast as flags to fill by."""
    return _triangle(1 << (length - 1).bit_length(), dtype, device)[:length, :length]


def _gather(values: Tensor, one: Segment) -> Tensor:
    """What a segment attends to, itself included: shape (key heads, reach, size)."""
    if not one.before:
        return values[:, one.start : one.stop]
    if len(one.before) == 1 and one.before[0][1] == one.start:
        return values[:, one.before[0][0] : one.stop]
    return torch.cat([values[:, start:stop] for start, stop in (*one.before, (one.start, one.stop))], dim=1)


def _scatter(total: Tensor, one: Segment, values: Tensor) -> None:
    """Add what came of `_gather` back to its places."""
    place = 0
    for start, stop in (*one.before, (one.start, one.stop)):
        total[:, start:stop] += values[:, place : place + stop - start]
        place += stop - start


def _probabilities(grouped: Tensor, k: Tensor, one: Segment) -> Tensor:
    """Shape (key heads, queries of all heads that share the key head, reach)."""
    scores = torch.bmm(grouped[:, :, one.start : one.stop].flatten(1, 2), _gather(k, one).transpose(1, 2))
    length = one.stop - one.start
    _split(scores, 1, grouped.shape[1])[..., -length:].add_(_later(length, k.dtype, k.device))
    return torch.softmax(scores, dim=-1)


AttentionInterface.register(NAME, tree_attention_forward)
AttentionMaskInterface.register(NAME, sdpa_mask)
