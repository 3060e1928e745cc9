"""Runs unit tests on code that nobody has read, in the sandbox, and remembers what became of them."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from seapo import sandbox
from seapo.errors import SandboxError
from seapo.journal import Journal
from seapo.recipe import VerifySection
from seapo.records import digest

VERSION = 2
"""Raise it when the way of running tests changes, so that remembered results are not used again."""


@dataclass(frozen=True)
class TestRun:
    """What became of unit tests."""

    __test__ = False  # pytest takes a class of this name for tests

    outcome: str
    """passed, failed, or not_run."""
    evidence: str


Runner = Callable[[str, str, VerifySection], TestRun]


def run_tests(code: str, tests: str, settings: VerifySection) -> TestRun:
    """Run code and its tests in the sandbox; `not_run` where there is none."""
    try:
        result = sandbox.run_python(
            code, tests=tests, timeout_s=settings.test_timeout_s, allow_unsandboxed=settings.allow_unsandboxed_code
        )
    except SandboxError as problem:
        return TestRun("not_run", str(problem))
    if result.completed:
        return TestRun("passed", "all unit tests pass")
    if result.timed_out:
        return TestRun("failed", f"the code did not end within {settings.test_timeout_s:g} s")
    return TestRun("failed", _failure(result.stderr, tests))


def remembered(run: Runner, journal: Journal | None) -> Runner:
    """The same runner, which runs nothing twice that the journal remembers."""
    if journal is None:
        return run

    def runner(code: str, tests: str, settings: VerifySection) -> TestRun:
        version = [VERSION, *sys.version_info[:2]]
        key = digest(["unit_tests", version, code, tests, settings.test_timeout_s])
        if (kept := journal.get(key)) is None:
            result = run(code, tests, settings)
            if result.outcome == "not_run":
                return result
            kept = journal.remember(key, "unit_tests", lambda: {"outcome": result.outcome, "evidence": result.evidence})
        return TestRun(**kept)

    return runner


def _failure(stderr: str, tests: str) -> str:
    """The exception and the line of the tests that raised it, from a traceback."""
    lines = stderr.strip().splitlines()
    # The place of a library differs from machine to machine.
    error = re.sub(r" \(/[^)]*\)", "", lines[-1]) if lines else "the program ended itself before the tests did"
    places = [line.partition('"tests.py", line ')[2] for line in lines if '"tests.py", line ' in line]
    number = places[0].partition(",")[0] if places else ""
    source = tests.splitlines()
    if number.isdigit() and int(number) <= len(source):
        return f"{_shortened(source[int(number) - 1])} gives {_shortened(error, 120)}"
    return _shortened(error, 120)


def _shortened(text: str, length: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
