"""The scripts of the TRL exports, run as they are: real trainers take a step of the embedded model."""

import json
import math
import runpy
import sys

import pytest

from seapo.export import export_run
from seapo.model.embedded import HUB_ID
from seapo.model.load import embedded_folder

PAIRS = 2
pytestmark = pytest.mark.filterwarnings("ignore")


def shortest(path, count):
    """Leave the file's shortest pairs alone, so that a step takes seconds."""
    rows = sorted(path.read_text(encoding="utf-8").splitlines(), key=len)
    path.write_text("".join(f"{row}\n" for row in rows[:count]), encoding="utf-8")


def run_script(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(script), str(embedded_folder())])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return runpy.run_path(str(script), run_name="__main__")["trainer"]


@pytest.mark.parametrize(("target", "script", "rows"), [("trl-dpo", "train_dpo.py", 2), ("trl-kto", "train_kto.py", 4)])
def test_the_script_trains_with_trl(target, script, rows, run_dir, tmp_path, monkeypatch):
    shortest(run_dir / "mix" / "pairs.jsonl", PAIRS)
    exported = export_run(run_dir, target, tmp_path / "out")
    assert HUB_ID in (exported.folder / script).read_text(encoding="utf-8")
    trainer = run_script(exported.folder / script, monkeypatch)
    assert trainer.state.global_step == 1
    assert len(trainer.train_dataset) == rows == exported.mark.rows
    assert math.isfinite(trainer.state.log_history[-1]["train_loss"])
    assert (exported.folder / "trained" / "adapter_model.safetensors").is_file()
    if target == "trl-kto":
        assert_no_sibling_in_the_divergence(trainer, exported.folder)


def assert_no_sibling_in_the_divergence(trainer, folder):
    """The tokens that TRL puts behind a prompt to estimate the divergence are those of another prompt's answer."""
    given = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    own = {}
    for row in given:
        own.setdefault(row["prompt"][-1]["content"], []).append(row["completion"][0]["content"])
    for row, tokens in zip(given, trainer.train_dataset["KL_completion_ids"], strict=True):
        text = trainer.processing_class.decode(tokens)
        assert not any(text.startswith(answer) for answer in own[row["prompt"][-1]["content"]])
