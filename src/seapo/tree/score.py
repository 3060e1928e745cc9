"""Log-probabilities of completions under a causal language model, every shared token computed once.

Differentiable when gradients are on. Only nodes that are the parent of a scored token go through the LM head.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seapo.tree.backbone import Backbone, fill_tokens, open_model
from seapo.tree.fused import fused
from seapo.tree.head import Edges, EdgeScores, score_edges
from seapo.tree.pack import Group, Row, pack_rows


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
    rows = lay_rows(model, groups, max_tokens_per_row)
    for completions in score_rows(model, rows, alternatives=alternatives):
        for (group, completion), scores in completions.items():
            found[group][completion] = scores
    return [[scores[i] for i in range(len(group.completions))] for group, scores in zip(groups, found, strict=True)]


def lay_rows(model: Any, groups: Sequence[Group], max_tokens_per_row: int) -> list[Row]:
    """The rows in which a model computes some groups: trees, or whole sequences where it takes no tree mask."""
    is_shared = open_model(model).takes_tree_mask
    return pack_rows(groups, max_tokens_per_row, fill_tokens=fill_tokens(model), is_shared=is_shared)


def score_rows(
    model: Any, rows: Sequence[Row], *, alternatives: int = 0, detach_shared: bool = False
) -> Iterator[dict[tuple[int, int], CompletionScores]]:
    """Score row by row, so that a caller can run the backward pass of one before the next is computed.

    Gives for each row the scores of its completions under the key (group, completion). With `detach_shared`, tokens
    that all completions of a group begin with have no gradient: right for a loss in which they cancel, and it spares
    their backward pass through the LM head.
    """
    for row in rows:
        with nullcontext() if _checkpoints_layers(model) else fused(model):
            nodes = _score_nodes(open_model(model), row, alternatives, detach_shared)
        yield {
            (piece.group, completion): _along_path(nodes, [piece.offset + node for node in path])
            for piece in row.pieces
            for completion, path in zip(piece.completions, piece.tree.paths, strict=True)
        }


def _checkpoints_layers(model: Any) -> bool:
    """Whether layers are computed again in the backward pass, after `score_rows`: then only a caller can be `fused`."""
    return torch.is_grad_enabled() and bool(model.training and getattr(model, "is_gradient_checkpointing", False))


@dataclass(frozen=True)
class _NodeScores:
    """Scores by node of a row: `index` gives the place of a scored node in the tensors."""

    index: dict[int, int]
    edges: EdgeScores


def _score_nodes(backbone: Backbone, row: Row, k: int, detach_shared: bool) -> _NodeScores:
    states = backbone.hidden_states(row)
    bound, free = _edges(row, detach_shared)
    # A parent is of one kind: what all completions share has no sibling.
    parents = [*sorted({parent for parent, _, _ in bound}), *sorted({parent for parent, _, _ in free})]
    place = {parent: index for index, parent in enumerate(parents)}
    scores = score_edges(
        backbone.head,
        states[torch.tensor(parents, dtype=torch.long, device=states.device)],
        Edges(
            torch.tensor([place[parent] for parent, _, _ in [*bound, *free]], dtype=torch.long, device=states.device),
            torch.tensor([token for _, _, token in [*bound, *free]], dtype=torch.long, device=states.device),
        ),
        k=k,
        bound=len({parent for parent, _, _ in bound}),
    )
    return _NodeScores({node: index for index, (_, node, _) in enumerate([*bound, *free])}, scores)


def _edges(row: Row, detach_shared: bool) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """(parent, node, token) of each scored node, sorted: those with a gradient, and those that do without."""
    free: set[tuple[int, int, int]] = set()
    bound: set[tuple[int, int, int]] = set()
    for piece in row.pieces:
        tree = piece.tree
        for path in tree.paths:
            for place, node in enumerate(path):
                edge = (piece.offset + tree.parents[node], piece.offset + node, tree.tokens[node])
                (free if detach_shared and place < piece.shared else bound).add(edge)
    return sorted(bound), sorted(free)


def _along_path(nodes: _NodeScores, path: list[int]) -> CompletionScores:
    edges = nodes.edges
    places = torch.tensor([nodes.index[node] for node in path], dtype=torch.long, device=edges.logprobs.device)
    has_alternatives = edges.best_ids.shape[1] > 0
    return CompletionScores(
        edges.logprobs[places],
        edges.is_argmax[places],
        Alternatives(edges.best_ids[places], edges.best_logprobs[places]) if has_alternatives else None,
    )
