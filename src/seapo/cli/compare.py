"""`seapo compare A B [C ...]`: what differs between models that were asked the same items."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seapo.cli.recipes import JSON

if TYPE_CHECKING:
    from seapo.evaluate.comparison import Comparison

NAMES = click.argument("names", nargs=-1, required=True, metavar="A B [C ...]")
COMMON = click.option("--common", is_flag=True, help="Compare the items that all were asked, and leave out the rest.")
ALL_PAIRS = click.option("--all-pairs", is_flag=True, help="Each with each, in place of each with the first.")
CONFIDENCE = click.option(
    "--confidence",
    type=click.FloatRange(0.5, 0.999),
    default=0.95,
    show_default=True,
    help="Of intervals and verdicts.",
)
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
FLIPS = click.option(
    "--flips", type=click.IntRange(min=0), default=0, metavar="N", help="Show N items lost and N gained, with answers."
)
MARKDOWN = click.option("--markdown", "as_markdown", is_flag=True, help="Print the tables as Markdown.")
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write comparison.json, comparison.md and flips.parquet there.",
)


def build(name: str, summary: str) -> click.Command:
    """The command."""
    text = (
        f"{summary}\n\nA is the base. Each is a folder with an evaluation's results, or a run: RUN and RUN:after are "
        "its trained model, RUN:before the untouched one. Other items, prompts or protocols are refused. P-values and "
        "verdicts are corrected for the number of rows.\n\n\b\nExamples:\n"
        "  seapo compare runs/quickstart:before runs/quickstart\n"
        "  seapo compare evaluations/base runs/dpo runs/kto --all-pairs --flips 5\n"
        "  seapo compare runs/a runs/b --common --out comparison\n"
    )
    command = _compare
    for option in (OUT, JSON, MARKDOWN, FLIPS, SEED, CONFIDENCE, ALL_PAIRS, COMMON, NAMES):
        command = option(command)
    return click.command(name, help=text, short_help=summary)(command)


def _compare(
    names: tuple[str, ...],
    common: bool,
    all_pairs: bool,
    confidence: float,
    seed: int,
    flips: int,
    as_markdown: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    from seapo.evaluate.comparison import compare_models
    from seapo.evaluate.comparison_table import format_comparison, format_markdown
    from seapo.evaluate.folders import read_evaluations

    found = compare_models(
        read_evaluations(names), confidence=confidence, seed=seed, common=common, all_pairs=all_pairs
    )
    if out is not None:
        _write(out, found, flips)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif as_markdown:
        click.echo(format_markdown(found, flips=flips), nl=False)
    else:
        click.echo(format_comparison(found, width=shutil.get_terminal_size((100, 24)).columns, flips=flips))


def _write(folder: Path, found: "Comparison", flips: int) -> None:
    from seapo.evaluate.comparison_table import format_markdown
    from seapo.evaluate.flips import write_flips
    from seapo.store import write_json, write_text

    folder.mkdir(parents=True, exist_ok=True)
    write_flips(folder / "flips.parquet", {(each.base, each.other): each.flips for each in found.comparisons})
    write_text(folder / "comparison.md", format_markdown(found, flips=flips))
    write_json(folder / "comparison.json", found.model_dump(mode="json"))
