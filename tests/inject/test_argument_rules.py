"""Connectives, causes, conclusions, order and omission in running text."""

import pytest

from seapo.inject.argument_rules import (
    contradicted_openings,
    denied_conclusions,
    missing_premises,
    overgeneralisations,
    reversed_causes,
    reversed_conditions,
    reversed_order,
    swapped_items,
    swapped_sentences,
    wrong_conclusions,
    wrong_connectives,
)
from seapo.inject.contradiction_rules import self_contradictions
from seapo.language import connective_relation
from seapo.records import TextTruth


def test_a_reason_becomes_an_objection(outcomes):
    found = outcomes(wrong_connectives, "The ice melts because the air is warm.")
    assert found == {
        "The ice melts although the air is warm.",
        "The ice melts even though the air is warm.",
    }


@pytest.mark.parametrize(
    ("answer", "old"),
    [
        ("It was late, so they went home.", "so"),
        ("Therefore the bridge was closed.", "Therefore"),
        ("However, the bridge was closed.", "However"),
        ("It stopped due to the heavy rain.", "due to"),
        ("Although it rained, they went out.", "Although"),
    ],
)
def test_every_connective_changes_its_relation(outcomes, answer, old):
    for text in outcomes(wrong_connectives, answer):
        new = next(w for w in (text[: len(text) - len(answer.split(old)[1])].removeprefix(answer.split(old)[0]),))
        assert connective_relation(new) != connective_relation(old)
    assert outcomes(wrong_connectives, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "They ran so that all could see it.",
        "Why is that because of him?",
        "It is not only cheap but also good.",
        "Run home now.",
    ],
)
def test_words_that_join_no_two_clauses_stay(outcomes, answer):
    assert outcomes(wrong_connectives, answer) == set()


def test_conditions_and_order_are_reversed(outcomes):
    assert outcomes(reversed_conditions, "It is closed if the river rises.") == {"It is closed unless the river rises."}
    assert outcomes(reversed_conditions, "Ask me if necessary, then go on.") == set()
    assert outcomes(reversed_order, "It was built after the long war.") == {"It was built before the long war."}
    assert outcomes(reversed_order, "His practice looks after many students, year after year.") == set()


def test_a_cause_and_its_effect_change_places(outcomes):
    assert "The rain is caused by the flood." not in outcomes(reversed_causes, "The flood is caused by rain.")
    assert outcomes(reversed_causes, "The flood is caused by rain.") == {"The flood causes rain."}
    assert outcomes(reversed_causes, "The ice melts because the air is warm.") == {
        "The air is warm because the ice melts."
    }
    assert outcomes(reversed_causes, "Zorvania fell because the king had fled.") == set(), (
        "a name would lose its capital"
    )


def test_some_become_all(outcomes):
    assert outcomes(overgeneralisations, "Some birds cannot fly at all.") == {"All birds cannot fly at all."}
    assert outcomes(overgeneralisations, "Here are some examples of that.") == set()


def test_a_conclusion_is_denied_and_its_reason_stays(outcomes):
    answer = "The lamp has no power. Therefore it is dark in the room."
    assert outcomes(denied_conclusions, answer) == {"The lamp has no power. Therefore it is not dark in the room."}
    assert outcomes(denied_conclusions, "The lamp is old. It stands here.") == set()
    assert outcomes(denied_conclusions, "There is no way. So the answer is no.") == set()


def test_an_opening_contradicts_the_rest(outcomes):
    assert outcomes(contradicted_openings, "Yes, it can. Birds fly.") == {"No, it can. Birds fly."}
    assert outcomes(contradicted_openings, "Yes, I can help. Ask on.") == set()
    assert outcomes(contradicted_openings, "Yes.") == set()


@pytest.mark.parametrize(
    ("question", "answer", "value", "expected"),
    [
        ("Rashid is taller than Olga. Who is taller?", "Olga is not. The answer is Rashid.", "Rashid", {"Olga"}),
        ("Is it wet? Answer yes, no, or unknown.", "It rained. The answer is yes.", "yes", {"no", "unknown"}),
        ("They had tea, juice and soup. What came last?", "Not tea. The answer is soup.", "soup", {"tea", "juice"}),
        (
            "It faces east, then turns left. Where to?",
            "It turns. The answer is north.",
            "north",
            {"south", "east", "west"},
        ),
    ],
)
def test_another_option_of_the_question_is_concluded(outcomes, question, answer, value, expected):
    found = outcomes(wrong_conclusions, answer, question, TextTruth(value=value))
    assert {text.removesuffix(".").split()[-1] for text in found} == expected


def test_a_bare_answer_has_no_argument_to_contradict(outcomes):
    assert outcomes(wrong_conclusions, "yes", "Is it? Answer yes or no.", TextTruth(value="yes")) == set()


def test_a_premise_is_left_out_or_comes_too_late(outcomes):
    answer = "The box is locked. Only Ada has the key. Therefore Ada must open it."
    assert outcomes(missing_premises, answer) == {"The box is locked. Therefore Ada must open it."}
    assert outcomes(swapped_sentences, answer) == {
        "The box is locked. Therefore Ada must open it. Only Ada has the key."
    }
    assert outcomes(missing_premises, "It is red. It is big. It is round.") == set()


def test_steps_of_instructions_change_places_but_tips_do_not(outcomes):
    steps = "Here it is:\n1. Mix flour and water.\n2. Bake the soft dough.\n3. Eat the bread warm.\nEnjoy your meal."
    found = outcomes(swapped_items, steps, "Give me a recipe for bread.")
    assert any("1. Bake the soft dough.\n2. Mix flour and water." in text for text in found)
    assert outcomes(swapped_items, steps, "Name three things that one can do.") == set()


def test_a_claim_is_denied_in_the_place_of_a_later_sentence(outcomes):
    answer = "The banana plant is a giant herb. It has no wood at all. It bears one bunch of fruit and dies."
    found = outcomes(self_contradictions, answer)
    assert found
    for text in found:
        assert text.startswith("The banana plant is a giant herb.")
        assert "banana plant is not a giant herb" in text
    assert outcomes(self_contradictions, "The banana plant is a giant herb.\n\nIt has no wood at all.") == set()
    assert outcomes(self_contradictions, "The sum is a large one. The answer is 12.") == set()
