"""Code through its syntax tree, and code of other languages by its spelling."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.answer import python_code
from seapo.inject.api_rules import invented_calls, invented_calls_elsewhere, invented_imports
from seapo.inject.code_rules import (
    missing_guards,
    off_by_one,
    swapped_statements,
    wrong_conditions,
    wrong_operators,
    wrong_variables,
)
from seapo.inject.code_sites import Source
from seapo.inject.foreign_code_rules import wrong_foreign_conditions, wrong_foreign_operators
from seapo.inject.passage import PythonRegion

RULES = (
    missing_guards,
    off_by_one,
    swapped_statements,
    wrong_conditions,
    wrong_operators,
    wrong_variables,
    invented_calls,
)
CODE = '''def first_above(values, limit):
    """Give the first value above the limit, or None."""
    if not values:
        return None
    best = sorted(values)
    for value in best[1:]:
        if value > limit and value < 100:
            return value + 1
    return None
'''
ANSWER = f"Walk through them:\n```python\n{CODE}```\nIt stops at the first one."


def codes(texts: set[str]) -> set[str]:
    return {python_code(text) for text in texts}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("answer", [ANSWER, CODE])
def test_every_mutant_parses_and_differs(outcomes, rule, answer):
    found = outcomes(rule, answer)
    assert found
    for code in codes(found):
        assert ast.dump(ast.parse(code)) != ast.dump(ast.parse(CODE))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("answer", ["No code at all.", "```python\ndef broken(:\n```", "```\nplain words here\n```"])
def test_what_is_no_python_has_no_mutants(outcomes, rule, answer):
    assert outcomes(rule, answer) == set()


def has(texts: set[str], piece: str) -> bool:
    return any(piece in text for text in texts)


def test_slips_of_a_programmer(outcomes):
    operators = outcomes(wrong_operators, ANSWER)
    assert has(operators, "value >= limit")
    assert has(operators, "value <= 100")
    assert has(operators, "value - 1")
    assert has(outcomes(off_by_one, ANSWER), "best[2:]") or has(outcomes(off_by_one, ANSWER), "best[0:]")
    assert has(outcomes(wrong_variables, ANSWER), "sorted(limit)")


def test_conditions_guards_and_order(outcomes):
    conditions = outcomes(wrong_conditions, ANSWER)
    assert has(conditions, "if values:")
    assert has(conditions, "value > limit or value < 100")
    assert not has(outcomes(missing_guards, ANSWER), "if not values")
    assert has(
        outcomes(swapped_statements, "def f(a):\n    b = a + 1\n    c = b * 2\n    return c\n"),
        "c = b * 2\n    b = a + 1",
    )
    assert has(
        outcomes(swapped_statements, "def f(a):\n    for x in a:\n        x.go()\n    return a\n"), "        return a"
    )


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("def f(a):\n    return a + ' end'\n", wrong_operators),
        ("def f(a):\n    return max(a, 2)\n", wrong_variables),
        ("if __name__ == '__main__':\n    def f():\n        return 1\n", wrong_conditions),
    ],
)
def test_changes_that_would_be_silly_are_not_made(outcomes, code, rule):
    assert outcomes(rule, code) == set()


def test_invented_calls_have_names_that_nothing_holds(outcomes):
    found = outcomes(invented_calls, ANSWER)
    assert has(found, "values.sorted()") or has(found, "sort_list(values)")
    for code in codes(found):
        space = {}
        exec(compile(code, "mutant", "exec"), space)
        with pytest.raises((NameError, AttributeError, TypeError)):
            space["first_above"]([3, 1, 7], 2)


def test_invented_imports_fail(outcomes):
    for code in codes(outcomes(invented_imports, ANSWER)):
        with pytest.raises(ImportError):
            exec(compile(code, "mutant", "exec"), {})
    assert outcomes(invented_imports, "```python\nimport math\nprint(math.pi)\n```") == set()


def test_calls_elsewhere_keep_the_style_of_their_language(outcomes):
    found = outcomes(invented_calls_elsewhere, "Use the `nextLine()` method there.")
    assert found
    assert all("`nextLine" in text and "()`" in text and "_" not in text for text in found)
    assert outcomes(invented_calls_elsewhere, "Use a loop there.") == set()


def test_code_of_other_languages_is_changed_in_code_only(outcomes):
    answer = (
        "Look:\n```js\n// a < b\nfor (let i = 0; i < n; i++) {\n  if (a && b) { go(); }\n}\n```\nHere i < n && done."
    )
    assert outcomes(wrong_foreign_operators, answer) == {answer.replace("0; i < n;", "0; i <= n;")}
    assert outcomes(wrong_foreign_conditions, answer) == {answer.replace("(a && b)", "(a || b)")}


@given(st.text(alphabet="äé€ xyz", max_size=6), st.text(alphabet="ab", min_size=1, max_size=3))
@settings(max_examples=40)
def test_positions_count_characters_not_bytes(text, name):
    code = f"{name} = '{text}' + {name}1 < 3\n"
    source = Source(PythonRegion(0, code))
    compare = source.tree.body[0].value
    assert source.text(compare) == code.split(" = ", 1)[1].strip()
    assert source.text(compare.comparators[0]) == "3"
