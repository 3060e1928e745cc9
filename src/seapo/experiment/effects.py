"""Scores of arms and seeds -> what each arm changes against each baseline, by dimension and benchmark, with intervals.

Two intervals, and what varies in each:

* `interval`: items drawn anew, these trained models. An item's score is the mean over the seeds, arm and baseline are
  paired by item, and what `seapo compare` does with two models is done with these means.
* `seeds_interval`: items and training seeds drawn anew. The variance is the first one's and that of a seed's mean
  difference over the number of seeds, with degrees of freedom after Satterthwaite 1946. What item and seed do together
  is in both parts, so it is rather too wide than too narrow.

Scores of different protocols are never in one table.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy import special

from seapo.evaluate.clusters import Extent, extents
from seapo.evaluate.comparison import Verdict, compare_models
from seapo.evaluate.pairing import matched, pairs_of
from seapo.evaluate.results import Evaluation
from seapo.interval import Interval, normal_quantile
from seapo.recipe.experiment import UNTOUCHED
from seapo.records import Dimension, ItemScore, Protocol, Record
from seapo.summaries import EvaluationResults

KINDS = ("dimension", "benchmark")
Seeded = Mapping[int, Sequence[ItemScore]]
"""Seed -> the scores of the model trained with it; one entry, whatever its seed, for the untouched model."""
PROTOCOLS: tuple[Protocol, ...] = ("paper", "chat", "")


class Effect(Record):
    """What an arm changes against a baseline in one dimension or benchmark; scores are shares between 0 and 1."""

    protocol: Protocol
    arm: str
    base: str
    kind: str
    name: str
    dimension: Dimension | None
    metric: str
    items: int
    seeds: int
    """Seeds of the arm; of a trained baseline's, too, those that both have, each paired with the model of its seed."""
    base_score: float
    arm_score: float
    difference: float
    """Mean over items and seeds."""
    interval: Interval
    """Were the items drawn anew: for these trained models."""
    by_seed: tuple[float, ...]
    """Difference of each seed."""
    seed_sd: float | None
    """Standard deviation of these; None for one seed."""
    seeds_interval: Interval | None
    """Were items and seeds drawn anew: for this way to train; None for one seed."""
    p_value: float
    """Of no difference, for these trained models; this row alone."""
    p_adjusted: float
    """Corrected by Holm's method over all rows of this kind and protocol, arms and baselines."""
    verdict: Verdict
    """`better` or `worse` where `p_adjusted` is small enough."""

    @property
    def widest(self) -> Interval:
        """The interval that claims are judged by."""
        return self.interval if self.seeds_interval is None else self.seeds_interval

    def item_variance(self, confidence: float) -> float:
        """Of one item's paired difference, from the interval over items: n (half width / z)^2."""
        return self.items * standard_error(self.interval, confidence) ** 2

    @property
    def seed_variance(self) -> float:
        """Of a seed's mean difference; 0 where one seed says nothing of it."""
        return 0.0 if self.seed_sd is None else self.seed_sd**2


@dataclass(frozen=True)
class Asking:
    """How a table is made."""

    confidence: float
    seed: int
    """Of the bootstrap."""


def protocols_of(scores: Iterable[ItemScore]) -> tuple[Protocol, ...]:
    """The protocols that items were asked by, published ones first."""
    found = {score.protocol for score in scores}
    return tuple(name for name in PROTOCOLS if name in found)


def of_protocol(seeded: Seeded, protocol: Protocol) -> dict[int, list[ItemScore]]:
    """The scores of items asked by one protocol."""
    return {seed: [one for one in scores if one.protocol == protocol] for seed, scores in seeded.items()}


def effects(
    arms: Mapping[str, Seeded],
    couples: Sequence[tuple[str, str]],
    results: EvaluationResults,
    asking: Asking,
) -> list[Effect]:
    """Each arm against each baseline, for scores of one protocol.

    couples: (baseline, arm). Of a baseline that was trained, too, the seeds that both have are compared; a couple that
    has none in common is left out, see `unpaired`. results: of any of the evaluations. Raises DataError where the
    models were not asked the same in the same way, or by several protocols.
    """
    (protocol,) = {score.protocol for seeded in arms.values() for scores in seeded.values() for score in scores}
    left_out = unpaired(arms, couples)
    paired = {couple: _paired(arms, *couple) for couple in couples if couple not in left_out}
    if not paired:
        return []
    sides = {side.label: side for couple in paired.values() for side in couple}
    found = compare_models(
        {label: Evaluation(results, mean_scores(side.seeded)) for label, side in sides.items()},
        confidence=asking.confidence,
        seed=asking.seed,
        couples=[(base.label, arm.label) for base, arm in paired.values()],
    )
    rows: list[Effect] = []
    for each in found.comparisons:
        base, arm = sides[each.base], sides[each.other]
        for row, (name, differences) in zip(each.rows, _by_seed(base.seeded, arm.seeded), strict=True):
            if row.kind not in KINDS:
                continue
            assert row.name == name
            rows.append(
                Effect(
                    protocol=protocol,
                    arm=arm.name,
                    base=base.name,
                    kind=row.kind,
                    name=row.name,
                    dimension=row.dimension,
                    metric=row.metric,
                    items=row.items,
                    seeds=len(differences),
                    base_score=row.base,
                    arm_score=row.other,
                    difference=row.difference,
                    interval=row.difference_interval,
                    by_seed=tuple(differences),
                    seed_sd=math.sqrt(variance(differences)) if len(differences) > 1 else None,
                    seeds_interval=seeds_interval(
                        row.difference,
                        standard_error(row.difference_interval, asking.confidence),
                        row.items,
                        differences,
                        confidence=asking.confidence,
                    ),
                    p_value=row.p_value,
                    p_adjusted=row.p_adjusted,
                    verdict=row.verdict,
                )
            )
    return rows


