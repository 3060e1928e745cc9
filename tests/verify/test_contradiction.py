"""Contradictions that can be read off a text."""

import pytest

FACTS = "Whales are mammals that live in the sea. They breathe air. Their largest kind is the blue whale."
SUM = "She reads 12 * 2 = 24 pages. That leaves 120 - 36 = 84 pages. The answer is 84."


@pytest.mark.parametrize(
    "added",
    [
        "Whales are not mammals that live in the sea.",
        "However, whales aren't mammals that live in the sea.",
        "Their largest kind is not the blue whale.",
        "Their smallest kind is the blue whale.",
    ],
)
def test_a_statement_beside_its_denial_is_a_proof(judge, added):
    result = judge("contradiction", FACTS, f"{FACTS} {added}", "logic")
    assert result.outcome == "pass"
    assert result.evidence.startswith("it says both ")


@pytest.mark.parametrize(
    "added",
    [
        "Set the flag of it to true. Set the flag of it to false.",
        "Advantages of living in the sea: food. Disadvantages of living in the sea:",
        "Increase the heat of the pan. Decrease the heat of the pan.",
    ],
)
def test_orders_and_headings_contradict_nothing(judge, added):
    assert judge("contradiction", FACTS, f"{FACTS} {added}", "logic").outcome == "not_judged"


def test_a_verb_that_is_denied_is_known_again(judge):
    chosen = "Water boils at 100 degrees at sea level. It is wet."
    assert (
        judge("contradiction", chosen, f"{chosen} Water does not boil at 100 degrees at sea level.").outcome == "pass"
    )


@pytest.mark.parametrize(
    "text",
    [
        FACTS,
        f"{FACTS} Sharks are not mammals that live in the sea.",
        f"{FACTS} Are whales not mammals that live in the sea?",
        f"{FACTS} They hold air.",
        FACTS.replace("are mammals", "are not mammals"),
    ],
)
def test_texts_that_do_not_contradict_themselves(judge, text):
    assert judge("contradiction", FACTS, text, "logic").outcome == "not_judged"


def test_a_contradiction_of_the_chosen_answer_does_not_count(judge):
    chosen = "Some say that the hall is open. Some say that the hall is closed. Nobody knows."
    assert judge("contradiction", chosen, chosen.replace("Nobody", "Everybody"), "logic").outcome == "not_judged"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (SUM.replace("answer is 84", "answer is 24"), "pass"),
        (SUM.replace("= 84", "= 86"), "pass"),
        (SUM.replace("That leaves 120 - 36 = 84 pages. ", ""), "not_judged"),
        (SUM.replace("84", "83").replace("120 - 36", "120 - 37"), "not_judged"),
        (SUM, "not_judged"),
    ],
)
def test_the_last_step_against_the_final_answer(judge, text, outcome):
    assert judge("contradiction", SUM, text, "logic").outcome == outcome


def test_a_last_step_that_never_gave_the_answer_proves_nothing(judge):
    chosen = "That is 67 / 4 = 16.75 bags, so they need 17. The answer is 17."
    assert (
        judge("contradiction", chosen, chosen.replace("answer is 17", "answer is 18"), "logic").outcome == "not_judged"
    )
