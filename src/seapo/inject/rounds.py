"""One sample: rounds of proposals, until every error type has a candidate that passes the checks.

A step of the chain is one round where its strategies ask no engine. Where one did, and nothing passed, it is asked
again and told why, up to `inject.max_attempts` times; then comes the next step. A round is one entry of the journal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from seapo.engine.request import Engine
from seapo.errors import DataError, RequestError
from seapo.inject.chain import Steps
from seapo.inject.combination import combined
from seapo.inject.proposal import STRATEGIES, Ask, Context, Offer, Proposal, Scorer, as_offers, proposals_of
from seapo.inject.ranking import choose
from seapo.inject.reading import SharedScorer, estimated_tokens
from seapo.inject.scoring import ranked
from seapo.journal import Journal
from seapo.recipe import InjectSection
from seapo.records import Candidate, Record, Sample, Skip, digest

INJECT_VERSION = 10
"""Raised when the code gives other candidates for the same sample, so that no journalled ones are used."""
MAX_TOKENS = 2048
"""Longest prompt and answer together that are scored: the dense mask of a longer tree would not fit a laptop."""
HOW_NOT_WHAT = {"workers", "strategies", "chain", "max_attempts", "error_types"}
"""Settings that a round doesn't depend on, or that its own key tells."""
NO_ANSWER = "no answer of the model could be used"
SAME_AGAIN = "It was the same text as before."

Examine = Callable[[Sample, Candidate], tuple[str, ...]]
"""What a candidate fails, in sentences; nothing where it passes all checks."""


@dataclass(frozen=True)
class Workshop:
    """What is the same for all samples."""

    settings: InjectSection
    steps: Steps
    seed: int
    scorer: SharedScorer | None = None
    mark: str = ""
    """Stands for what the scorer says."""
    engine: Engine | None = None
    journal: Journal | None = None
    examine: Examine | None = None
    """Left out, the first candidate will do."""

    @property
    def read(self) -> Callable[[], Scorer] | None:
        """Gives the scorer to whoever needs it."""
        scorer = self.scorer
        return None if scorer is None else lambda: scorer

    @property
    def is_ranking(self) -> bool:
        """Whether the model's opinion ranks the candidates."""
        return self.settings.rank_by == "model"

    def count_tokens(self, text: str) -> int:
        """Tokens of a text; estimated where no model ranks."""
        if not self.is_ranking:
            return estimated_tokens(text)
        assert self.scorer is not None
        return self.scorer.count_tokens(text)


@dataclass(frozen=True)
class Injected:
    """What became of one sample."""

    sample_id: str
    candidates: tuple[Candidate, ...]
    """By error type, then by rank."""
    skips: tuple[Skip, ...]
    """Types without a candidate."""
    asks: tuple[Ask, ...]
    """Replies of the engine that it took."""
    unanswered: int
    """Requests that got no usable reply."""
    reader: str
    """The model that ranked them; empty where none did."""


class Round(Record):
    """What a step made of a sample in one attempt."""

    candidates: tuple[Candidate, ...] = ()
    asks: tuple[Ask, ...] = ()
    failures: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Error type -> why an answer of the engine became no candidate."""
    reason: str | None = None
    """Why the sample is left out as a whole."""
    unanswered: int = 0
    """Requests without a usable reply; they are made again by the next call, so such a round is not kept."""
    reader: str = ""


@dataclass(frozen=True)
class _Left:
    """What may come after a round."""

    attempts: int
    steps: int


@dataclass
class _Found:
    """What was found for one error type so far."""

    error_type: str
    candidates: list[Candidate] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    is_done: bool = False
    has_asked: bool = False

    def add(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Keep those of this type whose text is new, ranked behind what is there; gives them."""
        fresh = []
        for each in candidates:
            if each.error_type == self.error_type and normal(each.text) not in self.texts:
                self.texts.add(normal(each.text))
                place = len(self.candidates)
                self.candidates.append(each if each.rank == place else each.model_copy(update={"rank": place}))
                fresh.append(self.candidates[-1])
        return fresh


