"""The model that judges plausibility, as the stage uses it: loaded when it is needed, asked by one thread at a time."""

from collections.abc import Callable, Sequence
from threading import RLock
from typing import TYPE_CHECKING

from seapo.inject.proposal import Reading, Scorer
from seapo.records import Message

if TYPE_CHECKING:
    from seapo.model.chat import AnswerScore, TokenChoice

CHARACTERS_PER_TOKEN = 4.0
"""By which lengths are estimated where no model is loaded."""


class SharedScorer:
    """A scorer for several threads: loaded on first use, and never called by two at once."""

    def __init__(self, scorer: Scorer | Callable[[], Scorer]) -> None:
        self._load = scorer if callable(scorer) else None
        self._loaded = None if callable(scorer) else scorer
        self._lock = RLock()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._scorer().name

    def read(self, prompt: Sequence[Message], answer: str) -> Reading:
        """An answer, to be asked about by one thread at a time."""
        with self._lock:
            return _SharedReading(self._scorer().read(prompt, answer), self._lock)

    def count_tokens(self, answer: str) -> int:
        """Tokens of an answer alone."""
        with self._lock:
            return self._scorer().count_tokens(answer)

    def _scorer(self) -> Scorer:
        with self._lock:
            if self._loaded is None:
                assert self._load is not None
                self._loaded = self._load()
            return self._loaded


class _SharedReading:
    """A reading whose questions wait for those of other threads."""

    def __init__(self, reading: Reading, lock: "RLock") -> None:
        self._reading = reading
        self._lock = lock

    def alternatives(self, k: int) -> "Sequence[TokenChoice]":
        with self._lock:
            return self._reading.alternatives(k)

    def costs(self, answers: Sequence[str]) -> Sequence[int]:
        with self._lock:
            return self._reading.costs(answers)

    def glances(self, answers: Sequence[str]) -> Sequence[float]:
        with self._lock:
            return self._reading.glances(answers)

    def score(self) -> "AnswerScore":
        with self._lock:
            return self._reading.score()

    def scores(self, answers: Sequence[str]) -> "Sequence[AnswerScore]":
        with self._lock:
            return self._reading.scores(answers)


def estimated_tokens(text: str) -> int:
    """Tokens of a text by its characters, for want of a tokenizer."""
    return round(len(text) / CHARACTERS_PER_TOKEN)
