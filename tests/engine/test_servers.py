"""Real servers: llama.cpp under a guard, killed and restarted, behind a proxy that spoils what passes, and others."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seapo.engine.servers import embedded_launch, vllm_launch
from seapo.errors import EngineError, RequestError
from seapo.journal import Journal

FEW = {"kind": "embedded", "concurrency": 4, "context_tokens": 256, "max_tokens": 12, "timeout_s": 60.0}
PS = Path("/proc")


def processes(word):
    """Ids of processes whose command line holds a word."""
    found = []
    for folder in PS.iterdir():
        try:
            if folder.name.isdecimal() and word.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def servers(log_dir):
    """Ids of llama.cpp servers that write into a folder's logs: the guard's child, not the guard."""
    return [
        pid
        for pid in processes("llama_server.py")
        if os.path.realpath(f"/proc/{pid}/fd/1").startswith(str(log_dir)) and b"guard.py" not in command_line(pid)
    ]


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def test_the_embedded_server_starts_with_the_first_unknown_request_and_ends_with_the_engine(kit, journal, tmp_path):
    said = []
    request = kit.asking("Say hello.")
    settings = kit.section(**{**FEW, "max_tokens": 40})
    with kit.engine(settings, journal, say=said.append, log_dir=tmp_path) as engine:
        assert servers(tmp_path) == []
        reply = engine.complete(request)
        (pid,) = servers(tmp_path)
        assert reply.text
        assert 0 < reply.completion_tokens <= 40
        schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}
        schema["additionalProperties"] = False
        held = engine.complete(kit.asking("Choose x or y.", max_tokens=40, schema=schema))
        assert json.loads(held.text)["a"] in "xy"
        with pytest.raises(RequestError, match=r"status 400: .*context"):
            engine.complete(kit.asking("far too long " * 300))
        assert "(llama.cpp, SmolLM2-135M-Instruct): starting (log: " in said[0]
    assert not Path(f"/proc/{pid}").exists()
    with kit.engine(settings, journal, log_dir=tmp_path) as engine:
        assert engine.complete(request) == reply
        assert servers(tmp_path) == []


def test_engines_that_want_the_same_server_share_it_and_the_last_one_ends_it(kit, tmp_path):
    with kit.engine(kit.section(**FEW), log_dir=tmp_path):
        pass  # one that asked for nothing has no part in it
    with kit.engine(kit.section(**FEW), log_dir=tmp_path) as injector:
        with kit.engine(kit.section(**{**FEW, "max_tokens": 5}), log_dir=tmp_path) as judge:
            assert len(kit.ask_all(judge, [kit.asking("a"), kit.asking("b")])) == 2
            assert injector.complete(kit.asking("c")).text
            (pid,) = servers(tmp_path)
        assert injector.complete(kit.asking("d")).text
        assert servers(tmp_path) == [pid]
    assert servers(tmp_path) == []


def test_only_who_has_the_key_of_this_start_is_answered(kit, tmp_path):
    import http.client

    with kit.engine(kit.section(**FEW), log_dir=tmp_path) as engine:
        engine.complete(kit.asking("Hi."))
        (pid,) = servers(tmp_path)
        port = int(command_line(pid).split(b"\0")[4])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/v1/chat/completions", "{}", {"Content-Type": "application/json"})
        assert connection.getresponse().status == 401


def test_through_a_proxy_that_spoils_two_fifths_every_reply_arrives_once(kit, tmp_path):
    """The proxy stands before the real server; what is asked for is in the journal, each key once."""
    with kit.engine(kit.section(**FEW), log_dir=tmp_path) as behind:
        behind.complete(kit.asking("warm up"))
        (pid,) = servers(tmp_path)
        target = urlsplit(f"http://127.0.0.1:{command_line(pid).split(bytes(1))[4].decode()}")
        os.environ["PROXIED_KEY"] = behind._worker._sender.server.key
        requests = [kit.asking(f"Count to {n}.", max_tokens=4) for n in range(24)]
        with (
            kit.closing(kit.FaultyProxy(target, share=0.4, seed=1, hang_s=3.5)) as proxy,
            Journal(tmp_path / "journal.sqlite") as journal,
        ):
            settings = kit.section(
                proxy.url, api_key_env="PROXIED_KEY", timeout_s=2.5, concurrency=4, max_retries=12, max_tokens=12
            )
            with kit.engine(settings, journal) as engine:
                replies = kit.ask_all(engine, requests + requests)
                keys = {engine.key(request) for request in requests}
                usage = engine.usage
            entries = list(journal.export(kind="reply"))
    del os.environ["PROXIED_KEY"]
    assert all(hasattr(reply, "text") for reply in replies), replies
    assert replies[:24] == replies[24:]
    assert len(entries) == len(keys) == 24
    assert {entry["key"] for entry in entries} == keys
    assert usage.requests == 24  # none was counted, or paid for, twice
    assert usage.retries >= sum(count for fault, count in proxy.seen.items() if fault != "passed")
    assert all(proxy.seen.values()), f"a fault did not occur: {proxy.seen}"


def test_a_server_that_is_killed_in_the_middle_is_started_again_and_nothing_is_lost(kit, journal, tmp_path):
    said = []
    with kit.engine(kit.section(**FEW), journal, say=said.append, log_dir=tmp_path) as engine:
        requests = [kit.asking(f"Name {n} animals.", max_tokens=6) for n in range(14)]

        def kill():
            for _ in range(2):
                before = journal.counts().get("reply", 0)
                wait_for(lambda before=before: journal.counts().get("reply", 0) >= before + 2)
                os.kill(servers(tmp_path)[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        replies = kit.ask_all(engine, requests)
        killer.join()
        assert all(hasattr(reply, "text") for reply in replies), replies
        assert engine.usage.requests == 14
    assert journal.counts() == {"reply": 14}
    assert sum("it ended; starting it again" in line for line in said) == 2


PARENT = """
import sys
sys.path.insert(0, sys.argv[2])
import conftest as kit
from pathlib import Path
with kit.engine(kit.section(**{few!r}), log_dir=Path(sys.argv[1])) as engine:
    engine.complete(kit.asking("Hello."))
    print("ready", flush=True)
    engine.complete(kit.asking("Write a long story.", max_tokens=12))
    sys.stdin.readline()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_with_a_parent_that_is_killed(tmp_path, how):
    command = [sys.executable, "-c", PARENT.format(few=FEW), str(tmp_path), str(Path(__file__).parent)]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "ready\n"
    assert len(servers(tmp_path)) == 1
    os.kill(parent.pid, how)
    parent.wait(10)
    wait_for(lambda: not servers(tmp_path), 5)
    wait_for(lambda: not processes(str(tmp_path)), 5)
    parent.stdin.close()
    parent.stdout.close()


