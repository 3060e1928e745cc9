"""Stage 1: read prompts and good answers of any known format, clean them, and account for every row.

result = read_source(DataSection(path="train.jsonl.gz", limit=60), seed=0)
result.samples, result.rejected, result.summary
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from seapo.errors import DataError, UnknownNameError
from seapo.reading.files import KINDS_IN_WORDS
from seapo.reading.places import Part, Wanted, find_place
from seapo.reading.rows import NOT_OBJECT, UNKNOWN_FILE, Row, UnusableRowError, set_aside, stable_reason
from seapo.recipe import DataSection
from seapo.records import RejectedRow, Sample
from seapo.source.clean import Cleaner, draw
from seapo.source.decontaminate import Contamination, Decontaminated, decontaminate
from seapo.source.drafts import FIELDS
from seapo.source.formats import FORMATS
from seapo.source.recognition import SAMPLE_ROWS, Recognised, check_columns, recognise
from seapo.summaries import SourceSummary

__all__ = ["FIELDS", "FORMATS", "Recognised", "SourceResult", "read_source", "recognise"]

Outcome = Row | RejectedRow
Progress = Callable[[Iterable[Outcome]], Iterable[Outcome]]


@dataclass(frozen=True)
class SourceResult:
    """What came of a source: each row is a sample, set aside, dropped, beyond the limit, or merged into a sample."""

    samples: list[Sample]
    rejected: list[RejectedRow]
    summary: SourceSummary
    recognised: tuple[Recognised, ...] = ()
    """One for each file that was read; none for the starter set."""
    contaminations: tuple[Contamination, ...] = ()
    """What the dropped samples share with benchmarks."""


def read_source(data: DataSection, *, seed: int, progress: Progress = iter) -> SourceResult:
    """Read what the recipe's `data` names; `progress` is put around the rows while they are read.

    Raises DataError, in one sentence, where there is nothing to read, no known format, or no good row.
    """
    check_columns(data.columns)
    if data.format not in ("auto", *FORMATS):
        raise UnknownNameError("format", data.format, [*FORMATS, "auto"])
    if data.path == "starter":
        return _read_starter(data, seed)
    place = find_place(Wanted(data.path, data.split))
    reading = _Reading(data, left_out=dict(place.left_out), is_alone=len(place.parts) == 1, progress=progress)
    for part in place.parts:
        reading.read(part)
    return reading.result(seed)


def _read_starter(data: DataSection, seed: int) -> SourceResult:
    from seapo.tasks.starter import training_samples

    if data.columns or data.format != "auto":
        raise DataError("data.path: 'starter' has a format of its own; leave data.columns and data.format out")
    clean = _decontaminated(list(training_samples()), data)
    kept = draw(clean.samples, data.limit, seed=seed)
    summary = _summary(data.path, ["starter"], {}, [], kept, clean)
    return SourceResult(kept, [], summary, contaminations=tuple(clean.found))


def _decontaminated(samples: list[Sample], data: DataSection) -> Decontaminated:
    clean = decontaminate(samples, data.decontaminate)
    if not clean.samples:
        by = ", ".join(f"{count} of {name}" for name, count in clean.by_benchmark.items())
        raise DataError(
            f"{data.path}: all {len(samples)} samples hold text of benchmarks' test items ({by}), so nothing is "
            "left to train on; take other data, or leave data.decontaminate out and do not report these benchmarks"
        )
    return clean


class _Reading:
    """Reads the parts of a source one after another."""

    def __init__(self, data: DataSection, *, left_out: dict[str, str], is_alone: bool, progress: Progress) -> None:
        self._data = data
        self._is_alone = is_alone
        self._progress = progress
        self._cleaner = Cleaner(is_id_mapped="id" in data.columns)
        self._recognised: list[Recognised] = []
        self._left_out = left_out
        self._problems: list[DataError] = []

    def read(self, part: Part) -> None:
        """Read a part. One of several that cannot be read is recorded; one that is alone raises DataError."""
        head: list[Outcome] = []
        try:
            rows = part.rows()
            _take_head(rows, head)
            recognised = self._recognise(part, head)
        except DataError as problem:
            if self._is_alone:
                raise
            self._give_up(part, problem, chain(head, rows) if head else iter(()))
            return
        self._recognised.append(recognised)
        for outcome in self._progress(chain(head, rows)):
            self._take(outcome, recognised)

    def _recognise(self, part: Part, head: list[Outcome]) -> Recognised:
        columns = [row.value for row in head if isinstance(row, Row) and isinstance(row.value, Mapping)]
        if not columns:
            raise DataError(_no_rows(part.where, head))
        return recognise(columns, self._data.columns, format_name=self._data.format, where=part.where)

    def _take(self, outcome: Outcome, recognised: Recognised) -> None:
        if isinstance(outcome, RejectedRow):
            self._cleaner.reject(outcome)
        elif not isinstance(outcome.value, Mapping):
            self._cleaner.reject(set_aside(outcome, NOT_OBJECT))
        else:
            try:
                draft = recognised.layout.read(outcome.value)
            except UnusableRowError as problem:
                self._cleaner.reject(set_aside(outcome, str(problem)))
                return
            column = recognised.columns.get("id")
            self._cleaner.add(outcome, draft, outcome.value.get(column) if column is not None else None)

    def _give_up(self, part: Part, problem: DataError, rows: Iterator[Outcome]) -> None:
        self._problems.append(problem)
        self._left_out[part.file] = str(problem)
        for outcome in rows:
            self._cleaner.reject(outcome if isinstance(outcome, RejectedRow) else set_aside(outcome, UNKNOWN_FILE))

    def result(self, seed: int) -> SourceResult:
        """All that was read; raises DataError where that is no sample."""
        cleaned = self._cleaner.finish()
        if not cleaned.samples:
            raise self._problems[0] if self._problems else DataError(_no_samples(self._data.path, cleaned.rejected))
        clean = _decontaminated(cleaned.samples, self._data)
        kept = draw(clean.samples, self._data.limit, seed=seed)
        summary = _summary(
            self._data.path,
            [recognised.format for recognised in self._recognised],
            _merged_columns(self._recognised),
            cleaned.rejected,
            kept,
            clean,
            merged=cleaned.merged,
            left_out=self._left_out,
        )
        return SourceResult(kept, cleaned.rejected, summary, tuple(self._recognised), tuple(clean.found))


def _take_head(rows: Iterator[Outcome], head: list[Outcome]) -> None:
    """Move rows over until enough have columns to recognise a format by, however many broken ones come first."""
    wanted = SAMPLE_ROWS
    while wanted and (outcome := next(rows, None)) is not None:
        head.append(outcome)
        wanted -= isinstance(outcome, Row) and isinstance(outcome.value, Mapping)


def _summary(
    path: str,
    formats: list[str],
    columns: dict[str, str],
    rejected: list[RejectedRow],
    samples: list[Sample],
    clean: Decontaminated,
    *,
    merged: int = 0,
    left_out: Mapping[str, str] | None = None,
) -> SourceSummary:
    beyond_limit = len(clean.samples) - len(samples)
    return SourceSummary(
        path=path,
        format=", ".join(dict.fromkeys(formats)),
        columns=columns,
        rows=len(clean.samples) + clean.dropped + merged + len(rejected),
        samples=len(samples),
        beyond_limit=beyond_limit,
        merged=merged,
        set_aside=dict(Counter(stable_reason(row.reason) for row in rejected).most_common()),
        by_dimension=dict(Counter(sample.dimension or "unknown" for sample in samples).most_common()),
        files_left_out=dict(left_out or {}),
        decontaminated=clean.dropped,
        decontaminated_by=clean.by_benchmark,
        compared_with=clean.compared_with,
    )


def _merged_columns(recognised: list[Recognised]) -> dict[str, str]:
    """Field -> column; where the files differ, their columns with `or` between."""
    names: dict[str, dict[str, None]] = {}
    for one in recognised:
        for field, column in one.columns.items():
            names.setdefault(field, {})[column] = None
    return {field: " or ".join(columns) for field, columns in names.items()}


def _no_rows(where: str, outcomes: list[Outcome]) -> str:
    if not outcomes:
        return f"{where}: there are no rows in it"
    rejected = [row if isinstance(row, RejectedRow) else set_aside(row, NOT_OBJECT) for row in outcomes]
    return _no_samples(where, rejected)


def _no_samples(where: str, rejected: list[RejectedRow]) -> str:
    counts = Counter(stable_reason(row.reason) for row in rejected).most_common()
    reasons = ", ".join(f"{reason} ({count})" for reason, count in counts)
    first = rejected[0]
    return (
        f"{where}: no row can be used: {reasons}; the first is line {first.line} of {first.file} ({first.reason}): "
        f"{first.row[:200]!r}; accepted are {KINDS_IN_WORDS} with rows of the formats {', '.join(FORMATS)}; mend the "
        "rows, or name their columns with data.columns"
    )
