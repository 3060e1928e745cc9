"""Property tests of trees and rows over random groups of token sequences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.tree import Group, build_tree, pack_rows

# Few different tokens and short sequences, so that shared heads, prefixes, equal and empty completions are common.
TOKENS = st.integers(0, 3)
PROMPTS = st.lists(TOKENS, min_size=1, max_size=5)
COMPLETIONS = st.lists(st.lists(TOKENS, max_size=6), max_size=8)
GROUPS = st.builds(Group, PROMPTS, COMPLETIONS)


def sequence(tree, node):
    """Tokens from the first prompt token to a node."""
    tokens = []
    while node >= 0:
        tokens.append(tree.tokens[node])
        node = tree.parents[node]
    return tokens[::-1]


def ancestors(tree, node):
    """A node and all nodes above it."""
    found = set()
    while node >= 0:
        found.add(node)
        node = tree.parents[node]
    return found


@given(PROMPTS, COMPLETIONS)
def test_paths_spell_their_completions(prompt, completions):
    tree = build_tree(prompt, completions)
    for completion, path in zip(completions, tree.paths, strict=True):
        assert [tree.tokens[node] for node in path] == completion
        assert sequence(tree, path[-1] if path else len(prompt) - 1) == prompt + completion


@given(PROMPTS, COMPLETIONS)
def test_every_context_is_one_node(prompt, completions):
    tree = build_tree(prompt, completions)
    contexts = [tuple(sequence(tree, node)) for node in range(len(tree))]
    expected = {tuple(prompt[: n + 1]) for n in range(len(prompt))}
    expected |= {(*prompt, *completion[: n + 1]) for completion in completions for n in range(len(completion))}
    assert len(contexts) == len(set(contexts))
    assert set(contexts) == expected


@given(PROMPTS, COMPLETIONS)
def test_subtree_end_is_the_ancestor_relation(prompt, completions):
    tree = build_tree(prompt, completions)
    for query in range(len(tree)):
        seen = {key for key in range(len(tree)) if key <= query < tree.subtree_end[key]}
        assert seen == ancestors(tree, query)
        assert tree.depths[query] == len(seen) - 1


@given(st.lists(GROUPS, max_size=6), st.integers(1, 40))
def test_rows_hold_every_completion_once_and_keep_to_the_budget(groups, budget):
    rows = pack_rows(groups, budget)
    placed = [(piece.group, completion) for row in rows for piece in row.pieces for completion in piece.completions]
    assert sorted(placed) == [(g, c) for g, group in enumerate(groups) for c in range(len(group.completions))]
    for row in rows:
        spelled = [piece.tree.tokens[node] for piece in row.pieces for node in range(len(piece.tree))]
        assert len(spelled) == len(row)
        assert len(row) <= budget or (len(row.pieces) == 1 and is_one_sequence(row.pieces[0]))


def is_one_sequence(piece):
    return len(piece.completions) <= 1 or len(piece.tree) == max(piece.tree.depths) + 1


@given(st.lists(GROUPS, max_size=6), st.integers(1, 40))
def test_pieces_lie_side_by_side_and_spell_their_group(groups, budget):
    for row in pack_rows(groups, budget):
        offset = 0
        for piece in row.pieces:
            assert piece.offset == offset
            offset += len(piece.tree)
            group = groups[piece.group]
            completions = [group.completions[completion] for completion in piece.completions]
            assert piece.tree == build_tree(group.prompt, completions)


@given(PROMPTS, COMPLETIONS)
def test_a_tree_that_shares_nothing_holds_whole_sequences(prompt, completions):
    tree = build_tree(prompt, completions, is_shared=False)
    assert len(tree) == sum(len(prompt) + len(one) for one in completions or [[]])
    for completion, path in zip(completions, tree.paths, strict=True):
        assert [tree.tokens[node] for node in path] == completion
        assert not path or sequence(tree, path[-1]) == prompt + completion
    for query in range(len(tree)):
        assert {key for key in range(len(tree)) if key <= query < tree.subtree_end[key]} == ancestors(tree, query)


@given(st.lists(GROUPS, max_size=6), st.integers(1, 40))
def test_a_piece_knows_what_its_whole_group_shares(groups, budget):
    for row in pack_rows(groups, budget):
        for piece in row.pieces:
            completions = groups[piece.group].completions
            heads = {tuple(one[: piece.shared]) for one in completions}
            longer = {tuple(one[: piece.shared + 1]) for one in completions}
            assert len(heads) <= 1
            assert not completions or len(longer) > 1 or piece.shared == min(map(len, completions))


def test_a_tree_drawn_by_hand():
    tree = build_tree([9], [[1, 2, 3], [1, 4], [1, 2]])
    # 9 - 1 - 2 - 3
    #       \ 4
    assert tree.tokens == [9, 1, 2, 3, 4]
    assert tree.parents == [-1, 0, 1, 2, 1]
    assert tree.depths == [0, 1, 2, 3, 2]
    assert tree.subtree_end == [5, 5, 4, 4, 5]
    assert tree.paths == [[1, 2, 3], [1, 4], [1, 2]]


def test_rows_are_filled_best_fit():
    groups = [Group([1] * size, []) for size in (6, 5, 4, 3)]
    assert [[piece.group for piece in row.pieces] for row in pack_rows(groups, 10)] == [[0, 2], [1, 3]]


def test_trees_share_a_row_only_up_to_the_fill():
    groups = [Group([1] * size, []) for size in (6, 3, 2, 2)]
    rows = pack_rows(groups, 10, fill_tokens=5)
    assert [[piece.group for piece in row.pieces] for row in rows] == [[0], [1, 2], [3]]


def test_a_group_needs_a_prompt():
    with pytest.raises(ValueError, match="at least one prompt token"):
        Group([], [[1]])
