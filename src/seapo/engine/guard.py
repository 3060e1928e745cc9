"""Runs a server that must not outlive the process that wants it. A script of the standard library alone:

    python guard.py PARENT_PID COMMAND [ARGUMENT ...]

The parent holds the other end of this script's standard input. When it closes, which the kernel does for a parent that
was killed, or when the kernel signals the parent's death, the command and all that it started end.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 5.0


def signal_at_death_of_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent dies; does nothing where there is no such call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def run(parent: int, command: list[str]) -> int:
    """Run the command until it ends, or until the parent does; gives its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    signal_at_death_of_parent(signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel knew that we want to hear of it
        return 1
    adopt_orphans()
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=lambda: signal_at_death_of_parent(signal.SIGKILL)
    )
    with contextlib.suppress(_EndError):
        _wait(child)
    stop(child)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def adopt_orphans() -> None:
    """Become the parent of what the command leaves behind, so that its end can be waited for."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End the command and its process group: asked first, killed after a while."""
    _signal_group(child.pid, signal.SIGTERM)
    end = time.monotonic() + GRACE_S
    while child.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()
    _kill_orphans()


class _EndError(Exception):
    """A signal asked to end."""


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise _EndError


def _wait(child: "subprocess.Popen[bytes]") -> None:
    """Until the command ends, or standard input does."""
    while child.poll() is None:
        readable, _, _ = select.select([sys.stdin.buffer], [], [], 0.1)
        if readable and not os.read(sys.stdin.fileno(), 1024):
            return


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _kill_orphans() -> None:
    """Kill what the command started in groups of its own, which came to us when the command ended."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while children.is_file() and (pids := children.read_text().split()):
        for pid in map(int, pids):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
