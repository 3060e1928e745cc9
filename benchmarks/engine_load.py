"""How busy the client keeps a server: 8 slots, replies that take from 0.2 to 3 s, as those of a language model do.

    python benchmarks/engine_load.py --json
    python benchmarks/engine_load.py --requests 64 --slots 8 --median-seconds 0.8

The server is another process, which notes when its slots are in use. What is told is the share of the slots' time in
use from the first request until fewer requests are left than there are slots, and what a request costs the client.
"""

import argparse
import json
import multiprocessing
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from seapo.engine import Request, open_engine
from seapo.journal import Journal
from seapo.recipe import EngineSection
from seapo.records import Message

SPREAD = 0.6
"""Of the logarithm of the seconds that a reply takes."""


def serve(pipe: Connection, slots: int, median_s: float) -> None:
    """A chat server with so many slots; tells its port, and at the end when its slots were in use."""
    free, spans = threading.Semaphore(slots), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = body["messages"][0]["content"]
            with free:
                start = time.monotonic()
                time.sleep(random.Random(asked).lognormvariate(0, SPREAD) * median_s)
                spans.append((start, time.monotonic()))
            self.answer({"choices": [{"message": {"content": asked}, "finish_reason": "stop"}], "usage": USAGE})

        def answer(self, value: dict[str, Any]) -> None:
            content = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_address[1])
    pipe.recv()
    pipe.send(spans)


USAGE = {"prompt_tokens": 300, "completion_tokens": 100}


def busy_share(spans: list[tuple[float, float]], slots: int) -> float:
    """Share of the slots' time in use while there were at least as many requests left as slots."""
    begin, end = min(start for start, _ in spans), sorted(end for _, end in spans)[-slots]
    return sum(max(0.0, min(stop, end) - start) for start, stop in spans) / (slots * (end - begin))


def measure(requests: int, slots: int, median_s: float) -> dict[str, float]:
    """Ask so many requests, from twice as many threads as there are slots."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, slots, median_s), daemon=True)
    server.start()
    settings = EngineSection(
        kind="openai", base_url=f"http://127.0.0.1:{ours.recv()}/v1", model="m", concurrency=slots, max_retries=0
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal(Path(folder) / "journal.sqlite") as journal,
        open_engine(settings, journal=journal, say=print, warn=print) as engine,
        ThreadPoolExecutor(2 * slots) as pool,
    ):
        cpu, start = time.process_time(), time.monotonic()
        asked = [Request(messages=(Message(role="user", content=str(number)),)) for number in range(requests)]
        list(pool.map(engine.complete, asked))
        wall_s, cpu_s = time.monotonic() - start, time.process_time() - cpu
        journalled = journal.counts()["reply"]
    ours.send("end")
    spans = ours.recv()
    server.join()
    return {
        "requests": requests,
        "journalled": journalled,
        "slots": slots,
        "busy_share": round(busy_share(spans, slots), 4),
        "wall_s": round(wall_s, 2),
        "client_cpu_ms_per_request": round(1000 * cpu_s / requests, 2),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--median-seconds", type=float, default=0.8, help="median time of a reply")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    measured = measure(arguments.requests, arguments.slots, arguments.median_seconds)
    if arguments.json:
        print(json.dumps(measured, indent=2))
    else:
        print(
            f"{measured['requests']} requests in {measured['wall_s']} s: {100 * measured['busy_share']:.1f}% of "
            f"{measured['slots']} slots busy, {measured['client_cpu_ms_per_request']} ms of processor a request"
        )


if __name__ == "__main__":
    main()
