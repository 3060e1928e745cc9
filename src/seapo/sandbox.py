"""Runs Python that nobody has read: answers of data sets and of models, together with their unit tests.

What the sandbox (bubblewrap: Linux namespaces, and a system call filter) covers:
  * no network: a name space without one, and no sockets but local pairs
  * no files of the user: the program sees its Python, the system's libraries, an empty /tmp, /dev/null and the like
  * nothing to change: all of it is read-only but /tmp, which is memory, 32 MiB at most, and gone afterwards
  * no other processes: it sees none, cannot signal any, and cannot start any (threads it can)
  * limits on processor time, memory, size and number of open files, wall time and output
  * no environment variables, no capabilities, no terminal; it dies with the process that started it
What it does not cover:
  * bugs of the kernel, and what one program can learn of another through shared caches and timing
  * load: until its time is up a program may use one core, its memory, and as many threads as fit in that memory
  * intent: a program may end itself or print anything, so ask for a sign that your tests ran to their end
Only the standard library can be imported. The hash seed is fixed, so that a program does the same each time.
"""

import contextlib
import functools
import json
import os
import platform
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seapo.errors import SandboxError

MAX_OUTPUT_BYTES = 64 * 1024
"""Of each stream; what comes after is read and thrown away."""
TMP_BYTES = 32 * 1024 * 1024
FILE_BYTES = 16 * 1024 * 1024
OPEN_FILES = 64
LIBRARY_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
PYTHON_OPTIONS = ("-P", "-s", "-S", "-B", "-X", "utf8")
"""Isolated as by -I, except that the (cleared) environment is read, for the hash seed."""
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp", "OMP_NUM_THREADS": "1"}
LAUNCHER = """
import resource, sys
for name, limit in {limits}:
    resource.setrlimit(getattr(resource, name), (limit, limit))
source = sys.stdin.buffer.read().decode("utf-8")
sys.argv = ["answer.py"]
exec(compile(source, "answer.py", "exec"), {{"__name__": "__main__", "__builtins__": __builtins__}})
"""


@dataclass(frozen=True)
class RunResult:
    """How a program ended."""

    returncode: int
    """0 where it ran to its end; 1 after an exception; 128 + n where signal n ended it."""
    stdout: str
    stderr: str
    timed_out: bool
    """Whether it was stopped because its time was up."""
    sandboxed: bool


@dataclass(frozen=True)
class _Architecture:
    """The numbers that the system call filter needs, from the kernel's tables."""

    audit: int
    clone: int
    clone3: int
    denied: tuple[int, ...]
    """fork, vfork, socket, ptrace, unshare, setns, mount, bpf, perf_event_open, userfaultfd, io_uring_setup, keyctl."""


ARCHITECTURES = {
    "x86_64": _Architecture(0xC000003E, 56, 435, (57, 58, 41, 101, 272, 308, 165, 321, 298, 323, 425, 250)),
    "aarch64": _Architecture(0xC00000B7, 220, 435, (198, 117, 97, 268, 40, 280, 241, 282, 425, 219)),
}
CLONE_THREAD = 0x00010000
EPERM, ENOSYS = 1, 38
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000


def run_python(code: str, *, timeout_s: float, memory_mb: int = 512, allow_unsandboxed: bool = False) -> RunResult:
    """Run a Python program, in the sandbox where there is one.

    Where there is none, raises SandboxError, or with `allow_unsandboxed` runs it with this user's rights and only the
    limits on time, memory and output. `timeout_s` is wall time, in seconds; `memory_mb` is address space, in MiB.
    """
    reason = why_unavailable()
    if reason is None:
        return _run_sandboxed(_bwrap() or "", code, timeout_s=timeout_s, memory_mb=memory_mb)
    if not allow_unsandboxed:
        raise SandboxError(
            f"code would have to run, and there is no sandbox for it: {reason}. Install bubblewrap (Debian, Ubuntu: "
            "apt-get install bubblewrap), or set verify.allow_unsandboxed_code=true to run it with your own rights"
        )
    return _run_unsandboxed(code, timeout_s=timeout_s, memory_mb=memory_mb)


def is_available() -> bool:
    """Whether the sandbox works here; it is tried once in a process."""
    return why_unavailable() is None


def why_unavailable() -> str | None:
    """What keeps the sandbox from working here, in words; None where it works."""
    bwrap = _bwrap()
    if platform.system() != "Linux" or platform.machine() not in ARCHITECTURES:
        return f"it needs Linux on {' or '.join(ARCHITECTURES)}, this is {platform.system()} on {platform.machine()}"
    return "there is no program bwrap on the path" if bwrap is None else _try(bwrap)


def _bwrap() -> str | None:
    return shutil.which("bwrap")


@functools.cache
def _try(bwrap: str) -> str | None:
    try:
        result = _run_sandboxed(bwrap, "print('inside')", timeout_s=30.0, memory_mb=512)
    except SandboxError as problem:
        return str(problem)
    return None if result.stdout == "inside\n" else f"{bwrap} ran, but its program did not: {result.stderr[:200]!r}"


def _run_sandboxed(bwrap: str, code: str, *, timeout_s: float, memory_mb: int) -> RunResult:
    with (
        _pipe_holding(_system_call_filter(ARCHITECTURES[platform.machine()])) as filter_fd,
        _pipe() as (status, report),
    ):
        command = [
            bwrap, *_namespace_options(), "--seccomp", str(filter_fd), "--json-status-fd", str(report),
            "--", *_python_command(timeout_s, memory_mb),
        ]  # fmt: skip
        outcome = _run(command, code, timeout_s, pass_fds=(filter_fd, report), environment={}, folder="/")
        os.set_blocking(status, False)
        with contextlib.suppress(BlockingIOError, ValueError):
            if outcome.timed_out or _has_ended(os.read(status, 65536)):
                return RunResult(outcome.returncode, outcome.stdout, outcome.stderr, outcome.timed_out, sandboxed=True)
    raise SandboxError(f"{bwrap} could not start a program: {outcome.stderr.strip()[:300] or 'it gives no reason'}")


