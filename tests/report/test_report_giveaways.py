"""What the page and the command line say of giveaways: figures with intervals, warnings, and nothing where none."""

import json
from pathlib import Path

import pytest

from seapo.cli.printing import describe_verify
from seapo.recipe import ReportSection
from seapo.report import read_run, render
from seapo.runfolder import RunFolder
from seapo.summaries import AuditRow, AuditSummary, Estimate, LogprobGap

AUDIT = AuditSummary(
    limit=0.7,
    rows=(
        AuditRow(
            error_type="correctness",
            pairs=140,
            pairs_used=140,
            auc=Estimate(value=0.51, low=0.48, high=0.54),
            paired_accuracy=Estimate(value=0.53, low=0.46, high=0.6),
            telltales=("piece 00 -0.10",),
        ),
        AuditRow(
            error_type="logic",
            pairs=130,
            pairs_used=130,
            auc=Estimate(value=0.6, low=0.57, high=0.63),
            paired_accuracy=Estimate(value=0.84, low=0.79, high=0.89),
            telltales=("word not +0.31", "<b>word</b> +0.20"),
        ),
        AuditRow(error_type="hallucination", pairs=40, not_judged="40 pairs are too few to tell; 100 are needed"),
    ),
    gaps=(
        LogprobGap(
            of="rejected",
            pairs=90,
            mean_nats=Estimate(value=31.26, low=25.0, high=37.5),
            median_nats=28.0,
            prefers_chosen=0.8,
        ),
    ),
    warnings=("logic negatives can be told by their surface: paired accuracy 0.84 (0.79-0.89), over 0.70",),
)


@pytest.fixture
def audited_run(made_run: Path) -> Path:
    path = made_run / "verify" / "summary.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | {"audit": AUDIT.model_dump(mode="json")}), encoding="utf-8")
    return made_run


def page(folder: Path) -> str:
    return render(read_run(folder), settings=ReportSection(examples_per_type=1))


def test_the_page_shows_each_figure_with_its_interval_and_names_what_tells(audited_run: Path) -> None:
    html = page(audited_run)
    for expected in (
        "Can they be told by their surface?",
        "51% <span",
        "48.0–54.0",
        "84% <span",
        "79.0–89.0",
        "told most by: <bdi>word not +0.31",
        "40 pairs are too few to tell; 100 are needed",
        "logic negatives can be told by their surface",
        "31.3 (25.0 to 37.5; 90 pairs)",
    ):
        assert expected in html, expected
    assert "piece 00" not in html
    assert "<b>word</b>" not in html


def test_without_an_audit_the_page_says_nothing_of_giveaways(made_run: Path) -> None:
    assert "told by their surface" not in page(made_run)


def test_the_command_line_prints_the_same_figures(audited_run: Path, made_run: Path) -> None:
    text = describe_verify(RunFolder(audited_run))
    assert "correctness        140  0.51 (0.48-0.54)  0.53 (0.46-0.60)" in text
    assert "hallucination       40  40 pairs are too few to tell; 100 are needed" in text
    assert "prefers chosen answers to the data's own rejected answers by 31.3 nats" in text
    assert "warning: logic negatives can be told by their surface" in text


def test_the_command_line_counts_what_a_judge_confirmed_where_one_did(made_run: Path) -> None:
    assert "judged" not in describe_verify(RunFolder(made_run))
    path = made_run / "verify" / "summary.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["status"]["logic"]["judged"] = 7
    path.write_text(json.dumps(values), encoding="utf-8")
    rows = {line.split()[0]: line.split() for line in reversed(describe_verify(RunFolder(made_run)).splitlines())}
    assert rows["Negatives"] == ["Negatives", "asked", "kept", "proved", "judged", "constructed", "proofs"]
    assert rows["correctness"][4] == "0"
    assert rows["logic"][4] == "7"
