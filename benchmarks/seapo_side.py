"""Seapo's side of the comparison: its trainer through the same steps as `seapo.train.train`, and what they cost."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from preference_samples import Drawn
from timed_child import Job, Measured, StepClock, peak_mb
from tree_vs_padded import compare, training

from seapo.model import load_embedded
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.train.adapter import lora
from seapo.train.batches import Batch, plan_batches
from seapo.train.checkpoints import Checkpoints
from seapo.train.examples import Example, encode_pairs
from seapo.train.reference import reference_logprobs
from seapo.train.step import lay_rows
from seapo.train.trainer import Plan, TreeTrainer
from seapo.tree import Group, Row, build_tree, short_row_attention

PEAK_SIZE = 2048
PEAK_REPEATS = 5
UNRELATED_TOKENS = 192


def measure_seapo(job: Job, drawn: Drawn) -> Measured:
    """Time seapo's steps over the samples; the first step has the warm-up's, each further one all timed ones."""
    torch.set_num_threads(job.threads)
    model, tokenizer = load_embedded(getattr(torch, job.dtype))
    loaded = LoadedModel(model, tokenizer, "embedded", "benchmark")
    settings = train_section(job)
    start = time.perf_counter()
    examples = encode_pairs(tokenizer, [*drawn.warm_up, *drawn.timed], max_length=job.max_length).examples
    if len(examples) != 2 * job.samples:
        raise ValueError(f"{len(examples)} of {2 * job.samples} samples can be trained on; choose other ones (--seed)")
    longest = max(len(build_tree(example.prompt, example.completions)) for example in examples)
    with short_row_attention(model, longest), tempfile.TemporaryDirectory() as folder:
        plan = make_plan(job, loaded, examples, settings)
        preparation_s = time.perf_counter() - start
        with lora(loaded, settings, seed=job.seed) as adapted:
            clock = StepClock(job.seconds)
            train(adapted, plan, clock, Path(folder), job.seed)
    timed = examples[job.samples :]
    rows = lay_rows(model, [Group(example.prompt, example.completions) for example in timed], settings)
    return Measured(
        steps_s=clock.steps_s,
        samples=job.samples,
        preparation_s=preparation_s,
        before_mb=clock.before_mb,
        peak_mb=peak_mb(),
        computed_tokens=sum(map(len, rows)),
        more={
            "sequence_tokens": sequence_tokens(timed),
            "flops": count_flops(model, rows, adapter=adapter_weights(model, settings)),
            "peak_flops_per_s": matmul_peak(job.dtype),
        },
    )


def train_section(job: Job) -> TrainSection:
    """The recipe's section with what both sides have in common."""
    return TrainSection(
        method=job.method,
        lora_r=8,
        lora_alpha=16,
        learning_rate=1e-6,
        per_device_train_batch_size=job.samples,
        gradient_accumulation_steps=1,
        max_length=job.max_length,
        max_tokens_per_row=max(2048, job.max_length),
    )


def make_plan(job: Job, loaded: LoadedModel, examples: list[Example], settings: TrainSection) -> Plan:
    """The warm-up's step, then the timed one again and again; the reference is computed here."""
    reference = reference_logprobs(
        loaded.model,
        examples,
        fingerprint=loaded.fingerprint,
        journal=None,
        max_tokens_per_row=settings.max_tokens_per_row,
        progress=lambda items: items,
    )
    parts = [range(job.samples), *[range(job.samples, 2 * job.samples)] * job.repeats]
    batches = [fixed_batch(examples, part, step, job) for step, part in enumerate(parts, 1)]
    return Plan(examples, reference, batches, settings)


def fixed_batch(examples: Sequence[Example], part: range, step: int, job: Job) -> Batch:
    """A step of exactly these examples."""
    members = [examples[index] for index in part]
    (batch,) = plan_batches(
        members, samples_per_step=len(members), epochs=1, seed=job.seed, with_partners=job.method == "kto"
    )
    shifted = ([part[index] for index in places] for places in (batch.members, batch.partners))
    return Batch(step, float(step), *map(tuple, shifted))


