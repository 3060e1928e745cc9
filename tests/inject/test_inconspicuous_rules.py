"""Inventions that leave little trace: names for names, circumstances for circumstances, and the last result."""

import re
from collections import Counter
from random import Random

import pytest

from seapo.inject.coined_rules import invented_terms
from seapo.inject.draft import draft, replace
from seapo.inject.likeness import both_ways, shift
from seapo.inject.name_rules import invented_names
from seapo.inject.passage import Passage
from seapo.inject.premise_rules import invented_premises
from seapo.inject.step_rules import wrong_last_results
from seapo.inject.thing_rules import invented_things
from seapo.language import is_given_name, kinds_of
from seapo.records import NumberTruth
from seapo.things import are_different_things, thing_of

QUESTION = "Rita writes to Boris twice a week, 3 pages each, for 4 weeks. How many pages does she write?"
ANSWER = "Rita writes 3*2=6 pages a week to him.\nSo in all Rita writes 6*4=24 pages to Boris.\n#### 24"
TRUTH = NumberTruth(value="24")


def test_a_name_becomes_a_name_that_nobody_has(outcomes) -> None:
    texts = outcomes(invented_names, ANSWER, QUESTION, TRUTH)
    assert texts
    for text in texts:
        # The first word of a sentence is a name there, since the question has it inside one.
        (new,) = set(re.findall(r"[A-Z][a-z]+", text)) - {"Rita", "Boris", "So"}
        assert not kinds_of(new) or is_given_name(new)
        assert new not in QUESTION
        assert re.sub(new, "Rita", text) == ANSWER or re.sub(new, "Boris", text) == ANSWER


def test_a_name_of_several_words_keeps_its_kind_and_loses_one_word_at_most(outcomes) -> None:
    answer = "The treaty was signed near the Hollow Bird River, and the people of the village still know it."
    texts = outcomes(invented_names, answer)
    assert texts
    assert all(re.search(r"near the (?:\w+ )?\w+ River, and", text) for text in texts)
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


def test_a_thing_of_the_question_becomes_one_of_its_kind_that_nobody_named(outcomes) -> None:
    question = "Rita buys 12 apples and gives 4 apples to Boris. How many apples are left, and how many pears?"
    texts = outcomes(invented_things, "She has 12-4=8 apples. Boris has 4 apples.\n#### 8", question, TRUTH)
    assert len(texts) > 4
    for text in texts:
        (new,) = set(re.findall(r"(?<=8 |4 )([a-z]+)(?=\.)", text)) - {"apples"}
        assert are_different_things("apples", new)
        assert new not in question
        assert text.count(new) == 2


@pytest.mark.parametrize(
    "answer",
    [
        "She can hold 8 in the can opener that she has, and 4*2=8 more.",
        "The apple pie costs 4*2=8 dollars.",
        "Apple 1: 4*2=8",
        "It leaves 4*2=8 of them.",
    ],
)
def test_parts_of_longer_nouns_verbs_and_labels_are_no_things(outcomes, answer) -> None:
    assert outcomes(invented_things, answer, "Of apple pies, cans, can openers and leaves: how many?", TRUTH) == set()


def test_what_is_true_of_all_cucumbers_is_left_alone(outcomes) -> None:
    question = "How do I make a broth from cucumbers?"
    assert outcomes(invented_things, "In a broth most cucumbers lose their taste.", question) == set()
    assert outcomes(invented_things, "Wash and chop the cucumbers, then boil them.", question)


def test_a_thing_is_drawn_about_as_often_as_it_goes(make_sample) -> None:
    """Exchanged there and back over many answers, a common word stays as common as it was."""
    foods = ["apples", "oranges", "bananas", "tomatoes"]
    weights = {word: thing_of(word).weight for word in foods}
    passage = Passage(make_sample("He has 4*2=8 plums.", "How many plums has he?", TRUTH))
    drawn = Counter(next(invented_things(passage, Random(seed))).edits[0].replacement for seed in range(2000))
    for word in foods:
        assert drawn[word] / drawn["apples"] == pytest.approx(weights[word] / weights["apples"], abs=0.35)


@pytest.mark.parametrize(
    ("answer", "pattern"),
    [
        ("You can log in to the server by SSH in a moment.", r"You can log in to the server by [A-Z]{3} in a moment\."),
        (
            "All of this is kept in a HashMap by the class.",
            r"All of this is kept in a (?:[A-Z][a-z]+Map|Hash[A-Z][a-z]+) by.*",
        ),
        ("The text was put into Portuguese by a friend.", r"The text was put into [A-Z][a-z]+uguese by a friend\."),
    ],
)
def test_a_term_becomes_one_of_the_same_form_that_does_not_exist(outcomes, answer, pattern) -> None:
    texts = outcomes(invented_terms, answer)
    assert texts
    assert all(re.fullmatch(pattern, text) and text != answer for text in texts)


@pytest.mark.parametrize(
    "answer", ["You must NOT do it in any case at all.", "This is a SECTION AND ANOTHER TITLE HERE."]
)
def test_words_in_capitals_are_no_terms(outcomes, answer) -> None:
    assert outcomes(invented_terms, answer) == set()


def test_a_premise_is_seldom_put_in_where_something_can_be_exchanged(make_sample) -> None:
    def drafts(answer: str) -> int:
        passage = Passage(make_sample(answer, QUESTION, TRUTH))
        return sum(any(invented_premises(passage, Random(seed))) for seed in range(100))

    roomy, bare = drafts(ANSWER), drafts("She writes 3*2=6 in a week.\nSo she needs 6*4=24 in all.\n#### 24")
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
