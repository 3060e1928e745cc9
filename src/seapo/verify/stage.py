"""The stage: samples and candidates in, one negative of each sample and type out, streamed from file to file.

First every sample is sifted, and what passed goes to a file beside the output. Then a selector learns from some of the
samples what gives negatives away. Then the file is read again, and each sample's negatives are chosen. Neither step
holds more than a few samples, and the number of processes changes nothing but the time.
"""

import hashlib
import heapq
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Generic, TypeVar

from seapo.engine.request import Engine
from seapo.errors import DataError
from seapo.journal import Journal
from seapo.progress import gain
from seapo.recipe import ErrorTypeSection, VerifySection
from seapo.records import Candidate, DroppedCandidate, Negative, Sample, Skip, Status
from seapo.store import read_records
from seapo.summaries import AuditSummary, VerifySummary
from seapo.verify.audit import Scorer, audit, one_thread
from seapo.verify.examination import panel
from seapo.verify.selection import Choice, Selector
from seapo.verify.sifting import Proposed, Sifted, choices_of
from seapo.verify.workers import ChosenLines, Crew, SiftedLines, sift_with_judge

DRAWN_SAMPLES = 2000
"""The selector learns from so many samples, and the audit looks at them; more of them hardly change what they find."""
JUDGE_THREADS = 16
"""Samples that wait for a judge side by side, where nobody says how many."""

FILES = ("negatives", "dropped", "skipped", "set_aside")
SIFTED = "sifted"
"""Name of the file between the two steps, which is gone when the stage ends."""

R = TypeVar("R", Candidate, Skip)
Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class VerifyResult:
    """What became of the candidates."""

    negatives: list[Negative]
    dropped: list[DroppedCandidate]
    """Candidates that failed a check, or that say the same as another negative of the sample."""
    skips: list[Skip]
    """Samples and types without a negative: those given, and those that failed here."""
    set_aside: list[Skip]
    """Samples whose chosen answer is wrong itself; their error type is `*`."""
    summary: VerifySummary


def verify_candidates(
    samples: Sequence[Sample],
    candidates: Iterable[Candidate],
    skips: Sequence[Skip],
    settings: VerifySection,
    *,
    error_types: Sequence[str],
    **keywords: Any,
) -> VerifyResult:
    """The same as `verify_to` for records at hand, in any order; keywords as there."""
    places = {sample.id: place for place, sample in enumerate(samples)}
    ordered = sorted((each for each in candidates if each.sample_id in places), key=lambda c: places[c.sample_id])
    given = sorted((each for each in skips if each.sample_id in places), key=lambda skip: places[skip.sample_id])
    with TemporaryDirectory() as name:
        folder = Path(name)
        summary = verify_to(folder, samples, ordered, given, settings, error_types=error_types, **keywords)
        return VerifyResult(
            list(read_records(folder / "negatives.jsonl", Negative)),
            list(read_records(folder / "dropped.jsonl", DroppedCandidate)),
            list(read_records(folder / "skipped.jsonl", Skip)),
            list(read_records(folder / "set_aside.jsonl", Skip)),
            summary,
        )


