"""A model that is small enough to be asked many times, and a server that answers what it is told to."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from seapo.engine import open_engine
from seapo.journal import Journal
from seapo.recipe import EngineSection


@pytest.fixture(scope="session")
def tiny():
    """(model, tokenizer): random weights behind the embedded model's tokenizer, with a context of 96 tokens."""
    import torch
    import transformers

    from seapo.model import load_embedded

    tokenizer = load_embedded()[1]
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=96, initializer_range=0.3, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config).eval(), tokenizer


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        text = self.server.answer(asked["messages"][-1]["content"])
        status = 400 if text is None else 200
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}  # fmt: skip
        content = json.dumps(body if text is not None else {"error": {"message": "too long"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def served():
    """Starts a server whose replies a function of the last message gives; None is a refusal of that request."""

    @contextmanager
    def serve(answer):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.answer, server.asked = answer, []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return serve


@pytest.fixture
def engine(served, tmp_path):
    """A text engine whose server answers by a function."""

    @contextmanager
    def opened(answer):
        with served(answer) as server:
            settings = EngineSection(
                kind="openai", model="m", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0
            )
            journal = Journal(tmp_path / "engine.sqlite")
            with journal, open_engine(settings, journal=journal, say=str, warn=str) as found:
                found.asked = server.asked
                yield found

    return opened
