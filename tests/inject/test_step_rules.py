"""Calculations: one wrong step and what follows from it, and steps that do not hang together."""

import pytest

from seapo.answer import equations, final_answer
from seapo.inject.passage import Passage
from seapo.inject.step_rules import (
    contradicted_results,
    misread_numbers,
    missing_steps,
    swapped_steps,
    wrong_arithmetic,
    wrong_results,
    wrong_steps,
)

QUESTION = "A baker has 8 trays with 12 rolls each and sells 70 rolls. How many rolls are left?"
PLAIN = "The baker has 8 * 12 = 96 rolls. Then he sells 70. So 96 - 70 = 26 rolls are left. The answer is 26 rolls."
NOTED = (
    "There are 8*12=<<8*12=96>>96 rolls at first.\n"
    "After the sale 96-70 = <<96-70=26>>26 rolls are left.\n"
    "#### 26"
)  # fmt: skip
RULES = (
    wrong_arithmetic,
    misread_numbers,
    wrong_steps,
    contradicted_results,
    wrong_results,
    missing_steps,
    swapped_steps,
)


def false_steps(text: str) -> int:
    return sum(equation.holds is False for equation in equations(text))


@pytest.mark.parametrize("answer", [PLAIN, NOTED])
def test_a_wrong_result_is_carried_to_the_end(outcomes, answer):
    found = outcomes(wrong_arithmetic, answer, QUESTION)
    firsts = [text for text in found if "96" not in text]
    assert firsts, "the first step can be wrong"
    for text in found:
        assert 1 <= false_steps(text) <= 2, "one step is false, written once or twice"
        assert "26" not in text, "the final answer follows the wrong step"
        assert final_answer(text).value != "26"


@pytest.mark.parametrize("answer", [PLAIN, NOTED])
def test_a_misread_number_leaves_every_equation_true(outcomes, answer):
    found = outcomes(misread_numbers, answer, QUESTION)
    assert found
    for text in found:
        assert false_steps(text) == 0
        assert final_answer(text).value != "26"


def test_a_number_that_stands_for_two_things_is_not_carried(outcomes):
    question = "It costs $5 and takes 5 minutes. What do 3 cost?"
    assert outcomes(misread_numbers, "It is 5 * 3 = 15 dollars. The answer is 15 dollars.", question) != set()
    shared = {text for text in outcomes(misread_numbers, "It is 5 * 3 = 15 dollars.", question) if "5 * " not in text}
    assert shared == set()


def test_a_result_that_was_given_too_is_left_alone(outcomes):
    answer = "First 5 + 7 = 12 are there. Of 12 others 3 go. So 12 - 3 = 9 stay. The answer is 9."
    question = "A box holds 12 pens. 5 and 7 are red, 3 are gone."
    assert not any("5 + 7 = 12" not in text for text in outcomes(wrong_arithmetic, answer, question))


@pytest.mark.parametrize("answer", [PLAIN, NOTED])
def test_a_wrong_operation_is_computed_rightly(outcomes, answer):
    found = outcomes(wrong_steps, answer, QUESTION)
    assert found
    for text in found:
        assert false_steps(text) == 0
        assert final_answer(text).value != "26"
    assert any("96 + 70 = 166" in text or "96+70 = <<96+70=166>>166" in text for text in found)


@pytest.mark.parametrize("rule", [contradicted_results, wrong_results])
@pytest.mark.parametrize("answer", [PLAIN, NOTED])
def test_only_the_final_statement_contradicts_the_steps(outcomes, rule, answer):
    found = outcomes(rule, answer, QUESTION)
    assert found
    for text in found:
        assert false_steps(text) == 0
        assert final_answer(text).value != "26"
        assert "26" in text


def test_an_intermediate_result_is_taken_for_the_answer(outcomes):
    assert outcomes(wrong_results, PLAIN, QUESTION) == {PLAIN.replace("answer is 26", "answer is 96")}


def test_a_step_is_left_out_whose_result_is_used(outcomes):
    assert outcomes(missing_steps, PLAIN, QUESTION) == {PLAIN.removeprefix("The baker has 8 * 12 = 96 rolls. ")}
    independent = "First 2 + 3 = 5 come. Then 4 + 6 = 10 come. Nothing more is said."
    assert outcomes(missing_steps, independent, QUESTION) == set()


def test_neighbouring_steps_change_places_where_one_needs_the_other(outcomes):
    lines = NOTED.split("\n")
    assert outcomes(swapped_steps, NOTED, QUESTION) == {"\n".join([lines[1], lines[0], lines[2]])}
    independent = "First 2 + 3 = 5 come. Then 4 + 6 = 10 come. Nothing more is said."
    assert outcomes(swapped_steps, independent, QUESTION) == set()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("answer", ["There are many rolls.", "", "x = y", "```python\nx = 2 + 3\n```"])
def test_no_rule_finds_steps_where_there_are_none(outcomes, rule, answer):
    assert outcomes(rule, answer) == set()


def test_a_note_and_its_copy_are_one_step(make_sample):
    sheet = Passage(make_sample(NOTED, QUESTION)).worksheet
    assert len(sheet.main_steps) == 2
    first = sheet.main_steps[0]
    assert [sheet.slots[i].written for i in sheet.mentions_of_result(first)].count("96") >= 2
