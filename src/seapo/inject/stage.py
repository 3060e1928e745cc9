"""The stage: samples in, ranked candidates out, one journal entry a sample."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seapo.errors import DataError
from seapo.inject import pivot, rule
from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.inject.ranking import choose, rank
from seapo.journal import Journal
from seapo.recipe import InjectSection
from seapo.records import Candidate, Sample, Skip, digest
from seapo.summaries import InjectSummary
from seapo.taxonomy import ERROR_TYPES

if TYPE_CHECKING:
    from seapo.model import ChatScorer

INJECT_VERSION = 1
"""Raised when the code gives other candidates for the same sample, so that no journalled ones are used."""
MAX_TOKENS = 2048
"""Longest prompt and answer together that are scored: the dense mask of a longer tree would not fit a laptop."""
BUILT_IN = (rule.propose_by_rule, pivot.propose_by_pivot)

Scorer = Callable[[], "ChatScorer"]


@dataclass(frozen=True)
class InjectResult:
    """What the stage made of the samples, in their order and in that of the error types."""

    candidates: list[Candidate]
    skips: list[Skip]
    summary: InjectSummary


def inject(
    samples: Sequence[Sample],
    settings: InjectSection,
    *,
    scorer: "ChatScorer | Scorer",
    seed: int,
    fingerprint: str | None = None,
    journal: Journal | None = None,
    progress: Callable[[Iterable[Sample]], Iterable[Sample]] = lambda items: items,
) -> InjectResult:
    """Put one error of each type into every answer, in several ways, ranked by how plausible the model finds them.

    `scorer` may be a function that loads one; with a `fingerprint`, which stands for the model's weights and dtype, it
    is not called while the journal knows every sample. Raises UnknownNameError for a strategy or error type that nobody
    registered.
    """
    for name in settings.strategies:
        STRATEGIES[name]
    for name in settings.error_types:
        ERROR_TYPES[name]
    load = _once(scorer)
    mark = fingerprint if fingerprint is not None else load().fingerprint
    candidates, skips, names = list[Candidate](), list[Skip](), dict[str, None]()
    for sample in progress(samples):
        entry = _remembered(sample, settings, load, seed, mark, journal)
        candidates += [Candidate.model_validate(fields) for fields in entry["candidates"]]
        skips += [Skip(sample_id=sample.id, error_type=t, stage="inject", reason=r) for t, r in entry["skips"].items()]
        names[entry["model"]] = None
    return InjectResult(candidates, skips, _summary(len(samples), settings, candidates, skips, ", ".join(names)))


def propose(sample: Sample, error_types: Sequence[str], strategies: Sequence[str], context: Context) -> list[Proposal]:
    """All proposals of the strategies that change the answer; of several with the same text the first."""
    seen = {_normal(sample.chosen)}
    kept = []
    for error_type in error_types:
        for name in strategies:
            for proposal in STRATEGIES[name](sample, error_type, context):
                text = _normal(proposal.text(sample.chosen))
                if text and text not in seen:
                    seen.add(text)
                    kept.append(proposal)
    return kept


def _remembered(
    sample: Sample, settings: InjectSection, load: Scorer, seed: int, mark: str, journal: Journal | None
) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        return _injected(sample, settings, load, seed)

    if journal is None:
        return compute()
    parts = [INJECT_VERSION, sample, settings.model_dump(mode="json"), mark, seed]
    entry: dict[str, Any] = journal.remember(digest(parts), "inject", compute)
    return entry


def _injected(sample: Sample, settings: InjectSection, load: Scorer, seed: int) -> dict[str, Any]:
    """One sample's journal entry: its ranked candidates, why a type has none, and the model's name."""
    candidates, reason = list[Candidate](), _unfit(sample, settings, load())
    if reason is None:
        context = Context(sample, seed=seed, scorer=load)
        try:
            candidates = _scored(sample, _chosen(sample, settings, context), load(), context)
            reason = _nothing_found(context)
        except DataError:
            reason = "the chat template cannot write this conversation"
    found = {candidate.error_type for candidate in candidates}
    return {
        "candidates": [candidate.model_dump(mode="json") for candidate in candidates],
        "skips": {error_type: reason for error_type in settings.error_types if error_type not in found},
        "model": load().name,
    }


def _chosen(sample: Sample, settings: InjectSection, context: Context) -> dict[str, list[Proposal]]:
    """For each error type the proposals that the model is to score."""
    proposals = propose(sample, settings.error_types, settings.strategies, context)
    return {
        error_type: choose(
            (p for p in proposals if p.error_type == error_type),
            settings.candidates_per_type,
            context.random(f"choose:{error_type}"),
        )
        for error_type in settings.error_types
    }


def _unfit(sample: Sample, settings: InjectSection, scorer: "ChatScorer") -> str | None:
    """Why a sample is left out as a whole; None for one that is not."""
    if not sample.chosen.strip():
        return "empty answer"
    tokens = scorer.count_tokens(sample.chosen)
    if tokens > settings.max_completion_tokens:
        return f"answer longer than {settings.max_completion_tokens} tokens"
    if tokens + scorer.count_tokens("\n".join(message.content for message in sample.prompt)) > MAX_TOKENS:
        return f"prompt and answer longer than {MAX_TOKENS} tokens"
    return None


def _nothing_found(context: Context) -> str:
    """Why a type has no candidate, for a sample that is fit in itself."""
    if context.passage.is_fiction:
        return "made-up text, in which no detail is wrong"
    is_short = len(context.passage.text.split()) < 4
    return "answer too short to hold an error of this type" if is_short else "no number, name, claim or code to change"


def _scored(
    sample: Sample, chosen: dict[str, list[Proposal]], scorer: "ChatScorer", context: Context
) -> list[Candidate]:
    """Candidates of all types, scored in one prefix tree and ranked within their type."""
    texts = [proposal.text(sample.chosen) for own in chosen.values() for proposal in own]
    if not texts:
        return []
    reference, *values = scorer.logprobs(sample.prompt, [sample.chosen, *texts])
    rest = iter(values)
    candidates = []
    for error_type, own in chosen.items():
        ranked = rank([(proposal, next(rest)) for proposal in own], context.random(f"rank:{error_type}"))
        candidates += [
            _candidate(sample, proposal, place, value, reference) for place, (proposal, value) in enumerate(ranked)
        ]
    return candidates


def _candidate(sample: Sample, proposal: Proposal, place: int, value: float, reference: float) -> Candidate:
    return Candidate(
        sample_id=sample.id,
        error_type=proposal.error_type,
        subtype=proposal.subtype,
        strategy=proposal.strategy,
        injector=proposal.injector,
        rank=place,
        text=proposal.text(sample.chosen),
        edits=proposal.edits,
        logprob_nats=value,
        chosen_logprob_nats=reference,
    )


def _once(scorer: "ChatScorer | Scorer") -> Scorer:
    """A function that gives the scorer, and loads it on its first call."""
    loaded: list[Any] = [] if callable(scorer) else [scorer]

    def load() -> "ChatScorer":
        if not loaded:
            assert callable(scorer)
            loaded.append(scorer())
        return loaded[0]

    return load


def _normal(text: str) -> str:
    """What two texts are compared by: letters, digits and signs, without differences in white space and case."""
    return " ".join(text.split()).casefold()


def _summary(
    samples: int, settings: InjectSection, candidates: Sequence[Candidate], skips: Sequence[Skip], injector: str
) -> InjectSummary:
    types = settings.error_types
    return InjectSummary(
        asked=dict.fromkeys(types, samples),
        candidates={t: sum(c.error_type == t for c in candidates) for t in types},
        by_strategy={t: _counts(c.strategy for c in candidates if c.error_type == t) for t in types},
        skipped={t: _counts(s.reason for s in skips if s.error_type == t) for t in types},
        injector=injector,
    )


def _counts(values: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return dict(sorted(found.items()))
