"""The stage evaluate of a run, and the evaluation of one model without one: who is asked, and what is kept."""

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seapo.errors import DataError, ModelError
from seapo.evaluate import Subject, compare, measure, read_evaluation, write_evaluation
from seapo.evaluate.measurement import depends
from seapo.evaluate.results import RESULTS
from seapo.journal import NAME as JOURNAL
from seapo.journal import Journal
from seapo.recipe import Recipe
from seapo.records import ItemScore, digest
from seapo.run import Run
from seapo.store import read_json, write_json
from seapo.summaries import EvaluationResults, TrainSummary
from seapo.trained import load_scorer, scorer_fingerprint, trained_weights

EVALUATIONS = Path("evaluations")


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation without a run left."""

    folder: Path
    results: EvaluationResults
    is_reused: bool
    """Whether it was there already, of the same model, items and settings."""


def evaluate_depends(recipe: Recipe) -> list[Any]:
    """The model, and what it is asked."""
    from seapo.model.identity import dtype_name, model_fingerprint

    model = [model_fingerprint(recipe.model), dtype_name(recipe.model.dtype)]
    return [model, depends(recipe.evaluate, recipe.seed)]


def write_evaluate(run: Run, folder: Path) -> None:
    """Write what the untouched model makes of the items (`before/`), the trained one (`after/`), and the difference."""
    recipe, settings = run.recipe, run.recipe.evaluate
    trained = TrainSummary.model_validate(read_json(run.folder.stage("train") / "summary.json"))
    scores: dict[str, tuple[ItemScore, ...]] = {}
    names = {"before": trained.model, "after": f"{trained.model} after {trained.method}"}
    with run.journal() as journal:
        for when, weights in (("before", None), ("after", trained_weights(run.folder))):
            subject, progress = _subject(recipe, names[when], weights), run.progress(f"evaluate {when}")
            found = measure(settings, subject, seed=recipe.seed, journal=journal, progress=progress)
            write_evaluation(folder / when, found.results, found.scores)
            scores[when] = found.scores
    summary = compare(
        scores["before"],
        scores["after"],
        model=trained.model,
        confidence=settings.confidence,
        seed=recipe.seed,
    )
    write_json(folder / "summary.json", summary.model_dump(mode="json"))


def evaluate_model(run: Run, *, adapter: Path | None, out: Path | None) -> Evaluated:
    """Ask the recipe's model, with an adapter on it where one is named, and write its evaluation to a folder.

    Left out, the folder's name follows from model, items and settings. A killed call goes on where it was, by the
    journal beside the folder. Raises DataError where the folder holds another evaluation.
    """
    recipe = run.recipe
    subject = _subject(recipe, _name(recipe, adapter), adapter)
    mark = digest([subject.fingerprint, asked(recipe), depends(recipe.evaluate, recipe.seed)])
    folder = out or EVALUATIONS / f"{Path(recipe.model.name).name}-{mark[:8]}"
    if (folder / RESULTS).is_file():
        found = read_evaluation(folder).results
        if found.fingerprint == mark:
            return Evaluated(folder, found, is_reused=True)
        raise DataError(
            f"{folder} holds an evaluation of {found.model} with other items or settings; choose another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)  # before all else: what cannot be written need not be computed
    except OSError as problem:
        raise DataError(f"{folder}: no folder can be made there: {problem.strerror}; choose another --out") from problem
    start = time.monotonic()
    with Journal(folder.parent / JOURNAL) as journal:
        measured = measure(
            recipe.evaluate, subject, seed=recipe.seed, journal=journal, progress=run.progress("evaluate")
        )
    more = {"fingerprint": mark, "seconds": round(time.monotonic() - start, 1)}
    results = measured.results.model_copy(update=more)
    write_evaluation(folder, results, measured.scores)
    return Evaluated(folder, results, is_reused=False)


def _subject(recipe: Recipe, name: str, weights: Path | None) -> Subject:
    dtype = recipe.evaluate.dtype
    fingerprint = scorer_fingerprint(recipe, dtype=dtype, weights=weights)
    return Subject(name, fingerprint, functools.partial(load_scorer, recipe, dtype=dtype, weights=weights))


def _name(recipe: Recipe, adapter: Path | None) -> str:
    from seapo.model.embedded import NAME

    name = NAME if recipe.model.name == "embedded" else recipe.model.name
    if adapter is None:
        return name
    if not (adapter / "adapter_config.json").is_file():
        raise ModelError(f"{adapter}: no adapter here (adapter_config.json and adapter_model.safetensors)")
    return f"{name} with {adapter}"


def asked(recipe: Recipe) -> dict[str, Any]:
    """The section but for where its data lies; the data itself counts, and stands in `depends`."""
    return {"seed": recipe.seed, **recipe.evaluate.model_dump(mode="json", exclude={"data_dir"})}
