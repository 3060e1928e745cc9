"""The formulas: their doctests, their shapes, and their limits. TRL's numbers are in test_trl.py."""

import doctest
import inspect
import math
import re
import typing
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool, Float

from seapo.train import objective

NATS = st.floats(-60, 60, allow_nan=False, width=32)
BETAS = st.floats(0.01, 1)
WEIGHTS = {"beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.0}
FORMULAS = {name: one for name, one in vars(objective).items() if inspect.isfunction(one) and name.endswith("_loss")}
OF_MARGINS = ["dpo_loss", "hinge_loss", "robust_loss", "ipo_loss", "sigmoid_norm_loss"]
OF_RATIOS = ["apo_zero_loss", "apo_down_loss", "dpop_loss"]
MORE = {"robust_loss": {"label_smoothing": 0.1}, "dpop_loss": {"dpop_lambda": 5.0}}


def double(*values):
    return [torch.tensor([value], dtype=torch.float64) for value in values]


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def test_the_values_worked_out_in_the_docstrings():
    result = doctest.testmod(objective)
    assert result.failed == 0
    assert result.attempted >= len(FORMULAS)


def test_a_wrong_value_in_a_docstring_would_be_found():
    text = objective.hinge_loss.__doc__.replace("0.8000", "0.7000")
    example = doctest.DocTestParser().get_doctest(text, vars(objective).copy(), "hinge_loss", None, 0)
    assert doctest.DocTestRunner().run(example, out=lambda line: None).failed == 1


@pytest.mark.parametrize("name", FORMULAS)
def test_each_formula_names_its_source_and_shows_a_value(name):
    text = FORMULAS[name].__doc__
    assert re.search(r"arXiv:\d{4}\.\d{5}", text)
    assert ">>> " in text


def test_shapes_are_those_of_the_signatures():
    def hint(function, name="return"):
        return typing.get_type_hints(function, {**vars(objective), "Float": Float, "Bool": Bool, "Callable": Callable})[
            name
        ]

    pairs, none = torch.zeros(3), torch.zeros(())
    for name in OF_MARGINS + OF_RATIOS:
        formula = FORMULAS[name]
        assert isinstance(formula(pairs, pairs, beta=0.1, **MORE.get(name, {})), hint(formula)), name
        assert not isinstance(none, hint(formula))
    below = torch.full((3,), -1.0)
    assert isinstance(objective.simpo_loss(pairs, beta=1.0, gamma=0.5), hint(objective.simpo_loss))
    assert isinstance(objective.odds_ratio_loss(below, below, beta=1.0), hint(objective.odds_ratio_loss))
    for formula, arguments in ((objective.kto_loss, [none]), (objective.apo_zero_unpaired_loss, [])):
        assert isinstance(formula(pairs, pairs == 0, *arguments, **WEIGHTS), hint(formula))
        assert not isinstance(pairs, hint(formula, "is_desirable"))
    assert isinstance(objective.kto_kl(pairs, pairs), hint(objective.kto_kl))
    assert isinstance(objective.listwise_loss(pairs), hint(objective.listwise_loss))
    assert isinstance(objective.sft_loss(pairs, 3), hint(objective.sft_loss))


@given(NATS, NATS, BETAS, st.floats(0, 0.49))
def test_losses_of_margins_are_what_the_equations_say(policy, reference, beta, smoothing):
    margins = double(policy, reference)
    gain = beta * (policy - reference)
    right, wrong = math.log1p(math.exp(-gain)), math.log1p(math.exp(gain))
    smoothed = objective.dpo_loss(*margins, beta=beta, label_smoothing=smoothing).item()
    robust = objective.robust_loss(*margins, beta=beta, label_smoothing=smoothing).item()
    assert objective.dpo_loss(*margins, beta=beta).item() == pytest.approx(right, rel=1e-9)
    assert objective.sigmoid_norm_loss(*margins, beta=beta).item() == pytest.approx(right, rel=1e-9)
    assert smoothed == pytest.approx((1 - smoothing) * right + smoothing * wrong, rel=1e-9)
    # What makes it unbiased: turned round with that probability, it is the loss of the pair as it is.
    turned = objective.robust_loss(*double(-policy, -reference), beta=beta, label_smoothing=smoothing).item()
    assert (1 - smoothing) * robust + smoothing * turned == pytest.approx(right, rel=1e-6, abs=1e-6)
    assert objective.hinge_loss(*margins, beta=beta).item() == pytest.approx(max(0.0, 1 - gain), abs=1e-9)
    assert objective.ipo_loss(*margins, beta=beta).item() == pytest.approx((policy - reference - 0.5 / beta) ** 2)


@given(NATS, NATS, BETAS, st.floats(0, 50))
def test_losses_of_ratios_are_what_the_equations_say(chosen, rejected, beta, dpop_lambda):
    ratios = double(chosen, rejected)
    good, bad, between = sigmoid(beta * chosen), sigmoid(beta * rejected), sigmoid(beta * (chosen - rejected))
    assert objective.apo_zero_loss(*ratios, beta=beta).item() == pytest.approx(1 - good + bad)
    assert objective.apo_down_loss(*ratios, beta=beta).item() == pytest.approx(good + 1 - between)
    inner = beta * (chosen - rejected - dpop_lambda * max(0.0, -chosen))
    found = objective.dpop_loss(*ratios, beta=beta, dpop_lambda=dpop_lambda).item()
    assert found == pytest.approx(max(0.0, -inner) + math.log1p(math.exp(-abs(inner))), rel=1e-9, abs=1e-12)
    for desirable, loss in ((True, 1 - good), (False, bad)):
        single = objective.apo_zero_unpaired_loss(
            ratios[not desirable], torch.tensor([desirable]), beta=beta, desirable_weight=1.0, undesirable_weight=1.0
        )
        assert single.item() == pytest.approx(loss)


@given(st.floats(-8, -0.01), st.floats(-8, -0.01), BETAS, st.floats(0, 2))
def test_losses_without_a_reference_are_what_the_equations_say(chosen, rejected, beta, gamma):
    logprobs = double(chosen, rejected)
    simpo = objective.simpo_loss(logprobs[0] - logprobs[1], beta=beta, gamma=gamma).item()
    assert simpo == pytest.approx(math.log1p(math.exp(gamma - beta * (chosen - rejected))), rel=1e-9)
    odds = [math.exp(one) / (1 - math.exp(one)) for one in (chosen, rejected)]
    orpo = objective.odds_ratio_loss(*logprobs, beta=beta).item()
    assert orpo == pytest.approx(beta * math.log1p(odds[1] / odds[0]), rel=1e-7)


@pytest.mark.parametrize("mean", [-1e-6, -0.7, -30.0, -200.0])
def test_odds_have_a_finite_gradient_from_near_certainty_to_near_nothing(mean):
    logprob = torch.tensor(mean, requires_grad=True)
    value = objective.log_odds(logprob)
    value.backward()
    assert value.item() == pytest.approx(mean - math.log(-math.expm1(mean)), rel=1e-5)
    assert logprob.grad.item() == pytest.approx(-1 / math.expm1(mean), rel=1e-2)


@given(st.lists(NATS, min_size=2, max_size=6))
def test_the_list_loss_is_minus_the_log_of_the_share(rewards):
    loss = objective.listwise_loss(torch.tensor(rewards).double()).item()
    most = max(rewards)
    share = math.exp(rewards[0] - most) / sum(math.exp(one - most) for one in rewards)
    assert math.exp(-loss) == pytest.approx(share, rel=1e-6, abs=1e-12)


@given(st.lists(NATS, min_size=1, max_size=6), NATS, BETAS, st.data())
def test_kto_loss_is_what_the_equation_says(ratios, kl, beta, data):
    labels = data.draw(st.lists(st.booleans(), min_size=len(ratios), max_size=len(ratios)))
    losses = objective.kto_loss(
        torch.tensor(ratios).double(), torch.tensor(labels), torch.tensor(kl).double(), beta=beta,
        desirable_weight=1.5, undesirable_weight=0.5,
    )  # fmt: skip
    for ratio, label, loss in zip(ratios, labels, losses.tolist(), strict=True):
        gain = ratio - kl if label else kl - ratio
        assert loss == pytest.approx((1.5 if label else 0.5) / (1 + math.exp(beta * gain)), rel=1e-6)


@pytest.mark.parametrize("name", [*OF_MARGINS, *OF_RATIOS])
def test_losses_of_pairs_pull_the_right_way(name):
    first, second = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    FORMULAS[name](first, second, beta=0.1, **MORE.get(name, {})).sum().backward()
    # What is first, the policy's margin or the chosen answer, is to grow; APO-down lets both fall, the rejected more.
    assert (first.grad < 0 < second.grad) if name != "apo_down_loss" else (second.grad > first.grad >= 0)


def test_losses_of_answers_pull_the_right_way():
    for formula, arguments in ((objective.kto_loss, [torch.tensor(0.0)]), (objective.apo_zero_unpaired_loss, [])):
        ratios = torch.zeros(2, requires_grad=True)
        formula(ratios, torch.tensor([True, False]), *arguments, **WEIGHTS).sum().backward()
        assert ratios.grad[0] < 0 < ratios.grad[1]
    chosen = torch.full((2,), -3.0, requires_grad=True)
    objective.sft_loss(chosen, 8).backward()
    assert chosen.grad.tolist() == [-0.125, -0.125]


def test_no_gradient_flows_through_the_kl_term():
    assert not objective.kto_kl(torch.ones(3, requires_grad=True), torch.zeros(3)).requires_grad


def test_the_kl_term_is_the_mean_over_the_pairs_of_all_processes():
    policy, reference = torch.tensor([3.0, 1.0, -1.0]), torch.tensor([0.5, 0.5, 0.5])
    parts = [policy[:1] - reference[:1], policy[1:] - reference[1:]]
    summed = torch.stack([torch.stack([part.sum(), torch.tensor(float(len(part)))]) for part in parts]).sum(0)
    whole = objective.kto_kl(policy, reference)
    for share in (slice(0, 1), slice(1, 3), slice(3, 3)):
        assert objective.kto_kl(policy[share], reference[share], total=lambda own: summed) == whole == 0.5
