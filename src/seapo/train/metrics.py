"""What training tells of itself: metrics under TRL's names, each also per error type, and two warnings.

    rewards/chosen, /rejected   beta x log-ratio to the reference; without a reference beta x log-probability per token
    rewards/margins             the difference of these two
    rewards/accuracies          share of pairs whose chosen answer has the higher reward
    logps/chosen, /rejected     log-probability in nats; per token for `simpo` and `orpo`
    logps/chosen_change         policy minus reference, in nats
    kl, nll_loss                KTO's estimate in nats; the likelihood term in nats per token
    log_odds_chosen, _ratio     of ORPO: the log of the odds ratio, and its log-sigmoid

Where a method compares pairs, a mean is over pairs; where it judges single answers, over answers (the accuracy is over
the pairs that there are). `rewards/margins/logic` is over the pairs whose negative has that error type, and so on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch.nn.functional import logsigmoid

from seapo.recipe import TrainSection
from seapo.train.examples import Answer, Example
from seapo.train.loss import NEEDS_PAIRS, NEEDS_REFERENCE, likelihood_weight
from seapo.train.objective import log_odds
from seapo.train.step import StepResult, StepSamples

CHOSEN_CHANGE = "logps/chosen_change"
ACCURACY = "rewards/accuracies"
FALL_NATS = -5.0
EASY_ACCURACY = 0.95
EASY_STEPS = 3

Sums = dict[str, tuple[float, float]]
"""Metric -> (sum, count), so that the parts of several processes add up."""


@dataclass(frozen=True)
class ScoredAnswer:
    """One answer under policy and reference."""

    error_type: str
    is_desirable: bool
    logprob: float
    """As TRL logs it: in nats, or in nats per token for a method that has no reference but `sft`."""
    change: float | None
    """Policy minus reference in nats; None without a reference."""
    reward: float | None
    """None for `sft`, which has none."""

    def metrics(self) -> dict[str, float | None]:
        """This answer's part in the means."""
        if self.is_desirable:
            return {"rewards/chosen": self.reward, "logps/chosen": self.logprob, CHOSEN_CHANGE: self.change}
        return {"rewards/rejected": self.reward, "logps/rejected": self.logprob}


def step_sums(samples: StepSamples, result: StepResult, settings: TrainSection) -> Sums:
    """Sums and counts of a step's metrics in one process; see `merge_sums` and `means`."""
    sums: Sums = {}
    for index, example in enumerate(samples.examples):
        reference = samples.reference[index] if settings.method in NEEDS_REFERENCE else [None] * len(example.answers)
        policy = result.logprobs[index]
        answers = [_scored(*one, settings) for one in zip(example.answers, policy, reference, strict=True)]
        _add_group(sums, answers, settings)
        if likelihood_weight(settings):
            _add_likelihood(sums, example, policy, settings)
    if result.kl is not None:
        _add(sums, "kl", result.kl)
    return sums


def merge_sums(parts: Iterable[Sums]) -> Sums:
    """The sums of several processes (or steps) as one; a metric need not be in all of them."""
    merged: Sums = {}
    for part in parts:
        for name, (total, count) in part.items():
            _add(merged, name, total, count)
    return merged


def means(sums: Sums) -> dict[str, float]:
    """The metrics: each mean, and the margins, which are differences of means as in TRL."""
    found = {name: total / count for name, (total, count) in sums.items()}
    for name in [one for one in found if one.startswith("rewards/chosen")]:
        rejected = name.replace("chosen", "rejected", 1)
        if rejected in found:
            found[name.replace("chosen", "margins", 1)] = found[name] - found[rejected]
    return found


def windows(steps: Sequence[dict[str, float]], size: int) -> list[dict[str, float]]:
    """Logged rows: the means of each metric over `size` steps at a time, at the last of them; the rest is left out.

    A metric that only some of the steps have, as that of a rare error type, is the mean over those.
    """
    rows = []
    for end in range(size, len(steps) + 1, size):
        window = steps[end - size : end]
        names = dict.fromkeys(name for step in window for name in step)
        means = {name: fmean(step[name] for step in window if name in step) for name in names}
        rows.append({**means, "step": window[-1]["step"], "epoch": window[-1]["epoch"]})
    return rows


