"""Metrics under TRL's names, how they add up, their windows, and the warnings with their controls."""

import math
from typing import get_args

import pytest

from seapo.recipe import Method, TrainSection
from seapo.train.examples import Answer, Example
from seapo.train.loss import NEEDS_PAIRS, NEEDS_REFERENCE
from seapo.train.metrics import final_metrics, means, merge_sums, step_sums, training_warnings, windows
from seapo.train.step import StepResult, StepSamples


def example(name, *error_types):
    answers = [Answer((1, 2), is_desirable=True)]
    return Example(name, (0,), (*answers, *(Answer((1, 2, 3, 4), False, kind) for kind in error_types)))


EXAMPLES = [example("a", "logic", "correctness"), example("b", "logic")]
SAMPLES = StepSamples(EXAMPLES, [[-10.0, -12.0, -14.0], [-20.0, -22.0]])
RESULT = StepResult(0.5, [[-9.0, -13.0, -13.0], [-23.0, -21.0]], kl=None)
UNPAIRED = StepSamples(
    [
        Example("good", (0,), (Answer((1,), is_desirable=True),)),
        Example("bad", (1,), (Answer((2,), False, "logic"), Answer((3,), False))),
    ],
    [[-10.0], [-12.0, -14.0]],
)
UNPAIRED_RESULT = StepResult(0.5, [[-9.0], [-15.0, -15.0]], kl=0.25)


def metrics_of(method, samples=SAMPLES, result=RESULT, **options):
    return means(step_sums(samples, result, TrainSection(method=method, beta=0.1, **options)))


def test_metrics_are_means_over_pairs_and_over_those_of_each_type():
    metrics = metrics_of("dpo")
    # pairs: a/logic  chosen +1, rejected -1; a/correctness  +1, +1; b/logic  -3, +1 (changes in nats)
    assert metrics["rewards/chosen"] == pytest.approx(0.1 * (1 + 1 - 3) / 3)
    assert metrics["rewards/rejected"] == pytest.approx(0.1 * (-1 + 1 + 1) / 3)
    assert metrics["rewards/margins"] == pytest.approx(0.1 * (2 + 0 - 4) / 3)
    assert metrics["rewards/accuracies"] == pytest.approx(1 / 3)
    assert metrics["logps/chosen"] == pytest.approx((-9 - 9 - 23) / 3)
    assert metrics["logps/rejected"] == pytest.approx((-13 - 13 - 21) / 3)
    assert metrics["logps/chosen_change"] == pytest.approx(-1 / 3)
    assert metrics["rewards/margins/logic"] == pytest.approx(0.1 * (2 - 4) / 2)
    assert metrics["rewards/margins/correctness"] == pytest.approx(0.0)
    assert metrics["rewards/accuracies/logic"] == 0.5
    assert metrics["logps/chosen/correctness"] == -9.0


@pytest.mark.parametrize("method", get_args(Method))
def test_what_is_told_of_all_pairs_is_told_of_each_error_type(method):
    metrics = metrics_of(method)
    types = ("/logic", "/correctness")
    whole = {name for name in metrics if not name.endswith(types) and name != "nll_loss"}
    assert {name.removesuffix("/logic") for name in metrics if name.endswith("/logic")} == whole
    assert {name.removesuffix("/correctness") for name in metrics if name.endswith("/correctness")} == whole


@pytest.mark.parametrize("method", get_args(Method))
def test_each_method_has_trls_names(method):
    rewards = {"rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"}
    expected = {"logps/chosen", "logps/rejected"}
    expected |= {"logps/chosen_change"} if method in NEEDS_REFERENCE else set()
    expected |= rewards if method != "sft" else set()
    expected |= {"nll_loss"} if method in ("sft", "orpo") else set()
    expected |= {"log_odds_chosen", "log_odds_ratio"} if method == "orpo" else set()
    found = metrics_of(method)
    assert {name for name in found if name.removesuffix("/logic").removesuffix("/correctness") == name} == expected
    assert all(math.isfinite(value) for value in found.values())


def test_methods_of_single_answers_count_each_answer_once():
    metrics = metrics_of("kto")
    assert metrics["rewards/chosen"] == pytest.approx(0.1 * (1 - 3) / 2)
    assert metrics["logps/chosen"] == -16.0
    assert metrics["rewards/rejected"] == pytest.approx(0.1 * (-1 + 1 + 1) / 3)
    assert metrics["rewards/margins"] == pytest.approx(metrics["rewards/chosen"] - metrics["rewards/rejected"])
    assert metrics["rewards/accuracies"] == pytest.approx(1 / 3)
    assert metrics["rewards/margins/logic"] == pytest.approx(0.1 * (2 - 4) / 2)


def test_without_a_reference_rewards_are_log_probabilities_per_token():
    samples = StepSamples(EXAMPLES)
    metrics = metrics_of("simpo", samples)
    assert metrics["logps/chosen"] == pytest.approx((-9 - 9 - 23) / 2 / 3)
    assert metrics["logps/rejected"] == pytest.approx((-13 - 13 - 21) / 4 / 3)
    assert metrics["rewards/chosen"] == pytest.approx(0.1 * metrics["logps/chosen"])
    assert metrics["rewards/margins"] == pytest.approx(0.1 * (metrics["logps/chosen"] - metrics["logps/rejected"]))
    assert metrics["rewards/accuracies"] == 0.0
    assert not {"logps/chosen_change", "kl", "nll_loss"} & set(metrics)


