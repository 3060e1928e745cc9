"""What the tests of injection share: samples of a sentence or two, what a rule makes of them, and a model to ask."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

import pytest

from seapo.engine import ServedEngine, open_engine
from seapo.inject.draft import Rule
from seapo.inject.passage import Passage
from seapo.journal import Journal
from seapo.recipe import EngineSection
from seapo.records import Message, Sample, Truth, apply_edits


@pytest.fixture(scope="session")
def make_sample() -> Callable[..., Sample]:
    """A factory of samples: the answer, the question, and what is known of the answer."""

    def make(
        answer: str, question: str = "What is known about it?", truth: Truth | None = None, id: str = "s1"
    ) -> Sample:
        prompt = (Message(role="user", content=question),)
        return Sample(id=id, source="test", line=1, prompt=prompt, chosen=answer, truth=truth)

    return make


@pytest.fixture(scope="session")
def outcomes(make_sample) -> Callable[..., set[str]]:
    """All texts that a rule makes of an answer, over several seeds."""

    def run(rule: Rule, answer: str, question: str = "What is known about it?", truth: Truth | None = None) -> set[str]:
        sample = make_sample(answer, question, truth)
        found = set()
        for seed in range(8):
            for draft in rule(Passage(sample), Random(seed)):
                found.add(apply_edits(answer, draft.edits))
        return found

    return run


@dataclass
class Scripted:
    """A real HTTP server that speaks the chat-completions protocol and answers from a script, and what it was asked."""

    answer: Callable[[list[dict[str, str]]], str | tuple[str, str] | int]
    """From messages to a text, a text and its finish_reason, or an HTTP status in its place."""
    base_url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all requests."""

    def prompts(self) -> list[str]:
        """The last message of each request."""
        return [body["messages"][-1]["content"] for body in self.asked]


@contextmanager
def scripted_server(answer: Callable[[list[dict[str, str]]], Any]) -> Iterator[Scripted]:
    """Serve on a free loopback port until the block ends."""
    script = Scripted(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.asked.append(body)
            status, reply = _response(script.answer(body["messages"]), body)
            content = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    script.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _response(answer: str | tuple[str, str] | int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if isinstance(answer, int):
        return answer, {"error": {"message": "the script says so", "type": "scripted"}}
    text, reason = (answer, "stop") if isinstance(answer, str) else answer
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": len(str(body["messages"]).split()), "completion_tokens": len(text.split())}
    return 200, {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }


@pytest.fixture(scope="session")
def served() -> Callable[..., Any]:
    """A context manager: from a script, and a journal if wanted, to the server and an engine that asks it."""

    @contextmanager
    def serve(answer: Callable[[list[dict[str, str]]], Any], journal: Journal | None = None) -> Iterator[Any]:
        with scripted_server(answer) as script:
            section = EngineSection(kind="openai", base_url=script.base_url, model="scripted", max_retries=0)
            with open_engine(section, journal=journal, say=print, warn=print) as engine:
                assert isinstance(engine, ServedEngine)
                yield script, engine

    return serve
