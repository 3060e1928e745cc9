"""Resume: a training that was killed anywhere ends with the very files of one that was not."""

import functools
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.train.conftest import KilledError, dying_at

from seapo.journal import Journal
from seapo.recipe import TrainSection
from seapo.train import train
from seapo.train.checkpoints import PARTS, Checkpoints

SETTINGS = TrainSection(
    method="kto", learning_rate=1e-2, num_train_epochs=2, per_device_train_batch_size=2, gradient_accumulation_steps=1,
    save_steps=2, lora_dropout=0.1, logging_steps=2,
)  # fmt: skip
FULL = SETTINGS.model_copy(update={"tuning": "full", "learning_rate": 1e-3})
STEPS = 6
FILES = ["rng_state.pth", *(names[0] for names in PARTS)]


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(folder, tiny, sums, dtype=torch.float32, settings=SETTINGS, **options):
    folder.mkdir(exist_ok=True)
    return train(sums(5), settings, model=tiny(dtype), out_dir=folder, seed=0, **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tiny, sums):
    @functools.cache
    def complete(dtype=torch.float32, settings=SETTINGS):
        folder = tmp_path_factory.mktemp("undisturbed")
        summary = run(folder, tiny, sums, dtype, settings)
        assert summary.steps == STEPS
        return summary, files(folder)

    return complete


@pytest.mark.parametrize(("step", "dtype"), [(1, torch.float32), (5, torch.float32), (3, torch.bfloat16)])
def test_a_raised_kill_changes_nothing(tmp_path, tiny, sums, undisturbed, step, dtype):
    summary, expected = undisturbed(dtype)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", tiny, sums, dtype, progress=dying_at(step))
    assert run(tmp_path / "killed", tiny, sums, dtype) == summary
    assert files(tmp_path / "killed") == expected
    assert set(expected) >= {"metrics.jsonl", "adapter/adapter_model.safetensors", "adapter/README.md"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_weights_trained_resume_as_exactly(tmp_path, tiny, sums, undisturbed, dtype):
    """The checkpoints hold float32 weights, though what is handed on is in the number type that the model came in."""
    summary, expected = undisturbed(dtype, FULL)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", tiny, sums, dtype, FULL, progress=dying_at(3))
    assert run(tmp_path / "killed", tiny, sums, dtype, FULL) == summary
    assert files(tmp_path / "killed") == expected
    assert {"model/model.safetensors", "model/chat_template.jinja", "model/README.md"} <= set(expected)


def test_a_kill_after_the_last_step_trains_nothing_again(tmp_path, tiny, sums, undisturbed, monkeypatch):
    summary, expected = undisturbed()

    def die(folder):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(tiny().tokenizer, "save_pretrained", die)
        with pytest.raises(KilledError):
            run(tmp_path / "killed", tiny, sums)
    assert not (tmp_path / "killed" / "adapter").exists()
    assert run(tmp_path / "killed", tiny, sums, progress=dying_at(0)) == summary
    assert files(tmp_path / "killed") == expected


def test_the_second_call_goes_on_where_the_first_stopped(tmp_path, tiny, sums):
    seen = []

    def counting(description):
        def walk(items):
            for item in items:
                seen.append((description, item))
                yield item

        return walk

    with pytest.raises(KilledError):
        run(tmp_path / "killed", tiny, sums, progress=dying_at(5))
    run(tmp_path / "killed", tiny, sums, progress=counting)
    assert [item for description, item in seen if description == "train"] == [4, 5]


def test_other_settings_never_go_on_from_a_checkpoint(tmp_path, tiny, sums):
    with pytest.raises(KilledError):
        run(tmp_path / "killed", tiny, sums, progress=dying_at(5))
    other = SETTINGS.model_copy(update={"beta": 0.5})
    train(sums(5), other, model=tiny(), out_dir=tmp_path / "killed", seed=0)
    train(sums(5), other, model=tiny(), out_dir=(tmp_path / "fresh"), seed=0)
    assert files(tmp_path / "killed") == files(tmp_path / "fresh")


def test_kill_9_while_a_checkpoint_is_written_changes_nothing(tmp_path, tiny, sums, undisturbed):
    """The child dies with half of its second checkpoint on disk: weights and optimiser, but not the rest."""
    summary, expected = undisturbed()
    code = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import conftest, test_train_resume, transformers
from seapo.journal import Journal
from seapo.model import load_embedded

def die(trainer, folder):
    if trainer.state.global_step == 4:
        os.kill(os.getpid(), signal.SIGKILL)

transformers.Trainer._save_rng_state, real = (
    lambda trainer, folder: (die(trainer, folder), real(trainer, folder)), transformers.Trainer._save_rng_state
)
folder = Path({str(tmp_path / "killed")!r})
folder.mkdir()
with Journal(folder.parent / "journal.sqlite") as journal:
    test_train_resume.run(folder, conftest.tiny_builder(load_embedded()[1]), conftest.sum_pairs, journal=journal)
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert child.returncode == -signal.SIGKILL, child.stderr
    (plan,) = (tmp_path / "killed" / "checkpoints").iterdir()
    assert (plan / "checkpoint-2").is_dir()
    half = {path.name for path in (plan / ".new" / "checkpoint-4").iterdir()}
    assert "optimizer.pt" in half
    assert "trainer_state.json" not in half
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.counts() == {"reference": 10}  # five samples, and as many prompts with an answer of another one
        assert run(tmp_path / "killed", tiny, sums, journal=journal) == summary
    assert files(tmp_path / "killed") == expected


def test_only_complete_checkpoints_count(tmp_path):
    checkpoints = Checkpoints(tmp_path, "plan")
    checkpoints.open()
    assert checkpoints.newest() is None
    for step in (2, 10):
        folder = checkpoints.staging / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        for name in FILES:
            (folder / name).touch()
        checkpoints.put_in_place(step)
    assert checkpoints.newest() == tmp_path / "plan" / "checkpoint-10"
    assert not (tmp_path / "plan" / "checkpoint-2").exists()
    half = tmp_path / "plan" / "checkpoint-12"
    half.mkdir()
    (half / "optimizer.pt").touch()
    assert checkpoints.newest() == tmp_path / "plan" / "checkpoint-10"


def test_checkpoints_of_another_plan_and_half_written_ones_are_removed(tmp_path):
    for name in ("old/checkpoint-2", "plan/.new/checkpoint-4", "plan/checkpoint-2"):
        (tmp_path / name).mkdir(parents=True)
    Checkpoints(tmp_path, "plan").open()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["checkpoint-2", "plan"]
