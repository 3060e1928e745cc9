"""`seapo verify`: the stage; `--calibrate`, which measures its checks against labelled solutions; and `--labels`, which
does so against what people said of its own negatives."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seapo.cli import stage
from seapo.cli.recipes import open_recipe

if TYPE_CHECKING:
    from seapo.interval import Share
    from seapo.recipe import Recipe
    from seapo.verify.calibration import Calibration
    from seapo.verify.labels import LabelReport

CALIBRATE = click.Option(
    ["--calibrate", "files"],
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True),
    help="Measure the checks against labelled solutions (ProcessBench, MR-GSM8K, BIG-Bench Mistake, GSM8K's example "
    "solutions, HaluEval), and the judge where verify.use_judge is on; a folder stands for its files. Needs no recipe.",
)
PAIRS = click.Option(
    ["--pairs"], type=click.IntRange(min=1), metavar="N", help="With --calibrate: ask the judge about N pairs a source."
)

LABELS = click.Option(
    ["--labels"],
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read labels of the report's pair browser (good, bad, unsure) and tell how often each check, proof, status, "
    "type and strategy of the RUN's negatives was right. Changes nothing.",
)


def build(name: str, summary: str) -> click.Command:
    """The command of the stage, with the options of the calibration."""
    command = stage.build(name, summary)
    run_stage = command.callback
    assert run_stage is not None

    def callback(files: tuple[Path, ...], pairs: int | None, labels: Path | None, **given: Any) -> None:
        if files:
            _calibrate(files, pairs, given)
        elif given["recipe"] is None:
            raise click.UsageError("Missing argument 'RECIPE|RUN'.")
        elif labels is not None:
            _count_labels(labels, given)
        else:
            run_stage(**given)

    command.callback = callback
    command.params += [CALIBRATE, PAIRS, LABELS]
    next(each for each in command.params if each.name == "recipe").required = False
    return command


def _calibrate(files: tuple[Path, ...], pairs: int | None, given: dict[str, Any]) -> None:
    from seapo.pipeline import Run
    from seapo.stages import open_judge
    from seapo.verify import calibrate

    run = Run(_recipe(given["recipe"], given["overrides"]), quiet=given["quiet"])
    with ExitStack() as stack:
        judge = None
        if run.recipe.verify.use_judge:
            judge = stack.enter_context(open_judge(run, stack.enter_context(run.journal())))
        found = calibrate(files, judge=judge, limit=pairs, seed=run.recipe.seed)
    if given["as_json"]:
        click.echo(json.dumps(found.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        click.echo(describe(found))


def _count_labels(file: Path, given: dict[str, Any]) -> None:
    from seapo.errors import RunError
    from seapo.records import Negative
    from seapo.store import read_records
    from seapo.verify.labels import LabelReport, read_labels

    negatives = given["recipe"] / "verify" / "negatives.jsonl"
    if not negatives.is_file():
        raise RunError(f"--labels needs the folder of a run whose negatives were verified; {negatives} is not there")
    found = LabelReport.of(read_labels(file), read_records(negatives, Negative))
    if given["as_json"]:
        click.echo(json.dumps(found.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        click.echo(describe_labels(found))


def describe_labels(found: "LabelReport") -> str:
    """The shares as a table, and what matched nothing."""
    lines = [
        f"{found.labels} labels of {found.matched} negatives; {found.disagreeing} negatives are judged differently"
    ]
    lines += [f"  matched nothing: {count} {reason}" for reason, count in found.unmatched.items()]
    lines.append(f"{'':12}{'':28}{'right':32}unsure")
    lines += [f"{each.by:12}{each.name:28}{_told(each.precision):32}{each.unsure}" for each in found.scores]
    if found.bad:
        lines.append(f"{len(found.bad)} negatives are called bad; drop them with: seapo import FILE RUN")
    return "\n".join(lines)


def _recipe(path: Path | None, overrides: tuple[str, ...]) -> "Recipe":
    """The recipe that is named; without one, the defaults, and the first argument may be an override."""
    from seapo.recipe import default_recipe

    if path is not None and ("=" not in str(path) or path.exists()):
        return open_recipe(path, overrides)
    given = overrides if path is None else (str(path), *overrides)
    return default_recipe(("name=calibration", *given))


def describe(found: "Calibration") -> str:
    """The scores as a table."""
    lines = [f"{'source':44}{'check':15}{'label':8}{'solutions':>10}{'wrong':>7}  {'precision':32}recall"]
    lines += [
        f"{each.source:44}{each.check:15}{each.label:8}{each.solutions:>10,}{each.wrong:>7,}  "
        f"{_told(each.precision):32}{_told(each.recall)}"
        for each in found.proofs
    ]
    for each in found.judge:
        lines += ["", f"judge {each.judge} on {each.found.whole} pairs of {each.source}:"]
        lines += [
            f"  {name:12}{_told(share)}"
            for name, share in (
                ("found", each.found),
                ("mistaken", each.mistaken),
                ("undecided", each.undecided),
                ("unreadable", each.unreadable),
                ("right place", each.place),
            )
        ]
    return "\n".join(lines)


def _told(share: "Share") -> str:
    """`97.1% [95.0, 98.3] 33/34`."""
    if share.interval is None:
        return "none"
    low, high = share.interval
    return f"{share.part / share.whole:.1%} [{100 * low:.1f}, {100 * high:.1f}] {share.part}/{share.whole}"
