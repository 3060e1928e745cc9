"""Operators with a backward pass written by hand: RMSNorm, a LoRA layer, and a SwiGLU layer with adapters.

They compute what a model's own modules do, to the last bits of a float32, and read and keep less. Which module gives
way to which operator is the business of `tree/fused.py`.

* RMSNorm: one pass over x instead of four; keeps x and one number a token. What it gives is not kept by the operators
  that read it: they compute it again from these.
* A LoRA layer, y = x W' + s (x A') B': PEFT's own makes five passes over y, and multiplies B's gradient in an order
  that is several times slower on a CPU.
* Rotary positions: two passes over q and k instead of six, and no more backward.
* SwiGLU: keeps the two projections alone, and computes silu(gate) * up again: half the memory of a layer's widest
  activations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, silu

_SOURCE = "_seapo_source"


def normalised(x: Tensor, weight: Tensor, inverse: Tensor) -> Tensor:
    """w x / length, where `inverse` holds 1 / length for each token."""
    if x.dtype == torch.float32:
        return (x * inverse).mul_(weight)
    rounded: Tensor = weight * (x * inverse).to(x.dtype)
    return rounded


class _RMSNorm(torch.autograd.Function):
    """y = w x / sqrt(mean(x^2) + eps), over the last dimension (arXiv:1910.07467, Eq. 4); gives 1 / sqrt(..), too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        inverse = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        ctx.mark_non_differentiable(inverse)
        return normalised(x, weight, inverse), inverse

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None]:
        x, weight, inverse = ctx.saved_tensors
        grad = grads[0].float()
        weighted = grad * weight.float()
        inner = torch.linalg.vecdot(weighted, x.float()).unsqueeze(-1)
        dx = weighted.mul_(inverse).addcmul_(x.float(), inner * inverse**3 / -x.shape[-1])
        dw = None
        if ctx.needs_input_grad[1]:
            dw = (grad * (x.float() * inverse)).flatten(0, -2).sum(0).to(weight.dtype)
        return dx.to(x.dtype), dw, None


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMSNorm of x, shape (..., size); an operator that reads the result finds in it how to compute it again."""
    y, inverse = _RMSNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    if torch.is_grad_enabled():
        setattr(y, _SOURCE, (x, weight, inverse))
    return y  # type: ignore[no-any-return]


class _Rotation(torch.autograd.Function):
    """x cos + rotate(x) sin with rotate((x1, x2)) = (-x2, x1), over halves of the last dimension (arXiv:2104.09864)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        half = x.shape[-1] // 2
        y = x * cos
        y[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
        y[..., half:].addcmul_(x[..., :half], sin[..., half:])
        return y.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (grad,), (cos, sin) = grads, ctx.saved_tensors
        half = grad.shape[-1] // 2
        dx = grad * cos
        dx[..., :half].addcmul_(grad[..., half:], sin[..., half:])
        dx[..., half:].addcmul_(grad[..., :half], sin[..., :half], value=-1)
        return dx.to(grad.dtype), None, None


def rotate(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """q and k, shape (batch, heads, tokens, size), turned by their positions; cos and sin (batch, tokens, size)."""
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return _Rotation.apply(q, cos, sin), _Rotation.apply(k, cos, sin)  # type: ignore[no-untyped-call]


def _to_keep(x: Tensor) -> Sequence[Tensor]:
    """What to keep of an operator's input: itself, or what it is the normalised form of."""
    source: Sequence[Tensor] = getattr(x, _SOURCE, (x,))
    return source


def _kept_rows(kept: Sequence[Tensor]) -> Tensor:
    """The input that `_to_keep` was asked of, shape (tokens, size)."""
    x = kept[0] if len(kept) == 1 else normalised(*kept)
    return x.reshape(-1, x.shape[-1])


@dataclass(frozen=True)
class Projection:
    """The frozen part of a linear layer with an adapter: y = x W' + b + s (x A') B' (arXiv:2106.09685, Eq. 3).

    A has shape (rank, inputs) and B (outputs, rank), in any number type; rank 0 is a layer without an adapter.
    """

    weight: Tensor
    bias: Tensor | None
    scaling: float

    def outputs(self, rows: Tensor, low: Tensor, b: Tensor) -> Tensor:
        """y from x and x A'."""
        return linear(rows, self.weight, self.bias).addmm_(low, b.to(rows.dtype).t(), alpha=self.scaling)

    def low_gradient(self, grad: Tensor, b: Tensor) -> Tensor:
        """Gradient of x A'."""
        # Products with a side of 8 are fast where the long side is contiguous: hence the copy and transposes of B.
        return linear(grad, b.to(grad.dtype).t().contiguous()).mul_(self.scaling)

    def b_gradient(self, grad: Tensor, low: Tensor, b: Tensor) -> Tensor:
        """Gradient of B."""
        return (low.t() @ grad).t().mul(self.scaling).to(b.dtype)


class _Lora(torch.autograd.Function):
    """A linear layer with an adapter, see `Projection`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Sequence[Tensor], layer: Projection, a: Tensor, b: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low = rows @ a.to(rows.dtype).t()
        ctx.save_for_backward(a, b, low, *kept)
        ctx.layer, ctx.shape = layer, x.shape
        return layer.outputs(rows, low, b).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        a, b, low, *kept = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1]).to(low.dtype)
        inner = ctx.layer.low_gradient(grad, b)
        da = (inner.t() @ _kept_rows(kept)).to(a.dtype)
        db = ctx.layer.b_gradient(grad, low, b)
        if not ctx.needs_input_grad[0]:
            return None, None, None, da, db
        dx = (grad @ ctx.layer.weight).addmm_(inner, a.to(grad.dtype))
        return dx.view(ctx.shape), None, None, da, db


def lora(x: Tensor, layer: Projection, a: Tensor, b: Tensor) -> Tensor:
    """A linear layer with an adapter, of x, shape (..., inputs)."""
    with torch.autocast(x.device.type, enabled=False):
        return _Lora.apply(x, _to_keep(x), layer, a, b)  # type: ignore[no-any-return, no-untyped-call]


@dataclass(frozen=True)
class GatedLayers:
    """The frozen parts of a SwiGLU layer (arXiv:2002.05202, Eq. 6)."""

    gate: Projection
    up: Projection
    down: Projection


class _GatedMlp(torch.autograd.Function):
    """down(silu(gate(x)) * up(x)) with an adapter, or none, on each of the three."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Sequence[Tensor], layers: GatedLayers, *adapters: Tensor) -> Tensor:
        gate_a, gate_b, up_a, up_b, down_a, down_b = adapters
        rows = x.reshape(-1, x.shape[-1])
        low = rows @ torch.cat([gate_a, up_a]).to(rows.dtype).t()
        gate = layers.gate.outputs(rows, low[:, : len(gate_a)], gate_b)
        up = layers.up.outputs(rows, low[:, len(gate_a) :], up_b)
        inner = silu(gate).mul_(up)
        down_low = inner @ down_a.to(rows.dtype).t()
        ctx.save_for_backward(gate, up, low, down_low, *adapters, *kept)
        ctx.layers, ctx.shape = layers, x.shape
        return layers.down.outputs(inner, down_low, down_b).view(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gate, up, low, down_low, gate_a, gate_b, up_a, up_b, down_a, down_b, *kept = ctx.saved_tensors
        layers: GatedLayers = ctx.layers
        grad = grads[0].reshape(-1, grads[0].shape[-1]).to(gate.dtype)
        grad_low = layers.down.low_gradient(grad, down_b)
        active = silu(gate)
        d_down_a = (grad_low.t() @ (active * up)).to(down_a.dtype)
        d_down_b = layers.down.b_gradient(grad, down_low, down_b)
        d_inner = (grad @ layers.down.weight).addmm_(grad_low, down_a.to(grad.dtype))
        d_up = active.mul_(d_inner)
        d_gate = torch.ops.aten.silu_backward(d_inner.mul_(up), gate)
        d_low = torch.cat([layers.gate.low_gradient(d_gate, gate_b), layers.up.low_gradient(d_up, up_b)], dim=1)
        d_a = d_low.t() @ _kept_rows(kept)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = (d_gate @ layers.gate.weight).addmm_(d_up, layers.up.weight)
            dx = dx.addmm_(d_low, torch.cat([gate_a, up_a]).to(grad.dtype)).view(ctx.shape)
        rank = len(gate_a)
        return (
            dx,
            None,
            None,
            d_a[:rank].to(gate_a.dtype),
            layers.gate.b_gradient(d_gate, low[:, :rank], gate_b),
            d_a[rank:].to(up_a.dtype),
            layers.up.b_gradient(d_up, low[:, rank:], up_b),
            d_down_a,
            d_down_b,
        )


def gated_mlp(x: Tensor, layers: GatedLayers, adapters: Sequence[Tensor]) -> Tensor:
    """A SwiGLU layer of x, shape (..., size); `adapters` are A and B of gate, up and down."""
    with torch.autocast(x.device.type, enabled=False):
        return _GatedMlp.apply(x, _to_keep(x), layers, *adapters)  # type: ignore[no-any-return, no-untyped-call]
