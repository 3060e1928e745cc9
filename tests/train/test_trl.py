"""Oracle: the losses and gradients of TRL's own trainers on the same batch of the same model."""

import warnings
from dataclasses import replace

import pytest
import torch
import trl
from datasets import Dataset
from peft import LoraConfig

from seapo.recipe import TrainSection
from seapo.train.examples import encode_pairs
from seapo.train.reference import reference_logprobs
from seapo.train.step import StepSamples, compute_step
from seapo.tree import Group

ADAPTER = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
RELATIVE = 1e-4


def trl_trainer(kind, configuration, loaded, pairs, folder, seed=5, **options):
    """A TRL trainer on the pairs, its adapter moved away from zero so that policy and reference differ."""
    rows = [
        {name: [message.model_dump() for message in getattr(pair, name)] for name in ("prompt", "chosen", "rejected")}
        for pair in pairs
    ]
    arguments = configuration(
        output_dir=str(folder), use_cpu=True, bf16=False, report_to="none", beta=0.3, max_length=512,
        gradient_checkpointing=False, disable_tqdm=True, **options,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = kind(
            loaded.model, args=arguments, train_dataset=Dataset.from_list(rows), peft_config=ADAPTER,
            processing_class=loaded.tokenizer,
        )  # fmt: skip
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in trainer.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)
    return trainer


def trl_step(trainer):
    """TRL's loss and gradients on its first batch, and the batch."""
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    trainer.model.zero_grad()
    loss = trainer._compute_loss(trainer.model, batch, return_outputs=False)
    loss.backward()
    return loss.item(), gradients(trainer.model)


def our_step(trainer, examples, settings, mismatched=()):
    with trainer.model.disable_adapter():
        reference = reference_logprobs(
            trainer.model, examples, fingerprint="", journal=None, max_tokens_per_row=512, progress=lambda items: items
        )
    trainer.model.zero_grad()
    samples = StepSamples(examples, reference, mismatched)
    result = compute_step(trainer.model, samples, settings, backward=lambda loss: loss.backward())
    return result, gradients(trainer.model)


def with_line_feed(loaded, examples):
    """The examples as TRL tokenises them: with the line feed that the template writes after the end of turn."""
    line_feed = tuple(loaded.tokenizer("\n")["input_ids"])
    return [
        replace(one, chosen=one.chosen + line_feed, rejected=tuple(answer + line_feed for answer in one.rejected))
        for one in examples
    ]


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys() != set()
    for name in ours:
        assert (ours[name] - theirs[name]).norm() < 1e-3 * theirs[name].norm(), name


def test_dpo_gives_trls_loss_and_gradients(tiny, sums, tmp_path):
    loaded, pairs = tiny(), sums(4)
    trainer = trl_trainer(trl.DPOTrainer, trl.DPOConfig, loaded, pairs, tmp_path, per_device_train_batch_size=4)
    loss, expected = trl_step(trainer)
    examples = with_line_feed(loaded, encode_pairs(loaded.tokenizer, pairs, max_length=512).examples)
    assert [(list(one.prompt), list(one.chosen), list(one.rejected[0])) for one in examples] == [
        (row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) for row in trainer.train_dataset
    ]
    result, found = our_step(trainer, examples, TrainSection(method="dpo", beta=0.3))
    assert abs(loss - 0.6931) > 0.05  # else policy and reference are the same, and everything agrees
    assert result.loss == pytest.approx(loss, rel=RELATIVE)
    assert_close(found, expected)


@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_kto_gives_trls_loss_and_gradients_on_trls_own_kl_pairs(tiny, sums, tmp_path, weight):
    loaded, pairs = tiny(), sums(3)
    trainer = trl_trainer(
        trl.KTOTrainer, trl.KTOConfig, loaded, pairs, tmp_path, seed=1, per_device_train_batch_size=6,
        desirable_weight=weight, undesirable_weight=1.3,
    )  # fmt: skip
    loss, expected = trl_step(trainer)
    theirs = trainer.train_dataset
    mismatched = [Group(row["prompt_ids"], [row["KL_completion_ids"]]) for row in theirs]
    settings = TrainSection(method="kto", beta=0.3, desirable_weight=weight, undesirable_weight=1.3)
    examples = with_line_feed(loaded, encode_pairs(loaded.tokenizer, pairs, max_length=512).examples)
    result, found = our_step(trainer, examples, settings, mismatched)
    assert result.kl > 0.1
    assert result.kl == pytest.approx(trainer._metrics["train"]["kl"][-1], rel=RELATIVE, abs=1e-5)
    assert result.loss == pytest.approx(loss, rel=RELATIVE)
    assert_close(found, expected)
