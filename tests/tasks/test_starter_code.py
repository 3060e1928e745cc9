"""Run the code of the starter set: answers and right choices pass their unit tests, wrong choices fail them."""

import ast
import json
import re

import pytest

from seapo import answer, sandbox
from seapo.records import UnitTestTruth
from seapo.tasks import starter
from seapo.tasks.starter import StarterTestRow, StarterTrainRow

Row = StarterTrainRow | StarterTestRow
CODING_TRAIN = tuple(row for row in starter.training_rows() if row.dimension == "coding")
CODING_TEST = tuple(row for row in starter.test_rows() if row.dimension == "coding")

RUNNER = """
import json

def outcome(program):
    try:
        exec(compile(program, "item", "exec"), {"__name__": "item"})
    except BaseException as problem:
        return type(problem).__name__
    return "passed"

print(json.dumps([outcome(program) for program in PROGRAMS]))
"""


def run_items(programs: list[str]) -> list[str]:
    """`passed`, or the exception's name, of each program; all of them in one sandboxed process."""
    if (reason := sandbox.why_unavailable()) is not None:
        pytest.skip(f"needs the sandbox (Debian: apt-get install bubblewrap): {reason}")
    result = sandbox.run_python(f"PROGRAMS = {programs!r}\n{RUNNER}", timeout_s=30)
    assert result.returncode == 0, result.stderr
    outcomes: list[str] = json.loads(result.stdout)
    return outcomes


def code_of(text: str) -> str:
    """The code of the one Python block of a text."""
    (block,) = answer.code_blocks(text)
    assert block.language == "python"
    assert block.is_closed
    return block.code


def assertions_of(row: Row) -> str:
    assert isinstance(row.truth, UnitTestTruth)
    return row.truth.tests


def test_each_training_answer_passes_its_unit_tests() -> None:
    outcomes = run_items([code_of(row.answer) + assertions_of(row) for row in CODING_TRAIN])
    assert [row.id for row, outcome in zip(CODING_TRAIN, outcomes, strict=True) if outcome != "passed"] == []


def test_exactly_the_right_choice_passes_its_unit_tests() -> None:
    cases = [(row, index) for row in CODING_TEST for index in range(len(row.choices))]
    outcomes = run_items([code_of(row.choices[index]) + assertions_of(row) for row, index in cases])
    wrong = [
        (row.id, index, outcome)
        for (row, index), outcome in zip(cases, outcomes, strict=True)
        if (outcome == "passed") != (index in row.correct)
    ]
    assert wrong == []
    assert "AssertionError" in outcomes


def test_unit_tests_can_fail() -> None:
    row = CODING_TRAIN[0]
    without_code = "def tram_fare(age):\n    return 3\n"
    assert run_items([without_code + assertions_of(row), assertions_of(row), "("]) == [
        "AssertionError", "NameError", "SyntaxError",
    ]  # fmt: skip


def test_each_row_has_three_to_five_assertions() -> None:
    for row in (*CODING_TRAIN, *CODING_TEST):
        statements = ast.parse(assertions_of(row)).body
        assert all(isinstance(statement, ast.Assert) for statement in statements), row.id
        assert 3 <= len(statements) <= 5, row.id


def test_a_question_names_the_function_that_its_tests_call() -> None:
    for row in (*CODING_TRAIN, *CODING_TEST):
        (signature,) = re.findall(r"`(\w+\(.*?\))`", row.question)
        text = row.answer if isinstance(row, StarterTrainRow) else "\n".join(row.choices)
        functions = {line for line in text.splitlines() if line.startswith("def ")}
        assert functions == {f"def {signature}:"}, row.id
