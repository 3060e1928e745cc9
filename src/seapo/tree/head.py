"""The LM head: from hidden states to the log-probabilities of the tokens that follow, never a whole row's logits.

An edge is a pair (parent, token that follows it); a parent may have several. With a vocabulary of 49,152, the logits of
one parent take 197 kB in float32, so parents go through in chunks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_BYTES = 12 << 20  # of float32 logits: what stays in a processor's cache
GPU_CHUNK_BYTES = 256 << 20


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
    """Shape (edges,), bool: no other token is more probable there."""
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
        logits: Tensor = self.linear(hidden)
        if self.scale != 1:
            logits = logits * self.scale
        if self.cap is not None:
            logits = torch.tanh(logits / self.cap) * self.cap
        return logits

    @property
    def is_frozen_product(self) -> bool:
        """Whether the head is one matrix that is not trained, so that its gradient can be written down."""
        kind = type(self.linear) is torch.nn.Linear
        return kind and self.cap is None and not any(one.requires_grad for one in self.linear.parameters())


def score_edges(head: Head, hidden: Tensor, edges: Edges, *, k: int = 0, bound: int | None = None) -> EdgeScores:
    """Scores of all edges; `hidden` has shape (parents, size). Only the first `bound` parents (all) have a gradient."""
    if not len(edges.tokens):
        empty = torch.zeros(0, device=hidden.device)
        return EdgeScores(empty, empty.bool(), empty.long().reshape(0, k), empty.reshape(0, k))
    bound = len(hidden) if bound is None else bound
    needs_gradient = torch.is_grad_enabled() and bound > 0 and (hidden.requires_grad or not head.is_frozen_product)
    if needs_gradient and head.is_frozen_product:
        logprobs, is_argmax = _FrozenHead.apply(hidden, edges, head, bound)  # type: ignore[no-untyped-call]
        return EdgeScores(logprobs, is_argmax, edges.tokens[:, None][:, :0], logprobs.detach()[:, None][:, :0])
    hidden = hidden if bound == len(hidden) else torch.cat([hidden[:bound], hidden[bound:].detach()])
    chunks = []
    for start, stop, one in _chunks(head, hidden, edges):
        part = hidden[start:stop]
        if needs_gradient and stop - start < len(hidden):
            chunks.append(checkpoint(_score_chunk, head.logits, part, one, k, use_reentrant=False))
        else:
            chunks.append(_score_chunk(head.logits, part, one, k))
    return EdgeScores(*(torch.cat(parts) for parts in zip(*chunks, strict=True)))


def _chunks(head: Head, hidden: Tensor, edges: Edges) -> list[tuple[int, int, Edges]]:
    budget = CHUNK_BYTES if hidden.device.type == "cpu" else GPU_CHUNK_BYTES
    size = max(1, budget // (4 * head.linear.weight.shape[0]))
    starts = list(range(0, len(hidden), size))
    bounds = torch.searchsorted(edges.parents, torch.tensor([*starts, len(hidden)], device=edges.parents.device))
    places = bounds.tolist()
    return [
        (start, min(start + size, len(hidden)), Edges(edges.parents[left:right] - start, edges.tokens[left:right]))
        for start, left, right in zip(starts, places, places[1:], strict=False)
    ]


def _score_chunk(
    logits_of: Callable[[Tensor], Tensor], hidden: Tensor, edges: Edges, k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    logits = logits_of(hidden).float()
    chosen = logits[edges.parents, edges.tokens]
    top = logits.detach().max(dim=-1, keepdim=True).values
    best = torch.topk(logits.detach(), k, dim=-1)
    _, total = _odds(logits, top)
    normaliser = top + total.log()
    return (
        chosen - normaliser[edges.parents, 0],
        chosen.detach() >= top[edges.parents, 0],
        best.indices[edges.parents],
        (best.values - normaliser.detach())[edges.parents],
    )


def _odds(logits: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
    """exp(logit - top), in the place of the logits where no gradient needs them, and its sum over the vocabulary.

    Not log_softmax: on a CPU that adds up in float32 one by one and is 2e-5 nats a token off (measured).
    """
    odds = (logits - top).exp() if logits.requires_grad else logits.sub_(top).exp_()
    return odds, odds.sum(dim=-1, keepdim=True)


class _FrozenHead(torch.autograd.Function):
    """Log-probabilities under a frozen head: the gradient is found in the forward pass, at the cost of one product.

    d log p(token | h) / d h = W[token] - sum_v p(v | h) W[v], so all that is kept is the second term, one vector a
    parent, instead of logits that are as wide as the vocabulary.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, edges: Edges, head: Head, bound: int) -> tuple[Tensor, Tensor]:
        weight = head.linear.weight
        mean = torch.empty(bound, weight.shape[1], dtype=torch.float32, device=hidden.device)
        logprobs, is_argmax = [], []
        for start, stop, one in _chunks(head, hidden, edges):
            logits = head.logits(hidden[start:stop]).float()
            top = logits.max(dim=-1, keepdim=True).values
            chosen = logits[one.parents, one.tokens]
            odds, total = _odds(logits, top)
            if start < bound:
                mine = slice(0, min(stop, bound) - start)
                mean[start:stop] = (odds[mine].to(weight.dtype) @ weight).float() / total[mine]
            is_argmax.append(chosen >= top[one.parents, 0])
            logprobs.append(chosen - (top + total.log())[one.parents, 0])
            del logits, odds  # or they would stay beside those of the next chunk
        ctx.save_for_backward(mean, weight, edges.parents, edges.tokens)
        ctx.scale, ctx.dtype, ctx.rest = head.scale, hidden.dtype, len(hidden) - bound
        flags = torch.cat(is_argmax)
        ctx.mark_non_differentiable(flags)
        return torch.cat(logprobs), flags

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        mean, weight, parents, tokens = ctx.saved_tensors
        own = int((parents < len(mean)).sum())  # edges are sorted by parent
        grad, parents, tokens = grads[0][:own].float(), parents[:own], tokens[:own]
        at_parents = torch.zeros(len(mean), device=grad.device).index_add_(0, parents, grad)
        total = mean * -at_parents[:, None]
        total.index_add_(0, parents, weight[tokens].float() * grad[:, None])
        return torch.nn.functional.pad(total * ctx.scale, (0, 0, 0, ctx.rest)).to(ctx.dtype), None, None, None
