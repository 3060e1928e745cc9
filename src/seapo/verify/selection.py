"""Of several candidates of a sample that passed their checks, chooses so that the chosen ones leave no common trace.

A classifier that sees the difference of a negative and its chosen answer, without an intercept, learns nothing exactly
where these differences cancel out over the data: there the gradient of its logistic loss at weights of zero is zero,
and the loss is convex. So the options of each sample get probabilities, as near as can be to those of plausibility
alone, under which no feature's expected difference, summed over the samples, is larger than chance makes it (entropy
balancing, Hainmueller 2012, with a tolerance):

    p(option) is proportional to prior(option) * exp(-w . d(option)),
    w minimises  sum over samples of log sum over options of prior * exp(-w . d)  +  sum over features of t * |w|,

where d(option) counts what the negative has more or less of than its chosen answer (`seapo.verify.surface`), and t is
the standard deviation of the feature's sum if every difference had a random sign. The weights w are learned for each
error type. A sample's option is drawn with weights that were learned without it: a set balanced on itself would look
cleaner to the audit than it is.
"""

import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from seapo.records import Negative, Sample
from seapo.verify.surface import telltales

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LEARNING_SAMPLES = 2000
"""Of each error type; more of them hardly change the weights and cost time."""
FEWEST_SAMPLES = 20
"""With fewer samples that leave a choice, plausibility alone decides."""
FOLDS = 4
FEATURES = 2**16
"""Places that the features are hashed to, so that no vocabulary has to be kept."""
TOLERANCE = 1.25
"""How far a feature's sum may be from zero, in standard deviations of chance. With none, the weights would answer to
the chance of the samples that they were learned from, and lean against it in all others."""
PENALTY = 0.5
"""Of squared weights, which bounds them where no choice can balance a feature."""
PRIOR = 0.8
"""How much less readily each next option is drawn, in order of plausibility, where no weight speaks against it."""
LARGEST_TILT = 5.0
"""In nats. Bounds how far balancing may go against plausibility, so that no subtype dies out or takes all."""

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The candidates of one sample and error type that may become its negative."""

    sample: Sample
    error_type: str
    options: tuple[Negative, ...]
    """All passed the checks; the most plausible first."""

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"sample {self.sample.id!r}, type {self.error_type!r}: there is nothing to choose from")


@dataclass(frozen=True)
class Selector:
    """Draws one option of each choice. Can be sent to other processes; draws the same in any order."""

    seed: int
    weights: Mapping[str, tuple[Weights, ...]]
    """Error type -> for each fold of samples the weights learned without it; a type without any is not balanced."""

    @classmethod
    def learn(cls, choices: Sequence[Choice], *, seed: int) -> Self:
        """Learn what gives negatives away, from a sub-sample where there are many choices."""
        error_types = sorted({choice.error_type for choice in choices})
        learned = {name: _learn_type([c for c in choices if c.error_type == name], seed) for name in error_types}
        return cls(seed, {name: weights for name, weights in learned.items() if weights is not None})

    def choose(self, choice: Choice, nth: int = 0) -> int:
        """The index of the option that becomes the negative, or of the nth that is kept beside it."""
        if len(choice.options) == 1:
            return 0
        chances = self.chances(choice)
        rng = Random(f"{self.seed}:{choice.sample.id}:{choice.error_type}:selection" + (f":{nth}" if nth else ""))
        return rng.choices(range(len(chances)), weights=chances.tolist())[0]

    def chances(self, choice: Choice) -> NDArray[np.float64]:
        """The probability of each option."""
        weights = self.weights.get(choice.error_type)
        tilts = np.zeros(len(choice.options))
        if weights is not None:
            own = weights[_fold(choice.sample.id, self.seed)]
            tilts = np.array([values @ own[places] for places, values in _telltales(choice)])
        logits = _log_priors(len(choice.options)) - np.clip(tilts - tilts.min(), 0, LARGEST_TILT)
        return _chances(logits, np.zeros(1, np.intp), np.array([len(logits)]))[0]


def _learn_type(choices: list[Choice], seed: int) -> tuple[Weights, ...] | None:
    """The weights of one error type for each fold; None where too few samples leave a choice."""
    if sum(len(choice.options) > 1 for choice in choices) < FEWEST_SAMPLES:
        return None
    drawn = sorted(choices, key=lambda choice: _number(f"learn:{seed}:{choice.sample.id}"))[:LEARNING_SAMPLES]
    matrix = _matrix([row for choice in drawn for row in _telltales(choice)])
    owners = np.repeat(np.arange(len(drawn)), [len(choice.options) for choice in drawn])
    priors = np.concatenate([_log_priors(len(choice.options)) for choice in drawn])
    folds = np.array([_fold(choice.sample.id, seed) for choice in drawn])
    kept = [folds[owners] != fold for fold in range(FOLDS)]
    return tuple(_balancing_weights(matrix[rows], owners[rows], priors[rows]) for rows in kept)


def _balancing_weights(matrix: "csr_array[Any]", owners: NDArray[np.intp], priors: NDArray[np.float64]) -> Weights:
    """The weights under which no expected difference, summed over the samples, is beyond its tolerance.

    `matrix`: options x features; `owners`: the sample of each option, in order; `priors`: log prior of each option.
    """
    from scipy.optimize import minimize

    weights = np.zeros(FEATURES)
    if not len(owners):
        return weights
    firsts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    sizes = np.diff(np.r_[firsts, len(owners)])
    prior_chances = _chances(priors, firsts, sizes)[0]
    tolerances = TOLERANCE * np.sqrt(matrix.multiply(matrix).T @ prior_chances)
    used = np.flatnonzero(tolerances)
    forth, back, tolerances = matrix[:, used], matrix[:, used].T.tocsr(), tolerances[used]

    def loss(halves: Weights) -> tuple[float, Weights]:
        """Of the positive and the negative parts of the weights, one behind the other."""
        positive, negative = np.split(halves, 2)
        inner = positive - negative
        chances, total = _chances(priors - forth @ inner, firsts, sizes)
        slope = PENALTY * inner - back @ chances
        value = total + tolerances @ (positive + negative) + PENALTY / 2 * inner @ inner
        return float(value), np.r_[tolerances + slope, tolerances - slope]

    start, bounds = np.zeros(2 * len(used)), [(0.0, None)] * (2 * len(used))
    best: Weights = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200}).x
    weights[used] = best[: len(used)] - best[len(used) :]
    return weights


def _chances(
    logits: NDArray[np.float64], firsts: NDArray[np.intp], sizes: NDArray[np.intp]
) -> tuple[NDArray[np.float64], float]:
    """The probability of each option within its sample, and the sum over samples of log sum exp."""
    peaks = np.maximum.reduceat(logits, firsts)
    powers = np.exp(logits - np.repeat(peaks, sizes))
    totals = np.add.reduceat(powers, firsts)
    chances: NDArray[np.float64] = powers / np.repeat(totals, sizes)
    return chances, float((np.log(totals) + peaks).sum())


def _telltales(choice: Choice) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """For each option the places of its features among the weights, and their values."""
    found = []
    for option in choice.options:
        tells = telltales(choice.sample.chosen, option.text)
        places = np.fromiter((zlib.crc32(name.encode()) % FEATURES for name in tells), np.intp, len(tells))
        found.append((places, np.fromiter(tells.values(), np.float64, len(tells))))
    return found


def _matrix(rows: Sequence[tuple[NDArray[np.intp], NDArray[np.float64]]]) -> "csr_array[Any]":
    """Rows of features as a sparse matrix with `FEATURES` columns."""
    from scipy.sparse import csr_array

    ends = np.cumsum([0, *(len(places) for places, _ in rows)])
    places, values = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    matrix = csr_array((values, places, ends), shape=(len(rows), FEATURES))
    matrix.sum_duplicates()
    return matrix


def _log_priors(options: int) -> NDArray[np.float64]:
    return np.arange(options, dtype=np.float64) * math.log(PRIOR)


def _fold(sample_id: str, seed: int) -> int:
    return _number(f"fold:{seed}:{sample_id}") % FOLDS


def _number(text: str) -> int:
    """A number that stands for a text, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
