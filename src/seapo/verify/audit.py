"""Looks for what gives negatives away: can a linear model tell them from chosen answers by their surface?

Two questions, both of texts that the model has not seen, with folds by sample:

* *AUC*: given one text, is it a negative? Minimal edits hide from this one among thousands of other words.
* *Paired accuracy*: given both texts of a pair, which is the negative? The model sees the difference of their surface
  features with a random sign, so a shift of 3% in the length of every negative is found at once.

One half is no giveaway, one a complete one. Folds must be by sample: a model that has seen the chosen answer in
training finds nearly the same text in the test and gives it the wrong label, which brings the AUC near zero.
"""

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seapo.errors import DataError
from seapo.records import Message, Negative, Sample
from seapo.summaries import AuditRow, AuditSummary, Estimate, LogprobGap
from seapo.verify.surface import surface, telltales

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FEWEST_PAIRS = 100
"""With fewer the interval is wider than 0.4 to 0.6 without any giveaway, so nothing could be said."""
MOST_PAIRS = 800
"""Of one type or strategy; more of them are drawn by the seed. The interval is 0.07 wide then."""
FOLDS = 5
STRENGTH = 0.1
"""Inverse of the classifiers' penalty (`C`), the best of 0.03 to 1 on the pairs that were tried."""
RESAMPLES = 500
TELLTALES = 8
"""So many features are named for each row."""
CONFIDENCE = 0.95

Scorer = Callable[[tuple[Message, ...], Sequence[str]], Sequence[float]]
"""Log-probabilities in nats of several answers to a prompt, each summed over its tokens."""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Pair:
    sample: Sample
    negative: Negative


def audit(
    samples: Iterable[Sample],
    negatives: Iterable[Negative],
    *,
    seed: int,
    limit: float = 0.7,
    scorer: Scorer | None = None,
    most_scored: int = 20,
) -> AuditSummary:
    """Measure what gives the negatives away, for each error type, and each strategy of it where there are several.

    `scorer` is asked for the data's own rejected answers of at most `most_scored` samples. Negatives that were scored
    when they were made are not scored again.
    """
    by_id = {sample.id: sample for sample in samples}
    pairs = [_Pair(by_id[negative.sample_id], negative) for negative in negatives]
    surfaces = _Surfaces()
    with one_thread():
        rows = [_row(name, strategy, group, seed, surfaces) for (name, strategy), group in _groups(pairs).items()]
    gaps = [*_gap_before(by_id.values(), scorer, most_scored, seed), *_gaps_after(pairs, seed)]
    return AuditSummary(limit=limit, rows=tuple(rows), gaps=tuple(gaps), warnings=tuple(_warnings(rows, limit)))


def one_thread() -> AbstractContextManager[Any]:
    """Products too small to share out: on two busy cores, two threads take several times as long for them."""
    importlib.import_module("sklearn.linear_model")  # what is loaded later would not be limited
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def _groups(pairs: Iterable[_Pair]) -> dict[tuple[str, str | None], list[_Pair]]:
    """The pairs of each type, and those of each strategy of a type that has several."""
    found = defaultdict[tuple[str, str | None], list[_Pair]](list)
    for pair in pairs:
        found[pair.negative.error_type, None].append(pair)
    for name, _ in list(found):
        own = sorted({pair.negative.strategy for pair in found[name, None]})
        for each in own if len(own) > 1 else ():
            found[name, each] = [pair for pair in found[name, None] if pair.negative.strategy == each]
    names = list(dict.fromkeys(name for name, _ in found))
    return {key: found[key] for key in sorted(found, key=lambda key: (names.index(key[0]), key[1] or ""))}


def _row(name: str, strategy: str | None, group: list[_Pair], seed: int, surfaces: "_Surfaces") -> AuditRow:
    plain = AuditRow(error_type=name, strategy=strategy, pairs=len(group))
    if len(group) < FEWEST_PAIRS:
        lacking = f"{len(group)} pairs are too few to tell; {FEWEST_PAIRS} are needed"
        return plain.model_copy(update={"not_judged": lacking})
    drawn = sorted(Random(f"{seed}:audit:{name}:{strategy}").sample(range(len(group)), min(MOST_PAIRS, len(group))))
    used = [group[place] for place in drawn]
    accuracy, telling = _paired_accuracy(used, seed)
    auc = _auc(used, seed, surfaces)
    return plain.model_copy(
        update={"pairs_used": len(used), "auc": auc, "paired_accuracy": accuracy, "telltales": telling}
    )


