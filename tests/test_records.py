import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seapo.records import ChoiceItem, Edit, Message, Sample, apply_edits, digest, edited_spans


@st.composite
def texts_with_edits(draw):
    text = draw(st.text(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    edits = [Edit(start=a, end=b, original=text[a:b], replacement=draw(st.text(max_size=8))) for a, b in spans]
    return text, tuple(edits)


@given(texts_with_edits())
def test_outside_its_edits_a_text_stays_as_it_was(case):
    text, edits = case
    edited, spans = apply_edits(text, edits), edited_spans(edits)
    assert [edited[start:end] for start, end in spans] == [edit.replacement for edit in edits]
    outside, rest, here, there = [], [], 0, 0
    for edit, (start, end) in zip(edits, spans, strict=True):
        outside.append(text[here : edit.start])
        rest.append(edited[there:start])
        here, there = edit.end, end
    assert [*outside, text[here:]] == [*rest, edited[there:]]


def test_an_edit_that_does_not_fit_is_refused():
    edit = Edit(start=0, end=3, original="two", replacement="three")
    with pytest.raises(ValueError, match="does not fit the text"):
        apply_edits("one more", (edit,))
    with pytest.raises(ValidationError, match="does not fit the original"):
        Edit(start=0, end=9, original="two", replacement="three")


def test_overlapping_edits_are_refused():
    edits = tuple(Edit(start=s, end=s + 2, original="aaaa"[s : s + 2], replacement="b") for s in (0, 1))
    with pytest.raises(ValueError, match="does not fit"):
        apply_edits("aaaa", edits)


def test_a_prompt_ends_with_the_user():
    answer = Message(role="assistant", content="Hello.")
    with pytest.raises(ValidationError, match="ends with a message of the user"):
        Sample(id="1", source="s", line=1, prompt=(answer,), chosen="x")


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="extra"):
        Message(role="user", content="Hi.", mood="good")


def test_a_choice_item_needs_a_right_choice_among_its_choices():
    with pytest.raises(ValidationError, match="right choices"):
        ChoiceItem(id="1", task="t", dimension="knowledge", context="Q", choices=("a", "b"), correct=(2,))
    with pytest.raises(ValidationError, match="either a prompt or a context"):
        ChoiceItem(id="1", task="t", dimension="knowledge", choices=("a", "b"), correct=(0,))


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_a_digest_ignores_the_order_of_keys(values):
    backwards = dict(reversed(values.items()))
    assert digest(values) == digest(backwards)
    assert digest(values) != digest({**values, "one more key": 1})


def test_records_survive_a_round_trip():
    sample = Sample(id="1", source="s", line=1, prompt=(Message(role="user", content="Hé 🙂?"),), chosen="Yes.\n")
    assert Sample.model_validate_json(sample.model_dump_json()) == sample
