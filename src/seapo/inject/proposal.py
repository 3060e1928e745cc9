"""What a strategy proposes, what it is given to work with, and the registry of strategies.

@STRATEGIES.register("my_strategy")
def propose(sample: Sample, error_type: str, context: Context) -> Iterator[Proposal]: ...

Few proposals of a sample are looked at in the end, so a strategy whose proposals cost work gives offers in their place:
it names the subtype, and the work is done when a proposal of that subtype is wanted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from seapo.engine.request import Engine, Reply, Request
from seapo.errors import EngineError, ModelError
from seapo.inject.passage import Passage
from seapo.recipe import InjectSection
from seapo.records import Dimension, Edit, Message, Record, Sample, apply_edits
from seapo.registry import Registry
from seapo.taxonomy import ErrorType, find_error_type

if TYPE_CHECKING:
    from seapo.model.chat import AnswerScore, TokenChoice

ALTERNATIVES = 8
"""Tokens that a model is asked for at each place of an answer."""
NO_ENGINE = (
    "there is no model to ask: set engine.kind to `openai` (with engine.base_url and engine.model), `vllm` (with "
    "engine.model) or `embedded`, or leave `edit` and `rewrite` out of inject.strategies and inject.chain"
)


class Reading(Protocol):
    """A sample's answer as the model sees it, as `seapo.model.chat.ChatReading`: computed once for all questions."""

    def alternatives(self, k: int) -> "Sequence[TokenChoice]":
        """The model's k best tokens at each place."""
        ...

    def costs(self, answers: Sequence[str]) -> Sequence[int]:
        """Tokens that the model would read of each other answer."""
        ...

    def glances(self, answers: Sequence[str]) -> Sequence[float]:
        """Log-probability of the first token in which each other answer differs."""
        ...

    def score(self) -> "AnswerScore":
        """How likely it finds the answer."""
        ...

    def scores(self, answers: Sequence[str]) -> "Sequence[AnswerScore]":
        """How likely it finds other answers."""
        ...


class Scorer(Protocol):
    """The model that judges plausibility, as `seapo.model.ChatScorer`."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    def read(self, prompt: Sequence[Message], answer: str) -> Reading:
        """An answer, to be asked about."""
        ...

    def count_tokens(self, answer: str) -> int:
        """Tokens of an answer alone."""
        ...


@dataclass(frozen=True)
class Proposal:
    """A way to put one error into a sample's answer, before anything has scored or checked it."""

    error_type: str
    subtype: str
    strategy: str
    injector: str
    """The rule's or the model's name."""
    edits: tuple[Edit, ...]
    """In order, without overlap."""
    attempt: int = 0
    """How often a model had been asked for this sample and type before."""

    def text(self, answer: str) -> str:
        """The answer with the error in it; raises ValueError where the edits do not fit."""
        return apply_edits(answer, self.edits)


@dataclass(frozen=True)
class Offer:
    """Proposals of one subtype by one injector, made as far as they are taken."""

    subtype: str
    proposals: Iterator[Proposal]
    """All of this subtype."""


def as_offers(found: Iterable[Proposal | Offer]) -> list[Offer]:
    """The offers among what a strategy gave, and one for each subtype and injector of its proposals."""
    own: dict[tuple[str, str], list[Proposal]] = {}
    offers = list[Offer]()
    for each in found:
        if isinstance(each, Offer):
            offers.append(each)
        else:
            own.setdefault((each.subtype, each.injector), []).append(each)
    return offers + [Offer(subtype, iter(proposals)) for (subtype, _), proposals in own.items()]


def proposals_of(found: Iterable[Proposal | Offer]) -> list[Proposal]:
    """All proposals of a strategy, those that it only offers among them."""
    return [proposal for each in found for proposal in (each.proposals if isinstance(each, Offer) else (each,))]


