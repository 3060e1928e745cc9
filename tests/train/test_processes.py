"""Real processes that train together over gloo: the loss curve and the weights of one process with a step as large."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from seapo.errors import TrainError
from seapo.journal import Journal
from seapo.recipe import TrainSection
from seapo.train import processes, train
from seapo.train.conditions import check_conditions

WORKER = Path(__file__).parent / "processes_worker.py"
SETTINGS = {
    "method": "dpo", "learning_rate": 1e-2, "num_train_epochs": 2, "lr_scheduler_type": "constant",
    "per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "save_steps": 1,
}  # fmt: skip
FULL = SETTINGS | {"tuning": "full", "learning_rate": 1e-3}
KTO = SETTINGS | {"method": "kto"}
SHARDED = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
}  # fmt: skip
# 7 samples, 4 a step: in the last step of an epoch one process has fewer samples than the other; with 5, none at all.
CASES = {
    "adapter": {"settings": SETTINGS},
    "kto": {"settings": KTO, "samples": 5},
    "drawn anew": {"settings": KTO, "samples": 5, "drawn_anew": True},
    "all weights": {"settings": FULL},
    "resumed": {"settings": SETTINGS, "die_at": 3},
}
AGAIN = {"resumed": {"settings": SETTINGS}}


@pytest.fixture(scope="module", params=["replicated", "sharded"])
def together(request, tmp_path_factory, start_together):
    """Folder of what two processes wrote, of every case."""
    folder = tmp_path_factory.mktemp(request.param)
    extra = SHARDED if request.param == "sharded" else {}
    start_together([str(WORKER), str(folder), json.dumps(CASES), json.dumps(AGAIN)], extra)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory, tiny, sums, anew):
    """What one process writes, with twice the samples a step."""
    done = {}

    def run(name):
        if name not in done:
            case = CASES[name]
            folder = tmp_path_factory.mktemp("alone")
            settings = TrainSection(**case["settings"] | {"gradient_accumulation_steps": 4})
            pairs = sums(case.get("samples", 7), negatives=2)
            pairs = anew(pairs) if case.get("drawn_anew") else pairs
            done[name] = (train(pairs, settings, model=tiny(), out_dir=folder, seed=0), folder)
        return done[name]

    return run


def curve(folder, metric="loss"):
    return [json.loads(line)[metric] for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("name", "file"), [
    ("adapter", "adapter/adapter_model.safetensors"), ("kto", "adapter/adapter_model.safetensors"),
    ("drawn anew", "adapter/adapter_model.safetensors"),
    ("all weights", "model/model.safetensors"), ("resumed", "adapter/adapter_model.safetensors"),
])  # fmt: skip
def test_two_processes_train_as_one_does(together, alone, name, file):
    summary, expected = alone("adapter" if name == "resumed" else name)
    found = together / name
    assert curve(found) == pytest.approx(curve(expected), abs=1e-5)
    assert curve(found, "rewards/margins") == pytest.approx(curve(expected, "rewards/margins"), abs=1e-4)
    assert curve(found, "grad_norm") == pytest.approx(curve(expected, "grad_norm"), rel=1e-3)
    weights, others = safetensors.torch.load_file(found / file), safetensors.torch.load_file(expected / file)
    assert weights.keys() == others.keys()
    for key, weight in weights.items():
        torch.testing.assert_close(weight, others[key], atol=1e-5, rtol=0)
    told = json.loads((found / "summary.json").read_text())
    assert told["processes"] == 2
    assert (told["steps"], told["tokens_computed"]) == (summary.steps, summary.tokens_computed)


def test_the_processes_share_out_the_reference_pass(together):
    with Journal(together / "kto.sqlite") as journal:
        assert journal.counts() == {"reference": 10}


def test_a_half_of_the_samples_would_be_seen(alone, tiny, sums, tmp_path):
    """The comparison above can fail: one process's share alone is another curve."""
    train(sums(7, negatives=2), TrainSection(**SETTINGS), model=tiny(), out_dir=tmp_path, seed=0)
    assert curve(tmp_path)[:4] != pytest.approx(curve(alone("adapter")[1]), abs=1e-3)


def test_shares_put_together_are_whole(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(processes.share(range(8)))
    assert sorted(one for share in shares for one in share) == list(range(8))
    monkeypatch.setattr(processes, "exchange", lambda value: shares)
    assert processes.pool(shares[0]) == list(range(8))


def test_only_the_second_kind_of_fsdp_is_taken(monkeypatch):
    for name, value in {**SHARDED, "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    check_conditions(TrainSection())
    with pytest.raises(TrainError, match=r"train\.merge needs the model in one piece.*seapo train RUN --merge"):
        check_conditions(TrainSection(merge=True))
    monkeypatch.setenv("FSDP_VERSION", "1")
    with pytest.raises(TrainError, match="set fsdp_version: 2"):
        check_conditions(TrainSection())
