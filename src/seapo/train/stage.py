"""The stage: from preference pairs to an adapter or a model, its metrics and a summary."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from seapo.errors import TrainError
from seapo.journal import Journal
from seapo.model.load import LoadedModel
from seapo.progress import Counted
from seapo.recipe import TrainSection
from seapo.records import PreferencePair
from seapo.store import write_records, write_text
from seapo.summaries import TrainSummary
from seapo.train import processes
from seapo.train.card import model_card
from seapo.train.checkpoints import Checkpoints, step_of
from seapo.train.conditions import check_conditions, check_model
from seapo.train.dataset import read_dataset
from seapo.train.examples import EncodedPairs, encode_pairs
from seapo.train.loss import check_examples, label_weights
from seapo.train.metrics import final_metrics, training_warnings, windows
from seapo.train.padding import count_tokens
from seapo.train.plan import Plan, Progress, has_label_weights, make_plan
from seapo.train.remarks import remarks
from seapo.train.saving import ADAPTER, MERGED, MODEL, save_adapter, save_merged, save_model
from seapo.train.trainer import TreeTrainer, Watcher, run_training, shower
from seapo.train.tuning import tuned

DIGITS = 7  # of a float32


def train(
    pairs: Sequence[PreferencePair],
    settings: TrainSection,
    *,
    model: LoadedModel,
    out_dir: Path,
    seed: int,
    journal: Journal | None = None,
    progress: Progress = lambda description: lambda items: items,
    warn: Callable[[str], None] = lambda text: warnings.warn(text, stacklevel=2),
) -> TrainSummary:
    """Train on the pairs, or on the data of `train.data_path`.

    Writes `adapter/` (or `model/`), `metrics.jsonl` and, if asked, `merged/` into `out_dir`.
    A call that was killed goes on from its newest checkpoint and ends with the very files of an undisturbed one, as
    long as machine, thread and process count and versions are the same. With LoRA in one process or under DDP the model
    is given back as it came. Several processes, started by `accelerate launch`, all make this call.
    Raises TrainError where nothing can be trained on, or where loss or gradient stop being finite.
    """
    check_conditions(settings)
    check_model(model.model)
    processes.join()
    encoded = _encode(pairs, settings, model, progress)
    for remark in remarks(encoded, settings):
        warn(remark)
    plan = make_plan(encoded.examples, settings, model, seed=seed, journal=journal, progress=progress)
    work = _Work(plan, encoded, settings, model, out_dir, seed)
    return _run(work, progress, warn)


def _encode(
    pairs: Sequence[PreferencePair], settings: TrainSection, model: LoadedModel, progress: Progress
) -> EncodedPairs:
    if settings.data_path is not None:
        encoded = read_dataset(settings.data_path, model.tokenizer, settings, progress=progress("read"))
    else:
        encoded = encode_pairs(model.tokenizer, pairs, max_length=settings.max_length, truncation=settings.truncation)
    if not encoded.examples:
        raise TrainError(_nothing_left(len(pairs), encoded))
    check_examples(encoded.examples, settings)
    return encoded


@dataclass(frozen=True)
class _Work:
    """One training: what goes in, and where what comes out is written."""

    plan: Plan
    encoded: EncodedPairs
    settings: TrainSection
    """As given."""
    model: LoadedModel
    out_dir: Path
    seed: int

    def card(self) -> str:
        """The model card."""
        return model_card(self.model, self.settings, self.encoded.examples, self.encoded.set_aside, seed=self.seed)


def _run(work: _Work, progress: Progress, warn: Callable[[str], None]) -> TrainSummary:
    plan, settings = work.plan, work.settings
    checkpoints = Checkpoints(work.out_dir / "checkpoints", plan.fingerprint(work.model, work.seed), processes.count())
    processes.on_main(checkpoints.open)
    newest = processes.on_main(checkpoints.newest)
    card = work.card()
    with tuned(work.model, settings, seed=work.seed) as model:
        done = 0 if newest is None else step_of(newest)
        rest = range(done, len(plan.batches))
        watcher = Watcher(shower(progress("train")(Counted(rest, len(rest), done_before=done))), warn)
        trainer = TreeTrainer(model, plan, checkpoints, seed=work.seed, watcher=watcher)
        run_training(trainer, newest)
        weights = trainer.gather_weights()
        processes.on_main(lambda: _save_trained(trainer.model, work, card, weights))
        summary = _summary(trainer, work)
    if settings.merge and settings.tuning == "lora":
        adapter, merged = work.out_dir / ADAPTER, work.out_dir / MERGED
        processes.on_main(lambda: save_merged(work.model, adapter, merged, card=card))
    processes.on_main(lambda: _finish(work, trainer.steps_done(), checkpoints))
    return summary


def _save_trained(model: Any, work: _Work, card: str, weights: dict[str, Tensor] | None) -> None:
    if work.settings.tuning == "lora":
        save_adapter(model, work.model, work.out_dir / ADAPTER, card=card, weights=weights)
        return
    dtype = work.plan.compute_dtype
    save_model(model, work.model, work.out_dir / MODEL, card=card, dtype=dtype, weights=weights)


def _finish(work: _Work, steps: Sequence[dict[str, float]], checkpoints: Checkpoints) -> None:
    _write_metrics(work.out_dir / "metrics.jsonl", steps, work.settings.logging_steps)
    if work.encoded.rejected_rows:
        write_records(work.out_dir / "rejected_rows.jsonl", work.encoded.rejected_rows)
    checkpoints.remove()


def _summary(trainer: TreeTrainer, work: _Work) -> TrainSummary:
    steps, plan, encoded = trainer.steps_done(), work.plan, work.encoded
    tokens = count_tokens(plan, trainer.model)
    return TrainSummary(
        method=plan.settings.method,
        model=work.model.name,
        samples=len(encoded.examples),
        pairs=sum(len(example.rejected) for example in encoded.examples),
        set_aside=encoded.set_aside,
        steps=len(plan.batches),
        trainable_parameters=sum(one.numel() for one in trainer.model.parameters() if one.requires_grad),
        tokens_computed=tokens.computed,
        tokens_padded=tokens.padded,
        final=final_metrics(steps),
        warnings=(*remarks(encoded, work.settings), *training_warnings(steps)),
        tuning=plan.settings.tuning,
        processes=processes.count(),
        label_weights=label_weights(encoded.examples, work.settings) if has_label_weights(work.settings) else None,
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
