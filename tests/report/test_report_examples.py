"""Which examples are shown, and that the marks say what was edited."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.records import Edit, apply_edits
from seapo.report import read_run
from seapo.report.examples import KEPT_AROUND, MOST_EDITS, Part, choose_examples, mark_edits


@st.composite
def edited_answers(draw: st.DrawFn) -> tuple[str, tuple[Edit, ...]]:
    """A short answer and some edits of it, insertions and deletions among them."""
    text = draw(st.text(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = zip(cuts[::2], cuts[1::2], strict=False)
    return text, tuple(
        Edit(start=a, end=b, original=text[a:b], replacement=draw(st.text(max_size=5))) for a, b in spans
    )


@given(edited_answers())
def test_the_parts_of_short_answers_spell_both_answers(case: tuple[str, tuple[Edit, ...]]) -> None:
    text, edits = case
    chosen, rejected = mark_edits(text, edits)
    assert "".join(part.text for part in chosen) == text
    assert "".join(part.text for part in rejected) == apply_edits(text, edits)


def test_the_edit_is_marked_in_both_answers() -> None:
    chosen, rejected = mark_edits("× 12 apples", (Edit(start=2, end=4, original="12", replacement="13"),))
    assert chosen == (Part("same", "× "), Part("deleted", "12"), Part("same", " apples"))
    assert rejected == (Part("same", "× "), Part("inserted", "13"), Part("same", " apples"))


def test_insertions_and_deletions_leave_a_mark_in_the_other_answer() -> None:
    edits = (
        Edit(start=1, end=1, original="", replacement="new"),
        Edit(start=2, end=4, original="cd", replacement=""),
    )
    chosen, rejected = mark_edits("abcd", edits)
    assert chosen == (Part("same", "a"), Part("place", ""), Part("same", "b"), Part("deleted", "cd"))
    assert rejected == (Part("same", "a"), Part("inserted", "new"), Part("same", "b"), Part("place", ""))


def test_a_long_answer_shrinks_to_the_surroundings_of_its_edit() -> None:
    text = "a" * 500_000 + "12" + "b" * 500_000
    edit = Edit(start=500_000, end=500_002, original="12", replacement="13")
    chosen, _ = mark_edits(text, (edit,))
    assert [part.mark for part in chosen] == ["same", "left_out", "same", "deleted", "same", "left_out", "same"]
    assert chosen[1].text == f"{500_000 - 2 * KEPT_AROUND:,} characters"
    assert sum(len(part.text) for part in chosen) < 2_000


def test_edits_beyond_the_first_ones_are_counted() -> None:
    edits = tuple(Edit(start=i, end=i + 1, original="a", replacement="b") for i in range(0, 100, 2))
    chosen, rejected = mark_edits("a" * 100, edits)
    assert chosen[-1] == rejected[-1] == Part("left_out", f"{50 - MOST_EDITS} more edits")


def test_the_dimensions_take_turns(made_run: Path) -> None:
    examples = choose_examples(read_run(made_run), per_type=4)
    dimensions = [example.sample.dimension for example in examples["correctness"]]
    assert sorted(filter(None, dimensions)) == ["coding", "knowledge", "mathematics", "reasoning"]
    assert {example.negative.error_type for example in examples["correctness"]} == {"correctness"}


def test_the_choice_depends_on_the_seed_alone(made_run: Path) -> None:
    contents = read_run(made_run)
    again = replace(contents, negatives=tuple(reversed(contents.negatives)))
    other = replace(contents, recipe=contents.recipe.model_copy(update={"seed": 8}))
    first = choose_examples(contents, per_type=3)
    assert choose_examples(again, per_type=3) == first
    assert choose_examples(other, per_type=3) != first


@pytest.mark.parametrize("per_type", [0, 1, 1000])
def test_as_many_as_asked_for_or_all(made_run: Path, per_type: int) -> None:
    contents = read_run(made_run)
    shown = choose_examples(contents, per_type=per_type)
    assert sum(len(examples) for examples in shown.values()) == min(3 * per_type, 60)


def test_edits_that_do_not_give_the_negative_are_not_marked(made_run: Path) -> None:
    contents = read_run(made_run)
    forged = tuple(negative.model_copy(update={"text": "something else"}) for negative in contents.negatives)
    [example, *_] = choose_examples(replace(contents, negatives=forged), per_type=1)["logic"]
    assert not example.is_marked
    assert example.rejected == (Part("same", "something else"),)