def test_orpo_tells_its_odds_and_its_likelihood():
    odds = [math.exp(mean) / (1 - math.exp(mean)) for mean in (-4.5, -3.25, -11.5, -5.25)]
    ratios = [math.log(odds[0] / odds[1])] * 2 + [math.log(odds[2] / odds[3])]
    metrics = metrics_of("orpo", StepSamples(EXAMPLES))
    assert metrics["log_odds_chosen"] == pytest.approx(sum(ratios) / 3)
    assert metrics["log_odds_ratio"] == pytest.approx(sum(-math.log1p(math.exp(-one)) for one in ratios) / 3)
    assert metrics["nll_loss"] == pytest.approx((9 + 23) / 4)  # two answers of two tokens, each counted once


def test_the_likelihood_is_told_wherever_it_is_part_of_the_loss():
    assert metrics_of("dpo", sft_weight=0.1)["nll_loss"] == pytest.approx((9 + 23) / 4)
    assert metrics_of("sft", StepSamples(EXAMPLES))["nll_loss"] == pytest.approx((9 + 23) / 4)
    assert "nll_loss" not in metrics_of("dpo")


def test_unpaired_answers_have_rewards_and_margins_but_no_accuracy():
    metrics = metrics_of("kto", UNPAIRED, UNPAIRED_RESULT)
    assert metrics == pytest.approx(
        {
            "rewards/chosen": 0.1, "logps/chosen": -9.0, "logps/chosen_change": 1.0, "rewards/rejected": -0.2,
            "logps/rejected": -15.0, "rewards/rejected/logic": -0.3, "logps/rejected/logic": -15.0, "kl": 0.25,
            "rewards/margins": 0.3,
        }
    )  # fmt: skip


@pytest.mark.parametrize(("place", "absent"), [(0, "rejected"), (1, "chosen")])
def test_a_step_with_one_label_tells_of_that_label_alone(place, absent):
    samples = StepSamples(UNPAIRED.examples[place : place + 1], UNPAIRED.reference[place : place + 1])
    result = StepResult(0.5, UNPAIRED_RESULT.logprobs[place : place + 1], kl=0.25)
    found = metrics_of("kto", samples, result)
    assert found
    assert not [name for name in found if absent in name or "margins" in name or "accuracies" in name]


def test_the_estimate_is_told_where_there_is_one():
    assert metrics_of("kto", UNPAIRED, UNPAIRED_RESULT)["kl"] == 0.25
    assert "kl" not in metrics_of("kto")


@pytest.mark.parametrize("method", get_args(Method))
def test_the_sums_of_two_processes_give_the_means_of_one(method):
    settings = TrainSection(method=method, sft_weight=0.2)
    halves = [
        step_sums(
            StepSamples(EXAMPLES[n : n + 1], SAMPLES.reference[n : n + 1]),
            StepResult(0.25, RESULT.logprobs[n : n + 1], kl=None),
            settings,
        )
        for n in (0, 1)
    ]
    whole = means(step_sums(SAMPLES, RESULT, settings))
    assert set(halves[0]) != set(halves[1])  # an error type that only one of them saw
    assert means(merge_sums(halves)) == pytest.approx(whole)
    simple = [means(half)["logps/chosen"] for half in halves]
    if method in NEEDS_PAIRS:  # control: a mean of means is another number
        assert sum(simple) / 2 != pytest.approx(whole["logps/chosen"])


def test_the_estimate_of_all_processes_stays_what_it_is():
    sums = step_sums(UNPAIRED, UNPAIRED_RESULT, TrainSection(method="kto"))
    assert means(merge_sums([sums, sums]))["kl"] == 0.25


def row(step, **metrics):
    return {"step": step, "epoch": step / 4, **metrics}


def test_windows_average_and_keep_the_last_step():
    steps = [row(1, loss=1.0), row(2, loss=3.0, rare=8.0), row(3, loss=5.0), row(4, loss=7.0), row(5, loss=9.0)]
    assert windows(steps, 2) == [row(2, loss=2.0, rare=8.0), row(4, loss=6.0)]
    assert windows(steps, 1) == steps


def test_the_final_metrics_are_those_of_the_last_tenth():
    assert final_metrics([row(n, loss=float(n)) for n in range(1, 21)]) == {"loss": 19.5}
    assert final_metrics([row(1, loss=4.0)]) == {"loss": 4.0}


def history(changes, accuracies):
    return [
        row(n, **{"logps/chosen_change": change, "rewards/accuracies": accuracy})
        for n, (change, accuracy) in enumerate(zip(changes, accuracies, strict=True), start=1)
    ]


def without(steps, name, places):
    return [{key: value for key, value in one.items() if key != name or n not in places} for n, one in enumerate(steps)]


def test_a_falling_chosen_answer_is_told():
    steps = history([0.0] * 9 + [-6.0] * 3, [0.5] * 12)
    (warning,) = training_warnings(steps)
    assert warning.startswith("the chosen answers lost 6.0 nats of log-probability")
    assert "train.learning_rate" in warning
    assert training_warnings(without(steps, "logps/chosen_change", {9})) == (warning,)


def test_easy_pairs_are_told():
    steps = history([0.0] * 12, [0.5, 1.0, 1.0, 1.0] + [1.0] * 8)
    (warning,) = training_warnings(steps)
    assert warning.startswith("the model told chosen from rejected in over 95% of the pairs by step 4 of 12")
    assert training_warnings(without(steps, "rewards/accuracies", {0})) == (warning,)
    assert training_warnings(without(steps, "rewards/accuracies", {2})) == ()


def test_ordinary_training_raises_no_warning():
    assert training_warnings(history([-6.0] * 9 + [-4.0] * 3, [0.0, 1.0, 1.0, 0.8] + [1.0] * 8)) == ()
    assert training_warnings(history([0.0], [1.0])) == ()


def test_warnings_do_without_metrics_that_a_method_has_not():
    assert training_warnings([row(n, loss=1.0) for n in range(1, 13)]) == ()
