"""What training left in a run, as something that judges answers: an adapter on the recipe's model, or a model."""

from pathlib import Path
from typing import Any

from seapo.model.identity import dtype_name, model_fingerprint
from seapo.recipe import Recipe
from seapo.records import digest
from seapo.runfolder import RunFolder, hash_files

ADAPTER, MODEL = "adapter", "model"


def trained_weights(folder: RunFolder) -> Path:
    """The folder of the adapter, or of the whole model where all weights were trained."""
    stage = folder.stage("train")
    return stage / MODEL if (stage / MODEL).is_dir() else stage / ADAPTER


def load_scorer(recipe: Recipe, *, dtype: str, weights: Path | None = None) -> Any:
    """A ChatScorer of the recipe's model, with an adapter merged in or in the trained weights; loads torch."""
    from seapo.model import ChatScorer
    from seapo.model.load import load_adapter, load_model

    section, is_model = recipe.model, weights is not None and weights.name == MODEL
    loaded = load_model(section.model_copy(update={"name": str(weights)}) if is_model else section, dtype=dtype)
    model = loaded.model
    if weights is not None and not is_model:
        model = load_adapter(model, weights).merge_and_unload()
    return ChatScorer(model, loaded.tokenizer, loaded.name, scorer_fingerprint(recipe, dtype=dtype, weights=weights))


def scorer_fingerprint(recipe: Recipe, *, dtype: str, weights: Path | None = None) -> str:
    """Stands for what such a scorer says of an answer."""
    hashes = hash_files(weights) if weights else None
    return digest([model_fingerprint(recipe.model), dtype_name(dtype), hashes])
