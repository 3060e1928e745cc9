"""A causal language model of `transformers`, with or without a PEFT adapter, driven by rows of trees."""

import warnings
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from torch.nn.functional import pad

from seapo.errors import ModelError
from seapo.tree import attention
from seapo.tree.head import Head
from seapo.tree.keys import TrunkKeys
from seapo.tree.masks import (
    SEGMENT_TOKENS,
    SEGMENT_TOKENS_WITHOUT_GRADIENT,
    Layout,
    additive_mask,
    block_mask,
    row_depths,
    segments,
)
from seapo.tree.pack import Row
from seapo.tree.slots import Slots

CPU_FILL_TOKENS = 384
"""Trees share a row on a CPU up to this many tokens: a longer row gains up to a tenth (measured), but
keeps more for its backward pass, and leaves less to compute beside it."""
CPU_FILL_WITHOUT_GRADIENT = 1024
FLEX = "flex_attention"
FLEX_BLOCK = 128
"""Rows are filled up to a multiple of this under FlexAttention, its own block size."""
KNOWN = ("sdpa", "eager", attention.NAME, FLEX)
FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class Backbone:
    """The parts of a model that scoring needs."""

    causal_lm: Any
    takes_tree_mask: bool
    sharded: Any = None
    """The outermost module of a model that FSDP2 has sharded: its parts are gathered where this one is called."""

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong."""
        device: torch.device = self.causal_lm.get_input_embeddings().weight.device
        return device

    @property
    def head(self) -> Head:
        """The LM head."""
        head = Head.of(self.causal_lm)
        return head if self.sharded is None else replace(head, linear=_without_hooks(head.linear))

    def hidden_states(self, row: Row, trunk: TrunkKeys | None = None) -> Tensor:
        """Last hidden state of each token of a row, shape (tokens, hidden); its trees may go on from a trunk."""
        return self._tree_states(row, trunk) if self.takes_tree_mask else self._padded_states(row)

    def _tree_states(self, row: Row, trunk: TrunkKeys | None) -> Tensor:
        tokens = torch.tensor([token for piece in row.pieces for token in piece.tree.tokens])
        implementation = self.causal_lm.config.get_text_config()._attn_implementation
        spare = -len(row) % FLEX_BLOCK if implementation == FLEX else 0  # else every length is compiled anew
        inputs: dict[str, Any] = {
            "input_ids": pad(tokens, (0, spare))[None].to(self.device),
            "position_ids": pad(row_depths(row), (0, spare))[None].to(self.device),
        }
        if implementation == attention.NAME:
            longest = SEGMENT_TOKENS if torch.is_grad_enabled() else SEGMENT_TOKENS_WITHOUT_GRADIENT
            inputs["tree_segments"] = segments(row, longest=longest)
            if trunk is not None:
                inputs["tree_trunk"] = trunk.before(row)
        elif trunk is not None:
            trunk.fill = FLEX_BLOCK if implementation == FLEX else 1
            inputs["past_key_values"] = trunk
        kept = None if trunk is None else trunk.places
        return self._states(**inputs, attention_mask=self._mask(row, spare, kept))[0, : len(row)]

    def step(self, tokens: Sequence[int], slots: Slots) -> Tensor:
        """Last hidden states of one more token of each slot, shape (slots, hidden)."""
        config = self.causal_lm.config.get_text_config()
        slots.begin_step(self.device)
        masks = {
            kind: slots.mask(self.causal_lm.dtype, self.device, window)
            for kind, window in layer_windows(config).items()
        }
        is_own = config._attn_implementation == attention.NAME
        states = self._states(
            input_ids=torch.tensor(tokens, device=self.device)[:, None],
            position_ids=torch.tensor(slots.depths, device=self.device)[:, None],
            attention_mask=masks if len(masks) > 1 else masks.popitem()[1],
            **({"tree_slots": slots} if is_own else {"past_key_values": slots}),
        )
        slots.end_step()
        return states[:, 0]

    def _states(self, **inputs: Any) -> Tensor:
        if self.sharded is not None:
            return self._gathered_states(**inputs)
        output = self.causal_lm.base_model(**inputs, use_cache=False, return_dict=True)
        states: Tensor = output.last_hidden_state
        return states

    def _gathered_states(self, **inputs: Any) -> Tensor:
        """FSDP2 lets nothing but the outermost module be called first; its head gives way, so that states come out."""
        head = self.causal_lm.get_output_embeddings()
        self.causal_lm.set_output_embeddings(torch.nn.Identity())
        try:
            states: Tensor = self.sharded(**inputs, use_cache=False, return_dict=True).logits
        finally:
            self.causal_lm.set_output_embeddings(head)
        return states

    def _mask(self, row: Row, spare: int = 0, kept: int | None = None) -> Any:
        """The row's mask in the form that the model's attention takes; a dict where its layers differ.

        `spare` tokens behind the row attend to themselves alone; a trunk's keys take `kept` places before it.
        """
        config = self.causal_lm.config.get_text_config()
        layout = Layout.of(row, device=self.device, spare=spare, kept=kept)

        def mask(window: int | None) -> Any:
            if config._attn_implementation == FLEX:
                return block_mask(layout, window=window)
            return additive_mask(layout, self.causal_lm.dtype, window=window)

        windows = layer_windows(config)
        masks = {kind: mask(window) for kind, window in windows.items()}
        return masks if len(masks) > 1 else masks.popitem()[1]

    def _padded_states(self, row: Row) -> Tensor:
        """The same states from whole sequences, padded on the right, for models that take no tree mask."""
        chains = [[*_ancestors(piece.tree.parents, path), *path] for piece in row.pieces for path in piece.tree.paths]
        places = [piece.offset for piece in row.pieces for _ in piece.tree.paths]
        trees = [piece.tree for piece in row.pieces for _ in piece.tree.paths]
        if not chains:
            return torch.zeros(len(row), self.causal_lm.config.get_text_config().hidden_size, device=self.device)
        ids = [torch.tensor([tree.tokens[node] for node in chain]) for tree, chain in zip(trees, chains, strict=True)]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)  # causal: nothing sees what stands behind it
        states = self._states(input_ids=padded.to(self.device))
        targets = [offset + node for offset, chain in zip(places, chains, strict=True) for node in chain]
        values = torch.cat([states[index, : len(chain)] for index, chain in enumerate(chains)])
        blank = values.new_zeros(len(row), values.shape[1])
        return blank.index_copy(0, torch.tensor(targets, device=self.device), values)


def _without_hooks(linear: Any) -> torch.nn.Linear:
    """The gathered weights of a sharded head, to multiply with: calling the head itself would start another gathering.

    accelerate keeps final norm and head gathered from the forward pass to the end of the backward pass.
    """
    plain = torch.nn.Linear(1, 1, bias=False, device="meta")
    plain.weight, plain.bias = linear.weight, linear.bias
    return plain


def _ancestors(parents: Sequence[int], path: Sequence[int]) -> list[int]:
    """Nodes above a path, from the first prompt token on; for an empty path, of which nothing is scored, none."""
    found: list[int] = []
    node = parents[path[0]] if path else -1
    while node >= 0:
        found.append(node)
        node = parents[node]
    return found[::-1]


_OPENED: "weakref.WeakKeyDictionary[Any, dict[str, str | None]]" = weakref.WeakKeyDictionary()
"""Model -> attention implementation -> why it takes no tree mask, so that each is tried and reported once."""


def open_model(model: Any) -> Backbone:
    """Find the parts of a model; raises ModelError for something that is no causal language model of transformers.

    A model that takes no tree mask is driven with whole padded sequences, and a warning says why.
    """
    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    if getattr(causal_lm, "get_output_embeddings", None) is None or causal_lm.get_output_embeddings() is None:
        raise ModelError(f"{type(causal_lm).__name__} is no causal language model: it has no LM head")
    if causal_lm.config.is_encoder_decoder:
        raise ModelError(f"{type(causal_lm).__name__} is no causal language model: it has an encoder of its own")
    known = _OPENED.setdefault(causal_lm, {})
    implementation = causal_lm.config.get_text_config()._attn_implementation
    if implementation not in known:
        known[implementation] = why_no_tree_mask(causal_lm)
        if known[implementation]:
            warnings.warn(
                f"{type(causal_lm).__name__} {known[implementation]}: sequences are computed whole and padded",
                stacklevel=2,
            )
    sharded = model if isinstance(model, FSDPModule) else None
    return Backbone(causal_lm, known[implementation] is None, sharded)


def why_no_tree_mask(causal_lm: Any) -> str | None:
    """Why a model cannot take a tree mask, in words; None where it can. Looks at the configuration alone."""
    config = causal_lm.config.get_text_config()
    if getattr(causal_lm, "_is_stateful", False):
        return "carries a recurrent state from token to token"
    if not getattr(causal_lm, "_supports_attention_backend", False):
        return "does not document that it takes a ready attention mask"
    if config._attn_implementation not in KNOWN:
        return (
            f"runs {config._attn_implementation!r} attention, the tree mask needs 'sdpa', 'eager' or 'flex_attention'"
        )
    others = set(getattr(config, "layer_types", None) or [FULL]) - {FULL, SLIDING}
    if others:
        return f"has layers of the types {', '.join(sorted(others))}"
    return None


def layer_windows(config: Any) -> dict[str, int | None]:
    """Layer type -> tokens of its sliding window; None for a layer that attends to all."""
    window = getattr(config, "sliding_window", None)
    types = getattr(config, "layer_types", None)
    if not types:
        return {SLIDING: window} if window is not None else {FULL: None}
    return {kind: window if kind == SLIDING else None for kind in sorted(set(types))}


def fill_tokens(model: Any) -> int | None:
    """Up to how many tokens trees share a row of this model; None where only the row's budget limits it."""
    if next(model.parameters()).device.type != "cpu":
        return None
    return CPU_FILL_TOKENS if torch.is_grad_enabled() else CPU_FILL_WITHOUT_GRADIENT