def _has_ended(status: bytes) -> bool:
    """Whether bubblewrap reports that the program ran and ended; without that the exit status is its own."""
    return any("exit-code" in json.loads(line) for line in status.splitlines() if line.strip())


def _run_unsandboxed(code: str, *, timeout_s: float, memory_mb: int) -> RunResult:
    with tempfile.TemporaryDirectory() as folder:
        command = _python_command(timeout_s, memory_mb)
        environment = ENVIRONMENT | {"HOME": folder, "TMPDIR": folder}
        return _run(command, code, timeout_s, environment=environment, folder=folder)


def _python_command(timeout_s: float, memory_mb: int) -> list[str]:
    limits = {
        "RLIMIT_AS": memory_mb * 1024 * 1024,
        "RLIMIT_CPU": int(timeout_s) + 2,
        "RLIMIT_FSIZE": FILE_BYTES,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
    }
    return [_interpreter(), *PYTHON_OPTIONS, "-c", LAUNCHER.format(limits=list(limits.items()))]


def _interpreter() -> str:
    """The program behind the running Python; in a virtual environment the one that it was made from."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _namespace_options() -> list[str]:
    """Bubblewrap's options but for the filter: what the program sees, and from what it is cut off."""
    options = [
        "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox",
        "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv",
    ]  # fmt: skip
    for name, value in ENVIRONMENT.items():
        options += ["--setenv", name, value]
    for folder in LIBRARY_FOLDERS:
        if Path(folder).is_symlink():
            options += ["--symlink", str(Path(folder).readlink()), folder]
        elif Path(folder).is_dir():
            options += ["--ro-bind", folder, folder]
    for path in _python_paths():
        options += ["--ro-bind", path, path]
    for device in ("null", "zero", "random", "urandom"):
        options += ["--dev-bind-try", f"/dev/{device}", f"/dev/{device}"]
    return [*options, "--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"]


def _python_paths() -> list[str]:
    """The running interpreter's program and library folder, which need not lie below /usr."""
    library = os.path.realpath(Path(sys.base_prefix) / "lib")
    is_system = any(library == folder or library.startswith(f"{folder}/") for folder in LIBRARY_FOLDERS)
    return [_interpreter()] + ([] if is_system else [library])


def _system_call_filter(architecture: _Architecture) -> bytes:
    """A BPF program: no new processes (threads are fine), no sockets, none of the calls that meddle with the kernel.

    `struct sock_filter` is (code, jump if true, jump if false, k); `struct seccomp_data` holds the call's number at 0,
    the architecture at 4, and the first argument at 16. Source: linux/filter.h and linux/seccomp.h.
    """
    load, equal, at_least, has_bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    program = [
        (load, 0, 0, 4), (equal, 1, 0, architecture.audit), (give, 0, 0, KILL),
        (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (give, 0, 0, ERRNO | EPERM),
    ]  # fmt: skip
    for number in architecture.denied:
        program += [(equal, 0, 1, number), (give, 0, 0, ERRNO | EPERM)]
    program += [
        # The C library asks for clone3 first, whose flags a filter cannot see, and falls back to clone.
        (equal, 0, 1, architecture.clone3), (give, 0, 0, ERRNO | ENOSYS),
        (equal, 0, 3, architecture.clone), (load, 0, 0, 16), (has_bits, 1, 0, CLONE_THREAD),
        (give, 0, 0, ERRNO | EPERM),
        (give, 0, 0, ALLOW),
    ]  # fmt: skip
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def _pipe_holding(content: bytes) -> Iterator[int]:
    """The reading end of a pipe that holds a few bytes and then ends."""
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    try:
        yield reader
    finally:
        os.close(reader)


def _run(
    command: list[str],
    code: str,
    timeout_s: float,
    *,
    environment: dict[str, str],
    folder: str,
    pass_fds: tuple[int, ...] = (),
) -> RunResult:
    """Run a command with the code as its input; its wall time and output are limited."""
    with tempfile.TemporaryFile() as source:
        source.write(code.encode("utf-8", errors="replace"))
        source.seek(0)
        process = subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=folder,
            pass_fds=pass_fds, start_new_session=True,
        )  # fmt: skip
        try:
            streams = _read_capped(process, time.monotonic() + timeout_s)
        finally:
            timed_out = _end(process)
    returncode = process.returncode if process.returncode >= 0 else 128 - process.returncode
    timed_out = timed_out or returncode == 128 + signal.SIGXCPU
    return RunResult(returncode, streams[0], streams[1], timed_out, sandboxed=False)


def _read_capped(process: subprocess.Popen[bytes], deadline: float) -> tuple[str, str]:
    """Both output streams, the first MAX_OUTPUT_BYTES of each, until they end or the deadline passes."""
    assert process.stdout is not None
    assert process.stderr is not None
    kept: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in kept:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 65536)
                stream = process.stdout if key.fileobj is process.stdout else process.stderr
                kept[stream] += chunk[: MAX_OUTPUT_BYTES - len(kept[stream])]
                if not chunk:
                    selector.unregister(stream)
        if not selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
    stdout, stderr = (bytes(text).decode("utf-8", errors="replace") for text in kept.values())
    return stdout, stderr


def _end(process: subprocess.Popen[bytes]) -> bool:
    """Kill what still runs; gives whether there was anything."""
    is_running = process.poll() is None
    if is_running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return is_running
