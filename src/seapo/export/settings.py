"""What the snippets of other tools say of training: the recipe's own settings under the names that these tools have."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from seapo.export.pairs import Row
from seapo.model.embedded import HUB_ID
from seapo.recipe import Recipe, TrainSection
from seapo.sibling_order import largest_micro_batch

DPO_LOSSES = {
    "dpo": "sigmoid", "ipo": "ipo", "hinge": "hinge", "robust": "robust", "apo_zero": "apo_zero",
    "apo_down": "apo_down", "sigmoid_norm": "sigmoid_norm",
}  # fmt: skip
"""Our method -> the loss of TRL's DPOTrainer that is the same formula."""
OBJECTIVE_SETTINGS = ("negatives", "sft_weight", "edit_weight", "label_smoothing", "reference")
"""Settings of `train` that change what is minimised, and that other tools lack or have under other meanings."""
ROWS_PER_PAIR = 2
"""Single answers that a pair becomes."""


def model_name(recipe: Recipe) -> str:
    """The recipe's model as other tools load it: a hub id, or the whole path of a local folder."""
    if recipe.model.name == "embedded":
        return HUB_ID
    folder = Path(recipe.model.name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else recipe.model.name


def dpo_method(recipe: Recipe, known: Collection[str] = tuple(DPO_LOSSES)) -> str:
    """The objective on pairs that a tool trains with: the recipe's where the tool knows it, else plain DPO."""
    return recipe.train.method if recipe.train.method in known else "dpo"


def kto_method(recipe: Recipe, known: Collection[str] = ("kto",)) -> str:
    """The objective on single answers that a tool trains with: the recipe's where the tool knows it, else KTO."""
    return recipe.train.method if recipe.train.method in known else "kto"


def differences(recipe: Recipe, method: str, *, carried: Collection[str] = ()) -> tuple[str, ...]:
    """In sentences, how training with `method` in another tool differs from the recipe's objective.

    `carried` names those of OBJECTIVE_SETTINGS that the tool is given. No text of the recipe's own is repeated, as the
    sentences stand in comments of scripts.
    """
    settings = recipe.train
    told = []
    if method != settings.method:
        told.append(f"The recipe trains with {settings.method}; this trains with {method}.")
    left = [name for name in OBJECTIVE_SETTINGS if name not in carried and _is_set(settings, name)]
    if settings.method == method == "kto" and _is_set(settings, "kl"):
        left.append("kl")
    if left:
        told.append(f"Not carried over from the recipe: {', '.join(f'train.{name}' for name in left)}.")
    return tuple(told)


def _is_set(settings: TrainSection, name: str) -> bool:
    return bool(getattr(settings, name) != TrainSection.model_fields[name].default)


@dataclass(frozen=True)
class SingleAnswers:
    """How single answers are to be trained on."""

    micro_batch_size: int
    """Rows side by side, none of them siblings."""
    accumulation_steps: int
    desirable_weight: float
    undesirable_weight: float
    drops_last: bool
    """The last micro-batch would hold one row, which has no other answer to estimate the divergence from."""


def plan_single_answers(rows: Sequence[Row], recipe: Recipe, micro_batch_size: int | None) -> SingleAnswers:
    """The recipe's batch in rows; a micro-batch as large as is wanted, or as siblings can be kept apart in.

    A micro-batch that is asked for is kept as it is: where siblings cannot be kept apart in it, ordering says so.
    """
    settings = recipe.train
    wanted = max(ROWS_PER_PAIR * settings.per_device_train_batch_size, 2)
    size = micro_batch_size or max(largest_micro_batch(rows, wanted), 2)
    good = sum(row["label"] for row in rows)
    ratio = good / (len(rows) - good)
    desirable, undesirable = settings.desirable_weight, settings.undesirable_weight
    return SingleAnswers(
        micro_batch_size=size,
        accumulation_steps=max(round(ROWS_PER_PAIR * settings.samples_per_step / size), 1),
        desirable_weight=round(max(1.0, 1 / ratio) if desirable is None else desirable, 4),
        undesirable_weight=round(max(1.0, ratio) if undesirable is None else undesirable, 4),
        drops_last=len(rows) % size == 1,
    )
