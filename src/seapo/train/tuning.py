"""What is trained: a LoRA adapter put on a model and taken off again, or all weights of the model."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peft
import torch
import transformers

from seapo.errors import TrainError
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection

NO_NEWS = (
    ".*gradient_checkpointing.* is deprecated",  # PEFT and the Trainer still ask transformers by the old name
    r".*returned a view tensor\. An in-place op on this view",  # FSDP2's parts; nothing here works in place on them
    "Unable to fetch remote file due to the following error",  # PEFT asks the hub whether the vocabulary grew
    "Could not find a config file in",
    "`torch.distributed.all_gather_into_tensor` is deprecated",  # DeepSpeed still calls it by the old name
)
"""Warnings of libraries that no user can do anything about."""


@contextmanager
def tuned(loaded: LoadedModel, settings: TrainSection, *, seed: int) -> Iterator[Any]:
    """The model as it is trained; with LoRA it is as before afterwards, all its weights trained it is another model.

    Raises TrainError where the target modules do not fit the model.
    """
    with warnings.catch_warnings():
        for message in NO_NEWS:
            warnings.filterwarnings("ignore", message=message)
        use_cache = loaded.model.config.use_cache
        transformers.set_seed(seed)
        try:
            yield from _with_adapter(loaded, settings) if settings.tuning == "lora" else _whole(loaded.model)
        finally:
            if settings.gradient_checkpointing:
                loaded.model.gradient_checkpointing_disable()
            loaded.model.config.use_cache = use_cache
            loaded.model.eval()


def _whole(model: Any) -> Iterator[Any]:
    """All weights, in float32 whatever the model came in: steps of 5e-6 vanish in bfloat16.

    The passes still multiply in the model's own number type (see `trainer.autocast`), so what this costs is memory: 16
    bytes a weight with its gradient and Adam's two moments.
    """
    model.float()
    model.requires_grad_(True)
    model.config.dtype = torch.float32
    yield model


def _with_adapter(loaded: LoadedModel, settings: TrainSection) -> Iterator[Any]:
    """A fresh adapter; its weights are float32 whatever the model's, since steps of 5e-6 vanish in bfloat16."""
    model = loaded.model
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    adapted = _put_on(model, settings)
    adapted.peft_config["default"].base_model_name_or_path = loaded.base_name
    try:
        yield adapted
    finally:
        adapted.unload()
        for name, weight in model.named_parameters():
            weight.requires_grad_(name in trainable)


def _put_on(model: Any, settings: TrainSection) -> Any:
    modules = settings.lora_target_modules
    config = peft.LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        use_dora=settings.use_dora,
        use_rslora=settings.use_rslora,
        task_type="CAUSAL_LM",
    )
    try:
        return peft.get_peft_model(model, config)
    except ValueError as problem:
        raise TrainError(
            f"train.lora_target_modules {modules!r} do not fit {type(model).__name__}: {str(problem).splitlines()[0]}"
        ) from problem
