"""What a model's search-and-replace edits become, whatever stands around them and however wrong they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.inject.edit import SearchReplace, parse_reply, place_edits
from seapo.records import apply_edits

ANSWER = "The tower was built in 1889. It is 300 metres high. It is made of iron."
BODY = {"subtype": "wrong_date", "edits": [{"search": "in 1889", "replace": "in 1879"}]}
PLAIN = json.dumps(BODY)


def placed(*pairs: tuple[str, str]):
    return place_edits(ANSWER, [SearchReplace(search=search, replace=replace) for search, replace in pairs])


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"```json\n{json.dumps(BODY, indent=2)}\n```",
        f"Sure! Here are the edits:\n{PLAIN}\nLet me know if you need more.",
        f"I think {{this}} is right: {PLAIN}",
        json.dumps({**BODY, "comment": "a key too many"}),
        PLAIN + PLAIN,
    ],
)
def test_edits_are_found_in_whatever_stands_around_them(text):
    reply = parse_reply(text)
    assert reply is not None
    assert (reply.subtype, reply.edits) == ("wrong_date", [SearchReplace(search="in 1889", replace="in 1879")])


@pytest.mark.parametrize("text", [json.dumps(BODY["edits"]), json.dumps(BODY["edits"][0])])
def test_a_bare_list_or_a_bare_edit_will_do(text):
    reply = parse_reply(text)
    assert reply is not None
    assert len(reply.edits) == 1
    assert reply.subtype is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 20_000,
        "I cannot do that.",
        '{"edits": "none"}',
        '{"edits": [{"search": 1}]}',
        PLAIN[:-3],
        "[1, 2]",
        "{" * 3000,
    ],
)
def test_what_holds_no_edits_is_none(text):
    assert parse_reply(text) is None


@given(st.text(max_size=200))
def test_no_reply_breaks_the_reader(text):
    parse_reply(text)
    parse_reply(f"{text}{PLAIN}{text}")


def test_an_edit_is_cut_to_the_words_that_differ():
    found = placed(("built in 1889. It is 300", "built in 1879. It is 300"))
    assert [(edit.original, edit.replacement) for edit in found.edits] == [("1889", "1879")]
    assert apply_edits(ANSWER, found.edits) == ANSWER.replace("1889", "1879")
    assert found.problems == ()


@pytest.mark.parametrize(
    ("search", "problem"),
    [
        ("in 1989", '"in 1989" does not occur in the answer.'),
        ("It is", '"It is" occurs 2 times in the answer; take more of the words around it.'),
        ("", "A search text is empty."),
    ],
)
def test_a_search_text_that_cannot_be_placed_is_told(search, problem):
    found = placed((search, "x"), ("iron", "wood"))
    assert found.problems == (problem,)
    assert [edit.replacement for edit in found.edits] == ["wood"], "the others are made all the same"


def test_overlapping_search_texts_are_told():
    found = placed(("built in 1889", "built in 1879"), ("in 1889.", "in 1869."))
    assert found.problems == ('"in 1889." overlaps another search text.',)
    assert len(found.edits) == 1


def test_edits_that_change_nothing_are_none():
    assert placed(("iron", "iron"), ("1889", "1889")).edits == ()


def test_edits_may_come_in_any_order():
    found = placed(("iron", "wood"), ("1889", "1879"))
    assert apply_edits(ANSWER, found.edits) == ANSWER.replace("1889", "1879").replace("iron", "wood")


WORDS = st.lists(st.sampled_from(["1889", "300", "iron", "It is", "tower was", "", "high. It", "x"]), max_size=6)


@given(WORDS, WORDS)
def test_whatever_is_placed_fits_the_answer(searches, replacements):
    found = placed(*zip(searches, replacements, strict=False))
    apply_edits(ANSWER, found.edits)
