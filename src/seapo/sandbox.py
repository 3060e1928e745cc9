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
  * intent: a program may end itself or print anything; whether tests ran to their end is told by `completed`, since
    they answer then with a number that the program was not told. A program written to look for that number in the
    process that it shares with its tests would find it
Only the standard library can be imported. The hash seed is fixed, so that a program does the same each time.
"""

import contextlib
import functools
import json
import os
import platform
import secrets
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
SET_LIMITS = """
import os, resource, sys, types
for name, soft, hard in {limits}:
    resource.setrlimit(getattr(resource, name), (soft, hard))
sys.argv = ["answer.py"]
source = sys.stdin.buffer.read()
"""
RUN = """
exec(compile(source.decode("utf-8"), "answer.py", "exec"), {{"__name__": "__main__", "__builtins__": __builtins__}})
"""
RUN_WITH_TESTS = """
def main(code, tests, question, reply):
    # The code may give any name of the builtins or of os another meaning.
    run, read, write, leave = exec, os.read, os.write, os._exit
    program, after = (compile(*part, "exec", dont_inherit=True) for part in (code, tests))
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    module = sys.modules["answer"] = types.ModuleType("answer")
    run(program, module.__dict__)
    run(after, module.__dict__)
    write(reply, read(question, 64))
    leave(0)
main((source[:{length}], "answer.py"), (source[{length}:], "tests.py"), {question}, {reply})
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
    completed: bool = False
    """Whether the tests that followed it ran to their end without an exception; False where none followed."""


@dataclass(frozen=True)
class _Job:
    """A program to be run."""

    code: bytes
    tests: bytes | None
    timeout_s: float
    cpu_s: int
    memory_mb: int

    @property
    def source(self) -> bytes:
        return self.code + (self.tests or b"")


@dataclass(frozen=True)
class _Exchange:
    """How tests tell that they have ended: they read a number from one pipe, and write it to another one."""

    number: bytes
    question: int
    reply: int
    ear: int
    """Where this process hears the reply."""

    @property
    def fds(self) -> tuple[int, int]:
        return self.question, self.reply

    def is_answered(self) -> bool:
        """Whether the number came back, and nothing but it."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.ear, 2 * len(self.number)) == self.number
        return False


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


def run_python(
    code: str,
    *,
    tests: str | None = None,
    timeout_s: float,
    cpu_s: int | None = None,
    memory_mb: int = 512,
    allow_unsandboxed: bool = False,
) -> RunResult:
    """Run a Python program, in the sandbox where there is one; `tests` follow it in the same module.

    Without tests the program is `__main__`; with tests it is the module `answer`, and `completed` tells how they went.
    Where there is no sandbox, raises SandboxError, or with `allow_unsandboxed` runs it with this user's rights and only
    the limits on time, memory and output. `timeout_s` is wall time, `cpu_s` processor time (left out: what wall time
    allows), both in seconds; `memory_mb` is address space, in MiB.
    """
    require(allow_unsandboxed=allow_unsandboxed)
    after = None if tests is None else tests.encode("utf-8", errors="replace")
    cpu_s = int(timeout_s) + 2 if cpu_s is None else cpu_s
    job = _Job(code.encode("utf-8", errors="replace"), after, timeout_s, cpu_s, memory_mb)
    return _run_sandboxed(_bwrap() or "", job) if is_available() else _run_unsandboxed(job)


def require(*, allow_unsandboxed: bool, setting: str = "verify.allow_unsandboxed_code") -> None:
    """Raise SandboxError where there is no sandbox, unless that is allowed; `setting` is what would allow it."""
    if allow_unsandboxed or (reason := why_unavailable()) is None:
        return
    raise SandboxError(
        f"code would have to run, and there is no sandbox for it: {reason}. Install bubblewrap (Debian, Ubuntu: "
        f"apt-get install bubblewrap), or set {setting}=true to run it with your own rights"
    )


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
        result = _run_sandboxed(bwrap, _Job(b"print('inside')", None, timeout_s=30.0, cpu_s=30, memory_mb=512))
    except SandboxError as problem:
        return str(problem)
    return None if result.stdout == "inside\n" else f"{bwrap} ran, but its program did not: {result.stderr[:200]!r}"


def _run_sandboxed(bwrap: str, job: _Job) -> RunResult:
    with (
        _pipe_holding(_system_call_filter(ARCHITECTURES[platform.machine()])) as filter_fd,
        _pipe() as (status, report),
        _exchange() as exchange,
    ):
        command = [
            bwrap, *_namespace_options(), "--seccomp", str(filter_fd), "--json-status-fd", str(report),
            "--", *_python_command(job, exchange),
        ]  # fmt: skip
        outcome = _run(command, job, pass_fds=(filter_fd, report, *exchange.fds), environment={}, folder="/")
        os.set_blocking(status, False)
        with contextlib.suppress(BlockingIOError, ValueError):
            if outcome.timed_out or _has_ended(os.read(status, 65536)):
                return replace(outcome, sandboxed=True, completed=exchange.is_answered())
    raise SandboxError(f"{bwrap} could not start a program: {outcome.stderr.strip()[:300] or 'it gives no reason'}")


def _has_ended(status: bytes) -> bool:
    """Whether bubblewrap reports that the program ran and ended; without that the exit status is its own."""
    return any("exit-code" in json.loads(line) for line in status.splitlines() if line.strip())


def _run_unsandboxed(job: _Job) -> RunResult:
    with tempfile.TemporaryDirectory() as folder, _exchange() as exchange:
        environment = ENVIRONMENT | {"HOME": folder, "TMPDIR": folder}
        command = _python_command(job, exchange)
        outcome = _run(command, job, pass_fds=exchange.fds, environment=environment, folder=folder)
        return replace(outcome, completed=exchange.is_answered())


def _python_command(job: _Job, exchange: _Exchange) -> list[str]:
    limits = {
        "RLIMIT_AS": job.memory_mb * 1024 * 1024,
        "RLIMIT_CPU": job.cpu_s,
        "RLIMIT_FSIZE": FILE_BYTES,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
    }
    # At the soft limit of processor time a program is told that its time is up, at the hard one it is killed.
    pairs = [(name, limit, limit + (name == "RLIMIT_CPU")) for name, limit in limits.items()]
    run = RUN if job.tests is None else RUN_WITH_TESTS
    launcher = (SET_LIMITS + run).format(
        limits=pairs, length=len(job.code), question=exchange.question, reply=exchange.reply
    )
    return [_interpreter(), *PYTHON_OPTIONS, "-c", launcher]


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
def _exchange() -> Iterator[_Exchange]:
    number = secrets.token_hex(16).encode()
    with _pipe_holding(number) as question, _pipe() as (ear, reply):
        os.set_blocking(ear, False)
        yield _Exchange(number, question, reply, ear)


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
    job: _Job,
    *,
    environment: dict[str, str],
    folder: str,
    pass_fds: tuple[int, ...] = (),
) -> RunResult:
    """Run a command with the program as its input; its wall time and output are limited."""
    with tempfile.TemporaryFile() as source:
        source.write(job.source)
        source.seek(0)
        process = subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=folder,
            pass_fds=pass_fds, start_new_session=True,
        )  # fmt: skip
        try:
            streams = _read_capped(process, time.monotonic() + job.timeout_s)
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
