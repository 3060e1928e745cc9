"""Invented sources, entities, figures, quotations, clues and premises."""

import re
from random import Random

import pytest

from seapo.answer import equations, final_answer
from seapo.inject.attribution import _ends_a_list
from seapo.inject.inventions import Inventor
from seapo.inject.passage import Passage
from seapo.inject.premise_rules import invented_premises
from seapo.inject.source_forms import CLUES, HEADS, PREMISES, PREMISES_OF_ANYTHING, PREMISES_OF_MONEY, QUOTATIONS, TAILS
from seapo.inject.source_rules import (
    invented_clues,
    invented_entities,
    invented_events,
    invented_quotations,
    invented_sources,
    invented_statistics,
)
from seapo.places import place_kind
from seapo.records import ChoiceTruth, NumberTruth, TextTruth

CLAIM = (
    "The banana plant is a giant herb. It has no wood in its trunk, because the trunk is made of rolled leaves. "
    "The leaves are torn by the wind after some weeks. A new shoot rises from the ground when the old one dies."
)
ATTRIBUTIONS = (invented_sources, invented_events, invented_entities)


def test_a_claim_gets_a_source_and_the_answer_hardly_grows(outcomes):
    found = outcomes(invented_sources, CLAIM)
    assert len(found) >= 12
    growth = [len(text) / len(CLAIM) for text in found]
    assert all(0.6 < ratio < 1.5 for ratio in growth)
    assert any(ratio < 1 for ratio in growth)
    assert any(ratio > 1 for ratio in growth)
    assert all(
        "The banana plant is a giant herb" in text or "the banana plant is a giant herb" in text for text in found
    )


def test_what_brings_capitals_in_is_seldom_made(make_sample):
    passage = Passage(make_sample(CLAIM))
    made = sum(any(invented_entities(passage, Random(seed))) for seed in range(150))
    assert 1 < made < 45


def test_where_a_name_can_be_exchanged_nothing_is_put_beside_a_claim(outcomes):
    assert outcomes(invented_sources, f"{CLAIM} It was first grown near the town of Brannock in spring.") == set()


def test_the_sentence_that_holds_the_truth_is_never_the_one_replaced(outcomes):
    truth = ChoiceTruth(correct="The leaves are torn by the wind.", incorrect=("The leaves are cut by men.",))
    kept = CLAIM.replace("after some weeks", "").replace(" .", ".")
    for text in outcomes(invented_sources, kept, truth=truth):
        assert "leaves are torn by the wind" in text


@pytest.mark.parametrize("rule", [*ATTRIBUTIONS, invented_quotations, invented_statistics])
@pytest.mark.parametrize(
    "answer",
    [
        "False",
        "Is the plant a giant herb or not?",
        "I hope that you like my answer to it.",
        "El plátano es una hierba muy grande.",
    ],
)
def test_what_makes_no_claim_gets_no_source(outcomes, rule, answer):
    assert outcomes(rule, answer) == set()


@pytest.mark.parametrize("rule", [*ATTRIBUTIONS, invented_quotations])
def test_made_up_texts_and_puzzles_get_no_source(outcomes, rule):
    assert outcomes(rule, CLAIM, "Write a short story about a plant.") == set()
    assert outcomes(rule, CLAIM, "Which plant is it?", TextTruth(value="banana")) == set()


def test_vague_authorities_become_particular_ones(outcomes):
    found = outcomes(invented_sources, "Researchers have shown that sleep is good for the memory.")
    assert sum(text.startswith("Researchers ") and " have shown that sleep" in text for text in found) >= 4


def test_names_become_such_that_nobody_bears(outcomes):
    towns = {
        t.removeprefix("It was signed in ").removesuffix(" back then.")
        for t in outcomes(invented_entities, "It was signed in Prague back then.")
    }
    renamed = {town for town in towns if len(town.split()) == 1}
    assert renamed
    assert all(place_kind(town) is None for town in renamed)
    assert any(
        "Newton" not in text for text in outcomes(invented_entities, "Isaac Newton described it. Newton was young.")
    )


