"""The stage as a whole: what it writes, what it learns, what it refuses, and that it leaves the model as it was."""

import json

import peft
import pytest
import torch

from seapo.errors import ModelError, TrainError
from seapo.model import load_adapter
from seapo.model.embedded import NAME
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.train import train
from seapo.train.examples import encode_pairs
from seapo.tree import Group, score

STEP = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
DPO = TrainSection(method="dpo", learning_rate=1e-2, num_train_epochs=5, lr_scheduler_type="constant", **STEP)
KTO = TrainSection(method="kto", learning_rate=1e-2, num_train_epochs=5, lr_scheduler_type="constant", **STEP)
METRICS = (
    "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected",
    "logps/chosen_change",
)  # fmt: skip


def state(model):
    return {name: (weight.clone(), weight.requires_grad) for name, weight in model.named_parameters()}


@pytest.mark.parametrize("settings", [DPO, KTO], ids=["dpo", "kto"])
def test_it_learns_and_writes_what_it_learnt(tiny, sums, tmp_path, settings, capsys):
    loaded = tiny()
    before, use_cache = state(loaded.model), loaded.model.config.use_cache
    summary = train(sums(6, negatives=2), settings, model=loaded, out_dir=tmp_path, seed=0)
    assert capsys.readouterr().out == ""
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 11))
    assert rows[-1]["epoch"] == 5
    assert {*METRICS, "loss", "grad_norm", "learning_rate"} <= rows[0].keys()
    assert {f"{name}/{kind}" for name in METRICS for kind in ("correctness", "logic", "hallucination")} <= rows[
        0
    ].keys()
    assert all("kl" in row for row in rows) == (settings.method == "kto")
    assert rows[0]["logps/chosen_change"] == 0.0
    assert rows[-1]["rewards/margins"] > 0.05
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert (summary.samples, summary.pairs, summary.steps, summary.set_aside) == (6, 12, 10, {})
    assert summary.final["rewards/accuracies"] > 0.7
    assert 0 < summary.tokens_computed < 0.6 * summary.tokens_padded
    assert {path.name for path in tmp_path.iterdir()} == {"adapter", "metrics.jsonl"}
    assert loaded.model.config.use_cache == use_cache
    after = state(loaded.model)
    assert after.keys() == before.keys()
    for name, (weight, requires_grad) in before.items():
        assert torch.equal(after[name][0], weight)
        assert after[name][1] == requires_grad


def test_the_adapter_loads_on_the_untouched_model(tiny, sums, tmp_path):
    summary = train(sums(6), DPO, model=tiny(), out_dir=tmp_path, seed=0)
    loaded = tiny()
    examples = encode_pairs(loaded.tokenizer, sums(6), max_length=512).examples
    groups = [Group(one.prompt, one.completions) for one in examples]

    def margin(model):
        with torch.no_grad():
            scores = torch.stack(score(model, groups))
        return (scores[:, 0] - scores[:, 1]).mean().item()

    before = margin(loaded.model)
    adapted = load_adapter(loaded.model, tmp_path / "adapter")
    assert isinstance(adapted, peft.PeftModel)
    assert not adapted.training
    assert DPO.beta * (margin(adapted) - before) > 0.5 * summary.final["rewards/margins"] > 0


def test_the_metrics_file_has_a_row_for_each_window(tiny, sums, tmp_path):
    settings = DPO.model_copy(update={"logging_steps": 4})
    train(sums(6), settings, model=tiny(), out_dir=tmp_path, seed=0)
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [4, 8]


def test_the_embedded_model_trains_and_its_adapter_names_its_origin(embedded, sums, tmp_path):
    model, tokenizer = embedded
    before = model.model.layers[0].mlp.up_proj.weight.clone()
    settings = DPO.model_copy(update={"num_train_epochs": 0.5})
    summary = train(sums(4), settings, model=LoadedModel(model, tokenizer, NAME, "f"), out_dir=tmp_path, seed=0)
    assert summary.model == "SmolLM2-135M-Instruct"
    assert summary.steps == 1
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert config["target_modules"] == sorted(config["target_modules"])
    assert not any("lm_head" in name or "embed" in name for name in config["target_modules"])
    card = (tmp_path / "adapter" / "README.md").read_text()
    assert "base_model: HuggingFaceTB/SmolLM2-135M-Instruct" in card
    assert "This is a research adapter" in card
    assert "4 samples, 4 pairs, by error type: correctness 2, hallucination 1, logic 1." in card
    assert (tmp_path / "adapter" / "chat_template.jinja").is_file()
    assert torch.equal(model.model.layers[0].mlp.up_proj.weight, before)


