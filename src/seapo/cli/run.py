"""`seapo run`: the whole journey."""

import json
from pathlib import Path

import click

from seapo.cli.recipes import DATA_DIR, DRY_RUN, JSON, OVERRIDES, QUIET, RECIPE, Budget, budgets, open_recipe


def build(name: str, summary: str) -> click.Command:
    """The command."""
    del name
    run_command.short_help = summary
    return run_command


@click.command("run")
@RECIPE
@OVERRIDES
@DATA_DIR
@budgets
@JSON
@QUIET
@DRY_RUN
def run_command(
    recipe: Path,
    overrides: tuple[str, ...],
    data_dir: str | None,
    budget_tokens: int | None,
    budget_usd: float | None,
    deadline: str | None,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
) -> None:
    """Do the whole journey of a recipe.

    Reads the data, injects errors, verifies them, mixes, trains, evaluates before and after, and writes the report, all
    into RUNS_DIR/NAME. A second call goes on where the first stopped; what is finished and still fits its inputs is
    reused.

    RECIPE is a YAML file, RUN the folder of a run; KEY=VALUE overrides the recipe. A budget holds for the engine and
    for the judge, each; a run that it ends exits with 3, and the same command goes on.

    \b
    Examples:
      seapo run recipes/quickstart.yaml
      seapo run recipes/quickstart.yaml train.method=dpo name=quick-dpo
      seapo run recipes/ultrafeedback.yaml data.path=my.jsonl data.limit=60 name=mine
      seapo run recipes/quickstart.yaml --data-dir ../data     # TruthfulQA too
      seapo run runs/quickstart                                # go on with a run
    """
    from seapo.cli.printing import describe_run, run_as_json
    from seapo.pipeline import Run, plan, run_stages

    budget = Budget(budget_tokens, budget_usd, deadline)
    found = open_recipe(recipe, overrides, data_dir=data_dir, budget=budget, engines=("engine", "judge"))
    run = Run(found, quiet=quiet)
    if dry_run:
        doings = plan(run)
        click.echo(json.dumps(doings) if as_json else "\n".join(f"{name:10}{doing}" for name, doing in doings.items()))
        return
    run_stages(run)
    if as_json:
        click.echo(json.dumps(run_as_json(run.folder), indent=2, ensure_ascii=False))
    else:
        click.echo(describe_run(run.folder))
