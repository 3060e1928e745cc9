"""The options of training: what is tuned, which reference, what is saved, shown and reported, and what is refused."""

import json
import sys

import pytest
import safetensors.torch
import torch
import transformers

from seapo.errors import TrainError
from seapo.journal import Journal
from seapo.model import load_adapter
from seapo.progress import Bar, ProgressFile
from seapo.recipe import TrainSection
from seapo.train import train
from seapo.train.examples import encode_pairs
from seapo.train.metrics import FALL_NATS
from seapo.train.saving import merge_saved
from seapo.train.watch import FIRST_STEPS, Watch
from seapo.tree import Group, score

DPO = TrainSection(
    method="dpo", learning_rate=1e-2, num_train_epochs=2, lr_scheduler_type="constant", per_device_train_batch_size=2,
    gradient_accumulation_steps=1,
)  # fmt: skip
KTO = DPO.model_copy(update={"method": "kto"})


def changed(settings, **values):
    return settings.model_copy(update=values)


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def logits(model, loaded, pairs):
    groups = [
        Group(one.prompt, one.completions) for one in encode_pairs(loaded.tokenizer, pairs, max_length=512).examples
    ]
    with torch.no_grad():
        return model(torch.tensor([groups[0].prompt])).logits


@pytest.fixture(scope="module")
def plain(tiny, sums, tmp_path_factory):
    """A finished training with the plain settings."""
    folder = tmp_path_factory.mktemp("plain")
    return train(sums(4), DPO, model=tiny(), out_dir=folder, seed=0), folder


@pytest.mark.parametrize("options", [{"use_dora": True}, {"use_rslora": True}, {"lora_r": 4, "lora_alpha": 4}])
def test_the_adapter_is_of_the_asked_kind(tiny, sums, tmp_path, plain, options):
    train(sums(4), changed(DPO, **options), model=tiny(), out_dir=tmp_path, seed=0)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["use_dora"] == options.get("use_dora", False)
    assert config["use_rslora"] == options.get("use_rslora", False)
    assert (config["r"], config["lora_alpha"]) == (options.get("lora_r", 8), options.get("lora_alpha", 16))
    assert rows(tmp_path)[0]["loss"] == pytest.approx(rows(plain[1])[0]["loss"], abs=1e-6)
    assert rows(tmp_path)[-1]["loss"] != rows(plain[1])[-1]["loss"]
    load_adapter(tiny().model, tmp_path / "adapter")


def test_gradient_checkpointing_changes_nothing_but_memory(tiny, sums, tmp_path, plain):
    loaded = tiny()
    train(sums(4), changed(DPO, gradient_checkpointing=True), model=loaded, out_dir=tmp_path, seed=0)
    assert [row["loss"] for row in rows(tmp_path)] == pytest.approx([row["loss"] for row in rows(plain[1])], abs=1e-5)
    assert not loaded.model.is_gradient_checkpointing
    name = "adapter/adapter_model.safetensors"
    found, expected = (safetensors.torch.load_file(folder / name) for folder in (tmp_path, plain[1]))
    for key, weight in found.items():
        torch.testing.assert_close(weight, expected[key], atol=1e-5, rtol=1e-3)


def test_all_weights_are_trained_and_saved_in_the_models_own_number_type(tiny, sums, tmp_path):
    settings = changed(DPO, tuning="full", learning_rate=1e-3)
    loaded = tiny(torch.bfloat16)
    before = loaded.model.model.embed_tokens.weight.clone()
    summary = train(sums(4), settings, model=loaded, out_dir=tmp_path, seed=0)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "metrics.jsonl"}
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert model.dtype == torch.bfloat16
    assert summary.trainable_parameters == sum(weight.numel() for weight in model.parameters())
    assert summary.tuning == "full"
    assert not torch.equal(model.model.embed_tokens.weight, before)
    assert rows(tmp_path)[-1]["loss"] < rows(tmp_path)[0]["loss"]
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "model").chat_template
    card = (tmp_path / "model" / "README.md").read_text()
    assert "library_name: transformers" in card
    assert 'from_pretrained("model")' in card