def test_the_server_ends_when_its_guard_is_killed(kit, journal, tmp_path):
    with kit.engine(kit.section(**FEW), journal, log_dir=tmp_path) as engine:
        engine.complete(kit.asking("one"))
        (pid,) = servers(tmp_path)
        os.kill(engine._worker._sender.server.pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or b"Z" in Path(f"/proc/{pid}/stat").read_bytes(), 5)
        assert engine.complete(kit.asking("two")).text


def test_a_server_that_cannot_start_says_why(kit, tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF but nothing else")
    settings = kit.section(**FEW, model=str(tmp_path / "broken.gguf"))
    with kit.engine(settings, log_dir=tmp_path) as engine:
        problems = {str(problem) for problem in kit.ask_all(engine, [kit.asking(str(n)) for n in range(5)])}
    assert len(problems) == 1
    assert "the embedded server (llama.cpp, broken) ended before it was ready; its log " in problems.pop()


def test_a_missing_file_or_package_is_said_before_anything_starts(kit, monkeypatch):
    with (
        pytest.raises(EngineError, match=r"'/no/such\.gguf' is no file"),
        kit.engine(kit.section(kind="embedded", model="/no/such.gguf")),
    ):
        pass
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr("seapo.engine.servers.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"needs the package xllamacpp; run: pip install 'seapo\[engine\]'"):
        embedded_launch(kit.section(**FEW))


# A program in the place of vllm: it checks its arguments and its key, answers as vllm does, and starts a worker in a
# session of its own, as vllm does.
VLLM = """#!{python}
import json, os, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def answer(self, status, value):
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.answer(200, {{}})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Bearer " + os.environ["VLLM_API_KEY"]:
            return self.answer(401, {{"error": "who are you?"}})
        text = json.dumps([sys.argv[1:], os.environ.get("OPENAI_API_KEY")])
        usage = {{"prompt_tokens": 1, "completion_tokens": 1}}
        return self.answer(200, {{"choices": [{{"message": {{"content": text}}}}], "usage": usage}})

subprocess.Popen(["sleep", "1234567"], start_new_session=True)
port = int(sys.argv[sys.argv.index("--port") + 1])
ThreadingHTTPServer((sys.argv[sys.argv.index("--host") + 1], port), Handler).serve_forever()
"""


@pytest.fixture
def vllm(tmp_path, monkeypatch):
    """A folder on the path with a program `vllm` in it."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(VLLM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def test_vllm_is_started_with_what_the_recipe_says_and_ends_with_all_it_started(kit, vllm, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-vllm")
    settings = kit.section(
        kind="vllm", model="org/model-7b", tensor_parallel_size=2, data_parallel_size=4, context_tokens=8192
    )
    with kit.engine(settings, log_dir=tmp_path) as engine:
        arguments, openai_key = json.loads(engine.complete(kit.asking("q")).text)
        assert len(processes("1234567")) == 1
        assert engine.name == "org/model-7b"
    assert processes("1234567") == []
    assert processes(str(vllm)) == []
    assert openai_key is None
    assert arguments[:2] == ["serve", "org/model-7b"]
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert options.pop("--port").isdecimal()
    assert options == {
        "--served-model-name": "org/model-7b",
        "--host": "127.0.0.1",
        "--tensor-parallel-size": "2",
        "--data-parallel-size": "4",
        "--max-model-len": "8192",
        "--generation-config": "vllm",
    }


def test_a_missing_vllm_is_named_with_the_command_that_installs_it(kit, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineError, match=r"there is no program `vllm`; run: pip install vllm"):
        vllm_launch(kit.section(kind="vllm", model="org/model-7b"))


def test_a_folder_of_weights_is_known_by_its_bytes_and_called_by_its_name(kit, vllm, tmp_path):
    folder = tmp_path / "tuned-7b"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"one")
    fingerprints = set()
    for weights in (b"one", b"two"):
        (folder / "model.safetensors").write_bytes(weights)
        with kit.engine(kit.section(kind="vllm", model=str(folder))) as engine:
            assert engine.name == "tuned-7b"
            fingerprints.add(engine.fingerprint)
    assert len(fingerprints) == 2


def test_a_server_that_keeps_dying_is_given_up(kit, tmp_path, vllm):
    vllm.write_text(vllm.read_text().replace("self.rfile.read", "os._exit(3); self.rfile.read"))
    with (
        kit.engine(kit.section(kind="vllm", model="m", max_retries=20), log_dir=tmp_path) as engine,
        pytest.raises(EngineError, match=r"ended 4 times with no reply in between; its log .* ends with"),
    ):
        engine.complete(kit.asking("q"))
    assert processes("1234567") == []


def test_a_start_that_takes_too_long_for_the_user_is_broken_off(kit, tmp_path, vllm):
    vllm.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(7654321)\n")
    asked = []

    def interrupt():
        with kit.engine(kit.section(kind="vllm", model="m"), log_dir=tmp_path) as engine:
            asked.append(pool.submit(engine.complete, kit.asking("q")))
            wait_for(lambda: processes(str(vllm)))
            raise KeyboardInterrupt

    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        with pytest.raises(EngineError, match="closed before the reply came"):
            asked[0].result(5)
    assert processes(str(vllm)) == []
    assert time.monotonic() - start < 20
