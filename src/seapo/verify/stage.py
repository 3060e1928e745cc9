"""Stage 4: of each sample's candidates, the first of each error type that passes every check is the negative."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seapo.journal import Journal
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, DroppedCandidate, Negative, Sample, Skip, Status, Verdict
from seapo.summaries import VerifySummary
from seapo.verify.check import CHECKS, Check, failed
from seapo.verify.chosen import chosen_problem
from seapo.verify.code import UNIT_TESTS, Runner, remembered, run_tests, unit_tests_check
from seapo.verify.error_type import TYPE_APPLIES
from seapo.verify.form import edit_ratio_of, said

STAGE = "verify"
EVERY_TYPE = "*"


@dataclass(frozen=True)
class VerifyResult:
    """What became of the candidates."""

    negatives: list[Negative]
    dropped: list[DroppedCandidate]
    """Candidates that failed a check before one was accepted; those behind the accepted one are not looked at."""
    skips: list[Skip]
    """Samples and types without a negative: those given, and those that failed here."""
    set_aside: list[Skip]
    """Samples whose chosen answer is wrong itself; their error type is `*`."""
    summary: VerifySummary


@dataclass
class _Tally:
    """What is counted on the way."""

    negatives: list[Negative] = field(default_factory=list)
    dropped: list[DroppedCandidate] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    set_aside: list[Skip] = field(default_factory=list)


def verify_candidates(
    samples: Sequence[Sample],
    candidates: Iterable[Candidate],
    skips: Sequence[Skip],
    settings: VerifySection,
    *,
    error_types: Sequence[str],
    journal: Journal | None = None,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda items: items,
) -> VerifyResult:
    """Keep one negative per sample and error type: the most plausible candidate that passes all checks.

    `skips` are the samples and types for which nothing was proposed. Runs of unit tests are kept in the journal, so a
    second call repeats none. Samples keep their order, and within one the error types theirs.
    """
    run = remembered(run_tests, journal)
    # The one check with a cost worth remembering is bound to the journal; the signature of checks stays simple.
    checks = {name: CHECKS[name] for name in CHECKS} | {UNIT_TESTS: unit_tests_check(run)}
    proposed, given = _by_sample_and_type(candidates), {(skip.sample_id, skip.error_type): skip for skip in skips}
    tally = _Tally()
    for sample in progress(samples):
        _verify_sample(sample, proposed, given, settings, error_types, checks, run, tally)
    return VerifyResult(
        tally.negatives, tally.dropped, tally.skips, tally.set_aside, _summary(samples, error_types, tally)
    )


Proposed = Mapping[tuple[str, str], list[Candidate]]


def _by_sample_and_type(candidates: Iterable[Candidate]) -> Proposed:
    found = defaultdict[tuple[str, str], list[Candidate]](list)
    for candidate in candidates:
        found[candidate.sample_id, candidate.error_type].append(candidate)
    return {key: sorted(group, key=lambda candidate: candidate.rank) for key, group in found.items()}


def _verify_sample(
    sample: Sample,
    proposed: Proposed,
    given: Mapping[tuple[str, str], Skip],
    settings: VerifySection,
    error_types: Sequence[str],
    checks: Mapping[str, Check],
    run: Runner,
    tally: _Tally,
) -> None:
    if (problem := chosen_problem(sample, settings, run)) is not None:
        tally.set_aside.append(Skip(sample_id=sample.id, error_type=EVERY_TYPE, stage=STAGE, reason=problem))
        return
    accepted = list[Negative]()
    for error_type in error_types:
        key = (sample.id, error_type)
        dropped = list[DroppedCandidate]()
        for candidate in proposed.get(key, ()):
            outcome = _verify(sample, candidate, settings, checks, accepted)
            if isinstance(outcome, Negative):
                accepted.append(outcome)
                break
            dropped.append(outcome)
        else:
            tally.skips.append(given[key] if key in given and not dropped else _skip(*key, dropped))
        tally.dropped += dropped
    tally.negatives += accepted


def _skip(sample_id: str, error_type: str, dropped: Sequence[DroppedCandidate]) -> Skip:
    names = Counter(result.check for each in dropped for result in each.failed)
    reason = "nothing was proposed"
    if names:
        reason = f"every candidate failed a check, most often {names.most_common(1)[0][0]}"
    return Skip(sample_id=sample_id, error_type=error_type, stage=STAGE, reason=reason)


def _verify(
    sample: Sample,
    candidate: Candidate,
    settings: VerifySection,
    checks: Mapping[str, Check],
    siblings: Sequence[Negative],
) -> Negative | DroppedCandidate:
    """Put all checks to a candidate, the slow ones only where the others let it pass."""
    results = [check(sample, candidate, settings) for check in checks.values() if not check.is_slow]
    results += _duplicate(candidate, siblings)
    if not _failures(results):
        results += [check(sample, candidate, settings) for check in checks.values() if check.is_slow]
    if failures := _failures(results):
        return DroppedCandidate(candidate=candidate, failed=failures)
    verdict = _verdict(results, frozenset(name for name, check in checks.items() if check.is_proof))
    if verdict.status not in settings.accept:
        evidence = f"its status is {verdict.status}, accepted are: {', '.join(settings.accept)}"
        return DroppedCandidate(candidate=candidate, failed=(failed("accept", evidence),))
    ratio = edit_ratio_of(sample.chosen, candidate.text)
    return Negative(**candidate.model_dump(), edit_ratio=round(ratio, 6), verdict=verdict)


def _failures(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(result for result in results if result.outcome == "fail")


def _duplicate(candidate: Candidate, siblings: Sequence[Negative]) -> list[CheckResult]:
    same = [sibling for sibling in siblings if said(sibling.text) == said(candidate.text)]
    return [failed("duplicate", f"it says the same as the negative of type {same[0].error_type}")] if same else []


def _verdict(results: Sequence[CheckResult], proofs: frozenset[str]) -> Verdict:
    """Proved by a proof; constructed where the difference is plainly an error of its type; else unverified."""
    passing = tuple(result.check for result in results if result.outcome == "pass" and result.check in proofs)
    is_plain = any(result.check == TYPE_APPLIES and result.outcome == "pass" for result in results)
    status: Status = "proved" if passing else "constructed" if is_plain else "unverified"
    return Verdict(status=status, proofs=passing, checks=tuple(results))


def _summary(samples: Sequence[Sample], error_types: Sequence[str], tally: _Tally) -> VerifySummary:
    def counted(pairs: Iterable[tuple[str, Any]]) -> dict[str, dict[Any, int]]:
        counts = {error_type: Counter[Any]() for error_type in error_types}
        for error_type, name in pairs:
            counts[error_type][name] += 1
        return {error_type: dict(sorted(each.items())) for error_type, each in counts.items()}

    accepted = Counter(negative.error_type for negative in tally.negatives)
    reasons = Counter(skip.reason for skip in tally.set_aside)
    return VerifySummary(
        asked=dict.fromkeys(error_types, len(samples)),
        accepted={error_type: accepted[error_type] for error_type in error_types},
        status=counted((each.error_type, each.verdict.status) for each in tally.negatives),
        proofs=counted((each.error_type, name) for each in tally.negatives for name in each.verdict.proofs),
        dropped_candidates=counted(
            (each.candidate.error_type, result.check) for each in tally.dropped for result in each.failed
        ),
        without_negative=counted((skip.error_type, skip.reason) for skip in tally.skips),
        set_aside_samples=dict(sorted(reasons.items())),
    )
