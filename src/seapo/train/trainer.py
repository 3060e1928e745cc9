"""The training loop: `transformers.Trainer` with our own steps, checkpoints and metrics.

To the Trainer one batch is one whole optimiser step, so that its loop, schedulers, loggers and checkpoints serve as
they are, while `compute_step` decides how a step is computed.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.utils.data import DataLoader

from seapo.errors import TrainError
from seapo.progress import note
from seapo.train import processes, zero
from seapo.train.batches import Batch
from seapo.train.checkpoints import Checkpoints
from seapo.train.metrics import means, merge_sums, step_sums, windows
from seapo.train.plan import Plan
from seapo.train.step import compute_step, usable_threads
from seapo.train.watch import Watch

SHOWN_IDS = 8


@dataclass(frozen=True)
class Watcher:
    """Who is told of each step while it happens."""

    show: Callable[[dict[str, float]], None] = field(default=lambda metrics: None)
    """A progress bar, moved on by one step."""
    warn: Callable[[str], None] = field(default=lambda text: None)


class TreeTrainer(transformers.Trainer):  # type: ignore[misc]
    """A Trainer whose batches are the steps of a plan."""

    def __init__(
        self, model: Any, plan: Plan, checkpoints: Checkpoints, *, seed: int, watcher: Watcher | None = None
    ) -> None:
        zero.keep_quiet()
        arguments = training_arguments(plan, checkpoints, seed=seed, on_cpu=model.device.type == "cpu")
        processes.shard_on_cpu()
        if arguments.deepspeed:
            zero.prepare()
        super().__init__(model=model, args=arguments)
        self.plan = plan
        self._policy = model
        self._norm = 0.0
        self._checkpoints = checkpoints
        self._watcher = watcher or Watcher()
        self._watch = Watch(self._watcher.warn, len(plan.batches))
        self._metrics: dict[str, float] = {}
        self._batch = plan.batches[0]
        # Dropout must not be the same in every process; the first one is as if it were alone.
        torch.manual_seed(seed + processes.rank())
        for printer in (transformers.PrinterCallback, transformers.ProgressCallback):
            self.remove_callback(printer)
        for callback in self.callback_handler.callbacks:
            if hasattr(callback, "tb_writer"):
                callback.logging_dir = str(checkpoints.root.parent / "tensorboard")

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW on the model's weights, by the names that they have in the model."""
        return super().create_optimizer(self._policy if model is None and self.is_deepspeed_enabled else model)

    def _prepare_for_training(self, *arguments: Any, **options: Any) -> Any:
        """Wrap the model; DeepSpeed's engine gets its trained weights alone."""
        if not self.is_deepspeed_enabled:
            return super()._prepare_for_training(*arguments, **options)
        self._policy.to(self.args.device)
        self.model = self.model_wrapped = zero.Weights(self._policy)
        try:
            with zero.plain_checkpoints():
                return super()._prepare_for_training(*arguments, **options)
        finally:
            self.model = self.callback_handler.model = self._policy

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the plan, one by one, in order; every process has them whole."""
        return DataLoader(list(self.plan.batches), batch_size=1, collate_fn=_as_inputs)  # type: ignore[arg-type]

    def training_step(self, model: Any, inputs: dict[str, Batch], num_items_in_batch: Any = None) -> Tensor:
        """Gradient of one step; gives its loss, shape (). Raises TrainError where the loss is not finite."""
        self._batch = inputs["batch"]
        settings = self.plan.settings
        samples = self.plan.samples(processes.share(self._batch.members))
        with autocast(self.model, self.plan):
            # The model itself, not DistributedDataParallel's or DataParallel's wrapper: rows go through it one by one.
            result = compute_step(
                self.model,
                samples,
                settings,
                backward=self._backward,
                processes=processes.step_processes(is_sharded=self.is_fsdp_enabled),
                threads=1 if self.is_fsdp_enabled else usable_threads(self.model, settings),
            )
        loss = math.fsum(processes.exchange(result.loss))
        self._require_finite("loss", loss)
        if self.is_deepspeed_enabled:
            self._norm = zero.update(model)
        elif not self.is_fsdp_enabled:
            processes.sum_gradients(self.model.parameters())
        self._metrics = means(merge_sums(processes.exchange(step_sums(samples, result, settings))))
        return torch.tensor(loss, device=self.args.device)

    def _backward(self, loss: Tensor) -> None:
        if self.is_deepspeed_enabled:
            zero.add_gradients(loss, [one for one in self.model.parameters() if one.requires_grad])
            return
        # FSDP takes the mean of the processes' gradients; the loss is divided by counts of the whole step already.
        self.accelerator.backward(loss * processes.count() if self.is_fsdp_enabled else loss)

    def _clip_grad_norm(self, model: Any) -> Tensor:
        norm: Tensor = torch.tensor(self._norm) if self.is_deepspeed_enabled else super()._clip_grad_norm(model)
        self._require_finite("gradient", float(_whole(norm)))
        return norm

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> float:
        return float(_whole(super()._get_grad_norm(model, grad_norm=grad_norm)))

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
        """Keep what the Trainer knows of a step, loss, gradient norm and learning rate, with the step's own metrics.

        Loggers get the means over `logging_steps` steps.
        """
        if "loss" not in logs:
            super().log(logs, start_time)
            return
        self.state.epoch = self._batch.epoch
        metrics = logs | self._metrics | {"epoch": self.state.epoch}
        self.state.log_history.append({**metrics, "step": self.state.global_step})
        steps, size = self.state.log_history, self.plan.settings.logging_steps
        if self.state.global_step % size == 0:
            (window,) = windows(steps[-size:], size)
            window.pop("step")
            self.callback_handler.on_log(self.args, self.state, self.control, window)
        self._watcher.show(metrics)
        self._watch.look(steps)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: the Trainer's estimate is for padded batches."""
        return 0

    def gather_weights(self) -> dict[str, Tensor] | None:
        """All weights on the main process, where the processes share them out (FSDP); None where each has them all."""
        if not self.is_fsdp_enabled:
            return None
        gathered: dict[str, Tensor] = self.accelerator.get_state_dict(self.model)
        return gathered

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights that a checkpoint holds; under FSDP they are saved with the optimiser, in shards."""
        # Not the Trainer's own: that pickles its arguments beside, and PEFT would ask the hub about the vocabulary.
        if self.args.should_save and not self.is_fsdp_enabled:
            save_weights(self.model, Path(output_dir or self.args.output_dir))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        processes.exchange(None)  # all have written their part
        processes.on_main(lambda: self._checkpoints.put_in_place(self.state.global_step))

    def steps_done(self) -> list[dict[str, float]]:
        """Metrics of every step, also of those before a resume; sorted by name, as a checkpoint keeps them."""
        return [dict(sorted(row.items())) for row in self.state.log_history if "loss" in row]


def save_weights(model: Any, folder: Path, state_dict: dict[str, Tensor] | None = None) -> None:
    """Write an adapter, or a whole model, as one safetensors file with its configuration."""
    options: dict[str, Any] = {} if state_dict is None else {"state_dict": state_dict}
    if hasattr(model, "peft_config"):
        options["save_embedding_layers"] = False
    else:
        options["max_shard_size"] = "1TB"
    model.save_pretrained(str(folder), **options)


@contextmanager
def autocast(model: Any, plan: Plan) -> Iterator[None]:
    """Multiply in the plan's number type where float32 weights are trained that came in another one."""
    if plan.settings.tuning == "lora" or plan.compute_dtype == torch.float32:
        yield
        return
    # Without its cache: what a pass without gradients casts would be found again, without gradients, by the next one.
    with torch.autocast(model.device.type, dtype=plan.compute_dtype, cache_enabled=False):
        yield


