"""DeepSpeed: what its configuration may say, and its engine, which adds gradients up and updates the weights.

The engine takes a backward pass for a step, or for a fixed share of one, and a step here has as many as it has rows.
So it gets the trained weights alone, not the model: rows are computed as ever, and one backward pass through `Weights`
hands it what they add up to.
"""

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seapo.errors import TrainError
from seapo.recipe import TrainSection
from seapo.store import read_json
from seapo.train import processes

PASSED_ON = {
    "comms_logger", "communication_data_type", "gradient_predivide_factor", "memory_breakdown", "prescale_gradients",
    "steps_per_print", "wall_clock_breakdown", "zero_allow_untested_optimizer", "zero_force_ds_cpu_optimizer",
    "zero_optimization",
}  # fmt: skip
"""What DeepSpeed is told as it stands in the configuration."""
STAGES = (0, 1, 2)
WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def is_asked_for(settings: TrainSection) -> bool:
    """Whether the recipe, or `accelerate launch --use_deepspeed`, names DeepSpeed."""
    return settings.deepspeed is not None or _flag("ACCELERATE_USE_DEEPSPEED")


def configuration(settings: TrainSection) -> dict[str, Any] | None:
    """What DeepSpeed is configured with; None where it is not asked for.

    Raises TrainError for what contradicts the recipe or would have no effect, DataError for a file that is no JSON.
    """
    if not is_asked_for(settings):
        return None
    source = settings.deepspeed or os.environ.get("ACCELERATE_DEEPSPEED_CONFIG_FILE")
    given = _flags() if source is None else read_json(Path(source))
    named = source or "accelerate launch"
    if not isinstance(given, dict):
        raise TrainError(f"{named} is no DeepSpeed configuration, which is a JSON object")
    given = {"zero_optimization": {"stage": 0}} | given
    _check_agreement(named, given, settings)
    _check_stage(named, given["zero_optimization"])
    # The Trainer's batch is a whole step, and its AdamW the recipe's; it fills in what is "auto".
    batch = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    kept = {name: value for name, value in given.items() if name in PASSED_ON}
    return kept | dict.fromkeys(batch, "auto") | {"fp16": {"enabled": False}, "bf16": {"enabled": False}}


def check(settings: TrainSection) -> None:
    """Raise TrainError or DataError where DeepSpeed is asked for and could not train."""
    if not is_asked_for(settings):
        return
    if importlib.util.find_spec("deepspeed") is None:
        raise TrainError("DeepSpeed is asked for, which is not installed; run: pip install deepspeed")
    if processes.is_sharded():
        raise TrainError("FSDP and DeepSpeed are both asked for, and only one of them can train; leave one out")
    if "LOCAL_RANK" not in os.environ or _flag("ACCELERATE_USE_CPU"):
        raise TrainError(
            "DeepSpeed works in processes that are started for it, be it one, and without --cpu: "
            "accelerate launch --use_deepspeed --num_processes 1 -m seapo train RUN"
        )
    configuration(settings)


def keep_quiet() -> None:
    """Keep DeepSpeed's notices off stdout: accelerate imports it for every training, where it is installed."""
    logging.getLogger("DeepSpeed").addFilter(_is_error)


def prepare() -> None:
    """Let gloo add numbers up on a CPU, for which DeepSpeed would compile an operator of its own.

    That takes two minutes (measured), while the other processes wait for a lock that a killed one never gives back.
    """
    import deepspeed

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


@contextmanager
def plain_checkpoints() -> Iterator[None]:
    """Read the engine's checkpoints as tensors and plain values: none of them can run code.

    DeepSpeed itself would unpickle whatever they hold.
    """
    from deepspeed.runtime.fp16.loss_scaler import LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    before = os.environ.get(WEIGHTS_ONLY)
    os.environ[WEIGHTS_ONLY] = "1"
    try:
        with torch.serialization.safe_globals([LossScaler, ZeroStageEnum, fragment_address]):
            yield
    finally:
        del os.environ[WEIGHTS_ONLY]
        if before is not None:
            os.environ[WEIGHTS_ONLY] = before


