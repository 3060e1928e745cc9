"""Proofs: each accepts a text that is wrong, and says nothing about one that is right."""

import pytest

from seapo.answer import stated_options
from seapo.records import ChoiceTruth, NumberTruth, TextTruth
from seapo.verify import CHECKS

SUM = "He buys 4 * 6 = 24 eggs. He eats 3, so 24 - 3 = 21 are left.\n#### 21"
CITY = ChoiceTruth(correct="Lisbon", incorrect=("Porto", "New Lisbon", "Madrid"))


def test_the_proofs_are_known_as_such():
    proofs = {name for name in CHECKS if CHECKS[name].is_proof}
    assert proofs == {"arithmetic", "final_answer", "choice", "unit_tests", "contradiction", "invented_api"}
    assert [name for name in CHECKS if CHECKS[name].is_slow] == ["unit_tests"]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (SUM.replace("= 24", "= 26"), "pass"),
        (SUM.replace("24 - 3 = 21", "24 - 3 = 22"), "pass"),
        (SUM.replace("4 * 6", "4 + 6"), "pass"),
        (SUM, "not_judged"),
        (SUM.replace("#### 21", "#### 22"), "not_judged"),
        (SUM.replace("4 * 6 = 24", "4 * 6 = x"), "not_judged"),
        ("He buys two dozen eggs.", "not_judged"),
    ],
)
def test_arithmetic(judge, text, outcome):
    assert judge("arithmetic", SUM, text).outcome == outcome


def test_arithmetic_names_the_false_equation_and_none_that_the_chosen_answer_has(judge):
    assert judge("arithmetic", SUM, SUM.replace("= 24", "= 26")).evidence == "4 * 6 = 26 is false"
    assert judge("arithmetic", "As 1 + 1 = 3 shows, red.", "As 1 + 1 = 3 shows, blue.").outcome == "not_judged"


@pytest.mark.parametrize("error_type", ["correctness", "logic", "hallucination"])
def test_another_final_answer_is_a_proof_for_every_type(judge, error_type):
    result = judge("final_answer", SUM, SUM.replace("#### 21", "#### 22"), error_type, truth=NumberTruth(value="21"))
    assert (result.outcome, result.evidence) == ("pass", "its final answer is 22, the right one is 21")


@pytest.mark.parametrize(
    ("text", "error_type", "outcome", "why"),
    [
        (SUM.replace("eats 3", "eats 5"), "correctness", "fail", "a number that reaches nothing"),
        (SUM.replace("eats 3", "eats 5"), "logic", "not_judged", "an argument may be flawed and end right"),
        (SUM.replace("= 24 eggs", "= 26 eggs"), "correctness", "not_judged", "a false equation is an error"),
        (SUM.replace("eggs", "kilograms"), "correctness", "not_judged", "another thing is counted"),
        (
            SUM.replace("left", "left, says Dr. Yolk"),
            "hallucination",
            "not_judged",
            "what is invented need not reach it",
        ),
        (SUM.replace("#### 21", "#### 21.0"), "correctness", "not_judged", "the same number"),
    ],
)
def test_the_same_final_answer_by_error_type(judge, text, error_type, outcome, why):
    assert judge("final_answer", SUM, text, error_type, truth=NumberTruth(value="21")).outcome == outcome, why


def test_a_number_outside_any_calculation_may_be_an_error(judge):
    chosen = "The hall was built in 1937. The answer is 3."
    assert judge("final_answer", chosen, chosen.replace("1937", "1947")).outcome == "not_judged"


def test_without_a_truth_the_marked_answer_of_the_chosen_one_counts(judge):
    assert judge("final_answer", SUM, SUM.replace("#### 21", "#### 22")).outcome == "pass"
    assert judge("final_answer", "So 3 are left.", "So 4 are left.").outcome == "not_judged"
    long = "The answer is that nobody knows it for sure, as 3 accounts differ."
    assert judge("final_answer", long, long.replace("3", "4")).outcome == "not_judged"


def test_a_chosen_answer_that_cannot_be_read_proves_nothing(judge):
    truth = NumberTruth(value="7")
    assert judge("final_answer", "That makes 3 and 4.", "That makes 3 and 5.", truth=truth).outcome == "not_judged"
    assert judge("final_answer", SUM, SUM.partition("####")[0], truth=NumberTruth(value="21")).outcome == "not_judged"


def test_a_known_word_may_stand_within_a_longer_answer(judge):
    chosen = "Ann is ahead of Tom. The answer is that Ann wins."
    truth = TextTruth(value="Ann")
    assert judge("final_answer", chosen, chosen.replace("that Ann", "that Tom"), truth=truth).outcome == "pass"
    assert judge("final_answer", chosen, chosen.replace("ahead", "in front"), truth=truth).outcome == "not_judged"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("The capital is Porto.", "pass"),
        ("The capital is New Lisbon.", "pass"),
        ("The capital is Lisbon, not Porto.", "not_judged"),
        ("The capital is Faro.", "not_judged"),
        ("The capital is Lisbon, on the Douro.", "not_judged"),
    ],
)
def test_choice(judge, text, outcome):
    assert judge("choice", "The capital is Lisbon.", text, truth=CITY).outcome == outcome


def test_choice_needs_options_and_a_chosen_answer_that_states_the_right_one(judge):
    assert judge("choice", "The capital is Lisbon.", "The capital is Porto.").outcome == "not_judged"
    assert judge("choice", "You know it.", "The capital is Porto.", truth=CITY).outcome == "not_judged"


def test_an_option_inside_a_longer_one_is_not_stated():
    assert stated_options("They met in New Lisbon.", (CITY.correct, *CITY.incorrect)) == {"New Lisbon"}
    assert stated_options("From lisbon to  Porto!", (CITY.correct, *CITY.incorrect)) == {"Lisbon", "Porto"}
    assert stated_options("Lisbonne", (CITY.correct, *CITY.incorrect)) == frozenset()
