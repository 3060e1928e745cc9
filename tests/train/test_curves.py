"""The curves: what TensorBoard gets, read back with its own reader, and equal to `metrics.jsonl`."""

import json

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
