"""The LM head: from hidden states to the log-probabilities of the tokens that follow, never a whole row's logits.

An edge is a pair (parent, token that follows it); a parent may have several. With a vocabulary of 49,152, the logits of
one parent take 197 kB in float32. So a tile of them is computed at a time, some parents against a part of the
vocabulary, and the normaliser is added up tile by tile (arXiv:1805.02867, Alg. 3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_BYTES = 12 << 20  # of float32 logits, where several tokens a parent are asked for or the head is trained
GPU_CHUNK_BYTES = 256 << 20
TILE = (512, 4096)
"""Parents and tokens of the vocabulary: 8 MB, which stay in a processor's cache, in products of its best shapes."""
GPU_TILE = (4096, 16384)
TIE_NATS = 5e-5
"""Tokens this close to the best one count as best, so that float noise of another packing cannot break a tie."""


@dataclass(frozen=True)
class Edges:
    """The edges of some parents, sorted by parent."""

    parents: Tensor
    """Shape (edges,): index into the hidden states."""
    tokens: Tensor
    """Shape (edges,)."""


@dataclass(frozen=True)
class EdgeScores:
    """What the head says of each edge."""

    logprobs: Tensor
    """Shape (edges,), float32, in nats."""
    is_argmax: Tensor
    """Shape (edges,), bool: no other token is more probable there, by more than TIE_NATS."""
    best_ids: Tensor
    """Shape (edges, k): the k best tokens there, best first."""
    best_logprobs: Tensor
    """Shape (edges, k), in nats."""


@dataclass(frozen=True)
class Head:
    """A model's LM head, with what its configuration does to the logits."""

    linear: Any
    scale: float = 1.0
    cap: float | None = None
    """Logits are capped as cap * tanh(logits / cap)."""

    @classmethod
    def of(cls, causal_lm: Any) -> "Head":
        """The head of a model of transformers."""
        config = causal_lm.config.get_text_config()
        scale = getattr(config, "logit_scale", None)
        division = getattr(config, "logits_scaling", None)
        return cls(
            causal_lm.get_output_embeddings(),
            (1.0 if scale is None else float(scale)) / (1.0 if division is None else float(division)),
            getattr(config, "final_logit_softcapping", None),
        )

    def logits(self, hidden: Tensor) -> Tensor:
        """Shape (parents, vocabulary), in the model's number type."""
        return self._shaped(self.linear(hidden))

    def tile(self, hidden: Tensor, first: int, last: int) -> Tensor:
        """The columns from `first` to before `last` of the logits of a head that is a product."""
        bias = None if self.linear.bias is None else self.linear.bias[first:last]
        return self._shaped(torch.nn.functional.linear(hidden, self.linear.weight[first:last], bias))

    def _shaped(self, logits: Tensor) -> Tensor:
        if self.scale != 1:
            logits = logits * self.scale
        if self.cap is not None:
            logits = torch.tanh(logits / self.cap) * self.cap
        return logits

    @property
    def is_product(self) -> bool:
        """Whether the head is one plain matrix, so that its columns can be computed apart."""
        return type(self.linear) is torch.nn.Linear

    @property
    def is_frozen_product(self) -> bool:
        """Whether the head is one matrix that is not trained, so that its gradient can be written down."""
        return self.is_product and self.cap is None and not any(one.requires_grad for one in self.linear.parameters())


def score_edges(head: Head, hidden: Tensor, edges: Edges, *, k: int = 0, bound: int | None = None) -> EdgeScores:
    """Scores of all edges; `hidden` has shape (parents, size). Only the first `bound` parents (all) have a gradient."""
    if not len(edges.tokens):
        empty = torch.zeros(0, device=hidden.device)
        return EdgeScores(empty, empty.bool(), empty.long().reshape(0, k), empty.reshape(0, k))
    bound = len(hidden) if bound is None else bound
    needs_gradient = torch.is_grad_enabled() and bound > 0 and (hidden.requires_grad or not head.is_frozen_product)
    if needs_gradient and head.is_frozen_product:
        logprobs, is_argmax = _FrozenHead.apply(hidden, edges, head, bound)  # type: ignore[no-untyped-call]
        return _without_best(logprobs, is_argmax, edges)
    if not needs_gradient and head.is_product:
        with torch.no_grad():
            found = _tiled(head, hidden, edges, 0, k)
        return EdgeScores(found.logprobs, found.is_argmax, found.best_ids, found.best_logprobs)
    hidden = hidden if bound == len(hidden) else torch.cat([hidden[:bound], hidden[bound:].detach()])
    chunks = []
    for start, stop, one in _chunks(head, hidden, edges):
        part = hidden[start:stop]
        if needs_gradient and stop - start < len(hidden):
            chunks.append(checkpoint(_score_chunk, head.logits, part, one, k, use_reentrant=False))
        else:
            chunks.append(_score_chunk(head.logits, part, one, k))
    return EdgeScores(*(torch.cat(parts) for parts in zip(*chunks, strict=True)))