def test_vague_amounts_become_exact(outcomes):
    found = outcomes(invented_statistics, "Many people can swim. Several countries have a coast.")
    assert any(
        re.match(r"(?:[Aa]bout |[Rr]oughly )?[\d.]+ ?(?:%|per ?cent) of people can swim", text) for text in found
    )
    assert any(re.search(r"\. \d+ countries have a coast", text) for text in found)
    assert any(
        re.search(r"reduces stress by (?:about |roughly )?[\d.]+ ?(?:%|per ?cent)\.", text)
        for text in outcomes(invented_statistics, "Sport reduces stress.")
    )
    assert outcomes(invented_statistics, "They have too many problems there.") == set()


def test_a_sentence_becomes_a_saying(outcomes):
    found = outcomes(invented_quotations, CLAIM)
    assert found
    assert all(text.count('"') == 2 and len(text) > len(CLAIM) for text in found)


def test_a_clue_that_was_never_given_changes_the_answer(outcomes):
    question = "Rashid is taller than Olga. Who is taller?"
    found = outcomes(invented_clues, "Olga is not taller. The answer is Rashid.", question, TextTruth(value="Rashid"))
    changed = {text for text in found if text.endswith("The answer is Olga.")}
    assert changed
    assert all(text.startswith("Olga is not taller. ") for text in found)
    assert outcomes(invented_clues, "Olga is not taller. The answer is Rashid.", question) == set()


@pytest.mark.parametrize(
    ("answer", "sign"),
    [
        ("They have 8 * 12 = 96 rolls. The answer is 96 rolls.", ""),
        ("It is 8 * 12 = $<<8*12=96>>96 in all.\n#### 96", "<<"),
        ("It takes 8 * 12 = 96 minutes. The answer is 96 minutes.", ""),
    ],
)
def test_an_amount_that_nobody_mentioned_is_reckoned_in(outcomes, answer, sign):
    found = outcomes(invented_premises, answer, "How many are 8 times 12?", NumberTruth(value="96"))
    assert found
    for text in found:
        assert all(equation.holds is not False for equation in equations(text))
        assert final_answer(text).value.split()[0] != "96"
        assert text.count("<<") in ((1, 2) if sign else (0,))
    assert outcomes(invented_premises, "There is nothing to compute.") == set()


def test_there_are_many_forms_and_they_begin_differently():
    heads = [form for forms in HEADS.values() for form in forms]
    tails = [form for forms in TAILS.values() for form in forms]
    everything = [*heads, *tails, *QUOTATIONS, *CLUES, *PREMISES, *PREMISES_OF_ANYTHING, *PREMISES_OF_MONEY]
    assert len(set(everything)) == len(everything) > 100
    assert max(len(re.sub(r"\{\w+\}", "", form)) for form in heads + tails) < 60


def test_inventions_hardly_ever_repeat():
    inventor = Inventor(Random(0), "why do people sleep")
    for slot in ("surname", "town", "institute", "journal", "title", "law", "event", "person"):
        drawn = [inventor.draw(slot) for _ in range(200)]
        assert len(set(drawn)) > 90, slot


def test_fields_fit_the_topic():
    fields = {Inventor(Random(seed), "the planets around the sun").draw("field") for seed in range(30)}
    assert "Astronomy" in fields
    assert not fields & {"Nutrition Science", "Film Studies"}


def test_the_last_thing_of_a_list_is_no_clause_to_be_spared() -> None:
    assert _ends_a_list("A palindrome is a word, phrase", ", or sequence of letters that reads the same")
    assert not _ends_a_list("The roof is old", ", and the rain comes through it every year")
    assert not _ends_a_list("The roof, an old one, leaks", ", because the rain comes through it")
