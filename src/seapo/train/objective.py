# ruff: noqa: F722  (jaxtyping's shapes are strings, which ruff takes for forward annotations)
"""The formulas: losses as free functions of log-probabilities, each with its source.

    compares two answers    dpo, hinge, robust, apo_zero, apo_down, dpop
    the same, per token     ipo, sigmoid_norm, simpo, orpo
    chosen against all      listwise
    judges one answer       kto, apo_zero_unpaired, sft

All numbers are natural: log-probabilities in nats, summed over the tokens of an answer, or, where a docstring says
"per token", divided by their number. A log-ratio is log p_policy(answer) - log p_reference(answer); a margin is
log p(chosen) - log p(rejected). A reward is beta times a log-ratio. Shapes broadcast: one chosen answer may stand
against several rejected ones. Where TRL has a loss of the name, the number is TRL's; `odds_ratio_loss` says what is
different in ORPO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid, relu

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Bool, Float


def dpo_loss(
    policy_margin: Float[Tensor, " pairs"],
    reference_margin: Float[Tensor, " pairs"],
    *,
    beta: float,
    label_smoothing: float = 0.0,
) -> Float[Tensor, " pairs"]:
    """Loss per pair: -log sigmoid(gain), where gain = beta * (policy_margin - reference_margin).

    With label smoothing e the pair is taken to be the wrong way round with probability e:
    -(1 - e) * log sigmoid(gain) - e * log sigmoid(-gain), "conservative DPO".
    Source: Rafailov et al. 2023, arXiv:2305.18290, Eq. 7; smoothing: Mitchell 2023, "A note on DPO with noisy
    preferences and relationship to IPO", Eq. 3.

    A margin that grew from 1 to 3 nats at beta 0.1: -log sigmoid(0.2) = log(1 + e^-0.2) = 0.5981; for the pair turned
    round log(1 + e^0.2) = 0.7981, so with a quarter of the pairs wrong 0.75 * 0.5981 + 0.25 * 0.7981 = 0.6481.

    >>> dpo_loss(torch.tensor([3.0]), torch.tensor([1.0]), beta=0.1)
    tensor([0.5981])
    >>> dpo_loss(torch.tensor([3.0]), torch.tensor([1.0]), beta=0.1, label_smoothing=0.25)
    tensor([0.6481])
    """
    gain = beta * (policy_margin - reference_margin)
    return -(1 - label_smoothing) * logsigmoid(gain) - label_smoothing * logsigmoid(-gain)


def hinge_loss(
    policy_margin: Float[Tensor, " pairs"], reference_margin: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """Loss per pair: max(0, 1 - beta * (policy_margin - reference_margin)), margin ranking; 1 / beta is the margin.

    Source: Zhao et al. 2023 (SLiC-HF), arXiv:2305.10425, Section 2; on log-ratios: Liu et al. 2023 (RSO),
    arXiv:2309.06657.

    A gain of 2 nats at beta 0.1: 1 - 0.2 = 0.8. A gain of 12 nats: nothing left to learn.

    >>> hinge_loss(torch.tensor([3.0, 13.0]), torch.tensor([1.0, 1.0]), beta=0.1)
    tensor([0.8000, 0.0000])
    """
    return relu(1 - beta * (policy_margin - reference_margin))


def robust_loss(
    policy_margin: Float[Tensor, " pairs"],
    reference_margin: Float[Tensor, " pairs"],
    *,
    beta: float,
    label_smoothing: float,
) -> Float[Tensor, " pairs"]:
    """Loss per pair, unbiased where a share e = label_smoothing < 0.5 of the pairs is the wrong way round:
    (-(1 - e) * log sigmoid(gain) + e * log sigmoid(-gain)) / (1 - 2e), where gain is that of `dpo_loss`.

    Source: Chowdhury et al. 2024 (rDPO), arXiv:2403.00409, Section 3.1.

    A gain of 2 nats at beta 0.1 and e = 0.25: (0.75 * 0.5981 - 0.25 * 0.7981) / 0.5 = (0.4486 - 0.1995) / 0.5 = 0.4981.

    >>> robust_loss(torch.tensor([3.0]), torch.tensor([1.0]), beta=0.1, label_smoothing=0.25)
    tensor([0.4981])
    """
    gain = beta * (policy_margin - reference_margin)
    right, wrong = -logsigmoid(gain), -logsigmoid(-gain)
    return ((1 - label_smoothing) * right - label_smoothing * wrong) / (1 - 2 * label_smoothing)


def ipo_loss(
    policy_margin: Float[Tensor, " pairs"], reference_margin: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """Loss per pair: (policy_margin - reference_margin - 1 / (2 * beta))^2, margins of log-probabilities per token.

    The margin is drawn to a target instead of growing for ever; `beta` is the paper's tau. The division by the number
    of tokens, which the paper does not print, is its authors' own practice according to TRL.
    Source: Azar et al. 2023, arXiv:2310.12036, Eq. 17.

    A margin that grew from 0.1 to 0.6 nats per token at beta 0.5: (0.5 - 1)^2 = 0.25.

    >>> ipo_loss(torch.tensor([0.6]), torch.tensor([0.1]), beta=0.5)
    tensor([0.2500])
    """
    return (policy_margin - reference_margin - 1 / (2 * beta)) ** 2


def sigmoid_norm_loss(
    policy_margin: Float[Tensor, " pairs"], reference_margin: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """Loss per pair: `dpo_loss` on margins of log-probabilities per token, so that length is no reward of its own.

    Source: Lambert et al. 2024 (Tülu 3), arXiv:2411.15124, Section 5.1 ("length-normalized DPO").

    A margin that grew from 0.1 to 0.6 nats per token at beta 5: log(1 + e^-2.5) = 0.0789.

    >>> sigmoid_norm_loss(torch.tensor([0.6]), torch.tensor([0.1]), beta=5.0)
    tensor([0.0789])
    """
    return dpo_loss(policy_margin, reference_margin, beta=beta)


def apo_zero_loss(
    chosen_logratios: Float[Tensor, " pairs"], rejected_logratios: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """Loss per pair: 1 - sigmoid(beta * chosen_logratio) + sigmoid(beta * rejected_logratio).

    The chosen answer is to gain and the rejected one to lose, each for itself: for chosen answers that are better than
    the model's own.
    Source: D'Oosterlinck et al. 2024, arXiv:2408.06266, Eq. 7.

    At beta 0.1, a chosen answer that gained 2 nats and a rejected one that lost 3: (1 - sigmoid(0.2)) + sigmoid(-0.3)
    = 0.4502 + 0.4256 = 0.8757.

    >>> apo_zero_loss(torch.tensor([2.0]), torch.tensor([-3.0]), beta=0.1)
    tensor([0.8757])
    """
    return 1 - torch.sigmoid(beta * chosen_logratios) + torch.sigmoid(beta * rejected_logratios)


def apo_down_loss(
    chosen_logratios: Float[Tensor, " pairs"], rejected_logratios: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """Loss per pair: sigmoid(beta * chosen_logratio) + 1 - sigmoid(beta * (chosen_logratio - rejected_logratio)).

    Both answers are to lose, the rejected one more: for chosen answers that are worse than the model's own.
    Source: D'Oosterlinck et al. 2024, arXiv:2408.06266, Eq. 8.

    At beta 0.1, a chosen answer that gained 2 nats and a rejected one that lost 3: sigmoid(0.2) + (1 - sigmoid(0.5))
    = 0.5498 + 0.3775 = 0.9274.

    >>> apo_down_loss(torch.tensor([2.0]), torch.tensor([-3.0]), beta=0.1)
    tensor([0.9274])
    """
    return torch.sigmoid(beta * chosen_logratios) + 1 - torch.sigmoid(beta * (chosen_logratios - rejected_logratios))


def dpop_reward(
    chosen_logratios: Float[Tensor, " *shape"], *, beta: float, dpop_lambda: float
) -> Float[Tensor, " *shape"]:
    """The chosen answer's reward in DPO-Positive: beta * (logratio - dpop_lambda * max(0, -logratio)).

    What the chosen answer loses against the reference counts 1 + dpop_lambda times, what it gains once.

    At beta 0.1 and lambda 50, a gain and a loss of half a nat: 0.05, and 0.1 * (-0.5 - 25) = -2.55.

    >>> dpop_reward(torch.tensor([0.5, -0.5]), beta=0.1, dpop_lambda=50.0)
    tensor([ 0.0500, -2.5500])
    """
    return beta * (chosen_logratios - dpop_lambda * relu(-chosen_logratios))


def dpop_loss(
    chosen_logratios: Float[Tensor, " pairs"],
    rejected_logratios: Float[Tensor, " pairs"],
    *,
    beta: float,
    dpop_lambda: float,
) -> Float[Tensor, " pairs"]:
    """Loss per pair: -log sigmoid(dpop_reward(chosen_logratio) - beta * rejected_logratio).

    DPO that may not win by pushing the chosen answer down less than the rejected one, as it does where they differ in
    a few tokens.
    Source: Pal et al. 2024, arXiv:2402.13228, Eq. 3.

    At beta 0.1 and lambda 5, a chosen answer that lost 1 nat and a rejected one that lost 3:
    -log sigmoid(0.1 * (-1 - 5 + 3)) = log(1 + e^0.3) = 0.8544; DPO would give log(1 + e^-0.2) = 0.5981.

    >>> dpop_loss(torch.tensor([-1.0]), torch.tensor([-3.0]), beta=0.1, dpop_lambda=5.0)
    tensor([0.8544])
    """
    chosen_rewards = dpop_reward(chosen_logratios, beta=beta, dpop_lambda=dpop_lambda)
    return -logsigmoid(chosen_rewards - beta * rejected_logratios)


def simpo_loss(policy_margin: Float[Tensor, " pairs"], *, beta: float, gamma: float) -> Float[Tensor, " pairs"]:
    """Loss per pair: -log sigmoid(beta * policy_margin - gamma), a margin of log-probabilities per token; there is no
    reference.

    Source: Meng et al. 2024, arXiv:2405.14734, Eq. 6.

    A margin of 0.5 nats per token at beta 2 and gamma 0.5: -log sigmoid(0.5) = log(1 + e^-0.5) = 0.4741.

    >>> simpo_loss(torch.tensor([0.5]), beta=2.0, gamma=0.5)
    tensor([0.4741])
    """
    return -logsigmoid(beta * policy_margin - gamma)


def log_odds(mean_logprobs: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
    """log(p / (1 - p)) for p = exp(mean_logprob), log-probabilities per token, below 0.

    Source: Hong et al. 2024, arXiv:2403.07691, Eq. 4.

    p = 1/2 is even, p = 1/4 is one to three: -log 3 = -1.0986.

    >>> log_odds(torch.tensor([0.5, 0.25]).log())
    tensor([ 0.0000, -1.0986])
    """
    return mean_logprobs - torch.log(-torch.expm1(mean_logprobs))


def odds_ratio_loss(
    chosen_logprobs: Float[Tensor, " pairs"], rejected_logprobs: Float[Tensor, " pairs"], *, beta: float
) -> Float[Tensor, " pairs"]:
    """ORPO's second term, per pair: -beta * log sigmoid(log_odds(chosen) - log_odds(rejected)), log-probabilities per
    token; there is no reference.

    The first term is `sft_loss` on the chosen answers, with weight 1; `beta` is the paper's lambda. TRL's ORPOTrainer
    takes that term over the tokens of the prompt, too; here, as in every method, it is over those of the answer.
    Source: Hong et al. 2024, arXiv:2403.07691, Eq. 6 and 7.

    A chosen answer of probability 1/2 per token, a rejected one of 1/4: the odds are 3 times as good, and
    -0.1 * log sigmoid(log 3) = 0.1 * log(4/3) = 0.0288.

    >>> odds_ratio_loss(torch.tensor([0.5]).log(), torch.tensor([0.25]).log(), beta=0.1)
    tensor([0.0288])
    """
    return -beta * logsigmoid(log_odds(chosen_logprobs) - log_odds(rejected_logprobs))


def listwise_loss(rewards: Float[Tensor, " answers"]) -> Float[Tensor, ""]:
    """Loss of one list whose first answer is the chosen one: -log softmax(rewards)[0], one choice among all.

    A reward is already scaled by beta. With one rejected answer it is -log sigmoid(reward margin), as in `dpo_loss`.
    Source: the first factor of the Plackett-Luce likelihood (nothing is known of the order among the rejected
    answers), Rafailov et al. 2023, arXiv:2305.18290, Appendix A.3; Chen et al. 2024 (S-DPO), arXiv:2406.09215.

    A chosen answer with reward log 2 against two with reward 0: -log(2 / (2 + 1 + 1)) = log 2 = 0.6931.

    >>> listwise_loss(torch.tensor([2.0, 1.0, 1.0]).log())
    tensor(0.6931)
    """
    return -log_softmax(rewards, dim=0)[0]


def kto_loss(
    logratios: Float[Tensor, " answers"],
    is_desirable: Bool[Tensor, " answers"],
    kl: Float[Tensor, ""],
    *,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Float[Tensor, " answers"]:
    """Loss per answer: desirable_weight * (1 - sigmoid(beta * (logratio - kl))) for a desirable one,
    undesirable_weight * (1 - sigmoid(beta * (kl - logratio))) for an undesirable one.

    `kl` is `kto_kl` of the same step, in nats.
    Source: Ethayarajh et al. 2024, arXiv:2402.01306, Eq. 7; the weights are its lambda.

    At beta 0.1 and kl 0.5, a desirable answer that gained 1 nat and an undesirable one that lost 1 nat:
    1 - sigmoid(0.05) = 0.4875 and 1 - sigmoid(0.15) = 0.4626, the latter weighed twice: 0.9251.

    >>> ratios, is_desirable = torch.tensor([1.0, -1.0]), torch.tensor([True, False])
    >>> kto_loss(ratios, is_desirable, torch.tensor(0.5), beta=0.1, desirable_weight=1.0, undesirable_weight=2.0)
    tensor([0.4875, 0.9251])
    """
    gain = torch.where(is_desirable, logratios - kl, kl - logratios)
    weight = torch.where(is_desirable, desirable_weight, undesirable_weight)
    return weight * (1 - torch.sigmoid(beta * gain))


def kto_kl(
    policy_logprobs: Float[Tensor, " mismatched"],
    reference_logprobs: Float[Tensor, " mismatched"],
    *,
    total: Callable[[Tensor], Tensor] = lambda values: values,
) -> Float[Tensor, ""]:
    """How far the policy went from the reference, in nats: max(0, mean log-ratio over mismatched pairs), detached.

    A mismatched pair is a prompt with an answer that was written for another one; the mean over them estimates the
    divergence KL(policy || reference) with a bias, but cheaply and without sampling.
    `total` adds a tensor up over the processes that share the step, each with pairs of its own.
    Source: Ethayarajh et al. 2024, arXiv:2402.01306, Section 4.1.

    >>> kto_kl(torch.tensor([-40.0, -52.0]), torch.tensor([-42.0, -51.0]))
    tensor(0.5000)
    >>> kto_kl(torch.tensor([-43.0, -52.0]), torch.tensor([-42.0, -51.0]))
    tensor(0.)
    """
    ratios = (policy_logprobs - reference_logprobs).detach()
    sums = total(torch.stack([ratios.sum(), ratios.new_tensor(len(ratios))]))
    return (sums[0] / sums[1]).clamp(min=0)


def apo_zero_unpaired_loss(
    logratios: Float[Tensor, " answers"],
    is_desirable: Bool[Tensor, " answers"],
    *,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Float[Tensor, " answers"]:
    """Loss per answer: the two halves of `apo_zero_loss`, desirable_weight * (1 - sigmoid(beta * logratio)) or
    undesirable_weight * sigmoid(beta * logratio).

    Source: D'Oosterlinck et al. 2024, arXiv:2408.06266, Eq. 7, taken apart as TRL does.

    At beta 0.1, a desirable answer that gained 2 nats and an undesirable one that lost 3, weighed twice:
    1 - sigmoid(0.2) = 0.4502 and 2 * sigmoid(-0.3) = 2 * 0.4256 = 0.8511.

    >>> ratios, is_desirable = torch.tensor([2.0, -3.0]), torch.tensor([True, False])
    >>> apo_zero_unpaired_loss(ratios, is_desirable, beta=0.1, desirable_weight=1.0, undesirable_weight=2.0)
    tensor([0.4502, 0.8511])
    """
    weight = torch.where(is_desirable, desirable_weight, undesirable_weight)
    return weight * torch.sigmoid(beta * torch.where(is_desirable, -logratios, logratios))


def sft_loss(chosen_logprobs: Float[Tensor, " chosen"], chosen_tokens: float) -> Float[Tensor, ""]:
    """Negative log-likelihood of the chosen answers in nats per token; `chosen_tokens` is the number of all of theirs.

    A mean over tokens, so that a long answer weighs more than a short one, as in ordinary fine-tuning.
    Source: maximum likelihood; as a term beside a preference loss Pang et al. 2024, arXiv:2404.19733, Eq. 1 (there a
    mean over answers).

    Answers of 4 and 6 tokens with -6 and -9 nats: 15 / 10 = 1.5.

    >>> sft_loss(torch.tensor([-6.0, -9.0]), 10)
    tensor(1.5000)
    """
    return -chosen_logprobs.sum() / chosen_tokens