def train(adapted: Any, plan: Plan, clock: StepClock, folder: Path, seed: int) -> None:
    """Run the trainer's own loop."""
    checkpoints = Checkpoints(folder, "benchmark")
    checkpoints.open()
    trainer = TreeTrainer(adapted, plan, checkpoints, seed=seed, tick=lambda: None)
    trainer.args.save_strategy = "no"
    trainer.add_callback(clock)
    trainer.train()


def sequence_tokens(examples: Sequence[Example]) -> int:
    """Tokens of every prompt with each of its answers, each counted as often as it stands there."""
    return sum(len(one.prompt) + len(answer) for one in examples for answer in one.completions)


def count_flops(model: Any, rows: Sequence[Row], *, adapter: int) -> int:
    """Multiplications and additions of a DPO step's weights: 2 for each weight and token forward, 2 backward to the
    inputs, and 2 more for the gradients of the adapter's own weights.

    The LM head counts for parents of scored tokens alone. Attention, softmax, norms and whatever is computed twice to
    save memory are left out: the share of the peak that follows is a lower bound.
    """
    head = model.get_output_embeddings().weight.numel()
    layers = sum(
        module.weight.numel()
        for name, module in model.base_model.named_modules()
        if isinstance(module, torch.nn.Linear)
    )
    tokens = sum(map(len, rows))
    parents = sum(len(set(piece.tree.parents[piece.tree.first_scored :])) for row in rows for piece in row.pieces)
    return tokens * (4 * layers + 6 * adapter) + 4 * parents * head


def adapter_weights(model: Any, settings: TrainSection) -> int:
    """Weights of a LoRA adapter on all linear layers but the head."""
    linear = [module for module in model.base_model.modules() if isinstance(module, torch.nn.Linear)]
    return sum(settings.lora_r * (module.in_features + module.out_features) for module in linear)


def matmul_peak(dtype: str) -> float:
    """FLOP/s of a product of two square matrices, in the median."""
    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE, dtype=getattr(torch, dtype)) for _ in range(2))
    seconds = []
    for _ in range(PEAK_REPEATS):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2 * PEAK_SIZE**3 / statistics.median(seconds[1:])


def measure_nothing_shared(job: Job, drawn: Drawn) -> Measured:
    """A training step on pairs of unrelated answers to a prompt of one token, against the same pairs as padded rows.

    All answers have the same number of tokens, so that padding costs nothing either.
    """
    torch.set_num_threads(job.threads)
    model, tokenizer = load_embedded(getattr(torch, job.dtype))
    examples = encode_pairs(tokenizer, drawn.timed, max_length=job.max_length).examples
    groups = unrelated_groups([one.chosen for one in examples], tokenizer.bos_token_id)
    loaded = LoadedModel(model, tokenizer, "embedded", "benchmark")
    with lora(loaded, train_section(job), seed=job.seed) as adapted:
        found = compare("nothing shared", training, adapted, groups, job.repeats)
    return Measured(samples=len(groups), peak_mb=peak_mb(), more=asdict(found))


def unrelated_groups(answers: Sequence[Sequence[int]], prompt: int) -> list[Group]:
    """Pairs of different answers, repeated and cut to one length, that share no token of their own at the start."""
    tokens = [(list(answer) * UNRELATED_TOKENS)[:UNRELATED_TOKENS] for answer in answers]
    groups = []
    for left, right in zip(tokens[::2], tokens[1::2], strict=False):
        start = next(at for at in range(len(right)) if right[at] != left[0])
        groups.append(Group([prompt], [left, [*right[start:], *right[:start]]]))
    return groups


def measure_peak(job: Job, drawn: Drawn) -> Measured:
    """The machine's rate of matrix products, alone."""
    torch.set_num_threads(job.threads)
    return Measured(peak_mb=peak_mb(), more={"peak_flops_per_s": matmul_peak(job.dtype)})
