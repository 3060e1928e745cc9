"""HumanEval and MBPP as tasks of lm-evaluation-harness whose programs run in the sandbox.

The prompts are lm-evaluation-harness's (`coding_prompts`), the programs are run by `coding_run`. pass@1 is the share of
greedy answers that pass their tests; pass@10 is estimated from 20 samples at temperature 0.8. Importing this loads
neither `lm_eval` nor torch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seapo import sandbox
from seapo.records import Protocol
from seapo.tasks.benchmark import BenchmarkTask
from seapo.tasks.coding_data import HUMAN_EVAL, MBPP, MBPP_SANITIZED, CodingBenchmark, read_items
from seapo.tasks.coding_prompts import read_config

if TYPE_CHECKING:
    from seapo.tasks.coding_task import CodingTask

SETTING = "evaluate.allow_unsandboxed_code"


@dataclass(frozen=True)
class Measure:
    """How often each question is asked, and what is made of the answers."""

    k: int
    samples: int
    generation: dict[str, Any]
    """Takes the place of settings of lm-evaluation-harness's task; stop sequences stay."""


GREEDY = Measure(k=1, samples=1, generation={"do_sample": False})
SAMPLED = Measure(k=10, samples=20, generation={"do_sample": True, "temperature": 0.8, "top_p": 0.95})
"""Samples and temperature are those of SeaPO (arXiv:2509.24781); the nucleus is that of Chen et al. 2021
(arXiv:2107.03374) and of lm-evaluation-harness's `humaneval_64`."""


def coding_tasks(protocol: Protocol, *, allow_unsandboxed: bool = False) -> tuple[BenchmarkTask, ...]:
    """HumanEval and MBPP with greedy answers: what the dimension is measured by."""
    return tuple(
        _task(benchmark, GREEDY, protocol, allow_unsandboxed=allow_unsandboxed) for benchmark in (HUMAN_EVAL, MBPP)
    )


def all_coding_tasks(protocol: Protocol, *, allow_unsandboxed: bool = False) -> dict[str, BenchmarkTask]:
    """Every programming task by its name: those with 20 samples a question, and MBPP's sanitized part, too."""
    tasks = (
        _task(benchmark, measure, protocol, allow_unsandboxed=allow_unsandboxed)
        for benchmark in (HUMAN_EVAL, MBPP, MBPP_SANITIZED)
        for measure in (GREEDY, SAMPLED)
    )
    return {task.name: task for task in tasks}


def _task(
    benchmark: CodingBenchmark, measure: Measure, protocol: Protocol, *, allow_unsandboxed: bool
) -> BenchmarkTask:
    name = "_".join(_name_parts(benchmark, measure, protocol))
    build = partial(_build, name, benchmark, measure, allow_unsandboxed=allow_unsandboxed)
    return BenchmarkTask(name, "coding", questions=benchmark.name, build=build)


def _name_parts(benchmark: CodingBenchmark, measure: Measure, protocol: Protocol) -> Iterator[str]:
    """The name that lm-evaluation-harness gives a task, where it has it."""
    yield benchmark.name
    if protocol == "chat":
        yield "instruct"
    if measure.k > 1:
        yield f"pass{measure.k}"


def _build(
    name: str,
    benchmark: CodingBenchmark,
    measure: Measure,
    data_dir: Path | None,
    protocol: Protocol,
    *,
    allow_unsandboxed: bool,
) -> "CodingTask":
    """The task for lm-evaluation-harness; raises SandboxError before anything is asked, where nothing could run."""
    sandbox.require(allow_unsandboxed=allow_unsandboxed, setting=SETTING)
    config = read_config(benchmark.prompts, protocol)
    rows = read_items(benchmark, data_dir)
    from seapo.tasks.coding_task import CodingTask

    return CodingTask(name, benchmark, measure, protocol, config, rows, allow_unsandboxed=allow_unsandboxed)
