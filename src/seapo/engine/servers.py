"""The servers behind an engine: one that is there already, or one that seapo starts on this machine and ends.

A server of ours is started with the first request that the journal does not know. It listens on the loopback address
alone, wants a key that is made for this one start, and ends with the engine, and also when seapo is killed.
"""

import asyncio
import http.client
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Protocol

from seapo.engine.identity import gguf_file, model_name
from seapo.errors import EngineError
from seapo.recipe import EngineSection

HOST = "127.0.0.1"
MOST_STARTS = 4
"""Starts of a server in a row with no reply in between."""
PROBE_S = 0.1
STOP_S = 10.0
TAIL_LINES = 5
INSTALL = {
    "embedded": "pip install 'seapo[engine]'",
    "vllm": "pip install vllm",
}


class Server(Protocol):
    """Something that answers under a base URL."""

    @property
    def what(self) -> str:
        """How sentences call it."""
        ...

    @property
    def key(self) -> str | None:
        """What it wants to see before it answers."""
        ...

    @property
    def is_ours(self) -> bool:
        """Whether seapo starts it, and starts it again."""
        ...

    async def ready(self) -> str:
        """Its base URL; starts it where it is ours and not running. Raises EngineError. Called once at a time."""
        ...

    def worked(self) -> None:
        """It gave a reply."""
        ...

    def stop(self) -> None:
        """End it, where it is ours."""
        ...


@dataclass(frozen=True)
class RemoteServer:
    """A server that somebody else runs."""

    is_ours = False
    base_url: str
    key: str | None = field(repr=False)

    @property
    def what(self) -> str:
        """How sentences call it."""
        return f"the server at {self.base_url}"

    async def ready(self) -> str:
        """Its base URL."""
        return self.base_url

    def worked(self) -> None:
        """Nothing to note."""

    def stop(self) -> None:
        """It is not ours."""


@dataclass(frozen=True)
class Launch:
    """How to start a server of ours."""

    what: str
    command: Callable[[int], list[str]]
    """The command for a port."""
    key_name: str
    """Environment variable in which it expects the key."""
    start_s: float
    """It must be ready by then."""


class ChildServer:
    """A server in a process of our own, under a guard that ends it when seapo ends, however that happens.

    Engines that want the same one, as the injector and the judge of a recipe may, share it; the last one ends it.
    """

    is_ours = True

    _open: ClassVar[dict[tuple[str, ...], "ChildServer"]] = {}
    _opening = threading.Lock()
    _spawner = ThreadPoolExecutor(1, thread_name_prefix="seapo-servers")
    """Where guards are started: the kernel tells them of the death of the thread that did it, so it lives as long as
    the process."""

    def __init__(self, launch: Launch, *, say: Callable[[str], None], log_dir: Path | None, hidden: str) -> None:
        self.what = launch.what
        self.key: str | None = secrets.token_hex(16)
        self._launch = launch
        self._say = say
        self._log_dir = log_dir
        self._hidden = hidden
        self._guard: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None
        self._address = ""
        self._starts = 0
        self._users = 0
        self._has_failed = False
        self._lock = threading.Lock()

    @classmethod
    def share(cls, launch: Launch, *, say: Callable[[str], None], log_dir: Path | None, hidden: str) -> "ChildServer":
        """The server of this launch that is open in this process, or a new one; each user stops it once."""
        key = (*launch.command(0), str(log_dir), hidden)
        with cls._opening:
            server = cls._open.setdefault(key, cls(launch, say=say, log_dir=log_dir, hidden=hidden))
            server._users += 1
            return server

    @property
    def log(self) -> Path | None:
        """File of what it says; None before the first start."""
        return self._log

    @property
    def pid(self) -> int | None:
        """Process id of its guard, while it runs."""
        return self._guard.pid if self._guard and self._guard.poll() is None else None

    async def ready(self) -> str:
        """Its base URL; started where it does not run. Raises EngineError where it cannot be."""
        return self._address if self._address and self.pid is not None else await asyncio.to_thread(self._ready)

    def worked(self) -> None:
        """It gave a reply, so it may be started as often as before, should it end."""
        self._starts = 0

    def stop(self) -> None:
        """End it with its last user, and wait for its end; the log of one that did well, in no folder, is removed."""
        with ChildServer._opening:
            self._users -= 1
            if self._users > 0:
                return
            for key in [key for key, server in ChildServer._open.items() if server is self]:
                del ChildServer._open[key]
        self._end()
        if self._log is not None and self._log_dir is None and not self._has_failed:
            self._log.unlink(missing_ok=True)

    def _ready(self) -> str:
        with self._lock:
            try:
                if self.pid is None:
                    self._start()
            except EngineError:
                self._has_failed = True
                raise
            return self._address

    def _start(self) -> None:
        ended = self._guard is not None
        self._address = ""
        self._end()
        self._starts += 1
        if self._starts > MOST_STARTS:
            raise EngineError(
                f"{self.what} ended {MOST_STARTS} times with no reply in between; {self._tail()}; look into the log, "
                f"then call the same command again: every reply so far is kept"
            )
        port = _free_port()
        self._say(f"  {self.what}: {'it ended; starting it again' if ended else 'starting'} (log: {self._open_log()})")
        self._spawner.submit(self._launch_guard, port).result()
        self._wait(port)
        self._address = f"http://{HOST}:{port}/v1"

    def _open_log(self) -> Path:
        if self._log is None:
            if self._log_dir is not None:
                self._log_dir.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="seapo-engine-", suffix=".log", dir=self._log_dir)
            os.close(handle)
            self._log = Path(name)
        return self._log

    def _launch_guard(self, port: int) -> None:
        environment = {name: value for name, value in os.environ.items() if name != self._hidden}
        environment |= {self._launch.key_name: self.key or "", "VLLM_NO_USAGE_STATS": "1"}
        guard = str(Path(__file__).with_name("guard.py"))
        with self._open_log().open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-P", "-S", guard, str(os.getpid()), *self._launch.command(port)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for seapo, which then ends it in order
                env=environment,
            )

    def _wait(self, port: int) -> None:
        """Until it says that it is well."""
        end = time.monotonic() + self._launch.start_s
        while not _is_well(port):
            if self.pid is None:
                raise EngineError(f"{self.what} ended before it was ready; {self._tail()}")
            if time.monotonic() > end:
                self._end()
                raise EngineError(f"{self.what} was not ready within {self._launch.start_s:.0f} s; {self._tail()}")
            time.sleep(PROBE_S)
        if self.pid is None:  # then another program answered on its port
            raise EngineError(f"{self.what} ended before it was ready; {self._tail()}")

    def _end(self) -> None:
        guard = self._guard
        if guard is None:
            return
        assert guard.stdin is not None
        guard.stdin.close()
        try:
            guard.wait(STOP_S)
        except subprocess.TimeoutExpired:
            guard.kill()  # the kernel kills the server with it
            guard.wait()
        self._guard = None

    def _tail(self) -> str:
        if self._log is None:
            return "it has no log"
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        said = " | ".join(line.strip() for line in lines if line.strip()) or "nothing"
        return f"its log {self._log} ends with: {said}"


