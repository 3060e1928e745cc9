"""`seapo source`: the stage, with an option that names the benchmarks to keep out."""

import json
from pathlib import Path
from typing import Any

import click

from seapo.cli import stage

DECONTAMINATE = click.Option(
    ["--decontaminate"],
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Drop and list samples that hold text of the benchmarks' test items in this folder of benchmark data; the "
    "same as data.decontaminate.data_dir=FOLDER.",
)


def build(name: str, summary: str) -> click.Command:
    """The command of the stage, with its option."""
    command = stage.build(name, summary)
    run_stage = command.callback
    assert run_stage is not None

    def callback(decontaminate: Path | None, overrides: tuple[str, ...], **given: Any) -> None:
        named = () if decontaminate is None else (f"data.decontaminate.data_dir={json.dumps(str(decontaminate))}",)
        run_stage(overrides=(*overrides, *named), **given)

    command.callback = callback
    command.params.append(DECONTAMINATE)
    return command
