"""What becomes of one sample: which of its candidates pass, and which of those that pass is its negative.

The two halves lie apart, because the choice looks at all samples: first every sample is sifted, then a selector learns
from some of them, then each sample's negatives are chosen.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import Field

from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, DroppedCandidate, Negative, Record, Sample, Skip
from seapo.verify.check import failed
from seapo.verify.chosen import chosen_problem
from seapo.verify.examination import STRENGTH, Examination, Panel
from seapo.verify.form import says_the_same
from seapo.verify.selection import Choice, Selector

STAGE = "verify"
EVERY_TYPE = "*"
DUPLICATE = "duplicate"
PROOF_FIRST = "correctness"
"""The type whose errors proofs are about."""


class Proposed(Record):
    """A sample with what was proposed for it."""

    sample: Sample
    candidates: tuple[Candidate, ...]
    skips: tuple[Skip, ...] = ()
    """Types for which nothing was proposed, and why."""

    def of(self, error_type: str) -> list[Candidate]:
        """The candidates of a type, the most plausible first."""
        own = (candidate for candidate in self.candidates if candidate.error_type == error_type)
        return sorted(own, key=lambda candidate: candidate.rank)


class Sifted(Record):
    """A sample with the candidates that may become its negatives."""

    sample: Sample
    problem: str | None = None
    """Why the sample is set aside, where its chosen answer is wrong itself."""
    options: dict[str, tuple[Negative, ...]] = Field(default_factory=dict)
    """Error type -> candidates that may be chosen, the most plausible first."""
    passed: dict[str, int] = Field(default_factory=dict)
    """Error type -> candidates that passed, whatever their status."""
    skips: tuple[Skip, ...] = ()
    """Types without an option, and why."""


@dataclass
class Outcome:
    """What the choice made of one sample."""

    negatives: list[Negative] = field(default_factory=list)
    dropped: list[DroppedCandidate] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


Examine = Callable[[Sample, Candidate], Examination]


def sift(
    proposed: Proposed, panel: Panel, error_types: Sequence[str], *, examine: Examine | None = None
) -> tuple[Sifted, list[DroppedCandidate]]:
    """Put all checks to the sample's candidates: to all of them where the set is to be balanced.

    Else the first one of each type that passes ends the search. `examine` looks examinations up that were made before.
    """
    sample = proposed.sample
    if (problem := chosen_problem(sample, panel.settings, panel.run)) is not None:
        return Sifted(sample=sample, problem=problem), []
    given = {skip.error_type: skip for skip in proposed.skips}
    options, dropped, skips = dict[str, tuple[Negative, ...]](), list[DroppedCandidate](), list[Skip]()
    passed = dict[str, int]()
    for error_type in error_types:
        siblings = [] if panel.settings.balance else [own[0] for own in options.values()]
        passing, failing = _sift_type(proposed, error_type, panel, examine or panel.examine, siblings)
        dropped += failing
        passed[error_type] = len(passing)
        if passing:
            options[error_type] = _eligible(passing, error_type)
        elif error_type in given and not failing:
            skips.append(given[error_type])
        else:
            skips.append(_skip(sample.id, error_type, failing))
    return Sifted(sample=sample, options=options, passed=passed, skips=tuple(skips)), dropped


def _eligible(passing: Sequence[Negative], error_type: str) -> tuple[Negative, ...]:
    """Of those that passed the ones to choose from: of errors of fact those with the best status.

    A proof shows that an answer is wrong. Of another type that is less than half of what is wanted: a false result
    proves nothing invented, and proofs favour the few kinds of error that a program finds, which the choice could then
    not balance. Only what nothing speaks for stands back there.
    """
    best = min(STRENGTH[each.verdict.status] for each in passing)
    worst = best if error_type == PROOF_FIRST else max(best, STRENGTH["constructed"])
    return tuple(each for each in passing if STRENGTH[each.verdict.status] <= worst)


def _sift_type(
    proposed: Proposed, error_type: str, panel: Panel, examine: Examine, siblings: Sequence[Negative]
) -> tuple[list[Negative], list[DroppedCandidate]]:
    passing, failing, sample = list[Negative](), list[DroppedCandidate](), proposed.sample
    for candidate in proposed.of(error_type):
        outcome = panel.settle(sample, panel.ask(sample, examine(sample, candidate)))
        if isinstance(outcome, DroppedCandidate):
            failing.append(outcome)
        elif panel.settings.balance:
            passing.append(outcome)
        elif (same := _same(outcome, siblings)) is not None:
            failing.append(DroppedCandidate(candidate=candidate, failed=(same,)))
        else:
            passing.append(outcome)
            if len(passing) == panel.settings.keep_per_type:
                return passing, failing
    return passing, failing


def choose(sifted: Sifted, selector: Selector, error_types: Sequence[str], settings: VerifySection) -> Outcome:
    """One negative of each type, and beside it others up to `keep_per_type`, none that says the same as another one.

    What is kept beside never changes which one is chosen, of this type or another.
    """
    outcome = Outcome()
    for error_type, options in sifted.options.items():
        fresh, failing = list[Negative](), list[DroppedCandidate]()
        for option in options:
            if (same := _same(option, outcome.negatives)) is None:
                fresh.append(option)
            else:
                failing.append(DroppedCandidate(candidate=_candidate(option), failed=(same,)))
        if fresh:
            choice = Choice(sifted.sample, error_type, tuple(fresh))
            outcome.negatives.append(fresh[selector.choose(choice) if settings.balance else 0])
        else:
            outcome.skips.append(_skip(sifted.sample.id, error_type, failing))
        outcome.dropped += failing
    for error_type, options in sifted.options.items():
        choice = Choice(sifted.sample, error_type, options)
        outcome.negatives += _kept_beside(choice, outcome.negatives, selector, settings)
    outcome.skips = sorted((*sifted.skips, *outcome.skips), key=lambda skip: error_types.index(skip.error_type))
    return outcome


def _kept_beside(
    choice: Choice, chosen: Sequence[Negative], selector: Selector, settings: VerifySection
) -> list[Negative]:
    """Further negatives of a type, each drawn as the first one was, of those that are left."""
    found, left = list[Negative](), list(choice.options)
    for nth in range(1, settings.keep_per_type):
        left = [each for each in left if _same(each, [*chosen, *found]) is None]
        if not left:
            break
        place = selector.choose(replace(choice, options=tuple(left)), nth) if settings.balance else 0
        found.append(left.pop(place).model_copy(update={"choice": nth}))
    return found


def choices_of(sifted: Sifted) -> list[Choice]:
    """What a selector learns from."""
    return [Choice(sifted.sample, error_type, options) for error_type, options in sifted.options.items()]


def _same(candidate: Negative, siblings: Sequence[Negative]) -> CheckResult | None:
    same = [sibling.error_type for sibling in siblings if says_the_same(sibling.text, candidate.text)]
    return failed(DUPLICATE, f"it says the same as the negative of type {same[0]}") if same else None


def _candidate(negative: Negative) -> Candidate:
    return Candidate(**{name: getattr(negative, name) for name in Candidate.model_fields})


def _skip(sample_id: str, error_type: str, dropped: Sequence[DroppedCandidate]) -> Skip:
    names = Counter(result.check for each in dropped for result in each.failed)
    reason = "nothing was proposed"
    if names:
        reason = f"every candidate failed a check, most often {names.most_common(1)[0][0]}"
    return Skip(sample_id=sample_id, error_type=error_type, stage=STAGE, reason=reason)


def set_aside(sifted: Sifted) -> Skip:
    """The record of a sample whose chosen answer is wrong itself."""
    return Skip(sample_id=sifted.sample.id, error_type=EVERY_TYPE, stage=STAGE, reason=sifted.problem or "")


def looked_up(examinations: Sequence[Examination]) -> Examine:
    """An `examine` for candidates that were examined elsewhere."""
    known = {(each.candidate.error_type, each.candidate.text): each for each in examinations}
    return lambda _, candidate: known[candidate.error_type, candidate.text]
