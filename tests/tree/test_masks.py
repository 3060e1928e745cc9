"""Segments say the same as `subtree_end`, whatever their length."""

from hypothesis import given
from hypothesis import strategies as st

from seapo.tree import Group, pack_rows
from seapo.tree.masks import row_depths, segments, subtree_ends

TOKENS = st.integers(0, 2)
GROUPS = st.builds(
    Group, st.lists(TOKENS, min_size=1, max_size=5), st.lists(st.lists(TOKENS, max_size=7), min_size=1, max_size=6)
)


@given(st.lists(GROUPS, min_size=1, max_size=4), st.integers(1, 6))
def test_segments_reach_exactly_the_ancestors(groups, longest):
    (row,) = pack_rows(groups, 10_000)
    ends = subtree_ends(row).tolist()
    parts = segments(row, longest=longest)
    assert [place for one in parts for place in range(one.start, one.stop)] == list(range(len(row)))
    for one in parts:
        assert one.stop - one.start <= longest
        before = [place for start, stop in one.before for place in range(start, stop)]
        assert before == sorted(before)
        for query in range(one.start, one.stop):
            expected = [key for key in range(query + 1) if query < ends[key]]
            assert [*before, *range(one.start, query + 1)] == expected
            assert row_depths(row)[query] == len(expected) - 1


def test_the_segments_of_a_tree_drawn_by_hand():
    # 0 - 1 - 2 - 3
    #      \ 4 - 5
    (row,) = pack_rows([Group([9], [[1, 2, 3], [1, 4, 4]])], 100)
    assert [(one.start, one.stop, one.before) for one in segments(row)] == [(0, 4, ()), (4, 6, ((0, 2),))]
    assert [(one.start, one.stop, one.before) for one in segments(row, longest=3)] == [
        (0, 3, ()),
        (3, 4, ((0, 3),)),
        (4, 6, ((0, 2),)),
    ]


def test_neighbouring_ranges_are_joined_and_others_are_not():
    # 0 - 1 - 2
    #      \ 3 - 4
    #         \ 5
    (row,) = pack_rows([Group([9], [[1, 2], [1, 3, 4], [1, 3, 5]])], 100)
    assert [one.before for one in segments(row)] == [(), ((0, 2),), ((0, 2), (3, 4))]
