"""What the journal adds to a request: one look-up that finds nothing, and one reply put down, from several threads.

    python benchmarks/journal.py --json

Prints the median and the 99th percentile in milliseconds, with one thread, with eight, and while another process writes
into the same file.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

from seapo.journal import Journal

TEXT = "The answer is forty-two, as every schoolchild knows. " * 20
"""About a kilobyte, as a reply has."""


def one(journal: Journal, key: str) -> float:
    """Seconds that the journal takes for one request."""
    start = time.perf_counter()
    assert journal.get(key) is None
    journal.put(key, "reply", {"text": TEXT, "finish_reason": "stop", "prompt_tokens": 400, "completion_tokens": 250})
    return time.perf_counter() - start


def measure(journal: Journal, label: str, threads: int, requests: int) -> dict[str, float]:
    """Milliseconds of a request, asked from so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        seconds = sorted(pool.map(lambda n: one(journal, f"{label}{n}"), range(requests)))
    return {
        "median_ms": round(1000 * statistics.median(seconds), 3),
        "p99_ms": round(1000 * seconds[int(0.99 * len(seconds))], 3),
    }


def write(path: Path, stop: Event) -> None:
    """Write into the same file until told to stop."""
    with Journal(path) as journal:
        number = 0
        while not stop.is_set():
            journal.put(f"other{number}", "reply", {"text": TEXT})
            number += 1
            time.sleep(0.001)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, Journal(path := Path(folder) / "journal.sqlite") as journal:
        found = {f"{n} threads": measure(journal, f"{n}-", n, arguments.requests) for n in (1, 8)}
        stop = context.Event()
        other = context.Process(target=write, args=(path, stop))
        other.start()
        while journal.get("other0") is None:
            time.sleep(0.1)
        found["1 thread, another process writing"] = measure(journal, "both-", 1, arguments.requests)
        stop.set()
        other.join()
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for label, figures in found.items():
            print(f"{label:36} median {figures['median_ms']} ms, 99% under {figures['p99_ms']} ms")


if __name__ == "__main__":
    main()
