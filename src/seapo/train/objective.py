# ruff: noqa: F722  (jaxtyping's shapes are strings, which ruff takes for forward annotations)
"""The formulas: losses as free functions of log-probabilities, each with its source.

All numbers are natural: log-probabilities in nats, summed over the tokens of a completion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


def dpo_loss(
    policy_margin: Float[Tensor, " pairs"], reference_margin: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """Loss per pair: -log sigmoid(beta * (policy_margin - reference_margin)).

    A margin is log p(chosen) - log p(rejected), in nats, summed over completion tokens.
    Source: Rafailov et al. 2023, arXiv:2305.18290, Eq. 7.

    A margin that grew from 1 to 3 nats at beta 0.1: -log sigmoid(0.2) = log(1 + e^-0.2) = 0.5981.

    >>> dpo_loss(torch.tensor([3.0]), torch.tensor([1.0]), beta=0.1)
    tensor([0.5981])
    """
    return -logsigmoid(beta * (policy_margin - reference_margin))


def kto_loss(
    logratios: Float[Tensor, " completions"],
    is_desirable: Bool[Tensor, " completions"],
    kl: Float[Tensor, ""],
    *,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Float[Tensor, " completions"]:
    """Loss per completion: desirable_weight * (1 - sigmoid(beta * (logratio - kl))) for a desirable one,
    undesirable_weight * (1 - sigmoid(beta * (kl - logratio))) for an undesirable one.

    A log-ratio is log p_policy(completion) - log p_reference(completion), in nats; `kl` is `kto_kl` of the same step.
    Source: Ethayarajh et al. 2024, arXiv:2402.01306, Eq. 7 and 8; constants that have no gradient are left out but for
    the 1, as TRL does.

    At beta 0.1 and kl 0.5, a desirable completion that gained 1 nat and an undesirable one that lost 1 nat:
    1 - sigmoid(0.05) = 0.4875 and 1 - sigmoid(0.15) = 0.4626, the latter weighed twice: 0.9251.

    >>> ratios, is_desirable = torch.tensor([1.0, -1.0]), torch.tensor([True, False])
    >>> kto_loss(ratios, is_desirable, torch.tensor(0.5), beta=0.1, desirable_weight=1.0, undesirable_weight=2.0)
    tensor([0.4875, 0.9251])
    """
    gain = torch.where(is_desirable, logratios - kl, kl - logratios)
    weight = torch.where(is_desirable, desirable_weight, undesirable_weight)
    return weight * (1 - torch.sigmoid(beta * gain))


def kto_kl(
    policy_logprobs: Float[Tensor, " mismatched"], reference_logprobs: Float[Tensor, " mismatched"]
) -> Float[Tensor, ""]:
    """How far the policy went from the reference, in nats: max(0, mean log-ratio over mismatched pairs), detached.

    A mismatched pair is a prompt with a completion that was written for another one; the mean over them estimates the
    divergence KL(policy || reference) with a bias, but cheaply and without sampling.
    Source: Ethayarajh et al. 2024, arXiv:2402.01306, Section 4.1.

    >>> kto_kl(torch.tensor([-40.0, -52.0]), torch.tensor([-42.0, -51.0]))
    tensor(0.5000)
    >>> kto_kl(torch.tensor([-43.0, -52.0]), torch.tensor([-42.0, -51.0]))
    tensor(0.)
    """
    return (policy_logprobs - reference_logprobs).mean().clamp(min=0).detach()
