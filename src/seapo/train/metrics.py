"""What training tells of itself: metrics under TRL's names, each also per error type, and two warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from seapo.train.step import StepResult, StepSamples

CHOSEN_CHANGE = "logps/chosen_change"
ACCURACY = "rewards/accuracies"
FALL_NATS = -5.0
EASY_ACCURACY = 0.95
EASY_STEPS = 3


@dataclass(frozen=True)
class ScoredPair:
    """A pair's log-probabilities in nats, summed over tokens, under the policy and the reference."""

    error_type: str
    chosen: float
    rejected: float
    reference_chosen: float
    reference_rejected: float

    def metrics(self, beta: float) -> dict[str, float]:
        """This pair's part in the means. A reward is beta times the policy's log-ratio to the reference."""
        chosen_reward = beta * (self.chosen - self.reference_chosen)
        rejected_reward = beta * (self.rejected - self.reference_rejected)
        return {
            "rewards/chosen": chosen_reward,
            "rewards/rejected": rejected_reward,
            "rewards/margins": chosen_reward - rejected_reward,
            ACCURACY: float(chosen_reward > rejected_reward),
            "logps/chosen": self.chosen,
            "logps/rejected": self.rejected,
            CHOSEN_CHANGE: self.chosen - self.reference_chosen,
        }


def step_metrics(samples: StepSamples, result: StepResult, *, beta: float) -> dict[str, float]:
    """Means over the pairs of a step, and over those of each error type in it, as `rewards/margins/correctness`."""
    pairs = _scored_pairs(samples, result)
    means = _means(pairs, beta)
    if result.kl is not None:
        means["kl"] = result.kl
    for error_type in sorted({pair.error_type for pair in pairs}):
        of_type = _means([pair for pair in pairs if pair.error_type == error_type], beta)
        means |= {f"{name}/{error_type}": value for name, value in of_type.items()}
    return means


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
    """
    found = []
    change = fmean(step[CHOSEN_CHANGE] for step in steps[-max(1, len(steps) // 4) :])
    if change < FALL_NATS:
        found.append(
            f"the chosen answers lost {-change:.1f} nats of log-probability on average over the last quarter of the "
            f"steps (a loss of more than {-FALL_NATS:.0f} is reported): training pushes down good answers along with "
            "bad ones; try a lower train.learning_rate, fewer epochs or a higher train.beta"
        )
    early = [step[ACCURACY] for step in steps[: len(steps) // 3]]
    easy = [end for end in range(EASY_STEPS, len(early) + 1) if fmean(early[end - EASY_STEPS : end]) > EASY_ACCURACY]
    if easy:
        found.append(
            f"the model told chosen from rejected in over {EASY_ACCURACY:.0%} of the pairs by step {easy[0]} of "
            f"{len(steps)}: the negatives are easy to tell, so later steps teach little; look at them for a giveaway"
        )
    return tuple(found)


def _scored_pairs(samples: StepSamples, result: StepResult) -> list[ScoredPair]:
    return [
        ScoredPair(error_type, policy[0], policy[place], reference[0], reference[place])
        for example, policy, reference in zip(samples.examples, result.logprobs, samples.reference, strict=True)
        for place, error_type in enumerate(example.error_types, start=1)
    ]


def _means(pairs: Sequence[ScoredPair], beta: float) -> dict[str, float]:
    rows = [pair.metrics(beta) for pair in pairs]
    return {name: fmean(row[name] for row in rows) for name in rows[0]}
