"""From log-probabilities of a group to its part of a step's loss: picks the formula, weighs and normalises.

A step's loss is a mean over all its terms (pairs, lists or answers), so a group's part is divided by counts of the
whole step, over all processes: neither rows nor budgets nor processes change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seapo.errors import TrainError
from seapo.recipe import TrainSection
from seapo.train import objective
from seapo.train.examples import Example

SOURCES: Mapping[str, str] = {
    "dpo": "DPO (arXiv:2305.18290)",
    "ipo": "IPO (arXiv:2310.12036)",
    "hinge": "SLiC-HF's margin ranking (arXiv:2305.10425)",
    "robust": "robust DPO (arXiv:2403.00409)",
    "apo_zero": "APO-zero (arXiv:2408.06266)",
    "apo_down": "APO-down (arXiv:2408.06266)",
    "sigmoid_norm": "length-normalised DPO (arXiv:2411.15124)",
    "simpo": "SimPO (arXiv:2405.14734)",
    "orpo": "ORPO (arXiv:2403.07691)",
    "dpop": "DPO-Positive (arXiv:2402.13228)",
    "kto": "KTO (arXiv:2402.01306)",
    "apo_zero_unpaired": "APO-zero on single answers (arXiv:2408.06266)",
    "sft": "fine-tuning on the chosen answers",
}
"""Method -> its name and paper, as a model card says it."""
NEEDS_PAIRS = frozenset(SOURCES) - {"kto", "apo_zero_unpaired", "sft"}
"""Methods that compare a chosen answer with rejected ones; the others judge each answer for itself."""
NEEDS_REFERENCE = frozenset(SOURCES) - {"simpo", "orpo", "sft"}
NEEDS_KL = frozenset({"kto"})
"""Methods with a KL term, unless `train.kl` is `none`."""
PER_TOKEN = frozenset({"ipo", "sigmoid_norm", "simpo", "orpo"})
"""Methods that divide an answer's log-probability by its number of tokens."""
LISTWISE = frozenset({"dpo", "dpop", "sigmoid_norm", "simpo"})
"""Methods whose pair loss is the likelihood of a choice by reward, and so has a form with many to choose from."""
SMOOTHED = frozenset({"dpo", "robust"})
"""Methods that `train.label_smoothing` is a part of."""
MARGIN_ONLY = frozenset({"dpo", "hinge", "robust"})
SHOWN_IDS = 5


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


def check_objective(settings: TrainSection) -> None:
    """Raise TrainError for options that the method has no form for."""
    method = settings.method
    if settings.negatives == "listwise" and method not in LISTWISE:
        raise TrainError(
            f"train.negatives: listwise has no form for train.method: {method}; "
            f"it is one choice by reward, which {_listed(LISTWISE)} are. Choose one of these, or negatives: mean"
        )
    if settings.label_smoothing and method not in SMOOTHED:
        raise TrainError(
            f"train.label_smoothing: {settings.label_smoothing} means nothing to train.method: {method}; "
            f"it belongs to {_listed(SMOOTHED)}. Leave it out, or choose one of these"
        )
    if settings.label_smoothing and settings.negatives == "listwise":
        raise TrainError("train.label_smoothing turns pairs round, which lists cannot be; use it with negatives: mean")


def check_examples(examples: Sequence[Example], settings: TrainSection) -> None:
    """Raise TrainError where the method cannot learn from the answers: it needs pairs, or good ones, and has none."""
    if settings.method in NEEDS_PAIRS:
        lacking = [one.id for one in examples if not one.has_pairs]
        if lacking:
            raise TrainError(
                f"train.method: {settings.method} compares a good answer with bad ones, and {len(lacking)} of "
                f"{len(examples)} samples have only one kind ({_shown(lacking)}); leave them out, or choose a method "
                f"that judges each answer for itself: {_listed(frozenset(SOURCES) - NEEDS_PAIRS)}"
            )
    if settings.method == "sft" and not any(answer.is_desirable for one in examples for answer in one.answers):
        raise TrainError(f"train.method: sft learns from good answers, and the {len(examples)} samples have none")


def label_weights(examples: Sequence[Example], settings: TrainSection) -> tuple[float, float]:
    """Weights of desirable and undesirable answers; what is left open makes both labels weigh the same in sum.

    Where both are open, the more frequent label has weight 1 and the rarer one is raised; where one is given, the other
    follows from it. With one label alone, or one that is given the weight 0, there is nothing to balance.
    Source: Ethayarajh et al. 2024, arXiv:2402.01306, Eq. 8, at the lower end of its range, the ratio 1.
    """
    labels = [answer.is_desirable for one in examples for answer in one.answers]
    desirable, undesirable = labels.count(True), labels.count(False)
    ratio = desirable / undesirable if desirable and undesirable else 1.0
    first, second = settings.desirable_weight, settings.undesirable_weight
    if first is None and second is None:
        return max(1.0, 1 / ratio), max(1.0, ratio)
    if first is None:
        return (second or 0.0) / ratio or 1.0, second or 0.0
    return first, (first * ratio or 1.0) if second is None else second


def margin_only(settings: TrainSection) -> bool:
    """Does the loss depend only on differences between the answers of a group?

    Then a token that all of them share, in the same place, cancels: leaving it out changes neither loss nor gradient.
    """
    return settings.method in MARGIN_ONLY and settings.sft_weight == 0 and settings.edit_weight == 1


def count_totals(examples: Sequence[Example], settings: TrainSection) -> StepTotals:
    """The totals of some samples; those of several processes add up."""
    tokens = sum(
        answer.weight(settings.edit_weight) for one in examples for answer in one.answers if answer.is_desirable
    )
    return StepTotals(float(sum(_count_terms(one, settings) for one in examples)), float(tokens))