class _Surfaces:
    """The surface features of texts, each read once: the types share their chosen answers."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, float]] = {}

    def of(self, text: str) -> dict[str, float]:
        """Logarithms of the counts, over their norm, so that a long text is not told by its length alone."""
        if text not in self._known:
            counts = surface(text)
            values = {name: float(np.log1p(number)) for name, number in counts.items()}
            norm = sum(value * value for value in values.values()) ** 0.5
            self._known[text] = {name: value / norm for name, value in values.items()}
        return self._known[text]


def _auc(pairs: Sequence[_Pair], seed: int, surfaces: _Surfaces) -> Estimate:
    """How surely a negative scores above a chosen answer of any sample, by models that saw neither."""
    texts = [text for pair in pairs for text in (pair.sample.chosen, pair.negative.text)]
    matrix, _ = _matrix([surfaces.of(text) for text in texts])
    labels = np.tile([0, 1], len(pairs))
    owners = np.repeat(np.arange(len(pairs)), 2)
    scores = np.zeros(len(texts))
    for train, test in _folds(pairs):
        kept, held = np.isin(owners, train), np.isin(owners, test)
        model = _fitted(matrix[kept], labels[kept], STRENGTH * 1000, has_intercept=True)
        scores[held] = model.decision_function(matrix[held])
    return _bootstrapped(len(pairs), seed, lambda weights: _weighted_auc(scores, labels, np.repeat(weights, 2)))


def _paired_accuracy(pairs: Sequence[_Pair], seed: int) -> tuple[Estimate, tuple[str, ...]]:
    """The share of pairs whose negative is found by the difference of the two, and the features that tell most."""
    matrix, names = _matrix([telltales(pair.sample.chosen, pair.negative.text) for pair in pairs])
    signs = np.where(np.random.default_rng(seed).random(len(pairs)) < 0.5, -1.0, 1.0)
    turned = matrix.multiply(signs[:, None]).tocsr()
    found = np.zeros(len(pairs))
    for train, test in _folds(pairs):
        model = _fitted(turned[train], signs[train], STRENGTH, has_intercept=False)
        margins = matrix[test] @ model.coef_[0]
        found[test] = np.where(np.abs(margins) < 1e-9, 0.5, margins > 0)
    whole = _fitted(turned, signs, STRENGTH, has_intercept=False)
    shares = np.asarray(matrix.mean(axis=0)).ravel()
    return _bootstrapped(len(pairs), seed, lambda weights: float(weights @ found / weights.sum())), _most_telling(
        names, shares, shares * whole.coef_[0]
    )


def _most_telling(names: Sequence[str], shifts: Values, contributions: Values) -> tuple[str, ...]:
    """The features that a model leans on most, with their mean shift from chosen answer to negative."""
    best = np.argsort(-contributions, kind="stable")[:TELLTALES]
    return tuple(f"{names[place]} {shifts[place]:+.2f}" for place in best if contributions[place] > 0)


def _matrix(rows: Sequence[Mapping[str, float]]) -> "tuple[csr_array[Any], list[str]]":
    """Rows of named features as a sparse matrix, and the names of its columns."""
    from sklearn.feature_extraction import DictVectorizer

    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform(rows)
    return matrix, list(vectorizer.get_feature_names_out())


def _fitted(matrix: Any, labels: Any, strength: float, *, has_intercept: bool) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, fit_intercept=has_intercept, max_iter=300).fit(matrix, labels)


def _folds(pairs: Sequence[_Pair]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Places of the pairs to learn from and of those to ask about; a sample is on one side only."""
    from sklearn.model_selection import GroupKFold

    owners = [pair.sample.id for pair in pairs]
    return list(GroupKFold(min(FOLDS, len(set(owners)))).split(owners, groups=owners))


def _bootstrapped(number: int, seed: int, statistic: Callable[[Values], float]) -> Estimate:
    """A statistic of weighted pairs, with the percentile interval over resampled pairs."""
    rng = np.random.default_rng([seed, number])
    drawn = [statistic(rng.multinomial(number, np.full(number, 1 / number)).astype(float)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value=statistic(np.ones(number)), low=float(low), high=float(high))


def _weighted_auc(scores: Values, labels: NDArray[np.int_], weights: Values) -> float:
    """The chance that a negative drawn by weight scores above a chosen answer; ties count half.

    The same as scikit-learn's, which sorts anew for each resample and takes most of an audit's time.
    """
    _, places = np.unique(scores, return_inverse=True)
    negatives = np.bincount(places, weights * labels)
    chosen = np.bincount(places, weights * (1 - labels))
    below = np.cumsum(chosen) - chosen / 2
    return float(negatives @ below / (negatives.sum() * chosen.sum()))


def _gap_before(samples: Iterable[Sample], scorer: Scorer | None, most: int, seed: int) -> list[LogprobGap]:
    """The gap between chosen answers and the data's own rejected ones."""
    own = [sample for sample in samples if sample.rejected]
    if scorer is None or not own or not most:
        return []
    drawn = sorted(Random(f"{seed}:audit:rejected").sample(range(len(own)), min(most, len(own))))
    gaps = []
    for place in drawn:
        sample = own[place]
        with suppress(DataError):  # a conversation that the chat template cannot write
            chosen, rejected = scorer(sample.prompt, [sample.chosen, sample.rejected[0]])
            gaps.append(chosen - rejected)
    return [_gap("rejected", gaps, seed)] if gaps else []


def _gaps_after(pairs: Sequence[_Pair], seed: int) -> list[LogprobGap]:
    """The gap between chosen answers and their negatives of each type, where both were scored."""
    found = defaultdict[str, list[float]](list)
    for pair in pairs:
        negative = pair.negative
        if negative.logprob_nats is not None and negative.chosen_logprob_nats is not None:
            found[negative.error_type].append(negative.chosen_logprob_nats - negative.logprob_nats)
    return [_gap(name, gaps, seed) for name, gaps in found.items()]


def _gap(name: str, gaps: Sequence[float], seed: int) -> LogprobGap:
    values = np.array(gaps)
    mean = _bootstrapped(len(values), seed, lambda weights: float(weights @ values / weights.sum()))
    return LogprobGap(
        of=name,
        pairs=len(values),
        mean_nats=mean,
        median_nats=float(np.median(values)),
        prefers_chosen=float((values > 0).mean()),
    )


def _warnings(rows: Sequence[AuditRow], limit: float) -> list[str]:
    found = []
    for row in rows:
        whose = f"{row.error_type} negatives" + (f" of {row.strategy}" if row.strategy else "")
        for name, estimate in (("AUC", row.auc), ("paired accuracy", row.paired_accuracy)):
            if estimate is not None and estimate.value > limit:
                found.append(
                    f"{whose} can be told by their surface: {name} {estimate.value:.2f} "
                    f"({estimate.low:.2f}-{estimate.high:.2f}), over {limit:.2f}"
                )
    return found
