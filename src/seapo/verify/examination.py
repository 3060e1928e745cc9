"""Puts the checks to one candidate: what each finds, and what status that gives.

Checks are asked in three rounds, each only of candidates that the round before let pass: the fast ones, those that run
code, and the one that asks a model. The rounds can be asked in different places: the first two in any process, the last
one from threads beside the engine.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from seapo.engine.request import Engine
from seapo.journal import Journal
from seapo.recipe import ErrorTypeSection, VerifySection
from seapo.records import Candidate, CheckResult, DroppedCandidate, Negative, Sample, Status, Verdict
from seapo.unit_tests import Runner, remembered, run_tests
from seapo.verify.check import CHECKS, Check, failed
from seapo.verify.code import UNIT_TESTS, unit_tests_check
from seapo.verify.error_type import JUDGES, TYPE_APPLIES
from seapo.verify.form import edit_ratio_of
from seapo.verify.judge import JUDGE, judge_check

ACCEPT = "accept"
STRENGTH: dict[Status, int] = {"proved": 0, "judged": 1, "constructed": 2, "unverified": 3}
"""The lower the stronger."""


@dataclass(frozen=True)
class Examination:
    """What the checks said of one candidate so far."""

    candidate: Candidate
    results: tuple[CheckResult, ...]

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """Results that drop the candidate."""
        return tuple(result for result in self.results if result.outcome == "fail")

    def with_results(self, results: Iterable[CheckResult]) -> "Examination":
        """The same with more results."""
        return Examination(self.candidate, (*self.results, *results))


@dataclass(frozen=True)
class Panel:
    """All checks, with what they need at hand."""

    settings: VerifySection
    checks: Mapping[str, Check]
    run: Runner
    """Runs unit tests."""

    def examine(self, sample: Sample, candidate: Candidate) -> Examination:
        """Ask all checks but the judge; those that run code only where the others let it pass."""
        fast = (each for each in self.checks.values() if not each.is_slow and not each.asks_model)
        found = Examination(candidate, tuple(check(sample, candidate, self.settings) for check in fast))
        if found.failures:
            return found
        slow = (each for each in self.checks.values() if each.is_slow and not each.asks_model)
        return found.with_results(check(sample, candidate, self.settings) for check in slow)

    def ask(self, sample: Sample, examination: Examination) -> Examination:
        """Ask the judge, too, unless the candidate has failed already."""
        if examination.failures:
            return examination
        asking = (each for each in self.checks.values() if each.asks_model)
        return examination.with_results(check(sample, examination.candidate, self.settings) for check in asking)

    def settle(self, sample: Sample, examination: Examination) -> Negative | DroppedCandidate:
        """The negative that the candidate becomes, or why it is dropped."""
        candidate = examination.candidate
        if examination.failures:
            return DroppedCandidate(candidate=candidate, failed=examination.failures)
        verdict = self._verdict(examination)
        if verdict.status not in self.settings.accept:
            return DroppedCandidate(
                candidate=candidate, failed=(_not_accepted(verdict, candidate.error_type, self.settings),)
            )
        ratio = edit_ratio_of(sample.chosen, candidate.text)
        fields = {name: getattr(candidate, name) for name in Candidate.model_fields}
        return Negative(**fields, edit_ratio=round(ratio, 6), verdict=verdict)

    def _verdict(self, examination: Examination) -> Verdict:
        """Proved by a proof, judged by the judge, constructed where the difference is plainly an error of its type."""
        error_type = examination.candidate.error_type
        passing = [result.check for result in examination.results if result.outcome == "pass"]
        proofs = tuple(
            name for name in passing if self.checks[name].is_proof and error_type in self.checks[name].proves
        )
        status: Status = "unverified"
        if proofs:
            status = "proved"
        elif JUDGE in passing:
            status = "judged"
        elif TYPE_APPLIES in passing:
            status = "constructed"
        return Verdict(status=status, proofs=proofs, checks=examination.results)


def panel(
    settings: VerifySection,
    *,
    journal: Journal | None = None,
    judge: Engine | None = None,
    types: Sequence[ErrorTypeSection] = (),
) -> Panel:
    """All registered checks; runs of unit tests are kept in the journal, and the judge asks the given engine.

    `types` are a recipe's own error types, which the judge is told of.
    """
    run = remembered(run_tests, journal)
    # What needs the journal or the engine is bound here, so that the signature of checks stays simple.
    bound = {UNIT_TESTS: unit_tests_check(run)}
    if judge is not None:
        bound[JUDGE] = judge_check(judge, types)
    return Panel(settings, {name: CHECKS[name] for name in CHECKS} | bound, run)


def examiner(
    settings: VerifySection,
    *,
    journal: Journal | None = None,
    judge: Engine | None = None,
    types: Sequence[ErrorTypeSection] = (),
) -> Callable[[Sample, Candidate], tuple[str, ...]]:
    """A function that says what speaks against a candidate, in sentences for the model that wrote it.

    It gives nothing where the candidate would be accepted. The judge is asked where `verify.use_judge` says so.
    """
    checks = panel(settings, journal=journal, judge=judge if settings.use_judge else None, types=types)

    def examine(sample: Sample, candidate: Candidate) -> tuple[str, ...]:
        outcome = checks.settle(sample, checks.ask(sample, checks.examine(sample, candidate)))
        if isinstance(outcome, Negative):
            return ()
        return tuple(dict.fromkeys(_sentence(result) for result in outcome.failed))

    return examine


LEADS = {
    "changed": "The answer was not changed",
    "edit_ratio": "The wrong amount was changed",
    "length": "The length must stay about the same",
    "disclosure": "The answer must not talk about its error",
    "refusal": "The answer must not refuse",
    "prompt_echo": "The answer must not repeat the question",
    "truncated": "The answer breaks off",
    "format_kept": "The format must stay as it was",
    "language_kept": "The language must stay as it was",
    TYPE_APPLIES: "This is no error of the type that was asked for",
    "final_answer": "The answer is still right",
    UNIT_TESTS: "The code is still right",
    JUDGE: "A reader who compared both answers did not find the error",
    ACCEPT: "Nothing shows that the change is an error",
}
"""Check -> what its failure means, told to the model that wrote the candidate; the evidence follows behind a colon."""


def _sentence(result: CheckResult) -> str:
    return f"{LEADS.get(result.check, f'The check {result.check!r} failed')}: {result.evidence}."


def _not_accepted(verdict: Verdict, error_type: str, settings: VerifySection) -> CheckResult:
    evidence = f"its status is {verdict.status}, accepted are: {', '.join(settings.accept)}"
    doubts = [each.evidence for each in verdict.checks if each.check == TYPE_APPLIES and each.outcome == "not_judged"]
    if error_type not in JUDGES:
        evidence += f"; only a judge can tell an error of type {error_type!r} (verify.use_judge)"
    elif verdict.status == "unverified" and doubts:
        evidence += f"; {doubts[0]}"
    return failed(ACCEPT, evidence)
