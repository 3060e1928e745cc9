"""Log-probabilities of choices -> a score between 0 and 1.

They are rounded first, so that float noise of another packing cannot flip a tie; tied choices count as their first.
"""

import math
from collections.abc import Callable, Sequence

from seapo.records import ChoiceItem, ItemScore

DECIMALS = 4
"""Of log-probabilities in nats: float32 sums over a choice agree to about 1e-5."""

Metric = Callable[[Sequence[float], Sequence[int]], float]


def accuracy(logprobs: Sequence[float], correct: Sequence[int]) -> float:
    """1 where the likeliest choice is right, else 0.

    accuracy([-3.0, -1.0, -2.0], [1]) = 1; accuracy([-1.0, -1.0], [1]) = 0, as the first of tied choices counts.
    """
    best = max(range(len(logprobs)), key=lambda index: logprobs[index])
    return float(best in correct)


def truthful_mass(logprobs: Sequence[float], correct: Sequence[int]) -> float:
    """Share of the choices' probability that lies on right ones.

    truthful_mass([log 0.2, log 0.1, log 0.1], [0, 2]) = 0.3 / 0.4 = 0.75
    Source: Lin et al. 2022, arXiv:2109.07958, Section 3.2 and Appendix (MC2).
    """
    top = max(logprobs)
    weights = [math.exp(logprob - top) for logprob in logprobs]
    return sum(weights[index] for index in correct) / sum(weights)


METRICS: dict[str, Metric] = {"acc": accuracy, "mc2": truthful_mass}


def score_item(item: ChoiceItem, logprobs: Sequence[float]) -> ItemScore:
    """What a model made of an item, from the log-probabilities of its choices in nats."""
    rounded = tuple(round(logprob, DECIMALS) for logprob in logprobs)
    return ItemScore(
        id=item.id,
        task=item.task,
        dimension=item.dimension,
        metric=item.metric,
        value=METRICS[item.metric](rounded, item.correct),
        choice_logprobs_nats=rounded,
        suite=item.suite,
    )
