"""The formulas: their doctests, their shapes, and their limits. TRL's numbers are in test_trl.py."""

import doctest
import math
import typing

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool, Float

from seapo.train import objective

NATS = st.floats(-60, 60, allow_nan=False, width=32)
WEIGHTS = {"beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.0}


def test_the_values_worked_out_in_the_docstrings():
    result = doctest.testmod(objective)
    assert result.failed == 0
    assert result.attempted >= 4


def test_shapes_are_those_of_the_signatures():
    def hint(function, name="return"):
        return typing.get_type_hints(function, {**vars(objective), "Float": Float, "Bool": Bool})[name]

    pairs, none = torch.zeros(3), torch.zeros(())
    assert isinstance(objective.dpo_loss(pairs, pairs, beta=0.1), hint(objective.dpo_loss))
    kto = objective.kto_loss(pairs, pairs == 0, none, **WEIGHTS)
    assert isinstance(kto, hint(objective.kto_loss))
    assert isinstance(objective.kto_kl(pairs, pairs), hint(objective.kto_kl))
    assert not isinstance(none, hint(objective.dpo_loss))
    assert not isinstance(pairs, hint(objective.kto_loss, "is_desirable"))


@given(NATS, NATS, st.floats(0.01, 1))
def test_dpo_loss_is_what_the_equation_says(policy, reference, beta):
    loss = objective.dpo_loss(torch.tensor([policy]).double(), torch.tensor([reference]).double(), beta=beta)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-beta * (policy - reference))), rel=1e-9)


@given(st.lists(NATS, min_size=1, max_size=6), NATS, st.floats(0.01, 1), st.data())
def test_kto_loss_is_what_the_equation_says(ratios, kl, beta, data):
    labels = data.draw(st.lists(st.booleans(), min_size=len(ratios), max_size=len(ratios)))
    losses = objective.kto_loss(
        torch.tensor(ratios).double(), torch.tensor(labels), torch.tensor(kl).double(), beta=beta,
        desirable_weight=1.5, undesirable_weight=0.5,
    )  # fmt: skip
    for ratio, label, loss in zip(ratios, labels, losses.tolist(), strict=True):
        gain = ratio - kl if label else kl - ratio
        assert loss == pytest.approx((1.5 if label else 0.5) / (1 + math.exp(beta * gain)), rel=1e-6)


def test_losses_pull_the_right_way():
    ratios = torch.zeros(2, requires_grad=True)
    objective.kto_loss(ratios, torch.tensor([True, False]), torch.tensor(0.0), **WEIGHTS).sum().backward()
    assert ratios.grad[0] < 0 < ratios.grad[1]
    margin = torch.zeros(1, requires_grad=True)
    objective.dpo_loss(margin, torch.zeros(1), beta=0.1).sum().backward()
    assert margin.grad[0] < 0


def test_no_gradient_flows_through_the_kl_term():
    assert not objective.kto_kl(torch.ones(3, requires_grad=True), torch.zeros(3)).requires_grad