def _without_best(logprobs: Tensor, is_argmax: Tensor, edges: Edges) -> EdgeScores:
    return EdgeScores(logprobs, is_argmax, edges.tokens[:, None][:, :0], logprobs.detach()[:, None][:, :0])


def _chunks(head: Head, hidden: Tensor, edges: Edges) -> list[tuple[int, int, Edges]]:
    budget = CHUNK_BYTES if hidden.device.type == "cpu" else GPU_CHUNK_BYTES
    return _split(hidden, edges, max(1, budget // (4 * head.linear.weight.shape[0])))


def _split(hidden: Tensor, edges: Edges, size: int) -> list[tuple[int, int, Edges]]:
    """(start, stop, edges) of runs of `size` parents."""
    starts = list(range(0, len(hidden), size))
    bounds = torch.searchsorted(edges.parents, torch.tensor([*starts, len(hidden)], device=edges.parents.device))
    places = bounds.tolist()
    return [
        (start, min(start + size, len(hidden)), Edges(edges.parents[left:right] - start, edges.tokens[left:right]))
        for start, left, right in zip(starts, places, places[1:], strict=False)
    ]


@dataclass(frozen=True)
class _Found:
    """What all tiles together say."""

    logprobs: Tensor
    """Shape (edges,)."""
    is_argmax: Tensor
    """Shape (edges,)."""
    best_ids: Tensor
    """Shape (edges, k)."""
    best_logprobs: Tensor
    """Shape (edges, k)."""
    mean: Tensor
    """Shape (bound, size): sum_v p(v | h) W[v] for the first parents."""


def _tiled(head: Head, hidden: Tensor, edges: Edges, bound: int, k: int = 0) -> _Found:
    """Scores of the edges of all parents, a tile of logits at a time."""
    rows, columns = TILE if hidden.device.type == "cpu" else GPU_TILE
    mean = torch.zeros(bound, hidden.shape[1], dtype=torch.float32, device=hidden.device)
    parts = [
        _tile_parents(head, hidden[start:stop], one, mean[start:stop], columns, k)
        for start, stop, one in _split(hidden, edges, rows)
    ]
    logprobs, is_argmax, best_ids, best_logprobs = (torch.cat(one) for one in zip(*parts, strict=True))
    return _Found(logprobs, is_argmax, best_ids, best_logprobs, mean)


def _tile_parents(
    head: Head, hidden: Tensor, edges: Edges, mean: Tensor, columns: int, k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Log-probability of each edge, whether none is higher, and the k best tokens; `mean` is filled in place."""
    weight = head.linear.weight
    best = _Best.of(len(hidden), k, hidden.device)
    top = torch.full((len(hidden), 1), -torch.inf, device=hidden.device)
    total, chosen = torch.zeros_like(top), torch.zeros(len(edges.tokens), device=hidden.device)
    firsts = list(range(0, len(weight), columns))
    sorted_tokens, order = edges.tokens.sort()
    bounds = torch.searchsorted(sorted_tokens, torch.tensor([*firsts, len(weight)], device=order.device)).tolist()
    for first, left, right in zip(firsts, bounds, bounds[1:], strict=False):
        last = min(first + columns, len(weight))
        logits = head.tile(hidden, first, last).float()
        here = order[left:right]
        chosen[here] = logits[edges.parents[here], edges.tokens[here] - first]
        best = best.with_tile(logits, first)
        before, top = top, torch.maximum(top, logits.amax(dim=-1, keepdim=True))
        shrink, odds = (before - top).exp(), logits.sub_(top).exp_()
        # Not log_softmax: on a CPU that adds up in float32 one by one and is 2e-5 nats a token off (measured).
        total.mul_(shrink).add_(odds.sum(dim=-1, keepdim=True))
        if len(mean):
            _add_product(mean.mul_(shrink[: len(mean)]), odds[: len(mean)], weight[first:last])
        del logits, odds  # or they would stay beside those of the next tile
    if len(mean):
        mean.div_(total[: len(mean)])
    normaliser = top + total.log()
    return (
        chosen - normaliser[edges.parents, 0],
        chosen >= top[edges.parents, 0] - TIE_NATS,
        best.ids[edges.parents],
        (best.logits - normaliser)[edges.parents],
    )


@dataclass(frozen=True)
class _Best:
    """The k best tokens of each parent among those seen so far, best first; fewer where fewer were seen."""

    logits: Tensor
    """Shape (parents, k)."""
    ids: Tensor
    k: int

    @classmethod
    def of(cls, parents: int, k: int, device: torch.device) -> "_Best":
        """None seen yet."""
        return cls(torch.zeros(parents, 0, device=device), torch.zeros(parents, 0, dtype=torch.long, device=device), k)

    def with_tile(self, logits: Tensor, first: int) -> "_Best":
        """With the tokens from `first` on, whose logits these are."""
        if not self.k:
            return self
        here = torch.topk(logits, min(self.k, logits.shape[1]), dim=-1)
        values = torch.cat([self.logits, here.values], dim=-1)
        ids = torch.cat([self.ids, here.indices + first], dim=-1)
        best = torch.topk(values, min(self.k, values.shape[1]), dim=-1)
        return _Best(best.values, ids.gather(-1, best.indices), self.k)


def _add_product(total: Tensor, odds: Tensor, weight: Tensor) -> None:
    """total += odds W, in the weights' number type."""
    if weight.dtype == total.dtype:
        total.addmm_(odds, weight)
    else:
        total.add_((odds.to(weight.dtype) @ weight).float())


def _score_chunk(
    logits_of: Callable[[Tensor], Tensor], hidden: Tensor, edges: Edges, k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    logits = logits_of(hidden).float()
    chosen = logits[edges.parents, edges.tokens]
    top = logits.detach().max(dim=-1, keepdim=True).values
    best = torch.topk(logits.detach(), k, dim=-1)
    normaliser = top + (logits - top).exp().sum(dim=-1, keepdim=True).log()
    return (
        chosen - normaliser[edges.parents, 0],
        chosen.detach() >= top[edges.parents, 0] - TIE_NATS,
        best.indices[edges.parents],
        (best.values - normaliser.detach())[edges.parents],
    )


class _FrozenHead(torch.autograd.Function):
    """Log-probabilities under a frozen head: the gradient is found in the forward pass, at the cost of one product.

    d log p(token | h) / d h = W[token] - sum_v p(v | h) W[v], so all that is kept is the second term, one vector a
    parent, instead of logits that are as wide as the vocabulary.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, edges: Edges, head: Head, bound: int) -> tuple[Tensor, Tensor]:
        found = _tiled(head, hidden, edges, bound)
        ctx.save_for_backward(found.mean, head.linear.weight, edges.parents, edges.tokens)
        ctx.scale, ctx.dtype, ctx.rest = head.scale, hidden.dtype, len(hidden) - bound
        ctx.mark_non_differentiable(found.is_argmax)
        return found.logprobs, found.is_argmax

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        mean, weight, parents, tokens = ctx.saved_tensors
        own = int((parents < len(mean)).sum())  # edges are sorted by parent
        grad, parents, tokens = grads[0][:own].float(), parents[:own], tokens[:own]
        at_parents = torch.zeros(len(mean), device=grad.device).index_add_(0, parents, grad)
        total = mean * -at_parents[:, None]
        total.index_add_(0, parents, weight[tokens].float() * grad[:, None])
        return torch.nn.functional.pad(total * ctx.scale, (0, 0, 0, ctx.rest)).to(ctx.dtype), None, None, None
