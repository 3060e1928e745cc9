"""Seapo's side of the comparison: `seapo.train.train` as a user calls it, and what its steps cost."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import peft
import torch
from preference_samples import Drawn
from timed_child import Job, Measured, clocks, peak_mb, resident_mb
from tree_vs_padded import compare, training

import seapo.train
from seapo.model import load_embedded
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.train.examples import Example, encode_pairs
from seapo.tree import Group, Row, lay_rows
from seapo.tree.pack import Piece

PEAK_SIZE = 2048
PEAK_REPEATS = 5
UNRELATED_TOKENS = 192


class StepMarks:
    """A progress bar that notes when each training step ended; the first step warms up."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []
        self.before_mb = 0.0

    def steps(self, clock: int) -> list[float]:
        """Seconds from the end of one step to the end of the next, by the wall (0) or of the processor (1).

        Logging is in them, too.
        """
        return [after[clock] - before[clock] for before, after in zip(self.marks[1:], self.marks[2:], strict=False)]

    def __call__(self, description: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
        """The bar of one part of the work."""
        return self._walk if description == "train" else lambda items: items

    def _walk(self, items: Iterable[Any]) -> Iterator[Any]:
        self.before_mb = resident_mb()
        for item in items:
            self.marks.append(clocks())
            yield item
        self.marks.append(clocks())


def measure_seapo(job: Job, drawn: Drawn) -> Measured:
    """Time seapo's steps: every epoch is one step of all timed samples."""
    torch.set_num_threads(job.threads)
    model, tokenizer = load_embedded(getattr(torch, job.dtype))
    loaded = LoadedModel(model, tokenizer, "embedded", "benchmark")
    settings, steps = train_section(job), StepMarks()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out_dir = Path(folder)
        summary = seapo.train.train(drawn.timed, settings, model=loaded, out_dir=out_dir, seed=job.seed, progress=steps)
    if summary.samples != job.samples:
        raise ValueError(f"{summary.samples} of {job.samples} samples were trained on; choose other ones (--seed)")
    peak = peak_mb()
    examples = encode_pairs(tokenizer, drawn.timed, max_length=job.max_length).examples
    rows = lay_rows(model, [Group(one.prompt, one.completions) for one in examples], settings.max_tokens_per_row)
    more: dict[str, Any] = {"sequence_tokens": sequence_tokens(examples)}
    if job.method == "dpo":
        more["flops"] = count_flops(model, rows, adapter=adapter_weights(model, settings))
        more["peak_flops_per_s"] = matmul_peak(job.dtype)
    return Measured(
        steps_s=steps.steps(0),
        steps_cpu_s=steps.steps(1),
        samples=job.samples,
        preparation_s=steps.marks[0][0] - start,
        before_mb=steps.before_mb,
        peak_mb=peak,
        computed_tokens=sum(map(len, rows)),
        more=more,
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
        num_train_epochs=1 + job.repeats,
        max_length=job.max_length,
        max_tokens_per_row=max(2048, job.max_length),
        save_steps=10**6,
    )


def sequence_tokens(examples: Sequence[Example]) -> int:
    """Tokens of every prompt with each of its answers, each counted as often as it stands there."""
    return sum(len(one.prompt) + len(answer) for one in examples for answer in one.completions)


def count_flops(model: Any, rows: Sequence[Row], *, adapter: int) -> int:
    """Multiplications and additions of a DPO step's weights: 2 for each weight and token forward, 2 backward to the
    inputs, and 2 more for the gradients of the adapter's own weights.

    The LM head counts forward for the parents of scored tokens, and backward for those whose token not all answers
    begin with. Attention, softmax, norms and whatever is computed twice to save memory are left out: the share of the
    peak that follows is a lower bound.
    """
    head = model.get_output_embeddings().weight.numel()
    layers = sum(module.weight.numel() for module in linear_layers(model))
    tokens = sum(map(len, rows))
    scored = sum(len(head_parents(piece, 0)) for row in rows for piece in row.pieces)
    with_gradient = sum(len(head_parents(piece, piece.shared)) for row in rows for piece in row.pieces)
    return tokens * (4 * layers + 6 * adapter) + 2 * (scored + with_gradient) * head


def head_parents(piece: Piece, start: int) -> set[int]:
    """Parents of the tokens of all answers from place `start` on."""
    return {piece.tree.parents[node] for path in piece.tree.paths for node in path[start:]}


def linear_layers(model: Any) -> list[torch.nn.Linear]:
    """The linear layers below the head."""
    return [module for module in model.base_model.modules() if isinstance(module, torch.nn.Linear)]


def adapter_weights(model: Any, settings: TrainSection) -> int:
    """Weights of a LoRA adapter on all linear layers but the head."""
    return sum(settings.lora_r * (module.in_features + module.out_features) for module in linear_layers(model))


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
    groups = unrelated_groups([one.completions[0] for one in examples], tokenizer.bos_token_id)
    config = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    found = compare("nothing shared", training, peft.get_peft_model(model, config), groups, job.repeats)
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
