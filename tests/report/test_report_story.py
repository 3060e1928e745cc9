"""The headline says what the intervals say, and no more."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seapo.report import RunContents, read_run
from seapo.report.story import duration, interval, listed, outcome, percent, points, tell
from seapo.summaries import EvaluateSummary


def _evaluate(contents: RunContents, verdicts: dict[str, str]) -> EvaluateSummary:
    assert contents.evaluate
    rows = tuple(
        row.model_copy(update={"verdict": verdicts.get(row.name, "undecided")}) for row in contents.evaluate.dimensions
    )
    return contents.evaluate.model_copy(update={"dimensions": rows})


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ({}, "Training did not change any of the 5 dimensions measured beyond its 95% interval."),
        (
            {"truthfulness": "better"},
            "Training helped truthfulness (+12.5 points); no other dimension changed beyond its 95% interval.",
        ),
        (
            {"knowledge": "worse"},
            "Training hurt knowledge (−7.5 points); no other dimension changed beyond its 95% interval.",
        ),
        (
            {"truthfulness": "better", "mathematics": "better", "knowledge": "worse"},
            "Training helped mathematics (+2.5 points) and truthfulness (+12.5 points) and hurt knowledge (−7.5 "
            "points); no other dimension changed beyond its 95% interval.",
        ),
    ],
)
def test_the_outcome_names_what_changed(made_run: Path, verdicts: dict[str, str], sentence: str) -> None:
    assert outcome(_evaluate(read_run(made_run), verdicts)) == sentence


def test_all_dimensions_changed_leaves_no_other(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.evaluate
    everything = {row.name: "better" for row in contents.evaluate.dimensions}
    assert outcome(_evaluate(contents, everything)).endswith("truthfulness (+12.5 points).")


def test_nothing_measured_is_not_nothing_changed(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.evaluate
    empty = contents.evaluate.model_copy(update={"dimensions": ()})
    assert outcome(empty) == "No dimension was measured, so nothing tells whether training helped."


def test_the_story_of_a_finished_run(made_run: Path) -> None:
    story = tell(read_run(made_run))
    assert story.injected == (
        "60 negatives, one known error each, made from 30 good answers: 24 correctness, 18 logic and 18 hallucination."
    )
    assert story.trust == (
        "36 of 60 negatives (60%) are proved wrong by a program: 18 by final answer, 12 by unit tests and 6 by "
        "arithmetic. The others: 24 constructed (wrong by the way they were built, unconfirmed by a program)."
    )
    assert (
        story.training == "DPO on 29 pairs, 24 steps. Measured before and after on the same 200 items of 5 dimensions."
    )


@pytest.mark.parametrize(
    ("missing", "headline"),
    [
        (("evaluate",), "The model is trained; whether that helped has not been measured yet."),
        (("evaluate", "train"), "60 negatives passed their checks; nothing has been trained yet."),
        (("evaluate", "train", "verify"), "This run has no verified negatives yet."),
    ],
)
def test_the_headline_of_a_run_that_stopped_early(made_run: Path, missing: tuple[str, ...], headline: str) -> None:
    absent: dict[str, Any] = dict.fromkeys(missing)
    assert tell(replace(read_run(made_run), **absent)).headline == headline


def test_negatives_with_two_proofs_are_not_counted_twice(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.verify
    proofs = contents.verify.proofs | {"logic": {"final_answer": 6, "contradiction": 6}}
    trust = tell(replace(contents, verify=contents.verify.model_copy(update={"proofs": proofs}))).trust
    assert "6 by arithmetic and 6 by contradiction, some in more than one way." in trust


def test_no_negative_is_said_plainly(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.verify
    none = contents.verify.model_copy(update={"accepted": {}, "status": {}, "proofs": {}})
    assert tell(replace(contents, verify=none, negatives=())).trust == "No negative passed the checks."


@pytest.mark.parametrize(("share", "text"), [(0.125, "+12.5"), (-0.075, "−7.5"), (0.0, "0.0"), (-0.0004, "0.0")])
def test_points(share: float, text: str) -> None:
    assert points(share) == text


def test_formats() -> None:
    assert percent(0.425) == "42.5%"
    assert interval((0.205, 0.445)) == "20.5–44.5"
    assert [duration(s) for s in (0.42, 59.6, 131, 7801)] == ["0.4 s", "1 min 0 s", "2 min 11 s", "2 h 10 min"]
    assert [listed(parts) for parts in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b and c"]