def final_metrics(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    """Each metric's mean over the last tenth of the steps, at least one."""
    (last,) = windows(steps[-max(1, len(steps) // 10) :], max(1, len(steps) // 10))
    return {name: value for name, value in last.items() if name not in ("step", "epoch")}


def training_warnings(steps: Sequence[dict[str, float]]) -> tuple[str, ...]:
    """What a reader of the metrics should know.

    * The chosen answers lose probability: their mean change over the last quarter of the steps is below -5 nats.
    * The pairs are too easy: the mean accuracy over 3 steps on end within the first third of the steps passes 0.95.

    Steps that lack the metric are left out; a method without a reference has no change to tell of.
    """
    return tuple(text for text in (falling_warning(steps), easy_warning(steps, len(steps))) if text)


def falling_warning(steps: Sequence[dict[str, float]]) -> str | None:
    """What to say where the chosen answers lose probability, else None."""
    changes = [step[CHOSEN_CHANGE] for step in steps[-max(1, len(steps) // 4) :] if CHOSEN_CHANGE in step]
    if not changes or fmean(changes) >= FALL_NATS:
        return None
    return (
        f"the chosen answers lost {-fmean(changes):.1f} nats of log-probability on average over the last quarter of "
        f"the steps (a loss of more than {-FALL_NATS:.0f} is reported): training pushes down good answers along with "
        "bad ones; try a lower train.learning_rate, fewer epochs, a higher train.beta, some train.sft_weight, or "
        "train.method: dpop"
    )


def easy_warning(steps: Sequence[dict[str, float]], planned: int) -> str | None:
    """What to say where the pairs are too easy, else None; the steps may be the first of those planned."""
    early = [(number, step[ACCURACY]) for number, step in enumerate(steps, 1) if ACCURACY in step]
    early = [(number, value) for number, value in early if number <= planned // 3]
    for end in range(EASY_STEPS, len(early) + 1):
        if fmean(value for _, value in early[end - EASY_STEPS : end]) > EASY_ACCURACY:
            return (
                f"the model told chosen from rejected in over {EASY_ACCURACY:.0%} of the pairs by step "
                f"{early[end - 1][0]} of {planned}: the negatives are easy to tell, so later steps teach little; "
                "look at them for a giveaway"
            )
    return None


def _scored(answer: Answer, policy: float, reference: float | None, settings: TrainSection) -> ScoredAnswer:
    kind, is_desirable = answer.error_type, answer.is_desirable
    if settings.method == "sft":
        return ScoredAnswer(kind, is_desirable, policy, change=None, reward=None)
    if reference is None:
        per_token = policy / answer.weight(settings.edit_weight)
        return ScoredAnswer(kind, is_desirable, per_token, change=None, reward=settings.beta * per_token)
    change = policy - reference
    return ScoredAnswer(kind, is_desirable, policy, change, reward=settings.beta * change)


def _add_group(sums: Sums, answers: Sequence[ScoredAnswer], settings: TrainSection) -> None:
    """Add one sample's answers: over all, and per error type of the negatives that they stand against."""
    good = [one for one in answers if one.is_desirable]
    bad = [one for one in answers if not one.is_desirable]
    times = len(bad) if settings.method in NEEDS_PAIRS else 1
    for one in good:
        _add_all(sums, one.metrics(), "", times)
    for one in bad:
        _add_all(sums, one.metrics(), "", 1)
        if one.error_type:
            _add_all(sums, one.metrics(), f"/{one.error_type}", 1)
    for chosen in good:
        for rejected in bad:
            pair = _pair_metrics(chosen, rejected, settings)
            _add_all(sums, pair, "", 1)
            if rejected.error_type:
                _add_all(sums, pair | chosen.metrics(), f"/{rejected.error_type}", 1)


def _pair_metrics(chosen: ScoredAnswer, rejected: ScoredAnswer, settings: TrainSection) -> dict[str, float | None]:
    if chosen.reward is None or rejected.reward is None:
        return {}
    found: dict[str, float | None] = {ACCURACY: float(chosen.reward > rejected.reward)}
    if settings.method == "orpo":
        odds = log_odds(torch.tensor([chosen.logprob, rejected.logprob], dtype=torch.float64))
        ratio = odds[0] - odds[1]
        found |= {"log_odds_chosen": ratio.item(), "log_odds_ratio": logsigmoid(ratio).item()}
    return found


def _add_likelihood(sums: Sums, example: Example, policy: Sequence[float], settings: TrainSection) -> None:
    for answer, logprob in zip(example.answers, policy, strict=True):
        if answer.is_desirable:
            _add(sums, "nll_loss", -logprob, answer.weight(settings.edit_weight))


def _add_all(sums: Sums, values: dict[str, float | None], suffix: str, times: int) -> None:
    for name, value in values.items():
        if value is not None and times:
            _add(sums, name + suffix, value * times, times)


def _add(sums: Sums, name: str, total: float, count: float = 1.0) -> None:
    before = sums.get(name, (0.0, 0.0))
    sums[name] = (before[0] + total, before[1] + count)
