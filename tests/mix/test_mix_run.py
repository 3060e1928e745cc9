"""The stage in a run, by rules alone: the wide file, new mixes of it, what is reused, and what the command prints."""

import json

import pytest
from click.testing import CliRunner

from seapo.cli import seapo
from seapo.errors import DataError
from seapo.pipeline import Run, plan, run_stages
from seapo.recipe import parse_recipe
from seapo.records import Negative, PreferencePair, Sample, apply_edits
from seapo.store import read_records
from seapo.wide import read_wide

STAGES = ("source", "inject", "verify", "mix")


def recipe(folder, **sections):
    values = {
        "name": "mixed",
        "runs_dir": str(folder),
        "data": {"limit": 12},
        "inject": {"rank_by": "none", "chain": [["rule"]]},
    }
    return parse_recipe({**values, **sections})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of runs with one that has mixed."""
    folder = tmp_path_factory.mktemp("runs")
    run_stages(Run(recipe(folder, verify={"keep_per_type": 2}), quiet=True), STAGES)
    return folder


def again(folder, **sections):
    """The run with other settings of its mix."""
    return Run(recipe(folder, verify={"keep_per_type": 2}, **sections), quiet=True)


def test_the_wide_file_holds_every_sample_and_negative_once(finished):
    rows = list(read_wide(finished / "mixed" / "verify" / "wide.jsonl"))
    samples = list(read_records(finished / "mixed" / "source" / "samples.jsonl", Sample))
    negatives = list(read_records(finished / "mixed" / "verify" / "negatives.jsonl", Negative))
    assert [(row.id, row.chosen, row.prompt) for row in rows] == [(one.id, one.chosen, one.prompt) for one in samples]
    kept = {(row.id, each.error_type, each.choice): row.text(each) for row in rows for each in row.negatives}
    assert kept == {(one.sample_id, one.error_type, one.choice): one.text for one in negatives}
    assert max(one.choice for one in negatives) == 1


def test_a_new_mix_repeats_the_mix_alone_and_its_pairs_are_what_their_edits_say(finished):
    run = again(finished, mix={"kind": "all", "negatives_per_sample": 2})
    doings = plan(run)
    assert [doings[name] for name in STAGES] == ["reuse", "reuse", "reuse", "run"]
    run_stages(run, ["mix"])
    pairs = list(read_records(finished / "mixed" / "mix" / "pairs.jsonl", PreferencePair))
    rows = {row.id: row for row in read_wide(finished / "mixed" / "verify" / "wide.jsonl")}
    assert len(pairs) == sum(len(row.negatives) for row in rows.values())
    assert all(apply_edits(pair.chosen[0].content, pair.edits) == pair.rejected[0].content for pair in pairs)


def test_the_number_of_epochs_counts_where_each_draws_anew_and_nowhere_else(finished):
    doings = {}
    for draw in ("once", "each_epoch"):
        run_stages(again(finished, mix={"draw": draw}, train={"num_train_epochs": 2}), ["mix"])
        doings[draw] = plan(again(finished, mix={"draw": draw}, train={"num_train_epochs": 4}))["mix"]
    assert doings == {"once": "reuse", "each_epoch": "run"}
    pairs = list(read_records(finished / "mixed" / "mix" / "pairs.jsonl", PreferencePair))
    assert {epoch for pair in pairs for epoch in pair.mix_epochs} == {1, 2}


def test_an_order_without_a_model_names_what_to_set(finished):
    with pytest.raises(DataError, match=r"no pair has a measured one: .* set inject\.rank_by: model and repeat inject"):
        run_stages(again(finished, mix={"order": "gap"}), ["mix"])


def test_the_command_prints_what_the_caps_left_out_and_the_epochs(finished):
    overrides = ["mix.kind=mixed", "mix.negatives_per_sample=null", "mix.order=shuffled"]  # as no test has left it
    overrides += ["mix.max_per_type=2", "mix.draw=each_epoch", "train.num_train_epochs=2"]
    done = CliRunner().invoke(seapo, ["mix", str(finished / "mixed"), *overrides, "--quiet"])
    assert done.exit_code == 0, done.output
    summary = json.loads((finished / "mixed" / "mix" / "summary.json").read_text())
    assert all(count <= 2 for epoch in summary["by_epoch"] for count in epoch.values())
    for name, count in summary["left_out"]["max_per_type"].items():
        assert f"over mix.max_per_type: {count} pairs of {name} left out" in done.output
    first = sum(summary["by_epoch"][0].values())
    assert f"epoch 1: {first} pairs (" in done.output
    assert f"samples that no epoch trains, because of the caps: {summary['capped_samples']}" in done.output