def find_server(settings: EngineSection, *, say: Callable[[str], None], log_dir: Path | None) -> Callable[[], Server]:
    """What gives the server of a recipe's section, to be stopped by who calls it; starts nothing yet.

    Raises EngineError where there can be none.
    """
    if settings.kind == "openai":
        assert settings.base_url is not None
        remote = RemoteServer(settings.base_url, os.environ.get(settings.api_key_env) or None)
        return lambda: remote
    launch = embedded_launch(settings) if settings.kind == "embedded" else vllm_launch(settings)
    return lambda: ChildServer.share(launch, say=say, log_dir=log_dir, hidden=settings.api_key_env)


def embedded_launch(settings: EngineSection) -> Launch:
    """How to serve a GGUF file with llama.cpp; raises EngineError where `xllamacpp` is missing."""
    if find_spec("xllamacpp") is None:
        raise EngineError(f"the embedded engine needs the package xllamacpp; run: {INSTALL['embedded']}")
    model = gguf_file(settings)
    script = str(Path(__file__).with_name("llama_server.py"))
    sizes = [str(settings.concurrency), str(settings.context_tokens)]
    return Launch(
        f"the embedded server (llama.cpp, {model_name(settings)})",
        lambda port: [sys.executable, "-P", script, str(model), str(port), *sizes],
        "SEAPO_ENGINE_KEY",
        start_s=180,
    )


def vllm_launch(settings: EngineSection) -> Launch:
    """How to start `vllm serve`; raises EngineError with the pip command where it is missing."""
    beside = Path(sys.executable).with_name("vllm")
    program = str(beside) if beside.is_file() else shutil.which("vllm")
    if program is None:
        raise EngineError(f"engine.kind is vllm, and there is no program `vllm`; run: {INSTALL['vllm']}")
    assert settings.model is not None
    options = {
        "--served-model-name": model_name(settings),
        "--host": HOST,
        "--tensor-parallel-size": settings.tensor_parallel_size,
        "--data-parallel-size": settings.data_parallel_size,
        "--max-model-len": settings.context_tokens,
        "--generation-config": "vllm",  # sampling is what the recipe says, not what the model's folder adds
    }
    words = [str(word) for option in options.items() for word in option]
    return Launch(
        f"the vLLM server ({model_name(settings)})",
        lambda port: [program, "serve", settings.model or "", *words, "--port", str(port)],
        "VLLM_API_KEY",
        start_s=3600,  # it may have to fetch the model
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_well(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
