"""`seapo journal stats|export|prune`: what a run, a folder of runs, or a journal's file remembers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seapo.cli.recipes import JSON

if TYPE_CHECKING:
    from seapo.journal import Journal

PATH = click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
KIND = click.option("--kind", help="Entries of this kind alone: reply, inject, unit_tests, reference, evaluate, ...")
DAY_S = 86_400.0


def build(name: str, summary: str) -> click.Command:
    """The group of commands."""
    text = (
        f"{summary}\n\nPATH is a run's folder, the folder of several runs, or a journal.sqlite. The runs of one folder "
        "share a journal.\n\n\b\nExamples:\n  seapo journal stats runs\n  seapo journal export runs --kind reply\n"
        "  seapo journal prune runs --kind reply --older-than-days 30 --yes\n"
    )
    commands: list[click.Command] = [stats_command, export_command, prune_command]
    return click.Group(name, help=text, short_help=summary, commands=commands)


@click.command("stats")
@PATH
@JSON
def stats_command(path: Path, as_json: bool) -> None:
    """Tell how much of each kind there is, and how old it is.

    \b
    Example:
      seapo journal stats runs --json
    """
    with _open(path) as journal:
        stats, size = journal.stats(), journal.path.stat().st_size
        if as_json:
            kinds = {kind: asdict(found) for kind, found in stats.items()}
            click.echo(json.dumps({"path": str(journal.path), "file_bytes": size, "kinds": kinds}, indent=2))
            return
        click.echo(f"{journal.path}, {size / 1e6:.1f} MB")
        for kind, found in stats.items():
            age = f"{found.first or 'unknown'} to {found.last or 'unknown'}"
            click.echo(f"  {kind:15}{found.entries:>9} entries{found.bytes / 1e6:>10.1f} MB  {age}")


@click.command("export")
@PATH
@KIND
@click.option("--json", "as_json", is_flag=True, help="The same: the output is one JSON object a line in any case.")
def export_command(path: Path, kind: str | None, as_json: bool) -> None:
    """Print every entry as one JSON object a line: key, kind, created, value.

    \b
    Example:
      seapo journal export runs/quickstart --kind reply > replies.jsonl
    """
    del as_json
    with _open(path) as journal:
        for entry in journal.export(kind=kind):
            click.echo(json.dumps(entry, ensure_ascii=False))


@click.command("prune")
@PATH
@KIND
@click.option("--older-than-days", type=click.FloatRange(min=0), help="Entries that were written before that.")
@click.option("--yes", is_flag=True, help="Forget them; without it, they are only counted.")
@JSON
def prune_command(path: Path, kind: str | None, older_than_days: float | None, yes: bool, as_json: bool) -> None:
    """Forget entries by kind, age, or both; what a run still needs of them is computed, and paid for, again.

    \b
    Example:
      seapo journal prune runs --kind reply --older-than-days 30 --yes
    """
    older_than_s = None if older_than_days is None else older_than_days * DAY_S
    with _open(path) as journal:
        count = journal.prune(kind=kind, older_than_s=older_than_s, dry_run=not yes)
    if as_json:
        click.echo(json.dumps({"entries": count, "forgotten": yes}))
    elif yes:
        click.echo(f"{count} entries forgotten")
    else:
        click.echo(f"{count} entries would be forgotten; add --yes to do it")


@contextmanager
def _open(path: Path) -> "Iterator[Journal]":
    from seapo.journal import Journal, find_journal

    with Journal(find_journal(path)) as journal:
        yield journal
