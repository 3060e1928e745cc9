"""How long a run will take, roughly, from how fast its model reads: before anything of it is done.

    forecast(recipe, fit, samples=995, share=0.8).seconds

Each stage's work is told in tokens that the model would read in the same time. How many they are was fitted to two runs
on two processor cores (docs/quick-tour.md); on another machine the ratios shift.
"""

import math

from seapo.beginning.machine import Fit
from seapo.recipe import Recipe
from seapo.records import Record

LOADING_S = 5.0
"""Of the model, in each stage that asks it."""
INJECT_READS = 2.5
"""Readings of prompt, answer and candidates: alternatives, first glances at the candidates, and their scores."""
VERIFY_S = 0.1
"""Of one sample's candidates in one process, by program."""
NEGATIVE_SHARE = 0.6
"""Of an answer's tokens, those from the error on, which its negative repeats."""
BACKWARD_READS = 4.0
"""A step's forward and backward pass, in readings."""
KTO_READS = 0.5
"""Readings that KTO's answers to other prompts add to a step."""
STARTER_TOKENS = 35_000
"""Read for the suite that comes with seapo, once."""
STARTER_ITEMS, STARTER_TASKS = 246, 5
REPORT_S = 10.0


class Forecast(Record):
    """What a run will take, about."""

    samples: int
    """Short enough to be worked on."""
    pairs: int
    """To be trained on."""
    by_stage: dict[str, float]
    """Stage -> seconds by the clock."""

    @property
    def seconds(self) -> float:
        """Of all stages."""
        return math.fsum(self.by_stage.values())


def forecast(recipe: Recipe, fit: Fit, samples: int, share: float, *, rejected: int = 0) -> Forecast:
    """Of so many samples that are short enough, and the share of them that an error can be put in.

    `rejected` samples bring rejected answers of their own, some of which verify scores.
    """
    whole, answer = _usual(fit, recipe.train.max_length)
    pairs = round(samples * share)
    candidates = min(recipe.inject.candidate_tokens, 3 * answer)
    inject = samples * INJECT_READS * (whole + candidates) if recipe.inject.rank_by == "model" else 0.0
    judged = min(recipe.verify.rejected_scored, rejected, samples) * (whole + answer)
    tree = whole + NEGATIVE_SHARE * answer
    reads = 1 + recipe.train.num_train_epochs * BACKWARD_READS
    reads += (1 + recipe.train.num_train_epochs) * KTO_READS if recipe.train.method == "kto" else 0.0
    found = {
        "inject": LOADING_S + inject / fit.tokens_per_s,
        "verify": LOADING_S + samples * VERIFY_S / recipe.verify.workers + judged / fit.tokens_per_s,
        "train": LOADING_S + pairs * tree * reads / fit.tokens_per_s,
    }
    if "starter" in recipe.evaluate.suites:
        asked = min(1.0, STARTER_TASKS * (recipe.evaluate.limit or STARTER_ITEMS) / STARTER_ITEMS)
        found["evaluate"] = 2 * (LOADING_S + asked * STARTER_TOKENS / fit.tokens_per_s)
    found["report"] = REPORT_S
    return Forecast(samples=samples, pairs=pairs, by_stage={name: round(value, 1) for name, value in found.items()})


def _usual(fit: Fit, longest: int) -> tuple[float, float]:
    """Mean tokens of prompt and answer, and of the answer, of the samples that are short enough."""
    fitting = [index for index, length in enumerate(fit.wholes) if length <= longest] or [*range(len(fit.wholes))]
    whole = sum(fit.wholes[index] for index in fitting) / len(fitting)
    return whole, sum(fit.answers[index] for index in fitting) / len(fitting)
