"""Runs programs with their tests in the sandbox, several at a time, and estimates pass@k from what became of them."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from seapo import sandbox
from seapo.parallel import in_order

CPU_S = 15
"""Processor time of a program and its tests: a verdict must not hang on what else the machine does. The slowest
solution of the benchmarks' own authors, MBPP's 123, takes 5 s."""
WALL_S = 60.0
"""For programs that wait for something, and for a busy machine."""
MEMORY_MB = 512


@dataclass(frozen=True)
class Program:
    """Code that a model wrote, and the tests that decide about it."""

    code: str
    tests: str


def passes(program: Program, *, allow_unsandboxed: bool = False) -> bool:
    """Whether a program's tests ran to their end without an exception, within the limits; SandboxError without one."""
    result = sandbox.run_python(
        program.code,
        tests=program.tests,
        timeout_s=WALL_S,
        cpu_s=CPU_S,
        memory_mb=MEMORY_MB,
        allow_unsandboxed=allow_unsandboxed,
    )
    return result.completed


def run_all(
    programs: Iterable[Program],
    *,
    allow_unsandboxed: bool = False,
    progress: Callable[[Sequence[Program]], Iterable[Any]] = iter,
) -> dict[Program, bool]:
    """Program -> whether it passes, each run once, as many at a time as there are cores."""
    distinct = list(dict.fromkeys(programs))
    cores = len(os.sched_getaffinity(0))

    def judge(program: Program) -> bool:
        return passes(program, allow_unsandboxed=allow_unsandboxed)

    with ThreadPoolExecutor(cores) as pool:
        verdicts = in_order(pool, judge, progress(distinct), ahead=2 * cores)
        return dict(zip(distinct, verdicts, strict=True))


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The chance that of `k` samples at least one passes: 1 - C(n - c, k) / C(n, k), for n samples, c of which passed.

    That is its unbiased estimate; of 4 samples one of which passed, pass@2 is 1 - C(3, 2) / C(4, 2) = 1 - 3/6 = 1/2.
    Source: Chen et al. 2021, arXiv:2107.03374, Eq. 1.
    """
    if not 0 <= passed <= samples or not 0 < k <= samples:
        raise ValueError(f"pass@{k} of {samples} samples, {passed} of which passed, is not defined")
    return float(1 - Fraction(math.comb(samples - passed, k), math.comb(samples, k)))
