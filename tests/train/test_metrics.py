"""Metrics under TRL's names, their windows, and the warnings with their controls."""

import pytest

from seapo.train.examples import Example
from seapo.train.metrics import final_metrics, step_metrics, training_warnings, windows
from seapo.train.step import StepResult, StepSamples

EXAMPLES = [
    Example("a", (1,), (2,), ((3,), (4,)), ("logic", "correctness")),
    Example("b", (5,), (6,), ((7,),), ("logic",)),
]
SAMPLES = StepSamples(EXAMPLES, [[-10.0, -12.0, -14.0], [-20.0, -22.0]])
RESULT = StepResult(0.5, [[-9.0, -13.0, -13.0], [-23.0, -21.0]], kl=0.25)


def test_metrics_are_means_over_pairs_and_over_those_of_each_type():
    metrics = step_metrics(SAMPLES, RESULT, beta=0.1)
    # pairs: a/logic  chosen +1, rejected -1; a/correctness  +1, +1; b/logic  -3, +1 (changes in nats)
    assert metrics["rewards/chosen"] == pytest.approx(0.1 * (1 + 1 - 3) / 3)
    assert metrics["rewards/rejected"] == pytest.approx(0.1 * (-1 + 1 + 1) / 3)
    assert metrics["rewards/margins"] == pytest.approx(0.1 * (2 + 0 - 4) / 3)
    assert metrics["rewards/accuracies"] == pytest.approx(1 / 3)
    assert metrics["logps/chosen"] == pytest.approx((-9 - 9 - 23) / 3)
    assert metrics["logps/rejected"] == pytest.approx((-13 - 13 - 21) / 3)
    assert metrics["logps/chosen_change"] == pytest.approx(-1 / 3)
    assert metrics["kl"] == 0.25
    assert metrics["rewards/margins/logic"] == pytest.approx(0.1 * (2 - 4) / 2)
    assert metrics["rewards/margins/correctness"] == pytest.approx(0.0)
    assert metrics["rewards/accuracies/logic"] == 0.5
    assert {name for name in metrics if name.endswith("/logic")} == {
        f"{name}/logic" for name in metrics if name.count("/") == 1
    }


def test_dpo_has_no_kl():
    assert "kl" not in step_metrics(SAMPLES, StepResult(0.5, RESULT.logprobs, kl=None), beta=0.1)


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


def test_a_falling_chosen_answer_is_told():
    (warning,) = training_warnings(history([0.0] * 9 + [-6.0] * 3, [0.5] * 12))
    assert warning.startswith("the chosen answers lost 6.0 nats of log-probability")
    assert "train.learning_rate" in warning


def test_easy_pairs_are_told():
    (warning,) = training_warnings(history([0.0] * 12, [0.5, 1.0, 1.0, 1.0] + [1.0] * 8))
    assert warning.startswith("the model told chosen from rejected in over 95% of the pairs by step 4 of 12")


def test_ordinary_training_raises_no_warning():
    assert training_warnings(history([-6.0] * 9 + [-4.0] * 3, [0.0, 1.0, 1.0, 0.8] + [1.0] * 8)) == ()
    assert training_warnings(history([0.0], [1.0])) == ()
