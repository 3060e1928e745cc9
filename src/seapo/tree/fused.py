"""A model's modules replaced by the operators of `tree/operators.py` while it is scored or trained.

An operator takes a module's place only where a small trial shows that both agree.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from seapo.tree import attention
from seapo.tree.operators import GatedLayers, Projection, gated_mlp, lora, rms_norm, rotate

TRIAL_TOKENS = 3
ROTATION = "apply_rotary_pos_emb"
"""What transformers calls, in the file of each model, the function that turns queries and keys by their positions."""
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
    modules = _all_modules(causal_lm)
    rotations = _rotations(modules)
    setattr(causal_lm, _FUSED, True)
    try:
        if before == "sdpa" and causal_lm.device.type == "cpu" and takes_segments(causal_lm):
            causal_lm.set_attn_implementation(attention.NAME)
        for module in modules:
            forward = _replacement(module)
            if forward is not None:
                module.forward = forward
                replaced.append(module)
        for source, function in rotations.items():
            setattr(source, ROTATION, _rotation(function))
        yield
    finally:
        for source, function in rotations.items():
            setattr(source, ROTATION, function)
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


def _all_modules(causal_lm: Any) -> list[Any]:
    """The same as `modules()` in any order; that one puts names together, which takes as long as a layer."""
    found = {id(causal_lm): causal_lm}
    waiting = [causal_lm]
    while waiting:
        parts = [part for part in waiting.pop()._modules.values() if part is not None and id(part) not in found]
        found.update((id(part), part) for part in parts)
        waiting += parts
    return list(found.values())


def _rotations(modules: Iterable[Any]) -> dict[ModuleType, Callable[..., Any]]:
    """The Python modules whose rotation `rotate` can stand in for, with that function of theirs."""
    sources = {sys.modules[kind.__module__] for kind in {type(module) for module in modules}}
    functions = {source: getattr(source, ROTATION, None) for source in sources}
    return {source: own for source, own in functions.items() if own is not None and _turns(own)}


@functools.lru_cache(maxsize=64)
def _turns(own: Callable[..., Any]) -> bool:
    """Whether a function turns queries and keys as `rotate` does."""
    q, k = torch.linspace(-2, 3, 2 * 3 * 4).view(1, 2, 3, 4), torch.linspace(1, -1, 3 * 4).view(1, 1, 3, 4)
    angles = torch.linspace(0, 2, 3 * 4).view(1, 3, 4)
    try:
        found = torch.cat(own(q, k, angles.cos(), angles.sin()), dim=1)
    except (TypeError, ValueError, RuntimeError):
        return False
    expected = torch.cat(rotate(q, k, angles.cos(), angles.sin()), dim=1)
    return found.shape == expected.shape and torch.allclose(found, expected, atol=1e-6)


def _rotation(own: Callable[..., Any]) -> Callable[..., Any]:
    """`rotate` in the place of a model's own function, which stays for what it does not know (parts of a head)."""

    def turn(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, *args: Any, **options: Any) -> Any:
        if args or options or cos.dim() != 3 or cos.shape[-1] != q.shape[-1]:
            return own(q, k, cos, sin, *args, **options)
        return rotate(q, k, cos, sin)

    return turn


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


def _norm_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    weight = getattr(module, "weight", None)
    eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if weight is None or eps is None or weight.dim() != 1:
        return None

    def forward(x: Tensor) -> Tensor:
        return rms_norm(x, module.weight, eps)

    return _tried(module, forward, weight, (type(module), type(None), weight.dtype))


def _lora_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    """The fast forward of a PEFT layer; None for a variant that it does not know (DoRA, dropout, several adapters)."""
    if _adapted_parts(module) is None:
        return None
    own_forward = module.forward

    def forward(x: Tensor, *args: Any, **options: Any) -> Tensor:
        parts = None if args or options or _is_off(module) else _adapted_parts(module)
        return own_forward(x, *args, **options) if parts is None else lora(x, *parts)

    return forward


def _mlp_forward(module: Any) -> Callable[[Tensor], Tensor] | None:
    """The lean forward of a SwiGLU layer with frozen weights, with or without adapters; None for another one."""
    projections = (module.gate_proj, module.up_proj, module.down_proj)
    if None in map(_parts, projections):
        return None
    own_forward = module.forward

    def forward(x: Tensor) -> Tensor:
        parts = [None if _is_off(one) else _parts(one) for one in projections]
        known = [one for one in parts if one is not None]
        if len(known) < len(parts) or not torch.is_grad_enabled():
            return own_forward(x)  # type: ignore[no-any-return]
        layers = GatedLayers(*(layer for layer, _, _ in known))
        return gated_mlp(x, layers, [adapter for _, a, b in known for adapter in (a, b)])

    weight = getattr(module.down_proj, "base_layer", module.down_proj).weight
    with torch.enable_grad():
        return _tried(module, forward, weight, (type(module), type(module.act_fn), weight.dtype))


def _parts(module: Any) -> tuple[Projection, Tensor, Tensor] | None:
    """What a frozen linear layer computes with, with A and B of its adapter, or empty ones where it has none."""
    if type(module) is not torch.nn.Linear:
        return _adapted_parts(module)
    weight, bias = module.weight, module.bias
    if weight.requires_grad or (bias is not None and bias.requires_grad):
        return None
    outputs, inputs = weight.shape
    return Projection(weight, bias, 1.0), weight.new_empty(0, inputs), weight.new_empty(outputs, 0)


def _adapted_parts(module: Any) -> tuple[Projection, Tensor, Tensor] | None:
    """What a PEFT layer computes with; None for a layer that is none, or of a variant that `Projection` is not."""
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
    return Projection(base.weight, base.bias, module.scaling[name]), a.weight, b.weight


def _is_off(module: Any) -> bool:
    """Whether a layer's adapter is switched off or merged into its weights."""
    return bool(getattr(module, "disable_adapters", False) or getattr(module, "merged", False))


def _tried(
    module: Any, forward: Callable[[Tensor], Tensor], weight: Tensor, kind: tuple[type, type, torch.dtype]
) -> Callable[[Tensor], Tensor] | None:
    """The forward that was given, if a trial of its kind of module agreed; `weight` is as long as an input is wide."""
    if kind not in _TRIED:
        if hasattr(weight, "placements") or weight.device.type == "meta":  # sharded, or not there: nothing to try on
            return None
        _TRIED[kind] = _agree(module, forward, weight)
    return forward if _TRIED[kind] else None


def _agree(module: Any, forward: Callable[[Tensor], Tensor], weight: Tensor) -> bool:
    """Whether both give the same for numbers that would show a difference such as a weight counted from 1."""
    numbers = torch.linspace(-2, 3, TRIAL_TOKENS * len(weight), dtype=torch.float32, device=weight.device)
    x = numbers.reshape(1, TRIAL_TOKENS, len(weight)).to(weight.dtype)
    left, right = module(x).detach().float(), forward(x).detach().float()
    tolerance = 1e-2 if weight.dtype.itemsize < 4 else 1e-5
    return torch.allclose(left, right, rtol=tolerance, atol=tolerance * float(left.abs().max()))
