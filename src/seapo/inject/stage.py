"""The stage: samples in, ranked candidates out, one sample at a time and in the samples' order."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from seapo.engine.request import Engine
from seapo.errors import ModelError
from seapo.inject import edit, pivot, rewrite, rule
from seapo.inject.chain import Steps, steps_of, uses_rules_alone
from seapo.inject.proposal import Scorer
from seapo.inject.reading import SharedScorer
from seapo.inject.rounds import Examine, Injected, Workshop, inject_sample
from seapo.journal import Journal
from seapo.parallel import chunks, end_with_parent, in_order
from seapo.recipe import InjectSection
from seapo.records import Sample
from seapo.summaries import InjectSummary
from seapo.taxonomy import find_error_type

BUILT_IN = (rule.propose_by_rule, pivot.propose_by_pivot, edit.propose_by_edit, rewrite.propose_by_rewrite)
SAMPLES_PER_TASK = 16
"""What one process gets at a time; small, so that few results wait for their turn."""
READ_SAMPLES_PER_TASK = 2
"""The same where a model reads them, which takes seconds: so that no process is done long before the others."""
AHEAD = 4
"""Tasks per thread or process that may be under way or finished out of turn."""


def inject(
    samples: Iterable[Sample],
    settings: InjectSection,
    *,
    seed: int,
    scorer: Scorer | Callable[[], Scorer] | None = None,
    fingerprint: str | None = None,
    steps: Steps | None = None,
    engine: Engine | None = None,
    threads: int = 1,
    journal: Journal | None = None,
    examine: Examine | None = None,
) -> Iterator[Injected]:
    """Put one error of each type into every answer, in several ways, ranked by how plausible the model finds them.

    `scorer` may be a function that loads one; with a `fingerprint`, which stands for the model's weights and dtype, it
    is not called while the journal knows every sample. `steps` are those of the chain (`steps_of`), by default those of
    the settings; `examine` says what a candidate fails, which decides whether to ask again or go to the next step.
    `settings.workers` processes share the samples where neither an engine nor `examine` is given, and the scorer, if
    any, is a function that can be sent to them; the results are the same.

    Raises, before any work, UnknownNameError for a strategy or error type that nobody registered, EngineError where
    there is no engine for a strategy that must ask one, and ModelError where `rank_by` needs a scorer.
    """
    steps = steps_of(settings, has_engine=engine is not None) if steps is None else steps
    for name in settings.error_types:
        find_error_type(name, settings.types)
    if uses_rules_alone(steps, settings):
        # Every sample is quicker made than looked up.
        scorer, journal, examine, engine, threads = None, None, None, None, 1
    elif scorer is None and settings.rank_by == "model":
        raise ModelError("inject.rank_by: model needs a model that judges plausibility; set rank_by: none without one")
    mark = fingerprint or ("" if scorer is None or callable(scorer) else str(getattr(scorer, "fingerprint", "")))
    if settings.workers > 1 and engine is None and examine is None and (scorer is None or callable(scorer)):
        paths = (None, None) if journal is None else (journal.path, journal.older)
        return _in_processes(samples, _Post(settings, steps, seed, scorer, mark, *paths))
    shared = None if scorer is None else SharedScorer(scorer)
    shop = Workshop(settings, steps, seed, shared, mark, engine, journal, examine)
    if threads == 1:
        return (inject_sample(sample, shop) for sample in samples)
    return _in_threads(samples, shop, threads)


def _in_threads(samples: Iterable[Sample], shop: Workshop, threads: int) -> Iterator[Injected]:
    """While one sample waits for the engine, others are worked on."""
    pool, is_patient = ThreadPoolExecutor(threads, thread_name_prefix="inject"), True
    try:
        yield from in_order(pool, lambda sample: inject_sample(sample, shop), samples, ahead=AHEAD * threads)
    except KeyboardInterrupt:
        is_patient = False  # requests may take minutes; the engine, closed next, ends them
        raise
    finally:
        pool.shutdown(wait=is_patient, cancel_futures=True)


@dataclass(frozen=True)
class _Post:
    """What a process needs to work on samples beside others; can be sent to it."""

    settings: InjectSection
    steps: Steps
    seed: int
    load: Callable[[], Scorer] | None = None
    mark: str = ""
    journal: Path | None = None
    older: Path | None = None

    def shop(self) -> Workshop:
        """The workshop of one of several processes; its model is loaded when a sample needs it."""
        scorer = None if self.load is None else SharedScorer(partial(_loaded, self.load, self.settings.workers))
        journal = None if self.journal is None else Journal(self.journal, older=self.older)
        return Workshop(self.settings, self.steps, self.seed, scorer, self.mark, journal=journal)


def _loaded(load: Callable[[], Scorer], workers: int) -> Scorer:
    """A model with the cores that fall to one of several processes."""
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    return load()


def _in_processes(samples: Iterable[Sample], post: _Post) -> Iterator[Injected]:
    """Samples by turns, with the results of one process."""
    workers = post.settings.workers
    size = SAMPLES_PER_TASK if post.load is None else READ_SAMPLES_PER_TASK
    # Started afresh, not forked: the caller may have threads, which a copy of a process does not survive.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_take_post, initargs=(post,)
    ) as pool:
        for results in in_order(pool, _at_post, chunks(samples, size), ahead=AHEAD * workers):
            yield from results


_shop: list[Workshop] = []
"""The workshop of this process, where it is one of several."""


def _take_post(post: _Post) -> None:
    end_with_parent()
    _shop[:] = [post.shop()]


def _at_post(samples: list[Sample]) -> list[Injected]:
    return [inject_sample(sample, _shop[0]) for sample in samples]


@dataclass
class InjectTally:
    """Counts results as they come, for the summary."""

    error_types: tuple[str, ...]
    samples: int = 0
    candidates: Counter[str] = field(default_factory=Counter)
    strategies: Counter[tuple[str, str]] = field(default_factory=Counter)
    severities: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)
    asks: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    readers: dict[str, None] = field(default_factory=dict)

    def add(self, result: Injected) -> Injected:
        """Count one sample's result, and give it back."""
        self.samples += 1
        self.readers[result.reader] = None
        self.unanswered += result.unanswered
        for each in result.candidates:
            self.candidates[each.error_type] += 1
            self.strategies[each.error_type, each.strategy] += 1
            if each.severity is not None:
                self.severities[each.error_type, each.severity] += 1
            self.retried[each.error_type] += each.attempt > 0
        for ask in result.asks:
            self.asks[ask.error_type] += 1
            self.tokens[ask.error_type] += ask.completion_tokens
        self.reasons.update((skip.error_type, skip.reason) for skip in result.skips)
        return result

    def summary(self) -> InjectSummary:
        """What was counted so far."""
        return InjectSummary(
            asked=dict.fromkeys(self.error_types, self.samples),
            candidates={name: self.candidates[name] for name in self.error_types},
            by_strategy=self._by_type(self.strategies),
            by_severity=self._by_type(self.severities),
            from_retries={name: self.retried[name] for name in self.error_types},
            asks={name: self.asks[name] for name in self.error_types if self.asks},
            generated_tokens={name: self.tokens[name] for name in self.error_types if self.asks},
            unanswered=self.unanswered,
            skipped=self._by_type(self.reasons),
            injector=", ".join(name for name in self.readers if name),
        )

    def _by_type(self, counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
        return {
            name: {key: counts[kind, key] for kind, key in sorted(counts) if kind == name} for name in self.error_types
        }
