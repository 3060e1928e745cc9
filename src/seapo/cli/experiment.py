"""`seapo experiment`: arms x seeds of a recipe, and what each changes."""

import json
import shutil
from pathlib import Path

import click

from seapo.cli.recipes import DATA_DIR, DRY_RUN, JSON, OVERRIDES, QUIET, RECIPE, open_recipe

JOBS = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs that train side by side."
)
NO_PROBE = click.option("--no-probe", is_flag=True, help="Begin at once, and tell no times.")


def build(name: str, summary: str) -> click.Command:
    """The command."""
    text = (
        f"{summary}\n\nRuns the recipe once for each arm (a way to train: a mix, an error type, a method, any value of "
        "the recipe) and each seed of the section `experiment`. What runs have in common is made once: data, "
        "injection, checks, the untouched model's scores, the reference's log-probabilities. Before it begins it tells "
        "arms, seeds, items, and the time that they take. A killed call goes on where it was.\n\n"
        "Writes results.json and results.md into RUNS_DIR/NAME/experiment: each arm against the untouched model, SFT "
        "and the data's own rejected answers, with intervals, and a sentence for each of the paper's claims.\n\n"
        "\b\nExamples:\n"
        "  seapo experiment recipes/experiment.yaml --dry-run\n"
        "  seapo experiment recipes/experiment.yaml\n"
        "  seapo experiment recipes/experiment.yaml --data-dir ../data --jobs 2 name=tqa\n"
        "  seapo experiment recipes/experiment.yaml experiment.seeds=[0] name=quick\n"
    )
    command = _experiment
    for option in (DRY_RUN, QUIET, JSON, NO_PROBE, JOBS, DATA_DIR, OVERRIDES, RECIPE):
        command = option(command)
    return click.command(name, help=text, short_help=summary)(command)


def _experiment(
    recipe: Path,
    overrides: tuple[str, ...],
    data_dir: str | None,
    jobs: int,
    no_probe: bool,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
) -> None:
    from seapo.experiment import Estimate, estimate, format_estimate, format_results, look, run_experiment

    found = open_recipe(recipe, overrides, data_dir=data_dir)
    width = shutil.get_terminal_size((100, 24)).columns
    if dry_run:
        plan = estimate(look(found), jobs=jobs, probe=not no_probe)
        if as_json:
            click.echo(json.dumps({**plan.model_dump(mode="json"), "seconds": plan.seconds}, indent=2))
        else:
            click.echo(format_estimate(plan, name=found.name, width=width))
        return

    def tell(plan: Estimate) -> None:
        if not quiet:
            click.echo(format_estimate(plan, name=found.name, width=width), err=True)

    results = run_experiment(found, jobs=jobs, quiet=quiet, probe=not (no_probe or quiet), tell=tell)
    if as_json:
        click.echo(json.dumps(results.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        click.echo(format_results(results, width=width))
        click.echo(f"\nfiles: {found.run_dir}/experiment/results.json, results.md")
