"""`seapo train` on a run's folder: merged later, all weights evaluated, data of one's own, several processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seapo.cli import main
from seapo.evaluate import read_evaluation

SETTINGS = """
name: {name}
runs_dir: {folder}
data: {{limit: 3}}
model: {{name: {model}, dtype: float32}}
inject: {{candidates_per_type: 1}}
train:
  {{method: dpo, learning_rate: 1.0e-3, num_train_epochs: 1, per_device_train_batch_size: 1,
    gradient_accumulation_steps: 1, save_steps: 1}}
evaluate: {{limit: 1}}
"""
STAGES = ("source", "inject", "verify", "mix")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, tiny):
    """A run of a tiny model, from source to mix."""
    folder = tmp_path_factory.mktemp("runs")
    loaded = tiny()
    loaded.model.save_pretrained(folder / "tiny")
    loaded.tokenizer.save_pretrained(folder / "tiny")
    recipe = folder / "recipe.yaml"
    recipe.write_text(SETTINGS.format(name="mixed", folder=folder, model=folder / "tiny"))
    for stage in STAGES:
        main([stage, str(recipe), "-q"])
    return folder / "mixed"


@pytest.fixture
def run_dir(mixed, tmp_path):
    shutil.copytree(mixed, tmp_path / "run")
    return tmp_path / "run"


def trained_at(run_dir):
    """When the training wrote its metrics; a merge takes them over as they are."""
    return (run_dir / "train/metrics.jsonl").stat().st_mtime_ns


def test_merging_later_trains_nothing_again(run_dir):
    main(["train", str(run_dir)])
    trained = trained_at(run_dir)
    adapter = (run_dir / "train/adapter/adapter_model.safetensors").read_bytes()
    main(["train", str(run_dir), "--merge"])
    assert trained_at(run_dir) == trained
    assert (run_dir / "train/merged/model.safetensors").is_file()
    assert (run_dir / "train/adapter/adapter_model.safetensors").read_bytes() == adapter
    main(["train", str(run_dir), "train.merge=false"])
    assert trained_at(run_dir) == trained
    assert not (run_dir / "train/merged").exists()
    main(["train", str(run_dir), "--merge", "train.beta=0.3"])
    assert trained_at(run_dir) > trained  # other weights: trained, and merged at once
    assert (run_dir / "train/merged/model.safetensors").is_file()


def test_all_weights_are_what_is_evaluated(run_dir, capsys):
    main(["train", str(run_dir), "-q", "train.tuning=full"])
    assert not (run_dir / "train/adapter").exists()
    main(["evaluate", str(run_dir), "-q"])
    before, after = (
        [score.choice_logprobs_nats for score in read_evaluation(run_dir / "evaluate" / name).scores]
        for name in ("before", "after")
    )
    assert before != after
    capsys.readouterr()
    main(["evaluate", str(run_dir), "-q", "--json"])
    assert json.loads(capsys.readouterr().out)["summary"]["tasks"]


def test_benchmarks_of_a_data_folder_are_asked_before_and_after(run_dir, data_dir, capsys):
    pytest.importorskip("lm_eval", reason="needs the package lm-eval")
    main(["train", str(run_dir), "-q"])
    main(
        [
            "evaluate",
            str(run_dir),
            "-q",
            "--tasks",
            "truthfulness,mmlu_virology",
            "--data-dir",
            str(data_dir),
            "-L",
            "2",
        ]
    )
    assert {"truthfulness", "knowledge"} <= {line.split()[0] for line in capsys.readouterr().out.splitlines() if line}
    before, after = (read_evaluation(run_dir / "evaluate" / name) for name in ("before", "after"))
    assert [score.prompt_hash for score in before.scores] == [score.prompt_hash for score in after.scores]
    assert [(score.task, score.id) for score in before.scores] == [(score.task, score.id) for score in after.scores]
    assert before.results.model_fingerprint != after.results.model_fingerprint
    assert after.results.model.endswith(" after dpo")
    main(["compare", f"{run_dir}:before", str(run_dir), "--json"])
    assert {row["name"] for row in json.loads(capsys.readouterr().out)["comparisons"][0]["rows"]} >= {"mmlu"}


def test_ones_own_preferences_need_no_stage_before(tmp_path, mixed, capsys):
    rows = [
        {"prompt": f"What is {n} plus 1?", "chosen": f"It is {n + 1}.", "rejected": f"It is {n + 2}."} for n in range(4)
    ]
    data = tmp_path / "mine.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(SETTINGS.format(name="own", folder=tmp_path, model=mixed.parent / "tiny"))
    main(["train", str(recipe), "-q", f"train.data_path={data}", "--json"])
    assert json.loads(capsys.readouterr().out)["summary"]["pairs"] == 4
    data.write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    main(["train", str(tmp_path / "own"), "-q", "--json"])  # the data changed, so this is another training
    assert json.loads(capsys.readouterr().out)["summary"]["pairs"] == 3


def launch(*arguments):
    command = [str(Path(sys.executable).parent / "accelerate"), "launch", "--multi_gpu", "--num_processes", "2"]
    rest = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    return subprocess.run(
        [*command, *rest, "-m", "seapo", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_accelerate_starts_two_processes_of_which_one_writes_and_speaks(run_dir, capsys):
    done = launch("train", str(run_dir))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Training: dpo") == 1
    summary = json.loads((run_dir / "train/summary.json").read_text())
    assert (summary["processes"], summary["steps"]) == (2, -(-summary["samples"] // 2))
    assert done.stderr.count("train: done") == 1
    main(["train", str(run_dir), "--dry-run"])
    assert capsys.readouterr().out == "train: reuse\n"


def test_several_processes_can_only_train(mixed, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit):
        main(["evaluate", str(mixed)])
    assert "2 processes were started, and together they can only train" in capsys.readouterr().err
