"""What a run's folder holds, as far as the report shows it; a stage that has not run is None, never an empty value."""

import json
import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from seapo.errors import DataError, RunError
from seapo.recipe import Recipe, load_recipe
from seapo.records import Negative, Record, RejectedRow, Sample, Skip
from seapo.store import read_json, read_records
from seapo.summaries import (
    EvaluateSummary,
    EvaluationResults,
    InjectSummary,
    MixSummary,
    Profile,
    SourceSummary,
    TrainSummary,
    VerifySummary,
)

R = TypeVar("R", bound=Record)

STAGES = ("source", "inject", "verify", "mix", "train", "evaluate")
SHOWN_ROWS = 10
"""Rejected rows and set-aside samples that the page lists; their numbers are in the summaries."""


@dataclass(frozen=True)
class Provenance:
    """What `run.json` says of how the run came about."""

    facts: dict[str, dict[str, str]]
    """Top-level key -> (inner key -> value); a plain value stands under the inner key `""`."""
    stage_seconds: dict[str, float]


@dataclass(frozen=True)
class RunContents:
    """A run's folder, read and checked."""

    recipe: Recipe
    recipe_text: str
    provenance: Provenance
    source: SourceSummary | None
    samples: dict[str, Sample]
    """Sample id -> sample."""
    rejected_rows: tuple[RejectedRow, ...]
    inject: InjectSummary | None
    verify: VerifySummary | None
    negatives: tuple[Negative, ...]
    set_aside: tuple[Skip, ...]
    mix: MixSummary | None
    train: TrainSummary | None
    metrics: tuple[dict[str, float], ...]
    """One mapping per logged step; names as TRL has them."""
    evaluate: EvaluateSummary | None
    evaluated: tuple[EvaluationResults, ...] = ()
    """The untouched and the trained model's own evaluations: what was asked, and how; empty where none was kept."""
    diagnose: Profile | None = None
    """None where the run has no diagnosis: it is no stage of every run."""

    @property
    def missing_stages(self) -> tuple[str, ...]:
        """Stages that have not finished, in the order of the journey."""
        return tuple(stage for stage in STAGES if getattr(self, stage) is None)

    @property
    def error_types(self) -> tuple[str, ...]:
        """The recipe's error types, then others that a summary names, each once."""
        found = [self.inject and self.inject.asked, self.verify and self.verify.asked]
        return tuple(
            dict.fromkeys([*self.recipe.inject.error_types, *(name for names in found if names for name in names)])
        )


def read_run(run_dir: Path) -> RunContents:
    """Read a run's folder; raises RunError where it is none or contradicts itself, DataError where a file is broken."""
    recipe_path = run_dir / "recipe.yaml"
    if not recipe_path.is_file():
        raise RunError(f"{run_dir}: no run here, recipe.yaml is missing; start one with `seapo run RECIPE`")
    contents = RunContents(
        recipe=load_recipe(recipe_path),
        recipe_text=recipe_path.read_text(encoding="utf-8"),
        provenance=_read_provenance(run_dir / "run.json"),
        source=_summary(run_dir, "source", SourceSummary),
        samples={sample.id: sample for sample in _records(run_dir / "source" / "samples.jsonl", Sample)},
        rejected_rows=_records(run_dir / "source" / "rejected_rows.jsonl", RejectedRow, SHOWN_ROWS),
        inject=_summary(run_dir, "inject", InjectSummary),
        verify=_summary(run_dir, "verify", VerifySummary),
        negatives=_records(run_dir / "verify" / "negatives.jsonl", Negative),
        set_aside=_records(run_dir / "verify" / "set_aside.jsonl", Skip, SHOWN_ROWS),
        mix=_summary(run_dir, "mix", MixSummary),
        train=_summary(run_dir, "train", TrainSummary),
        metrics=_read_metrics(run_dir / "train" / "metrics.jsonl"),
        evaluate=_summary(run_dir, "evaluate", EvaluateSummary),
        evaluated=_read_evaluations(run_dir / "evaluate"),
        diagnose=_summary(run_dir, "diagnose", Profile, name="profile.json"),
    )
    _check_samples(contents, run_dir)
    return contents


def _check_samples(contents: RunContents, run_dir: Path) -> None:
    unknown = {negative.sample_id for negative in contents.negatives} - contents.samples.keys()
    if unknown:
        raise RunError(
            f"{run_dir}: verify/negatives.jsonl has negatives of {len(unknown)} samples that source/samples.jsonl does "
            f"not hold, the first of them {min(unknown)!r}; repeat the stages from source on with `seapo run`"
        )


def _read_evaluations(folder: Path) -> tuple[EvaluationResults, ...]:
    found = (_summary(folder, when, EvaluationResults, name="results.json") for when in ("before", "after"))
    return tuple(results for results in found if results is not None)


def _summary(run_dir: Path, stage: str, kind: type[R], *, name: str = "summary.json") -> R | None:
    path = run_dir / stage / name
    if not path.is_file():
        return None
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: not a {kind.__name__}: {where}: {first['msg']}; repeat `seapo {_stage_of(path)}`"
        ) from problem


def _stage_of(path: Path) -> str:
    """The stage whose folder, or a folder in it, holds the file."""
    return next((part for part in reversed(path.parts) if part in (*STAGES, "diagnose")), "run")


def _records(path: Path, kind: type[R], limit: int | None = None) -> tuple[R, ...]:
    return tuple(islice(read_records(path, kind), limit)) if path.is_file() else ()


def _read_metrics(path: Path) -> tuple[dict[str, float], ...]:
    """The finite numbers of each logged step."""
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
        except ValueError as problem:
            if number == len(lines):
                break  # A run that was killed while it wrote leaves a torn line, without a line feed, at the end.
            raise DataError(f"{path}, line {number}: cannot be read as JSON: {problem}") from problem
        if not isinstance(row, dict):
            raise DataError(
                f"{path}, line {number}: holds a {type(row).__name__}, where a step's metrics are one object"
            )
        rows.append({name: float(value) for name, value in row.items() if _is_finite_number(value)})
    return tuple(rows)


def _is_finite_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_provenance(path: Path) -> Provenance:
    """Whatever `run.json` holds, flattened to text; keys that this version does not know are shown all the same."""
    values = read_json(path) if path.is_file() else {}
    if not isinstance(values, dict):
        raise DataError(f"{path}: holds a {type(values).__name__}, where a run's facts are one JSON object")
    stages = values.pop("stages", {})
    seconds = {
        stage: facts["seconds"]
        for stage, facts in (stages.items() if isinstance(stages, dict) else ())
        if isinstance(facts, dict) and _is_finite_number(facts.get("seconds"))
    }
    return Provenance(facts={key: _flatten(value) for key, value in values.items()}, stage_seconds=seconds)


def _flatten(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {"": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
    flat = {}
    for key, inner in value.items():
        for rest, text in _flatten(inner).items():
            flat[f"{key}.{rest}" if rest else str(key)] = text
    return flat
