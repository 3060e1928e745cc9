"""Does training do other answers harm? Each arm on the held-out rows against the untouched model, paired by row."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, variance

import numpy as np

from seapo.evaluate.statistics import MIN_QUESTIONS, Array, bootstrap
from seapo.experiment.held_out import HeldOutRow
from seapo.interval import Interval
from seapo.records import Record

Rows = Sequence[HeldOutRow]
MEASURES: dict[str, Callable[[HeldOutRow], float | None]] = {
    "logprob_per_token_nats": lambda row: row.logprob_nats / row.tokens,
    "answer_tokens": lambda row: row.answer_tokens,
    "distinct_4_grams": lambda row: row.distinct,
    "refusal": lambda row: None if row.is_refusal is None else float(row.is_refusal),
}
"""Name -> what is measured of a row; None where there is nothing to measure."""
ANY = (-math.inf, math.inf)
BOUNDS = {"logprob_per_token_nats": ANY, "answer_tokens": ANY, "distinct_4_grams": ANY, "refusal": (-1.0, 1.0)}
"""Of a difference; where no row differs, a share's interval still says how much may have gone unseen."""
WORDS = {
    "logprob_per_token_nats": "likelihood of the good answer, nats a token",
    "answer_tokens": "length of the own answer, tokens",
    "distinct_4_grams": "runs of 4 tokens in it that are no repetition, share",
    "refusal": "refusals, share",
}


class Harm(Record):
    """One measure of one arm on the held-out rows."""

    arm: str
    measure: str
    rows: int
    seeds: int
    before: float
    after: float
    """Mean over rows and seeds."""
    difference: float
    interval: Interval | None
    """Were the rows drawn anew, for these trained models; None where the rows are too few, or all the same."""
    seed_sd: float | None
    """Standard deviation of the seeds' mean differences; None for one seed."""


def harms(untouched: Rows, arms: Mapping[str, Mapping[int, Rows]], *, confidence: float, seed: int) -> list[Harm]:
    """Every measure of every arm; arms: name -> seed -> rows."""
    found = []
    for arm, by_seed in arms.items():
        for name, measure in MEASURES.items():
            row = _harm(arm, name, measure, untouched, by_seed, confidence, seed)
            if row is not None:
                found.append(row)
    return found


def _harm(
    arm: str,
    name: str,
    measure: Callable[[HeldOutRow], float | None],
    untouched: Rows,
    by_seed: Mapping[int, Rows],
    confidence: float,
    seed: int,
) -> Harm | None:
    before = _values(untouched, measure)
    after = [_values(rows, measure) for rows in by_seed.values()]
    shared = [row_id for row_id in before if all(row_id in values for values in after)]
    if not shared or not after:
        return None
    means = [fmean(values[row_id] - before[row_id] for row_id in shared) for values in after]
    differences = np.array([[fmean(values[row_id] for values in after) - before[row_id]] for row_id in shared])
    return Harm(
        arm=arm,
        measure=name,
        rows=len(shared),
        seeds=len(after),
        before=fmean(before[row_id] for row_id in shared),
        after=fmean(fmean(values[row_id] for values in after) for row_id in shared),
        difference=fmean(means),
        interval=_interval(differences, BOUNDS[name], confidence, seed),
        seed_sd=math.sqrt(variance(means)) if len(means) > 1 else None,
    )


def _values(rows: Rows, measure: Callable[[HeldOutRow], float | None]) -> dict[str, float]:
    found = {row.id: measure(row) for row in rows}
    return {row_id: value for row_id, value in found.items() if value is not None}


def _interval(differences: Array, bounds: Interval, confidence: float, seed: int) -> Interval | None:
    if len(differences) < MIN_QUESTIONS or (np.ptp(differences) == 0 and math.isinf(bounds[1])):
        return None
    drawn = bootstrap([differences / len(differences)], seed=seed)
    return drawn.interval(0, bounds=bounds, confidence=confidence)
