"""A chain of tokens computed once, its keys and values kept, and any number of branches that go on from it.

    trunk = Trunk(model, [*prompt, *answer])
    trunk.own_scores(len(prompt))                       # the answer's tokens, as `score_tokens` gives them
    trunk.score([Branch(place, tokens), ...])           # what might stand at `place`, and what follows

Branches form prefix trees among themselves, are laid into rows, and attend to the trunk through its keys. A model that
takes no tree mask, or whose layers don't pass a cache on, gets whole sequences instead, with the same results.
"""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from seapo.tree import attention
from seapo.tree.backbone import FLEX, Backbone, open_model
from seapo.tree.fused import fused, takes_segments
from seapo.tree.head import Edges, EdgeScores, score_edges
from seapo.tree.keys import TrunkKeys
from seapo.tree.pack import Group, Piece, Row, build_tree, common_length
from seapo.tree.score import Alternatives, CompletionScores, score_tokens
from seapo.tree.slots import Slots

TOKENS_PER_ROW = 1024
CHAIN_TOKENS = 2048
"""A trunk is computed in pieces of at most so many tokens, so that memory doesn't grow with its square."""
TRIAL = (4, 3, 2)
"""Tokens of the trial: of the trunk, of it that the branch goes on from, and of the branch."""


@dataclass(frozen=True)
class Branch:
    """Tokens that go on from a trunk."""

    at: int
    """Tokens of the trunk before it."""
    tokens: Sequence[int]
    start: int = 0
    """So many first tokens are read and not scored. The first token of a sequence is never scored."""


