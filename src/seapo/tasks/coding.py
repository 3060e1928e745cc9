"""HumanEval and MBPP as tasks of lm-evaluation-harness whose programs run in the sandbox.

The prompts are lm-evaluation-harness's (`coding_prompts`), the programs are run by `coding_run`. pass@1 is the share of
greedy answers that pass their tests; pass@10 is estimated from 20 samples at temperature 0.8. Importing this loads
neither `lm_eval` nor torch.
"""

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

PROMPTS: dict[Protocol, str] = {"paper": "", "chat": "_instruct"}
"""The protocol that prompts belong to, and what lm-evaluation-harness adds to the names of tasks with such prompts."""
SETTING = "evaluate.allow_unsandboxed_code"


@dataclass(frozen=True)
class Measure:
    """How often each question is asked, and what is made of the answers."""

    k: int
    samples: int
    generation: dict[str, Any]
    """Takes the place of settings of lm-evaluation-harness's task; stop sequences stay."""


GREEDY = Measure(k=1, samples=1, generation={"do_sample": False})
SAMPLED = Measure(k=10, samples=20, generation={"do_sample": True, "temperature": 0.8, "top_p": 0.95, "top_k": 0})
"""Samples and temperature are those of SeaPO (arXiv:2509.24781); the nucleus is that of Chen et al. 2021
(arXiv:2107.03374) and of lm-evaluation-harness's `humaneval_64`. Without a word on `top_k`, each model's own would be
taken, 50 for most."""


def coding_tasks(protocol: Protocol, *, allow_unsandboxed: bool = False) -> tuple[BenchmarkTask, ...]:
    """HumanEval and MBPP with one greedy answer a question: what the dimension is measured by.

    With the protocol `chat`, their prompts are the ones with instructions.
    """
    known = all_coding_tasks(allow_unsandboxed=allow_unsandboxed)
    return tuple(known[f"{benchmark.name}{PROMPTS[protocol]}"] for benchmark in (HUMAN_EVAL, MBPP))


def all_coding_tasks(*, allow_unsandboxed: bool = False) -> dict[str, BenchmarkTask]:
    """Every programming task by its name, which is lm-evaluation-harness's where that has it.

    A name ends in `_instruct` where the prompt is one with instructions, and in `_pass10` where 20 samples are drawn.
    """
    return {
        name: BenchmarkTask(
            name,
            "coding",
            questions=benchmark.name,
            build=partial(_build, name, benchmark, measure, prompts, allow_unsandboxed=allow_unsandboxed),
        )
        for benchmark in (HUMAN_EVAL, MBPP, MBPP_SANITIZED)
        for prompts, instruct in PROMPTS.items()
        for measure, ending in ((GREEDY, ""), (SAMPLED, "_pass10"))
        for name in [f"{benchmark.name}{instruct}{ending}"]
    }


def _build(
    name: str,
    benchmark: CodingBenchmark,
    measure: Measure,
    prompts: Protocol,
    data_dir: Path | None,
    _protocol: Protocol,
    *,
    allow_unsandboxed: bool,
) -> "CodingTask":
    """The task for lm-evaluation-harness; raises SandboxError before anything is asked, where nothing could run."""
    sandbox.require(allow_unsandboxed=allow_unsandboxed, setting=SETTING)
    config = read_config(benchmark.prompts, prompts)
    rows = read_items(benchmark, data_dir)
    from seapo.tasks.coding_task import CodingTask

    return CodingTask(name, benchmark, measure, prompts, config, rows, allow_unsandboxed=allow_unsandboxed)
