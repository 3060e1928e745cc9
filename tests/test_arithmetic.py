"""Equations in running text: what is read, what holds, and what is left alone."""

import gzip
import json
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.arithmetic import equations, rounds_to, value_of


def found(text: str) -> list[tuple[str, str, bool | None]]:
    return [(equation.left, equation.right, equation.holds) for equation in equations(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48 / 2 = 24", ("48 / 2", "24", True)),
        ("48 / 2 = 25", ("48 / 2", "25", False)),
        ("He ate 3 x 4 = 12 figs", ("3 x 4", "12", True)),
        ("3x4=13", ("3x4", "13", False)),
        ("3 × 4 ÷ 2 − 1 = 5", ("3 × 4 ÷ 2 − 1", "5", True)),
        ("5 + 3 + 2 = 10", ("5 + 3 + 2", "10", True)),
        ("2 + 3 * 4 = 14", ("2 + 3 * 4", "14", True)),
        ("2 + 3 * 4 = 20", ("2 + 3 * 4", "20", False)),
        ("(2 + 3) * 4 = 20", ("(2 + 3) * 4", "20", True)),
        ("2(3 + 4) = 14", ("2(3 + 4)", "14", True)),
        ("2^10 = 1024", ("2^10", "1024", True)),
        ("-5 + 3 = -2", ("-5 + 3", "-2", True)),
        ("2 * 3 * -2 = -12", ("2 * 3 * -2", "-12", True)),
        ("1,200 - 300 = 900", ("1,200 - 300", "900", True)),
        ("20% of 50 = 10", ("20% of 50", "10", True)),
        ("3/5 of 10 = 6", ("3/5 of 10", "6", True)),
        ("100% - 40% = 60%", ("100% - 40", "60", True)),
        ("(75/100)*100=75%", ("(75/100)*100", "75", True)),
        ("$1.20 x 4 = $4.80", ("1.20 x 4", "4.80", True)),
        ("4 apples * 3 = 12 apples", ("4 apples * 3", "12", True)),
        ("5 snakes/jaguar * 6 jaguars = 30", ("5 snakes/jaguar * 6", "30", True)),
        ("$60/large painting x 8 large paintings = $480", ("60/large painting x 8", "480", True)),
        ("3.5 million * 2 = 7,000,000", ("3.5 million * 2", "7,000,000", True)),
        ("1 1/2 * 2 = 3", ("1 1/2 * 2", "3", True)),
        ("2 miles / 1/6 hour = 12 miles/hour", ("2 miles / 1/6", "12", True)),
        (r"$3 \times 4 = 12$", (r"3 \times 4", "12", True)),
        (r"\frac{1}{2} + \frac{1}{3} = \frac{5}{6}", (r"\frac{1}{2} + \frac{1}{3}", r"\frac{5}{6}", True)),
        (r"\frac{20}{7} = 2\frac{6}{7}", (r"\frac{20}{7}", r"2\frac{6}{7}", True)),
        (r"2\left(3 + 4\right) = 14", (r"2\left(3 + 4\right)", "14", True)),
        (r"(5\text{ cm})(3\text{ cm}) = 15\text{ cm}^2", (r"(5\text{ cm})(3\text{ cm})", "15", True)),
        (r"90 \times 100 = 9,\!000", (r"90 \times 100", r"9,\!000", True)),
        ("3 times 4 equals 12", ("3 times 4", "12", True)),
        ("**5 + 3 = 8**", ("5 + 3", "8", True)),
        ("- 5 + 3 = 8", ("5 + 3", "8", True)),
        ("1. 5 + 3 = 9", ("5 + 3", "9", False)),
        ("12 = 3 * 4", ("12", "3 * 4", True)),
        ("12 = 3 * 5", ("12", "3 * 5", False)),
    ],
)
def test_an_equation_is_read_and_computed(text: str, expected: tuple[str, str, bool]):
    assert found(text) == [expected]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("7/3 = 2.33", True),
        ("7/3 = 2.3", True),
        ("2/3 = 0.66", True),
        ("7/3 = 2.34", False),
        ("7/2 = 4", True),
        ("7/3 = 3", False),
        ("10/4 = 2.5", True),
        ("10/4 = 2.4", False),
        ("1/3 = 33%", True),
        ("7/3 ≈ 2.33", True),
    ],
)
def test_a_result_may_be_rounded_as_it_is_written(text: str, holds: bool):
    assert [equation.holds for equation in equations(text)] == [holds]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("S + 30 + 4 = 34", "a variable"),
        ("so S + 143 = 200 - 16", "a variable in front"),
        ("(x + 1) * 3 + 4 = 10", "a variable in a bracket"),
        ("5 + 3 = 24 - x", "a variable behind"),
        ("26=5+3x", "a variable glued to a number"),
        ("5 + 1 = 4S", "a variable glued to the result"),
        (r"\frac{x}{2} = \frac{10}{2}", "a variable in a fraction"),
        (r"\tan \frac{1}{2} = \frac{1}{29}", "a function"),
        (r"4.5 \pi (1.5)^3 = 4", "a constant"),
        (r"16 = 4 + 9 - 12 \cos C", "a function behind"),
        (r"3! \times 2^3 = 6 \times 8", "a factorial"),
        ("1 + 2 + ... + 9 + 10 = 55", "a sum with a gap"),
        ("60 = 30 + 20 + 40 - |B|", "a size of a set"),
        ("504.6739 / 50.821789 ≈ 9.934", "about that much"),
        ("1 / 7 = 0.14285714285700000", "lost digits"),
        ("1 / 0 = 3", "a division by zero"),
        ("9^999999 = 1", "a number too large to compute"),
        ("1 day = 24 * 60 minutes", "a definition"),
        ("page 3 = 2 * 4", "a label"),
        ("weeks 1-2 = 96 - 70", "a range"),
        ("$1 / 2 = 50 cents", "two units of money"),
        ("4 pounds - 6 ounces = 58 ounces", "two units of weight"),
        ("50 stickers / 3 friends = 16 stickers", "a result cut to whole things"),
        ("$110 000 x 10/100 = $11 000", "a space in a number"),
        ("6:00+48=6:48", "a time"),
    ],
)
def test_what_cannot_be_judged_is_never_called_false(text: str, why: str):
    assert all(equation.holds is None for equation in equations(text)), why


