"""An experiment on the real model: two arms, two seeds; nothing is computed twice, and a kill loses nothing."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from seapo.cli import seapo
from seapo.experiment import format_results, read_results, run_experiment
from seapo.experiment.matrix import look
from seapo.experiment.work import untouched_fingerprint
from seapo.journal import Journal
from seapo.recipe import load_recipe

RUNS = ("sft-0", "sft-1", "mixed-0", "mixed-1")
RECIPE = """
name: exp
runs_dir: {folder}
data: {{limit: 4}}
model: {{dtype: float32}}
inject: {{candidates_per_type: 1, rank_by: none, strategies: [rule], error_types: [correctness]}}
train:
  {{method: dpo, learning_rate: 2.0e-4, num_train_epochs: 1, per_device_train_batch_size: 4,
    gradient_accumulation_steps: 1, max_length: 256}}
evaluate: {{limit: 1}}
experiment:
  seeds: [0, 1]
  held_out: 2
  answer_tokens: 3
  arms: {{sft: {{train.method: sft}}, mixed: {{mix.kind: mixed}}}}
"""

# Runs an experiment and kills it with -9 where the second run's training is about to be put in its place.
KILLER = """
import os, re, signal, sys
def hook(event, arguments):
    if event == "os.rename" and re.search(r"mixed-0/\\.train\\.\\w+\\.partial", str(arguments[0])):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from seapo.cli import main
main(["experiment", sys.argv[1], "--quiet"])
"""


def recipe(folder: Path) -> Path:
    path = folder / "exp.yaml"
    path.write_text(RECIPE.format(folder=folder / "runs"))
    return path


def entries(folder: Path) -> dict[str, str]:
    """Key -> kind of what the journal holds."""
    with sqlite3.connect(folder / "runs" / "journal.sqlite") as connection:
        return dict(connection.execute("SELECT key, kind FROM entries").fetchall())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(folder, every key that was computed and put into the journal, in order)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    computed: list[str] = []
    put = Journal.put

    def spy(self, key, kind, value):
        computed.append(key)
        put(self, key, kind, value)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the processes below: another number gives other last digits
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Journal, "put", spy)
            run_experiment(load_recipe(recipe(folder)), quiet=True, probe=False)
    finally:
        torch.set_num_threads(threads)
    return folder, computed


@pytest.mark.timeout(1200)
def test_nothing_is_computed_twice(undisturbed):
    folder, computed = undisturbed
    assert len(computed) == len(set(computed))
    assert set(computed) == set(entries(folder))
    work = json.loads((folder / "runs/exp/experiment/work.json").read_text())
    assert work["made"] == {
        "source": 1, "inject": 1, "verify": 1, "mix": 2, "untouched": 1, "train": 4, "evaluate": 4, "held_out": 4,
    }  # fmt: skip
    assert work["shared"] == {"source": 3, "inject": 3, "verify": 3, "mix": 2}
    kinds = list(entries(folder).values())
    results = read_results(folder / "runs/exp")
    models = 1 + len(results.arms) * len(results.seeds)
    assert kinds.count("evaluate") == models * sum(results.items.values())
    assert kinds.count("held_out") == models * 2
    assert kinds.count("reference") == len({row["id"] for row in pairs(folder, "mixed-0")})  # SFT asks no reference


def pairs(folder: Path, run: str) -> list[dict[str, str]]:
    lines = (folder / "runs/exp" / run / "mix/pairs.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_results_name_arms_seeds_and_claims(undisturbed):
    results = read_results(undisturbed[0] / "runs/exp")
    assert [(arm.name, arm.method, arm.is_baseline) for arm in results.arms] == [
        ("sft", "sft", True),
        ("mixed", "dpo", False),
    ]
    couples = {(row.base, row.arm) for row in results.effects}
    assert couples == {("untouched", "sft"), ("untouched", "mixed"), ("sft", "mixed")}
    assert {row.seeds for row in results.effects} == {2}
    assert [claim.judgement for claim in results.claims].count("not tested") >= 3
    text = format_results(results, width=100)
    assert all(len(line) <= 100 for line in text.splitlines())
    for claim in results.claims:
        assert claim.text in text
    assert "| arm |" in (undisturbed[0] / "runs/exp/experiment/results.md").read_text(encoding="utf-8")


def test_no_run_is_trained_on_a_held_out_row(undisturbed):
    folder = undisturbed[0]
    lines = (folder / "runs/exp/held_out/samples.jsonl").read_text(encoding="utf-8").splitlines()
    held = [json.loads(line) for line in lines]
    assert len(held) == 2
    for name in RUNS:
        trained = pairs(folder, name)
        assert trained
        for key in ("id", "prompt"):
            assert not {json.dumps(row[key]) for row in trained} & {json.dumps(row[key]) for row in held}


def test_a_finished_experiment_is_reused_and_its_plan_is_empty(undisturbed):
    folder = undisturbed[0]
    before = entries(folder)
    path = str(recipe(folder))
    planned = CliRunner().invoke(seapo, ["experiment", path, "--dry-run", "--json"], catch_exceptions=False)
    plan = json.loads(planned.stdout)
    assert (plan["runs"], plan["parts"], plan["held_out"]) == (4, [], 2)
    done = CliRunner().invoke(seapo, ["experiment", path, "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == json.loads((folder / "runs/exp/experiment/results.json").read_text())
    assert json.loads((folder / "runs/exp/experiment/work.json").read_text())["made"] == {}
    assert entries(folder) == before


@pytest.mark.parametrize(
    "setting", ["evaluate.limit=2", "evaluate.limits={truthfulqa_mc1: 2}", "evaluate.protocol=chat"]
)
def test_the_untouched_model_is_asked_anew_where_others_are_asked_otherwise(setting, undisturbed, data_dir):
    more = ("evaluate.tasks=[truthfulqa_mc1]", f"evaluate.data_dir={data_dir}")
    marks = [
        untouched_fingerprint(look(load_recipe(recipe(undisturbed[0]), (*more, *changed))))
        for changed in ((), (setting,))
    ]
    assert marks[0] != marks[1]


@pytest.mark.timeout(1200)
def test_a_killed_experiment_goes_on_with_two_processes_to_the_same_results(undisturbed, tmp_path):
    whole = undisturbed[0] / "runs"
    shutil.copytree(whole, tmp_path / "runs", symlinks=True)
    for name in ("mixed-0", "mixed-1"):  # the state before these two were trained
        for stage in ("train", "evaluate", "held_out"):
            shutil.rmtree(tmp_path / "runs/exp" / name / stage)
    shutil.rmtree(tmp_path / "runs/exp/experiment")
    before, path = entries(tmp_path), recipe(tmp_path)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLER, str(path)], capture_output=True, text=True, timeout=900, env=environment
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "runs/exp/mixed-0/train").exists()
    code = "from seapo.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "experiment", str(path), "--jobs", "2", "--quiet", "--json"],
        capture_output=True, text=True, timeout=900, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    work = json.loads((tmp_path / "runs/exp/experiment/work.json").read_text())
    assert work["made"] == {"train": 2, "evaluate": 2, "held_out": 2}
    assert work["reused"]["source"] == 4
    assert before.items() <= entries(tmp_path).items()
    assert entries(tmp_path) == before, "something was computed anew"
    results = "exp/experiment/results.json"
    assert (tmp_path / "runs" / results).read_bytes() == (whole / results).read_bytes()
