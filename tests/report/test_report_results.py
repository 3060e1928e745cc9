"""`results.json`: every number of the page under keys that are documented, from any run, however far it came."""

import json
import re
import shutil
from pathlib import Path

import pytest

from seapo.report import Results, read_run, results_of
from seapo.report.contents import STAGES
from seapo.report.results import VERSION

DOCS = Path(__file__).parents[2] / "docs" / "report.md"


def test_the_numbers_of_a_finished_run(full_run: Path) -> None:
    found = results_of(read_run(full_run))
    assert (found.version, found.name, found.missing_stages) == (VERSION, "made-up", ())
    assert found.story.headline.startswith("Training helped truthfulness (+12.5 points)")
    assert [(step.step, step.left, step.lost) for step in found.funnel][:3] == [
        ("Rows read", 60, 0), ("Good samples", 57, 3), ("Samples drawn", 30, 27),
    ]  # fmt: skip
    first = found.error_types[0]
    assert (first.error_type, first.wanted, first.negatives, first.pairs) == ("correctness", 30, 24, 11)
    assert (first.status, first.dropped_candidates) == ({"proved": 24}, {"final_answer": 21, "length": 2})
    assert found.scores
    assert found.scores.dimensions[4].difference_interval == pytest.approx((0.036, 0.214))
    assert found.asked
    assert (found.asked.suites, found.asked.protocol, found.asked.limit) == (("starter", "mathematics"), "paper", 40)
    assert [(row.name, row.before, row.after) for row in found.other_metrics] == [("gsm8k", 0.3, 0.4)]
    assert found.diagnosis
    assert found.audit
    assert found.training
    assert found.settings["train"]["learning_rate"] == 2e-4


def test_the_document_survives_a_round_trip(full_run: Path) -> None:
    found = results_of(read_run(full_run))
    assert Results.model_validate_json(json.dumps(found.model_dump(mode="json"), allow_nan=False)) == found


def test_stages_that_have_not_finished_are_null_and_named(made_run: Path) -> None:
    for stage in STAGES:
        shutil.rmtree(made_run / stage)
    found = results_of(read_run(made_run))
    assert found.missing_stages == STAGES
    assert [found.source, found.audit, found.mix, found.diagnosis, found.training, found.scores, found.asked] == [
        None
    ] * 7
    assert (found.funnel, found.error_types, found.strategies, found.distances) == ((), (), (), ())


def test_every_key_is_documented_and_no_other_is() -> None:
    section = DOCS.read_text(encoding="utf-8").split("## results.json")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `([a-z_]+)` \|", section, flags=re.MULTILINE)
    assert documented == list(Results.model_fields)


def test_the_example_of_the_docs_prints_the_differences(
    full_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    full_run.rename(tmp_path / "runs" / "quickstart")
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(code, str(DOCS), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert re.fullmatch(r"truthfulness 0\.12.* better", lines[4])
