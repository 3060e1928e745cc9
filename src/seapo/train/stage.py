"""The stage: from preference pairs to an adapter, its metrics and a summary."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from seapo.errors import TrainError
from seapo.journal import Journal
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.records import PreferencePair, digest
from seapo.store import write_text
from seapo.summaries import TrainSummary
from seapo.train.adapter import lora, model_card, save_adapter
from seapo.train.batches import plan_batches
from seapo.train.checkpoints import Checkpoints, step_of
from seapo.train.examples import EncodedPairs, Example, encode_pairs
from seapo.train.metrics import final_metrics, training_warnings, windows
from seapo.train.padding import count_tokens
from seapo.train.reference import reference_logprobs
from seapo.train.trainer import Plan, TreeTrainer, check_schedule, run_training, ticker

DIGITS = 7  # of a float32
Progress = Callable[[str], Callable[[Iterable[Any]], Iterable[Any]]]
"""From a description to what is put around an iterable, so that a bar moves as it is walked."""


def train(
    pairs: Sequence[PreferencePair],
    settings: TrainSection,
    *,
    model: LoadedModel,
    out_dir: Path,
    seed: int,
    journal: Journal | None = None,
    progress: Progress = lambda description: lambda items: items,
) -> TrainSummary:
    """Train a LoRA adapter on the pairs; write `adapter/` and `metrics.jsonl` into `out_dir`.

    A call that was killed goes on from its newest checkpoint and ends with the very files of an undisturbed one, as
    long as machine, thread count and versions are the same. The model is given back as it came.
    Raises TrainError where nothing can be trained on, or where loss or gradient stop being finite.
    """
    check_schedule(settings)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise TrainError("training runs in one process so far; start seapo without `accelerate launch` or `torchrun`")
    encoded = encode_pairs(model.tokenizer, pairs, max_length=settings.max_length)
    if not encoded.examples:
        raise TrainError(_nothing_left(len(pairs), encoded))
    plan = _plan(encoded.examples, settings, model, seed, journal, progress)
    return _run(plan, encoded, model, out_dir, seed, progress)


def _run(
    plan: Plan, encoded: EncodedPairs, model: LoadedModel, out_dir: Path, seed: int, progress: Progress
) -> TrainSummary:
    checkpoints = Checkpoints(out_dir / "checkpoints", _plan_digest(plan, model, seed))
    checkpoints.open()
    newest = checkpoints.newest()
    with lora(model, plan.settings, seed=seed) as adapted:
        done = 0 if newest is None else step_of(newest)
        tick = ticker(iter(progress("train")(range(done, len(plan.batches)))))
        trainer = TreeTrainer(adapted, plan, checkpoints, seed=seed, tick=tick)
        run_training(trainer, newest)
        card = model_card(model, plan.settings, encoded.examples, encoded.set_aside, seed=seed)
        save_adapter(adapted, model, out_dir / "adapter", card=card)
        summary = _summary(trainer, model, encoded)
    _write_metrics(out_dir / "metrics.jsonl", trainer.steps_done(), plan.settings.logging_steps)
    checkpoints.remove()
    return summary


def _plan(
    examples: list[Example],
    settings: TrainSection,
    model: LoadedModel,
    seed: int,
    journal: Journal | None,
    progress: Progress,
) -> Plan:
    batches = plan_batches(
        examples,
        samples_per_step=settings.per_device_train_batch_size * settings.gradient_accumulation_steps,
        epochs=settings.num_train_epochs,
        seed=seed,
        with_partners=settings.method == "kto",
    )
    reference = reference_logprobs(
        model.model,
        examples,
        fingerprint=model.fingerprint,
        journal=journal,
        max_tokens_per_row=settings.max_tokens_per_row,
        progress=progress("reference"),
    )
    return Plan(examples, reference, batches, settings)


def _plan_digest(plan: Plan, model: LoadedModel, seed: int) -> str:
    """16 hex digits over all that the weights follow from."""
    return digest(
        {
            "settings": plan.settings,
            "model": [model.fingerprint, str(model.model.dtype), str(model.model.device)],
            "seed": seed,
            "versions": [torch.__version__, transformers.__version__, peft.__version__],
            "examples": [[one.id, one.prompt, one.completions, one.error_types] for one in plan.examples],
            "reference": plan.reference,
        }
    )


def _summary(trainer: TreeTrainer, model: LoadedModel, encoded: EncodedPairs) -> TrainSummary:
    steps, plan = trainer.steps_done(), trainer.plan
    tokens = count_tokens(plan, model.model)
    return TrainSummary(
        method=plan.settings.method,
        model=model.name,
        samples=len(encoded.examples),
        pairs=sum(len(example.rejected) for example in encoded.examples),
        set_aside=encoded.set_aside,
        steps=len(plan.batches),
        trainable_parameters=sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad),
        tokens_computed=tokens.computed,
        tokens_padded=tokens.padded,
        final=final_metrics(steps),
        warnings=training_warnings(steps),
    )


def _write_metrics(path: Path, steps: Sequence[dict[str, float]], window: int) -> None:
    rows = [{name: float(f"{value:.{DIGITS}g}") for name, value in row.items()} for row in windows(steps, window)]
    ordered = [{"step": int(row.pop("step")), "epoch": row.pop("epoch"), **row} for row in rows]
    write_text(path, "".join(json.dumps(row) + "\n" for row in ordered))


def _nothing_left(pairs: int, encoded: EncodedPairs) -> str:
    if not pairs:
        return "there is no pair to train on; run the stages before, from source to mix, on more data"
    reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(encoded.set_aside.items()))
    return f"none of the {pairs} pairs can be trained on: {reasons}; raise train.max_length, or take other data"
