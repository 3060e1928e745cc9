"""Operators with a backward pass written by hand, put in the place of a model's own while it is scored or trained.

What they compute is what the model's own would, to the last bits of a float32; they read and keep less. An operator
takes a module's place only where a small trial shows that both agree.

* A LoRA layer, y = x W' + s (x A') B': PEFT's own makes five passes over y, and multiplies B's gradient in an order
  that is several times slower on a CPU.
* RMSNorm: one pass over x instead of four; keeps x and one number a token.
* SwiGLU with its last projection: keeps the two projections alone, and computes silu(gate) * up again: half the memory
  of a layer's widest activations.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seapo.tree import attention

TRIAL_TOKENS = 3
_FUSED = "_seapo_fused"
_TRIED: dict[tuple[type, type, torch.dtype], bool] = {}
"""Kinds of modules, with their activation, that a trial has shown to be, or not to be, what is computed here."""


@contextmanager
def fused(model: Any) -> Iterator[None]:
    """Run a model's LoRA layers, norms and attention by the operators of this module; nested calls change nothing.

    The backward passes of what is computed within belong within, too, where gradient checkpointing is on.
    """
    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    if getattr(causal_lm, _FUSED, False):
        yield
        return
    config = causal_lm.config.get_text_config()
    before = config._attn_implementation
    replaced = []
    setattr(causal_lm, _FUSED, True)
    try:
        if before == "sdpa" and causal_lm.device.type == "cpu" and takes_segments(causal_lm):
            causal_lm.set_attn_implementation(attention.NAME)
        for module in causal_lm.modules():
            forward = _replacement(module)
            if forward is not None:
                module.forward = forward
                replaced.append(module)
        yield
    finally:
        for module in replaced:
            del module.forward
        if config._attn_implementation != before:
            causal_lm.set_attn_implementation(before)
        delattr(causal_lm, _FUSED)


def takes_segments(causal_lm: Any) -> bool:
    """Whether the model hands what its forward call gets on to the attention function, and attends to all tokens."""
    config = causal_lm.config.get_text_config()
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    return (
        bool(getattr(causal_lm, "_supports_attention_backend", False))
        and layers == {"full_attention"}
        and getattr(config, "sliding_window", None) is None
    )


def _replacement(module: Any) -> Callable[[Tensor], Tensor] | None:
    if "forward" in vars(module):  # someone else was here
        return None
    parts = module._modules
    if "down_proj" in parts:
        return _mlp_forward(module) if all(name in parts for name in ("gate_proj", "up_proj", "act_fn")) else None
    if type(module).__name__.endswith("RMSNorm"):
        return _norm_forward(module)
    if "lora_A" in parts:
        return _lora_forward(module)
    return None


class _RMSNorm(torch.autograd.Function):
    """y = w x / sqrt(mean(x^2) + eps), over the last dimension (arXiv:1910.07467, Eq. 4)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        inverse = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        if x.dtype == torch.float32:
            normal: Tensor = (x * inverse).mul_(weight)
            return normal
        rounded: Tensor = weight * (x * inverse).to(x.dtype)
        return rounded

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


@dataclass(frozen=True)
class _LoraParts:
    """The frozen part of a LoRA layer, and its arithmetic: y = x W' + b + s (x A') B' (arXiv:2106.09685, Eq. 3)."""

    weight: Tensor
    bias: Tensor | None
    scaling: float

    def project(self, rows: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """y and x A'; A and B may have another number type than x, shape (rows, size)."""
        low = rows @ a.to(rows.dtype).t()
        y = torch.nn.functional.linear(rows, self.weight, self.bias)
        return y.addmm_(low, b.to(rows.dtype).t(), alpha=self.scaling), low

    def gradients(self, grad: Tensor, rows: Tensor, a: Tensor, b: Tensor, low: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of x, A and B."""
        # Products with a side of 8 are fast where the long side is contiguous: hence the copies and transposes of B.
        inner = torch.nn.functional.linear(grad, b.to(rows.dtype).t().contiguous()).mul_(self.scaling)
        dx = (grad @ self.weight).addmm_(inner, a.to(rows.dtype))
        da = (inner.t() @ rows).to(a.dtype)
        db = (low.t() @ grad).t().mul(self.scaling).to(b.dtype)
        return dx, da, db


class _Lora(torch.autograd.Function):
    """A LoRA layer, see `_LoraParts`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: _LoraParts, a: Tensor, b: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        y, low = layer.project(rows, a, b)
        ctx.save_for_backward(rows, layer.weight, a, b, low)
        ctx.layer, ctx.shape = layer, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, _, a, b, low = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1]).to(rows.dtype)
        dx, da, db = ctx.layer.gradients(grad, rows, a, b, low)
        return dx.view(ctx.shape) if ctx.needs_input_grad[0] else None, None, da, db


