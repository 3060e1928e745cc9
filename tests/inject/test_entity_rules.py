"""Places, names, terms, opposites, denials, and known choices."""

import pytest

from seapo.inject.entity_rules import (
    negated_facts,
    opposite_terms,
    wrong_choices,
    wrong_names,
    wrong_places,
    wrong_terms,
)
from seapo.language import shared_kind
from seapo.records import ChoiceTruth


def test_a_place_becomes_another_of_its_kind_wherever_it_is_named(outcomes):
    found = outcomes(wrong_places, "Norway has many fjords. Norway is long.")
    assert found
    for text in found:
        first, second = text.split(". ")
        assert first.split(" has")[0] == second.split(" is")[0] != "Norway"


@pytest.mark.parametrize("answer", ["Kelly Sheffield came home.", "She wrote Paris Hilton a note.", "It is red."])
def test_a_place_inside_a_longer_name_stays(outcomes, answer):
    assert outcomes(wrong_places, answer) == set()


def test_a_term_becomes_its_sister_but_none_that_the_sentence_names(outcomes):
    found = outcomes(wrong_terms, "Neutrons and protons form the nucleus, says the book.")
    assert found
    assert not any(text.lower().count("protons") == 2 or text.lower().count("neutrons") == 2 for text in found)


def test_a_name_becomes_another_one_of_the_text(outcomes):
    question = "Alice is older than Carlos. Who is older?"
    assert outcomes(wrong_names, "It must be Alice then.", question) == {"It must be Carlos then."}
    assert outcomes(wrong_names, "It must be Alice then.", "Who is older?") == set()


def test_a_well_known_person_becomes_a_colleague_with_every_mention(outcomes):
    found = outcomes(wrong_names, "Isaac Newton saw it. Newton wrote it down.")
    assert found
    for text in found:
        assert "Newton" not in text
        assert text.split(" saw")[0].split()[-1] == text.split(". ")[1].split()[0]


def test_an_opposite_takes_the_article_with_it(outcomes):
    assert "It showed a decrease in speed." in outcomes(opposite_terms, "It showed an increase in speed.")


@pytest.mark.parametrize(
    "answer",
    [
        "This helps to lower the risk of it.",
        "Most of them like a high-speed train.",
        "They went to the High School there.",
        'He said "the higher number" to them.',
        "Please take a larger bowl for it.",
    ],
)
def test_words_that_are_no_claims_or_other_parts_of_speech_stay(outcomes, answer):
    assert outcomes(opposite_terms, answer) == set()


def test_a_claim_becomes_its_denial(outcomes):
    assert "The banana plant is not a giant herb." in outcomes(negated_facts, "The banana plant is a giant herb.")
    assert "Bats are birds of the night." in outcomes(negated_facts, "Bats are not birds of the night.")


@pytest.mark.parametrize(
    "answer",
    [
        "Is the plant a herb of some kind?",
        "I am sorry that it is late.",
        "So 2 + 3 = 5 apples are left.",
        "The answer is 12.",
    ],
)
def test_questions_courtesy_and_results_are_not_denied(outcomes, answer):
    assert outcomes(negated_facts, answer) == set()


def test_the_right_choice_becomes_a_wrong_one_in_the_texts_capitals(outcomes):
    truth = ChoiceTruth(correct="It lowers the melting point.", incorrect=("It heats the road.", "It dries the air."))
    answer = "Salt helps because it lowers the melting point. That is all."
    assert outcomes(wrong_choices, answer, truth=truth) == {
        "Salt helps because it heats the road. That is all.",
        "Salt helps because it dries the air. That is all.",
    }
    assert outcomes(wrong_choices, "Salt melts it.", truth=truth) == set()


def test_what_is_exchanged_shares_a_kind(outcomes):
    for text in outcomes(wrong_terms, "The shirt was blue all over."):
        assert shared_kind("blue", text.split()[3]) == "colour"