def test_what_was_set_aside_is_counted(tiny, sums, pair, tmp_path):
    pairs = [*sums(3), pair("same", "Who?", "Me.", "Me.")]
    summary = train(pairs, DPO, model=tiny(), out_dir=tmp_path, seed=0)
    assert summary.set_aside == {"chosen and rejected answer are the same tokens": 1}
    assert "Pairs set aside: 1 chosen and rejected answer are the same" in (tmp_path / "adapter/README.md").read_text()


def test_nothing_to_train_on_is_one_sentence(tiny, sums, tmp_path):
    with pytest.raises(TrainError, match="there is no pair to train on; run the stages before"):
        train([], DPO, model=tiny(), out_dir=tmp_path, seed=0)
    short = DPO.model_copy(update={"max_length": 20})
    expected = r"none of the 2 pairs can be trained on: 2 longer than train\.max_length, 20 tokens; raise"
    with pytest.raises(TrainError, match=expected):
        train(sums(2), short, model=tiny(), out_dir=tmp_path, seed=0)


def test_mistakes_in_the_settings_name_what_there_is(tiny, sums, tmp_path):
    with pytest.raises(TrainError, match=r"no learning rate schedule named 'cosin'.*Did you mean 'cosine'\? Known:"):
        train(sums(2), DPO.model_copy(update={"lr_scheduler_type": "cosin"}), model=tiny(), out_dir=tmp_path, seed=0)
    with pytest.raises(TrainError, match=r"train\.lora_target_modules \('qq',\) do not fit LlamaForCausalLM"):
        train(sums(2), DPO.model_copy(update={"lora_target_modules": ("qq",)}), model=tiny(), out_dir=tmp_path, seed=0)


def test_a_process_that_should_not_be_alone_says_so(tiny, sums, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainError, match="WORLD_SIZE says that 2 processes train together, but this one is alone"):
        train(sums(2), DPO, model=tiny(), out_dir=tmp_path, seed=0)


def test_a_loss_that_is_not_finite_stops_with_the_samples(tiny, sums, tmp_path):
    loaded = tiny()
    loaded.model.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(TrainError, match=r"the loss of step 1 is nan, in a step of the samples sum-\d, sum-\d; lower"):
        train(sums(2), DPO, model=loaded, out_dir=tmp_path, seed=0)


def test_a_gradient_that_is_not_finite_stops_with_the_samples(tiny, sums, tmp_path):
    loaded = tiny()
    loaded.model.model.layers[1].mlp.register_full_backward_hook(
        lambda module, given, received: tuple(part * float("inf") for part in given)
    )
    with pytest.raises(TrainError, match=r"the gradient of step 1 is (nan|inf), in a step of the samples sum-\d, sum"):
        train(sums(2), DPO, model=loaded, out_dir=tmp_path, seed=0)
    assert not (tmp_path / "adapter").exists()


def test_a_folder_without_an_adapter_is_refused(tiny, sums, tmp_path):
    with pytest.raises(ModelError, match="no adapter here"):
        load_adapter(tiny().model, tmp_path)


def test_an_adapter_of_another_model_is_refused(embedded, tiny, sums, tmp_path):
    train(sums(2), DPO.model_copy(update={"num_train_epochs": 1}), model=tiny(), out_dir=tmp_path, seed=0)
    other = tiny().model
    other.model.layers[0].self_attn.q_proj = torch.nn.Linear(32, 64, bias=False)
    with pytest.raises(ModelError, match="the adapter does not fit LlamaForCausalLM"):
        load_adapter(other, tmp_path / "adapter")
