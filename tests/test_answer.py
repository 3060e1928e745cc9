"""Final answers, their comparison, and code in a text."""

import gzip
import json
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.answer import (
    code_blocks,
    final_answer,
    last_sentence,
    number_value,
    parses_as_python,
    python_code,
    same_answer,
)


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        ("So 48 + 24 = 72 clips.\n#### 72", "72", "hash"),
        ("#### 1\n#### $1,250", "$1,250", "hash"),
        (r"Thus \boxed{\frac{1}{2}} and no more.", r"\frac{1}{2}", "boxed"),
        ("The answer is 48 marbles.", "48", "phrase"),
        ("The final answer is: **42**", "42", "phrase"),
        ("The answer to the second question is -3.5%.", "-3.5%", "phrase"),
        ("The answer is 1/2.", "1/2", "phrase"),
        ("the answer is <<5=5>>5.", "5", "phrase"),
        ("The answer to it is:\nRegion B.\n\nConfidence: 85%", "Region B", "phrase"),
        ("The answer is:\n\n  42 cows", "42", "phrase"),
        ("Answer: B", "B", "phrase"),
        ("The answer is (C).", "C", "phrase"),
        ("The answer is Henrik.", "Henrik", "phrase"),
        ("They ate some.\nA: 18", "18", "phrase"),
        ("(B)", "B", "option"),
        ("I would take option (D) here", "D", "option"),
        ("C.", "C", "option"),
        ("Therefore, he has 40 + 8 = 48 marbles left.", "48", "conclusion"),
        ("Thus she pays $7 each", "7", "conclusion"),
        ("Betty needs 100 - 50 = $<<100-50=50>>50 more.", "50", "conclusion"),
        ("He paid $1,250. Then he paid $30", "30", "last_number"),
        ("It took Ms. Watson 3 days.", "3", "last_number"),
    ],
)
def test_the_final_answer_and_how_it_was_found(text: str, value: str, how: str):
    found = final_answer(text)
    assert found is not None
    assert (found.value, found.how) == (value, how)
    assert text[found.start : found.end] == value


@pytest.mark.parametrize("text", ["", "   ", "No number here.", "He ate 3. Then he slept.", "A man (B) came by."])
def test_a_text_without_a_final_answer_has_none(text: str):
    assert final_answer(text) is None


def test_only_marked_answers_are_explicit():
    answers = [final_answer(text) for text in ("#### 1", "The answer is 1.", "(B)", "So 1 + 1 = 2", "at 5")]
    assert [answer.is_explicit for answer in answers if answer] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1,250", "1250.0"), ("$1,250", "1250"), ("50%", "50 %"), ("50%", "0.5"), ("1/2", "0.5"), ("1 1/2", "1.5"),
        (r"\frac{1}{2}", "1/2"), ("0.33", "1/3"), ("48 marbles", "48"), ("5 km", "5.0"), ("-$5", "-5"), ("−5", "-5"),
        ("(B)", "b"), ("Paris", "the paris."), ("x = 5", "5"), (r"180\text{ miles}", "180"), ("**7**", "7"),
        ("yes", "Yes."),
    ],
)  # fmt: skip
def test_answers_that_say_the_same(left: str, right: str):
    assert same_answer(left, right)
    assert same_answer(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("48", "49"), ("3", "-3"), ("1250", "125"), ("0.5", "0.6"), ("1/2", "1/3"), ("0.3", "1/3"), ("B", "C"),
        ("Paris", "Lyon"), ("48", "none"), ("2 apples and 3 pears", "2"), ("5%", "5000"), ("2x", "2x + 1"),
        ("] > )", "] > }"),
    ],
)  # fmt: skip
def test_answers_that_differ(left: str, right: str):
    assert not same_answer(left, right)
    assert not same_answer(right, left)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,250 marbles", Fraction(1250)),
        ("$-3.50", Fraction(-7, 2)),
        ("1/0", None),
        ("3 and 4", None),
        ("", None),
        ("x", None),
    ],
)
def test_the_number_that_an_answer_is(text: str, value: Fraction | None):
    assert number_value(text) == value


@given(st.integers(-(10**6), 10**6), st.integers(1, 50))
def test_a_fraction_equals_its_decimal(numerator: int, denominator: int):
    assert same_answer(f"{numerator}/{denominator}", f"{numerator / denominator:.6f}")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_makes_it_raise(left: str, right: str):
    assert same_answer(left, left) or number_value(left) is None
    same_answer(left, right)
    found = final_answer(left)
    assert found is None or left[found.start : found.end] == found.value
    for block in code_blocks(left):
        assert left[block.start : block.end] == block.code
    python_code(left)
    start, end = last_sentence(left)
    assert 0 <= start <= end <= len(left)


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "A",
        "A:\n",
        "answer is ",
        "answer to ",
        "\\boxed{",
        "####",
        "#### \n",
        "```\n",
        "`",
        "1/",
        "1 ",
        "1,",
        ". ",
        "x = ",
        "\n",
    ],
)
def test_time_is_linear_in_the_length_of_hostile_text(piece: str):
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    final_answer(text)
    same_answer(text, text + "1")
    code_blocks(text)
    last_sentence(text)
    assert time.process_time() - started < 5


CODE = "def f(n):\n    return n\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"Here:\n```python\n{CODE}```\nDone.", CODE),
        (f"```py\n{CODE}```\nand\n```python\nprint(f(1))\n```", f"{CODE}\n\nprint(f(1))\n"),
        (f"```\n{CODE}```", CODE),
        (f"~~~python\n{CODE}~~~", CODE),
        (f"```python\n{CODE}", CODE),
        (CODE, CODE),
        (f"```python\nx =\n```\n```\n{CODE}```", "x =\n"),
        ("```bash\nls -l | wc\n```", None),
        ("Just words.", None),
        ("x = 1", None),
        ("def f(:", None),
        ("", None),
    ],
)
def test_the_python_of_an_answer(text: str, code: str | None):
    assert python_code(text) == code


def test_a_fence_that_is_not_closed_is_told():
    closed, still_open = code_blocks("```js\na\n```\nx\n````python\n```\nb")
    assert (closed.language, closed.code, closed.is_closed) == ("js", "a\n", True)
    assert (still_open.language, still_open.code, still_open.is_closed) == ("python", "```\nb", False)


@pytest.mark.parametrize("code", ["(" * 5000, "x = " + "-" * 50000 + "1", "\0", "def f(:", ""])
def test_code_that_python_chokes_on_does_not_parse(code: str):
    assert not parses_as_python(code)


def test_final_answers_of_gsm8k_are_the_known_ones(data_dir: Path):
    with gzip.open(data_dir / "gsm8k" / "test.jsonl.gz", "rt", encoding="utf-8") as file:
        answers = [json.loads(line)["answer"] for line in file]
    unmarked = 0
    for answer in answers:
        body, _, truth = answer.partition("####")
        found = final_answer(answer)
        assert found is not None
        assert found.how == "hash"
        assert same_answer(found.value, truth)
        guess = final_answer(body)
        unmarked += guess is not None and same_answer(guess.value, truth)
    assert unmarked / len(answers) > 0.97
