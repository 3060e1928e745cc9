"""Where exported pairs come from: model, seed, versions, recipe, what was lost on the way; no place on this machine."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from seapo.export.settings import model_name
from seapo.recipe import Recipe
from seapo.records import Record
from seapo.store import read_json
from seapo.summaries import InjectSummary, MixSummary, SourceSummary, VerifySummary

S = TypeVar("S", bound=Record)

TOLD = ("data", "inject", "verify", "mix")
"""Sections of the recipe that the pairs follow from."""
FILE_ENDINGS = (".jsonl", ".json", ".gz", ".zst", ".parquet", ".arrow", ".csv", ".tsv", ".txt", ".gguf", ".py")
TOLD_OF_ENGINES = ("kind", "model", "temperature", "top_p", "max_tokens")


@dataclass(frozen=True)
class Provenance:
    """What a card tells of a run."""

    run: str
    model: str
    """That ranked the errors, or wrote them."""
    seed: int
    versions: dict[str, str]
    recipe: dict[str, Any]
    """What the pairs follow from; paths are shortened to their last part, and addresses are left out."""
    source: SourceSummary
    inject: InjectSummary
    verify: VerifySummary
    mix: MixSummary | None


def read_provenance(run_dir: Path, recipe: Recipe) -> Provenance:
    """Read it from a run's folder."""
    path = run_dir / "run.json"
    run = read_json(path) if path.is_file() else {}
    versions = {"seapo": run.get("seapo"), "python": run.get("python"), **run.get("packages", {})}
    mix = run_dir / "mix" / "summary.json"
    return Provenance(
        run=run_dir.resolve().name,
        model=_last_part(model_name(recipe)),
        seed=recipe.seed,
        versions={name: version for name, version in versions.items() if version},
        recipe=_told(recipe),
        source=_summary(run_dir, "source", SourceSummary),
        inject=_summary(run_dir, "inject", InjectSummary),
        verify=_summary(run_dir, "verify", VerifySummary),
        mix=_summary(run_dir, "mix", MixSummary) if mix.is_file() else None,
    )


def _summary(run_dir: Path, stage: str, kind: type[S]) -> S:
    return kind.model_validate(read_json(run_dir / stage / "summary.json"))


def _told(recipe: Recipe) -> dict[str, Any]:
    values = recipe.model_dump(mode="json")
    told: dict[str, Any] = {"seed": recipe.seed, "model": {"name": values["model"]["name"]}}
    told |= {name: values[name] for name in TOLD}
    for name in ("engine", "judge"):
        if values[name]["kind"] != "none":
            told[name] = {key: values[name][key] for key in TOLD_OF_ENGINES}
    shortened: dict[str, Any] = _without_places(told)
    return shortened


def _without_places(value: Any) -> Any:
    """The same with every path on this machine shortened to its last part: cards are published."""
    if isinstance(value, dict):
        return {key: _without_places(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_places(part) for part in value]
    return _last_part(value) if isinstance(value, str) else value


def _last_part(text: str) -> str:
    """A path's last part, an address without what stands for a person or a key; all else as it is."""
    if "://" in text:
        parts = urlsplit(text)
        return Path(parts.path).name if parts.scheme == "file" else f"{parts.scheme}://{parts.hostname}{parts.path}"
    is_path = text.startswith(("/", "~", "./", "../")) or ("/" in text and not re.search(r"\s", text))
    return Path(text).name if is_path and not _is_hub_id(text) else text


def _is_hub_id(text: str) -> bool:
    """`owner/name`: two parts, the last one without the ending of a file of data."""
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", text) is not None and not text.endswith(FILE_ENDINGS)
