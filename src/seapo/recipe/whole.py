"""A recipe: read, checked, written out; every mistake at once, with the nearest known key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from seapo.errors import RecipeError, did_you_mean
from seapo.recipe.experiment import ExperimentSection
from seapo.recipe.mixing import MixSection
from seapo.recipe.section import Section
from seapo.recipe.sections import (
    DataSection,
    DiagnoseSection,
    EngineSection,
    EvaluateSection,
    InjectSection,
    ModelSection,
    ReportSection,
    VerifySection,
)
from seapo.recipe.training import TrainSection


class Recipe(Section):
    """All that a run does."""

    name: str = Field(default="run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run's folder."""
    runs_dir: str = "runs"
    seed: int = 0
    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    diagnose: DiagnoseSection = DiagnoseSection()
    engine: EngineSection = EngineSection()
    judge: EngineSection = EngineSection()
    inject: InjectSection = InjectSection()
    verify: VerifySection = VerifySection()
    mix: MixSection = MixSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection = EvaluateSection()
    report: ReportSection = ReportSection()
    experiment: ExperimentSection = ExperimentSection()

    @property
    def mix_seed(self) -> int:
        """What the mix is drawn by."""
        return self.seed if self.mix.seed is None else self.mix.seed

    @property
    def train_seed(self) -> int:
        """What training is drawn by."""
        return self.seed if self.train.seed is None else self.train.seed

    @property
    def has_diagnosis(self) -> bool:
        """Whether a run of this recipe diagnoses the model."""
        return self.diagnose.enabled or self.mix.weights == "from_diagnosis"

    @property
    def run_dir(self) -> Path:
        """The run's folder."""
        return Path(self.runs_dir) / self.name


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a YAML recipe and apply `key=value` overrides (`data.limit=60`); raises RecipeError with every mistake."""
    if not path.exists():
        raise RecipeError(f"{path}: there is no such recipe file, and no run of that name")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise RecipeError(f"{path}: cannot be read as a recipe: {problem}") from problem
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of sections, this is a {type(values).__name__}")
    for override in overrides:
        _apply_override(values, override)
    return parse_recipe(values, where=str(path))


def default_recipe(overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of the defaults, with `key=value` overrides; raises RecipeError with every mistake."""
    values: dict[str, Any] = {}
    for override in overrides:
        _apply_override(values, override)
    return parse_recipe(values)


def parse_recipe(values: dict[str, Any], *, where: str = "recipe") -> Recipe:
    """The recipe of plain values; raises RecipeError that lists every mistake with the nearest known key."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as problem:
        mistakes = [f"  {_describe(error)}" for error in problem.errors()]
        noun = "mistake" if len(mistakes) == 1 else "mistakes"
        raise RecipeError(f"{where}: {len(mistakes)} {noun}\n" + "\n".join(mistakes)) from problem


def dump_recipe(recipe: Recipe) -> str:
    """The whole recipe as YAML, every default written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"{override!r} is not an override; write key=value, as data.limit=60")
    *sections, last = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"{override!r}: {section!r} is not a section")
        values = inner
    try:
        values[last] = yaml.safe_load(text) if text else ""
    except yaml.YAMLError as problem:
        raise RecipeError(f"{override!r}: the value cannot be read: {problem}") from problem


def _describe(error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    where = ".".join(location) or "recipe"
    if error["type"] != "extra_forbidden":
        received = "" if isinstance(error["input"], dict) else f" (received {error['input']!r})"
        return f"{where}: {error['msg']}{received}"
    section: type[BaseModel] = Recipe
    for part in location[:-1]:
        annotation = section.model_fields[part].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        section = annotation
    known = list(section.model_fields)
    hint = did_you_mean(location[-1], known)
    elsewhere = [
        f"{name}.{location[-1]}"
        for name, field in Recipe.model_fields.items()
        if isinstance(field.annotation, type)
        and issubclass(field.annotation, BaseModel)
        and location[-1] in field.annotation.model_fields
    ]
    if not hint and elsewhere:
        hint = f" Did you mean {elsewhere[0]!r}?"
    return f"{where}: no such key.{hint} Known: {', '.join(known)}"
