"""Samples that hold what a benchmark's test item says are dropped, and listed with the words that both have."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seapo.recipe import DecontaminateSection
from seapo.records import Record, Sample

if TYPE_CHECKING:
    from seapo.tasks.contamination import Contaminants, Trace

LISTED_ITEMS = 5
"""So many test items are listed for one field of a sample; a copied passage may belong to more."""


class Contamination(Record):
    """What a dropped sample shares with a test item: a line of `decontaminated.jsonl`."""

    sample_id: str
    source: str
    line: int
    """As in the sample: where its row stands in the source."""
    field: Literal["prompt", "chosen", "rejected"]
    benchmark: str
    item: str
    part: Literal["question", "answer"]
    """The item's part that the words stand in."""
    kind: Literal["ngram", "exact"]
    """`ngram`: as many words in a row as the recipe says; `exact`: the whole text."""
    matched: str
    """The longest run of words that both have, in lower case and without punctuation."""


@dataclass(frozen=True)
class Decontaminated:
    """Samples without a trace of the benchmarks, and what the others held."""

    samples: list[Sample]
    found: list[Contamination]
    compared_with: dict[str, int]
    """Benchmark -> test items that were looked for."""

    @property
    def dropped(self) -> int:
        """Number of samples that are gone."""
        return len({each.sample_id for each in self.found})

    @property
    def by_benchmark(self) -> dict[str, int]:
        """Benchmark -> samples that hold something of it; one sample may hold something of several."""
        pairs = {(each.benchmark, each.sample_id) for each in self.found}
        return dict(Counter(benchmark for benchmark, _ in sorted(pairs)).most_common())


def decontaminate(samples: Iterable[Sample], settings: DecontaminateSection) -> Decontaminated:
    """Drop the samples whose prompt or answers hold a test item's text; without a data folder, nothing is compared.

    Raises DataError where the folder holds no benchmark, or one of another version.
    """
    if settings.data_dir is None:
        return Decontaminated(list(samples), [], {})
    from seapo.tasks.benchmark_texts import benchmark_texts  # these two need NumPy
    from seapo.tasks.contamination import Contaminants

    benchmarks = benchmark_texts(Path(settings.data_dir).expanduser())
    contaminants = Contaminants(benchmarks, n=settings.words)
    kept: list[Sample] = []
    found: list[Contamination] = []
    for sample in samples:
        traces = list(_traces(sample, contaminants))
        found += traces
        if not traces:
            kept.append(sample)
    return Decontaminated(kept, found, {name: len(items) for name, items in benchmarks.items()})


def _traces(sample: Sample, contaminants: "Contaminants") -> Iterator[Contamination]:
    for field, text in _fields(sample):
        for trace in contaminants.traces(text)[:LISTED_ITEMS]:
            yield _contamination(sample, field, trace)


def _fields(sample: Sample) -> Iterator[tuple[Literal["prompt", "chosen", "rejected"], str]]:
    for message in sample.prompt:
        yield "prompt", message.content
    yield "chosen", sample.chosen
    for text in sample.rejected:
        yield "rejected", text


def _contamination(sample: Sample, field: Literal["prompt", "chosen", "rejected"], trace: "Trace") -> Contamination:
    return Contamination(
        sample_id=sample.id,
        source=sample.source,
        line=sample.line,
        field=field,
        benchmark=trace.benchmark,
        item=trace.item,
        part=trace.part,
        kind=trace.kind,
        matched=" ".join(trace.words),
    )
