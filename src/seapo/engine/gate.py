"""The gate before the server: closed once and for good, by a budget or by a server that gives nothing usable."""

import asyncio
from collections.abc import Callable

from seapo.errors import SeapoError


class Gate:
    """Lets requests through until it is closed; then each of them ends with the error that closed it.

    Lives on the event loop; only `error` is read from other threads.
    """

    def __init__(self) -> None:
        self.error: SeapoError | None = None
        self._closed = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    def close(self, error: SeapoError) -> None:
        """Close it, and wake everybody who waits; the first error stays."""
        if self.error is None:
            self.error = error
            self._closed.set()
            for callback in self._callbacks:
                callback()

    def check(self) -> None:
        """Raise what closed the gate, where it is closed."""
        if self.error is not None:
            raise type(self.error)(str(self.error))

    def when_closed(self, callback: Callable[[], None]) -> None:
        """Have a function called when the gate closes."""
        self._callbacks.append(callback)

    async def sleep(self, seconds: float) -> None:
        """Wait; raises what closes the gate meanwhile."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return
        self.check()
