"""The exceptions of seapo.

SeapoError                  a user's mistake or a missing thing: printed as one sentence, exit code 2
├── RecipeError             a recipe that cannot be used; lists every mistake at once
├── DataError               a file, format or row collection that cannot be read
├── ModelError              a model or tokenizer that cannot be loaded or driven
├── UnknownNameError        a plug-in, suite or task that does not exist; names the nearest known one
├── SandboxError            code would have to run, and nothing safe is there to run it
├── EngineError             a text engine that cannot be started or reached, or that answers nothing usable
│   └── RequestError        one request that gets no usable reply, where others do
├── HubError                a hub that cannot be reached, or that refuses
├── TrainError              training cannot start or go on
├── RunError                a run's folder that lacks what a stage needs
└── StoppedError            a budget or deadline is used up; the same command goes on from there, exit code 3

Anything else that reaches the user is a bug of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class SeapoError(Exception):
    """A mistake that the user can mend; its text says what was wrong, where, and what to do."""


class RecipeError(SeapoError):
    """A recipe that cannot be used."""


class DataError(SeapoError):
    """A file, format or collection of rows that cannot be read."""


class ModelError(SeapoError):
    """A model or tokenizer that cannot be loaded or driven."""


class UnknownNameError(SeapoError):
    """A name that nothing is registered under."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(f"no {kind} named {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}")


class SandboxError(SeapoError):
    """Code would have to run, and nothing safe is there to run it."""


class EngineError(SeapoError):
    """A text engine cannot be started or reached, or answers nothing usable."""


class RequestError(EngineError):
    """One request gets no usable reply, or is refused; the engine goes on with others."""


class HubError(SeapoError):
    """A hub that cannot be reached, or that refuses; the text never holds a token."""


class TrainError(SeapoError):
    """Training cannot start or go on."""


class RunError(SeapoError):
    """A run's folder that lacks what a stage needs."""


class StoppedError(SeapoError):
    """A budget or deadline is used up; what was done is kept, and the same command goes on from there."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest known name, or nothing where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
