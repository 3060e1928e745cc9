"""Checks on Python: unit tests in the sandbox, and names that the standard library does not have."""

import pytest

from seapo import sandbox
from seapo.journal import Journal
from seapo.recipe import VerifySection
from seapo.records import UnitTestTruth
from seapo.unit_tests import remembered, run_tests
from seapo.verify.code import invented_names, missing_names

ADD = "```python\ndef add(a, b):\n    return a + b\n```\nIt adds them."
TESTS = UnitTestTruth(tests="assert add(1, 2) == 3\nassert add(2, 2) == 4\n")
needs_sandbox = pytest.mark.skipif(not sandbox.is_available(), reason="needs bubblewrap (apt-get install bubblewrap)")


@needs_sandbox
@pytest.mark.parametrize(
    ("old", "new", "error_type", "outcome"),
    [
        ("a + b", "a - b", "correctness", "pass"),
        ("a + b", "a - b", "hallucination", "pass"),
        ("a + b", "b + a", "correctness", "fail"),
        ("a + b", "b + a", "logic", "fail"),
        ("a + b", "b + a", "hallucination", "not_judged"),
        ("a + b", "a + b  # as in Peano's book", "correctness", "not_judged"),
        ("It adds", "It divides", "correctness", "not_judged"),
    ],
)
def test_unit_tests_by_error_type(judge, old, new, error_type, outcome):
    assert judge("unit_tests", ADD, ADD.replace(old, new), error_type, truth=TESTS).outcome == outcome


@needs_sandbox
def test_the_failing_assertion_is_the_evidence(judge):
    result = judge("unit_tests", ADD, ADD.replace("a + b", "a * b"), truth=TESTS)
    assert result.evidence == "assert add(1, 2) == 3 gives AssertionError"


@needs_sandbox
def test_evidence_names_no_place_on_this_machine():
    result = run_tests("from os import list_files", "assert True", VerifySection())
    assert result.evidence == "ImportError: cannot import name 'list_files' from 'os'"


@needs_sandbox
@pytest.mark.parametrize(
    ("code", "tests", "outcome"),
    [
        ("def f():\n    return 1", "assert f() == 1", "passed"),
        ("def f():\n    return 1", "assert f() == 2", "failed"),
        ("import sys\nsys.exit(0)", "assert False", "failed"),
        ("import os\nos._exit(0)", "assert False", "failed"),
        ("import os\nos._exit(77)", "assert False", "failed"),
        ("while True: pass", "assert True", "failed"),
        ("def f(:", "assert True", "failed"),
        ("print('x' * 10**6)", "assert True", "passed"),
        ("if __name__ == '__main__':\n    input()", "assert True", "passed"),
        (
            "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int",
            "assert P(1).x == 1",
            "passed",
        ),
    ],
)
def test_how_a_run_ends(code, tests, outcome):
    assert run_tests(code, tests, VerifySection(test_timeout_s=2.0)).outcome == outcome


def test_without_a_sandbox_nothing_is_judged(judge, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    wrong = ADD.replace("a + b", "a - b")
    assert judge("unit_tests", ADD, wrong, truth=TESTS).outcome == "not_judged"
    settings = VerifySection(allow_unsandboxed_code=True)
    assert judge("unit_tests", ADD, wrong, truth=TESTS, settings=settings).outcome == "pass"


def test_without_tests_or_code_nothing_is_judged(judge):
    assert judge("unit_tests", ADD, ADD.replace("+", "-")).outcome == "not_judged"
    assert judge("unit_tests", "No code.", "None.", truth=TESTS).outcome == "not_judged"


@needs_sandbox
def test_the_journal_remembers_a_run(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        runs = list[str]()

        def counted(code, tests, settings):
            runs.append(code)
            return run_tests(code, tests, settings)

        run = remembered(counted, journal)
        code, settings = "def f():\n    return 1", VerifySection()
        results = [run(code, "assert f() == 1", settings), run(code, "assert f() == 1", settings)]
        assert results[0] == results[1]
        assert len(runs) == 1
        run(code, "assert f() == 2", settings)
        run(code, "assert f() == 1", VerifySection(test_timeout_s=9.0))
        assert len(runs) == 3
        assert journal.counts() == {"unit_tests": 3}


def test_the_journal_forgets_that_nothing_could_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with Journal(tmp_path / "journal.db") as journal:
        result = remembered(run_tests, journal)("x = 1", "assert x", VerifySection())
        assert result.outcome == "not_run"
        assert journal.counts() == {}


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("import math\nmath.summarise(1)", ("math.summarise",)),
        ("from math import squareroot", ("math.squareroot",)),
        ("import os.path as p\np.joined('a')", ("os.path.joined",)),
        ("import datetime as d\nd.datetime.now_utc()", ("datetime.datetime.now_utc",)),
        ("from collections import Counter\nCounter.top(3)", ("collections.Counter.top",)),
        ("import json.tool, logging.handlers, urllib.request", ()),
        ("import math, os\nmath.sqrt(os.path.getsize('x'))", ()),
        ("from datetime import datetime\ndatetime.now().moment", ()),
        ("import numpy as np\nnp.nothing()", ()),
        ("import subprocess\nsubprocess.nothing()", ()),
        ("import re\nre = Tokens()\nre.tokens", ()),
        ("def f(math):\n    return math.anything", ()),
        ("math.summarise(1)", ()),
        ("import (", ()),
    ],
)
def test_names_that_the_standard_library_does_not_have(code, missing):
    assert missing_names(code) == missing


def test_invented_api_is_a_proof_unless_the_chosen_answer_has_it_too(judge):
    chosen = "```python\nimport json\n\ndef f(t):\n    return json.loads(t)\n```"
    assert judge("invented_api", chosen, chosen.replace("loads", "parse_text"), "hallucination").outcome == "pass"
    assert judge("invented_api", chosen, chosen.replace("loads", "dumps"), "hallucination").outcome == "not_judged"
    both = chosen.replace("loads", "parse_text")
    assert judge("invented_api", both, both.replace("(t)", "(s)"), "hallucination").outcome == "not_judged"
    assert judge("invented_api", "No code.", "None.", "hallucination").outcome == "not_judged"


def test_invented_names_are_those_that_nothing_defines(make_sample):
    sample = make_sample("```python\ndef f(rows):\n    return sorted(rows)\n```", question="Sort rows with helper().")
    text = "```python\ndef f(rows):\n    rows.append(1)\n    return {}\n```"
    assert invented_names(sample, text.format("natural_sort(rows)")) == ("natural_sort",)
    assert invented_names(sample, text.format("rows.smart_sort()")) == ("smart_sort",)
    assert invented_names(sample, text.format("helper(max(rows))")) == ()
    assert invented_names(sample, text.format("rows.sorted()")) == ("sorted",)
    code = "```python\nfrom math import sqrt\nimport math, {}\ndef f(r):\n    return sqrt(math.{})\n```"
    assert invented_names(sample, code.format("rowtools", "pi")) == ("rowtools",)
    assert invented_names(sample, code.format("json", "tau_squared")) == ("math.tau_squared",)
    assert invented_names(sample, "No code.") == ()


def test_invented_calls_of_other_languages(make_sample):
    sample = make_sample("```java\nSystem.out.println(rows.size());\n```", question="Print how many rows, with log().")
    assert invented_names(sample, sample.chosen.replace("println", "printlnEach")) == ("printlnEach",)
    assert invented_names(sample, sample.chosen.replace("println", "log")) == ()