def training_arguments(
    plan: Plan, checkpoints: Checkpoints, *, seed: int, on_cpu: bool
) -> transformers.TrainingArguments:
    """The Trainer's own settings."""
    settings = plan.settings
    return transformers.TrainingArguments(
        output_dir=str(checkpoints.staging),
        run_name=f"seapo-{settings.method}-{checkpoints.plan}",
        seed=seed,
        use_cpu=on_cpu,
        max_steps=len(plan.batches),
        per_device_train_batch_size=1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if settings.gradient_checkpointing else None,
        save_strategy="steps",
        save_steps=settings.save_steps,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to=list(settings.report_to) or "none",
        project="seapo",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        log_level="error",
        deepspeed=zero.configuration(settings),
    )


def run_training(trainer: TreeTrainer, newest: Path | None) -> None:
    """Train from the newest checkpoint on, or from the start; nothing is left to do where that one is the last."""
    trainer.train(resume_from_checkpoint=None if newest is None else str(newest))


def shower(bar: Iterable[Any]) -> Callable[[dict[str, float]], None]:
    """A function that moves a progress bar on by one step, and shows loss, accuracy and margin beside it.

    The bar shows itself at once.
    """
    steps = iter(bar)
    next(steps, None)
    names = {"loss": "loss", "accuracy": "rewards/accuracies", "margin": "rewards/margins"}

    def show(metrics: dict[str, float]) -> None:
        note(bar, {name: metrics[key] for name, key in names.items() if key in metrics})
        next(steps, None)

    return show


def _whole(norm: Any) -> Any:
    """A norm that was computed from sharded gradients, as a plain tensor."""
    return norm.full_tensor() if hasattr(norm, "full_tensor") else norm


def _as_inputs(batches: list[Batch]) -> dict[str, Batch]:
    (batch,) = batches
    return {"batch": batch}
