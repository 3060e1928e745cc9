"""From a group's log-probabilities to its part of a step's loss: methods, several negatives, weights, and refusals."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seapo.errors import TrainError
from seapo.recipe import Method, TrainSection
from seapo.train import loss as losses
from seapo.train.examples import Answer, Example
from seapo.train.loss import GroupLogprobs, check_examples, check_objective, count_totals, group_loss, label_weights

METHODS = get_args(Method)
PAIRED = sorted(losses.NEEDS_PAIRS)
PER_ANSWER = ["kto", "apo_zero_unpaired"]
MARGINS = ["dpo", "hinge", "robust"]
CHOSEN = (1, 2, 3, 4)
NEGATIVES = ((1, 2, 5, 4), (1, 2, 6), (1, 2, 7, 8, 9))
POLICY = [-9.0, -11.0, -8.5, -14.0]
REFERENCE = [-9.5, -10.0, -9.0, -13.3]
KL = torch.tensor(0.4)


def settings(method, **options):
    if method in PER_ANSWER:
        options = {"desirable_weight": 1.0, "undesirable_weight": 1.0} | options
    return TrainSection(method=method, **{"beta": 0.3, "dpop_lambda": 5.0, **options})


def example(name="a", negatives=NEGATIVES, **edited):
    answers = (
        Answer(CHOSEN, True, edited=edited.get("chosen", ())),
        *(Answer(one, False, "logic") for one in negatives),
    )
    return Example(name, (0,), answers)


def group_of(one, policy=POLICY, reference=REFERENCE, edit_weight=1.0):
    lengths = torch.tensor([answer.weight(edit_weight) for answer in one.answers])
    is_desirable = torch.tensor([answer.is_desirable for answer in one.answers])
    count = len(one.answers)
    return GroupLogprobs(torch.tensor(policy[:count]), torch.tensor(reference[:count]), lengths, is_desirable)


def loss_of(chosen_settings, one, policy=POLICY, reference=REFERENCE):
    group = group_of(one, policy, reference, chosen_settings.edit_weight)
    return group_loss(group, KL, count_totals([one], chosen_settings), chosen_settings).item()


def taken(values, *places):
    return [values[place] for place in places]


def gradient(chosen_settings, one, shift=0.0):
    """Loss, and its gradient in the log-probabilities of the policy, all of which are moved by `shift`."""
    group = group_of(one)
    policy = (group.policy.double() + shift).requires_grad_()
    group = GroupLogprobs(policy, group.reference.double(), group.lengths.double(), group.is_desirable)
    found = group_loss(group, KL.double(), count_totals([one], chosen_settings), chosen_settings)
    found.backward()
    return found.item(), policy.grad


# --- which formula


def test_every_method_has_a_name_and_a_loss():
    assert set(losses.SOURCES) == set(METHODS)
    for method in METHODS:
        found = loss_of(settings(method), example())
        assert math.isfinite(found)
        assert found != 0


RIGHT, WRONG = math.log1p(math.exp(-0.45)), math.log1p(math.exp(0.45))


# One pair: changes +0.5 (4 tokens) and -1.0 (4 tokens), so a gain of 1.5 nats or 0.375 nats per token; beta 0.3.
@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        ("dpo", {}, RIGHT),
        ("dpo", {"label_smoothing": 0.1}, 0.9 * RIGHT + 0.1 * WRONG),
        ("hinge", {}, 0.55),
        ("robust", {"label_smoothing": 0.1}, (0.9 * RIGHT - 0.1 * WRONG) / 0.8),
        ("ipo", {}, (0.375 - 1 / 0.6) ** 2),
        ("sigmoid_norm", {}, math.log1p(math.exp(-0.1125))),
        ("apo_zero", {}, 1 / (1 + math.exp(0.15)) + 1 / (1 + math.exp(0.3))),
        ("apo_down", {}, 1 / (1 + math.exp(-0.15)) + 1 / (1 + math.exp(0.45))),
        ("dpop", {}, RIGHT),  # the chosen answer has lost nothing
        ("simpo", {"simpo_gamma": 0.5}, math.log1p(math.exp(0.5 - 0.3 * 0.5))),  # -2.25 against -2.75 per token
        ("kto", {}, (1 / (1 + math.exp(0.3 * 0.1)) + 1 / (1 + math.exp(0.3 * 1.4))) / 2),
        ("apo_zero_unpaired", {}, (1 / (1 + math.exp(0.15)) + 1 / (1 + math.exp(0.3))) / 2),
        ("sft", {}, 9 / 4),
    ],
)
def test_a_pair_gives_the_value_worked_out_by_hand(method, options, expected):
    assert loss_of(settings(method, **options), example(negatives=NEGATIVES[:1])) == pytest.approx(expected, rel=1e-5)


def test_orpo_is_the_likelihood_and_the_odds_ratio():
    odds = [math.exp(-2.25) / (1 - math.exp(-2.25)), math.exp(-2.75) / (1 - math.exp(-2.75))]
    expected = 9 / 4 + 0.3 * math.log1p(odds[1] / odds[0])
    assert loss_of(settings("orpo"), example(negatives=NEGATIVES[:1])) == pytest.approx(expected, rel=1e-5)


def test_dpop_punishes_a_chosen_answer_that_lost():
    one, policy = example(negatives=NEGATIVES[:1]), [-10.5, -13.0]  # -1 and -3 nats
    assert loss_of(settings("dpo"), one, policy) == pytest.approx(math.log1p(math.exp(-0.3 * 2)))
    assert loss_of(settings("dpop"), one, policy) == pytest.approx(math.log1p(math.exp(-0.3 * (2 - 5))))


def test_without_a_kl_term_kto_compares_with_the_reference_alone():
    one, chosen = example(), settings("kto")
    totals = count_totals([one], chosen)
    zero = group_loss(group_of(one), torch.tensor(0.0), totals, chosen)
    assert group_loss(group_of(one), None, totals, chosen) == zero
    assert group_loss(group_of(one), KL, totals, chosen) != zero


@pytest.mark.parametrize("method", METHODS)
def test_only_methods_with_a_reference_look_at_it(method):
    moved = loss_of(settings(method), example(), reference=[-9.0, -10.5, -9.5, -12.0])
    assert (moved != loss_of(settings(method), example())) == (method in losses.NEEDS_REFERENCE)


# --- several negatives


@pytest.mark.parametrize("method", PAIRED)
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_three_negatives_are_the_mean_of_three_pairs(method, weight):
    chosen = settings(method, sft_weight=weight)
    singles = [
        loss_of(chosen, example(negatives=[NEGATIVES[n]]), taken(POLICY, 0, n + 1), taken(REFERENCE, 0, n + 1))
        for n in range(3)
    ]
    assert len(set(singles)) == 3
    assert loss_of(chosen, example()) == pytest.approx(sum(singles) / 3, rel=1e-5)


@pytest.mark.parametrize("method", sorted(losses.LISTWISE))
def test_a_list_of_two_is_a_pair(method):
    one = example(negatives=NEGATIVES[:1])
    for policy in (POLICY, [-10.5, -13.0]):  # the second chosen answer lost, which DPO-Positive counts
        pair, listed = settings(method), settings(method, negatives="listwise")
        assert loss_of(listed, one, policy) == pytest.approx(loss_of(pair, one, policy), rel=1e-5)


def test_a_list_is_one_choice_among_all_answers():
    weights = [math.exp(0.3 * change) for change in (0.5, -1.0, 0.5, -0.7)]
    found = loss_of(settings("dpo", negatives="listwise"), example())
    assert found == pytest.approx(-math.log(weights[0] / sum(weights)), rel=1e-5)
    assert found > loss_of(settings("dpo"), example())  # to beat all is harder than to beat each
    weights = [math.exp(0.3 * logprob / n) for logprob, n in zip(POLICY, (4, 4, 3, 5), strict=True)]
    weights[0] *= math.exp(-0.5)
    found = loss_of(settings("simpo", negatives="listwise", simpo_gamma=0.5), example())
    assert found == pytest.approx(-math.log(weights[0] / sum(weights)), rel=1e-5)


def test_a_list_counts_once_whatever_its_length():
    mixed = [example("a"), example("b", NEGATIVES[:1])]
    assert count_totals(mixed, settings("dpo")).terms == 4
    assert count_totals(mixed, settings("dpo", negatives="listwise")).terms == 2
    assert count_totals(mixed, settings("kto")).terms == 6
    assert count_totals(mixed, settings("sft")).terms == 0
    assert count_totals(mixed, settings("sft")).chosen_tokens == 8


@pytest.mark.parametrize("method", sorted(set(METHODS) - losses.LISTWISE))
def test_methods_without_a_list_form_are_refused(method):
    with pytest.raises(TrainError, match="which dpo, dpop, sigmoid_norm, simpo are") as caught:
        check_objective(settings(method, negatives="listwise"))
    assert f"train.method: {method}" in str(caught.value)


@pytest.mark.parametrize("method", METHODS)
def test_smoothing_is_refused_where_it_would_be_ignored(method):
    check_objective(settings(method))
    if method in losses.SMOOTHED:
        check_objective(settings(method, label_smoothing=0.1))
        return
    with pytest.raises(TrainError, match="it belongs to dpo, robust"):
        check_objective(settings(method, label_smoothing=0.1))


def test_lists_cannot_be_smoothed():
    check_objective(settings("dpo", negatives="listwise"))
    with pytest.raises(TrainError, match="negatives: mean"):
        check_objective(settings("dpo", negatives="listwise", label_smoothing=0.1))


# --- groups of a step


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_parts_of_the_groups_add_up_to_the_mean_over_the_step(method, weight):
    chosen, one = settings(method, sft_weight=weight), example()
    moved = [-9.0, -9.5, -13.0, -8.0]
    alone = [loss_of(chosen, one), loss_of(chosen, one, moved)]
    totals = count_totals([one, one], chosen)
    parts = [group_loss(group_of(one, policy), KL, totals, chosen).item() for policy in (POLICY, moved)]
    assert sum(parts) == pytest.approx(sum(alone) / 2, rel=1e-5)
    assert len(set(parts)) == (1 if method == "sft" else 2)


def test_a_sample_with_more_negatives_weighs_more():
    chosen, step = settings("dpo"), [example("a"), example("b", NEGATIVES[:1])]
    totals = count_totals(step, chosen)
    found = sum(group_loss(group_of(one), None, totals, chosen).item() for one in step)
    assert found == pytest.approx((3 * loss_of(chosen, step[0]) + loss_of(chosen, step[1])) / 4, rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_totals_of_processes_add_up(method):
    chosen, step = settings(method), [example("a"), example("b", NEGATIVES[:1]), example("c", ())]
    totals, parts = count_totals(step, chosen), [count_totals([one], chosen) for one in step]
    assert totals.terms == sum(part.terms for part in parts)
    assert totals.chosen_tokens == sum(part.chosen_tokens for part in parts) == 12


@pytest.mark.parametrize("method", METHODS)
def test_the_likelihood_term_adds_exactly_its_weight(method):
    plain = loss_of(settings(method), example())
    assert loss_of(settings(method, sft_weight=0.7), example()) == pytest.approx(plain + 0.7 * 9 / 4, rel=1e-6)


@pytest.mark.parametrize("method", [*PER_ANSWER, "sft"])
@pytest.mark.parametrize("label", [True, False])
def test_groups_with_one_kind_of_answer_have_a_loss(method, label):
    one = Example("a", (0,), (Answer(CHOSEN, label), Answer(NEGATIVES[0], label)))
    found, grad = gradient(settings(method), one)
    assert math.isfinite(found)
    assert grad.isfinite().all()
    assert bool(grad.abs().sum() > 0) == (method != "sft" or label)


def test_the_likelihood_is_that_of_all_good_answers_and_of_no_other():
    answers = (Answer(NEGATIVES[2], False), Answer(CHOSEN, True), Answer(NEGATIVES[1], True))
    one = Example("a", (0,), answers)
    assert loss_of(settings("sft"), one) == pytest.approx((11.0 + 8.5) / (4 + 3))
    assert gradient(settings("sft"), one)[1].tolist() == pytest.approx([0, -1 / 7, -1 / 7])


@pytest.mark.parametrize("method", PAIRED)
def test_a_chosen_answer_alone_adds_nothing_but_its_likelihood(method):
    found, grad = gradient(settings(method), example(negatives=()))
    assert found == (9 / 4 if method == "orpo" else 0)
    assert grad.isfinite().all()


# --- token weights, and what cancels


@pytest.mark.parametrize("method", METHODS)
def test_an_edit_weight_of_one_changes_nothing(method):
    marked, plain = example(chosen=(2,)), example()
    assert loss_of(settings(method, edit_weight=1.0), marked) == loss_of(settings(method), plain)


def test_edit_weights_count_in_lengths():
    chosen = settings("sft", edit_weight=3.0)
    assert count_totals([example(chosen=(2,))], chosen).chosen_tokens == 6
    assert loss_of(chosen, example(chosen=(2,))) == pytest.approx(9 / 6)


def weighted_sums(logprobs, weights):
    return [sum(w * one for w, one in zip(weights, answer, strict=False)) for answer in logprobs]


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_a_weight_on_tokens_that_all_answers_share_cancels_in_dpo_alone(method):
    head, tails = [-1.0, -0.5], ([-2.0, -1.0], [-4.0, -0.5], [-3.0])
    policy = [[*head, *tail] for tail in tails]
    reference = [[-0.8, -0.9, *(2 * one for one in tail)] for tail in tails]
    one = example(negatives=NEGATIVES[:2])
    found = [
        loss_of(settings(method), one, weighted_sums(policy, weights), weighted_sums(reference, weights))
        for weights in ([1.0] * 4, [3.0, 1.0, 1.0, 1.0], [3.0, 0.0, 1.0, 1.0])
    ]
    assert (found == pytest.approx([found[0]] * 3, rel=1e-6)) == (method == "dpo")
    different = weighted_sums(policy, [1.0, 1.0, 2.0, 1.0]), weighted_sums(reference, [1.0, 1.0, 2.0, 1.0])
    assert loss_of(settings(method), one, *different) != pytest.approx(found[0], rel=1e-3)


def depends_on_differences_alone(chosen):
    plain, grad = gradient(chosen, example())
    shifted, moved = gradient(chosen, example(), shift=-2.5)
    assert grad.abs().sum() > 0.01
    return shifted == pytest.approx(plain, rel=1e-9) and abs(grad.sum()) < 1e-12 and torch.allclose(moved, grad)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_what_all_answers_share_cancels_exactly_where_it_is_claimed(method, weight):
    chosen = settings(method, sft_weight=weight)
    assert depends_on_differences_alone(chosen) == losses.margin_only(chosen) == (method in MARGINS and not weight)


@pytest.mark.parametrize("method", sorted(losses.LISTWISE))
def test_what_all_answers_share_cancels_in_lists_where_it_is_claimed(method):
    chosen = settings(method, negatives="listwise")
    assert depends_on_differences_alone(chosen) == losses.margin_only(chosen) == (method == "dpo")


def test_nothing_is_claimed_where_tokens_weigh_differently():
    assert not losses.margin_only(settings("dpo", edit_weight=2.0))


@given(st.floats(-30, 30), st.sampled_from(MARGINS), st.integers(1, 3))
def test_any_shift_of_a_group_leaves_a_margin_loss_as_it_is(shift, method, negatives):
    chosen, one = (
        settings(method, label_smoothing=0.0 if method == "hinge" else 0.2),
        example(negatives=NEGATIVES[:negatives]),
    )
    assert losses.margin_only(chosen)
    plain, shifted = gradient(chosen, one), gradient(chosen, one, shift)
    assert shifted[0] == pytest.approx(plain[0], rel=1e-9)
    assert torch.allclose(shifted[1], plain[1], rtol=1e-9)
    assert abs(shifted[1].sum()) < 1e-12


# --- label weights, and what a method cannot learn from


def unpaired(desirable, undesirable):
    labels = [True] * desirable + [False] * undesirable
    return [Example(str(n), (n,), (Answer(CHOSEN, label),)) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("desirable", "undesirable", "given", "expected"),
    [
        (4, 4, (None, None), (1, 1)),
        (2, 6, (None, None), (3, 1)),
        (6, 2, (None, None), (1, 3)),
        (2, 6, (1.5, None), (1.5, 0.5)),
        (2, 6, (None, 2.0), (6, 2)),
        (2, 6, (1.0, 1.0), (1, 1)),
        (2, 6, (0.0, None), (0, 1)),
        (2, 6, (None, 0.0), (1, 0)),
        (3, 0, (None, None), (1, 1)),
        (0, 3, (None, None), (1, 1)),
    ],
)
def test_open_label_weights_balance_the_labels(desirable, undesirable, given, expected):
    chosen = TrainSection(method="kto", desirable_weight=given[0], undesirable_weight=given[1])
    assert label_weights(unpaired(desirable, undesirable), chosen) == pytest.approx(expected)


def test_answers_are_counted_not_samples():
    assert label_weights([example()], TrainSection(method="kto")) == (3, 1)


@pytest.mark.parametrize("method", PER_ANSWER)
def test_open_label_weights_are_an_error_in_a_step(method):
    open_weights = TrainSection(method=method)
    with pytest.raises(ValueError, match="label_weights"):
        group_loss(group_of(example()), None, count_totals([example()], open_weights), open_weights)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_needs_pairs_refuses_single_answers(method):
    check_examples([example("a"), example("b")], settings(method))
    mixed = [example("a"), *unpaired(1, 6)]
    if method not in losses.NEEDS_PAIRS:
        check_examples(mixed, settings(method))
        return
    with pytest.raises(TrainError) as caught:
        check_examples(mixed, settings(method))
    assert "7 of 8 samples have only one kind (0, 1, 2, 3, 4 and 2 more)" in str(caught.value)
    assert "apo_zero_unpaired, kto, sft" in str(caught.value)


def test_fine_tuning_needs_a_good_answer():
    check_examples(unpaired(1, 2), settings("sft"))
    with pytest.raises(TrainError, match="learns from good answers, and the 2 samples have none"):
        check_examples(unpaired(0, 2), settings("sft"))
