"""What has to hold before training starts: options that exist, packages that are there, processes that fit."""

import importlib.util
import os
from typing import Any

import transformers

from seapo.errors import TrainError, did_you_mean
from seapo.recipe import TrainSection
from seapo.train import processes, zero
from seapo.train.loss import check_objective
from seapo.tree.backbone import FLEX


def check_conditions(settings: TrainSection) -> None:
    """Raise TrainError for the first thing that would stop, or spoil, the training."""
    check_objective(settings)
    check_schedule(settings)
    for name in settings.report_to:
        if importlib.util.find_spec(name) is None:
            raise TrainError(f"train.report_to names {name}, which is not installed; run: pip install {name}")
    zero.check(settings)
    _check_sharding(settings)


def check_model(model: Any) -> None:
    """Raise TrainError for a model that can be asked but not trained as it is."""
    if model.config.get_text_config()._attn_implementation == FLEX and model.device.type == "cpu":
        raise TrainError(
            "FlexAttention has no backward pass on a CPU; leave model.attention out, or train where there is a GPU"
        )


def check_schedule(settings: TrainSection) -> None:
    """Raise TrainError for a learning rate schedule that the Trainer does not have."""
    known = [kind.value for kind in transformers.SchedulerType]
    if settings.lr_scheduler_type not in known:
        raise TrainError(
            f"no learning rate schedule named {settings.lr_scheduler_type!r} (train.lr_scheduler_type)."
            f"{did_you_mean(settings.lr_scheduler_type, known)} Known: {', '.join(sorted(known))}"
        )


def _check_sharding(settings: TrainSection) -> None:
    if not processes.is_sharded():
        return
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise TrainError("seapo trains with FSDP2; set fsdp_version: 2 (accelerate launch --fsdp_version 2)")
    if settings.merge:
        raise TrainError(
            "train.merge needs the model in one piece, and FSDP shards it; train without it, then merge in one "
            "process: seapo train RUN --merge"
        )
