"""What the page and the command line say of giveaways: figures with intervals, warnings, and nothing where none."""

import json
from pathlib import Path

from seapo.cli.printing import describe_verify
from seapo.recipe import ReportSection
from seapo.report import read_run, render
from seapo.runfolder import RunFolder


def page(folder: Path) -> str:
    return render(read_run(folder), settings=ReportSection(examples_per_type=1))


def test_the_page_shows_each_figure_with_its_interval_and_names_what_tells(full_run: Path) -> None:
    html = page(full_run)
    for expected in (
        "Can they be told by their surface?",
        "51% <span",
        "48.0–54.0",
        "84% <span",
        "79.0–89.0",
        "told most by: <bdi>word not +0.31",
        "40 pairs are too few to tell; 100 are needed",
        "logic negatives can be told by their surface",
        "31.3 <span",
        "25.0 to 37.5",
    ):
        assert expected in html, expected
    assert "piece 00" not in html
    assert "<b>word</b>" not in html


def test_without_an_audit_the_page_says_nothing_of_giveaways(made_run: Path) -> None:
    assert "told by their surface" not in page(made_run)


def test_the_command_line_prints_the_same_figures(full_run: Path, made_run: Path) -> None:
    text = describe_verify(RunFolder(full_run))
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
