"""Recompute every truth of the starter set that can be computed, by means that share no code with what wrote it.

Each checker gives a list of problems, and each has a control: a corrupted row in which it must find one.
"""

import ast
import importlib.util
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from seapo import answer
from seapo.records import NumberTruth, TextTruth
from seapo.tasks import starter
from seapo.tasks.starter import (
    AssignmentCheck,
    AssignmentFact,
    CycleCheck,
    ExpressionCheck,
    FamilyCheck,
    LogicCheck,
    OrderingCheck,
    OrderingFact,
    Proposition,
    StarterTestRow,
    StarterTrainRow,
    SyllogismCheck,
)

REPOSITORY = Path(__file__).resolve().parents[2]
Row = StarterTrainRow | StarterTestRow
TRAIN = tuple(starter.training_rows())
TEST = tuple(starter.test_rows())
ROWS: tuple[Row, ...] = (*TRAIN, *TEST)

BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
COMPARISONS = {ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.LtE: operator.le}
EQUATION = re.compile(r"(\d+(?:\.\d+)?) ([-+*/]) (\d+(?:\.\d+)?) = (\d+(?:\.\d+)?)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SPELT_OUT = {1, 2, 3, 4, 5, 7, 10, 100}
"""Numbers that a question may give in words: half, twice, a quarter, three fifths, a week, percent."""


# Solving


def evaluate(expression: str, names: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression of numbers, or of the given names; raises ValueError for any other syntax."""
    return _value(ast.parse(expression, mode="eval").body, names or {})


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float()):
            return Fraction(str(node.value))
        case ast.Name():
            return names[node.id]
        case ast.BinOp():
            return BINARY[type(node.op)](_value(node.left, names), _value(node.right, names))
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, names)
        case ast.BoolOp():
            join = all if isinstance(node.op, ast.And) else any
            return join([_value(value, names) for value in node.values])
        case ast.Compare(ops=[compare], comparators=[right]):
            return COMPARISONS[type(compare)](_value(node.left, names), _value(right, names))
    raise ValueError(f"{ast.unparse(node)!r} is no part of an expression")


def solve(check: Any) -> str:
    """The answer of a check; raises ValueError where there is none, or more than one."""
    solvers: dict[type, Callable[[Any], str]] = {
        ExpressionCheck: lambda each: str(evaluate(each.expression)),
        OrderingCheck: solve_ordering,
        SyllogismCheck: solve_syllogism,
        LogicCheck: solve_logic,
        CycleCheck: lambda each: each.cycle[(each.cycle.index(each.start) + sum(each.steps)) % len(each.cycle)],
        FamilyCheck: solve_family,
        AssignmentCheck: solve_assignment,
    }
    return solvers[type(check)](check)


def solve_ordering(check: OrderingCheck) -> str:
    orders = [order for order in itertools.permutations(check.names) if all(_fits(order, f) for f in check.facts)]
    return _only({order[check.position] for order in orders})


def _fits(order: tuple[str, ...], fact: OrderingFact) -> bool:
    first = order.index(fact.first)
    if fact.second is None:
        assert fact.position is not None
        return (first == fact.position % len(order)) == (fact.relation == "at")
    distance = order.index(fact.second) - first
    return {
        "before": distance > 0,
        "just_before": distance == 1,
        "beside": abs(distance) == 1,
        "not_beside": abs(distance) > 1,
    }[fact.relation]


def solve_syllogism(check: SyllogismCheck) -> str:
    """Try every small world: which combinations of the classes have members, and which one each individual is."""
    statements = (*check.premises, check.conclusion)
    single = sorted({each.subject for each in statements if each.quantifier in ("is", "is_not")})
    classes = sorted({name for each in statements for name in (each.subject, each.predicate)} - set(single))
    kinds = [frozenset(kind) for size in range(len(classes) + 1) for kind in itertools.combinations(classes, size)]
    verdicts = {
        _is_true(check.conclusion, world, who)
        for size in range(1, len(kinds) + 1)
        for world in itertools.combinations(kinds, size)
        for who in (dict(zip(single, each, strict=True)) for each in itertools.product(world, repeat=len(single)))
        if all(_is_true(premise, world, who) for premise in check.premises)
    }
    return {(True,): "yes", (False,): "no", (False, True): "unknown"}[tuple(sorted(verdicts))]


def _is_true(each: Proposition, world: tuple[frozenset[str], ...], who: dict[str, frozenset[str]]) -> bool:
    if each.quantifier in ("is", "is_not"):
        return (each.predicate in who[each.subject]) == (each.quantifier == "is")
    inside = [each.predicate in kind for kind in world if each.subject in kind]
    return {"all": all(inside), "no": not any(inside), "some": any(inside), "some_not": not all(inside)}[
        each.quantifier
    ]


def solve_logic(check: LogicCheck) -> str:
    rows = (
        dict(zip(check.variables, values, strict=True))
        for values in itertools.product((False, True), repeat=len(check.variables))
    )
    worlds = [row for row in rows if all(evaluate(premise, row) for premise in check.premises)]
    if not worlds:
        raise ValueError("the premises contradict each other")
    forced = {text for text, formula in check.options.items() if all(evaluate(formula, row) for row in worlds)}
    return _only(forced) if forced else "unknown"


def solve_family(check: FamilyCheck) -> str:
    def parents(*people: str) -> set[str]:
        return {parent for parent, child in check.parents if child in people}

    def siblings(*people: str) -> set[str]:
        return {child for parent, child in check.parents if parent in parents(*people)} - set(people)

    def children(*people: str) -> set[str]:
        return {child for parent, child in check.parents if parent in people}

    other = check.relative_of
    is_woman = check.person in check.women
    assert is_woman != (check.person in check.men)
    relations = {
        ("mother", "father"): parents(other),
        ("grandmother", "grandfather"): parents(*parents(other)),
        ("daughter", "son"): children(other),
        ("granddaughter", "grandson"): children(*children(other)),
        ("sister", "brother"): siblings(other),
        ("aunt", "uncle"): siblings(*parents(other)),
        ("niece", "nephew"): children(*siblings(other)),
        ("cousin", "cousin"): children(*siblings(*parents(other))),
    }
    return _only({names[not is_woman] for names, people in relations.items() if check.person in people})


def solve_assignment(check: AssignmentCheck) -> str:
    worlds = [dict(zip(things, check.people, strict=True)) for things in itertools.permutations(check.things)]
    return _only(
        {
            world[check.thing]
            for world in worlds
            if all((world[fact.thing] == fact.person) == fact.holds for fact in check.facts)
        }
    )


def _only(answers: set[str]) -> str:
    if len(answers) != 1:
        raise ValueError(f"there are {len(answers)} answers: {sorted(answers)}")
    return answers.pop()


# Checkers


def truth_problems(row: Row) -> list[str]:
    """Is the truth what the check gives?"""
    if row.check is None:
        return []
    assert isinstance(row.truth, NumberTruth | TextTruth)
    try:
        solved = solve(row.check)
    except ValueError as problem:
        return [f"{row.id}: {problem}"]
    return [] if solved == row.truth.value else [f"{row.id}: the truth is {solved}, not {row.truth.value}"]


def question_problems(row: Row) -> list[str]:
    """Does the question show what the check uses?"""
    question = row.question.casefold()
    return [f"{row.id}: the question lacks {part!r}" for part in _needed(row) if part.casefold() not in question]


def _needed(row: Row) -> Iterator[str]:
    """Words and numbers without which the question cannot be answered; a class of a syllogism is only paraphrased."""
    match row.check:
        case ExpressionCheck(expression=expression):
            yield from (text for text in NUMBER.findall(expression) if Fraction(text) not in SPELT_OUT)
        case OrderingCheck(names=names):
            yield from names
        case AssignmentCheck(people=people, things=things):
            yield from (*people, *things)
        case FamilyCheck(women=women, men=men):
            yield from (*women, *men)
        case LogicCheck(options=options):
            yield from (option for option in options if option not in ("yes", "no"))
        case CycleCheck(start=start):
            yield start


def equation_problems(row: StarterTrainRow) -> list[str]:
    """Does every equation of the answer hold, and has a worked solution at least one?"""
    equations = EQUATION.findall(row.answer)
    false = [
        f"{row.id}: {left} {sign} {right} is not {result}"
        for left, sign, right, result in equations
        if evaluate(f"{left} {sign} {right}") != Fraction(result)
    ]
    count = row.answer.count("=")
    if row.dimension == "mathematics" and (not equations or count != len(equations)):
        false.append(f"{row.id}: of {count} equals signs {len(equations)} belong to an equation")
    return false


def conclusion_problems(row: StarterTrainRow) -> list[str]:
    """Does the answer end on the truth, as our own reader of answers sees it?"""
    if row.check is None:
        return []
    assert isinstance(row.truth, NumberTruth | TextTruth)
    last = row.answer.rsplit(". ", 1)[-1]
    found = answer.final_answer(row.answer)
    if not last.startswith("The answer is ") or found is None or not answer.same_answer(found.value, row.truth.value):
        return [f"{row.id}: the answer ends on {last!r}, the truth is {row.truth.value!r}"]
    return []


def choice_problems(row: StarterTestRow) -> list[str]:
    """Does the right choice say the truth, and no other one?"""
    if row.check is None:
        return []
    assert isinstance(row.truth, NumberTruth | TextTruth)
    word = re.compile(rf"(?<![\w.]){re.escape(row.truth.value)}(?![\w])", re.IGNORECASE)
    says = tuple(index for index, choice in enumerate(row.choices) if word.search(choice))
    return [] if says == row.correct else [f"{row.id}: the truth stands in choices {says}, not {row.correct}"]


def problems_of(row: Row) -> list[str]:
    """What all checkers find."""
    found = truth_problems(row) + question_problems(row)
    if isinstance(row, StarterTestRow):
        return found + choice_problems(row)
    return found + equation_problems(row) + conclusion_problems(row)


def generated_rows(seed: int) -> list[Row]:
    """All rows that the generator writes for a seed."""
    spec = importlib.util.spec_from_file_location("make_starter", REPOSITORY / "scripts" / "make_starter.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return [
        row
        for dimension in script.DRAFTERS
        for split in ("train", "test")
        for row in script.rows(dimension, split, seed)
    ]


# What can be computed


def test_no_row_has_a_problem() -> None:
    assert [problem for row in ROWS for problem in problems_of(row)] == []


def test_every_row_of_mathematics_and_reasoning_can_be_computed() -> None:
    assert [row.id for row in ROWS if row.dimension in ("mathematics", "reasoning") and row.check is None] == []
    kinds = {row.check.kind for row in ROWS if row.check is not None}
    assert kinds == {"expression", "ordering", "syllogism", "logic", "cycle", "family", "assignment"}


def test_another_seed_gives_rows_without_problems_too() -> None:
    rows = generated_rows(seed=1)
    shipped = {row.question for row in ROWS}
    assert sum(row.question in shipped for row in rows if row.dimension == "mathematics") < 10
    assert [problem for row in rows for problem in problems_of(row)] == []


# The controls: each checker finds what is wrong


@pytest.mark.parametrize("dimension", ["mathematics", "reasoning"])
def test_each_changed_truth_is_found(dimension: str) -> None:
    rows = [row for row in ROWS if row.dimension == dimension]
    truths = {row.id: row.truth.model_copy(update={"value": row.truth.value + "0"}) for row in rows}
    changed = [row.model_copy(update={"truth": truths[row.id]}) for row in rows]
    assert [row.id for row in changed if not truth_problems(row)] == []
    assert [r.id for r in changed if isinstance(r, StarterTrainRow) and not conclusion_problems(r)] == []
    assert [r.id for r in changed if isinstance(r, StarterTestRow) and not choice_problems(r)] == []


ABC = ("Ann", "Bob", "Cy")
BEFORE = OrderingFact(relation="before", first="Ann", second="Bob")
APART = OrderingFact(relation="not_beside", first="Ann", second="Bob")
LAST = OrderingFact(relation="at", first="Ann", position=-1)
ALL_MEN = Proposition(quantifier="all", subject="men", predicate="mortals")
TWO_LIARS = LogicCheck(variables=("Ann", "Bob"), premises=("Ann == (not Bob)",), options={"Ann": "Ann", "Bob": "Bob"})


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (OrderingCheck(names=ABC, facts=(BEFORE,), position=0), "2 answers"),
        (OrderingCheck(names=("Ann", "Bob"), facts=(BEFORE, LAST), position=0), "0 answers"),
        (TWO_LIARS.model_copy(update={"premises": ("Ann", "not Ann")}), "contradict"),
        (TWO_LIARS.model_copy(update={"options": {"Ann": "Ann or Bob", "Bob": "Ann != Bob"}}), "2 answers"),
        (AssignmentCheck(people=ABC, things=("cat", "dog", "owl"), thing="cat",
         facts=(AssignmentFact(person="Ann", thing="cat", holds=False),)), "2 answers"),
        (FamilyCheck(parents=(("Ann", "Bob"),), women=("Ann", "Eve"), men=("Bob",), person="Eve", relative_of="Bob"),
         "0 answers"),
    ],
)  # fmt: skip
def test_a_puzzle_without_one_answer_is_refused(check: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        solve(check)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (ExpressionCheck(expression="(3 * 12 - 5) * 2"), "62"),
        (ExpressionCheck(expression="7 // 2 + 2 ** 3 - 9 % 4"), "10"),
        (OrderingCheck(names=ABC, facts=(BEFORE, APART), position=1), "Cy"),
        (SyllogismCheck(premises=(ALL_MEN,), conclusion=ALL_MEN), "yes"),
        (SyllogismCheck(premises=(ALL_MEN,), conclusion=ALL_MEN.model_copy(update={"quantifier": "some_not"})), "no"),
        (SyllogismCheck(premises=(ALL_MEN,), conclusion=ALL_MEN.model_copy(update={"quantifier": "some"})), "unknown"),
        (TWO_LIARS, "unknown"),
        (CycleCheck(cycle=("a", "b", "c"), start="a", steps=(-1, 3)), "c"),
    ],
)  # fmt: skip
def test_solvers_agree_with_answers_worked_out_by_hand(check: Any, expected: str) -> None:
    assert solve(check) == expected


def test_an_expression_holds_nothing_but_arithmetic() -> None:
    with pytest.raises((ValueError, KeyError)):
        evaluate("__import__('os').getcwd()")


def test_a_question_that_lacks_a_number_or_a_name_is_found() -> None:
    row = next(row for row in ROWS if isinstance(row.check, OrderingCheck))
    assert question_problems(row.model_copy(update={"question": row.question.replace(row.truth.value, "someone")}))
    row = TRAIN[0]
    shortened = NUMBER.sub("some", row.question)
    assert question_problems(row.model_copy(update={"question": shortened}))


@pytest.mark.parametrize("index", range(3))
def test_a_false_equation_is_found(index: int) -> None:
    row = next(row for row in TRAIN if len(EQUATION.findall(row.answer)) == 3)
    left, sign, right, result = EQUATION.findall(row.answer)[index]
    wrong = row.answer.replace(f"{left} {sign} {right} = {result}", f"{left} {sign} {right} = {int(result) + 1}")
    assert equation_problems(row.model_copy(update={"answer": wrong}))


def test_an_equation_in_another_form_is_found() -> None:
    row = TRAIN[0]
    assert equation_problems(row.model_copy(update={"answer": row.answer.replace(" = ", " is ")}))
    assert equation_problems(row.model_copy(update={"answer": row.answer + " x = 5"}))


def test_exchanged_choices_are_found() -> None:
    rows = [row for row in TEST if row.check is not None]
    turned = [row.model_copy(update={"choices": (*row.choices[1:], row.choices[0])}) for row in rows]
    assert [row.id for row in turned if not choice_problems(row)] == []
