"""How many requests are under way at once: as many as asked for, fewer while the server cannot keep up.

A refusal for being busy halves the number, at most once for the requests that were under way together; a run of as many
replies as the number adds one again. Where a token comes to cost far more of a place's time than it did, and no more
tokens come out, a quarter goes, too: the server only queues what it is sent.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from seapo.engine.gate import Gate

SLOWER = 2.0
"""A token that costs this many times as much of a place's time as it did is a sharp climb."""
MORE = 1.1
"""Throughput must have grown by this much to excuse it."""
WINDOW = 2
"""Replies for each place that are looked at together."""


@dataclass
class _Window:
    """Replies that are looked at together."""

    since_s: float
    replies: int = 0
    tokens: float = 0.0
    place_s: float = 0.0


@dataclass(frozen=True)
class _Pace:
    """What a window showed."""

    place_s_per_token: float
    tokens_per_s: float


class Limiter:
    """Places for requests; lives on the event loop."""

    def __init__(self, most: int, gate: Gate) -> None:
        self.most = most
        self.limit = most
        """Places that may be taken now."""
        self.in_use = 0
        self._gate = gate
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._not_before_s = 0.0
        self._lowered_s = -math.inf
        self._replies_since = 0
        self._window: _Window | None = None
        self._pace: _Pace | None = None
        self._busy = _Busy()
        gate.when_closed(self._wake_all)

    @property
    def busy_share(self) -> float:
        """Share of all places that was taken, from the first request to the last one's end."""
        return self._busy.share(self.most)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """Wait for a place and hold it; gives the time it was taken. Raises what closes the gate meanwhile."""
        await self._enter()
        taken_s = _now()
        try:
            yield taken_s
        finally:
            self._busy.change(self.in_use, _now())
            self.in_use -= 1
            self._wake()

    def replied(self, taken_s: float, tokens: float) -> None:
        """Take note of a reply of so many tokens to a request that got its place then."""
        self._replies_since += 1
        if self._replies_since >= self.limit and self.limit < self.most:
            self._set(self.limit + 1)
        self._look(taken_s, tokens)

    def refused(self, taken_s: float, wait_s: float | None) -> None:
        """The server was too busy for a request that got its place then, and asks everybody to wait so long."""
        if wait_s is not None:
            self._not_before_s = max(self._not_before_s, _now() + wait_s)
        if taken_s >= self._lowered_s:
            self._lower(max(1, self.limit // 2))

    async def _enter(self) -> None:
        while True:
            self._gate.check()
            pause_s = self._not_before_s - _now()
            if pause_s > 0:
                await self._gate.sleep(pause_s)
            elif self.in_use < self.limit:
                break
            else:
                await self._wait()
        self._busy.change(self.in_use, _now())
        self.in_use += 1

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._wake()  # the turn may have come already; pass it on
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _wake(self) -> None:
        free = self.limit - self.in_use
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def _wake_all(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        self._waiting.clear()

    def _set(self, limit: int) -> None:
        self.limit = limit
        self._replies_since = 0
        self._window = None
        self._wake()

    def _lower(self, limit: int) -> None:
        self._lowered_s = _now()
        self._pace = None
        self._set(limit)

    def _look(self, taken_s: float, tokens: float) -> None:
        """Compare the pace of a window of replies with the one before."""
        now = _now()
        window = self._window = self._window or _Window(now)
        window.replies += 1
        window.tokens += tokens
        window.place_s += now - taken_s
        if window.replies < max(8, WINDOW * self.limit) or now <= window.since_s:
            return
        before, self._window = self._pace, None
        tokens_seen = max(window.tokens, 1.0)
        self._pace = pace = _Pace(window.place_s / tokens_seen, tokens_seen / (now - window.since_s))
        if before is None or pace.place_s_per_token <= SLOWER * before.place_s_per_token:
            return
        if pace.tokens_per_s < MORE * before.tokens_per_s and self.limit > 1:
            self._lower(math.ceil(self.limit * 3 / 4) if self.limit > 3 else self.limit - 1)


class _Busy:
    """Adds up how many places were taken, and how long."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._last_s = 0.0
        self._place_s = 0.0

    def change(self, in_use: int, now_s: float) -> None:
        """The number that was taken until now is about to change."""
        if self._first_s is None:
            self._first_s = self._last_s = now_s
        self._place_s += in_use * (now_s - self._last_s)
        self._last_s = now_s

    def share(self, most: int) -> float:
        """Share of `most` places that was taken."""
        whole_s = 0.0 if self._first_s is None else self._last_s - self._first_s
        return self._place_s / (most * whole_s) if whole_s > 0 else 0.0


def _now() -> float:
    return asyncio.get_running_loop().time()
