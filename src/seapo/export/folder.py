"""An export's folder: written beside and renamed, so that it is there whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seapo.errors import DataError, RunError, UnknownNameError
from seapo.export.card import dataset_card
from seapo.export.pairs import RunPairs, read_pairs
from seapo.export.provenance import read_provenance
from seapo.export.targets import TARGETS
from seapo.export.written import Job, Written
from seapo.recipe import load_recipe
from seapo.records import Record, digest
from seapo.store import file_sha256, read_json, write_json, write_text

MARK = "export.json"
"""File that tells an export's folder from others, and what was exported."""


class ExportMark(Record):
    """What `export.json` holds."""

    format: str
    run: str
    """Name of the run's folder."""
    all_negatives: bool
    rows: int
    set_aside: dict[str, int]
    files: dict[str, str]
    """File below the folder, but for this one -> the SHA-256 of its bytes; `--overwrite` removes no others."""
    exported: dict[str, tuple[str, ...]]
    """Sample id -> its exported negatives, by `negative_name`; `seapo import --drop-missing` compares."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    mark: ExportMark
    files: dict[str, int]
    """File below the folder -> its size in bytes."""


def export_run(
    run_dir: Path,
    target: str,
    out_dir: Path,
    *,
    all_negatives: bool = False,
    overwrite: bool = False,
    micro_batch_size: int | None = None,
) -> Exported:
    """Write the run's pairs for one tool into `out_dir`, with a card and what the tool needs.

    Raises UnknownNameError for a format that there is not, RunError where the run has no pairs or `out_dir` is there
    already, DataError where the tool could take none of the pairs.
    """
    if target not in TARGETS:
        raise UnknownNameError("export format", target, TARGETS)
    _check_place(out_dir, overwrite)
    pairs = read_pairs(run_dir, all_negatives=all_negatives)
    if not pairs.rows:
        raise DataError(f"{run_dir}: there is no pair to export")
    recipe = load_recipe(run_dir / "recipe.yaml")
    with _beside(out_dir, overwrite) as folder:
        written = TARGETS[target].write(Job(folder, pairs.rows, recipe, micro_batch_size))
        provenance = read_provenance(run_dir, recipe)
        write_text(folder / "README.md", dataset_card(provenance, pairs, written))
        mark = _mark(run_dir, target, pairs, written, folder)
        write_json(folder / MARK, mark.model_dump(mode="json"))
    return Exported(out_dir, mark, _sizes(out_dir))


def _mark(run_dir: Path, target: str, pairs: RunPairs, written: Written, folder: Path) -> ExportMark:
    """What `export.json` is to hold of a folder that is whole but for it."""
    exported: dict[str, list[str]] = {}
    for row in pairs.rows if written.kept is None else written.kept:
        name = negative_name(row["error_type"], row["rejected"][0]["content"])
        exported.setdefault(row["id"], []).append(name)
    return ExportMark(
        format=target,
        run=run_dir.resolve().name,
        all_negatives=pairs.all_negatives,
        rows=written.rows,
        set_aside=written.set_aside,
        files={name: file_sha256(folder / name) for name in _sizes(folder)},
        exported={sample_id: tuple(names) for sample_id, names in exported.items()},
    )


def negative_name(error_type: str, text: str) -> str:
    """What stands for a negative among those of its sample: `logic 1f0e...`."""
    return f"{error_type} {digest(text)}"


def _check_place(out_dir: Path, overwrite: bool) -> None:
    if not out_dir.exists():
        return
    if not overwrite:
        raise RunError(f"{out_dir} is there already; choose another --out, or replace it with --overwrite")
    if not (out_dir / MARK).is_file():
        raise RunError(f"{out_dir} is no export of seapo (it has no {MARK}), so --overwrite leaves it alone")
    written = {MARK, *(Path(name).parts[0] for name in read_mark(out_dir / MARK).files)}
    if others := sorted({path.name for path in out_dir.iterdir()} - written):
        raise RunError(
            f"{out_dir} holds what the export did not write ({', '.join(others)}), so --overwrite leaves it alone; "
            "move that away, or choose another --out"
        )


def read_mark(path: Path) -> ExportMark:
    """What an `export.json` says; raises RunError where it is none of this version."""
    try:
        return ExportMark.model_validate(read_json(path))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RunError(f"{path}: not as this version writes it: {where}: {first['msg']}; export anew") from problem


@contextmanager
def _beside(out_dir: Path, overwrite: bool) -> Iterator[Path]:
    """An empty folder beside the place, which takes the place when the block ends without error."""
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    new = out_dir.with_name(f".{out_dir.name}.{os.getpid()}.new")
    old = out_dir.with_name(f".{out_dir.name}.{os.getpid()}.old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        _check_place(out_dir, overwrite)  # somebody may have put something there meanwhile
        if out_dir.exists():
            out_dir.rename(old)
        new.rename(out_dir)
    finally:
        if old.exists() and not out_dir.exists():
            old.rename(out_dir)  # the new one did not take its place
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
