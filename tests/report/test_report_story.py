"""The headline says what the intervals say, and no more."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seapo.report import RunContents, read_run
from seapo.report.story import interval, listed, outcome, percent, points, tell
from seapo.summaries import AuditSummary, EvaluateSummary


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
            "Training helped mathematics (+2.5 points) and truthfulness (+12.5 points) and "
            "hurt knowledge (−7.5 points); no other dimension changed beyond its 95% interval.",
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


def test_the_story_of_a_finished_run(full_run: Path) -> None:
    story = tell(read_run(full_run))
    assert [answer.question for answer in story.answers] == [
        "What was injected?",
        "Can it be trusted?",
        "Did training help?",
    ]
    assert story.injected.lead == "60 negatives, one known error each, made from 30 good answers."
    assert re.fullmatch(
        r"Errors: 24 correctness, 18 logic and 18 hallucination\. In the median an error changes [\d.]+% of its answer "
        r"\(nine in ten: [\d.]+% to [\d.]+%\)\.",
        story.injected.more,
    )
    assert story.trust.text == (
        "36 of 60 negatives (60%) are proved wrong by a program. The others: 24 constructed (wrong by the way they "
        "were built, unconfirmed by a program). Length and words alone tell the negative in 53% [46, 60] of the "
        "correctness pairs and 84% [79, 89] of the logic pairs, where chance is 50%; logic is over the limit of 70%."
    )
    assert story.training.text == (
        "It helped here and hurt there. DPO on 29 pairs, 24 steps. Change in points on the same 200 items, with 95% "
        "intervals: mathematics +2.5 [−3.6, +8.6], reasoning −2.5 [−8.0, +3.0], coding 0.0 [−4.3, +4.3], knowledge "
        "−7.5 [−14.3, −0.7] and truthfulness +12.5 [+3.6, +21.4]. Changes below about 4 to 9 points would not show."
    )


@pytest.mark.parametrize(
    ("verdicts", "lead"),
    [
        ({}, "This run cannot tell: every interval holds zero."),
        ({"truthfulness": "better"}, "Yes, where the interval leaves out zero."),
        ({"knowledge": "worse"}, "No: it hurt."),
        ({"truthfulness": "better", "knowledge": "worse"}, "It helped here and hurt there."),
    ],
)
def test_whether_training_helped_is_said_first(made_run: Path, verdicts: dict[str, str], lead: str) -> None:
    contents = read_run(made_run)
    assert tell(replace(contents, evaluate=_evaluate(contents, verdicts))).training.lead == lead


def _audited(contents: RunContents, audit: AuditSummary | None) -> str:
    assert contents.verify
    return tell(replace(contents, verify=contents.verify.model_copy(update={"audit": audit}))).trust.text


def test_what_the_audit_could_not_measure_is_said(full_run: Path) -> None:
    contents = read_run(full_run)
    assert contents.verify
    audit = contents.verify.audit
    assert audit
    assert _audited(contents, None).endswith("Whether their surface gives them away was not measured.")
    few = audit.model_copy(update={"rows": audit.rows[2:]})
    assert _audited(contents, few).endswith("not measured: 40 pairs are too few to tell; 100 are needed.")
    fine = audit.model_copy(update={"rows": audit.rows[:1]})
    assert _audited(contents, fine).endswith("chance is 50%; none is over the limit of 70%.")


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


def test_no_negative_is_said_plainly(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.verify
    none = contents.verify.model_copy(update={"accepted": {}, "status": {}, "proofs": {}})
    assert tell(replace(contents, verify=none, negatives=())).trust.text == "No negative passed the checks."


@pytest.mark.parametrize(("share", "text"), [(0.125, "+12.5"), (-0.075, "−7.5"), (0.0, "0.0"), (-0.0004, "0.0")])
def test_points(share: float, text: str) -> None:
    assert points(share) == text


def test_formats() -> None:
    assert percent(0.425) == "42.5%"
    assert interval((0.205, 0.445)) == "20.5–44.5"
    assert [listed(parts) for parts in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b and c"]
