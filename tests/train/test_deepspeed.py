"""Real processes that train together through DeepSpeed's engine, against one process with a step as large."""

import json
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from seapo.errors import DataError, TrainError
from seapo.recipe import TrainSection
from seapo.train import train, zero
from seapo.train.conditions import check_conditions

WORKER = Path(__file__).parent / "processes_worker.py"
# The gradient is clipped in every step, and the learning rate is another one in each.
STEP = 3e-3
DPO = {
    "method": "dpo", "learning_rate": STEP, "num_train_epochs": 2, "lr_scheduler_type": "cosine", "warmup_steps": 1,
    "max_grad_norm": 0.2, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "save_steps": 1,
}  # fmt: skip
KTO = DPO | {"method": "kto"}
FULL = DPO | {"tuning": "full", "learning_rate": 1e-3, "weight_decay": 0.1}
ADAPTER, MODEL = "adapter/adapter_model.safetensors", "model/model.safetensors"
# As in test_processes.py, one process has fewer samples than the other in some steps, or none at all (5 samples).
TRAININGS = {"dpo": (DPO, 7), "kto": (KTO, 5), "all weights": (FULL, 7)}
LAUNCHED = {"ACCELERATE_USE_CPU": "false", "ACCELERATE_USE_DEEPSPEED": "true"}
BY_HAND = {
    "train_batch_size": "auto", "train_micro_batch_size_per_gpu": "auto", "gradient_accumulation_steps": 2,
    "gradient_clipping": "auto", "bf16": {"enabled": "auto"}, "optimizer": {"type": "AdamW", "params": {"lr": "auto"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def together(tmp_path_factory, start_together):
    """Folder of what two processes wrote, of every case; and what the first one printed."""
    folder = tmp_path_factory.mktemp("deepspeed")

    def zero(stage, settings):
        path = folder / f"zero-{stage}.json"
        path.write_text(json.dumps(BY_HAND | {"zero_optimization": {"stage": stage, "reduce_bucket_size": "auto"}}))
        return settings | {"deepspeed": str(path)}

    cases = {
        "dpo, stage 0": {"settings": zero(0, DPO)},
        "dpo, stage 1": {"settings": zero(1, DPO)},
        "all weights, stage 2": {"settings": zero(2, FULL)},
        "kto, by options": {"settings": KTO, "samples": 5},
        "dpo, resumed": {"settings": zero(2, DPO), "die_at": 3},
    }
    again = {"dpo, resumed": {"settings": zero(2, DPO)}}
    stage = {"ACCELERATE_DEEPSPEED_ZERO_STAGE": "1"}
    printed = start_together([str(WORKER), str(folder), json.dumps(cases), json.dumps(again)], LAUNCHED | stage)
    return folder, printed[0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, tiny, sums):
    """Training -> folder of what one process writes, with twice the samples a step."""
    folders = {}
    for name, (settings, samples) in TRAININGS.items():
        folders[name] = tmp_path_factory.mktemp("alone")
        whole = TrainSection(**settings | {"gradient_accumulation_steps": 4})
        train(sums(samples, negatives=2), whole, model=tiny(), out_dir=folders[name], seed=0)
    return folders


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("case", "file"), [
    ("dpo, stage 0", ADAPTER), ("dpo, stage 1", ADAPTER), ("all weights, stage 2", MODEL),
    ("kto, by options", ADAPTER), ("dpo, resumed", ADAPTER),
])  # fmt: skip
def test_deepspeed_trains_as_one_process_does(together, alone, case, file):
    found, expected = together[0] / case, alone[case.split(",")[0]]
    for metric, tolerance in {"loss": 1e-5, "learning_rate": 1e-9, "grad_norm": 1e-4, "rewards/margins": 1e-4}.items():
        told = [row[metric] for row in rows(expected)]
        assert [row[metric] for row in rows(found)] == pytest.approx(told, abs=tolerance)
    assert min(row["grad_norm"] for row in rows(found)) > 0.2
    weights, others = safetensors.torch.load_file(found / file), safetensors.torch.load_file(expected / file)
    assert weights.keys() == others.keys()
    apart = torch.cat([(weight - others[key]).abs().flatten() for key, weight in weights.items()])
    # Adam divides a gradient by its own size: where it is nearly nothing, how a sum was rounded shows in the weight.
    assert apart.quantile(0.999) < 1e-5
    assert apart.max() < STEP / 30


def test_a_killed_training_goes_on_from_the_engines_checkpoint(together):
    assert "killed dpo, resumed" in together[1]
    assert "dpo, resumed: steps 2 to 3" in together[1]


def test_what_a_checkpoint_of_the_engine_holds_runs_no_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path(tmp_path / "sprung").touch, ())

    (tmp_path / "states.pt").write_bytes(pickle.dumps(Trap(), protocol=2))
    torch.save({"module": Trap()}, tmp_path / "model.pt")
    for name in ("states.pt", "model.pt"):
        with zero.plain_checkpoints(), pytest.raises(pickle.UnpicklingError):
            torch.load(tmp_path / name, weights_only=False)
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "model.pt", weights_only=False)
    assert (tmp_path / "sprung").exists()


