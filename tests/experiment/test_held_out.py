"""Rows that no arm is trained on, and what is measured of them."""

import json

import pytest

from seapo.experiment.harm import harms
from seapo.experiment.held_out import HeldOutRow, describe_answer, split_data
from seapo.experiment.matrix import split_fingerprint
from seapo.recipe import parse_recipe


def split(limit, held_out):
    return split_data(parse_recipe({"data": {"limit": limit}, "experiment": {"held_out": held_out}}))


def test_held_out_rows_are_those_that_the_limit_leaves_out():
    small, large = split(20, 8), split(20, 12)
    assert (small.summary.limit, small.summary.held_out) == (20, 8)
    held, trained = {sample.id for sample in small.held_out}, {sample.id for sample in small.training}
    assert not held & trained
    assert held < {sample.id for sample in large.held_out}
    assert small.training == large.training


def test_where_too_few_are_left_the_limit_is_lowered_by_a_fifth_at_most():
    total = split(None, 0).summary.total
    some, most = split(None, 30), split(None, 10**6)
    assert (some.summary.limit, some.summary.held_out) == (total - 30, 30)
    assert most.summary.limit == total - total // 5


def test_other_data_may_be_held_out_but_for_what_is_trained_on(tmp_path):
    trained = split(40, 0).training
    rows = [{"prompt": trained[0].prompt[-1].content, "response": "Yes."}]
    rows += [{"prompt": f"Tell a story of {number} bears.", "response": "Once upon a time."} for number in range(9)]
    path = tmp_path / "stories.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = {"data": {"limit": 40}, "experiment": {"held_out": 6, "held_out_path": str(path)}}
    found = split_data(parse_recipe(recipe))
    assert [one.chosen for one in found.held_out] == ["Once upon a time."] * 6
    assert found.training == trained
    marks = [split_fingerprint(parse_recipe(recipe))]
    path.write_text(path.read_text(encoding="utf-8").replace("bears", "hares"), encoding="utf-8")
    marks.append(split_fingerprint(parse_recipe(recipe)))
    marks.append(split_fingerprint(parse_recipe({"data": {"limit": 40}, "experiment": {"held_out": 6}})))
    assert len(set(marks)) == 3


def test_what_is_measured_of_an_answer():
    looping = describe_answer("x", [1, 2, 3, 4, 1, 2, 3, 4])
    assert (looping["answer_tokens"], looping["distinct"]) == (8, 0.8)
    assert describe_answer("yes", [1])["distinct"] is None
    assert describe_answer("I'm sorry, but I cannot help with that.", [1])["is_refusal"]
    assert not describe_answer("The capital of France is Paris.", [1])["is_refusal"]


def rows(logprob, *, refuses=0, count=20):
    return [
        HeldOutRow(id=str(n), tokens=10, logprob_nats=logprob - n, answer="a", answer_tokens=5 + n, distinct=1.0,
                   is_refusal=n < refuses)
        for n in range(count)
    ]  # fmt: skip


def test_harm_is_seen_and_its_absence_too():
    found = {
        (row.arm, row.measure): row
        for row in harms(
            rows(-20), {"hurt": {0: rows(-26), 1: rows(-24)}, "same": {0: rows(-20)}}, confidence=0.95, seed=0
        )
    }
    hurt = found["hurt", "logprob_per_token_nats"]
    assert hurt.difference == pytest.approx(-0.5)
    assert hurt.seed_sd == pytest.approx(0.141421, abs=1e-5)
    same = found["same", "refusal"]
    assert same.difference == 0
    assert same.interval[0] < 0 < same.interval[1]  # what may have gone unseen in so few rows


def test_more_refusals_are_told():
    (row,) = [
        row
        for row in harms(rows(-20), {"a": {0: rows(-20, refuses=12)}}, confidence=0.95, seed=0)
        if row.measure == "refusal"
    ]
    assert row.difference == pytest.approx(0.6)
    assert row.interval[0] > 0


def test_too_few_rows_have_no_interval():
    found = harms(rows(-20, count=5), {"a": {0: rows(-21, count=5)}}, confidence=0.95, seed=0)
    assert found[0].rows == 5
    assert found[0].interval is None
