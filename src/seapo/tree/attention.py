"""Attention over a row of trees by plain matrix products, segment by segment, for processors without a fused kernel.

A dense mask computes tokens x tokens scores and throws most of them away; here a segment's queries meet only the keys
they may attend to, key and value heads are never repeated, and the backward pass reuses the probabilities of a short
row. Registered with transformers under `NAME`; it takes over where a call brings segments and nothing that it does not
know, else PyTorch's own attention runs with the dense mask.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from seapo.tree.keys import TrunkPart
from seapo.tree.masks import Segment
from seapo.tree.slots import Slots

NAME = "seapo_tree"
TRUNK_SCORES = 1 << 19
"""Scores against a trunk's keys that are computed at a time: 2 MB, which stay in a processor's cache."""
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
    tree_trunk: TrunkPart | None = None,
    tree_slots: Slots | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """An attention function as transformers calls it: q (1, heads, tokens, size) to (1, tokens, heads, size)."""
    unknown = dropout or any(options.get(name) is not None for name in ("softcap", "s_aux", "position_bias"))
    if tree_slots is not None:
        if not unknown:
            scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
            return _slot_attention(query * scaling, key, value, tree_slots, module.layer_idx), None
        key, value = tree_slots.update(key, value, module.layer_idx)
    if tree_segments is None or unknown or len(query) != 1:
        if tree_trunk is not None:
            key, value = tree_trunk.keys.update(key, value, module.layer_idx)
        out: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
        return out
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if tree_trunk is not None:
        tree_trunk.keys.note(key, value, module.layer_idx)
        kept = tree_trunk.keys.of_layer(module.layer_idx)
        if kept is not None:
            grouped = _split(query[0] * scaling, 0, key.shape[1])
            own = _segment_attention(grouped, key[0], value[0], tree_segments)
            merged = _with_trunk(grouped, own, kept[0][0], kept[1][0], tree_trunk.spans)
            return merged.flatten(0, 1).transpose(0, 1)[None], None
    return TreeAttention.apply(query[0], key[0], value[0], tree_segments, scaling)[None], None  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Partial:
    """What queries get from some of their keys: it is merged with the rest by the normalisers (arXiv:2205.14135)."""

    outputs: Tensor
    """Shape (key heads, groups, tokens, size)."""
    normalisers: Tensor
    """Log of the sum of the exponentials, shape (key heads, groups, tokens)."""


def _segment_attention(grouped: Tensor, k: Tensor, v: Tensor, parts: Sequence[Segment]) -> _Partial:
    """What the tokens of a row get from the row; q comes scaled, shape (key heads, groups, tokens, size)."""
    outputs = torch.empty(*grouped.shape[:3], v.shape[-1], dtype=v.dtype, device=v.device)
    normalisers = torch.empty(grouped.shape[:3], dtype=torch.float32, device=v.device)
    groups = grouped.shape[1]
    for one in parts:
        out, normaliser = _attend(_scores(grouped, k, one), _gather(v, one))
        outputs[:, :, one.start : one.stop] = _split(out, 1, groups)
        normalisers[:, :, one.start : one.stop] = _split(normaliser, 1, groups)
    return _Partial(outputs, normalisers)


def _with_trunk(grouped: Tensor, own: _Partial, k: Tensor, v: Tensor, spans: Sequence[tuple[int, int, int]]) -> Tensor:
    """Outputs of a row's tokens that attend to some first keys of a trunk besides, shape as `own.outputs`."""
    groups, outputs = grouped.shape[1], own.outputs
    for start, stop, reach in spans:
        size = max(1, TRUNK_SCORES // max(1, reach * groups * len(k)))
        for first in range(start, stop, size) if reach else ():
            some = slice(first, min(first + size, stop))
            scores = torch.bmm(grouped[:, :, some].flatten(1, 2), k[:, :reach].transpose(1, 2))
            out, normaliser = _attend(scores, v[:, :reach])
            share = torch.sigmoid(own.normalisers[:, :, some] - _split(normaliser, 1, groups))
            outputs[:, :, some] = _split(out, 1, groups).lerp(outputs[:, :, some], share[..., None].to(out.dtype))
    return outputs


def _slot_attention(q: Tensor, k: Tensor, v: Tensor, slots: Slots, layer: int) -> Tensor:
    """One token of each answer; q comes scaled, shape (slots, heads, 1, size), and gives (slots, 1, heads, size)."""
    count, heads = k.shape[0], k.shape[1]
    keys, values = slots.write(k, v, layer)
    grouped = q[:, :, 0].view(count, heads, -1, q.shape[-1])
    outputs = torch.empty(*grouped.shape[:3], v.shape[-1], dtype=v.dtype, device=v.device)
    normalisers = torch.empty(grouped.shape[:3], dtype=torch.float32, device=v.device)
    for one in slots.neighbours():
        part = slice(one.start, one.stop)
        near = keys[part].flatten(0, 1)[:, : one.reach], values[part].flatten(0, 1)[:, : one.reach]
        scores = torch.bmm(grouped[part].flatten(0, 1), near[0].transpose(1, 2))
        _split(scores, 0, one.stop - one.start).add_(one.bias)
        out, normaliser = _attend(scores, near[1])
        outputs[part] = _split(out, 0, one.stop - one.start)
        normalisers[part] = _split(normaliser, 0, one.stop - one.start)
    for trunk, places in slots.behind():
        kept = trunk.of_layer(layer)
        assert kept is not None
        asked = grouped[places].transpose(0, 1)  # (key heads, slots, groups, size)
        out, normaliser = _attend(torch.bmm(asked.flatten(1, 2), kept[0][0].transpose(1, 2)), kept[1][0])
        shape = (heads, len(places), grouped.shape[2])
        share = torch.sigmoid(normalisers[places] - normaliser.view(shape).transpose(0, 1))
        behind = out.view(*shape, out.shape[-1]).transpose(0, 1)
        outputs[places] = behind.lerp(outputs[places], share[..., None].to(out.dtype))
    return outputs.flatten(1, 2)[:, None]


def _attend(scores: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """softmax(scores) v and the log of the sum of exp(scores); the scores are used up."""
    top = scores.amax(dim=-1, keepdim=True)
    odds = scores.sub_(top).exp_()
    total = odds.sum(dim=-1, keepdim=True, dtype=torch.float32)
    return torch.bmm(odds, v).div_(total), (top + total.log())[..., 0]


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
    return torch.softmax(_scores(grouped, k, one), dim=-1)


def _scores(grouped: Tensor, k: Tensor, one: Segment) -> Tensor:
    """Logarithms of the same, up to a constant; -inf where a key comes after the query."""
    scores = torch.bmm(grouped[:, :, one.start : one.stop].flatten(1, 2), _gather(k, one).transpose(1, 2))
    length = one.stop - one.start
    _split(scores, 1, grouped.shape[1])[..., -length:].add_(_later(length, k.dtype, k.device))
    return scores


AttentionInterface.register(NAME, tree_attention_forward)
AttentionMaskInterface.register(NAME, sdpa_mask)
