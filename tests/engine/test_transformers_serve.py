"""A real server that is not ours: `transformers serve` with the embedded model, killed and restarted in the middle."""

import http.client
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("transformers")


def start(folder, port, log):
    command = [PROGRAM, "serve", folder, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--dtype", "float32"], stdout=log, stderr=log, env=environment)


def is_well(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def port(kit):
    with kit.closing(kit.Served()) as probe:
        return probe.port


@pytest.fixture(scope="module")
def folder():
    """The embedded model as a folder of safetensors."""
    from seapo.model.load import embedded_folder

    pytest.importorskip("fastapi", reason="transformers serve needs fastapi and uvicorn: pip install 'seapo[test]'")
    return embedded_folder()


def test_a_server_that_is_killed_and_started_again_in_the_middle(kit, journal, folder, port, tmp_path):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}  # which this server leaves aside
    requests = [kit.asking(f"Say {n}.", max_tokens=4, schema=schema if n % 2 else None) for n in range(12)]
    settings = kit.section(
        f"http://127.0.0.1:{port}/v1", model=str(folder), concurrency=2, max_retries=5000, timeout_s=60.0
    )
    with (tmp_path / "log").open("w") as log:
        servers = [start(folder, port, log)]
        try:
            while not is_well(port):
                assert servers[0].poll() is None, (tmp_path / "log").read_text()[-2000:]
                time.sleep(0.2)

            def restart():
                while journal.counts().get("reply", 0) < 3:
                    if asked.done():
                        return
                    time.sleep(0.02)
                servers[0].send_signal(signal.SIGKILL)
                servers[0].wait()
                servers.append(start(folder, port, log))

            with kit.engine(settings, journal) as engine, ThreadPoolExecutor(1) as pool:
                asked = pool.submit(kit.ask_all, engine, requests, threads=4)
                restart()
                replies = asked.result()
                usage = engine.usage
                assert [engine.complete(request) for request in requests] == replies
        finally:
            for server in servers:
                server.kill()
                server.wait()
    assert len(servers) == 2
    assert all(hasattr(reply, "text") for reply in replies), replies
    assert all(reply.finish_reason in ("stop", "length") and reply.completion_tokens <= 4 for reply in replies)
    assert usage.requests == 12
    assert usage.retries >= 1
    assert journal.counts() == {"reply": 12}