class Weights(torch.nn.Module):
    """What the engine has for a model: its trained weights, the very same tensors."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.config = model.config
        """Where the Trainer finds the sizes that stand for "auto"."""
        self.weights = torch.nn.ParameterList(one for one in model.parameters() if one.requires_grad)

    def forward(self, gradients: Sequence[Tensor]) -> Tensor:
        """A number, shape (), whose gradient is the one given, weight by weight."""
        parts = [weight.flatten() @ one.flatten() for weight, one in zip(self.weights, gradients, strict=True)]
        return torch.stack(parts).sum()


def add_gradients(loss: Tensor, weights: Sequence[Tensor]) -> None:
    """Add a loss's gradients to those that lie with the weights, unseen by the engine, which would add them up."""
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is not None:
            weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)


def update(engine: Any) -> float:
    """One step of the optimizer with the sum of all processes' gradients; gives its norm, before clipping."""
    weights = list(engine.module.weights)
    # The engine takes the mean over processes; each one's part is divided by counts of the whole step already.
    gradients = [processes.gradient(one) * processes.count() for one in weights]
    for one in weights:
        one.grad = None
    engine.backward(engine(gradients))
    whole = engine.zero_optimization_stage() == 0
    norm = torch.nn.utils.get_total_norm([one.grad for one in weights]) if whole else None
    engine.step()
    return float(engine.get_global_grad_norm() if norm is None else norm)


def _check_agreement(named: str, given: Mapping[str, Any], settings: TrainSection) -> None:
    decided, told = _decided(settings), _flatten(given)
    wrong = [
        f"{name}: {value!r} where the recipe makes it {decided[name]!r}"
        for name, value in told.items()
        if name in decided and value not in ("auto", decided[name])
    ]
    if wrong:
        raise TrainError(f'{named} says {", ".join(wrong)}; write "auto" there, or change the recipe')
    known = PASSED_ON | decided.keys()
    unknown = [name for name in told if name not in known and name.split(".")[0] not in PASSED_ON | {"fp16", "bf16"}]
    if unknown:
        raise TrainError(
            f"{named}: {', '.join(unknown)} would have no effect, since the recipe says how the weights are trained, "
            "and the engine does not see the model; leave it out"
        )


def _decided(settings: TrainSection) -> dict[str, Any]:
    """Setting of DeepSpeed -> the value that follows from the recipe."""
    return {
        "train_batch_size": settings.samples_per_step * processes.count(),
        "train_micro_batch_size_per_gpu": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        "gradient_clipping": settings.max_grad_norm,
        "optimizer.type": "AdamW",
        "optimizer.params.lr": settings.learning_rate,
        "optimizer.params.weight_decay": settings.weight_decay,
        "optimizer.params.betas": [0.9, 0.999],
        "optimizer.params.eps": 1e-8,
        "fp16.enabled": False,
        "bf16.enabled": False,
        "zero_optimization.compute_grad_norm": True,
    }


def _check_stage(named: str, zero: Any) -> None:
    stage = zero.get("stage", 0) if isinstance(zero, dict) else None
    if stage == 3:
        raise TrainError(
            "ZeRO stage 3 shards the weights themselves, which seapo does with FSDP2: "
            "accelerate launch --use_fsdp --fsdp_version 2 -m seapo train RUN"
        )
    if stage not in STAGES:
        raise TrainError(f"{named}: zero_optimization.stage is {stage!r}; known are 0, 1 and 2")


def _flags() -> dict[str, Any]:
    """The configuration that the options of `accelerate launch` make; its gradient accumulation is 1 unless given."""
    device = os.environ.get("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none")
    clipping = os.environ.get("ACCELERATE_GRADIENT_CLIPPING")
    return {
        "gradient_clipping": "auto" if clipping is None else float(clipping),
        "zero_optimization": {
            "stage": int(os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")),
            "offload_optimizer": {"device": device},
        },
    }


def _flatten(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in given.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _flag(name: str) -> bool:
    return os.environ.get(name, "false").lower() in ("1", "true", "yes")


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
