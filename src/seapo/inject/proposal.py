"""What a strategy proposes, what it is given to work with, and the registry of strategies.

@STRATEGIES.register("my_strategy")
def propose(sample: Sample, error_type: str, context: Context) -> Iterator[Proposal]: ...
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from seapo.inject.passage import Passage
from seapo.records import Edit, Sample, apply_edits
from seapo.registry import Registry

if TYPE_CHECKING:
    from seapo.model import ChatScorer
    from seapo.model.chat import TokenChoice

ALTERNATIVES = 8
"""Tokens that a model is asked for at each place of an answer."""


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

    def text(self, answer: str) -> str:
        """The answer with the error in it; raises ValueError where the edits do not fit."""
        return apply_edits(answer, self.edits)


class Context:
    """What a strategy may use besides the sample: its answer already read, randomness, and the model's alternatives."""

    def __init__(self, sample: Sample, *, seed: int, scorer: "Callable[[], ChatScorer]") -> None:
        self.seed = seed
        self._sample = sample
        self._scorer = scorer

    @cached_property
    def passage(self) -> Passage:
        """The sample's answer, read once for all strategies."""
        return Passage(self._sample)

    @cached_property
    def alternatives(self) -> "Sequence[TokenChoice]":
        """The model's best tokens at each place of the answer; costs one forward pass on first use."""
        choices: Sequence[TokenChoice] = self._scorer().alternatives(
            self._sample.prompt, self._sample.chosen, k=ALTERNATIVES
        )
        return choices

    @property
    def model(self) -> str:
        """Name of the model behind `alternatives`."""
        name: str = self._scorer().name
        return name

    def random(self, purpose: str) -> Random:
        """A generator that depends on nothing but the seed, the sample's id and the purpose."""
        return Random(f"{self.seed}:{self._sample.id}:{purpose}")


Strategy = Callable[[Sample, str, Context], Iterable[Proposal]]
STRATEGIES: Registry[Strategy] = Registry("strategy", "seapo.strategies")
