"""Sends requests to a server until each has a reply, or it is clear that there will be none. Lives on the event loop.

    gate (budget, breaker) -> a place (limiter) -> the server is started -> one exchange (chat) -> reply
      ^                                                                        |
      +------------------- waits with jitter, or as Retry-After says <-- fault +

The breaker is the gate, closed where the server refuses everybody, cannot be reached at all, or leaves several requests
in a row without a reply after all their retries: every waiting request then ends with the same sentence.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential_jitter

from seapo.engine.chat import Chat, Dialect
from seapo.engine.faults import HOPELESS, ExchangeError
from seapo.engine.gate import Gate
from seapo.engine.identity import model_name
from seapo.engine.limiter import Limiter
from seapo.engine.request import Reply, Request
from seapo.engine.servers import Server
from seapo.engine.usage import Meter, stopped
from seapo.errors import EngineError, RequestError
from seapo.recipe import EngineSection

BACKOFF = wait_exponential_jitter(initial=0.5, max=30, jitter=1)
FRUITLESS = 3
"""So many requests in a row that end without a reply, to them or to anybody meanwhile, close the gate."""
FIRST_TRIES = 4
"""At a server that nothing was ever heard of."""
Keep = Callable[[Reply, float], Awaitable[None]]
"""Puts a reply, and the seconds that it took, where it lasts."""
PROMPT_SHARE = 0.1
"""What a token of the prompt weighs against one of the reply, where the server's pace is measured."""


class Sender:
    """One server, and how it is asked."""

    def __init__(
        self,
        settings: EngineSection,
        server: Server,
        meter: Meter,
        *,
        until_s: float | None,
        warn: Callable[[str], None],
    ) -> None:
        self.server = server
        self.gate = Gate()
        self.limiter = Limiter(settings.concurrency, self.gate)
        self._settings = settings
        self._model = model_name(settings)
        self._meter = meter
        self._warn = warn
        self._dialect = Dialect(settings.response_format)
        self._chat: Chat | None = None
        self._address = ""
        self._starting = asyncio.Lock()
        self._replies = 0
        self._has_warned = False
        self._fruitless = 0
        if until_s is not None:
            asyncio.get_running_loop().call_later(max(0.0, until_s - time.monotonic()), self._end_at_deadline)

    async def ask(self, request: Request, max_tokens: int, keep: Keep) -> tuple[Reply, float]:
        """The server's reply, and the seconds that it took; raises EngineError, or StoppedError at a budget.

        `keep` is awaited before the request's place is given to another one, so that never more replies than there are
        places can be lost.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda problem: isinstance(problem, ExchangeError) and problem.is_worth_retrying),
            stop=self._is_enough,
            wait=_pause_s,
            sleep=self._sleep,
            reraise=True,
        )
        replies_before = self._replies
        try:
            return await retrying(self._try, request, max_tokens, keep)
        except ExchangeError as fault:
            raise self._give_up(fault, replies_before) from None

    async def close(self) -> None:
        """Close the connections, and end the server where it is ours."""
        if self._chat is not None:
            await self._chat.close()
        self.server.stop()

    async def _try(self, request: Request, max_tokens: int, keep: Keep) -> tuple[Reply, float]:
        async with self.limiter.place() as taken_s:
            self.gate.check()
            chat = await self._client()
            start = time.monotonic()
            try:
                reply = await chat.ask(request, max_tokens)
            except ExchangeError as fault:
                if fault.means_busy:
                    self.limiter.refused(taken_s, fault.retry_after_s)
                raise
            seconds = time.monotonic() - start
            self._take(reply, taken_s)
            await keep(reply, seconds)
            return reply, seconds

    def _take(self, reply: Reply, taken_s: float) -> None:
        self._replies, self._fruitless = self._replies + 1, 0
        self._warn_of_tokens()
        self.server.worked()
        self._meter.replied(reply)
        self.limiter.replied(taken_s, reply.completion_tokens + PROMPT_SHARE * reply.prompt_tokens)
        if (error := self._meter.overdrawn()) is not None:
            self.gate.close(error)

    def _warn_of_tokens(self) -> None:
        if self._dialect.counts_tokens or self._has_warned:
            return
        self._has_warned = True
        self._warn(f"{self.server.what} does not tell the number of tokens; they are taken to be four characters each")

    async def _client(self) -> Chat:
        async with self._starting:
            self.gate.check()
            try:
                address = await self.server.ready()
            except EngineError as problem:
                self.gate.close(problem)
                raise
        if self._chat is None or address != self._address:
            self._chat = Chat(address, self.server.key, self._model, self._settings, self._dialect)
            self._address = address
        return self._chat

    async def _sleep(self, seconds: float) -> None:
        await self.gate.sleep(seconds)
        self._meter.retried()

    def _is_enough(self, state: RetryCallState) -> bool:
        assert state.outcome is not None
        fault = state.outcome.exception()
        unheard = isinstance(fault, ExchangeError) and self._is_unheard_of(fault)
        most = self._settings.max_retries + 1
        return state.attempt_number >= (min(most, FIRST_TRIES) if unheard else most)

    def _give_up(self, fault: ExchangeError, replies_before: int) -> EngineError:
        """The error of a request without a reply; closes the gate where others fare the same."""
        self._fruitless += self._replies == replies_before  # nobody got a reply while this one was tried
        sentence = f"{self.server.what}: {fault.problem}; {self._advice(fault)}"
        if fault.status in HOPELESS or self._is_unheard_of(fault) or self._fruitless >= FRUITLESS:
            self.gate.close(EngineError(sentence))
            return EngineError(sentence)
        return RequestError(sentence)

    def _is_unheard_of(self, fault: ExchangeError) -> bool:
        """Whether nobody listens there, and nobody ever did; a server of ours is started again instead."""
        return fault.is_unreachable and not self._replies and not self.server.is_ours

    def _advice(self, fault: ExchangeError) -> str:
        settings = self._settings
        if fault.status in (401, 403):
            if self.server.key is None:
                return f"the environment variable {settings.api_key_env} is not set; set it to a key for this server"
            return f"the key in the environment variable {settings.api_key_env} may not do this; set another one"
        if fault.status == 404:
            return f"look at base_url, which mostly ends in /v1, and at the model's name, {self._model!r}"
        if fault.is_unreachable and not self.server.is_ours:
            return "is it running, and is base_url right? The same command goes on from here"
        if fault.is_worth_retrying:
            tries = settings.max_retries + 1
            return f"tried {tries} times; look at the server, then call the same command again: every reply is kept"
        return "the server will not answer this request as it is"

    def _end_at_deadline(self) -> None:
        limit = f"{self._settings.deadline_s:g} s"
        self.gate.close(stopped("deadline_s", limit, self._meter.usage(self.limiter.busy_share)))


def _pause_s(state: RetryCallState) -> float:
    """What the server asks to wait, or ever longer; with jitter, so that not all come back at once."""
    assert state.outcome is not None
    fault = state.outcome.exception()
    if isinstance(fault, ExchangeError) and fault.retry_after_s is not None:
        return fault.retry_after_s + random.uniform(0, 0.5)
    return BACKOFF(state)
