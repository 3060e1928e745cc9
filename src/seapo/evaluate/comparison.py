"""Scores of two or more models on the same items -> what differs, by how much, and whether that is more than chance.

`compare` gives the table of one run, before and after training. `compare_models` gives each model against a base, or
each against each, with verdicts that are corrected for their number. Both stand on `contrast`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Literal

from seapo.errors import DataError
from seapo.evaluate.clusters import KINDS, Extent, Kind, extents
from seapo.evaluate.contrast import Contrast, contrast
from seapo.evaluate.flips import Flip, flips_of
from seapo.evaluate.pairing import matched, pairs_of
from seapo.evaluate.results import Evaluation
from seapo.evaluate.statistics import MIN_TASKS, RESAMPLES, holm
from seapo.interval import Interval
from seapo.records import DIMENSIONS, Dimension, ItemScore, Record
from seapo.summaries import EvaluateSummary, ScoreRow

Verdict = Literal["better", "worse", "undecided"]

METHOD = (
    "right or wrong items of one benchmark: Wilson's interval, and Tango's score interval for the paired difference; "
    f"other scores and means of several benchmarks: paired bootstrap over questions within their tasks ({RESAMPLES:,} "
    "resamples)"
)
UNCORRECTED = f"{METHOD}; no correction for the number of rows"
CORRECTED = (
    f"{METHOD}; p-values: McNemar's exact test, or the bootstrap's; p-values and verdicts are corrected by Holm's "
    "method over all rows of the same kind (dimensions; benchmarks; tasks of benchmarks) of all comparisons; each "
    "interval stands for itself, simultaneous ones are widened by Bonferroni's method over the same rows; across "
    f"tasks: benchmarks' tasks drawn anew with all their items, from {MIN_TASKS} tasks on"
)


class ComparedRow(Record):
    """One line of a comparison; scores and differences are shares between 0 and 1."""

    kind: Kind
    name: str
    dimension: Dimension | None
    metric: str
    items: int
    tasks: int
    base: float
    base_interval: tuple[float, float]
    other: float
    other_interval: tuple[float, float]
    difference: float
    """Mean of the paired differences, the other model's score less the base's."""
    difference_interval: tuple[float, float]
    """Were the items drawn anew from the same tasks; this row alone."""
    simultaneous_interval: tuple[float, float]
    """The same, so wide that all rows of this kind hold together."""
    across_tasks_interval: tuple[float, float] | None
    """Were the tasks drawn anew too, as for a claim on more than these tasks; None where too few tell of others."""
    p_value: float
    """Two-sided, of no difference; this row alone."""
    p_adjusted: float
    """Corrected for all rows of this kind."""
    verdict: Verdict
    """`better` or `worse` (the other model) where `p_adjusted` is small enough."""
    gained: int | None = None
    """Items that only the other model has right; None for scores that are not right or wrong."""
    lost: int | None = None
    """Items that only the base has right."""


class ModelComparison(Record):
    """One model against another."""

    base: str
    other: str
    rows: tuple[ComparedRow, ...]
    flips: tuple[Flip, ...]
    """Items whose score crossed one half, in the order of the items."""


class Comparison(Record):
    """What `seapo compare` found."""

    models: dict[str, str]
    """Name in this comparison -> the model's own name."""
    confidence: float
    method: str
    """How intervals, p-values and verdicts were computed, in words."""
    items: int
    left_out: dict[str, int]
    """Model -> its items that not all others were asked, and that were left out for it."""
    families: dict[Kind, int]
    """Kind of row -> how many p-values are corrected together."""
    comparisons: tuple[ModelComparison, ...]
    notes: tuple[str, ...] = ()
    """What differs between the evaluations and may explain a difference: number type, versions, cut prompts."""


def compare(
    before: Sequence[ItemScore],
    after: Sequence[ItemScore],
    *,
    model: str,
    confidence: float,
    seed: int,
    not_measured: Mapping[str, str] = MappingProxyType({}),
) -> EvaluateSummary:
    """Scores of each task, benchmark and dimension of one run, and their paired differences.

    Raises DataError where the two lists do not hold the same items, asked in the same way.
    """
    scores = matched({"before": before, "after": after}, common=False)
    lines = extents(pairs_of(scores["before"], scores["after"]))
    order = {task: place for place, task in enumerate(dict.fromkeys(score.task for score in before))}
    tasks = sorted((e for e in lines if e.is_task), key=lambda e: order[e.name])
    groups = [e for e in lines if e.kind == "benchmark" and not e.is_task]
    dimensions = [e for e in lines if e.kind == "dimension"]
    measured = {e.name for e in dimensions}

    def rows(found: Sequence[Extent]) -> tuple[ScoreRow, ...]:
        return tuple(_row(contrast(each, seed=seed), confidence) for each in found)

    missing = {str(name): "no suite of this run measures it" for name in DIMENSIONS if name not in measured}
    return EvaluateSummary(
        model=model,
        confidence=confidence,
        method=UNCORRECTED,
        tasks=rows(tasks),
        groups=rows(groups),
        dimensions=rows(dimensions),
        not_measured={**missing, **not_measured},
    )


