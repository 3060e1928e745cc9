"""`seapo evaluate`: the stage of a run, and with `--model` the evaluation of one model."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seapo.cli.recipes import DRY_RUN, JSON, OVERRIDES, QUIET, open_recipe

if TYPE_CHECKING:
    from seapo.evaluate.measurement import Workload
    from seapo.recipe import EvaluateSection, Recipe

OPTIONS = (
    click.argument("recipe", required=False, type=click.Path(path_type=Path), metavar="[RECIPE|RUN]"),
    OVERRIDES,
    click.option("-m", "--model", metavar="MODEL", help="Evaluate this one: `embedded`, a folder, or a hub id."),
    click.option(
        "--adapter",
        type=click.Path(path_type=Path, exists=True),
        metavar="FOLDER",
        help="With --model: its LoRA adapter.",
    ),
    click.option(
        "-t", "--tasks", metavar="NAMES", help="Suites and tasks, with commas between: mathematics,mmlu,arc_easy."
    ),
    click.option("--data-dir", metavar="FOLDER", help="Benchmark data; alone, it adds truthfulness to a run's suites."),
    click.option(
        "-L", "--limit", type=click.IntRange(min=1), metavar="N", help="Items of each task, drawn by the seed."
    ),
    click.option("--seed", type=int, metavar="N", help="With --model: draws the items, and what is sampled."),
    click.option(
        "--protocol",
        type=click.Choice(["paper", "chat"]),
        help="Benchmarks as plain text, or through the chat template.",
    ),
    click.option(
        "-o",
        "--out",
        "--output_path",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="With --model: where results.json and samples.parquet go.",
    ),
    JSON,
    QUIET,
    DRY_RUN,
)


def build(name: str, summary: str) -> click.Command:
    """The command."""
    text = (
        f"{summary}\n\nWith a run: both models on the same items, into RUN/evaluate. With --model: that model alone, "
        "into --out; a recipe may stand before it for its section evaluate. A killed call goes on where it was. "
        "\n\nSuites: starter, mathematics (GSM8K, MATH), reasoning (BBH), coding (HumanEval, MBPP), knowledge (MMLU), "
        "truthfulness (TruthfulQA). Any other name is a task of lm-evaluation-harness. Data comes from --data-dir, or "
        "from the hub.\n\n\b\nExamples:\n"
        "  seapo evaluate runs/quickstart\n"
        "  seapo evaluate runs/quickstart --tasks truthfulness,knowledge --data-dir ../data --limit 20\n"
        "  seapo evaluate --model embedded --tasks mathematics --data-dir ../data --limit 10 --protocol chat\n"
        "  seapo evaluate --model Qwen/Qwen2.5-1.5B --adapter runs/uf/train/adapter --tasks arc_easy\n"
        "  seapo evaluate --model embedded --tasks reasoning --data-dir ../data --dry-run\n"
    )
    command = _evaluate
    for option in reversed(OPTIONS):
        command = option(command)
    return click.command(name, help=text, short_help=summary)(command)


def _evaluate(
    recipe: Path | None,
    overrides: tuple[str, ...],
    model: str | None,
    adapter: Path | None,
    tasks: str | None,
    data_dir: str | None,
    limit: int | None,
    seed: int | None,
    protocol: str | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
) -> None:
    asked = {"data_dir": data_dir, "limit": limit, "protocol": protocol}
    if model is None:
        unfit = [
            name for name, value in (("--adapter", adapter), ("--seed", seed), ("--out", out)) if value is not None
        ]
        if recipe is None or unfit:
            raise click.UsageError(f"{unfit[0]} belongs to --model" if unfit else "Name a RECIPE, a RUN, or a --model.")
        _evaluate_run(
            _with(open_recipe(recipe, overrides), tasks, asked), as_json=as_json, quiet=quiet, dry_run=dry_run
        )
        return
    chosen = _with(_recipe(recipe, overrides, model, seed), tasks, asked)
    _evaluate_model(chosen, adapter, out, as_json=as_json, quiet=quiet, dry_run=dry_run)


def _evaluate_run(recipe: "Recipe", *, as_json: bool, quiet: bool, dry_run: bool) -> None:
    from seapo.cli.printing import describe_evaluate
    from seapo.pipeline import Run, plan, run_stages

    run = Run(recipe, quiet=quiet)
    if dry_run:
        _print_workload(recipe, {"evaluate": plan(run)["evaluate"]}, models=2, as_json=as_json)
        return
    run_stages(run, ["evaluate"])
    folder = run.folder.stage("evaluate")
    if as_json:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        click.echo(json.dumps({"folder": str(folder), "summary": summary}, indent=2, ensure_ascii=False))
    else:
        click.echo(describe_evaluate(run.folder))


def _evaluate_model(
    recipe: "Recipe", adapter: Path | None, out: Path | None, *, as_json: bool, quiet: bool, dry_run: bool
) -> None:
    if dry_run:
        _print_workload(recipe, {}, models=1, as_json=as_json)
        return
    from seapo.evaluate import format_results
    from seapo.evaluating import evaluate_model
    from seapo.pipeline import Run, quiet_libraries

    quiet_libraries()
    done = evaluate_model(Run(recipe, quiet=quiet), adapter=adapter, out=out)
    if as_json:
        found = {"folder": str(done.folder), "results": done.results.model_dump(mode="json")}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(format_results(done.results, width=shutil.get_terminal_size((100, 24)).columns))
    click.echo(f"\nfiles: {done.folder}/results.json, samples.parquet{' (reused)' if done.is_reused else ''}")


def _recipe(path: Path | None, overrides: tuple[str, ...], model: str, seed: int | None) -> "Recipe":
    """The recipe that is named, or the defaults, with the model; the first argument may be an override, too."""
    from seapo.recipe import default_recipe

    if path is not None and "=" in str(path) and not path.exists():
        path, overrides = None, (str(path), *overrides)
    found = default_recipe(overrides) if path is None else open_recipe(path, overrides)
    more: dict[str, Any] = {"model": found.model.model_copy(update={"name": model})}
    return found.model_copy(update=more | ({} if seed is None else {"seed": seed}))


def _with(recipe: "Recipe", tasks: str | None, asked: dict[str, Any]) -> "Recipe":
    """The recipe with what the call asks in place of what it says itself."""
    changes = {name: value for name, value in asked.items() if value is not None}
    if tasks is not None:
        from seapo.evaluate.suites import split_names

        names = [name.strip() for name in tasks.split(",") if name.strip()]
        if not names:
            raise click.UsageError("--tasks names nothing; name suites or tasks: --tasks mathematics,arc_easy")
        changes["suites"], changes["tasks"] = split_names(names)
    elif "data_dir" in changes and _is_default(recipe.evaluate):
        changes["suites"] = (*recipe.evaluate.suites, "truthfulness")
    return recipe.model_copy(update={"evaluate": recipe.evaluate.model_copy(update=changes)})


def _is_default(settings: "EvaluateSection") -> bool:
    return settings.suites == ("starter",) and not settings.tasks


def _print_workload(recipe: "Recipe", more: dict[str, str], *, models: int, as_json: bool) -> None:
    from seapo.evaluate.measurement import workload
    from seapo.pipeline import quiet_libraries

    quiet_libraries()
    found = workload(recipe.evaluate, seed=recipe.seed)
    if as_json:
        told = {"models": models, "items": found.items, "requests": found.requests}
        click.echo(json.dumps(more | told, indent=2))
    else:
        click.echo("\n".join([*(f"{name}: {doing}" for name, doing in more.items()), *_lines(found, models)]))


def _lines(found: "Workload", models: int) -> list[str]:
    wide = max(map(len, found.items), default=4)
    rows = [(name, str(found.items[name]), str(found.requests[name])) for name in found.items]
    total = ("total", str(sum(found.items.values())), str(sum(found.requests.values())))
    lines = [f"{name:{wide}}  {items:>7}  {requests:>9}" for name, items, requests in (*rows, total)]
    return [f"{'task':{wide}}  {'items':>7}  {'requests':>9}", *lines, *([f"each for {models} models"] * (models > 1))]
