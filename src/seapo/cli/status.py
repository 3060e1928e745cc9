"""`seapo status`: how far a run is, seen from another terminal."""

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seapo.amounts import duration, size
from seapo.cli.recipes import JSON

if TYPE_CHECKING:
    from seapo.progress import Step
    from seapo.status import RunStatus

SHOWN_WARNINGS = 3
GO_ON = "go on with: "
WHOLE = (10_000, 24)
"""Columns and lines where there is no terminal."""


def build(name: str, summary: str) -> click.Command:
    """The command."""
    del name
    status_command.short_help = summary
    return status_command


@click.command("status")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--runs-dir", metavar="FOLDER", default="runs", show_default=True, help="Where runs lie, without RUN.")
@click.option("--watch", is_flag=True, help="Show it again and again, until nothing runs any more.")
@click.option(
    "--every", "every_s", metavar="SECONDS", type=click.FloatRange(min=0.1), default=2.0, show_default=True,
    help="How often --watch looks.",
)  # fmt: skip
@JSON
def status_command(run: Path | None, runs_dir: str, watch: bool, every_s: float, as_json: bool) -> None:
    """Tell how far a run is: the stage under way, its rate and the time left, what is finished, and what went wrong.

    RUN is the folder of a run, or of an experiment, whose runs are told of a line each; without it, so are all runs of
    --runs-dir. Nothing is changed, and no run is disturbed; whether its process is still there is looked up, too.

    \b
    Examples:
      seapo status runs/mine
      seapo status runs/mine --watch
      seapo status
      seapo status runs/mine --json
    """
    from seapo.status import find_runs, is_experiment, read_status

    alone = None if run is None or is_experiment(run) else run
    while True:
        found = [read_status(path) for path in ([alone] if alone else find_runs(run or Path(runs_dir)))]
        if as_json:
            values = [status.model_dump(mode="json") for status in found]
            click.echo(json.dumps(values[0] if alone else values, indent=None if watch else 2))
        else:
            _show(describe_status(found[0]) if alone else describe_runs(found), watch)
        if not watch or not any(status.state in ("running", "unknown") for status in found):
            return
        time.sleep(every_s)


def _show(lines: Sequence[str], watch: bool) -> None:
    """Print lines, broken to the terminal's width, whole into a pipe; a watched status takes the last one's place.

    A command stays in one piece, to be copied.
    """
    width = shutil.get_terminal_size(WHOLE).columns
    if watch and sys.stdout.isatty():
        click.clear()
    for line in lines:
        if line.startswith(GO_ON):
            click.echo(line)
            continue
        indent = len(line) - len(line.lstrip()) + 4
        wrapped = textwrap.wrap(
            line, max(width - 1, 20), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False,
            drop_whitespace=True, replace_whitespace=False,
        )  # fmt: skip
        click.echo("\n".join(wrapped))


def describe_runs(found: "Sequence[RunStatus]") -> list[str]:
    """All runs, a line each."""
    names = max(len(status.folder) for status in found)
    lines = []
    for status in found:
        now = _doing(status) if status.under_way and status.state != "finished" else _finished(status)
        lines.append(f"{status.folder:{names}}  {status.state:11}  {now}")
    return lines


def _finished(status: "RunStatus") -> str:
    done = [stage.name for stage in status.stages if stage.state == "finished"]
    return f"{len(done)} of {len(status.stages)} stages finished"


def describe_status(status: "RunStatus") -> list[str]:
    """One run, in lines."""
    lines = [f"{status.folder}: {_headline(status)}"]
    for stage in status.stages:
        what = _doing(status) if stage.state == "under way" and status.under_way else stage.outcome
        took = "" if stage.seconds is None else duration(stage.seconds)
        lines.append(f"  {stage.name:9} {stage.state:10} {took:>9}  {what}".rstrip())
    if status.last_loss is not None:
        lines.append(f"last loss: {status.last_loss:.4g}")
    if len(status.warnings) > SHOWN_WARNINGS:
        lines.append(f"warnings: {len(status.warnings)}, of which the last {SHOWN_WARNINGS}:")
    lines += [f"warning: {warning}" for warning in status.warnings[-SHOWN_WARNINGS:]]
    lines.append(f"disk: {status.folder} {size(status.bytes_used)}, journal {size(status.journal_bytes)}")
    return lines + ([f"{GO_ON}{status.go_on}"] if status.go_on else [])


def _headline(status: "RunStatus") -> str:
    age = None if status.updated_at is None else duration(time.time() - status.updated_at)
    told: dict[str, Callable[[], str]] = {
        "running": lambda: f"running, process {status.pid}, for {duration(time.time() - (status.began_at or 0))}",
        "finished": lambda: "finished",
        "incomplete": lambda: "not all stages are finished, and nothing runs",
        "stopped": lambda: f"stopped in order {age} ago: {status.message}",
        "interrupted": lambda: f"interrupted from the keyboard {age} ago",
        "failed": lambda: f"failed {age} ago: {status.message}",
        "killed": lambda: f"killed: its process is gone; the last sign of life is {age} old",
        "unknown": lambda: f"runs on the machine {status.host}, as it said {age} ago; only there one can tell",
    }
    return told[status.state]()


def _doing(status: "RunStatus") -> str:
    """The step that is counted: done of total, rate, yield, time left."""
    from seapo.progress import clock, rate_in_words

    step: Step | None = status.under_way
    assert step is not None
    share = f" of {step.total:,} ({step.done / step.total:.0%})" if step.total else ""
    parts = [f"{step.name} {step.done:,}{share}"]
    if status.seconds_left is not None and step.done != step.total:
        parts += [rate_in_words(step.rate), f"{clock(status.seconds_left)} left"]
    if step.asked:
        parts.append(f"yield {step.accepted:,} of {step.asked:,} ({step.accepted / step.asked:.0%})")
    parts += [f"{name} {value:.3g}" for name, value in step.figures.items()]
    return ", ".join(parts)