def verify_to(
    folder: Path,
    samples: Iterable[Sample],
    candidates: Iterable[Candidate],
    skips: Iterable[Skip],
    settings: VerifySection,
    *,
    error_types: Sequence[str],
    seed: int = 0,
    types: Sequence[ErrorTypeSection] = (),
    journal: Journal | None = None,
    judge: Engine | None = None,
    judge_threads: int = JUDGE_THREADS,
    scorer: Scorer | None = None,
    progress: Progress = lambda items: items,
    warn: Callable[[str], None] = lambda text: None,
) -> VerifySummary:
    """Keep one negative per sample and error type; write what was kept, dropped, skipped and set aside to the folder.

    Candidates and skips (types for which nothing was proposed) come in the order of the samples, else DataError is
    raised. `types` are a recipe's own error types. Runs of unit tests, and the judge's replies, are kept in the
    journal, so a second call repeats none. `scorer` is asked for the data's own rejected answers, to set the negatives
    beside them. Samples keep their order, and within one the error types theirs. `warn` hears what gives the negatives
    away.
    """
    crew = Crew(settings, tuple(error_types), journal)
    bar = progress(samples)
    proposed = _joined(bar, candidates, skips)
    if judge is not None and settings.use_judge:
        checks = panel(settings, journal=journal, judge=judge, types=types)
        sifted = sift_with_judge(crew, proposed, checks, threads=judge_threads)
    else:
        sifted = crew.sift(proposed)
    with _Output(folder) as output:
        drawn = _write_sifted(_gained(sifted, bar, len(error_types)), output, seed)
        selector = _learned(_choices(drawn) if settings.balance else [], seed)
        _write_chosen(replace(crew, selector=selector).choose(output.sifted()), output)
        summary = output.tally.summary(error_types)
    found = _audited(drawn, folder / "negatives.jsonl", settings, seed, scorer)
    for warning in found.warnings:
        warn(warning)
    return summary.model_copy(update={"audit": found})


def _learned(choices: Sequence[Choice], seed: int) -> Selector:
    with one_thread():
        return Selector.learn(choices, seed=seed)


def _audited(
    drawn: Iterable[str], negatives: Path, settings: VerifySection, seed: int, scorer: Scorer | None
) -> AuditSummary:
    """What gives the negatives of the drawn samples away; the choice for each of them was learned without it."""
    samples = {each.sample.id: each.sample for each in map(Sifted.model_validate_json, drawn)}
    own = (each for each in read_records(negatives, Negative) if each.sample_id in samples)
    found, most = list(samples.values()), settings.rejected_scored
    return audit(found, own, seed=seed, limit=settings.giveaway_limit, scorer=scorer, most_scored=most)


def _joined(samples: Iterable[Sample], candidates: Iterable[Candidate], skips: Iterable[Skip]) -> Iterator[Proposed]:
    """Each sample with its candidates and skips, all of which come in the samples' order."""
    own_candidates, own_skips = _Sorted(candidates), _Sorted(skips)
    for sample in samples:
        yield Proposed(
            sample=sample,
            candidates=tuple(own_candidates.take(sample.id)),
            skips=tuple(own_skips.take(sample.id)),
        )
    for rest in (own_candidates, own_skips):
        rest.expect_none()


class _Sorted(Generic[R]):
    """Records that come in the order of the samples that they belong to."""

    def __init__(self, records: Iterable[R]) -> None:
        self._groups: Iterator[tuple[str, Iterator[R]]] = groupby(records, key=lambda record: record.sample_id)
        self._next: tuple[str, Iterator[R]] | None = next(self._groups, None)

    def take(self, sample_id: str) -> list[R]:
        """The records of the next sample; none where the next ones belong to a later sample."""
        if self._next is None or self._next[0] != sample_id:
            return []
        found = list(self._next[1])
        self._next = next(self._groups, None)
        return found

    def expect_none(self) -> None:
        """Raise DataError where some are left over, which belong to no sample or come out of order."""
        if self._next is not None:
            raise DataError(
                f"what was injected does not fit the samples: {self._next[0]!r} is no sample, or out of their order; "
                "run seapo inject again"
            )


def _gained(sifted: Iterable[SiftedLines], bar: Iterable[Any], types: int) -> Iterator[SiftedLines]:
    """The same, while the bar counts how many negatives there will be."""
    for lines in sifted:
        gain(bar, asked=types * (len(lines.ids) + len(lines.set_aside)), accepted=lines.with_option)
        yield lines