def test_the_engine_is_given_the_gradient_as_it_is():
    model = torch.nn.Linear(3, 2)
    model.config = None
    model.bias.requires_grad_(False)
    gradient = torch.randn(2, 3)
    zero.Weights(model)([gradient]).backward()
    torch.testing.assert_close(model.weight.grad, gradient, rtol=0, atol=0)
    assert model.bias.grad is None


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Check a DeepSpeed configuration in one of two processes."""
    for name, value in {**LAUNCHED, "WORLD_SIZE": "2", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)

    def check(config, **settings):
        path = tmp_path / "ds.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        chosen = TrainSection(deepspeed=str(path), **settings)
        check_conditions(chosen)
        return zero.configuration(chosen)

    return check


def test_what_is_auto_or_agrees_is_taken(configured):
    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8, "max_grad_norm": 0.5}
    zero = {"stage": 2, "overlap_comm": False}
    agreeing = {"train_batch_size": 32, "train_micro_batch_size_per_gpu": 2, "gradient_clipping": 0.5}
    taken = configured(agreeing | {"zero_optimization": zero, "fp16": {"enabled": "auto", "loss_scale": 0}}, **settings)
    assert taken["zero_optimization"] == zero
    assert taken["train_batch_size"] == taken["gradient_clipping"] == "auto"
    assert taken["fp16"] == taken["bf16"] == {"enabled": False}
    assert configured({})["zero_optimization"] == {"stage": 0}


@pytest.mark.parametrize(("config", "message"), [
    ([1], r"ds\.json is no DeepSpeed configuration, which is a JSON object"),
    ({"zero_optimization": {"stage": 3}}, "ZeRO stage 3 shards the weights themselves.* accelerate launch --use_fsdp"),
    ({"zero_optimization": {"stage": "two"}}, "stage is 'two'; known are 0, 1 and 2"),
    ({"zero_optimization": 2}, "zero_optimization.stage is None; known are 0, 1 and 2"),
    ({"train_batch_size": 64}, 'train_batch_size: 64 where the recipe makes it 32; write "auto" there'),
    ({"fp16": {"enabled": True}}, "fp16.enabled: True where the recipe makes it False"),
    ({"optimizer": {"type": "Lamb"}}, "optimizer.type: 'Lamb' where the recipe makes it 'AdamW'"),
    ({"optimizer": {"type": "AdamW", "params": {"freeze_step": 3}}}, "optimizer.params.freeze_step would have no effe"),
    ({"scheduler": {"type": "WarmupLR"}}, "scheduler.type would have no effect.*; leave it out"),
])  # fmt: skip
def test_a_configuration_that_cannot_hold_is_refused_with_what_to_do(configured, config, message):
    with pytest.raises(TrainError, match=message):
        configured(config)


def test_what_is_no_json_is_refused(configured):
    with pytest.raises(DataError, match=r"ds\.json: cannot be read as JSON"):
        configured("stage: 2")
    with pytest.raises(DataError, match=r"none\.json: cannot be read as JSON"):
        check_conditions(TrainSection(deepspeed="none.json"))


def test_deepspeed_asks_for_processes_of_its_own(configured, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(TrainError, match="FSDP and DeepSpeed are both asked for"):
        configured({})
    monkeypatch.delenv("ACCELERATE_USE_FSDP")
    alone = "accelerate launch --use_deepspeed --num_processes 1 -m seapo train RUN"
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with pytest.raises(TrainError, match=alone):
        configured({})
    monkeypatch.delenv("ACCELERATE_USE_CPU")
    monkeypatch.delenv("LOCAL_RANK")
    with pytest.raises(TrainError, match=alone):
        configured({})


def test_the_options_of_accelerate_launch_are_checked_too(configured, monkeypatch):
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3")
    with pytest.raises(TrainError, match="ZeRO stage 3"):
        check_conditions(TrainSection())
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "1")
    monkeypatch.setenv("ACCELERATE_GRADIENT_CLIPPING", "0.7")
    with pytest.raises(TrainError, match=r"accelerate launch says gradient_clipping: 0\.7 where the recipe makes it 1"):
        check_conditions(TrainSection())
    check_conditions(TrainSection(max_grad_norm=0.7))