class Ask(Record):
    """One reply of an engine, and what it cost."""

    sample_id: str
    error_type: str
    strategy: str
    attempt: int
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass
class Context:
    """What a strategy may use besides the sample: its answer already read, randomness, and models.

    One per error type and attempt; those of one sample share what was read and computed.
    """

    sample: Sample
    seed: int
    scorer: Callable[[], Scorer] | None = None
    """Gives the model that judges plausibility."""
    settings: InjectSection = field(default_factory=InjectSection)
    source: Engine | None = None
    """The engine, where there is one; strategies use `ask`."""
    attempt: int = 0
    """How often a model was asked for this sample and type before."""
    feedback: tuple[str, ...] = ()
    """What the last answer of the model failed, in sentences."""
    asks: list[Ask] = field(default_factory=list)
    """What the engine was asked, in order."""
    failures: list[str] = field(default_factory=list)
    """Why an answer of the model became no proposal, in sentences; the model is told in the next attempt."""
    unanswered: int = 0
    """Requests that got no usable reply, though the server answers others."""
    shared: dict[str, Any] = field(default_factory=dict)
    """What is computed once for all contexts of a sample."""

    def again(self, attempt: int, feedback: tuple[str, ...]) -> "Context":
        """The same sample's context for another type or attempt."""
        return Context(
            self.sample, self.seed, self.scorer, self.settings, self.source, attempt, feedback, shared=self.shared
        )

    @property
    def engine(self) -> Engine:
        """The engine to ask; raises EngineError that says what to set where the recipe names none."""
        if self.source is None:
            raise EngineError(NO_ENGINE)
        return self.source

    @property
    def has_asked(self) -> bool:
        """Whether a strategy has asked the engine; only then is there a next attempt."""
        return bool(self.asks)

    def ask(self, error_type: str, strategy: str, request: Request) -> Reply:
        """Ask the engine, and keep what it cost."""
        reply = self.engine.complete(request)
        self.asks.append(
            Ask(
                sample_id=self.sample.id,
                error_type=error_type,
                strategy=strategy,
                attempt=self.attempt,
                **reply.model_dump(exclude={"text"}),
            )
        )
        return reply

    @property
    def passage(self) -> Passage:
        """The sample's answer, read once for all strategies."""
        if "passage" not in self.shared:
            self.shared["passage"] = Passage(self.sample)
        passage: Passage = self.shared["passage"]
        return passage

    @property
    def reading(self) -> Reading:
        """The answer as the model sees it; kept until `close`."""
        if "reading" not in self.shared:
            self.shared["reading"] = self._model().read(self.sample.prompt, self.sample.chosen)
        reading: Reading = self.shared["reading"]
        return reading

    def close(self) -> None:
        """Let go of the reading, whose keys and values take memory; asked for again, it is made again."""
        self.shared.pop("reading", None)

    @property
    def alternatives(self) -> "Sequence[TokenChoice]":
        """The model's best tokens at each place of the answer; costs one forward pass on first use."""
        if "alternatives" not in self.shared:
            self.shared["alternatives"] = self.reading.alternatives(ALTERNATIVES)
        choices: Sequence[TokenChoice] = self.shared["alternatives"]
        return choices

    @property
    def model(self) -> str:
        """Name of the model behind `alternatives`."""
        return self._model().name

    @property
    def domain(self) -> Dimension | None:
        """The sample's dimension; where it has none, what its answer shows: code, or a calculation."""
        if self.sample.dimension is not None:
            return self.sample.dimension
        if self.passage.python:
            return "coding"
        return "mathematics" if self.passage.is_calculation else None

    def error_type(self, name: str) -> ErrorType:
        """The error type of a name, a recipe's own ones among them."""
        return find_error_type(name, self.settings.types)

    def random(self, purpose: str) -> Random:
        """A generator that depends on nothing but the seed, the sample's id and the purpose."""
        return Random(f"{self.seed}:{self.sample.id}:{purpose}")

    def _model(self) -> Scorer:
        if self.scorer is None:
            raise ModelError("no model judges plausibility here; name one in the section `model`")
        return self.scorer()


Strategy = Callable[[Sample, str, Context], Iterable[Proposal | Offer]]
STRATEGIES: Registry[Strategy] = Registry("strategy", "seapo.strategies")
