"""The arguments that every command with a recipe takes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    "--data-dir", metavar="FOLDER", help="Benchmark data; adds the suite truthfulness to what is evaluated."
)


def budgets(command: Callable[..., None]) -> Callable[..., None]:
    """The options that end a run in order, for commands that may ask an engine."""
    for option in (
        click.option("--deadline", metavar="TIME", help="Stop in order after so long: 90s, 30m, 2h."),
        click.option("--budget-usd", type=click.FloatRange(min=0, min_open=True), help="Stop in order at this cost."),
        click.option("--budget-tokens", type=click.IntRange(min=1), help="Stop in order after so many tokens."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Budget:
    """What a call may use, for each engine that it asks."""

    tokens: int | None = None
    usd: float | None = None
    deadline: str | None = None

    def overrides(self, recipe: "Recipe", sections: Sequence[str]) -> list[str]:
        """The budget as overrides of those of the recipe's sections that name an engine.

        Raises RecipeError where there is a budget and no engine, or a time that cannot be read.
        """
        from seapo.errors import RecipeError

        given = {
            "budget_tokens": self.tokens,
            "budget_usd": self.usd,
            "deadline_s": seconds(self.deadline, option="--deadline"),
        }
        asked = {key: value for key, value in given.items() if value is not None}
        engines = [name for name in sections if getattr(recipe, name).kind != "none"]
        if asked and not engines:
            wanted = " or ".join(f"{name}.kind" for name in sections)
            raise RecipeError(f"a budget needs an engine that it can end; set {wanted} (embedded, vllm or openai)")
        return [f"{section}.{key}={value}" for section in engines for key, value in asked.items()]


def seconds(time: str | None, *, option: str) -> float | None:
    """Seconds of an option's time such as 90, 90s, 30m or 2h; raises RecipeError for any other text."""
    if time is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smh]?)", time.strip())
    if match is None or not float(match[1]):
        from seapo.errors import RecipeError

        raise RecipeError(f"{option} {time!r} is no time; write 90s, 30m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def open_recipe(
    path: Path,
    overrides: Sequence[str],
    *,
    data_dir: str | None = None,
    budget: Budget | None = None,
    engines: Sequence[str] = (),
) -> "Recipe":
    """The recipe of a YAML file, or of a run's folder; raises RecipeError.

    `data_dir` adds the benchmarks of a data folder, `budget` ends what the sections named by `engines` do.
    """
    recipe = _open(path, overrides)
    if budget is not None and (more := budget.overrides(recipe, engines)):
        recipe = _open(path, (*overrides, *more))
    if data_dir is None:
        return recipe
    suites = tuple(dict.fromkeys((*recipe.evaluate.suites, "truthfulness")))
    evaluate = recipe.evaluate.model_copy(update={"data_dir": data_dir, "suites": suites})
    return recipe.model_copy(update={"evaluate": evaluate})


def _open(path: Path, overrides: Sequence[str]) -> "Recipe":
    from seapo.recipe import load_recipe  # takes longer than a help page may

    if not path.is_dir():
        return load_recipe(path, overrides)
    place = [f"runs_dir={path.resolve().parent}", f"name={path.resolve().name}"]
    recipe = load_recipe(path / "recipe.yaml", [*overrides, *place])
    return recipe.model_copy(update={"runs_dir": str(path.parent)})
