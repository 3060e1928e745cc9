"""kill -9 where a model writes and judges: no kept reply is asked for again, none is lost, the end is the same."""

import base64
import gzip
import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONCURRENCY = 3
RECIPE = """
name: {name}
runs_dir: {folder}
data: {{limit: 6}}
model: {{dtype: float32}}
engine: {{kind: openai, base_url: "{url}", model: scripted, concurrency: {concurrency}}}
judge: {{kind: openai, base_url: "{url}", model: scripted, temperature: 0.5, concurrency: {concurrency}}}
inject: {{candidates_per_type: 2, max_attempts: 2}}
verify: {{use_judge: true}}
mix: {{kind: all}}
train:
  {{method: dpo, learning_rate: 2.0e-4, num_train_epochs: 1, per_device_train_batch_size: 3,
    gradient_accumulation_steps: 1, save_steps: 1}}
evaluate: {{limit: 1}}
"""

# Runs seapo and kills it with -9 at the n-th event whose text matches: a file opened for writing, a folder made, a
# rename, a statement of SQLite, or a connection to the server.
KILLER = """
import os, re, signal, sqlite3, sys
pattern, count, recipe = re.compile(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
seen = 0

def look(text):
    global seen
    if pattern.search(text):
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

def hook(event, arguments):
    if event == "open" and (isinstance(arguments[1], str) and "w" in arguments[1]):
        look(f"write {arguments[0]}")
    elif event in ("os.rename", "os.mkdir"):
        look(f"{event} {arguments[0]} {arguments[1]}")
    elif event == "socket.connect":
        look(f"{event} {arguments[1]}")

def connect(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(lambda statement: look(f"sql {statement}"))
    return connection

sqlite3.connect = connect
sys.addaudithook(hook)
from seapo.cli import main
main(["run", recipe])
"""

KILLS = {
    "source: after the first write": (r"write .*/\.source\.\w+\.partial/", 2),
    "source: before the last rename": (r"os\.rename .*/\.source\.\w+\.partial .*/source", 1),
    "inject: at the first connection": (r"socket\.connect \('127", 1),
    "inject: before the first reply is kept": (r"sql INSERT.*'reply'", 1),
    "inject: after two replies": (r"sql INSERT.*'reply'", 3),
    "inject: after five more": (r"sql INSERT.*'reply'", 6),
    "inject: after ten more": (r"sql INSERT.*'reply'", 11),
    "inject: after two samples": (r"sql INSERT.*'inject'", 3),
    "inject: before the last rename": (r"os\.rename .*/\.inject\.\w+\.partial .*/inject", 1),
    "verify: before the first opinion is kept": (r"sql INSERT.*'reply'", 1),
    "verify: after three opinions": (r"sql INSERT.*'reply'", 4),
    "verify: before the last rename": (r"os\.rename .*/\.verify\.\w+\.partial .*/verify", 1),
    "mix: after the first write": (r"write .*/\.mix\.\w+\.partial/", 2),
    "train: after three reference scores": (r"sql INSERT.*'reference'", 4),
    "train: in the second checkpoint": (r"(write|os\.mkdir|os\.rename) .*checkpoint-2", 1),
    "train: before the last rename": (r"os\.rename .*/\.train\.\w+\.partial .*/train", 1),
    "evaluate: after three items": (r"sql INSERT.*'evaluate'", 4),
    "evaluate: before the last rename": (r"os\.rename .*/\.evaluate\.\w+\.partial .*/evaluate", 1),
    "report: after the first write": (r"write .*/\.report\.\w+\.partial/", 2),
    "report: before the last rename": (r"os\.rename .*/\.report\.\w+\.partial .*/report", 1),
}
OTHERS = {
    "source: after the first write", "inject: at the first connection", "inject: after two replies",
    "inject: after ten more", "inject: before the last rename", "verify: before the first opinion is kept",
    "verify: before the last rename", "train: after three reference scores", "evaluate: before the last rename",
    "report: after the first write",
}  # fmt: skip
"""Each takes ten seconds, so they are left out unless SEAPO_ALL_KILLS=1 is set."""
MOMENTS = [name for name in KILLS if os.environ.get("SEAPO_ALL_KILLS") or name not in OTHERS]