def compare_models(
    evaluations: Mapping[str, Evaluation],
    *,
    confidence: float = 0.95,
    seed: int = 0,
    common: bool = False,
    all_pairs: bool = False,
    couples: Sequence[tuple[str, str]] | None = None,
) -> Comparison:
    """Compare every model with the first, or each with each, or the (base, other) that `couples` names.

    evaluations: a name for each -> the evaluation. With `common`, only items that all were asked are compared. Raises
    DataError where they do not belong together: see `pairing.matched`.
    """
    if len(evaluations) < 2:
        raise DataError("a comparison needs two evaluations or more; name another one")
    scores = matched({name: found.scores for name, found in evaluations.items()}, common=common)
    names = list(scores)
    if couples is None:
        couples = list(combinations(names, 2)) if all_pairs else [(names[0], name) for name in names[1:]]
    contrasts = {
        (base, other): [contrast(e, seed=seed) for e in extents(pairs_of(scores[base], scores[other]))]
        for base, other in couples
    }
    adjusted = _adjusted(contrasts)
    families = {kind: sum(c.extent.kind == kind for found in contrasts.values() for c in found) for kind in KINDS}
    return Comparison(
        models={name: evaluations[name].results.model for name in names},
        confidence=confidence,
        method=CORRECTED,
        items=len(scores[names[0]]),
        left_out={name: len(evaluations[name].scores) - len(scores[name]) for name in names},
        families=families,
        comparisons=tuple(
            ModelComparison(
                base=base,
                other=other,
                rows=tuple(
                    _compared_row(found, adjusted[base, other, place], confidence, families[found.extent.kind])
                    for place, found in enumerate(contrasts[base, other])
                ),
                flips=flips_of(pairs_of(scores[base], scores[other])),
            )
            for base, other in couples
        ),
        notes=tuple(_notes(evaluations)),
    )


def verdict_of(difference_interval: Interval) -> Verdict:
    """`better` or `worse` where the interval of the difference leaves zero out."""
    low, high = difference_interval
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def _row(found: Contrast, confidence: float) -> ScoreRow:
    interval = found.difference_interval(confidence)
    return ScoreRow(
        name=found.extent.name,
        dimension=found.extent.first.dimension,
        metric=found.extent.metric,
        items=len(found.extent.pairs),
        before=found.base,
        before_interval=found.base_interval(confidence),
        after=found.other,
        after_interval=found.other_interval(confidence),
        difference=found.difference,
        difference_interval=interval,
        verdict=verdict_of(interval),
        mcnemar_p=found.p_value if found.counts else None,
    )


def _compared_row(found: Contrast, p_adjusted: float, confidence: float, family: int) -> ComparedRow:
    is_more_than_chance = p_adjusted <= 1 - confidence
    direction: Verdict = "better" if found.difference > 0 else "worse"
    gained, lost = found.counts or (None, None)
    return ComparedRow(
        kind=found.extent.kind,
        name=found.extent.name,
        dimension=found.extent.first.dimension,
        metric=found.extent.metric,
        items=len(found.extent.pairs),
        tasks=len({pair.base.task for pair in found.extent.pairs}),
        base=found.base,
        base_interval=found.base_interval(confidence),
        other=found.other,
        other_interval=found.other_interval(confidence),
        difference=found.difference,
        difference_interval=found.difference_interval(confidence),
        simultaneous_interval=found.difference_interval(1 - (1 - confidence) / family),
        across_tasks_interval=found.across_tasks_interval(confidence),
        p_value=found.p_value,
        p_adjusted=p_adjusted,
        verdict=direction if is_more_than_chance and found.difference else "undecided",
        gained=gained,
        lost=lost,
    )


def _adjusted(contrasts: Mapping[tuple[str, str], Sequence[Contrast]]) -> dict[tuple[str, str, int], float]:
    """Holm's p-values by comparison and place in it; the rows of one kind are a family."""
    adjusted: dict[tuple[str, str, int], float] = {}
    for kind in KINDS:
        places = [
            (base, other, place)
            for (base, other), found in contrasts.items()
            for place, each in enumerate(found)
            if each.extent.kind == kind
        ]
        p_values = [contrasts[base, other][place].p_value for base, other, place in places]
        adjusted.update(zip(places, holm(p_values), strict=True))
    return adjusted


def _notes(evaluations: Mapping[str, Evaluation]) -> Iterator[str]:
    dtypes = {name: found.results.dtype for name, found in evaluations.items()}
    if len(set(dtypes.values())) > 1:
        yield "number types differ: " + ", ".join(f"{name} {dtype}" for name, dtype in dtypes.items())
    packages = sorted({package for found in evaluations.values() for package in found.results.versions})
    for package in packages:
        versions = {name: found.results.versions.get(package, "none") for name, found in evaluations.items()}
        if len(set(versions.values())) > 1:
            yield f"versions of {package} differ: " + ", ".join(f"{name} {each}" for name, each in versions.items())
    for name, found in evaluations.items():
        for task, count in found.results.truncated.items():
            yield f"{name}: {count} prompts of {task} were cut to fit the model's context"
