"""All numbers of a run in one document for programs: `results.json` beside the page, with keys that a version names.

    {"version": 1, "name": "quickstart", "missing_stages": [], "story": {"headline": "...", ...}, "settings": {...}}

Whoever reads it looks at `version` first: a key that goes or changes its meaning raises it, a key that comes does not.
"""

from typing import Any, Final

from seapo.records import Protocol, Record, Status
from seapo.report.contents import RunContents
from seapo.report.funnel import Unit, funnel_steps, lost
from seapo.report.quality import Distance, distances
from seapo.report.story import tell
from seapo.report.tables import type_rows
from seapo.report.yields import StrategyYield, strategy_yields
from seapo.summaries import (
    AuditSummary,
    EvaluateSummary,
    EvaluationResults,
    MixSummary,
    Profile,
    SourceSummary,
    TaskResult,
    TrainSummary,
)

VERSION: Final = 1


class StoryTold(Record):
    """The sentences at the top of the page."""

    headline: str
    injected: str
    trust: str
    training: str


class FunnelStep(Record):
    """One step on the way from rows to training pairs."""

    step: str
    unit: Unit
    """What is counted: `rows` or the samples they became; `negatives`, one per sample and type; or `pairs`."""
    left: int
    lost: int
    """Of the step before; 0 where the unit changes."""
    reasons: dict[str, int]
    """Why they were lost -> how many."""
    note: str


class TypeResult(Record):
    """What came of one error type."""

    error_type: str
    wanted: int
    """Samples for which a negative of the type was wanted."""
    candidates: int | None
    """None before inject has finished."""
    negatives: int
    """Verified ones."""
    pairs: int | None
    """Training pairs; None before mix has finished."""
    status: dict[Status, int]
    """How the negatives are known to be wrong -> how many."""
    proofs: dict[str, int]
    """Check that proved the error -> number of negatives; one negative may have several proofs."""
    dropped_candidates: dict[str, int]
    """Check that failed -> number of candidates."""
    without_negative: dict[str, int]
    """Reason -> number of samples."""


class Asked(Record):
    """How the two models were asked."""

    suites: tuple[str, ...]
    protocol: Protocol
    """`paper`: plain text as published; `chat`: through the chat template; empty for suites with a way of their own."""
    limit: int | None
    """Items of each task; None for all."""
    limits: dict[str, int]
    """Task, benchmark or suite -> items of each task, where it has a limit of its own."""
    dtype: str
    versions: dict[str, str]
    truncated: dict[str, int]
    """Task -> requests that were cut to fit the model's context."""


class OtherMetric(Record):
    """The same items by another metric or filter of their task, without a paired interval."""

    name: str
    metric: str
    items: int
    before: float
    before_interval: tuple[float, float]
    after: float
    after_interval: tuple[float, float]


class Results(Record):
    """What `results.json` holds. A stage that has not finished gives null, never an empty value."""

    version: int
    """Of this form: 1."""
    name: str
    """The run's."""
    missing_stages: tuple[str, ...]
    """Stages that have not finished."""
    story: StoryTold
    """The sentences at the top of the report."""
    settings: dict[str, Any]
    """The recipe with every default written out."""
    provenance: dict[str, dict[str, str]]
    """Versions, hashes, machine: key of `run.json` -> inner key -> value; a plain value stands under an empty key."""
    stage_seconds: dict[str, float]
    """Stage -> how long it took."""
    source: SourceSummary | None
    """From rows to samples."""
    funnel: tuple[FunnelStep, ...]
    """From rows to training pairs."""
    error_types: tuple[TypeResult, ...]
    """What came of each error type; empty before verify has finished."""
    strategies: tuple[StrategyYield, ...]
    """What each strategy gave for each error type."""
    distances: tuple[Distance, ...]
    """How far the worse answers are from the chosen ones: `rejected`, the data's own, then each type."""
    audit: AuditSummary | None
    """Gaps of log-probability, and what gives the negatives away, with intervals; null where no audit was made."""
    mix: MixSummary | None
    """From negatives to training pairs."""
    diagnosis: Profile | None
    """Which errors the model makes itself; null where the run has no diagnosis."""
    training: TrainSummary | None
    """What training did; `final` has the metrics at its end."""
    scores: EvaluateSummary | None
    """Scores before and after with intervals, as shares between 0 and 1."""
    asked: Asked | None
    """How the models were asked."""
    other_metrics: tuple[OtherMetric, ...]
    """The same items by other metrics."""


def results_of(contents: RunContents, *, found: tuple[Distance, ...] | None = None) -> Results:
    """The numbers of a run, however far it came; `found` spares measuring the distances again."""
    story, provenance = tell(contents), contents.provenance
    verify = contents.verify
    return Results(
        version=VERSION,
        name=contents.recipe.name,
        missing_stages=contents.missing_stages,
        story=StoryTold(headline=story.headline, injected=story.injected.text, trust=story.trust.text,
                        training=story.training.text),
        settings=contents.recipe.model_dump(mode="json"),
        provenance=provenance.facts,
        stage_seconds=provenance.stage_seconds,
        source=contents.source,
        funnel=_funnel(contents),
        error_types=_types(contents),
        strategies=strategy_yields(contents),
        distances=distances(contents) if found is None else found,
        audit=verify.audit if verify else None,
        mix=contents.mix,
        diagnosis=contents.diagnose,
        training=contents.train,
        scores=contents.evaluate,
        asked=asked(contents.evaluated),
        other_metrics=other_metrics(contents.evaluated),
    )  # fmt: skip


def _funnel(contents: RunContents) -> tuple[FunnelStep, ...]:
    steps = funnel_steps(contents)
    return tuple(
        FunnelStep(
            step=step.label,
            unit=step.unit,
            left=step.kept,
            lost=lost(steps, index),
            reasons=step.reasons,
            note=step.note,
        )
        for index, step in enumerate(steps)
    )


def _types(contents: RunContents) -> tuple[TypeResult, ...]:
    verify, inject = contents.verify, contents.inject
    if verify is None:
        return ()
    return tuple(
        TypeResult(
            error_type=row.name,
            wanted=row.wanted,
            candidates=inject.candidates.get(row.name, 0) if inject else None,
            negatives=row.kept,
            pairs=row.pairs,
            status=row.status,
            proofs=row.proofs,
            dropped_candidates=verify.dropped_candidates.get(row.name, {}),
            without_negative=verify.without_negative.get(row.name, {}),
        )
        for row in type_rows(contents)
    )


def asked(evaluated: tuple[EvaluationResults, ...]) -> Asked | None:
    """How the models were asked; None where their evaluations were not kept. Both were asked alike."""
    if not evaluated:
        return None
    one = evaluated[0]
    return Asked(
        suites=one.suites,
        protocol=one.protocol,
        limit=one.limit,
        limits=one.limits,
        dtype=one.dtype,
        versions=one.versions,
        truncated=one.truncated,
    )


def other_metrics(evaluated: tuple[EvaluationResults, ...]) -> tuple[OtherMetric, ...]:
    """The further metrics that both models have."""
    if len(evaluated) != 2:
        return ()
    after = {_mark(result): result for result in evaluated[1].further}
    return tuple(_other(one, after[_mark(one)]) for one in evaluated[0].further if _mark(one) in after)


def _mark(result: TaskResult) -> tuple[str, str]:
    return result.name, result.metric


def _other(before: TaskResult, after: TaskResult) -> OtherMetric:
    return OtherMetric(
        name=before.name,
        metric=before.metric,
        items=before.items,
        before=before.value,
        before_interval=before.interval,
        after=after.value,
        after_interval=after.interval,
    )