@pytest.mark.parametrize(
    "text",
    [
        "x = 5",
        "2x + 3 = 7",
        "let n = 3 and m = 4",
        "for x == 3 + 4",
        "3 + 4 >= 7",
        "f = lambda x: x",
        "a = b = c",
        "=",
        "",
    ],
)
def test_assignments_algebra_and_comparisons_are_no_equations(text: str):
    assert equations(text) == ()


def test_a_chain_is_read_step_by_step():
    assert found("2 * (3 + 4) = 2 * 7 = 14") == [("2 * (3 + 4)", "2 * 7", True), ("2 * 7", "14", True)]
    assert found("2 * 3 = 6 + 1 = 7") == [("2 * 3", "6", True), ("6 + 1", "7", True)]
    assert found("2 * 3 = 5 + 1 = 7") == [("2 * 3", "5 + 1", True), ("5 + 1", "7", False)]


def test_calculator_notes_are_read_by_themselves_and_skipped_around():
    text = "She made 9 * 2 = $<<9*2=18>>18 a day."
    assert found(text) == [("9 * 2", "18", True), ("9*2", "18", True)]
    assert [holds for *_, holds in found(text.replace(">>18", ">>19"))] == [False, True]


def test_offsets_point_at_both_sides():
    text = "First, 3 boxes * $1,200 = $<<3*1200=3600>>3,600 in all; then 5+5=10."
    for equation in equations(text):
        assert text[equation.start : equation.start + len(equation.left)] == equation.left
        assert text[equation.end - len(equation.right) : equation.end] == equation.right


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"), st.integers(-5, 5))
def test_integer_arithmetic_agrees_with_python(left: int, right: int, operator: str, shift: int):
    result = {"+": left + right, "-": left - right, "*": left * right}[operator]
    text = f"we get {left} {operator} {right} = {result + shift}."
    assert [equation.holds for equation in equations(text)] == [shift == 0]


@given(st.fractions(-50, 50, max_denominator=200), st.integers(0, 4))
def test_every_rounding_of_a_value_holds(value: Fraction, decimals: int):
    written = Fraction(f"{float(value):.{decimals}f}")
    assert rounds_to(value, written, decimals)
    assert not rounds_to(value, written + Fraction(2, 10**decimals), decimals)


def test_the_value_of_an_expression():
    assert value_of("3/4 * 2") == Fraction(3, 2)
    assert value_of("3 *") is None
    assert value_of("x + 1") is None


PIECES = st.sampled_from(
    [*"0123456789+-*/=().,%$x^<>{}\\ \n&:", "<<", ">>", " = ", " of ", "\\frac{", "half ", "1/2", "²", "½"]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=80).map("".join)))
def test_no_text_makes_it_raise(text: str):
    for equation in equations(text):
        assert text[equation.start : equation.start + len(equation.left)] == equation.left
        assert text[equation.end - len(equation.right) : equation.end] == equation.right


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1,",
        "1.",
        "=",
        "1=",
        "1+",
        "(",
        "((1+",
        "1+1=",
        "<<",
        "<<1",
        "x ",
        "a ",
        "1 a ",
        "-",
        "- 1 ",
        " ",
        "\\frac{",
        "9^9^",
        "1/",
        "%",
    ],
)
def test_time_is_linear_in_the_length_of_hostile_text(piece: str):
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    equations(text)
    assert time.process_time() - started < 5


def test_a_sum_of_a_thousand_terms_is_not_cut_short():
    terms = " + ".join(["1"] * 1000)
    assert [equation.holds for equation in equations(f"{terms} = 1000")] == [True]


def test_right_solutions_of_processbench_hold_no_false_equation(data_dir: Path):
    with gzip.open(data_dir / "processbench" / "math.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)
    flagged = {row["id"]: row["label"] for row in rows for step in row["steps"] for *_, h in found(step) if h is False}
    assert len(flagged) > 50
    assert [name for name, first_wrong_step in flagged.items() if first_wrong_step == -1] == []


def test_equations_of_gsm8k_hold(data_dir: Path):
    with gzip.open(data_dir / "gsm8k" / "test.jsonl.gz", "rt", encoding="utf-8") as file:
        answers = [json.loads(line)["answer"] for line in file]
    verdicts = [equation.holds for answer in answers for equation in equations(answer)]
    assert len(verdicts) > 8000
    assert verdicts.count(True) / len(verdicts) > 0.99
    assert verdicts.count(False) / len(verdicts) < 0.002
