"""The items whose score crossed one half between two models: what a difference consists of, to be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from seapo.evaluate.clusters import Pair
from seapo.records import Record


class Flip(Record):
    """An item that one model has right and the other has not."""

    task: str
    id: str
    change: Literal["gained", "lost"]
    """`gained` where the other model has it right."""
    base_score: float
    other_score: float
    base_answer: str
    other_answer: str


def flips_of(pairs: Sequence[Pair]) -> tuple[Flip, ...]:
    """The flipped items, in order. A score that is more than right or wrong flips from under one half to above it."""
    return tuple(_flip(pair) for pair in pairs if _is_right(pair.base.value) != _is_right(pair.other.value))


def write_flips(path: Path, flips: Mapping[tuple[str, str], Sequence[Flip]]) -> None:
    """Write the flips of each base and other model as Parquet, one row an item."""
    import pyarrow
    import pyarrow.parquet

    texts = {name: pyarrow.string() for name in ("base", "other", *Flip.model_fields)}
    schema = pyarrow.schema(texts | dict.fromkeys(("base_score", "other_score"), pyarrow.float64()))
    rows = [
        {"base": base, "other": other, **flip.model_dump()} for (base, other), found in flips.items() for flip in found
    ]
    beside = path.with_name(f".{path.name}.new")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), beside)
    beside.replace(path)


def _is_right(value: float) -> bool:
    return value > 0.5


def _flip(pair: Pair) -> Flip:
    return Flip(
        task=pair.base.task,
        id=pair.base.id,
        change="gained" if _is_right(pair.other.value) else "lost",
        base_score=pair.base.value,
        other_score=pair.other.value,
        base_answer=pair.base.answer,
        other_answer=pair.other.answer,
    )
