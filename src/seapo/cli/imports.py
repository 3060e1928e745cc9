"""`seapo import FILE RUN`: negatives that a person changed or took out, and labels, back into a run."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seapo.cli.recipes import JSON, QUIET, open_recipe

if TYPE_CHECKING:
    from seapo.importing import Change

SHOWN = 20
FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
DROP_MISSING = click.option(
    "--drop-missing",
    is_flag=True,
    help="Drop what was exported and is no longer in FILE, which lies in the export's folder.",
)
TRUST = click.option(
    "--trust", is_flag=True, help="Take edits that no check speaks against, though none says that they are errors."
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Check everything, and change nothing.")


def build(name: str, summary: str) -> click.Command:
    """The command."""
    text = (
        f"{summary}\n\nFILE holds JSON lines: rows of `seapo export RUN --to jsonl` whose rejected text was changed, "
        "labels from the report's pair browser, or both. A changed text goes through the same checks as any negative, "
        "and takes the old one's place where it passes; else the old one stays, and the reason is told. A negative "
        "that was labelled bad is dropped. Then `seapo run RUN` goes on from mix.\n\n\b\nExamples:\n"
        "  seapo export runs/quickstart --to jsonl --all-negatives\n"
        "  seapo import runs/quickstart/export/jsonl/train.jsonl runs/quickstart\n"
        "  seapo import labels.jsonl runs/quickstart --dry-run\n"
        "  seapo import edited.jsonl runs/quickstart --trust\n"
    )
    command = _import
    for option in (JSON, QUIET, DRY_RUN, TRUST, DROP_MISSING, RUN, FILE):
        command = option(command)
    return click.command(name, help=text, short_help=summary)(command)


def _import(file: Path, run: Path, drop_missing: bool, trust: bool, dry_run: bool, quiet: bool, as_json: bool) -> None:
    from seapo.importing import import_file
    from seapo.run import Run

    opened = Run(open_recipe(run, ()), quiet=quiet)
    change = import_file(opened, file, drop_missing=drop_missing, trust=trust, dry_run=dry_run)
    if as_json:
        rows = [asdict(row) for row in change.rows if row.kind != "unchanged"]
        click.echo(json.dumps({"counts": change.counts(), "rows": rows}, indent=2, ensure_ascii=False))
    else:
        click.echo(describe(change, run, dry_run=dry_run))


def describe(change: "Change", run: Path, *, dry_run: bool) -> str:
    """What was done, and with what reason rows were set aside."""
    counts = change.counts()
    names = ("edited", "dropped", "kept", "unchanged", "set_aside")
    lines = [", ".join(f"{counts.get(name, 0)} {name.replace('_', ' ')}" for name in names)]
    aside = [row for row in change.rows if row.kind == "set_aside"]
    lines += [
        f"  line {row.line}, {row.error_type or 'row'} of {row.sample_id or '?'}: {row.reason}" for row in aside[:SHOWN]
    ]
    if len(aside) > SHOWN:
        lines.append(f"  and {len(aside) - SHOWN} more (--json lists them)")
    if not change.replaced and not change.dropped:
        return "\n".join([*lines, "the run is as it was"])
    after = "nothing was changed (--dry-run)" if dry_run else f"go on with: seapo run {run}"
    return "\n".join([*lines, after])
