"""A causal language model of `transformers`, with or without a PEFT adapter, driven by rows of trees."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seapo.errors import ModelError
from seapo.tree.pack import Row

CPU_FILL_TOKENS = 128
"""Trees share a row on a CPU up to this many tokens; a longer row loses more to the mask than it gains (measured)."""
EAGER_TOKENS = 512
"""Longest row for which `short_row_attention` gives memory for speed."""


@dataclass(frozen=True)
class Backbone:
    """The parts of a model that scoring needs."""

    causal_lm: Any
    takes_tree_mask: bool

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong."""
        device: torch.device = self.causal_lm.get_input_embeddings().weight.device
        return device

    def hidden_states(self, row: Row) -> Tensor:
        """Last hidden state of each token of a row, shape (tokens, hidden)."""
        return self._tree_states(row) if self.takes_tree_mask else self._padded_states(row)

    def logits(self, hidden: Tensor) -> Tensor:
        """LM head, scaled and capped as the model's configuration asks; shape (tokens, vocabulary)."""
        config = self.causal_lm.config.get_text_config()
        logits: Tensor = self.causal_lm.get_output_embeddings()(hidden)
        if (scale := getattr(config, "logit_scale", None)) is not None:
            logits = logits * scale
        if (scaling := getattr(config, "logits_scaling", None)) is not None:
            logits = logits / scaling
        if (cap := getattr(config, "final_logit_softcapping", None)) is not None:
            logits = torch.tanh(logits / cap) * cap
        return logits

    def _tree_states(self, row: Row) -> Tensor:
        tokens = torch.tensor([[token for piece in row.pieces for token in piece.tree.tokens]], device=self.device)
        depths = torch.tensor([[depth for piece in row.pieces for depth in piece.tree.depths]], device=self.device)
        mask = additive_mask(subtree_ends(row).to(self.device), self.causal_lm.dtype)
        output = self.causal_lm.base_model(
            input_ids=tokens, position_ids=depths, attention_mask=mask, use_cache=False, return_dict=True
        )
        states: Tensor = output.last_hidden_state[0]
        return states

    def _padded_states(self, row: Row) -> Tensor:
        """The same states computed sequence by sequence, for models that take no tree mask."""
        places: dict[int, Tensor] = {}
        for piece in row.pieces:
            tree = piece.tree
            for path in tree.paths:
                nodes = [*range(tree.first_scored), *path]
                tokens = torch.tensor([[tree.tokens[node] for node in nodes]], device=self.device)
                states = self.causal_lm.base_model(input_ids=tokens, use_cache=False, return_dict=True)
                places |= {
                    piece.offset + node: state
                    for node, state in zip(nodes, states.last_hidden_state[0], strict=True)
                    if piece.offset + node not in places
                }
        blank = torch.zeros_like(next(iter(places.values())))
        return torch.stack([places.get(node, blank) for node in range(len(row))])


def open_model(model: Any) -> Backbone:
    """Find the parts of a model; raises ModelError for something that is no causal language model of transformers."""
    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    if getattr(causal_lm, "get_output_embeddings", None) is None or causal_lm.get_output_embeddings() is None:
        raise ModelError(f"{type(causal_lm).__name__} is no causal language model: it has no LM head")
    if causal_lm.config.is_encoder_decoder:
        raise ModelError(f"{type(causal_lm).__name__} is no causal language model: it has an encoder of its own")
    reason = why_no_tree_mask(causal_lm)
    if reason:
        warnings.warn(f"{type(causal_lm).__name__} {reason}: sequences are computed one by one", stacklevel=2)
    return Backbone(causal_lm, takes_tree_mask=not reason)


def why_no_tree_mask(causal_lm: Any) -> str | None:
    """Why a model cannot take a 4-D tree mask, in words; None where it can."""
    config = causal_lm.config.get_text_config()
    attention = config._attn_implementation
    if getattr(causal_lm, "_is_stateful", False):
        return "carries a recurrent state from token to token"
    if not getattr(causal_lm, "_supports_attention_backend", False):
        return "does not document that it takes a ready attention mask"
    if attention not in ("sdpa", "eager"):
        return f"runs {attention!r} attention, the tree mask needs 'sdpa' or 'eager'"
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    if layers != {"full_attention"}:
        return f"mixes layers of the types {', '.join(sorted(layers))}"
    if getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        return "attends in a sliding window"
    return None


def fill_tokens(model: Any) -> int | None:
    """Up to how many tokens trees share a row of this model; None where only the row's budget limits it."""
    return CPU_FILL_TOKENS if next(model.parameters()).device.type == "cpu" else None


@contextmanager
def short_row_attention(model: Any, longest: int) -> Iterator[None]:
    """Attend by plain matrix products, on a CPU in bfloat16, while no row is longer than `longest` tokens.

    PyTorch's fused attention has no fast bfloat16 path on most CPUs: with `eager` a training step takes a fifth less
    time (measured). It keeps tokens x tokens numbers a head and layer, so long rows stay with `sdpa`.
    """
    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    before = causal_lm.config.get_text_config()._attn_implementation
    is_slow = causal_lm.device.type == "cpu" and causal_lm.dtype == torch.bfloat16 and before == "sdpa"
    if not is_slow or longest > EAGER_TOKENS:
        yield
        return
    causal_lm.set_attn_implementation("eager")
    try:
        yield
    finally:
        causal_lm.set_attn_implementation(before)


def subtree_ends(row: Row) -> Tensor:
    """One past the last token below each token of the row, shape (tokens,)."""
    return torch.tensor([piece.offset + end for piece in row.pieces for end in piece.tree.subtree_end])


def additive_mask(ends: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where token q may attend to token k, the dtype's lowest number elsewhere; shape (1, 1, tokens, tokens).

    Additive on purpose: a boolean mask is silently added as 0 and 1 under `eager` attention.
    """
    places = torch.arange(len(ends), device=ends.device)
    query, key = places[:, None], places[None, :]
    allowed = (key <= query) & (query < ends[None, :])
    mask = torch.zeros(allowed.shape, dtype=dtype, device=ends.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[None, None]
