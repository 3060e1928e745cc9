"""The stage in a real run: three files, also of a run that has not finished, made again when there is more to show."""

import json
from pathlib import Path

import pytest

from seapo.errors import RunError
from seapo.pipeline import Run, run_stages
from seapo.recipe import parse_recipe


def started(tmp_path: Path, **sections: object) -> Run:
    values = {"name": "part", "runs_dir": str(tmp_path), "data": {"path": "starter", "limit": 4}, **sections}
    return Run(parse_recipe(values), quiet=True)


def test_a_run_that_has_not_finished_gives_all_three_files(tmp_path: Path) -> None:
    run = started(tmp_path)
    run_stages(run, ["source"])
    run_stages(run, ["report"])
    folder = run.folder.stage("report")
    assert {path.name for path in folder.iterdir()} == {"index.html", "report.md", "results.json", "manifest.json"}
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert found["missing_stages"] == ["inject", "verify", "mix", "train", "evaluate"]
    assert found["source"]["samples"] == 4
    assert "Not finished in this run: inject" in (folder / "report.md").read_text(encoding="utf-8")


def test_a_further_stage_makes_the_report_anew_and_none_leaves_it(tmp_path: Path) -> None:
    run = started(tmp_path)
    run_stages(run, ["report"])
    page = run.folder.stage("report") / "index.html"
    before = page.stat().st_ino
    run_stages(run, ["report"])
    assert page.stat().st_ino == before
    run_stages(run, ["source"])
    run_stages(run, ["report"])
    assert page.stat().st_ino != before


def test_a_stage_that_no_longer_fits_the_recipe_is_not_shown(tmp_path: Path) -> None:
    run_stages(started(tmp_path), ["source"])
    other = started(tmp_path, seed=8)
    with pytest.raises(RunError, match=r"'report' needs the output of 'source', which no longer fits the recipe"):
        run_stages(other, ["report"])
