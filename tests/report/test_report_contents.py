"""Reading a run's folder: whole, stopped early, broken, and with keys that this version does not know."""

import json
import shutil
from pathlib import Path

import pytest

from seapo.errors import DataError, RunError
from seapo.report import read_run
from seapo.report.contents import STAGES


def test_a_finished_run_is_read_whole(made_run: Path) -> None:
    contents = read_run(made_run)
    assert contents.missing_stages == ()
    assert contents.error_types == ("correctness", "logic", "hallucination")
    assert (len(contents.samples), len(contents.negatives), len(contents.metrics)) == (30, 60, 24)
    assert contents.recipe.train.method == "dpo"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_has_not_finished_is_named(made_run: Path, stage: str) -> None:
    (made_run / stage / "summary.json").unlink()
    assert read_run(made_run).missing_stages == (stage,)


def test_a_run_with_nothing_but_its_recipe_can_be_read(made_run: Path) -> None:
    for stage in STAGES:
        shutil.rmtree(made_run / stage)
    (made_run / "run.json").unlink()
    contents = read_run(made_run)
    assert contents.missing_stages == STAGES
    assert contents.provenance.facts == {}


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run here, recipe\.yaml is missing; start one with `seapo run RECIPE`"):
        read_run(tmp_path)


def test_a_broken_summary_is_named_with_its_first_fault(made_run: Path) -> None:
    (made_run / "mix" / "summary.json").write_text('{"kind": "mixed"}')
    with pytest.raises(
        DataError, match=r"mix/summary\.json: not a MixSummary: samples: Field required; repeat `seapo mix`"
    ):
        read_run(made_run)


def test_a_negative_of_an_unknown_sample_is_refused(made_run: Path) -> None:
    path = made_run / "source" / "samples.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(RunError, match=r"negatives of 1 samples that .* not hold, the first of them 'starter-001'"):
        read_run(made_run)


def test_the_torn_last_line_of_a_killed_run_is_left_out(made_run: Path) -> None:
    with (made_run / "train" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 25, "lo')
    assert len(read_run(made_run).metrics) == 24


@pytest.mark.parametrize(("line", "fault"), [("{broken", "cannot be read as JSON"), ("[1]", "holds a list")])
def test_a_broken_line_amid_the_metrics_is_refused(made_run: Path, line: str, fault: str) -> None:
    path = made_run / "train" / "metrics.jsonl"
    path.write_text(f"{line}\n{path.read_text()}")
    with pytest.raises(DataError, match=rf"metrics\.jsonl, line 1: {fault}"):
        read_run(made_run)


def test_only_finite_numbers_count_as_metrics(made_run: Path) -> None:
    (made_run / "train" / "metrics.jsonl").write_text(
        '{"step": 1, "loss": NaN, "kl": Infinity, "note": "x", "ok": true}\n'
    )
    assert read_run(made_run).metrics == ({"step": 1.0},)


def test_unknown_facts_of_a_run_are_kept_and_odd_ones_do_no_harm(made_run: Path) -> None:
    facts = {"seed": 3, "new": {"deep": {"er": [1, 2]}}, "stages": {"train": {"seconds": "long"}, "mix": 4}}
    (made_run / "run.json").write_text(json.dumps(facts))
    provenance = read_run(made_run).provenance
    assert provenance.facts == {"seed": {"": "3"}, "new": {"deep.er": "[1, 2]"}}
    assert provenance.stage_seconds == {}


def test_facts_that_are_no_object_are_refused(made_run: Path) -> None:
    (made_run / "run.json").write_text("[]")
    with pytest.raises(DataError, match=r"run\.json: holds a list, where a run's facts are one JSON object"):
        read_run(made_run)
