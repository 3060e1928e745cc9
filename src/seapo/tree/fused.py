"""Operators with a backward pass written by hand, put in the place of a model's own while it is scored or trained.

What they compute is what the model's own would, to the last bits of a float32; they read and keep less. An operator
takes a module's place only where a small trial shows that both agree.

* A LoRA layer, y = x W' + s (x A') B': PEFT's own makes five passes over y, and multiplies B's gradient in an order
  that is several times slower on a CPU.
* RMSNorm: one pass over x instead of four; keeps x and one number a token.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from seapo.tree import attention

TRIAL_TOKENS = 3
_FUSED = "_seapo_fused"
_TRIED: dict[tuple[type, torch.dtype], bool] = {}
"""Kinds of norms that a trial has shown to be, or not to be, what `_RMSNorm` computes."""


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
    if type(module).__name__.endswith("RMSNorm"):
        return _norm_forward(module)
    if hasattr(module, "lora_A") and hasattr(module, "base_layer"):
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


class _Lora(torch.autograd.Function):
    """y = x W' + b + s (x A') B' with frozen W and b (arXiv:2106.09685, Eq. 3); A and B have their own number type."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scaling: float
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low = rows @ a.to(x.dtype).t()
        y = torch.nn.functional.linear(rows, weight, bias)
        y.addmm_(low, b.to(x.dtype).t(), alpha=scaling)
        ctx.save_for_backward(rows, weight, a, b, low)
        ctx.scaling, ctx.shape = scaling, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, a, b, low = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        if grad.dtype != rows.dtype:
            grad = grad.to(rows.dtype)
        # Products with a side of 8 are fast where the long side is contiguous: hence the copies and transposes of B.
        inner = torch.nn.functional.linear(grad, b.to(rows.dtype).t().contiguous()).mul_(ctx.scaling)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = (grad @ weight).addmm_(inner, a.to(rows.dtype)).view(ctx.shape)
        da = (inner.t() @ rows).to(a.dtype)
        db = (low.t() @ grad).t().mul(ctx.scaling).to(b.dtype)
        return dx, None, None, da, db, None


def _norm_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    weight = getattr(module, "weight", None)
    eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if weight is None or eps is None or weight.dim() != 1:
        return None

    def forward(x: Tensor) -> Tensor:
        return _RMSNorm.apply(x, module.weight, eps)  # type: ignore[no-any-return, no-untyped-call]

    kind = (type(module), weight.dtype)
    if kind not in _TRIED:
        if hasattr(weight, "placements") or weight.device.type == "meta":  # sharded, or not there: nothing to try on
            return None
        _TRIED[kind] = _agree(module, forward, weight)
    return forward if _TRIED[kind] else None


def _lora_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    """The fast forward of a PEFT layer; None for a variant that it does not know (DoRA, dropout, several adapters)."""
    base = module.base_layer
    adapters = list(getattr(module, "active_adapters", []))
    if type(base) is not torch.nn.Linear or len(adapters) != 1 or adapters[0] not in module.lora_A:
        return None
    (name,) = adapters
    if getattr(module, "fan_in_fan_out", False) or getattr(module, "lora_variant", {}).get(name) is not None:
        return None
    a, b = module.lora_A[name], module.lora_B[name]
    plain = all(type(one) is torch.nn.Linear and one.bias is None for one in (a, b))
    if not plain or type(module.lora_dropout[name]) is not torch.nn.Identity or base.weight.requires_grad:
        return None
    own_forward = module.forward

    def forward(x: Tensor, *args: Any, **options: Any) -> Tensor:
        if module.disable_adapters or module.merged or args or options:
            return own_forward(x, *args, **options)  # type: ignore[no-any-return]
        with torch.autocast(x.device.type, enabled=False):
            return _Lora.apply(x, base.weight, base.bias, a.weight, b.weight, module.scaling[name])  # type: ignore

    return forward


@torch.no_grad()
def _agree(module: Any, forward: Callable[[Tensor], Tensor], weight: Tensor) -> bool:
    """Whether both give the same for numbers that would show a difference such as a weight counted from 1."""
    numbers = torch.linspace(-2, 3, TRIAL_TOKENS * len(weight), dtype=torch.float32, device=weight.device)
    x = numbers.reshape(1, TRIAL_TOKENS, len(weight)).to(weight.dtype)
    return torch.allclose(module(x).float(), forward(x).float(), rtol=1e-2 if weight.dtype.itemsize < 4 else 1e-5)
