"""Samples whose chosen answer is wrong itself."""

import pytest

from seapo import sandbox
from seapo.recipe import VerifySection
from seapo.records import ChoiceTruth, NumberTruth, TextTruth, UnitTestTruth
from seapo.unit_tests import run_tests
from seapo.verify.chosen import chosen_problem

CITY = ChoiceTruth(correct="Lisbon", incorrect=("Porto",))
TESTS = UnitTestTruth(tests="assert f(1) == 2")


def code(body: str) -> str:
    return f"```python\ndef f(n):\n    return {body}\n```"


@pytest.mark.parametrize(
    ("chosen", "truth", "problem"),
    [
        ("So 2 + 2 = 4.", None, None),
        ("So 2 + 2 = 5.", None, "the chosen answer holds a false equation"),
        ("#### 7", NumberTruth(value="7.0"), None),
        ("#### 8", NumberTruth(value="7"), "the chosen answer's final answer is not the known one"),
        ("It takes 8 days, for 7 men.", NumberTruth(value="8"), None),
        ("The answer is Tom.", TextTruth(value="Tom"), None),
        ("The answer is Ann.", TextTruth(value="Tom"), "the chosen answer's final answer is not the known one"),
        ("It is Lisbon.", CITY, None),
        ("It is Lisbon, not Porto.", CITY, None),
        ("You may guess it.", CITY, None),
        ("It is Porto.", CITY, "the chosen answer states a wrong option"),
        ("No code here.", TESTS, "the chosen answer has unit tests and no Python code"),
    ],
)
def test_what_is_wrong_with_a_chosen_answer(make_sample, chosen, truth, problem):
    assert chosen_problem(make_sample(chosen, truth=truth), VerifySection(), run_tests) == problem


@pytest.mark.skipif(not sandbox.is_available(), reason="needs bubblewrap (apt-get install bubblewrap)")
def test_unit_tests_that_the_chosen_answer_fails(make_sample):
    good, bad = (make_sample(code(body), truth=TESTS) for body in ("n + 1", "n - 1"))
    assert chosen_problem(good, VerifySection(), run_tests) is None
    assert chosen_problem(bad, VerifySection(), run_tests) == "the chosen answer fails its unit tests"