def test_the_merged_model_is_the_adapter_on_the_model(tiny, sums, tmp_path, plain):
    loaded, pairs = tiny(), sums(4)
    train(pairs, changed(DPO, merge=True), model=loaded, out_dir=tmp_path, seed=0)
    merged = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert tokenizer.chat_template == loaded.tokenizer.chat_template
    untouched = logits(loaded.model, loaded, pairs)
    adapted = logits(load_adapter(loaded.model, tmp_path / "adapter"), loaded, pairs)
    torch.testing.assert_close(logits(merged, loaded, pairs), adapted, atol=1e-4, rtol=0)
    assert (adapted - untouched).abs().max() > 0.01
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert not suffixes & {".bin", ".pt", ".pth", ".pkl"}
    weights = safetensors.torch.load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    expected = safetensors.torch.load_file(plain[1] / "adapter" / "adapter_model.safetensors")
    assert all(torch.equal(weights[key], expected[key]) for key in expected)
    # Merging later gives the same files.
    written = {path.name: path.read_bytes() for path in (tmp_path / "merged").iterdir()}
    merge_saved(tiny(), tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "merged").iterdir()} == written
    assert "# tiny with a LoRA adapter merged in" in written["README.md"].decode()


def test_another_model_is_the_reference(tiny, sums, tmp_path, plain):
    """The rewards are measured from it; under its own name, the model itself gives what no reference gives."""
    other = tiny()
    other.model.save_pretrained(tmp_path / "same")
    other.tokenizer.save_pretrained(tmp_path / "same")
    with torch.no_grad():
        for weight in other.model.parameters():
            weight.mul_(1.1)
    other.model.save_pretrained(tmp_path / "other")
    other.tokenizer.save_pretrained(tmp_path / "other")
    found = {}
    for name in ("same", "other"):
        settings = changed(DPO, reference=str(tmp_path / name))
        train(sums(4), settings, model=tiny(), out_dir=tmp_path / f"out-{name}", seed=0)
        found[name] = [row["loss"] for row in rows(tmp_path / f"out-{name}")]
    assert found["same"] == pytest.approx([row["loss"] for row in rows(plain[1])], abs=1e-6)
    assert found["other"][0] != pytest.approx(found["same"][0], abs=1e-3)


def test_a_reference_with_other_tokens_is_refused(tiny, sums, tmp_path):
    other = tiny()
    tokenizer = transformers.AutoTokenizer.from_pretrained(other.tokenizer.name_or_path)
    tokenizer.add_tokens(["<new>"])
    other.model.save_pretrained(tmp_path / "other")
    tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(TrainError, match=r"train\.reference '.*other' has other tokens than tiny"):
        train(sums(2), changed(DPO, reference=str(tmp_path / "other")), model=tiny(), out_dir=tmp_path, seed=0)


def test_the_reference_is_asked_once_for_all_epochs_calls_and_recipes(tiny, sums, tmp_path):
    def count(settings, model=None, pairs=None):
        with Journal(tmp_path / "journal.sqlite") as journal:
            train(pairs or sums(4), settings, model=model or tiny(), out_dir=tmp_path, seed=0, journal=journal)
            return journal.counts()["reference"]

    assert count(DPO) == 4
    assert count(changed(DPO, beta=0.3, num_train_epochs=3, method="ipo")) == 4
    assert count(KTO) == 8  # and for each prompt an answer of another one
    assert count(changed(KTO, kl="none", lora_r=4)) == 8
    assert count(changed(DPO, method="simpo")) == 8
    assert count(DPO, pairs=sums(5)) == 9  # one sample is new
    assert count(DPO, model=tiny(torch.bfloat16)) == 13  # other numbers
    other = tiny()
    assert count(DPO, model=type(other)(other.model, other.tokenizer, other.name, "another fingerprint")) == 17


