"""The folder of one model's evaluation: `results.json`, and `samples.parquet` with what it made of each item."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seapo.errors import DataError
from seapo.records import ItemScore
from seapo.store import read_json, write_json
from seapo.summaries import EvaluationResults

RESULTS, SAMPLES = "results.json", "samples.parquet"


@dataclass(frozen=True)
class Evaluation:
    """A model's results and the scores of its items."""

    results: EvaluationResults
    scores: tuple[ItemScore, ...]


def write_evaluation(folder: Path, results: EvaluationResults, scores: Sequence[ItemScore]) -> None:
    """Write both files, each whole or not at all; `results.json` comes last, and says that the other one is there."""
    import pyarrow
    import pyarrow.parquet

    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{SAMPLES}.new"
    schema = pyarrow.schema([(name, _column(name)) for name in ItemScore.model_fields])
    rows = [score.model_dump(mode="json") for score in scores]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), beside)
    beside.replace(folder / SAMPLES)
    write_json(folder / RESULTS, results.model_dump(mode="json"))


def read_evaluation(folder: Path) -> Evaluation:
    """Read what `write_evaluation` wrote; raises DataError where a file is missing or of another version."""
    import pyarrow
    import pyarrow.parquet

    try:
        results = EvaluationResults.model_validate(read_json(folder / RESULTS))
        rows = pyarrow.parquet.read_table(folder / SAMPLES).to_pylist()
        return Evaluation(results, tuple(ItemScore.model_validate(row) for row in rows))
    except (OSError, pyarrow.ArrowException, ValidationError) as problem:
        raise DataError(f"{folder}: is no evaluation that this version of seapo can read: {problem}") from problem


def _column(name: str) -> object:
    import pyarrow

    if name == "choice_logprobs_nats":
        return pyarrow.list_(pyarrow.float64())
    return pyarrow.float64() if name == "value" else pyarrow.string()
