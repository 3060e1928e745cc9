"""Inventions that leave little trace: names for names, circumstances for circumstances, and the last result."""

import re
from random import Random

import pytest

from seapo.inject.aside_rules import invented_circumstances
from seapo.inject.draft import draft, replace
from seapo.inject.likeness import both_ways, shift
from seapo.inject.name_rules import invented_names
from seapo.inject.passage import Passage
from seapo.inject.premise_rules import invented_premises
from seapo.inject.step_rules import wrong_last_results
from seapo.language import kinds_of
from seapo.records import NumberTruth

QUESTION = "Rita writes to Boris twice a week, 3 pages each, for 4 weeks. How many pages does she write?"
ANSWER = "Rita writes 3*2=6 pages a week to him.\nSo in all Rita writes 6*4=24 pages to Boris.\n#### 24"
TRUTH = NumberTruth(value="24")


def test_a_name_becomes_a_name_that_nobody_has(outcomes) -> None:
    texts = outcomes(invented_names, ANSWER, QUESTION, TRUTH)
    assert texts
    for text in texts:
        # The first word of a sentence is a name there, since the question has it inside one.
        (new,) = set(re.findall(r"[A-Z][a-z]+", text)) - {"Rita", "Boris", "So"}
        assert not kinds_of(new)
        assert re.sub(new, "Rita", text) == ANSWER or re.sub(new, "Boris", text) == ANSWER


def test_a_name_of_several_words_keeps_its_number_of_words_and_its_kind(outcomes) -> None:
    answer = "The treaty was signed near the Hollow Bird River, and the people of the village still know it."
    texts = outcomes(invented_names, answer)
    assert texts
    assert all(re.search(r"near the \w+ \w+ River, and", text) for text in texts)
    assert all("Hollow Bird" not in text for text in texts)


@pytest.mark.parametrize(
    "answer",
    [
        "It rains most in April, and the farmers of the valley begin to sow on the first Monday after it.",
        "People who speak Spanish are often understood by those who speak an Italian dialect of the coast.",
        "However, the water is cold. Then the fish leave the river and look for a warmer place to live in.",
    ],
)
def test_months_peoples_and_first_words_are_no_names(outcomes, answer: str) -> None:
    assert outcomes(invented_names, answer) == set()


def test_in_a_story_nobody_is_invented(outcomes) -> None:
    assert outcomes(invented_names, "Then the fox met Rita, who was on her way to the mill.", "Write a story.") == set()


def test_a_circumstance_takes_the_place_of_another_one(outcomes) -> None:
    texts = outcomes(invented_circumstances, ANSWER, QUESTION, TRUTH)
    assert len(texts) > 4
    for text in texts:
        assert text.endswith("\n#### 24")
        assert re.fullmatch(r"Rita writes 3\*2=6 pages .*\.\nSo in all Rita writes 6\*4=24 pages.*\.\n#### 24", text)


def test_without_words_to_spare_the_calculation_goes_and_an_aside_comes(outcomes) -> None:
    answer = "She writes 3*2=6 pages.\nSo she needs 6*4=24 sheets.\n#### 24"
    texts = outcomes(invented_circumstances, answer, "How many sheets does she need?", TRUTH)
    assert texts
    for text in texts:
        assert ("3*2=" in text) != ("6*4=" in text)
        assert "6 pages" in text
        assert "24 sheets" in text


def test_a_premise_is_seldom_put_in_where_a_circumstance_can_be(make_sample) -> None:
    def drafts(answer: str) -> int:
        passage = Passage(make_sample(answer, QUESTION, TRUTH))
        return sum(any(invented_premises(passage, Random(seed))) for seed in range(100))

    roomy, bare = drafts(ANSWER), drafts("She writes 3*2=6 pages.\nSo she needs 6*4=24 sheets.\n#### 24")
    assert 2 < roomy < 30
    assert bare > 90


def test_the_last_result_can_be_wrong_where_its_value_stood_before(outcomes) -> None:
    """8 is the service charge too, so nothing can be carried; the last step and the answer can be wrong still."""
    answer = "The service charge is $80 x 10/100 = $8.\nTherefore, his change will be $100 - $92 = $8.\n#### 8"
    texts = outcomes(wrong_last_results, answer, "What is his change?", NumberTruth(value="8"))
    assert texts
    for text in texts:
        found = re.fullmatch(
            r"The service charge is \$80 x 10/100 = \$8\.\nTherefore, his change will be \$100 - \$92 = \$(\d+)\.\n"
            r"#### (\d+)",
            text,
        )
        assert found is not None
        assert found[1] == found[2] != "8"


def test_the_solution_of_an_equation_can_be_wrong(outcomes) -> None:
    texts = outcomes(wrong_last_results, "5x=20\nx=4 tent stakes\n#### 4", "How many?", NumberTruth(value="4"))
    assert texts
    assert all(re.fullmatch(r"5x=20\nx=(\d+) tent stakes\n#### \1", text) for text in texts)


def test_no_last_result_without_a_marked_answer(outcomes) -> None:
    assert outcomes(wrong_last_results, "There are 4 wheels on each of the 3 cars.", "How many?") == set()


def test_both_ways_alternates_between_shorter_and_longer_and_prefers_what_shifts_little() -> None:
    text = "It is in the old garden."
    ways = ["near", "in the very old and very large garden behind the house", "in a den", "at home in the old garden"]
    drafts = [draft("made", text, [replace(text, 6, len(text) - 1, way)]) for way in ways]
    growth = [len(each.edits[0].replacement) - len(each.edits[0].original) for each in both_ways(drafts, Random(1))]
    assert [value < 0 for value in growth] in ([True, False] * 2, [False, True] * 2)
    assert shift(drafts[2]) < shift(drafts[1])
    firsts = [both_ways(drafts, Random(seed)) for seed in range(60)]
    assert sum(order.index(drafts[3]) < order.index(drafts[1]) for order in firsts) > 40


@pytest.mark.parametrize(
    ("answer", "name", "is_one"),
    [
        ("The letter from the capital went to Government in spring.", "Government", False),
        ("The cup was put here, After: on the table, as they say.", "After", False),
        ("The letter from the capital went to Brannock in spring.", "Brannock", True),
        ("The letter from the capital went to Brian in spring.", "Brian", True),
    ],
)
def test_labels_and_ideas_are_no_names(outcomes, answer, name, is_one) -> None:
    changed = [text for text in outcomes(invented_names, answer) if name not in text]
    assert bool(changed) == is_one
