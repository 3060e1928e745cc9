"""What is asked of a text engine, and what it answers."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from seapo.records import Message, Record


@dataclass(frozen=True)
class Request:
    """One question to a model."""

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    """Longest reply; left out, the engine section's `max_tokens`, which is also the ceiling."""
    schema: dict[str, Any] | None = None
    """JSON schema that the reply is held to where the server can; the caller validates in any case."""
    attempt: int = 0
    """Part of the journal's key, so that the same words can be asked again."""


class Reply(Record):
    """What a model answered."""

    text: str
    finish_reason: str
    """`stop`, or `length` where the reply was cut."""
    prompt_tokens: int
    completion_tokens: int


class Engine(Protocol):
    """Answers requests, from the journal where it can; `complete` may be called from many threads at once."""

    name: str
    """The model's name."""
    fingerprint: str
    """Stands for the model and the sampling parameters; never for address, key, concurrency, budget or time limits."""

    def complete(self, request: Request) -> Reply:
        """The reply, which is in the journal before this returns; raises EngineError, or StoppedError at a budget."""
        ...


def json_objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects of a reply, whatever stands around them, in order; none of those inside another one."""
    decoder, found, position = json.JSONDecoder(strict=False), list[dict[str, Any]](), text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            found += [value] if isinstance(value, dict) else []
        position = text.find("{", end)
    return found
