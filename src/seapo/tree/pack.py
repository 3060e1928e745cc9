"""Groups of token sequences that share a prompt, as prefix trees, laid into rows.

A tree is written depth first, so the tokens below a token follow it without a gap, and one integer per token,
`subtree_end`, says where they stop. Token q may attend to token k exactly when `k <= q < subtree_end[k]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """A prompt and the completions that are scored after it, as token ids."""

    prompt: Sequence[int]
    completions: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        if len(self.prompt) == 0:
            raise ValueError("a group needs at least one prompt token: the first completion token is scored after it")


@dataclass(frozen=True)
class TokenTree:
    """The prefix tree of one group, depth first; a node is a token in its context."""

    tokens: list[int]
    depths: list[int]
    """Position of each node in its sequence, from 0."""
    parents: list[int]
    """Node before each node; -1 for the first prompt token."""
    subtree_end: list[int]
    """One past the last node below each node."""
    paths: list[list[int]]
    """For each completion, the nodes of its tokens."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Piece:
    """A tree in a row: all completions of a group, or some where all together exceed the row."""

    group: int
    completions: list[int]
    tree: TokenTree
    offset: int
    """Place of the tree's first node in the row."""
    shared: int
    """So many first tokens are the same in all completions of the group, also those in other rows."""


@dataclass(frozen=True)
class Row:
    """Trees that one forward pass holds side by side."""

    pieces: list[Piece]

    def __len__(self) -> int:
        return sum(len(piece.tree) for piece in self.pieces)


def build_tree(prompt: Sequence[int], completions: Sequence[Sequence[int]], *, is_shared: bool = True) -> TokenTree:
    """The prefix tree of a prompt and its completions, children in the order of their token ids.

    Unless `is_shared`, every completion gets a prompt of its own, for models that cannot share one.
    """
    if not is_shared:
        return _build_chains(prompt, completions)
    count = len(prompt)
    tokens, depths, parents = list(prompt), list(range(count)), list(range(-1, count - 1))
    paths: list[list[int]] = [[] for _ in completions]
    previous: Sequence[int] = ()
    path: list[int] = []
    for index in sorted(range(len(completions)), key=lambda i: tuple(completions[i])):
        completion = completions[index]
        shared = common_length(previous, completion)
        path = path[:shared]
        for token in completion[shared:]:
            parents.append(path[-1] if path else count - 1)
            depths.append(count + len(path))
            path.append(len(tokens))
            tokens.append(token)
        paths[index] = list(path)
        previous = completion
    return TokenTree(tokens, depths, parents, _subtree_ends(parents), paths)


def _build_chains(prompt: Sequence[int], completions: Sequence[Sequence[int]]) -> TokenTree:
    tokens: list[int] = []
    depths: list[int] = []
    parents: list[int] = []
    paths = []
    for completion in completions or [()]:
        start, length = len(tokens), len(prompt) + len(completion)
        tokens += [*prompt, *completion]
        depths += range(length)
        parents += [-1, *range(start, start + length - 1)]
        paths.append(list(range(start + len(prompt), start + length)))
    return TokenTree(tokens, depths, parents, _subtree_ends(parents), paths[: len(completions)])


def pack_rows(
    groups: Sequence[Group], max_tokens_per_row: int, *, fill_tokens: int | None = None, is_shared: bool = True
) -> list[Row]:
    """Trees of all groups in rows of at most `max_tokens_per_row` tokens, best fit, largest first.

    A group that is larger than a row is split by completions, and its prompt repeated; one sequence that is longer than
    a row gets a longer row of its own. With `fill_tokens`, trees share a row only up to that many tokens.
    `is_shared` is as in `build_tree`.
    """
    fill = min(max_tokens_per_row, fill_tokens or max_tokens_per_row)
    pieces = [
        (index, completions, tree)
        for index, group in enumerate(groups)
        for completions, tree in _trees(group, max_tokens_per_row, is_shared)
    ]
    pieces.sort(key=lambda piece: (-len(piece[2]), piece[0], piece[1]))
    rows: list[list[Piece]] = []
    sizes: list[int] = []
    for index, completions, tree in pieces:
        fitting = [r for r, size in enumerate(sizes) if size + len(tree) <= fill]
        row = max(fitting, key=lambda r: sizes[r]) if fitting else len(rows)
        if row == len(rows):
            rows.append([])
            sizes.append(0)
        rows[row].append(Piece(index, completions, tree, sizes[row], shared_length(groups[index].completions)))
        sizes[row] += len(tree)
    return [Row(row) for row in rows]


def shared_length(completions: Sequence[Sequence[int]]) -> int:
    """How many first tokens are the same in all completions."""
    return min((common_length(completions[0], other) for other in completions), default=0)


def _trees(group: Group, limit: int, is_shared: bool) -> list[tuple[list[int], TokenTree]]:
    """The tree of a group, or several of them, each with its completions, so that none exceeds the limit."""
    prompt, completions = group.prompt, group.completions
    whole = build_tree(prompt, completions, is_shared=is_shared)
    if len(whole) <= limit or not completions:
        return [(list(range(len(completions))), whole)]
    order = sorted(range(len(completions)), key=lambda i: tuple(completions[i]))
    parts: list[list[int]] = []
    size, previous = 0, completions[order[0]]
    for completion in order:
        tokens = completions[completion]
        alone = len(prompt) + len(tokens)
        grown = size + (len(tokens) - common_length(previous, tokens) if is_shared else alone)
        if not parts or grown > limit:
            parts.append([])
            grown = alone
        parts[-1].append(completion)
        size, previous = grown, tokens
    return [(part, build_tree(prompt, [completions[i] for i in part], is_shared=is_shared)) for part in parts]


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many first tokens two sequences share."""
    for length, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return length
    return min(len(left), len(right))


def _subtree_ends(parents: list[int]) -> list[int]:
    ends = list(range(1, len(parents) + 1))
    for node in range(len(parents) - 1, 0, -1):
        parent = parents[node]
        if parent >= 0:
            ends[parent] = max(ends[parent], ends[node])
    return ends
