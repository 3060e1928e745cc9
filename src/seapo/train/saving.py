"""What training hands on: an adapter or a whole model, with tokenizer, chat template and card; safetensors only.

adapter/    the LoRA weights                            merged/    the whole model with them merged in
model/      the whole model, where all weights were trained
"""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seapo.model.load import LoadedModel, load_adapter
from seapo.store import write_json, write_text
from seapo.train.card import merged_card
from seapo.train.trainer import save_weights

ADAPTER, MERGED, MODEL = "adapter", "merged", "model"


def save_adapter(
    adapted: Any, loaded: LoadedModel, folder: Path, *, card: str, weights: dict[str, Tensor] | None = None
) -> None:
    """Write adapter, tokenizer and model card into a folder, whole or not at all; no file holds a time."""

    def write(beside: Path) -> None:
        save_weights(adapted, beside, weights)
        _sort_modules(beside / "adapter_config.json")

    _save(write, loaded, folder, card)


def save_model(
    model: Any,
    loaded: LoadedModel,
    folder: Path,
    *,
    card: str,
    dtype: torch.dtype,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write a whole model, which is put into a number type, with tokenizer and card, whole or not at all.

    `weights` stands for its own where they are sharded.
    """

    def write(beside: Path) -> None:
        if weights is None:
            model.to(dtype)
        save_weights(model, beside, None if weights is None else _converted(model, weights, dtype))
        config = json.loads((beside / "config.json").read_text(encoding="utf-8"))
        write_json(beside / "config.json", config | {"dtype": str(dtype).removeprefix("torch.")})

    _save(write, loaded, folder, card)


def save_merged(loaded: LoadedModel, adapter: Path, folder: Path, *, card: str) -> None:
    """Write the model with an adapter merged into it, and a card after the adapter's; the model stays as it is.

    Raises ModelError where the adapter does not fit the model.
    """
    merged = load_adapter(copy.deepcopy(loaded.model), adapter).merge_and_unload()
    text = merged_card(card, loaded.base_name)
    save_model(merged, loaded, folder, card=text, dtype=loaded.model.dtype)


def _converted(model: Any, weights: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    head = "lm_head.weight" if model.config.get_text_config().tie_word_embeddings else None
    return {name: one.to(dtype) for name, one in weights.items() if name != head}


def merge_saved(loaded: LoadedModel, folder: Path) -> None:
    """Write `merged/` beside an `adapter/` that was trained before."""
    card = (folder / ADAPTER / "README.md").read_text(encoding="utf-8")
    save_merged(loaded, folder / ADAPTER, folder / MERGED, card=card)


def _save(write: Callable[[Path], None], loaded: LoadedModel, folder: Path, card: str) -> None:
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    write(beside)
    loaded.tokenizer.save_pretrained(str(beside))
    write_text(beside / "README.md", card)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _sort_modules(path: Path) -> None:
    """PEFT writes its sets in the order of their hashes, which differs from process to process."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for name in ("target_modules", "exclude_modules"):
        if isinstance(config.get(name), list):
            config[name] = sorted(config[name])
    write_json(path, dict(sorted(config.items())))