def group_loss(group: GroupLogprobs, kl: Tensor | None, totals: StepTotals, settings: TrainSection) -> Tensor:
    """A group's part of the step's loss, shape (); the parts of all groups of a step add up to it.

    `kl` is KTO's estimate, shape (), or None for a method or setting without one. KTO and `apo_zero_unpaired` need
    their label weights as numbers, see `label_weights`.
    """
    loss = group.policy.sum() * 0.0
    if totals.terms:
        loss = loss + _terms(group, kl, settings).sum() / totals.terms
    weight = likelihood_weight(settings)
    if weight and totals.chosen_tokens:
        loss = loss + weight * objective.sft_loss(group.policy[group.is_desirable], totals.chosen_tokens)
    return loss


def likelihood_weight(settings: TrainSection) -> float:
    """Weight of the chosen answers' negative log-likelihood in the loss: 1 in `sft` and `orpo`, and `sft_weight`."""
    return settings.sft_weight + (settings.method in ("sft", "orpo"))


def _count_terms(example: Example, settings: TrainSection) -> int:
    if settings.method == "sft":
        return 0
    if settings.method not in NEEDS_PAIRS:
        return len(example.answers)
    negatives = len(example.answers) - 1
    return min(negatives, 1) if settings.negatives == "listwise" else negatives


def _terms(group: GroupLogprobs, kl: Tensor | None, settings: TrainSection) -> Tensor:
    """The losses that the step's mean is over, shape (terms,)."""
    if settings.method not in NEEDS_PAIRS:
        return _answer_losses(group, kl, settings)
    if len(group.policy) == 1:
        return group.policy[1:]
    if settings.negatives == "listwise":
        return objective.listwise_loss(_rewards(group, settings)).reshape(1)
    return _pair_losses(group, settings)


def _pair_losses(group: GroupLogprobs, settings: TrainSection) -> Tensor:
    """Loss of the chosen answer against each other one, shape (answers - 1,)."""
    beta = settings.beta
    policy, reference = _scaled(group, settings)
    margin, reference_margin = policy[:1] - policy[1:], reference[:1] - reference[1:]
    chosen_ratio, rejected_ratios = policy[:1] - reference[:1], policy[1:] - reference[1:]
    match settings.method:
        case "dpo":
            return objective.dpo_loss(margin, reference_margin, beta=beta, label_smoothing=settings.label_smoothing)
        case "hinge":
            return objective.hinge_loss(margin, reference_margin, beta=beta)
        case "robust":
            return objective.robust_loss(margin, reference_margin, beta=beta, label_smoothing=settings.label_smoothing)
        case "ipo":
            return objective.ipo_loss(margin, reference_margin, beta=beta)
        case "sigmoid_norm":
            return objective.sigmoid_norm_loss(margin, reference_margin, beta=beta)
        case "apo_zero":
            return objective.apo_zero_loss(chosen_ratio, rejected_ratios, beta=beta)
        case "apo_down":
            return objective.apo_down_loss(chosen_ratio, rejected_ratios, beta=beta)
        case "dpop":
            return objective.dpop_loss(chosen_ratio, rejected_ratios, beta=beta, dpop_lambda=settings.dpop_lambda)
        case "simpo":
            return objective.simpo_loss(margin, beta=beta, gamma=settings.simpo_gamma)
        case "orpo":
            return objective.odds_ratio_loss(policy[:1], policy[1:], beta=beta)
    raise AssertionError(f"{settings.method} has no loss of pairs")


def _rewards(group: GroupLogprobs, settings: TrainSection) -> Tensor:
    """What a choice among the answers goes by, shape (answers,): the difference of two is what the pair loss takes."""
    policy, reference = _scaled(group, settings)
    rewards = settings.beta * (policy - reference)
    match settings.method:
        case "dpo" | "sigmoid_norm":
            return rewards
        case "simpo":
            return torch.cat([rewards[:1] - settings.simpo_gamma, rewards[1:]])
        case "dpop":
            ratio = policy[:1] - reference[:1]
            chosen = objective.dpop_reward(ratio, beta=settings.beta, dpop_lambda=settings.dpop_lambda)
            return torch.cat([chosen, rewards[1:]])
    check_objective(settings)
    raise AssertionError(f"{settings.method} has no loss of lists")


def _scaled(group: GroupLogprobs, settings: TrainSection) -> tuple[Tensor, Tensor]:
    """Log-probabilities under policy and reference as the method reads them, in sum or per token; no reference is 0."""
    reference = group.reference if settings.method in NEEDS_REFERENCE else torch.zeros_like(group.reference)
    lengths = group.lengths if settings.method in PER_TOKEN else torch.ones_like(group.lengths)
    return group.policy / lengths, reference / lengths


def _answer_losses(group: GroupLogprobs, kl: Tensor | None, settings: TrainSection) -> Tensor:
    """Loss of each answer for itself, shape (answers,)."""
    desirable, undesirable = settings.desirable_weight, settings.undesirable_weight
    if desirable is None or undesirable is None:
        raise ValueError("the label weights are open; fill them in with `label_weights` of all training samples")
    ratios = group.policy - group.reference
    if settings.method == "apo_zero_unpaired":
        return objective.apo_zero_unpaired_loss(
            ratios,
            group.is_desirable,
            beta=settings.beta,
            desirable_weight=desirable,
            undesirable_weight=undesirable,
        )
    return objective.kto_loss(
        ratios,
        group.is_desirable,
        ratios.new_zeros(()) if kl is None else kl,
        beta=settings.beta,
        desirable_weight=desirable,
        undesirable_weight=undesirable,
    )


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _shown(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    return ", ".join(ids[:SHOWN_IDS]) + more