def inject_sample(sample: Sample, shop: Workshop) -> Injected:
    """The candidates of one sample, and why a type has none."""
    context = Context(sample, shop.seed, shop.read, shop.settings, shop.engine)
    founds = {error_type: _Found(error_type) for error_type in shop.settings.error_types}
    asks, unanswered, reader = list[Ask](), 0, ""
    for number, step in enumerate(shop.steps):
        feedback: dict[str, tuple[str, ...]] = {f.error_type: () for f in founds.values() if not f.is_done}
        for attempt in range(shop.settings.max_attempts):
            if not feedback:
                break
            made = _remembered(sample, step, attempt, feedback, context, shop)
            if made.reason is not None:
                return Injected(sample.id, (), _skips(sample, dict.fromkeys(founds, made.reason)), (), 0, made.reader)
            asks, unanswered, reader = [*asks, *made.asks], unanswered + made.unanswered, made.reader
            left = _Left(attempts=shop.settings.max_attempts - 1 - attempt, steps=len(shop.steps) - 1 - number)
            told = {name: _outcome(sample, founds[name], made, shop, left) for name in feedback}
            feedback = {name: reasons for name, reasons in told.items() if reasons}
    reasons = {f.error_type: _nothing_found(f, context) for f in founds.values() if not f.candidates}
    kept = tuple(candidate for found in founds.values() for candidate in found.candidates)
    return Injected(sample.id, kept, _skips(sample, reasons), tuple(asks), unanswered, reader)


def propose(sample: Sample, error_types: Sequence[str], strategies: Sequence[str], context: Context) -> list[Proposal]:
    """All proposals of the strategies that change the answer; of several with the same text the first."""
    seen = {normal(sample.chosen)}
    offers = (offer for name in error_types for offer in _offers(sample, name, strategies, context))
    return [proposal for offer in offers for proposal in _fresh(offer, sample, seen)]


def _offers(sample: Sample, error_type: str, strategies: Sequence[str], context: Context) -> Iterator[Offer]:
    """What the strategies offer of one type; several errors in one answer where that is asked for."""
    for name in strategies:
        asked = len(context.asks)
        try:
            found = list(STRATEGIES[name](sample, error_type, context))
        except RequestError as problem:
            context.unanswered += 1
            context.failures.append(f"{problem}.")
            continue
        # Those of a model already hold as many errors as are wanted.
        count = 1 if len(context.asks) > asked else context.settings.edits_per_answer
        if count > 1:
            found = list(combined(proposals_of(found), count, context.random(f"combine:{name}:{error_type}")))
        yield from as_offers(found)


def _fresh(offer: Offer, sample: Sample, seen: set[str]) -> Iterator[Proposal]:
    """The proposals of an offer that say something new; what is taken is seen."""
    for proposal in offer.proposals:
        text = normal(proposal.text(sample.chosen))
        if text and text not in seen:
            seen.add(text)
            yield proposal


def normal(text: str) -> str:
    """What two texts are compared by: letters, digits and signs, without differences in white space and case."""
    return " ".join(text.split()).casefold()


def _outcome(sample: Sample, found: _Found, made: Round, shop: Workshop, left: _Left) -> tuple[str, ...]:
    """What to tell the model in another attempt; nothing where there is no need or no use."""
    fresh = found.add(made.candidates)
    has_asked = any(ask.error_type == found.error_type for ask in made.asks)
    found.has_asked = found.has_asked or has_asked or found.error_type in made.failures
    failures: tuple[str, ...] = ()
    is_open = left.steps > 0 or (has_asked and left.attempts > 0)
    if shop.examine is None or not is_open:
        found.is_done = len(fresh) > 0
    else:
        failures, found.is_done = _examined(sample, fresh, shop.examine)
    if found.is_done or not has_asked:
        return ()
    return failures or made.failures.get(found.error_type) or (SAME_AGAIN,)


