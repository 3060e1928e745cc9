"""The funnel's arithmetic: what is left and what is lost, with the reasons as the stages gave them."""

from dataclasses import replace
from pathlib import Path

import pytest

from seapo.report import read_run
from seapo.report.funnel import funnel_steps, lost, unexplained


def test_every_loss_of_the_made_run_is_explained(made_run: Path) -> None:
    steps = funnel_steps(read_run(made_run))
    assert [(step.label, step.kept) for step in steps] == [
        ("Rows read", 60),
        ("Good samples", 57),
        ("Samples drawn", 30),
        ("Negatives wanted", 90),
        ("With a candidate", 69),
        ("Verified negatives", 60),
        ("Training pairs", 29),
    ]
    assert [lost(steps, index) for index in range(len(steps))] == [0, 3, 27, 0, 21, 9, 31]
    assert [sum(step.reasons.values()) for step in steps] == [0, 3, 27, 0, 21, 9, 31]


def test_reasons_stand_in_order_of_their_number(made_run: Path) -> None:
    step = funnel_steps(read_run(made_run))[4]
    assert list(step.reasons.values()) == [9, 8, 4]


def test_stages_that_have_not_run_are_left_out(made_run: Path) -> None:
    contents = replace(read_run(made_run), inject=None, verify=None, mix=None, train=None)
    assert [step.label for step in funnel_steps(contents)] == ["Rows read", "Good samples", "Samples drawn"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("mixed", "not drawn: the mix takes one negative of each sample"),
        ("single", "of another error type than the mix asks for"),
        ("all", "not in the mix"),
    ],
)
def test_a_mix_says_why_it_leaves_negatives_out(made_run: Path, kind: str, reason: str) -> None:
    contents = read_run(made_run)
    assert contents.mix
    step = funnel_steps(replace(contents, mix=contents.mix.model_copy(update={"kind": kind})))[-1]
    assert step.reasons == {reason: 31}


def test_a_mix_of_original_answers_does_not_come_from_the_negatives(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.mix
    steps = funnel_steps(replace(contents, mix=contents.mix.model_copy(update={"kind": "original"})))
    assert steps[-1].unit != steps[-2].unit
    assert lost(steps, len(steps) - 1) == 0


def test_rows_that_became_another_rows_rejected_answer_are_accounted_for(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.source
    steps = funnel_steps(replace(contents, source=contents.source.model_copy(update={"rows": 64, "merged": 4})))
    assert lost(steps, 1) == sum(steps[1].reasons.values()) == 7
    assert steps[1].reasons["joined to another row's sample as its rejected answer"] == 4


def test_what_verify_passes_on_from_inject_is_not_told_twice(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.verify
    assert contents.inject
    both = {
        name: contents.verify.without_negative.get(name, {}) | contents.inject.skipped[name]
        for name in contents.error_types
    }
    steps = funnel_steps(replace(contents, verify=contents.verify.model_copy(update={"without_negative": both})))
    assert steps[5].reasons == {"every candidate failed": 9}


def test_a_loss_without_a_reason_is_counted(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.verify
    steps = funnel_steps(replace(contents, verify=contents.verify.model_copy(update={"without_negative": {}})))
    assert [unexplained(steps, index) for index in range(len(steps))] == [0, 0, 0, 0, 0, 9, 0]
