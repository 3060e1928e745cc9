"""`seapo source|diagnose|inject|verify|mix|train|report`: one stage on a run's folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from seapo.cli.recipes import DRY_RUN, JSON, OVERRIDES, QUIET, RECIPE, Budget, budgets, open_recipe

EXAMPLES = {
    "source": ("seapo source recipes/quickstart.yaml", "seapo source recipes/ultrafeedback.yaml data.path=my.jsonl"),
    "diagnose": (
        "seapo diagnose recipes/quickstart.yaml",
        "seapo diagnose runs/quickstart --data-dir ../data diagnose.questions=[starter,gsm8k] diagnose.limit=30",
        "seapo diagnose runs/quickstart diagnose.questions=[my_questions.jsonl]",
    ),
    "inject": (
        "seapo inject runs/quickstart",
        "seapo inject runs/quickstart inject.error_types=[logic]",
        "seapo inject recipes/large.yaml --budget-tokens 2000000 --deadline 2h",
    ),
    "verify": (
        "seapo verify runs/quickstart",
        "seapo verify runs/quickstart verify.accept=[proved]",
        "seapo verify --calibrate marked_solutions.jsonl",
        "seapo verify runs/quickstart --labels labels.jsonl",
    ),
    "mix": (
        "seapo mix runs/quickstart",
        "seapo mix runs/quickstart mix.kind=single mix.error_type=logic",
        "seapo mix runs/quickstart mix.draw=each_epoch mix.order=gap mix.max_per_type=500",
    ),
    "train": (
        "seapo train runs/quickstart",
        "seapo train runs/quickstart train.method=dpo train.beta=0.2",
        "seapo train runs/quickstart --merge",
        "accelerate launch --num_processes 2 -m seapo train runs/quickstart",
    ),
    "report": ("seapo report runs/quickstart",),
}
DETAILS = {
    "source": "Formats are recognised from the columns; name one with data.format, or map columns with data.columns.",
    "diagnose": "Asks the model questions with known answers (starter; of a data folder gsm8k, math, bbh, mmlu, "
    "truthfulqa; or a file with the columns question and answer) and sorts the wrong answers into the error types, by "
    "program, and by a judge where judge.kind is set. mix.weights=from_diagnosis draws the types as often as the model "
    "makes such errors.",
    "inject": "Errors are made by rule, from the model's own alternatives, or by a model that is told to "
    "(engine.kind); candidates are ranked by how plausible the model finds them. A budget that is used up ends it with "
    "exit code 3, and the same command goes on.",
    "verify": "A negative is proved (false arithmetic, another final answer, a failing unit test), judged by a model, "
    "or constructed. Which of several becomes it is drawn so that no surface feature tells negatives.",
    "mix": "Kinds: mixed, single, all, original. Also how many negatives a sample has, whether each epoch draws anew, "
    "in which order, and how many of a type or source at most (docs/mixing.md).",
    "train": "Methods: dpo, ipo, hinge, robust, apo_zero, apo_down, sigmoid_norm, simpo, orpo, dpop, kto, "
    "apo_zero_unpaired, sft. A stopped training goes on from its last checkpoint.",
    "report": "Writes RUN/report: index.html, which opens without a network, report.md with the same in tables, and "
    "results.json with every number. Stages that have not finished are left out, and named.",
}
SUMMARIES = {"diagnose": "profile.json", "report": "results.json"}
"""Stage -> the file that `--json` prints, where it is not `summary.json`."""
ENGINES = {"diagnose": ("engine", "judge"), "inject": ("engine", "judge"), "verify": ("judge",)}
"""Stage -> the recipe's sections whose engine it asks, and which its budget ends."""

QUESTIONS_DIR = click.option(
    "--data-dir", metavar="FOLDER", help="Benchmark data; the same as diagnose.data_dir=FOLDER."
)
MERGE = click.option(
    "--merge", is_flag=True, help="Write the whole model with the adapter merged in, too; the same as train.merge=true."
)


def build(name: str, summary: str) -> click.Command:
    """The command of one stage."""
    examples = "\n".join(f"  {example}" for example in EXAMPLES[name])
    notes = _format_notes() if name == "source" else ""
    text = (
        f"{summary}\n\n{DETAILS[name]}\n\nRECIPE is a YAML file, RUN the folder of a run; KEY=VALUE overrides the "
        f"recipe, as data.limit=60. What is finished and still fits its inputs is reused.\n\n"
        f"\b\nExamples:\n{examples}\n{notes}"
    )
    return click.command(name, help=text, short_help=summary)(_decorate(name, _stage(name)))


def _stage(name: str) -> Callable[..., None]:
    def command(
        recipe: Path,
        overrides: tuple[str, ...],
        as_json: bool,
        quiet: bool,
        dry_run: bool,
        data_dir: str | None = None,
        merge: bool = False,
        budget_tokens: int | None = None,
        budget_usd: float | None = None,
        deadline: str | None = None,
    ) -> None:
        from seapo.pipeline import Run, plan, run_stages

        overrides = (*overrides, "train.merge=true") if merge else overrides
        if name == "diagnose" and data_dir is not None:
            overrides, data_dir = (*overrides, f"diagnose.data_dir={data_dir}"), None
        budget, engines = Budget(budget_tokens, budget_usd, deadline), ENGINES.get(name, ())
        run = Run(open_recipe(recipe, overrides, data_dir=data_dir, budget=budget, engines=engines), quiet=quiet)
        if dry_run:
            click.echo(f"{name}: {plan(run, also=[name])[name]}")
            return
        run_stages(run, [name])
        if not run.speaks:
            return
        summary = run.folder.stage(name) / SUMMARIES.get(name, "summary.json")
        if as_json:
            found = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
            click.echo(json.dumps({"folder": str(summary.parent), "summary": found}, indent=2, ensure_ascii=False))
        else:
            click.echo(_describe(name, run))

    return command


def _decorate(name: str, command: Callable[..., None]) -> Callable[..., Any]:
    if name == "diagnose":
        command = QUESTIONS_DIR(command)
    if name in ENGINES:
        command = budgets(command)
    if name == "train":
        command = MERGE(command)
    for decorator in (DRY_RUN, QUIET, JSON, OVERRIDES, RECIPE):
        command = decorator(command)
    return command


def _describe(name: str, run: Any) -> str:
    from seapo.cli.printing import describe_stage

    return describe_stage(name, run.folder)


def _format_notes() -> str:
    from seapo.source import FORMATS

    lines = [f"  {name:22} {summary}" for name, summary in FORMATS.items()]
    return "\n\b\nFormats:\n" + "\n".join(lines) + "\n"
