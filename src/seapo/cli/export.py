"""`seapo export RUN --to FORMAT`: the pairs of a run for the tool that trains on them, or for a hub."""

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from seapo.amounts import size
from seapo.cli.recipes import JSON

if TYPE_CHECKING:
    from seapo.export import Exported

FORMATS = {
    "trl-dpo": "pairs for TRL's DPOTrainer, with a script",
    "trl-kto": "single answers with labels for TRL's KTOTrainer, with a script",
    "llamafactory": "LLaMA-Factory: pairs and labels, dataset_info.json, a YAML for each",
    "axolotl": "axolotl: pairs and labels, a YAML for each",
    "openrlhf": "OpenRLHF: pairs, with the command",
    "jsonl": "one JSON object a line; what `seapo import` takes back",
    "parquet": "one typed file",
    "datasets": "a folder for datasets.load_from_disk",
    "hub": "Parquet, pushed to a hub with --repo and --yes",
}
"""Format -> what it is; here, so that `--help` imports nothing of the formats."""

RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
TO = click.option("--to", "target", required=True, type=click.Choice(list(FORMATS)), help="The format.")
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to; left out, RUN/export/FORMAT, and for the hub a folder that is gone afterwards.",
)
ALL = click.option(
    "--all-negatives", is_flag=True, help="A pair for each verified negative, in place of those that the mix chose."
)
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace an export that is there.")
MICRO_BATCH = click.option(
    "--micro-batch",
    type=click.IntRange(min=2),
    metavar="N",
    help="KTO: rows side by side, of which no two answer one prompt; left out, as the recipe's batch has it.",
)
REPO = click.option(
    "--repo", metavar="OWNER/NAME", help="Hub: the data set to push to, which is made if it is not there."
)
PUBLIC = click.option("--public", is_flag=True, help="Hub: open to all; without it, private.")
YES = click.option("--yes", is_flag=True, help="Hub: upload; without it, say what would be uploaded.")


def build(name: str, summary: str) -> click.Command:
    """The command."""
    formats = "\n".join(f"  {target:14}{what}" for target, what in FORMATS.items())
    text = (
        f"{summary}\n\nRUN is the folder of a run whose stage mix has finished. Each export is a folder with the data, "
        "what the tool needs to train on it, and a card that tells where the pairs come from. The rejected answers are "
        f"false on purpose.\n\n\b\nFormats:\n{formats}\n\n"
        "A push to the hub takes its token from HF_TOKEN in the environment.\n\n\b\nExamples:\n"
        "  seapo export runs/quickstart --to trl-dpo\n"
        "  seapo export runs/quickstart --to llamafactory --out ../LLaMA-Factory/data/seapo\n"
        "  seapo export runs/quickstart --to parquet --all-negatives --out negatives\n"
        "  seapo export runs/quickstart --to hub --repo me/pairs --yes\n"
    )
    command = _export
    for option in (JSON, YES, PUBLIC, REPO, MICRO_BATCH, OVERWRITE, ALL, OUT, TO, RUN):
        command = option(command)
    return click.command(name, help=text, short_help=summary)(command)


def _export(
    run: Path,
    target: str,
    out: Path | None,
    all_negatives: bool,
    overwrite: bool,
    micro_batch: int | None,
    repo: str | None,
    public: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from seapo.export import export_run
    from seapo.export.hub import find_token

    is_push = target == "hub"
    if not is_push and (repo or public or yes):
        raise click.UsageError("--repo, --public and --yes belong to --to hub")
    if is_push and repo is None:
        raise click.UsageError("--to hub needs --repo OWNER/NAME")
    token = find_token() if is_push and yes else None  # a missing one shows before the work
    with ExitStack() as stack:
        if out is None:
            out = run / "export" / target
            if is_push:
                out = Path(stack.enter_context(TemporaryDirectory())) / "hub"
        found = export_run(
            run, target, out, all_negatives=all_negatives, overwrite=overwrite, micro_batch_size=micro_batch
        )
        _tell(found, as_json=as_json, repo=repo, public=public, token=token)


def _tell(found: "Exported", *, as_json: bool, repo: str | None, public: bool, token: str | None) -> None:
    from seapo.export.hub import push

    if not as_json:
        click.echo(describe(found) if repo is None else describe_push(found, repo, public=public))
    address = push(found.folder, repo, token=token, public=public) if repo and token else None
    if as_json:
        click.echo(json.dumps(_as_json(found, repo, address), indent=2, ensure_ascii=False))
    elif repo is not None:
        click.echo(f"pushed: {address}" if address else "nothing was uploaded; add --yes to do it")


def describe(found: "Exported") -> str:
    """Where it lies and what it holds."""
    lines = [f"{found.mark.rows} rows for {found.mark.format}: {found.folder}"]
    lines += [f"  {name:24}{size(count):>12}" for name, count in found.files.items()]
    return "\n".join([*lines, *_aside(found)])


def describe_push(found: "Exported", repo: str, *, public: bool) -> str:
    """What a push uploads, and who will see it."""
    lines = [f"data set {repo}, {'open to all' if public else 'private if it is new'}, {found.mark.rows} pairs:"]
    lines += [f"  {name:24}{size(count):>12}" for name, count in found.files.items()]
    return "\n".join([*lines, *_aside(found)])


def _aside(found: "Exported") -> list[str]:
    return [f"  left out: {count} x {reason}" for reason, count in found.mark.set_aside.items()]


def _as_json(found: "Exported", repo: str | None, address: str | None) -> dict[str, object]:
    told: dict[str, object] = {
        "folder": str(found.folder),
        "format": found.mark.format,
        "rows": found.mark.rows,
        "set_aside": found.mark.set_aside,
        "files": found.files,
    }
    return told if repo is None else {**told, "repo": repo, "pushed_to": address}
