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


def open_recipe(path: Path, overrides: Sequence[str]) -> "Recipe":
    """The recipe of a YAML file, or of a run's folder; raises RecipeError."""
    from seapo.recipe import load_recipe  # takes longer than a help page may

    if not path.is_dir():
        return load_recipe(path, overrides)
    place = [f"runs_dir={path.resolve().parent}", f"name={path.resolve().name}"]
    recipe = load_recipe(path / "recipe.yaml", [*overrides, *place])
    return recipe.model_copy(update={"runs_dir": str(path.parent)})