class Trunk:
    """Tokens computed once, for what goes on from them. Its memory is freed with it; nothing has a gradient."""

    def __init__(self, model: Any, tokens: Sequence[int] = ()) -> None:
        self.tokens: list[int] = []
        self._model = model
        self._backbone = open_model(model)
        self._keys = TrunkKeys() if keeps_keys(model) else None
        self._states: list[Tensor] = []
        self.extend(tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    @torch.no_grad()
    def extend(self, tokens: Sequence[int]) -> None:
        """Lengthen the trunk."""
        for start in range(0, len(tokens), CHAIN_TOKENS):
            part = list(tokens[start : start + CHAIN_TOKENS])
            if self._keys is not None:
                self._states.append(_extended(self._model, self._backbone, self._keys, part))
            self.tokens += part

    def cut(self, length: int) -> None:
        """Shorten the trunk to its first `length` tokens."""
        if length < len(self.tokens):
            self.tokens = self.tokens[:length]
            if self._keys is not None:
                self._keys.cut(length)
                self._states = [torch.cat(self._states)[:length].clone()]

    @torch.no_grad()
    def own_scores(self, start: int = 1, *, alternatives: int = 0) -> CompletionScores:
        """Scores of the trunk's own tokens from `start` on, 1 at the least."""
        if not 1 <= start <= len(self.tokens):
            raise ValueError(f"a trunk of {len(self)} tokens has no token to score from place {start} on")
        if self._keys is None:
            group = Group(self.tokens[:start], [self.tokens[start:]])
            return score_tokens(self._model, [group], max_tokens_per_row=TOKENS_PER_ROW, alternatives=alternatives)[0][
                0
            ]
        places = torch.arange(len(self) - start, device=self._backbone.device)
        edges = Edges(places, torch.tensor(self.tokens[start:], dtype=torch.long, device=places.device))
        states = torch.cat(self._states)[start - 1 : len(self) - 1]
        return _completion(score_edges(self._backbone.head, states, edges, k=alternatives), places)

    def score(
        self, branches: Sequence[Branch], *, max_tokens_per_row: int = TOKENS_PER_ROW, alternatives: int = 0
    ) -> list[CompletionScores]:
        """Scores of the tokens of each branch from its `start` on, in the order of the branches."""
        found: dict[int, CompletionScores] = {}
        for scores in self.score_rows(branches, max_tokens_per_row=max_tokens_per_row, alternatives=alternatives):
            found |= scores
        return [found[index] for index in range(len(branches))]

    def score_rows(
        self, branches: Sequence[Branch], *, max_tokens_per_row: int = TOKENS_PER_ROW, alternatives: int = 0
    ) -> Iterator[dict[int, CompletionScores]]:
        """The same row by row, each branch under its place in the list, as soon as a row is computed."""
        for branch in branches:
            if not min(1, 1 - branch.start) <= branch.at <= len(self):
                raise ValueError(f"a branch leaves at {branch.at}, and the trunk has {len(self)} tokens")
        if self._keys is None:
            yield self._whole(branches, max_tokens_per_row, alternatives)
            return
        joined = [_along_trunk(self.tokens, branch) for branch in branches]
        for row in lay_branches(joined, max_tokens_per_row):
            yield self._score_row(branches, joined, row, alternatives)

    @torch.no_grad()
    def _score_row(
        self, branches: Sequence[Branch], joined: Sequence[Branch], row: Row, alternatives: int
    ) -> dict[int, CompletionScores]:
        """A row's branches; those that are scored after tokens of the trunk alone are in rows without a tree."""
        edges: dict[tuple[int, int], int] = {}
        paths = {}
        for piece in row.pieces:
            for index, path in zip(piece.completions, piece.tree.paths, strict=True):
                branch = branches[index]
                parents = [*range(branch.at - 1, joined[index].at)]
                parents += [len(self) + piece.offset + node for node in path]
                scored = zip(parents[branch.start :], branch.tokens[branch.start :], strict=False)  # it may be empty
                paths[index] = [edges.setdefault(edge, len(edges)) for edge in scored]
        ordered = sorted(edges)
        states = self._states_of_row(row)
        parents = sorted({parent for parent, _ in ordered})
        place = {parent: number for number, parent in enumerate(parents)}
        device = states.device
        scores = score_edges(
            self._backbone.head,
            states[torch.tensor(parents, dtype=torch.long, device=device)],
            Edges(
                torch.tensor([place[parent] for parent, _ in ordered], dtype=torch.long, device=device),
                torch.tensor([token for _, token in ordered], dtype=torch.long, device=device),
            ),
            k=alternatives,
        )
        rank = {edges[edge]: number for number, edge in enumerate(ordered)}
        return {
            index: _completion(scores, torch.tensor([rank[edge] for edge in path], dtype=torch.long, device=device))
            for index, path in paths.items()
        }

    @torch.no_grad()
    def read_prompts(self, prompts: Sequence[Sequence[int]], slots: Slots) -> Tensor:
        """Compute prompts that go on from the trunk's end, as a row, into free slots; the states of their last tokens.

        A prompt may be empty where the trunk is not: then it ends where the trunk does.
        """
        assert self._keys is not None
        tree = build_tree([], prompts)
        tree = replace(tree, depths=[len(self) + depth for depth in tree.depths])
        own = torch.cat(self._states)[-1:] if self._states else torch.zeros(0)
        added: dict[int, tuple[Tensor, Tensor]] = {}
        states = own
        if len(tree):
            row = Row([Piece(0, list(range(len(prompts))), tree, 0, 0)])
            with self._keys.recorded() as added, fused(self._model):
                states = self._backbone.hidden_states(row, self._keys)
            states = torch.cat([states, own.to(states)]) if len(own) else states
        slots.admit(self._keys, added, tree.paths)
        return states[torch.tensor([path[-1] if path else -1 for path in tree.paths], device=states.device)]

    def _states_of_row(self, row: Row) -> Tensor:
        """Last hidden states of the trunk's tokens, and behind them of the row's."""
        self._states = [torch.cat(self._states)] if self._states else []
        parts = list(self._states)
        if len(row) or not parts:
            with fused(self._model):
                parts.append(self._backbone.hidden_states(row, self._keys))
        return torch.cat(parts)

    def _whole(
        self, branches: Sequence[Branch], max_tokens_per_row: int, alternatives: int
    ) -> dict[int, CompletionScores]:
        """The branches as whole sequences, without what is kept."""
        groups = []
        for branch in branches:
            first = branch.at + branch.start
            whole = [*self.tokens[: branch.at], *branch.tokens]
            groups.append(Group(whole[:first], [whole[first:]]))
        options = {"max_tokens_per_row": max_tokens_per_row, "alternatives": alternatives}
        with torch.no_grad():
            return {index: one for index, (one,) in enumerate(score_tokens(self._model, groups, **options))}


def lay_branches(branches: Sequence[Branch], max_tokens_per_row: int) -> list[Row]:
    """Branches that leave where they first differ from the trunk, as trees in rows, in the order of their tokens.

    A branch's last token is scored, but not computed. One that is longer than a row gets a longer row of its own.
    """
    order = sorted(range(len(branches)), key=lambda index: (branches[index].at, tuple(branches[index].tokens)))
    rows: list[list[list[int]]] = []  # of pieces, each the places of branches that leave together
    size = 0
    previous: Branch | None = None
    for index in order:
        branch = branches[index]
        added = alone = max(0, len(branch.tokens) - 1)
        is_beside = previous is not None and previous.at == branch.at
        if is_beside and previous is not None:
            added = max(0, alone - common_length(previous.tokens[:-1], branch.tokens[:-1]))
        if not rows or (size and size + added > max_tokens_per_row):
            rows.append([])
            size, added, is_beside = 0, alone, False
        if is_beside:
            rows[-1][-1].append(index)
        else:
            rows[-1].append([index])
        size += added
        previous = branch
    return [_lay_row(branches, pieces) for pieces in rows]


def _lay_row(branches: Sequence[Branch], pieces: Sequence[Sequence[int]]) -> Row:
    laid: list[Piece] = []
    offset = 0
    for places in pieces:
        at = branches[places[0]].at
        tree = build_tree([], [branches[index].tokens[:-1] for index in places])
        tree = replace(tree, depths=[at + depth for depth in tree.depths])
        laid.append(Piece(len(laid), list(places), tree, offset, 0))
        offset += len(tree)
    return Row(laid)


def _along_trunk(tokens: Sequence[int], branch: Branch) -> Branch:
    """The part of a branch that the trunk doesn't hold, but for the last token, which is not computed."""
    shared = common_length(tokens[branch.at :], branch.tokens[:-1])
    return Branch(branch.at + shared, branch.tokens[shared:])


def _extended(model: Any, backbone: Backbone, keys: TrunkKeys, tokens: Sequence[int]) -> Tensor:
    """Last hidden states of tokens that lengthen a trunk."""
    tree = build_tree([], [tokens])
    tree = replace(tree, depths=[keys.length + depth for depth in tree.depths])
    row = Row([Piece(0, [0], tree, 0, 0)])
    with keys.recorded() as added, fused(model):
        states = backbone.hidden_states(row, keys)
    keys.append(added, len(tokens))
    return states


def _completion(scores: EdgeScores, places: Tensor) -> CompletionScores:
    has_alternatives = scores.best_ids.shape[1] > 0
    return CompletionScores(
        scores.logprobs[places],
        scores.is_argmax[places],
        Alternatives(scores.best_ids[places], scores.best_logprobs[places]) if has_alternatives else None,
    )


_KEEPS: "weakref.WeakKeyDictionary[Any, dict[str, bool]]" = weakref.WeakKeyDictionary()
"""Model -> attention implementation -> whether a trial has shown that keys can be kept."""


def keeps_keys(model: Any) -> bool:
    """Whether a model computes branches on a trunk's kept keys; a small trial tells, once for each attention."""
    backbone = open_model(model)
    if not backbone.takes_tree_mask or backbone.sharded is not None:
        return False
    known = _KEEPS.setdefault(backbone.causal_lm, {})
    implementation = backbone.causal_lm.config.get_text_config()._attn_implementation
    if implementation == FLEX and backbone.device.type == "cpu":
        return False  # PyTorch 2.13 writes a kernel that doesn't compile where there are more keys than queries
    if implementation not in known:
        with torch.no_grad(), _in_eval_mode(model):
            known[implementation] = _agrees(model, backbone)
    return known[implementation]


def _agrees(model: Any, backbone: Backbone) -> bool:
    """Whether the states of a branch are the same on kept keys and in one piece."""
    length, at, more = TRIAL
    tokens = [token % backbone.causal_lm.config.get_text_config().vocab_size for token in range(1, length + more + 1)]
    whole = Row([Piece(0, [0], build_tree([], [[*tokens[:at], *tokens[length:]]]), 0, 0)])
    keys = TrunkKeys()
    try:
        _extended(model, backbone, keys, tokens[:length])
        row = _lay_row([Branch(at, [*tokens[length:], 0])], [[0]])
        with fused(model):
            found, expected = backbone.hidden_states(row, keys).float(), backbone.hidden_states(whole).float()[at:]
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError):
        return False
    tolerance = 5e-2 if backbone.causal_lm.dtype.itemsize < 4 else 1e-3
    # A damaged model gives no numbers either way, which is for those to tell who use them.
    largest = float(expected.nan_to_num(0, 0, 0).abs().max())
    return torch.allclose(found, expected, rtol=tolerance, atol=tolerance * largest, equal_nan=True)


@contextmanager
def writing(model: Any) -> Iterator[None]:
    """Run a model as answers are written: by what makes `fused` fast, and attention that takes slots where it can."""
    backbone = open_model(model)
    config = backbone.causal_lm.config.get_text_config()
    before = config._attn_implementation
    wanted = attention.NAME if takes_segments(backbone.causal_lm) and before in ("sdpa", FLEX) else before
    wanted = "sdpa" if wanted == FLEX else wanted
    with fused(model):
        inner = config._attn_implementation
        try:
            if inner != wanted:
                backbone.causal_lm.set_attn_implementation(wanted)
            yield
        finally:
            if config._attn_implementation != inner:
                backbone.causal_lm.set_attn_implementation(inner)


@contextmanager
def _in_eval_mode(model: Any) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]  # not all of a model need be of one kind
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
