"""Log-probabilities of completions under a causal language model, every shared token computed once.

Differentiable when gradients are on. Only nodes that are the parent of a scored token go through the LM head, in
chunks; where there are several, their logits are recomputed in the backward pass instead of kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from seapo.tree.backbone import Backbone, fill_tokens, open_model
from seapo.tree.pack import Group, Row, pack_rows

HEAD_CHUNK = 256  # parents a chunk: 256 x 49,152 float32 logits are 50 MB


@dataclass(frozen=True)
class Alternatives:
    """The k tokens that the model likes best at each token's place, best first."""

    ids: Tensor
    """Shape (tokens, k)."""
    logprobs: Tensor
    """Shape (tokens, k), in nats."""


@dataclass(frozen=True)
class CompletionScores:
    """What the model says of each token of one completion."""

    logprobs: Tensor
    """Shape (tokens,): log-probability in nats given everything before the token, float32."""
    is_argmax: Tensor
    """Shape (tokens,), bool: no other token is more probable there."""
    alternatives: Alternatives | None = None


@dataclass(frozen=True)
class _NodeScores:
    """Scores by node of a row; rows of the tensors are the row's scored nodes, in order."""

    index: dict[int, int]
    logprobs: Tensor
    is_argmax: Tensor
    alternatives: Alternatives | None


def score(model: Any, groups: Sequence[Group], *, max_tokens_per_row: int = 4096) -> list[Tensor]:
    """Summed log-probability of each completion: for each group a tensor of shape (completions,), float32, in nats."""
    scores = score_tokens(model, groups, max_tokens_per_row=max_tokens_per_row)
    device = next(model.parameters()).device
    return [
        torch.stack([completion.logprobs.sum() for completion in group]) if group else torch.zeros(0, device=device)
        for group in scores
    ]


def score_tokens(
    model: Any, groups: Sequence[Group], *, max_tokens_per_row: int = 4096, alternatives: int = 0
) -> list[list[CompletionScores]]:
    """Scores of every token of every completion, in the order of the groups and their completions.

    `alternatives` asks for that many best tokens at each place. Raises ModelError for a model that cannot be driven.
    """
    found: list[dict[int, CompletionScores]] = [{} for _ in groups]
    rows = pack_rows(groups, max_tokens_per_row, fill_tokens=fill_tokens(model))
    for completions in score_rows(model, rows, alternatives=alternatives):
        for (group, completion), scores in completions.items():
            found[group][completion] = scores
    return [[scores[i] for i in range(len(group.completions))] for group, scores in zip(groups, found, strict=True)]


def score_rows(
    model: Any, rows: Sequence[Row], *, alternatives: int = 0
) -> Iterator[dict[tuple[int, int], CompletionScores]]:
    """Score row by row, so that a caller can run the backward pass of one before the next is computed.

    Gives for each row the scores of its completions under the key (group, completion).
    """
    backbone = open_model(model)
    for row in rows:
        nodes = _score_nodes(backbone, row, alternatives)
        yield {
            (piece.group, completion): _along_path(nodes, [piece.offset + node for node in path])
            for piece in row.pieces
            for completion, path in zip(piece.completions, piece.tree.paths, strict=True)
        }


def _score_nodes(backbone: Backbone, row: Row, k: int) -> _NodeScores:
    scored = [p.offset + node for p in row.pieces for node in range(p.tree.first_scored, len(p.tree))]
    tokens = [token for p in row.pieces for token in p.tree.tokens[p.tree.first_scored :]]
    parents = [p.offset + parent for p in row.pieces for parent in p.tree.parents[p.tree.first_scored :]]
    heads = sorted(set(parents))
    place = {node: index for index, node in enumerate(heads)}
    if not scored:
        empty = torch.zeros(0, device=backbone.device)
        return _NodeScores({}, empty, empty.bool(), None)
    hidden = backbone.hidden_states(row)[torch.tensor(heads, device=backbone.device)]
    edge_heads = torch.tensor([place[parent] for parent in parents])
    edge_tokens = torch.tensor(tokens)
    order = torch.argsort(edge_heads, stable=True)
    chunks = [
        _score_chunk(backbone.logits, hidden, start, edge_heads[order], edge_tokens[order], k)
        for start in range(0, len(heads), HEAD_CHUNK)
    ]
    logprobs, is_argmax, ids, values = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    index = {scored[edge]: position for position, edge in enumerate(order.tolist())}
    return _NodeScores(index, logprobs, is_argmax, Alternatives(ids, values) if k else None)


def _score_chunk(
    logits_of: Callable[[Tensor], Tensor], hidden: Tensor, start: int, edge_heads: Tensor, edge_tokens: Tensor, k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    stop = min(start + HEAD_CHUNK, len(hidden))
    left, right = torch.searchsorted(edge_heads, torch.tensor([start, stop])).tolist()
    heads = (edge_heads[left:right] - start).to(hidden.device)
    tokens = edge_tokens[left:right].to(hidden.device)
    part = hidden[start:stop]
    if torch.is_grad_enabled() and part.requires_grad and len(hidden) > HEAD_CHUNK:
        result: tuple[Tensor, Tensor, Tensor, Tensor] = checkpoint(
            _score_edges, logits_of, part, heads, tokens, k, use_reentrant=False
        )
        return result
    return _score_edges(logits_of, part, heads, tokens, k)


def _score_edges(
    logits_of: Callable[[Tensor], Tensor], hidden: Tensor, heads: Tensor, tokens: Tensor, k: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    # log_softmax, as every plain computation does it: on a CPU it is about 1e-5 nats a token off what logsumexp gives.
    logprobs = logits_of(hidden).float().log_softmax(dim=-1)
    chosen = logprobs[heads, tokens]
    is_argmax = chosen >= logprobs.detach().max(dim=-1).values[heads]
    best = torch.topk(logprobs.detach(), k, dim=-1) if k else None
    ids = best.indices[heads] if best else tokens.new_zeros(len(tokens), 0)
    values = best.values[heads] if best else chosen.new_zeros(len(tokens), 0)
    return chosen, is_argmax, ids, values


def _along_path(nodes: _NodeScores, path: list[int]) -> CompletionScores:
    positions = torch.tensor([nodes.index[node] for node in path], dtype=torch.long, device=nodes.logprobs.device)
    alternatives = nodes.alternatives
    return CompletionScores(
        nodes.logprobs[positions],
        nodes.is_argmax[positions],
        Alternatives(alternatives.ids[positions], alternatives.logprobs[positions]) if alternatives else None,
    )
