"""Which error an answer makes: a plain function of the question, a right answer, and the model's answer.

    diagnose_answer("What is 12 * 4?", "12 * 4 = 48. The answer is 48.", "12 * 4 = 46. The answer is 46.")
        ->  Diagnosis(outcome="wrong", error_type="correctness", by="program", evidence="12 * 4 = 46 is false", ...)

What a program proves comes first, and of several proofs the one that stands first; then a judge, where there is one;
then what looks like an error and is not proved. What is left is not judged.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Literal

from seapo.answer import python_code
from seapo.diagnose.finding import OTHER, Finding
from seapo.diagnose.judge import ask_judge
from seapo.diagnose.question import Judgement, Outcome, Question, judge_answer, truth_of
from seapo.diagnose.sums import strange_step, sum_findings
from seapo.diagnose.words import citation_findings, contradiction_findings, stranger_findings
from seapo.engine.request import Engine
from seapo.errors import DataError
from seapo.language import shared_kind
from seapo.recipe import ErrorTypeSection
from seapo.records import ChoiceTruth, Record, TextTruth, Truth, UnitTestTruth
from seapo.unit_tests import TestRun

REPETITION = re.compile(r"(.{20,400}?)\1{2,}\Z", re.DOTALL)
"""A passage of twenty characters or more that stands three times in a row at the end."""
LONGEST_CHECKED = 2400
"""Characters of the end in which a repetition is looked for."""
NO_SUCH_NAME = re.compile(r"has no attribute|cannot import name")
"""What Python says of a function or method that does not exist."""


class Diagnosis(Record):
    """What was made of one answer."""

    outcome: Outcome
    """Whether the answer is right."""
    error_type: str | None = None
    """Of a wrong answer: correctness, logic, hallucination, an own type that a judge named, other; None: not judged."""
    by: Literal["program", "judge"] | None = None
    is_proved: bool = False
    """Whether a program proved the error; else it is the likeliest one."""
    evidence: str
    findings: tuple[Finding, ...] = ()
    """All that a program found, in the order of the places."""


def diagnose_answer(
    question: str,
    reference: str,
    answer: str,
    *,
    truth: Truth | None = None,
    is_closed: bool = False,
    judge: Engine | None = None,
    is_cut: bool = False,
) -> Diagnosis:
    """Is the answer right, and if not, which error does it make?

    `truth` is what a program compares; left out, it is read from the reference (a marked final answer, a number, or a
    few words), and DataError is raised where it cannot be. `is_closed` says that all that decides the answer stands in
    the question, `is_cut` that the answer ended at a limit of length. Raises EngineError where a judge answers nobody.
    """
    truth = truth_of(reference) if truth is None else truth
    if truth is None:
        raise DataError("no final answer could be read from the reference; give the argument truth, as NumberTruth")
    asked = Question(
        id="", task="", dimension=None, question=question, reference=reference, truth=truth, is_closed=is_closed
    )
    return diagnose_question(asked, answer, judge=judge, is_cut=is_cut)


def diagnose_question(
    question: Question,
    answer: str,
    *,
    judge: Engine | None = None,
    error_types: Sequence[str] = ("correctness", "logic", "hallucination"),
    types: Sequence[ErrorTypeSection] = (),
    is_cut: bool = False,
    tests: TestRun | None = None,
) -> Diagnosis:
    """The same for a question with its options, and unit tests that were run; a judge is told of `error_types`."""
    verdict = judge_answer(question, answer, is_cut=is_cut, tests=tests)
    if verdict.outcome != "wrong":
        return Diagnosis(outcome=verdict.outcome, evidence=verdict.evidence)
    found = wrong_findings(question, answer, verdict, is_cut=is_cut, tests=tests)
    proof = next((each for each in found if each.is_proof), None)
    if proof is not None:
        return _by_program(proof, found)
    opinion = None if judge is None else ask_judge(judge, question, answer, error_types, types)
    if opinion is not None:
        evidence = f"{verdict.evidence}; quoted: {opinion.quote!r}" if opinion.quote else verdict.evidence
        return Diagnosis(outcome="wrong", error_type=opinion.error_type, by="judge", evidence=evidence, findings=found)
    if found:
        return _by_program(found[0], found)
    return Diagnosis(outcome="wrong", evidence=verdict.evidence)


def wrong_findings(
    question: Question, answer: str, verdict: Judgement, *, is_cut: bool, tests: TestRun | None = None
) -> tuple[Finding, ...]:
    """What a program finds in an answer that is wrong; what explains it only for want of anything else comes last."""
    texts = (question.question, question.reference, answer)
    found = list(chain(sum_findings(*texts), contradiction_findings(*texts), citation_findings(*texts)))
    if question.is_closed:
        found += stranger_findings(*texts)
    found += _wrong_choice(question, verdict, answer)
    found += _missing_name(question, tests, answer)
    found.sort(key=lambda each: each.start)
    return tuple(found) or tuple(_last_resort(question, answer, verdict, is_cut=is_cut))


def _by_program(finding: Finding, found: tuple[Finding, ...]) -> Diagnosis:
    return Diagnosis(
        outcome="wrong",
        error_type=finding.error_type,
        by="program",
        is_proved=finding.is_proof,
        evidence=finding.evidence,
        findings=found,
    )


def _wrong_choice(question: Question, verdict: Judgement, answer: str) -> list[Finding]:
    """A statement that is known to be false, or a term in the place of another one of its kind."""
    truth, stated = question.truth, verdict.stated
    if question.is_closed or not stated:
        return []
    if isinstance(truth, ChoiceTruth) and stated in truth.incorrect:
        return [_fact(verdict, "wrong_choice", is_proof=True)]
    right = truth.correct if isinstance(truth, ChoiceTruth) else truth.value if isinstance(truth, TextTruth) else ""
    if right and shared_kind(right, stated) is not None:
        return [_fact(verdict, "wrong_fact", is_proof=False)]
    return []


def _fact(verdict: Judgement, kind: Literal["wrong_choice", "wrong_fact"], *, is_proof: bool) -> Finding:
    return Finding(
        error_type="correctness",
        kind=kind,
        start=verdict.start,
        end=verdict.end,
        evidence=verdict.evidence,
        is_proof=is_proof,
    )


def _missing_name(question: Question, tests: TestRun | None, answer: str) -> list[Finding]:
    """A function or method that the run of the code did not find."""
    if not isinstance(question.truth, UnitTestTruth) or tests is None or not NO_SUCH_NAME.search(tests.evidence):
        return []
    return [
        Finding(
            error_type="hallucination",
            kind="invented_api",
            start=0,
            end=len(answer),
            evidence=tests.evidence,
            is_proof=True,
        )
    ]


def _last_resort(question: Question, answer: str, verdict: Judgement, *, is_cut: bool) -> list[Finding]:
    """No answer at all; or the way must be wrong, since all that decides the answer stands in the question."""
    if not verdict.stated:
        return _no_answer(question, answer, verdict, is_cut=is_cut)
    step = strange_step(question.reference, answer)
    if step is not None:
        return [step]
    if not question.is_closed or not isinstance(question.truth, TextTruth):
        return []
    return [
        Finding(
            error_type="logic",
            kind="wrong_conclusion",
            start=verdict.start,
            end=verdict.end,
            evidence=f"{verdict.evidence}, and all that decides it stands in the question",
            is_proof=False,
        )
    ]


def _no_answer(question: Question, answer: str, verdict: Judgement, *, is_cut: bool) -> list[Finding]:
    """Where nothing was stated that could be compared: it repeats itself, was cut, is empty, or holds no code."""
    repeated = _repetition(answer)
    if repeated is not None:
        return [repeated]
    has_code = isinstance(question.truth, UnitTestTruth) and python_code(answer) is not None
    if has_code or not (is_cut or not answer.strip() or isinstance(question.truth, UnitTestTruth)):
        return []
    kind: Literal["cut", "no_answer"] = "cut" if is_cut else "no_answer"
    return [Finding(error_type=OTHER, kind=kind, start=0, end=len(answer), evidence=verdict.evidence, is_proof=True)]


def _repetition(answer: str) -> Finding | None:
    start = max(0, len(answer) - LONGEST_CHECKED)
    match = REPETITION.search(answer, start)
    if match is None:
        return None
    evidence = "it says the same again and again, to its end"
    return Finding(
        error_type=OTHER, kind="repetition", start=match.start(), end=match.end(), evidence=evidence, is_proof=True
    )
