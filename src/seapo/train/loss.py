"""From log-probabilities of a group to its part of a step's loss: picks the formula, weighs and normalises.

A step's loss is a mean over all its terms (pairs, lists or answers), so a group's part is divided by counts of the
whole step, over all processes: neither rows nor budgets nor processes change it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seapo.recipe import TrainSection
from seapo.train.examples import Example
from seapo.train.objective import dpo_loss, kto_loss

NEEDS_PAIRS = ("dpo",)
NEEDS_REFERENCE = ("dpo", "kto")


@dataclass(frozen=True)
class GroupLogprobs:
    """The answers of one group; in methods that need pairs, the chosen one comes first and all others are negatives."""

    policy: Tensor
    """Shape (answers,): log-probability in nats, summed over weighted tokens, float32; has a gradient."""
    reference: Tensor
    """Shape (answers,): the same under the reference; zeros for a method without one."""
    lengths: Tensor
    """Shape (answers,): tokens, or the sum of their weights."""
    is_desirable: Tensor
    """Shape (answers,), bool."""


@dataclass(frozen=True)
class StepTotals:
    """Counts over all samples of a step, in all processes; what means are divided by."""

    terms: float
    """Pairs, lists or answers."""
    chosen_tokens: float
    """Tokens of desirable answers (or the sum of their weights), for the likelihood term."""


def count_totals(examples: Sequence[Example], settings: TrainSection) -> StepTotals:
    """The totals of some samples; those of several processes add up."""
    terms = sum(len(one.answers) if settings.method == "kto" else len(one.answers) - 1 for one in examples)
    tokens = sum(
        answer.weight(settings.edit_weight) for one in examples for answer in one.answers if answer.is_desirable
    )
    return StepTotals(terms, tokens)


def group_loss(group: GroupLogprobs, kl: Tensor | None, totals: StepTotals, settings: TrainSection) -> Tensor:
    """A group's part of the step's loss, shape (); the parts of all groups of a step add up to it.

    `kl` is KTO's estimate, shape (), or None for a method or setting without one.
    """
    policy, reference = group.policy, group.reference
    if settings.method == "dpo":
        losses = dpo_loss(policy[:1] - policy[1:], reference[:1] - reference[1:], beta=settings.beta)
    else:
        losses = kto_loss(
            policy - reference,
            group.is_desirable,
            torch.zeros(()) if kl is None else kl,
            beta=settings.beta,
            desirable_weight=1.0 if settings.desirable_weight is None else settings.desirable_weight,
            undesirable_weight=1.0 if settings.undesirable_weight is None else settings.undesirable_weight,
        )
    return losses.sum() / totals.terms
