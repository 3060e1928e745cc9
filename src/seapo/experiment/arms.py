"""From a recipe to the runs of its experiment: every arm with every seed, each a whole recipe of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seapo.errors import RecipeError, did_you_mean
from seapo.mix.choosing import ORIGINAL
from seapo.recipe import Recipe, parse_recipe
from seapo.recipe.experiment import UNTOUCHED

SHARED_SECTIONS = ("name", "runs_dir", "seed", "model", "evaluate", "report", "experiment")
"""What no arm sets: all are asked the same, and start from the same model."""
SEEDED = ("mix.seed", "train.seed")


@dataclass(frozen=True)
class Arm:
    """One way to train, and how it differs from the recipe."""

    name: str
    overrides: Mapping[str, Any]
    """Key of the recipe -> value."""
    recipe: Recipe
    """The recipe of the arm, its seeds and place left open."""

    @property
    def is_sft(self) -> bool:
        """Whether it is trained on the good answers alone."""
        return self.recipe.train.method == "sft"

    @property
    def is_original(self) -> bool:
        """Whether it is trained against the data's own rejected answers."""
        return not self.is_sft and self.recipe.mix.kind == ORIGINAL

    @property
    def is_injected(self) -> bool:
        """Whether it is trained against injected errors."""
        return not self.is_sft and not self.is_original

    @property
    def single_type(self) -> str | None:
        """The one error type that it is trained against, with nothing else changed from the recipe."""
        is_plain = set(self.overrides) <= {"mix.kind", "mix.error_type", "mix.weights"}
        return self.recipe.mix.error_type if is_plain and self.is_injected else None


@dataclass(frozen=True)
class ArmRun:
    """One arm with one seed."""

    arm: Arm
    seed: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.recipe.name


def arms_of(recipe: Recipe, *, has_rejected: bool) -> list[Arm]:
    """The arms that the recipe names, or the default ones; raises RecipeError with the arm and every mistake in it.

    has_rejected: whether the data has rejected answers of its own.
    """
    named = recipe.experiment.arms
    found = [
        _arm(recipe, name, overrides)
        for name, overrides in (default_arms(recipe, has_rejected) if named is None else named).items()
    ]
    for arm in found:
        if arm.is_original and not has_rejected:
            raise RecipeError(
                f"the arm {arm.name!r} trains on the data's own rejected answers, and {recipe.data.path} has none; "
                "leave the arm out, or take data with rejected answers"
            )
    return found


def default_arms(recipe: Recipe, has_rejected: bool) -> dict[str, dict[str, Any]]:
    """Both baselines, each type alone, mixed, and all types."""
    any_type = {"mix.error_type": None, "mix.weights": None}
    types = {
        name: {"mix.kind": "single", "mix.error_type": name, "mix.weights": None} for name in recipe.inject.error_types
    }
    return {
        "sft": {"mix.kind": "mixed", **any_type, "train.method": "sft"},
        **({ORIGINAL: {"mix.kind": ORIGINAL, **any_type}} if has_rejected else {}),
        **types,
        "mixed": {"mix.kind": "mixed", **any_type},
        "all": {"mix.kind": "all", **any_type},
    }


def runs_of(arms: Sequence[Arm], recipe: Recipe, *, limit: int) -> list[ArmRun]:
    """Every arm with every seed, seed by seed, so that a stopped experiment has whole rounds.

    limit: so many samples are trained on at most; an arm may take fewer.
    """
    return [_arm_run(arm, seed, recipe, limit) for seed in recipe.experiment.seeds for arm in arms]


def _arm_run(arm: Arm, seed: int, recipe: Recipe, limit: int) -> ArmRun:
    values = arm.recipe.model_dump()
    values["name"], values["runs_dir"] = f"{arm.name}-{seed}", str(recipe.run_dir)
    values["experiment"] = {}
    values["data"]["limit"] = min(limit, arm.recipe.data.limit or limit)
    for key in SEEDED:
        if key not in arm.overrides:
            section, _, last = key.partition(".")
            values[section][last] = seed
    return ArmRun(arm, seed, parse_recipe(values, where=f"arm {arm.name}"))


def _arm(recipe: Recipe, name: str, overrides: Mapping[str, Any]) -> Arm:
    flat = dict(_flat(overrides))
    _check_keys(recipe, name, flat)
    values = recipe.model_dump()
    for key, value in flat.items():
        inner = values
        *sections, last = key.split(".")
        for section in sections:
            inner = inner[section] if isinstance(inner.get(section), dict) else inner.setdefault(section, {})
        inner[last] = value
    return Arm(name, flat, parse_recipe(values, where=f"arm {name!r}"))


def _flat(overrides: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`{mix: {kind: all}}` is `{mix.kind: all}`, as in a recipe."""
    for key, value in overrides.items():
        if "." not in key and isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _check_keys(recipe: Recipe, name: str, overrides: Mapping[str, Any]) -> None:
    for key in overrides:
        section, _, rest = key.partition(".")
        if section in SHARED_SECTIONS:
            raise RecipeError(
                f"arm {name!r}: {key} cannot differ between arms: all start from the same model, have the same data "
                "seed and are asked the same; set it for the whole recipe, or make another experiment"
            )
        if section not in Recipe.model_fields:
            known = [field for field in Recipe.model_fields if field not in SHARED_SECTIONS]
            raise RecipeError(
                f"arm {name!r}: no such section {section!r}.{did_you_mean(section, known)} Known: {', '.join(known)}"
            )
        if section == "data" and rest != "limit":
            raise RecipeError(f"arm {name!r}: of the data an arm may change data.limit alone, not {key}")
        if not rest:
            raise RecipeError(f"arm {name!r}: {key!r} is a section; write {key}.KEY: VALUE")
    limit, whole = overrides.get("data.limit"), recipe.data.limit
    if isinstance(limit, int) and whole is not None and limit > whole:
        raise RecipeError(
            f"arm {name!r}: data.limit {limit} is more than the experiment's own {whole}, beyond which rows are held "
            "out; raise data.limit for the whole recipe"
        )


__all__ = ["ORIGINAL", "UNTOUCHED", "Arm", "ArmRun", "arms_of", "default_arms", "runs_of"]