class _GatedProjection(torch.autograd.Function):
    """y = h W' + b + s (h A') B' with h = silu(gate) * up (arXiv:2002.05202, Eq. 6) and frozen W and b."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, layer: "_LoraParts", a: Tensor, b: Tensor) -> Tensor:
        rows = torch.nn.functional.silu(gate).mul_(up).reshape(-1, gate.shape[-1])
        y, low = layer.project(rows, a, b)
        ctx.save_for_backward(gate, up, layer.weight, a, b, low)
        ctx.layer = layer
        return y.view(*gate.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gate, up, _, a, b, low = ctx.saved_tensors
        active = torch.nn.functional.silu(gate)
        rows = (active * up).reshape(-1, gate.shape[-1])
        grad = grads[0].reshape(-1, grads[0].shape[-1]).to(gate.dtype)
        d_rows, da, db = ctx.layer.gradients(grad, rows, a, b, low)
        d_rows = d_rows.view(gate.shape)
        d_up = active.mul_(d_rows)
        d_gate = torch.ops.aten.silu_backward(d_rows.mul_(up), gate)
        return d_gate, d_up, None, da, db


def _norm_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    weight = getattr(module, "weight", None)
    eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if weight is None or eps is None or weight.dim() != 1:
        return None

    def forward(x: Tensor) -> Tensor:
        return _RMSNorm.apply(x, module.weight, eps)  # type: ignore[no-any-return, no-untyped-call]

    kind = (type(module), type(None), weight.dtype)
    if kind not in _TRIED:
        if hasattr(weight, "placements") or weight.device.type == "meta":  # sharded, or not there: nothing to try on
            return None
        _TRIED[kind] = _agree(module, forward, weight)
    return forward if _TRIED[kind] else None


def _lora_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    """The fast forward of a PEFT layer; None for a variant that it does not know (DoRA, dropout, several adapters)."""
    if _lora_parts(module) is None:
        return None
    own_forward = module.forward

    def forward(x: Tensor, *args: Any, **options: Any) -> Tensor:
        parts = None if args or options else _lora_parts(module)
        if parts is None or module.disable_adapters or module.merged:
            return own_forward(x, *args, **options)  # type: ignore[no-any-return]
        layer, a, b = parts
        with torch.autocast(x.device.type, enabled=False):
            return _Lora.apply(x, layer, a, b)  # type: ignore[no-any-return, no-untyped-call]

    return forward


def _lora_parts(module: Any) -> tuple[_LoraParts, Tensor, Tensor] | None:
    """What a PEFT layer computes with; None for a layer that is none, or of a variant that `_LoraParts` is not."""
    if not ("lora_A" in module._modules and "base_layer" in module._modules):
        return None
    base, adapters = module.base_layer, list(getattr(module, "active_adapters", []))
    if type(base) is not torch.nn.Linear or len(adapters) != 1 or adapters[0] not in module.lora_A:
        return None
    (name,) = adapters
    if getattr(module, "fan_in_fan_out", False) or getattr(module, "lora_variant", {}).get(name) is not None:
        return None
    a, b = module.lora_A[name], module.lora_B[name]
    plain = all(type(one) is torch.nn.Linear and one.bias is None for one in (a, b))
    if not plain or type(module.lora_dropout[name]) is not torch.nn.Identity or base.weight.requires_grad:
        return None
    return _LoraParts(base.weight, base.bias, module.scaling[name]), a.weight, b.weight


def _mlp_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    """The lean forward of a SwiGLU layer whose last projection has an adapter; None for another one."""
    parts = _lora_parts(module.down_proj)
    if parts is None:
        return None
    own_forward = module.forward

    def forward(x: Tensor) -> Tensor:
        parts = _lora_parts(module.down_proj)
        down = module.down_proj
        if parts is None or down.disable_adapters or down.merged or not torch.is_grad_enabled():
            return own_forward(x)  # type: ignore[no-any-return]
        layer, a, b = parts
        with torch.autocast(x.device.type, enabled=False):
            gate, up = module.gate_proj(x), module.up_proj(x)
            return _GatedProjection.apply(gate, up, layer, a, b)  # type: ignore[no-any-return, no-untyped-call]

    kind = (type(module), type(module.act_fn), parts[0].weight.dtype)
    if kind not in _TRIED:
        if hasattr(parts[0].weight, "placements") or parts[0].weight.device.type == "meta":
            return None
        with torch.enable_grad():
            _TRIED[kind] = _agree(module, forward, parts[0].weight[:, 0])
    return forward if _TRIED[kind] else None


def _agree(module: Any, forward: Callable[[Tensor], Tensor], weight: Tensor) -> bool:
    """Whether both give the same for numbers that would show a difference such as a weight counted from 1.

    `weight` has the size and the number type of the module's input.
    """
    numbers = torch.linspace(-2, 3, TRIAL_TOKENS * len(weight), dtype=torch.float32, device=weight.device)
    x = numbers.reshape(1, TRIAL_TOKENS, len(weight)).to(weight.dtype)
    left, right = module(x).detach().float(), forward(x).detach().float()
    tolerance = 1e-2 if weight.dtype.itemsize < 4 else 1e-5
    return torch.allclose(left, right, rtol=tolerance, atol=tolerance * float(left.abs().max()))
