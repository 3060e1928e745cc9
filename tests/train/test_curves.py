"""The curves: what the loggers get, read back with their own readers, and equal to `metrics.jsonl`."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from seapo.recipe import TrainSection
from seapo.train import train

KTO = TrainSection(
    method="kto", learning_rate=1e-2, num_train_epochs=2, per_device_train_batch_size=3, gradient_accumulation_steps=1
)
TYPES = ("correctness", "logic", "hallucination")
OF_EACH_TYPE = ("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen")


def promised():
    """Names that every logger gets of a KTO training, as TRL calls them, and per error type."""
    names = {"loss", "kl", "grad_norm", "learning_rate", "logps/rejected", "logps/chosen_change", *OF_EACH_TYPE}
    return names | {f"{name}/{kind}" for name in OF_EACH_TYPE for kind in TYPES}


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_tensorboards_own_reader_finds_every_promised_curve(tiny, sums, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = KTO.model_copy(update={"report_to": ("tensorboard",)})
    train(sums(6, negatives=3), settings, model=tiny(), out_dir=tmp_path, seed=0)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {f"train/{name}" for name in promised()} <= set(events.Tags()["scalars"])
    for name in promised():
        told = [(event.step, event.value) for event in events.Scalars(f"train/{name}")]
        kept = [(row["step"], row[name]) for row in rows(tmp_path) if name in row]
        assert [step for step, _ in told] == [step for step, _ in kept]
        assert [value for _, value in told] == pytest.approx([value for _, value in kept], rel=1e-5)


TRACK = """
import socket, sys
from pathlib import Path

def refuse(self, address):
    if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "localhost", "::1"):
        raise OSError(f"the network is not to be used: {address}")

socket.socket.connect = refuse
import importlib.util as u

spec = u.spec_from_file_location("conftest_train", sys.argv[1])
shared = u.module_from_spec(spec)
spec.loader.exec_module(shared)
from seapo.model import load_embedded
from seapo.recipe import TrainSection
from seapo.train import train

settings = TrainSection.model_validate_json(sys.argv[2])
build = shared.tiny_builder(load_embedded()[1])
train(shared.sum_pairs(6, negatives=3), settings, model=build(), out_dir=Path(sys.argv[3]), seed=0)
"""


def test_trackio_writes_the_same_here_without_a_network(tmp_path):
    pytest.importorskip("trackio")
    settings = KTO.model_copy(update={"report_to": ("trackio",)}).model_dump_json()
    conftest = str(Path(__file__).with_name("conftest.py"))
    subprocess.run(
        [sys.executable, "-c", TRACK, conftest, settings, str(tmp_path / "out")],
        env={**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "HF_HUB_OFFLINE": "1"},
        check=True,
        timeout=300,
    )
    (database,) = (tmp_path / "trackio").glob("seapo*.db")
    with sqlite3.connect(database) as connection:
        logged = [json.loads(text) for (text,) in connection.execute("SELECT metrics FROM metrics ORDER BY step")]
    logged = [row for row in logged if "train/loss" in row]
    assert {f"train/{name}" for name in promised()} <= set().union(*logged)
    kept = [row["loss"] for row in rows(tmp_path / "out")]
    assert [row["train/loss"] for row in logged] == pytest.approx(kept, rel=1e-5)
