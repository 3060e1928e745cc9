"""Sifting and choosing in several processes, with the judge asked from threads of this one.

Records travel as JSON lines: written once where they are made, and by the main process only passed on to a file.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from seapo.journal import Journal
from seapo.parallel import chunks, end_with_parent, in_order
from seapo.recipe import VerifySection
from seapo.records import DroppedCandidate
from seapo.verify.examination import Examination, Panel, panel
from seapo.verify.selection import Selector
from seapo.verify.sifting import Outcome, Proposed, Sifted, choose, looked_up, set_aside, sift

CHUNK = 16
"""Samples that travel together."""
A = TypeVar("A")
B = TypeVar("B")
Examined = tuple[Proposed, list[Examination]]


@dataclass
class SiftedLines:
    """What became of some samples, as JSON lines, and what was counted."""

    sifted: list[str] = field(default_factory=list)
    """Of the samples that were not set aside."""
    ids: list[str] = field(default_factory=list)
    """Of these samples."""
    dropped: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(error type, check) of dropped candidates."""
    checked: Counter[str] = field(default_factory=Counter)
    """Error type -> candidates that were looked at."""
    with_option: int = 0
    """Samples' types of which a candidate passed."""

    def add(self, sifted: Sifted, dropped: Sequence[DroppedCandidate]) -> None:
        """Count one more sample in."""
        if sifted.problem is None:
            self.sifted.append(sifted.model_dump_json())
            self.ids.append(sifted.sample.id)
        else:
            self.problems[sifted.problem] += 1
            self.set_aside.append(set_aside(sifted).model_dump_json())
        self.dropped += [each.model_dump_json() for each in dropped]
        self.failures.update(_failures_of(dropped))
        self.checked.update(each.candidate.error_type for each in dropped)
        self.checked.update(sifted.passed)
        self.with_option += len(sifted.options)


@dataclass
class ChosenLines:
    """What was chosen for some samples, as JSON lines, and what was counted."""

    negatives: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(error type, status) of negatives."""
    proofs: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(error type, reason) of samples without a negative."""

    def add(self, outcome: Outcome) -> None:
        """Count one more sample in."""
        self.negatives += [each.model_dump_json() for each in outcome.negatives]
        self.dropped += [each.model_dump_json() for each in outcome.dropped]
        self.skips += [each.model_dump_json() for each in outcome.skips]
        self.failures.update(_failures_of(outcome.dropped))
        chosen = [each for each in outcome.negatives if each.choice == 0]
        self.statuses.update((each.error_type, each.verdict.status) for each in chosen)
        self.proofs.update((each.error_type, name) for each in chosen for name in each.verdict.proofs)
        self.reasons.update((each.error_type, each.reason) for each in outcome.skips)


def _failures_of(dropped: Iterable[DroppedCandidate]) -> Iterator[tuple[str, str]]:
    """(error type, check) of each failure."""
    return ((each.candidate.error_type, result.check) for each in dropped for result in each.failed)


@dataclass(frozen=True)
class Post:
    """What a worker has at hand."""

    checks: Panel
    error_types: tuple[str, ...]
    selector: Selector | None = None


@dataclass(frozen=True)
class Crew:
    """The processes at work; a crew of one is this process itself."""

    settings: VerifySection
    error_types: tuple[str, ...]
    journal: Journal | None = None
    selector: Selector | None = None
    """Needed for choosing."""

    def sift(self, proposed: Iterable[Proposed]) -> Iterator[SiftedLines]:
        """All checks of all samples, in order; the judge is not asked."""
        return self._spread(_sift, chunks(proposed, CHUNK))

    def examine(self, proposed: Iterable[Proposed]) -> Iterator[list[Examined]]:
        """What all checks but the judge find, in order."""
        return self._spread(_examine, chunks(proposed, CHUNK))

    def choose(self, sifted: Iterable[str]) -> Iterator[ChosenLines]:
        """The negatives of sifted samples, given as JSON lines."""
        return self._spread(_choose, chunks(sifted, 4 * CHUNK))

    def _spread(self, work: Callable[[Post, A], B], items: Iterable[A]) -> Iterator[B]:
        if self.settings.workers == 1:
            post = Post(panel(self.settings, journal=self.journal), self.error_types, self.selector)
            yield from (work(post, item) for item in items)
            return
        path = None if self.journal is None else self.journal.path
        # A forked process would inherit the locks of threads that it does not have.
        with ProcessPoolExecutor(
            self.settings.workers,
            mp_context=get_context("spawn"),
            initializer=_take_post,
            initargs=(self.settings, self.error_types, path, self.selector),
        ) as pool:
            yield from in_order(pool, partial(_at_post, work), items, ahead=4 * self.settings.workers)


def sift_with_judge(crew: Crew, proposed: Iterable[Proposed], checks: Panel, *, threads: int) -> Iterator[SiftedLines]:
    """The same as `Crew.sift`, where `checks` ask a model: samples wait for its replies side by side."""
    examined = (pair for chunk in crew.examine(proposed) for pair in chunk)

    def finish(pair: Examined) -> SiftedLines:
        lines = SiftedLines()
        lines.add(*sift(pair[0], checks, crew.error_types, examine=looked_up(pair[1])))
        return lines

    pool = ThreadPoolExecutor(threads, thread_name_prefix="judge")
    try:
        yield from in_order(pool, finish, examined, ahead=2 * threads)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_post: list[Post] = []
"""The post of this process, where it is one that a crew started."""


def _take_post(
    settings: VerifySection, error_types: tuple[str, ...], journal: Path | None, selector: Selector | None
) -> None:
    end_with_parent()
    kept = None if journal is None else Journal(journal)
    _post[:] = [Post(panel(settings, journal=kept), error_types, selector)]


def _at_post(work: Callable[[Post, A], B], item: A) -> B:
    return work(_post[0], item)


def _sift(post: Post, proposed: Sequence[Proposed]) -> SiftedLines:
    lines = SiftedLines()
    for each in proposed:
        lines.add(*sift(each, post.checks, post.error_types))
    return lines


def _examine(post: Post, proposed: Sequence[Proposed]) -> list[Examined]:
    return [(each, [post.checks.examine(each.sample, candidate) for candidate in each.candidates]) for each in proposed]


def _choose(post: Post, lines: Sequence[str]) -> ChosenLines:
    assert post.selector is not None
    chosen = ChosenLines()
    for line in lines:
        sifted, settings = Sifted.model_validate_json(line), post.checks.settings
        chosen.add(choose(sifted, post.selector, post.error_types, settings))
    return chosen
