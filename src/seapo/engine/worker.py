"""The thread that an engine's event loop runs in, started with the first request that needs it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from seapo.engine.sender import Sender
from seapo.errors import EngineError

T = TypeVar("T")


class Worker:
    """One event loop in a thread of its own, and the sender that lives on it."""

    def __init__(self, make_sender: Callable[[], Sender]) -> None:
        self._make_sender = make_sender
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._sender: Sender | None = None
        self._is_closed = False

    @property
    def busy_share(self) -> float:
        """Share of the places for requests that was taken so far."""
        return 0.0 if self._sender is None else self._sender.limiter.busy_share

    def submit(self, work: Callable[[Sender], Coroutine[Any, Any, T]]) -> "Future[T]":
        """Begin a piece of work on the loop; raises EngineError where the engine is closed."""
        with self._lock:
            if self._is_closed:
                raise EngineError("the text engine is closed, and was asked for another reply")
            loop = self._loop or self._start()
        return asyncio.run_coroutine_threadsafe(self._run(work), loop)

    def close(self, *, at_once: bool) -> None:
        """Finish what is under way (or drop it), and end the sender, its server, and the thread."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or was_closed:
            return
        asyncio.run_coroutine_threadsafe(self._wind_up(at_once), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="seapo-engine", daemon=True)
        self._thread.start()
        return self._loop

    async def _run(self, work: Callable[[Sender], Coroutine[Any, Any, T]]) -> T:
        self._sender = self._sender or self._make_sender()
        return await work(self._sender)

    async def _wind_up(self, at_once: bool) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if at_once:
            for task in tasks:
                task.cancel()
        elif self._sender is not None:
            self._sender.gate.close(EngineError("the text engine was closed before this request was sent"))
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._sender is not None:
            await self._sender.close()
        await asyncio.get_running_loop().shutdown_default_executor()
