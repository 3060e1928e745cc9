"""`seapo init`: a first recipe for data of one's own."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seapo.cli.recipes import JSON, OVERRIDES, QUIET, seconds

if TYPE_CHECKING:
    from seapo.beginning import Beginning
    from seapo.beginning.machine import Lengths
    from seapo.summaries import SourceSummary

SHOWN_LANGUAGES = 4
WHOLE = (10_000, 24)
"""Columns and lines where there is no terminal."""
COLUMN = 12
"""Where the right column of the output begins."""


def build(name: str, summary: str) -> click.Command:
    """The command."""
    del name
    init_command.short_help = summary
    return init_command


@click.command("init")
@click.argument("file")
@OVERRIDES
@click.option("--out", type=click.Path(path_type=Path), metavar="RECIPE", help="Where to write; left out, NAME.yaml.")
@click.option("--overwrite", is_flag=True, help="Write over a recipe that is there.")
@click.option("--time", "time", metavar="TIME", default="1h", show_default=True, help="What the run may take: 20m, 8h.")
@JSON
@QUIET
def init_command(
    file: str,
    overrides: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    time: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look at data of your own, and write a recipe for it.

    FILE is a file or folder of prompts and good answers in any format that `seapo source` recognises, or a data set of
    the hub. What is recognised is told, and each setting of the recipe stands below its reason: lengths, batches,
    error types, and how many samples the time is enough for on this machine. KEY=VALUE settles a setting beforehand.
    The recipe runs as it is written; no file is written over unasked.

    \b
    Examples:
      seapo init my.jsonl
      seapo init my.csv data.columns='{prompt: my_question, chosen: my_answer}'
      seapo init my.jsonl --time 8h --out night.yaml train.method=dpo
      seapo init my.jsonl model.name=Qwen/Qwen2.5-1.5B-Instruct
    """
    from seapo.beginning import begin, default_name, refuse_to_overwrite, write_beginning
    from seapo.pipeline import quiet_libraries
    from seapo.progress import Bar, ProgressFile

    quiet_libraries()
    path = out or Path(f"{default_name(file)}.yaml")
    refuse_to_overwrite(path, overwrite=overwrite)
    is_shown = not quiet and sys.stderr.isatty()
    found = begin(
        file,
        overrides=overrides,
        time_s=seconds(time, option="--time") or 0.0,
        progress=lambda name: lambda items: Bar(items, name, ProgressFile(Path()), is_shown=is_shown),
    )
    write_beginning(path, found.text, overwrite=overwrite)
    if as_json:
        values = {"recipe": str(path), **found.model_dump(mode="json"), "seconds": found.forecast.seconds}
        click.echo(json.dumps(values, indent=2, ensure_ascii=False))
        return
    for line in _table([*_described(found), ("recipe", str(path)), ("next", f"seapo run {path}")]):
        click.echo(line)
    for warning in () if quiet else found.warnings:
        click.echo(f"warning: {warning}", err=True)


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Two columns, the right one broken to the terminal's width."""
    width = max(shutil.get_terminal_size(WHOLE).columns - 1, 40)
    for name, text in rows:
        yield textwrap.fill(
            text, width, initial_indent=f"{name:{COLUMN}}", subsequent_indent=" " * COLUMN, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip


def _described(found: "Beginning") -> Iterator[tuple[str, str]]:
    """What was recognised, in lines of a name and a text."""
    from seapo.amounts import duration

    survey, fit, data = found.survey, found.fit, found.survey.data
    yield "data", f"{data.path}: {'; '.join(survey.formats) or data.format}"
    if data.columns:
        yield "columns", ", ".join(f"{ours} from {theirs!r}" for ours, theirs in data.columns.items())
    yield from _rows(data)
    several = f"{survey.several_turns:,} of several turns (up to {survey.most_turns})" if survey.several_turns else ""
    yield "turns", _joined(several or "one question and answer each", f"{survey.with_system:,} with a system message")
    yield "rejected", f"{survey.with_rejected or 'none'} of the samples brings rejected answers of its own"
    yield "languages", _shares(survey.languages)
    kinds = {"code": survey.with_code, "Python": survey.with_python}
    kinds |= {"calculations": survey.with_mathematics, "emoji": survey.with_emoji}
    yield "contents", ", ".join(f"{name} in {count:,}" for name, count in kinds.items()) + f" of {survey.looked_at:,}"
    yield from _lengths(found)
    yield "errors", _errors(found)
    place = fit.machine.gpu or f"{fit.machine.cores} cores, no GPU"
    memory = f"{fit.machine.free_bytes / 1e9:.0f} GB free"
    yield "machine", f"{place}, {memory}; {fit.model} reads {fit.tokens_per_s:,.0f} tokens a second"
    stages = ", ".join(f"{name} {duration(seconds)}" for name, seconds in found.forecast.by_stage.items())
    settled = {choice.key: choice.value for choice in found.choices}
    limit = f" for {settled['data.limit']:,} of the samples" if "data.limit" in settled else ""
    yield "time", f"roughly {duration(found.forecast.seconds)}{limit} ({stages})"


def _rows(data: "SourceSummary") -> Iterator[tuple[str, str]]:
    yield "rows", f"{data.rows:,}, of which {data.samples + data.beyond_limit:,} are samples"
    if data.merged:
        yield "merged", f"{data.merged:,} bad answers to a sample's prompt"
    if data.set_aside:
        count = sum(data.set_aside.values())
        yield "set aside", f"{count:,}: " + "; ".join(f"{n:,} x {reason}" for reason, n in data.set_aside.items())
    for file, reason in data.files_left_out.items():
        yield "left out", f"{file}: {reason}"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _shares(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    shown = [f"{name} {count / total:.0%}" for name, count in [*counts.items()][:SHOWN_LANGUAGES]]
    others = sum([*counts.values()][SHOWN_LANGUAGES:])
    return ", ".join([*shown, *([f"others {others / total:.0%}"] if others else [])])


def _lengths(found: "Beginning") -> Iterator[tuple[str, str]]:
    from seapo.beginning.machine import Lengths

    settled: dict[str, Any] = {choice.key: choice.value for choice in found.choices}
    longest = settled.get("train.max_length")
    kept = "" if longest is None else f"; {longest:,} are kept (train.max_length)"
    yield "answers", _spread(Lengths.of(found.fit.answers))
    yield "in all", f"with the prompt {_spread(Lengths.of(found.fit.wholes))}{kept}"


def _spread(lengths: "Lengths") -> str:
    if lengths.least == lengths.most:
        return f"{lengths.most:,} tokens"
    most = f"half of them up to {lengths.median:,}, 95% up to {lengths.p95:,}"
    return f"{lengths.least:,} to {lengths.most:,} tokens, {most}"


def _errors(found: "Beginning") -> str:
    errors = found.survey.errors
    if not errors:
        return "types of your own, which a model puts in"
    tried = next(iter(errors.values())).samples
    shares = ", ".join(f"{name} in {one.share:.0%}" for name, one in errors.items())
    return f"{shares} of {tried} answers tried, by rules alone"