def _examined(sample: Sample, fresh: Sequence[Candidate], examine: Examine) -> tuple[tuple[str, ...], bool]:
    """What the last candidate failed, and whether one passed; those behind it are not looked at."""
    failures: tuple[str, ...] = ()
    for candidate in fresh:
        failures = examine(sample, candidate)
        if not failures:
            return (), True
    return failures, False


def _remembered(
    sample: Sample,
    step: tuple[str, ...],
    attempt: int,
    feedback: Mapping[str, tuple[str, ...]],
    context: Context,
    shop: Workshop,
) -> Round:
    """The round as the journal has it, or made now."""

    def made() -> Round:
        return _made(sample, step, {name: context.again(attempt, told) for name, told in feedback.items()}, shop)

    if shop.journal is None:
        return made()
    settings = shop.settings.model_dump(mode="json", exclude=HOW_NOT_WHAT)
    engine = shop.engine.fingerprint if shop.engine else None
    parts = [INJECT_VERSION, sample, step, attempt, dict(feedback), settings, shop.mark, engine, shop.seed]
    key = digest(parts)
    if (entry := shop.journal.get(key)) is not None:
        return Round.model_validate(entry)
    fresh = made()
    if not fresh.unanswered:
        shop.journal.put(key, "inject", fresh.model_dump(mode="json"))
    return fresh


def _made(sample: Sample, step: Sequence[str], contexts: Mapping[str, Context], shop: Workshop) -> Round:
    """One round for the error types that are still open."""
    reader = shop.scorer.name if shop.scorer and shop.is_ranking else ""
    if (reason := _unfit(sample, shop)) is not None:
        return Round(reason=reason, reader=reader)
    try:
        candidates = ranked(sample, _chosen(sample, step, contexts, shop), contexts)
    except DataError:
        return Round(reason="the chat template cannot write this conversation", reader=reader)
    finally:
        for context in contexts.values():
            context.close()
    return Round(
        candidates=tuple(candidates),
        asks=tuple(ask for context in contexts.values() for ask in context.asks),
        failures={name: tuple(context.failures) for name, context in contexts.items() if context.failures},
        unanswered=sum(context.unanswered for context in contexts.values()),
        reader=reader,
    )


def _chosen(
    sample: Sample, step: Sequence[str], contexts: Mapping[str, Context], shop: Workshop
) -> dict[str, list[Proposal]]:
    """For each error type the proposals that are to be ranked; no text twice."""
    seen, chosen = {normal(sample.chosen)}, dict[str, list[Proposal]]()
    for name, context in contexts.items():
        offers = _offers(sample, name, step, context)
        fresh = (Offer(offer.subtype, _fresh(offer, sample, seen)) for offer in offers)
        chosen[name] = choose(fresh, shop.settings.candidates_per_type, context.random(f"choose:{name}"))
    return chosen


def _unfit(sample: Sample, shop: Workshop) -> str | None:
    """Why a sample is left out as a whole; None for one that is not."""
    if not sample.chosen.strip():
        return "empty answer"
    tokens = shop.count_tokens(sample.chosen)
    if tokens > shop.settings.max_completion_tokens:
        return f"answer longer than {shop.settings.max_completion_tokens} tokens"
    if tokens + shop.count_tokens("\n".join(message.content for message in sample.prompt)) > MAX_TOKENS:
        return f"prompt and answer longer than {MAX_TOKENS} tokens"
    return None


def _nothing_found(found: _Found, context: Context) -> str:
    """Why a type has no candidate, for a sample that is fit in itself."""
    if found.has_asked:
        return NO_ANSWER
    if context.passage.is_fiction:
        return "made-up text, in which no detail is wrong"
    is_short = len(context.passage.text.split()) < 4
    return "answer too short to hold an error of this type" if is_short else "no number, name, claim or code to change"


def _skips(sample: Sample, reasons: Mapping[str, str]) -> tuple[Skip, ...]:
    return tuple(
        Skip(sample_id=sample.id, error_type=name, stage="inject", reason=reason) for name, reason in reasons.items()
    )
