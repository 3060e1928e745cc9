"""A text engine: a server behind the journal.

`complete` is called from ordinary threads, many at once. What the journal knows is answered there and then; the rest
goes to one event loop in a thread of its own, which is started, as the server is, with the first such request.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seapo.engine.identity import engine_fingerprint, model_name
from seapo.engine.request import Reply, Request
from seapo.engine.usage import Meter, Usage
from seapo.errors import EngineError, SeapoError
from seapo.journal import Journal
from seapo.recipe import EngineSection
from seapo.records import digest

if TYPE_CHECKING:
    from seapo.engine.sender import Sender
    from seapo.engine.worker import Worker

KIND = "reply"
"""Of the journal's entries."""


@dataclass(frozen=True)
class Answer:
    """A reply and what is known of how it came."""

    reply: Reply
    seconds: float
    """That the server took for it, with as many others under way as there were."""
    is_from_journal: bool


class ServedEngine:
    """Answers requests from the journal, or by asking a server; to be had from `open_engine`."""

    def __init__(self, settings: EngineSection, worker: "Worker", meter: Meter, journal: Journal | None) -> None:
        self.settings = settings
        self.name = model_name(settings)
        self.fingerprint = engine_fingerprint(settings)
        self._worker = worker
        self._meter = meter
        self._journal = journal
        self._lock = threading.RLock()
        self._under_way: dict[str, Future[Answer]] = {}

    @property
    def usage(self) -> Usage:
        """What was used since the engine was opened."""
        return self._meter.usage(self._worker.busy_share)

    def complete(self, request: Request) -> Reply:
        """The reply, which is in the journal before this returns.

        Raises RequestError for a request that gets no usable reply where others do, EngineError where the server gives
        none to anybody, and StoppedError where a budget or deadline is used up.
        """
        return self.answer(request).reply

    def answer(self, request: Request) -> Answer:
        """The reply, with the seconds that it took and where it came from; raises as `complete` does."""
        key = self.key(request)
        answer = self._remembered(key)
        if answer is None:
            answer = _result(self._future(key, request))
        if answer.is_from_journal:
            self._meter.remembered()
        return answer

    def knows(self, request: Request) -> bool:
        """Whether the journal has the reply."""
        return self._journal is not None and self._journal.get(self.key(request)) is not None

    def key(self, request: Request) -> str:
        """The journal's key of a request."""
        messages = [message.model_dump() for message in request.messages]
        return digest([KIND, self.fingerprint, messages, self._max_tokens(request), request.schema, request.attempt])

    def close(self, *, at_once: bool = False) -> None:
        """Wait for what is under way (or not), end the server where it is ours, and answer nothing more."""
        self._worker.close(at_once=at_once)

    def __repr__(self) -> str:
        return f"ServedEngine({self.name!r}, kind={self.settings.kind!r})"

    def _max_tokens(self, request: Request) -> int:
        most = self.settings.max_tokens
        return most if request.max_tokens is None else min(request.max_tokens, most)

    def _remembered(self, key: str) -> Answer | None:
        kept = None if self._journal is None else self._journal.get(key)
        if kept is None:
            return None
        fields = {name: kept[name] for name in Reply.model_fields}
        return Answer(Reply.model_validate(fields), kept["seconds"], is_from_journal=True)

    def _future(self, key: str, request: Request) -> "Future[Answer]":
        """The answer that is under way; begun where it is not, and where no other thread just got it."""
        with self._lock:
            future = self._under_way.get(key)
            if future is None:
                if (answer := self._remembered(key)) is not None:
                    future = Future()
                    future.set_result(answer)
                    return future
                future = self._worker.submit(lambda sender: self._ask(sender, key, request))
                self._under_way[key] = future
                future.add_done_callback(lambda _: self._forget(key))
            return future

    def _forget(self, key: str) -> None:
        with self._lock:
            self._under_way.pop(key, None)

    async def _ask(self, sender: "Sender", key: str, request: Request) -> Answer:
        async def keep(reply: Reply, seconds: float) -> None:
            if self._journal is not None:
                value = {**reply.model_dump(), "seconds": round(seconds, 4)}
                await asyncio.to_thread(self._journal.put, key, KIND, value)

        reply, seconds = await sender.ask(request, self._max_tokens(request), keep)
        return Answer(reply, seconds, is_from_journal=False)


def _result(future: "Future[Answer]") -> Answer:
    try:
        return future.result()
    except CancelledError:
        raise EngineError("the text engine was closed before the reply came") from None
    except SeapoError as problem:
        raise type(problem)(str(problem)) from None  # several threads may wait for one answer; each raises its own


@contextmanager
def serve(engine: ServedEngine) -> Iterator[ServedEngine]:
    """Close an engine at the end: in order, but at once where the keyboard or an exit ends the run."""
    try:
        yield engine
    except BaseException as problem:
        engine.close(at_once=not isinstance(problem, Exception))
        raise
    engine.close()
