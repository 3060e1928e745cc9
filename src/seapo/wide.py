"""All negatives of a sample in one row: the file `wide.jsonl` that verify leaves, of which every mix is a view.

    {"id": "3f", "prompt": [...], "chosen": "...", "rejected": [...],
     "negatives": [{"error_type": "logic", "edits": [...], "severity": "subtle", "gap_nats": 7.1, ...}, ...]}

A negative is kept as its edits, which lead from the chosen answer to it; `WideRow.text` makes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from seapo.errors import DataError
from seapo.records import Dimension, Edit, Message, Negative, Record, Sample, Severity, Status, apply_edits
from seapo.store import read_records, write_records

WIDE = "wide.jsonl"


class WideNegative(Record):
    """A negative as its row keeps it."""

    error_type: str
    subtype: str
    strategy: str
    injector: str
    choice: int
    """0 for the one that verify chose of this type, 1 for the first that it kept beside, and so on."""
    rank: int
    """Its place among the candidates of the type; 0 for the most plausible one."""
    edits: tuple[Edit, ...]
    edit_ratio: float
    severity: Severity | None = None
    gap_nats: float | None = None
    """By so much likelier the reference finds the chosen answer, in nats; None where no model ranked."""
    status: Status
    proofs: tuple[str, ...] = ()


class WideRow(Record):
    """A sample with all its negatives, by error type and then in verify's order."""

    id: str
    source: str
    dimension: Dimension | None = None
    prompt: tuple[Message, ...]
    chosen: str
    rejected: tuple[str, ...] = ()
    """The data's own rejected answers, where it has them."""
    negatives: tuple[WideNegative, ...] = ()

    def text(self, negative: WideNegative) -> str:
        """The negative's own words."""
        return apply_edits(self.chosen, negative.edits)


def wide_rows(samples: Sequence[Sample], negatives: Iterable[Negative]) -> list[WideRow]:
    """The rows of samples and negatives at hand, which come in any order.

    Raises DataError where a negative belongs to no sample, or its edits do not lead to it.
    """
    own: dict[str, list[Negative]] = {sample.id: [] for sample in samples}
    for negative in negatives:
        if negative.sample_id not in own:
            raise DataError(_no_sample(negative.sample_id, f"the {len(samples)} samples"))
        own[negative.sample_id].append(negative)
    return [_row(sample, own[sample.id]) for sample in samples]


def write_wide(path: Path, samples: Iterable[Sample], negatives: Iterable[Negative]) -> int:
    """Write the rows of samples and their negatives, which come in the order of the samples; gives their number.

    Holds one sample at a time. Raises DataError as `wide_rows` does.
    """
    return write_records(path, _joined(samples, negatives))


def read_wide(path: Path) -> Iterator[WideRow]:
    """The rows of a file, one at a time; raises DataError where one cannot be read."""
    return read_records(path, WideRow)


def _joined(samples: Iterable[Sample], negatives: Iterable[Negative]) -> Iterator[WideRow]:
    groups = groupby(negatives, key=lambda negative: negative.sample_id)
    waiting = next(groups, None)
    for sample in samples:
        own: list[Negative] = []
        if waiting is not None and waiting[0] == sample.id:
            own = list(waiting[1])
            waiting = next(groups, None)
        yield _row(sample, own)
    if waiting is not None:
        raise DataError(_no_sample(waiting[0], "the samples that are left, in their order"))


def _row(sample: Sample, negatives: Sequence[Negative]) -> WideRow:
    ordered = sorted(negatives, key=lambda one: (one.error_type, one.choice, one.rank, one.text))
    return WideRow(
        id=sample.id,
        source=sample.source,
        dimension=sample.dimension,
        prompt=sample.prompt,
        chosen=sample.chosen,
        rejected=sample.rejected,
        negatives=tuple(_negative(sample, each) for each in ordered),
    )


def _negative(sample: Sample, negative: Negative) -> WideNegative:
    try:
        text = apply_edits(sample.chosen, negative.edits)
    except ValueError:
        text = None
    if text != negative.text:
        raise DataError(
            f"the edits of a negative of the sample {sample.id!r} (type {negative.error_type}) do not lead from its "
            "chosen answer to the negative; repeat the stages from inject on with `seapo run`"
        )
    known = negative.chosen_logprob_nats is not None and negative.logprob_nats is not None
    return WideNegative(
        **{name: getattr(negative, name) for name in _TAKEN},
        gap_nats=(negative.chosen_logprob_nats or 0.0) - (negative.logprob_nats or 0.0) if known else None,
        status=negative.verdict.status,
        proofs=negative.verdict.proofs,
    )


_TAKEN = tuple(name for name in WideNegative.model_fields if name in Negative.model_fields)


def _no_sample(name: str, among: str) -> str:
    return (
        f"there is a negative of the sample {name!r}, which is not among {among}; repeat the stages from source on "
        "with `seapo run`"
    )