class Model(ThreadingHTTPServer):
    """A chat server that edits a number or a word of the answer, and numbers its replies so that each can be told."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.asked = []
        """(digest of the request, number of its reply), in the order in which they came."""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def number(self, body):
        with self.lock:
            self.asked.append((hashlib.sha256(body).hexdigest(), len(self.asked)))
            return len(self.asked) - 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        serial = self.server.number(body)
        time.sleep(0.05)
        asked = json.loads(body)["messages"][-1]["content"]
        text = json.dumps({**(opinion(asked) if "ANSWER B" in asked else edits(asked)), "serial": serial})
        message = {"role": "assistant", "content": text}
        self.answer(
            {
                "id": f"chatcmpl-{serial}",
                "object": "chat.completion",
                "created": 1,
                "model": "scripted",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
        )

    def answer(self, value):
        content = json.dumps(value).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # the client was killed
            self.close_connection = True


def edits(asked):
    """Exchange a number of the answer, or claim something in the place of its first words."""
    answer = re.search(r"<answer>\n(.*?)\n</answer>", asked, re.DOTALL)[1]
    numbers = [one for one in re.findall(r"(?<![\d.,])\d+(?![\d.,])", answer) if answer.count(one) == 1]
    if numbers:
        return {"subtype": "wrong_number", "edits": [{"search": numbers[-1], "replace": str(int(numbers[-1]) + 7)}]}
    first = answer[:20]
    return {"subtype": "invented_source", "edits": [{"search": first, "replace": f"Dr. Quell found in 1987: {first}"}]}


def opinion(asked):
    """Always the first answer."""
    return {"better": "A", "error_type": "correctness", "quote": asked.rsplit("ANSWER B\n")[-1][:30]}


def run(*command: object) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", *map(str, command)]
    environment = {**os.environ, "COLUMNS": "100", "OPENAI_API_KEY": "none"}
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, env=environment)


def recipe(folder: Path, name: str, model: Model) -> Path:
    path = folder / f"{name}.yaml"
    url = f"http://127.0.0.1:{model.server_address[1]}/v1"
    path.write_text(RECIPE.format(name=name, folder=folder, url=url, concurrency=CONCURRENCY))
    return path


def kept_serials(folder: Path) -> set[int]:
    """Numbers of the replies that the journal holds."""
    path = folder / "journal.sqlite"
    if not path.is_file():
        return set()
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT value FROM entries WHERE kind = 'reply'").fetchall()
    return {int(re.search(r'serial\\?"\s*:\s*(\d+)', row[0])[1]) for row in rows}


def final_files(run_dir: Path) -> dict[str, bytes]:
    """Every file of a finished run that follows from its inputs; names of the run apart."""
    files = {path.relative_to(run_dir).as_posix(): path for path in run_dir.rglob("*") if path.is_file()}
    kept = {
        name: path.read_bytes() for name, path in files.items() if not re.match(r"\.lock|\.progress|run\.json", name)
    }
    return {name: text for name, text in kept.items() if not name.startswith("report/") and name != "recipe.yaml"}


def report_text(run_dir: Path) -> str:
    """The report without its times and the run's name."""
    page = (run_dir / "report" / "index.html").read_text(encoding="utf-8")
    head, opening, rest = page.partition('id="pb-data">')
    assert opening
    packed, _, tail = rest.partition("<")
    page = f"{head}{gzip.decompress(base64.b64decode(packed)).decode()}{tail}".replace(run_dir.name, "NAME")
    return re.sub(r"(under )?(\d+(\.\d+)? (s|min|h)\b ?)+", "TIME", page)


@pytest.fixture
def model():
    model = Model()
    yield model
    model.shutdown()
    model.server_close()


@pytest.mark.timeout(1200)
def test_kills_in_every_stage_ask_for_no_kept_reply_again(tmp_path, model):
    path = recipe(tmp_path, "killed", model)
    kept: dict[str, int] = {}
    assert set(KILLS) > OTHERS
    for moment in MOMENTS:
        pattern, count = KILLS[moment]
        before = len(model.asked)
        done = run(KILLER, pattern, count, path)
        assert done.returncode == -signal.SIGKILL, f"{moment}: not reached: {done.stderr}"
        assert not [asked for asked, _ in model.asked[before:] if asked in kept], f"{moment}: asked for a kept reply"
        asked = {serial: asked for asked, serial in model.asked}
        kept |= {asked[serial]: serial for serial in kept_serials(tmp_path)}
        print(f"killed in {moment}: {len(model.asked) - before} requests, {len(kept)} replies kept")
    done = run("from seapo.cli import main; main()", "run", path)
    assert done.returncode == 0, done.stderr
    often = Counter(asked for asked, _ in model.asked)
    assert sum(often.values()) - len(often) <= len(MOMENTS) * CONCURRENCY
    assert len(kept_serials(tmp_path)) == len(often)

    before = len(model.asked)
    done = run("from seapo.cli import main; main()", "run", recipe(tmp_path, "undisturbed", model))
    assert done.returncode == 0, done.stderr
    assert len(model.asked) == before, "a second run on the same journal asked again"
    assert final_files(tmp_path / "killed") == final_files(tmp_path / "undisturbed")
    assert report_text(tmp_path / "killed") == report_text(tmp_path / "undisturbed")
    negatives = (tmp_path / "killed/verify/negatives.jsonl").read_text(encoding="utf-8")
    assert '"strategy":"edit"' in negatives
