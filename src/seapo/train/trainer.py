"""The training loop: `transformers.Trainer` with our own steps, checkpoints and metrics.

To the Trainer one batch is one whole optimiser step, so that its loop, schedulers and checkpoints serve as they are,
while `compute_step` decides how a step is computed.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.utils.data import DataLoader

from seapo.errors import TrainError, did_you_mean
from seapo.recipe import TrainSection
from seapo.train.batches import Batch, mismatched_group
from seapo.train.checkpoints import Checkpoints
from seapo.train.examples import Example
from seapo.train.metrics import step_metrics
from seapo.train.step import StepSamples, compute_step

SHOWN_IDS = 8


@dataclass(frozen=True)
class Plan:
    """All that the steps are computed from."""

    examples: Sequence[Example]
    reference: Sequence[Sequence[float]]
    """For each example the reference log-probabilities of its completions, in nats."""
    batches: Sequence[Batch]
    settings: TrainSection

    def samples(self, batch: Batch) -> StepSamples:
        """What one step is computed from."""
        return StepSamples(
            examples=[self.examples[index] for index in batch.members],
            reference=[self.reference[index] for index in batch.members],
            mismatched=[
                mismatched_group(self.examples[index], self.examples[partner], self.settings.max_length)
                for index, partner in zip(batch.members, batch.partners, strict=bool(batch.partners))
            ],
        )


class TreeTrainer(transformers.Trainer):  # type: ignore[misc]
    """A Trainer whose batches are the steps of a plan."""

    def __init__(
        self, model: Any, plan: Plan, checkpoints: Checkpoints, *, seed: int, tick: Callable[[], None]
    ) -> None:
        arguments = training_arguments(plan, checkpoints.staging, seed=seed, on_cpu=model.device.type == "cpu")
        super().__init__(model=model, args=arguments)
        self.plan = plan
        self._checkpoints = checkpoints
        self._tick = tick
        self._metrics: dict[str, float] = {}
        self._batch = plan.batches[0]
        for printer in (transformers.PrinterCallback, transformers.ProgressCallback):
            self.remove_callback(printer)

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the plan, one by one, in order."""
        return DataLoader(list(self.plan.batches), batch_size=1, collate_fn=_as_inputs)  # type: ignore[arg-type]

    def training_step(self, model: Any, inputs: dict[str, Batch], num_items_in_batch: Any = None) -> Tensor:
        """Gradient of one step; gives its loss, shape (). Raises TrainError where the loss is not finite."""
        self._batch = inputs["batch"]
        samples = self.plan.samples(self._batch)
        # The model itself: with several GPUs in sight, the Trainer hands over its copy-per-GPU wrapper.
        result = compute_step(self.model, samples, self.plan.settings, backward=self.accelerator.backward)
        self._require_finite("loss", result.loss)
        self._metrics = step_metrics(samples, result, beta=self.plan.settings.beta)
        return torch.tensor(result.loss, device=self.args.device)

    def _clip_grad_norm(self, model: Any) -> Tensor:
        norm: Tensor = super()._clip_grad_norm(model)
        self._require_finite("gradient", norm.item())
        return norm

    def _require_finite(self, what: str, value: float) -> None:
        if math.isfinite(value):
            return
        ids = [self.plan.examples[index].id for index in self._batch.members]
        more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
        raise TrainError(
            f"the {what} of step {self._batch.step} is {value}, in a step of the samples "
            f"{', '.join(ids[:SHOWN_IDS])}{more}; lower train.learning_rate, or set model.dtype: float32"
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the step's own metrics to what the Trainer knows: loss, gradient norm and learning rate."""
        if "loss" in logs:
            logs |= self._metrics
            self.state.epoch = self._batch.epoch
            self._tick()
        super().log(logs, start_time)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: the Trainer's estimate is for padded batches."""
        return 0

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        # Not the Trainer's own: that pickles its arguments beside, and PEFT would ask the hub about the vocabulary.
        self.model.save_pretrained(output_dir or self.args.output_dir, save_embedding_layers=False)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self._checkpoints.put_in_place(self.state.global_step)

    def steps_done(self) -> list[dict[str, float]]:
        """Metrics of every step, also of those before a resume; sorted by name, as a checkpoint keeps them."""
        return [dict(sorted(row.items())) for row in self.state.log_history if "loss" in row]


def check_schedule(settings: TrainSection) -> None:
    """Raise TrainError for a learning rate schedule that the Trainer does not have."""
    known = [kind.value for kind in transformers.SchedulerType]
    if settings.lr_scheduler_type not in known:
        raise TrainError(
            f"no learning rate schedule named {settings.lr_scheduler_type!r} (train.lr_scheduler_type)."
            f"{did_you_mean(settings.lr_scheduler_type, known)} Known: {', '.join(sorted(known))}"
        )


def training_arguments(plan: Plan, output_dir: Path, *, seed: int, on_cpu: bool) -> transformers.TrainingArguments:
    """The Trainer's own settings."""
    settings = plan.settings
    return transformers.TrainingArguments(
        output_dir=str(output_dir),
        seed=seed,
        use_cpu=on_cpu,
        max_steps=len(plan.batches),
        per_device_train_batch_size=1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        save_strategy="steps",
        save_steps=settings.save_steps,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        log_level="error",
    )


def run_training(trainer: TreeTrainer, newest: Path | None) -> None:
    """Train from the newest checkpoint on, or from the start; nothing is left to do where that one is the last."""
    trainer.train(resume_from_checkpoint=None if newest is None else str(newest))


def ticker(steps: Iterator[Any]) -> Callable[[], None]:
    """A function that moves a progress bar on by one; the bar shows itself at once."""
    next(steps, None)
    return lambda: next(steps, None)


def _as_inputs(batches: list[Batch]) -> dict[str, Batch]:
    (batch,) = batches
    return {"batch": batch}
