"""Oracle: the losses, gradients and metrics of TRL's own trainers on the same real answers and the embedded model.

TRL computes padded rows, we compute trees; each family's trainer runs once, and all its losses read that one pass.
"""

import gzip
import json
import warnings
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
import trl
from datasets import Dataset
from peft import LoraConfig
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from seapo.model import load_embedded
from seapo.recipe import TrainSection
from seapo.records import Message, PreferencePair
from seapo.train.examples import Answer, Example, encode_pairs
from seapo.train.loss import NEEDS_REFERENCE, GroupLogprobs, count_totals, group_loss
from seapo.train.metrics import means, step_sums
from seapo.train.reference import ReferenceModel, group_logprobs, reference_logprobs
from seapo.train.step import StepSamples, compute_step
from seapo.tree import Group

ADAPTER = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
BETA, SMOOTHING, LABEL_WEIGHTS = 0.3, 0.1, {"desirable_weight": 0.4, "undesirable_weight": 1.3}
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
RELATIVE, OF_GRADIENTS = 1e-4, 1e-3


QUESTIONS = {"Give me a sentence that illustrates": "logic", "Rearrange the following words into": "correctness"}


@pytest.fixture(scope="module")
def pairs(data_dir):
    """Two short pairs of UltraFeedback: one whose answers begin alike, and one whose answers share nothing."""
    with gzip.open(data_dir / "ultrafeedback" / "train_clean_1000.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = [(row, kind) for row in rows for start, kind in QUESTIONS.items() if row["prompt"].startswith(start)]
    assert len(found) == len(QUESTIONS)
    return [
        made_pair(str(row["source_index"]), row["prompt"], row["chosen"], row["rejected"], kind) for row, kind in found
    ]


def made_pair(name, question, chosen, rejected, error_type):
    # A system message of our own: the template would put in a longer one.
    prompt = (Message(role="system", content="Answer."), Message(role="user", content=question))
    answers = [(Message(role="assistant", content=text),) for text in (chosen, rejected)]
    return PreferencePair(
        id=name, prompt=prompt, chosen=answers[0], rejected=answers[1], source="test", error_type=error_type
    )


def conversations(pairs):
    return [
        {name: [message.model_dump() for message in getattr(pair, name)] for name in ("prompt", "chosen", "rejected")}
        for pair in pairs
    ]


def make_trainer(kind, configuration, rows, folder, *, model=None, **options):
    """A TRL trainer on a model of its own, its adapter moved away from zero so that policy and reference differ."""
    fresh, tokenizer = load_embedded()
    arguments = configuration(
        output_dir=str(folder), use_cpu=True, bf16=False, report_to="none", beta=BETA, max_length=512,
        gradient_checkpointing=False, disable_tqdm=True, remove_unused_columns=False, **options,
    )  # fmt: skip
    draws = torch.Generator().manual_seed(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = kind(
            fresh if model is None else model, args=arguments, train_dataset=Dataset.from_list(rows),
            peft_config=ADAPTER if model is None else None, processing_class=tokenizer,
        )  # fmt: skip
    with torch.no_grad():
        for name, weight in trainer.model.named_parameters():
            if "lora_B" in name and model is None:
                weight.normal_(std=0.05, generator=draws)
    trainer.model.train()
    return trainer


class Remembering:
    """A model that computes each batch once, so that all losses of a family read the same forward pass."""

    def __init__(self, model):
        self.model, self.training, self.outputs = model, True, {}

    def __call__(self, *ids, **inputs):
        key = (*ids, inputs.get("input_ids"))[0]
        key = (tuple(key.flatten().tolist()), torch.is_grad_enabled())
        if key not in self.outputs:
            self.outputs[key] = self.model(*ids, **inputs)
        return self.outputs[key]


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def gradients_of(loss, model):
    model.zero_grad()
    loss.backward(retain_graph=True)
    return gradients(model)


def our_step(model, examples, settings, mismatched=(), backward=torch.Tensor.backward):
    """Samples, result and gradients of our step; of the model without adapter for the reference."""
    with model.disable_adapter():
        reference = ReferenceModel(model, "")
        needed = examples if settings.method in NEEDS_REFERENCE else ()
        samples = StepSamples(
            examples, reference_logprobs(reference, needed), mismatched, group_logprobs(reference, mismatched)
        )
    model.zero_grad()
    result = compute_step(model, samples, settings, backward=backward)
    return samples, result, gradients(model)


def our_loss(samples, result, settings, kl=None):
    """The loss of other settings on the log-probabilities that a step has computed."""
    totals, loss = count_totals(samples.examples, settings), 0.0
    for index, (example, policy) in enumerate(zip(samples.examples, result.logprobs, strict=True)):
        group = GroupLogprobs(
            torch.tensor(policy),
            torch.tensor(samples.reference[index] if samples.reference else [0.0] * len(policy)),
            torch.tensor([float(len(answer.tokens)) for answer in example.answers]),
            torch.tensor([answer.is_desirable for answer in example.answers]),
        )
        loss += group_loss(group, kl, totals, settings).item()
    return loss


def with_line_feed(tokenizer, examples):
    """The examples as TRL tokenises them: with the line feed that the template writes after the end of turn."""
    line_feed = tuple(tokenizer("\n")["input_ids"])
    return [
        Example(
            one.id,
            one.prompt,
            tuple(Answer(answer.tokens + line_feed, answer.is_desirable, answer.error_type) for answer in one.answers),
        )
        for one in examples
    ]


def assert_same_gradients(ours, theirs):
    assert ours.keys() == theirs.keys() != set()
    for name in ours:
        assert theirs[name].norm() > 0, name
        assert (ours[name] - theirs[name]).norm() < OF_GRADIENTS * theirs[name].norm(), name


def assert_same_metrics(ours, theirs):
    names = {name for name in theirs if name.startswith(("rewards/", "logps/", "kl", "nll", "log_odds"))}
    assert len(names) >= 5
    assert {name: ours[name] for name in names} == pytest.approx(
        {name: theirs[name] for name in names}, rel=RELATIVE, abs=1e-4
    )


# --- trl.DPOTrainer

DPO_LOSSES = {
    "dpo": (["sigmoid"], [1.0]),
    "hinge": (["hinge"], [1.0]),
    "ipo": (["ipo"], [1.0]),
    "robust": (["robust"], [1.0]),
    "apo_zero": (["apo_zero"], [1.0]),
    "apo_down": (["apo_down"], [1.0]),
    "sigmoid_norm": (["sigmoid_norm"], [1.0]),
    "sft": (["sft"], [1.0]),
    "dpo + sft": (["sigmoid", "sft"], [1.0, 0.7]),
    "apo_zero + sft": (["apo_zero", "sft"], [1.0, 0.7]),
}


@pytest.fixture(scope="module")
def dpo(pairs, tmp_path_factory):
    """TRL's numbers for all losses of DPOTrainer and the gradients of the first, and our step on the same pairs."""
    trainer = make_trainer(
        trl.DPOTrainer, trl.DPOConfig, conversations(pairs), tmp_path_factory.mktemp("dpo"),
        per_device_train_batch_size=len(pairs), label_smoothing=SMOOTHING,
    )  # fmt: skip
    model, once = trainer.model, Remembering(trainer.model)
    batch = next(iter(trainer.get_train_dataloader()))
    batch["ref_chosen_logps"], batch["ref_rejected_logps"] = trainer.compute_ref_log_probs(model, batch)
    trainer.precompute_ref_logps = True
    theirs = {}
    for name, (trainer.loss_types, trainer.loss_weights) in DPO_LOSSES.items():
        theirs[name] = trainer._compute_loss(once, batch, return_outputs=False)
    expected = gradients_of(theirs["dpo"], model)
    metrics = {name: values[0] for name, values in trainer._metrics["train"].items()}
    examples = with_line_feed(
        trainer.processing_class, encode_pairs(trainer.processing_class, pairs, max_length=512).examples
    )
    samples, result, found = our_step(model, examples, TrainSection(method="dpo", beta=BETA))
    return SimpleNamespace(
        theirs={name: loss.item() for name, loss in theirs.items()}, expected=expected, metrics=metrics,
        rows=list(trainer.train_dataset), samples=samples, result=result, found=found,
    )  # fmt: skip


def test_our_tokens_are_trls(dpo):
    ours = [(one.prompt, *one.completions) for one in dpo.samples.examples]
    assert ours == [tuple(tuple(row[f"{name}_ids"]) for name in ("prompt", "chosen", "rejected")) for row in dpo.rows]
    lengths = [len(answer.tokens) for one in dpo.samples.examples for answer in one.answers]
    assert len(set(lengths)) > 2  # else a loss per token is the same as one in sum


def test_dpo_gives_trls_loss_gradients_and_metrics(dpo):
    assert abs(dpo.theirs["dpo"] - 0.6931) > 0.05  # else policy and reference are the same, and everything agrees
    assert dpo.result.loss == pytest.approx(dpo.theirs["dpo"], rel=RELATIVE)
    assert_same_gradients(dpo.found, dpo.expected)
    assert_same_metrics(means(step_sums(dpo.samples, dpo.result, TrainSection(method="dpo", beta=BETA))), dpo.metrics)


@pytest.mark.parametrize("name", DPO_LOSSES)
def test_the_other_losses_of_pairs_give_trls_number(dpo, name):
    method, _, added = name.partition(" + ")
    settings = TrainSection(
        method=method, beta=BETA, sft_weight=0.7 if added else 0, label_smoothing=SMOOTHING if method == "robust" else 0
    )
    assert our_loss(dpo.samples, dpo.result, settings) == pytest.approx(dpo.theirs[name], rel=RELATIVE)


def test_the_losses_of_pairs_are_different_numbers(dpo):
    values = sorted(dpo.theirs.values())
    assert all(second - first > 1e-3 * second for first, second in pairwise(values))


# --- trl.KTOTrainer, with the pairs that TRL estimates the divergence from


@pytest.fixture(scope="module")
def kto(pairs, tmp_path_factory):
    trainer = make_trainer(
        trl.KTOTrainer, trl.KTOConfig, conversations(pairs), tmp_path_factory.mktemp("kto"),
        per_device_train_batch_size=2 * len(pairs), **LABEL_WEIGHTS,
    )  # fmt: skip
    model, once = trainer.model, Remembering(trainer.model)
    batch = next(iter(trainer.get_train_dataloader()))
    batch["ref_logps"], batch["ref_KL_logps"] = trainer.compute_ref_log_probs(model, batch)
    trainer.precompute_ref_logps = True
    loss = trainer._compute_loss(once, batch, return_outputs=False)
    metrics = {name: values[0] for name, values in trainer._metrics["train"].items()}
    trainer.loss_type, trainer.calculate_KL = "apo_zero_unpaired", False
    apo = trainer._compute_loss(once, batch, return_outputs=False).item()
    expected = gradients_of(loss, model)
    mismatched = [Group(row["prompt_ids"], [row["KL_completion_ids"]]) for row in trainer.train_dataset]
    examples = with_line_feed(
        trainer.processing_class, encode_pairs(trainer.processing_class, pairs, max_length=512).examples
    )
    settings = TrainSection(method="kto", beta=BETA, **LABEL_WEIGHTS)
    samples, result, found = our_step(model, examples, settings, mismatched)
    return SimpleNamespace(
        loss=loss.item(), apo=apo, expected=expected, metrics=metrics, settings=settings, samples=samples,
        result=result, found=found,
    )  # fmt: skip


def test_kto_gives_trls_loss_gradients_and_metrics_on_trls_own_kl_pairs(kto):
    assert kto.result.kl > 0.1
    assert kto.result.loss == pytest.approx(kto.loss, rel=RELATIVE)
    assert_same_gradients(kto.found, kto.expected)
    assert_same_metrics(means(step_sums(kto.samples, kto.result, kto.settings)), kto.metrics)


def test_apo_zero_on_single_answers_gives_trls_number(kto):
    settings = TrainSection(method="apo_zero_unpaired", beta=BETA, **LABEL_WEIGHTS)
    assert our_loss(kto.samples, kto.result, settings) == pytest.approx(kto.apo, rel=RELATIVE)
    assert kto.apo != pytest.approx(kto.loss, rel=1e-3)


# --- trl.experimental: CPOTrainer (SimPO) and ORPOTrainer, on one forward pass of one model


def examples_of(trainer):
    """Examples of TRL's own tokens, which end with another end of turn."""
    found = []
    for number, row in enumerate(trainer.train_dataset):
        start = len(row["prompt_input_ids"])
        answers = [Answer(tuple(row[f"{name}_input_ids"][start:]), name == "chosen") for name in ("chosen", "rejected")]
        found.append(Example(str(number), tuple(row["prompt_input_ids"]), tuple(answers)))
    return found


@pytest.fixture(scope="module")
def without_reference(pairs, tmp_path_factory):
    rows, options = conversations(pairs), {"per_device_train_batch_size": len(pairs)}
    cpo = make_trainer(
        CPOTrainer, CPOConfig, rows, tmp_path_factory.mktemp("cpo"), loss_type="simpo", cpo_alpha=0.0, simpo_gamma=0.4,
        **options,
    )  # fmt: skip
    orpo = make_trainer(ORPOTrainer, ORPOConfig, rows, tmp_path_factory.mktemp("orpo"), model=cpo.model, **options)
    return SimpleNamespace(
        cpo=cpo, orpo=orpo, model=cpo.model, once=Remembering(cpo.model), batch=next(iter(cpo.get_train_dataloader())),
        examples=examples_of(cpo),
    )  # fmt: skip


@pytest.fixture(scope="module")
def simpo(without_reference):
    """TRL's loss, metrics and gradients, and our step."""
    both, settings = without_reference, TrainSection(method="simpo", beta=BETA, simpo_gamma=0.4)
    loss, metrics = both.cpo.get_batch_loss_metrics(both.once, both.batch)
    expected = gradients_of(loss, both.model)
    samples, result, found = our_step(both.model, both.examples, settings)
    return SimpleNamespace(
        loss=loss.item(), metrics=metrics, expected=expected, settings=settings, samples=samples, result=result,
        found=found,
    )  # fmt: skip


def test_simpo_gives_trls_loss_gradients_and_metrics(simpo):
    assert simpo.result.loss == pytest.approx(simpo.loss, rel=RELATIVE)
    assert_same_gradients(simpo.found, simpo.expected)
    without_likelihood = {name: value for name, value in simpo.metrics.items() if name != "nll_loss"}
    assert_same_metrics(means(step_sums(simpo.samples, simpo.result, simpo.settings)), without_likelihood)


def test_simpo_with_a_likelihood_term_gives_trls_number(without_reference, simpo, monkeypatch):
    monkeypatch.setattr(without_reference.cpo, "cpo_alpha", 0.7)
    loss, metrics = without_reference.cpo.get_batch_loss_metrics(without_reference.once, without_reference.batch)
    settings = simpo.settings.model_copy(update={"sft_weight": 0.7})
    assert our_loss(simpo.samples, simpo.result, settings) == pytest.approx(loss.item(), rel=RELATIVE)
    assert means(step_sums(simpo.samples, simpo.result, settings))["nll_loss"] == pytest.approx(
        metrics["nll_loss"], rel=RELATIVE
    )


def test_orpo_gives_trls_terms_gradients_and_metrics(without_reference, monkeypatch):
    """TRL's ORPOTrainer counts the prompt into the likelihood, its CPOTrainer leaves it out, and so do we."""
    both, settings = without_reference, TrainSection(method="orpo", beta=BETA)
    monkeypatch.setattr(both.cpo, "cpo_alpha", 1.0)
    chosen, rejected, _, _, likelihood = both.cpo.concatenated_forward(both.once, both.batch)
    loss, metrics = both.orpo.get_batch_loss_metrics(both.once, both.batch)
    expected = gradients_of(likelihood - both.orpo.odds_ratio_loss(chosen, rejected)[0].mean(), both.model)
    samples, result, found = our_step(both.model, both.examples, settings)
    of_the_prompt = metrics["nll_loss"] - likelihood.item()
    assert abs(of_the_prompt) > 0.1
    assert result.loss == pytest.approx(loss.item() - of_the_prompt, rel=RELATIVE)
    assert_same_gradients(found, expected)
    assert_same_metrics(means(step_sums(samples, result, settings)), metrics | {"nll_loss": likelihood.item()})


def test_orpo_gives_trls_number_where_the_prompt_is_one_token(pairs, without_reference, tmp_path):
    """The first token is predicted by nobody, so that TRL's likelihood and ours are over the same tokens."""
    both = without_reference
    first = both.orpo.processing_class.bos_token
    rows = [{"prompt": first, "chosen": pair.chosen[0].content, "rejected": pair.rejected[0].content} for pair in pairs]
    trainer = make_trainer(
        ORPOTrainer, ORPOConfig, rows, tmp_path, model=both.model, per_device_train_batch_size=len(pairs)
    )
    with torch.no_grad():
        loss, metrics = trainer.get_batch_loss_metrics(both.model, next(iter(trainer.get_train_dataloader())))
    examples, settings = examples_of(trainer), TrainSection(method="orpo", beta=BETA)
    assert {len(one.prompt) for one in examples} == {1}
    samples, result, _ = our_step(both.model, examples, settings, backward=lambda loss: None)
    assert result.loss == pytest.approx(loss.item(), rel=RELATIVE)
    assert_same_metrics(means(step_sums(samples, result, settings)), metrics)


def test_smoothed_dpo_is_trls_smoothed_loss_of_log_ratios(without_reference, dpo, monkeypatch):
    """TRL's DPOTrainer has no smoothing of `sigmoid`; its CPOTrainer has the formula, which gets log-ratios here."""
    monkeypatch.setattr(without_reference.cpo, "loss_type", "sigmoid")
    monkeypatch.setattr(without_reference.cpo, "label_smoothing", SMOOTHING)
    ratios = torch.tensor(dpo.result.logprobs) - torch.tensor(dpo.samples.reference)
    expected = without_reference.cpo.cpo_loss(ratios[:, 0], ratios[:, 1])[0].mean().item()
    settings = TrainSection(method="dpo", beta=BETA, label_smoothing=SMOOTHING)
    assert our_loss(dpo.samples, dpo.result, settings) == pytest.approx(expected, rel=RELATIVE)
    assert expected != pytest.approx(dpo.theirs["dpo"], rel=1e-3)
