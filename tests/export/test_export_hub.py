"""Pushing: the command against a hub on this machine, and against nothing."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SEAPO = Path(sys.executable).with_name("seapo")
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz012345"


def push(made_run, endpoint, *options, token=TOKEN):
    environment = {name: value for name, value in os.environ.items() if name not in ("HF_TOKEN", "HF_HUB_OFFLINE")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"} | ({"HF_TOKEN": token} if token else {})
    command = [SEAPO, "export", str(made_run), "--to", "hub", "--repo", "me/pairs", *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


class Hub(BaseHTTPRequestHandler):
    """As much of a hub's protocol as an upload of small files needs."""

    def log_message(self, *_):
        pass

    def answer(self, value, status=200, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.seen.append(("GET", self.path, self.headers.get("Authorization"), ""))
        if self.server.is_open:
            self.answer({"id": "me/pairs", "private": False, "siblings": [], "tags": []})
        else:
            self.answer({"error": "Repository not found"}, 404, [("X-Error-Code", "RepoNotFound")])

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.seen.append(("POST", self.path, self.headers.get("Authorization"), body))
        here = f"http://127.0.0.1:{self.server.server_port}/datasets/me/pairs"
        if self.path.endswith("/api/repos/create"):
            self.answer({"url": here, "name": "me/pairs", "id": "1"})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            told = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
            self.answer({"files": told})
        elif "/commit/" in self.path:
            self.answer({"success": True, "commitOid": "0" * 40, "commitUrl": f"{here}/commit/{'0' * 40}"})
        else:
            self.answer({})


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.seen, server.is_open = [], False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def address(server):
    return f"http://127.0.0.1:{server.server_port}"


def test_a_push_makes_a_private_data_set_and_writes_the_token_nowhere(made_run, hub):
    before = set(made_run.rglob("*"))
    done = push(made_run, address(hub), "--yes")
    assert done.returncode == 0, done.stderr
    assert "private" in done.stdout
    assert "train.parquet" in done.stdout
    created = [json.loads(body) for method, path, _, body in hub.seen if path.endswith("/api/repos/create")]
    assert [one.get("visibility") or one.get("private") for one in created] in (["private"], [True])
    assert {token for *_, token, _ in hub.seen} == {f"Bearer {TOKEN}"}
    commits = [body for _, path, _, body in hub.seen if "/commit/" in path]
    assert all(name in commits[0] for name in ("train.parquet", "README.md"))
    assert not any(TOKEN in body for *_, body in hub.seen)
    assert TOKEN not in done.stdout + done.stderr
    assert set(made_run.rglob("*")) == before


def test_without_yes_nothing_is_asked_of_the_hub(made_run, hub):
    done = push(made_run, address(hub), token=None)
    assert done.returncode == 0, done.stderr
    assert "nothing was uploaded; add --yes to do it" in done.stdout
    assert hub.seen == []


def test_a_data_set_that_is_open_to_all_is_refused(made_run, hub):
    hub.is_open = True
    done = push(made_run, address(hub), "--yes")
    assert done.returncode == 2
    assert "me/pairs is there already and open to all; say --public" in done.stderr
    assert all(method == "GET" for method, *_ in hub.seen)


def test_a_refused_connection_is_a_sentence_without_the_token(made_run):
    done = push(made_run, "http://127.0.0.1:9", "--yes")
    assert done.returncode == 2
    assert "me/pairs could not be pushed to http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_a_missing_token_is_a_sentence(made_run):
    done = push(made_run, "http://127.0.0.1:9", "--yes", token=None)
    assert done.returncode == 2
    assert "needs a token in the environment variable HF_TOKEN" in done.stderr


def test_what_belongs_to_the_hub_is_refused_elsewhere(made_run):
    done = subprocess.run(
        [SEAPO, "export", str(made_run), "--to", "jsonl", "--yes"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert "--repo, --public and --yes belong to --to hub" in done.stderr