def _write_sifted(sifted: Iterable[SiftedLines], output: "_Output", seed: int) -> list[str]:
    """Write what was sifted, and give the lines of some samples, drawn by the seed."""
    lottery = Lottery(DRAWN_SAMPLES, seed)
    for lines in sifted:
        output.write("set_aside", lines.set_aside)
        output.write("dropped", lines.dropped)
        output.write(SIFTED, lines.sifted)
        output.tally.add_sifted(lines)
        for sample_id, line in zip(lines.ids, lines.sifted, strict=True):
            lottery.offer(sample_id, line)
    return lottery.drawn()


class Lottery:
    """Draws some of many lines by the seed and the names they go by, in whatever order they come; keeps only those."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        self._kept: list[tuple[int, str]] = []

    def offer(self, name: str, line: str) -> None:
        """One more line."""
        ticket = -int.from_bytes(hashlib.sha256(f"{self._seed}\n{name}".encode()).digest()[:8])
        if len(self._kept) < self._count:
            heapq.heappush(self._kept, (ticket, line))
        else:
            heapq.heappushpop(self._kept, (ticket, line))

    def drawn(self) -> list[str]:
        """The lines that were drawn."""
        return [line for _, line in sorted(self._kept)]


def _choices(lines: Iterable[str]) -> list[Choice]:
    return [choice for line in lines for choice in choices_of(Sifted.model_validate_json(line))]


def _write_chosen(chosen: Iterable[ChosenLines], output: "_Output") -> None:
    for lines in chosen:
        output.write("negatives", lines.negatives)
        output.write("dropped", lines.dropped)
        output.write("skipped", lines.skips)
        output.tally.add_chosen(lines)


@dataclass
class _Tally:
    """What is counted on the way."""

    samples: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    proofs: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_sifted(self, lines: SiftedLines) -> None:
        self.samples += len(lines.sifted) + len(lines.set_aside)
        self.problems.update(lines.problems)
        self.failures.update(lines.failures)
        self.checked.update(lines.checked)

    def add_chosen(self, lines: ChosenLines) -> None:
        self.failures.update(lines.failures)
        self.statuses.update(lines.statuses)
        self.proofs.update(lines.proofs)
        self.reasons.update(lines.reasons)

    def summary(self, error_types: Sequence[str]) -> VerifySummary:
        def by_type(counts: Counter[tuple[str, str]]) -> dict[str, dict[Any, int]]:
            found: dict[str, dict[Any, int]] = {error_type: {} for error_type in error_types}
            for (error_type, name), count in sorted(counts.items()):
                found[error_type][name] = count
            return found

        status: dict[str, dict[Status, int]] = by_type(self.statuses)
        return VerifySummary(
            asked=dict.fromkeys(error_types, self.samples),
            checked={error_type: self.checked[error_type] for error_type in error_types},
            accepted={error_type: sum(status[error_type].values()) for error_type in error_types},
            status=status,
            proofs=by_type(self.proofs),
            dropped_candidates=by_type(self.failures),
            without_negative=by_type(self.reasons),
            set_aside_samples=dict(sorted(self.problems.items())),
        )


class _Output:
    """The files of the stage, and between the two steps the one with what was sifted."""

    def __init__(self, folder: Path) -> None:
        self.tally = _Tally()
        self._folder = folder
        self._stack = ExitStack()
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> "_Output":
        for name in (*FILES, SIFTED):
            file = (self._folder / f"{name}.jsonl").open("w", encoding="utf-8")
            self._files[name] = self._stack.enter_context(file)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self._stack.close()
        (self._folder / f"{SIFTED}.jsonl").unlink()

    def write(self, name: str, lines: Iterable[str]) -> None:
        """Append lines to a file."""
        self._files[name].writelines(f"{line}\n" for line in lines)

    def sifted(self) -> Iterator[str]:
        """What was sifted, read from its file, which is complete."""
        self._files[SIFTED].flush()
        with (self._folder / f"{SIFTED}.jsonl").open(encoding="utf-8") as file:
            yield from file
