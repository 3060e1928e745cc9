"""Servers to put an engine to the test: one that does what it is told, and a proxy that spoils what passes it."""

import contextlib
import http.client
import json
import random
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from seapo.engine import Request, open_engine
from seapo.journal import Journal
from seapo.recipe import EngineSection
from seapo.records import Message


def completion(text, *, prompt_tokens=10, completion_tokens=5, finish_reason="stop"):
    """The body of a chat completion, as servers send it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason},
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def cut_connections(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """A client that is gone is no news here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.owner.serve(self, body)

    def send(self, status, body, headers=(), *, length=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if "Content-Type" not in dict(headers):
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def cut(self):
        """Close the connection in the middle of things."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.close()


class Served:
    """An HTTP server in threads of this process, on a free port."""

    def __init__(self, port=0):
        self.http = QuietServer(("127.0.0.1", port), Handler)
        self.http.owner, self.http.connections = self, []
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.lock = threading.Lock()

    @property
    def port(self):
        return self.http.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.http.cut_connections()


class Scripted(Served):
    """A chat server whose n-th answer is the n-th step of a script, and its last step from then on.

    A step is a text, a (status, body) or (status, body, headers), a body as bytes, or a function of handler and body.
    """

    def __init__(self, *script, port=0):
        self.script = script or ("hello",)
        self.bodies = []
        self.headers = []
        super().__init__(port)

    def serve(self, handler, body):
        with self.lock:
            step = self.script[min(len(self.bodies), len(self.script) - 1)]
            self.bodies.append(json.loads(body))
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        if callable(step):
            step(handler, self.bodies[-1])
        elif isinstance(step, str):
            handler.send(200, completion(step))
        elif isinstance(step, bytes | dict):
            handler.send(200, step)
        else:
            handler.send(*step)


class Slots(Served):
    """A chat server with so many slots, which takes its time for each request and notes when its slots were in use."""

    def __init__(self, slots, seconds):
        self.seconds = seconds
        self.free = threading.Semaphore(slots)
        self.slots = slots
        self.spans = []
        super().__init__()

    def serve(self, handler, body):
        with self.free:
            start = time.monotonic()
            time.sleep(self.seconds(json.loads(body)["messages"][0]["content"]))
            with self.lock:
                self.spans.append((start, time.monotonic()))
        handler.send(200, completion("done"))

    def busy_share(self):
        """Share of the slots' time in use, until the first slot finds no more work."""
        begin, end = min(start for start, _ in self.spans), sorted(end for _, end in self.spans)[-self.slots]
        return sum(max(0.0, min(stop, end) - start) for start, stop in self.spans) / (self.slots * (end - begin))


class FaultyProxy(Served):
    """Passes requests on to a real server, and spoils some of them, by a seed, in every way that there is."""

    FAULTS = ("busy", "broken", "half", "garbage", "nothing", "refused after the answer")

    def __init__(self, target, *, share, seed, hang_s):
        self.target, self.share, self.hang_s = target, share, hang_s
        self.random = random.Random(seed)
        self.seen = dict.fromkeys((*self.FAULTS, "passed"), 0)
        super().__init__()

    def serve(self, handler, body):
        with self.lock:
            fault = self.random.choice(self.FAULTS) if self.random.random() < self.share else "passed"
            self.seen[fault] += 1
        if fault == "busy":
            handler.send(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"})
        elif fault == "broken":
            handler.send(500, b"<html>oops</html>", {"Content-Type": "text/html"})
        elif fault == "garbage":
            handler.send(200, b'{"choices": [{"message": {"content": "never finish')
        elif fault == "nothing":
            time.sleep(self.hang_s)
            handler.cut()
        else:
            self.forward(handler, body, fault)

    def forward(self, handler, body, fault):
        connection = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=60)
        headers = {name: handler.headers[name] for name in ("Content-Type", "Authorization")}
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if fault == "half":
            handler.send(answer.status, content[: len(content) // 2], length=len(content))
            handler.cut()
        elif fault == "refused after the answer":
            handler.send(503, {"error": {"message": "lost your answer"}})
        else:
            handler.send(answer.status, content)


@contextmanager
def closing(server):
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def kit():
    """What this module offers, for tests that live beside it."""
    return sys.modules[__name__]


@pytest.fixture
def scripted():
    """Makes scripted servers that are closed at the end."""
    made = []

    def make(*script, **options):
        made.append(Scripted(*script, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def section(url=None, **settings):
    """An engine's section that waits for nothing long."""
    if url is not None:
        settings = {"kind": "openai", "base_url": url, "model": "m", **settings}
    return EngineSection(**{"timeout_s": 20.0, **settings})


def asking(text, **options):
    return Request(messages=(Message(role="user", content=text),), **options)


def silent(text):
    del text


@contextmanager
def engine(settings, journal=None, *, say=silent, warn=silent, log_dir=None):
    with open_engine(settings, journal=journal, say=say, warn=warn, log_dir=log_dir) as opened:
        yield opened


def ask_all(opened, requests, *, threads=32):
    """Every request's reply, or the error in its place."""

    def ask(request):
        try:
            return opened.complete(request)
        except Exception as problem:
            return problem

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, requests))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """Back off for hundredths of seconds; what servers ask to wait stays."""
    from tenacity import wait_exponential_jitter

    from seapo.engine import sender

    monkeypatch.setattr(sender, "BACKOFF", wait_exponential_jitter(initial=0.02, max=0.2, jitter=0.02))