def unpaired(arms: Mapping[str, Seeded], couples: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The couples that cannot be compared: both were trained, and no seed was finished by both."""
    return [(base, arm) for base, arm in couples if base != UNTOUCHED and not set(arms[base]) & set(arms[arm])]


@dataclass(frozen=True)
class _Side:
    """The models of an arm that are compared."""

    name: str
    seeded: Seeded

    @property
    def label(self) -> str:
        """Arm and seeds: against two baselines these may be other ones."""
        return f"{self.name}, seeds {', '.join(map(str, self.seeded))}"


def _paired(arms: Mapping[str, Seeded], base: str, arm: str) -> tuple[_Side, _Side]:
    """Both sides of a comparison, each with the seeds that the other one has; the untouched model has none."""
    if base == UNTOUCHED:
        return _Side(base, arms[base]), _Side(arm, arms[arm])
    shared = [seed for seed in arms[arm] if seed in arms[base]]
    both = [_Side(name, {seed: arms[name][seed] for seed in shared}) for name in (base, arm)]
    return both[0], both[1]


def mean_scores(seeded: Seeded) -> tuple[ItemScore, ...]:
    """Each item's score, the mean over the seeds; raises DataError where these were not asked the same."""
    by_seed = matched({f"seed {seed}": scores for seed, scores in seeded.items()}, common=False)
    first, *others = by_seed.values()
    return tuple(
        score.model_copy(update={"value": fmean([score.value, *(other[key].value for other in others)])})
        for key, score in first.items()
    )


def seeds_interval(
    difference: float, error: float, items: int, by_seed: Sequence[float], *, confidence: float
) -> Interval | None:
    """Interval of a mean difference were items and seeds drawn anew; None for one seed.

    error: standard error over items. Its square, e^2 with n - 1 degrees of freedom, and s^2 / S of the S seeds' mean
    differences with S - 1, are added; the sum has (e^2 + s^2/S)^2 / (e^4/(n - 1) + (s^2/S)^2/(S - 1)).
    Source: Satterthwaite 1946, Biometrics Bulletin 2:110-114.
    """
    if len(by_seed) < 2:
        return None
    own, seeds = error**2, variance(by_seed) / len(by_seed)
    weighed = own**2 / max(items - 1, 1) + seeds**2 / (len(by_seed) - 1)
    degrees = (own + seeds) ** 2 / weighed if weighed else math.inf
    width = float(special.stdtrit(degrees, (1 + confidence) / 2)) if math.isfinite(degrees) else 0.0
    half = max(width, normal_quantile(confidence)) * math.sqrt(own + seeds)
    return max(-1.0, difference - half), min(1.0, difference + half)


def _by_seed(base: Seeded, arm: Seeded) -> list[tuple[str, list[float]]]:
    """For each row its name and the difference of each seed, in the order of the rows.

    base: the same seeds as the arm, or the untouched model alone.
    """
    alone = next(iter(base.values()))
    found: list[list[tuple[str, float]]] = []
    for seed, scores in arm.items():
        both = matched({"base": base.get(seed, alone), "arm": scores}, common=False)
        found.append([(each.name, _difference(each)) for each in extents(pairs_of(both["base"], both["arm"]))])
    return [(rows[0][0], [difference for _, difference in rows]) for rows in zip(*found, strict=True)]


def _difference(extent: Extent) -> float:
    return fmean(fmean(pair.other.value - pair.base.value for pair in pairs) for pairs in extent.benchmarks)


def standard_error(interval: Interval, confidence: float) -> float:
    """Standard error that a normal interval of this width would have."""
    return (interval[1] - interval[0]) / (2 * normal_quantile(confidence))
