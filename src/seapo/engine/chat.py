"""One exchange with an OpenAI-compatible server: a request becomes a reply, or a fault that says what went wrong."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seapo.engine.faults import ExchangeError, clean, status_fault
from seapo.engine.request import Reply, Request
from seapo.recipe import EngineSection

ResponseFormat = Literal["json_schema", "json_object", "none"]
FORMATS: tuple[ResponseFormat, ...] = ("json_schema", "json_object", "none")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CHARACTERS_PER_TOKEN = 4
"""Where a server counts no tokens."""
CONNECT_S = 10.0


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    content: str | None = None


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    message: _Said
    finish_reason: str | None = None


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Completion(BaseModel):
    """The part of a chat completion that is read; servers add much that is not."""

    model_config = ConfigDict(extra="ignore", strict=True)
    choices: list[_Choice]
    usage: _Usage | None = None


class Dialect:
    """What a server turned out not to take; learned from its refusals, and kept for the run."""

    def __init__(self, response_format: str) -> None:
        self.formats = FORMATS if response_format == "auto" else tuple(f for f in FORMATS if f == response_format)
        """Forms of holding a reply to a schema that are still tried, in this order."""
        self.length_name = "max_tokens"
        """Newer models of OpenAI's want `max_completion_tokens`."""
        self.counts_tokens = True


class Chat:
    """A client of one server under one address; lives on the event loop."""

    def __init__(self, base_url: str, key: str | None, model: str, settings: EngineSection, dialect: Dialect) -> None:
        self._settings = settings
        self._model = model
        self._key = key
        self._dialect = dialect
        timeout_s = settings.timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            max_retries=0,  # retries are ours, so that they share one limit, one breaker and one budget
            timeout=openai.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            http_client=openai.DefaultAsyncHttpxClient(
                trust_env=urlsplit(base_url).hostname not in LOOPBACK,  # no proxy between us and this machine
                follow_redirects=False,  # the key goes where the recipe says, nowhere else
            ),
        )

    async def ask(self, request: Request, max_tokens: int) -> Reply:
        """The server's reply; raises ExchangeError."""
        formats = self._dialect.formats if request.schema is not None else ("none",)
        refusal: ExchangeError | None = None
        for number, response_format in enumerate(formats):
            try:
                reply = await self._exchange(request, max_tokens, response_format)
            except ExchangeError as fault:
                if fault.status not in (400, 422):
                    raise
                refusal = refusal or fault
                continue
            if number:  # the same request without it was answered, so it was the form that was refused
                self._dialect.formats = formats[number:]
            return reply
        assert refusal is not None
        raise refusal

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    async def _exchange(self, request: Request, max_tokens: int, response_format: str) -> Reply:
        length_name = self._dialect.length_name
        try:
            return await self._send(request, {length_name: max_tokens}, response_format)
        except ExchangeError as fault:
            if fault.status != 400 or length_name != "max_tokens" or "max_completion_tokens" not in fault.problem:
                raise
        reply = await self._send(request, {"max_completion_tokens": max_tokens}, response_format)
        self._dialect.length_name = "max_completion_tokens"
        return reply

    async def _send(self, request: Request, length: dict[str, int], response_format: str) -> Reply:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": self._settings.temperature,
            "top_p": self._settings.top_p,
            "stream": False,
            **length,
            **_format_field(response_format, request.schema),
            **({} if self._key else {"extra_headers": {"Authorization": openai.omit}}),
        }
        try:
            async with asyncio.timeout(self._settings.timeout_s):  # a reply that trickles in has no end of its own
                raw = await self._client.chat.completions.with_raw_response.create(**body)
                return self._read(raw.content, request)
        except (TimeoutError, openai.APITimeoutError) as problem:
            said = f"no reply within {self._settings.timeout_s:g} s"
            raise ExchangeError(said, means_busy=True) from problem
        except openai.APIStatusError as problem:
            response = problem.response
            raise status_fault(response.status_code, response.headers, response.content, secret=self._key) from None
        except openai.APIConnectionError as problem:
            raise self._connection_fault(problem) from None

    def _read(self, content: bytes, request: Request) -> Reply:
        try:
            completion = _Completion.model_validate_json(content)
        except ValidationError as problem:
            first = problem.errors(include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "reply"
            raise ExchangeError(f"a broken reply ({where}: {first['msg']})") from None
        if not completion.choices:
            raise ExchangeError("a reply without choices")
        choice = completion.choices[0]
        finish = choice.finish_reason or "stop"
        if choice.message.content is None and finish == "stop":
            raise ExchangeError("a reply without content")
        text = choice.message.content or ""
        if self._key:
            text = text.replace(self._key, "[key]")  # what a server echoes is kept, too
        self._dialect.counts_tokens = completion.usage is not None
        usage = completion.usage or _counted(request, text)
        return Reply(
            text=text,
            finish_reason=finish,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
        )

    def _connection_fault(self, problem: openai.APIConnectionError) -> ExchangeError:
        cause = problem.__cause__ or problem
        kind = type(cause).__name__
        said = clean(str(cause), secret=self._key) or kind
        is_unreachable = kind in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "ProxyError")
        words = "no connection" if is_unreachable else "the connection broke"
        return ExchangeError(f"{words} ({said})", is_unreachable=is_unreachable)


def _format_field(response_format: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    if schema is None or response_format == "none":
        return {}
    if response_format == "json_object":
        return {"response_format": {"type": "json_object"}}
    name = str(schema.get("title", "reply"))
    named = {"name": "".join(c if c.isalnum() and c.isascii() else "_" for c in name)[:64], "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": {**named, "schema": dict(schema)}}}


def _counted(request: Request, text: str) -> _Usage:
    prompt = sum(len(message.content) for message in request.messages)
    return _Usage(
        prompt_tokens=math.ceil(prompt / CHARACTERS_PER_TOKEN),
        completion_tokens=math.ceil(len(text) / CHARACTERS_PER_TOKEN),
    )