def test_methods_without_a_reference_never_ask_for_one(tiny, sums, tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        train(sums(2), changed(DPO, method="orpo"), model=tiny(), out_dir=tmp_path, seed=0, journal=journal)
        assert journal.counts() == {}


def test_label_weights_follow_from_all_samples_and_are_told(tiny, sums, tmp_path):
    summary = train(sums(4, negatives=3), KTO, model=tiny(), out_dir=tmp_path, seed=0)
    assert summary.label_weights == (3.0, 1.0)
    assert train(sums(2), DPO, model=tiny(), out_dir=tmp_path / "dpo", seed=0).label_weights is None


def test_the_bar_shows_loss_accuracy_and_margin(tiny, sums, tmp_path):
    bars = []

    def progress(description):
        return lambda items: bars.append(Bar(items, description, ProgressFile(tmp_path), is_shown=False)) or bars[-1]

    train(sums(4), DPO, model=tiny(), out_dir=tmp_path, seed=0, progress=progress)
    step = bars[-1].step()
    assert (step.name, step.done, step.total) == ("train", 4, 4)
    assert step.figures == pytest.approx(
        {
            name: rows(tmp_path)[-1][key]
            for name, key in (("loss", "loss"), ("accuracy", "rewards/accuracies"), ("margin", "rewards/margins"))
        }
    )


def test_warnings_come_while_the_training_goes_on():
    said = []
    watch = Watch(said.append, steps=300)
    steps = []
    for number in range(1, 40):
        steps.append({"logps/chosen_change": -number / 2, "rewards/accuracies": 1.0 if number > 20 else 0.5})
        watch.look(steps)
        if number == FIRST_STEPS - 1:
            assert said == []
        if number == 20:
            assert len(said) == 1
            assert f"a loss of more than {-FALL_NATS:.0f} is reported" in said[0]
    assert len(said) == 2  # each once
    assert "in over 95% of the pairs by step 23 of 300" in said[1]


def test_a_training_that_gives_no_reason_is_not_warned_of():
    said = []
    watch = Watch(said.append, steps=30)
    steps = [{"logps/chosen_change": -1.0, "rewards/accuracies": 0.8}] * 30
    for number in range(1, 31):
        watch.look(steps[:number])
    assert said == []


def test_what_is_asked_of_a_missing_package_names_the_command(tiny, sums, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("tensorboard", "wandb", "trackio"):
        with pytest.raises(TrainError, match=f"names {name}, which is not installed; run: pip install {name}"):
            train(sums(2), changed(DPO, report_to=(name,)), model=tiny(), out_dir=tmp_path, seed=0)
    config = tmp_path / "ds.json"
    config.write_text("{}")
    with pytest.raises(TrainError, match="not installed; run: pip install deepspeed"):
        train(sums(2), changed(DPO, deepspeed=str(config)), model=tiny(), out_dir=tmp_path, seed=0)


def test_tensorboard_gets_the_metrics_under_trls_names(tiny, sums, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(sums(4), changed(DPO, report_to=("tensorboard",), logging_steps=2), model=tiny(), out_dir=tmp_path, seed=0)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    told = {"train/loss", "train/rewards/margins", "train/rewards/accuracies/logic", "train/logps/chosen"}
    assert told <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [2, 4]
    assert [event.value for event in events.Scalars("train/loss")] == pytest.approx(
        [row["loss"] for row in rows(tmp_path)]
    )


def test_scores_of_the_merged_model_are_the_adapters(tiny, sums, plain):
    """The merged weights judge as the adapter does, through the tree, too."""
    loaded, pairs = tiny(), sums(4)
    examples = encode_pairs(loaded.tokenizer, pairs, max_length=512).examples
    groups = [Group(one.prompt, one.completions) for one in examples]
    adapted = load_adapter(loaded.model, plain[1] / "adapter")
    with torch.no_grad():
        before = torch.cat(score(adapted, groups))
        after = torch.cat(score(adapted.merge_and_unload(), groups))
    torch.testing.assert_close(before, after, atol=1e-3, rtol=0)


def test_flex_attention_is_refused_on_a_cpu(tiny, sums, tmp_path):
    loaded = tiny()
    loaded.model.set_attn_implementation("flex_attention")
    with pytest.raises(TrainError, match="FlexAttention has no backward pass on a CPU"):
        train(sums(2), DPO, model=loaded, out_dir=tmp_path, seed=0)


def test_fine_tuning_computes_the_good_answers_alone(tiny, sums, tmp_path):
    pairs = sums(4, negatives=2)
    sft = train(pairs, changed(DPO, method="sft"), model=tiny(), out_dir=tmp_path / "sft", seed=0)
    dpo = train(pairs, DPO, model=tiny(), out_dir=tmp_path / "dpo", seed=0)
    assert sft.tokens_computed < dpo.tokens_computed
    assert "logps/rejected" not in sft.final
    assert rows(tmp_path / "sft")[-1]["loss"] < rows(tmp_path / "sft")[0]["loss"]
