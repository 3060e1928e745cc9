"""The arguments that every command with a recipe takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from seapo.recipe import Recipe

RECIPE = click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE|RUN")
OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE ...]")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
DATA_DIR = click.option(
    "--data-dir", metavar="FOLDER", help="Benchmark data; adds the suite truthfulqa to what is evaluated."
)


def open_recipe(path: Path, overrides: Sequence[str], *, data_dir: str | None = None) -> "Recipe":
    """The recipe of a YAML file, or of a run's folder, with the benchmarks of a data folder; raises RecipeError."""
    recipe = _open(path, overrides)
    if data_dir is None:
        return recipe
    suites = tuple(dict.fromkeys((*recipe.evaluate.suites, "truthfulqa")))
    evaluate = recipe.evaluate.model_copy(update={"data_dir": data_dir, "suites": suites})
    return recipe.model_copy(update={"evaluate": evaluate})


def _open(path: Path, overrides: Sequence[str]) -> "Recipe":
    from seapo.recipe import load_recipe  # takes longer than a help page may

    if not path.is_dir():
        return load_recipe(path, overrides)
    place = [f"runs_dir={path.resolve().parent}", f"name={path.resolve().name}"]
    recipe = load_recipe(path / "recipe.yaml", [*overrides, *place])
    return recipe.model_copy(update={"runs_dir": str(path.parent)})
