"""What an edited text says differently."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.verify.difference import difference, steps
from seapo.verify.hunks import find_hunks

TEXT = (
    "In March, Anna drove 120 kilometers from Paris to the Rhine. The road is always dry, because it never rains. "
    "Some trucks used 3 * 4 liters. Professor Adler wrote that all roads increase trade. Therefore trade grows."
)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("120", "125", "number"),
        ("120", "ninety", "number"),
        ("kilometers", "meters", "term"),
        ("March", "April", "term"),
        ("Anna", "Julia", "term"),
        ("Paris", "Lyon", "term"),
        ("is always", "is not always", "negation"),
        ("never rains", "rains", "negation"),
        ("increase", "decrease", "opposite"),
        ("3 * 4", "3 + 4", "operator"),
        ("Adler", "Brandt", "name"),
        ("because it", "although it", "connective"),
        ("all roads", "some roads", "quantifier"),
        ("trade grows", "trade never grows", "conclusion"),
        ("drove", "travelled", "word"),
        ("The road", "This long way", "phrase"),
    ],
)
def test_what_kind_of_change_it_is(old, new, kind):
    assert kind in {finding.kind for finding in difference(TEXT, TEXT.replace(old, new)).findings}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("120", "120.0"),
        ("The road", "the road"),
        ("drove", "travelled"),
        ("Professor Adler", "professor Adler"),
        ("Some", "Few"),
    ],
)
def test_what_shows_no_error_of_fact(old, new):
    kinds = {finding.kind for finding in difference(TEXT, TEXT.replace(old, new)).findings}
    assert kinds <= {"word", "phrase", "quantifier"}


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("Frost leads to cracks.", "Frost results from cracks.", "cause"),
        ("The price depends on the yield.", "The price determines the yield.", "cause"),
        ("It may rain.", "It must rain.", "quantifier"),
        ("He is tired, so he sleeps well.", "He is tired, so he never sleeps well.", "conclusion"),
        ("So C = 7.\n#### 7", "So C = 7.\n#### 8", "conclusion"),
        ("In 8 hours there are 8 x 2 parts.", "In 8 hours there are 8 + 2 parts.", "operator"),
        ("Add 2 and 3. The answer is east.", "Add 2 and 3. The answer is south.", "conclusion"),
        (
            "Yes, it does. It was built in 1910 and still stands.",
            "No, it does. It was built in 1910 and still stands.",
            "opening",
        ),
    ],
)
def test_changes_that_break_an_argument(before, after, kind):
    assert kind in {finding.kind for finding in difference(before, after).findings}


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ("Then add 3. First take 2. So it is 5.", "swapped"),
        ("First take 2. So it is 5.", "dropped"),
        ("First take 2. Then add 3. Then add 3. So it is 5.", "repeated"),
        ("2 take first. Then add 3. So it is 5.", "exchanged"),
        ("First take 2. Then add 4. So it is 5.", "number"),
    ],
)
def test_what_became_of_the_steps(after, kind):
    assert [finding.kind for finding in difference("First take 2. Then add 3. So it is 5.", after).findings][-1] == kind


@pytest.mark.parametrize(
    ("old", "new", "is_found"),
    [("Before we begin", "After we begin", False), ("before the glue dries", "after the glue dries", True)],
)
def test_a_phrase_that_introduces_is_no_step(old, new, is_found):
    text = "Before we begin, note this: press it before the glue dries."
    assert bool(difference(text, text.replace(old, new)).of("connective")) is is_found


def test_exchanged_clauses_are_told_from_changed_ones():
    before = "The grass is wet because the rain fell."
    assert difference(before, "The rain fell because the grass is wet.").of("exchanged")
    assert not difference(before, "The grass is wet because the snow fell.").of("exchanged")


CODE = (
    "```python\ndef f(a, b):\n    if a < b and a > 0:\n        return max(a, 2)\n    name = 'x'\n    return name\n```"
)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("a < b", "a <= b", "condition"),
        ("and", "or", "condition"),
        ("max", "min", "operator"),
        ("2", "3", "number"),
        ("return name", "return b", "identifier"),
        ("'x'", "'y'", "code"),
    ],
)
def test_changes_in_code(old, new, kind):
    assert kind in {finding.kind for finding in difference(CODE, CODE.replace(old, new)).findings}


def test_a_consistent_renaming_in_code_is_no_finding_of_weight():
    assert {finding.kind for finding in difference(CODE, CODE.replace("name", "label")).findings} <= {"code", "word"}


def test_steps_are_sentences_and_lines_of_code():
    assert steps("1. Add it.\n2. Stop!\n```\nx = 1\ny = 2\n```") == ("add it", "stop", "x = 1", "y = 2")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120), st.text(max_size=120))
def test_no_pair_of_texts_makes_it_raise(before, after):
    found = difference(before, after)
    assert found.size >= 0
    assert difference(before, before).hunks == ()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "c", "1", "."]), max_size=30),
    st.lists(st.sampled_from(["a", "b", "c", "1"]), max_size=30),
)
def test_the_hunks_turn_one_text_into_the_other(old, new):
    before, after = " ".join(old), " ".join(new)
    rest_before, rest_after = before, after
    for hunk in reversed(find_hunks(before, after)):
        rest_before = rest_before[: hunk.start] + rest_before[hunk.end :]
        rest_after = rest_after[: hunk.after_start] + rest_after[hunk.after_end :]
    assert rest_before.split() == rest_after.split()


def test_long_texts_without_anything_in_common_take_no_quadratic_time():
    started = time.process_time()
    difference("old word. " * 6000, "new thing, " * 6000)
    assert time.process_time() - started < 10
