"""The difference of two texts as edits of whole words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.inject.wording import word_edits
from seapo.records import apply_edits

PIECES = ["the", "a", "12", "1,250", "don't", "x.", ",", "\n", "**b**", "4.5", "é"]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join))


@given(TEXTS, TEXTS)
def test_the_edits_turn_the_one_text_into_the_other(before, after):
    edits = word_edits(before, after)
    assert apply_edits(before, edits) == after
    assert all(edit.original != edit.replacement for edit in edits)
    assert bool(edits) == (before != after)


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("It costs 1,250 euros.", "It costs 1,350 euros.", [("1,250", "1,350")]),
        ("44 tablets", "46 tablets", [("44", "46")]),
        ("He doesn't know.", "He does know.", [("doesn't", "does")]),
        ("one big red car", "one small blue car", [("big red", "small blue")]),
        ("A b c. D e f.", "A b c.", [(" D e f.", "")]),
        ("same", "same", []),
    ],
)
def test_edits_are_whole_words_and_neighbours_are_one(before, after, edits):
    assert [(edit.original, edit.replacement) for edit in word_edits(before, after)] == edits
