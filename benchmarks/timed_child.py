"""One measurement in a process of its own: whole optimiser steps by the clock, and the most memory that it held."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import transformers

POLL_S = 0.1
LINES_SHOWN = 1


@dataclass(frozen=True)
class Job:
    """What a child measures."""

    side: str
    """`seapo`, `trl-default`, `trl-best`, or another part of the benchmark."""
    data: str
    method: str
    negatives: int
    samples: int
    """Of one optimiser step."""
    dtype: str
    threads: int
    samples_file: str
    """What `preference_samples.save_samples` wrote."""
    micro_batch: int = 1
    """TRL's, in samples."""
    max_length: int = 512
    repeats: int = 3
    seconds: float = 12.0
    """No further step is timed after so many."""
    seed: int = 0

    @property
    def rows_per_sample(self) -> int:
        """TRL's rows: pairs for DPO, answers for KTO."""
        return self.negatives + (self.method == "kto")


@dataclass
class Measured:
    """What a child found; the parent fills in `status` where there is no child any more."""

    status: str = "ok"
    steps_s: list[float] = field(default_factory=list)
    """Each timed optimiser step: forward, backward, optimiser."""
    steps_cpu_s: list[float] = field(default_factory=list)
    """The same in processor time, over all threads: waiting for a core is not in it."""
    samples: int = 0
    """Of one step."""
    preparation_s: float = 0.0
    """Tokenising, and reference log-probabilities where they are computed once; for the warm-up's samples too."""
    before_mb: float = 0.0
    """Resident memory before the first step."""
    peak_mb: float = 0.0
    """Most resident memory of the process."""
    computed_tokens: int = 0
    """Tokens that go through the model in a step, padding included; reference and KL passes left out."""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether there is a time."""
        return self.status == "ok"

    @property
    def step_s(self) -> float:
        """Median of the timed steps."""
        return statistics.median(self.steps_s)

    @property
    def samples_per_s(self) -> float:
        """Samples, each with all its negatives."""
        return self.samples / self.step_s


class StepClock(transformers.TrainerCallback):  # type: ignore[misc]
    """Times the steps of a Trainer's own loop; the first step warms up."""

    def __init__(self, seconds: float) -> None:
        self.steps_s: list[float] = []
        self.steps_cpu_s: list[float] = []
        self.before_mb = 0.0
        self._seconds = seconds
        self._start = (0.0, 0.0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Memory before the first step."""
        self.before_mb = resident_mb()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self._start = clocks()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Stop it; end the training where the time is spent."""
        wall, cpu = clocks()
        if state.global_step > 1:
            self.steps_s.append(wall - self._start[0])
            self.steps_cpu_s.append(cpu - self._start[1])
        if sum(self.steps_s) > self._seconds:
            control.should_training_stop = True
        return control


def clocks() -> tuple[float, float]:
    """Seconds by the wall, and of processor time."""
    return time.perf_counter(), time.process_time()


def resident_mb() -> float:
    """Resident memory of this process."""
    return psutil.Process().memory_info().rss / 2**20


def peak_mb() -> float:
    """Most resident memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not ru_maxrss: a new process inherits that of the one that started it.
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def run_child(job: Job, script: Path, *, max_memory_gb: float) -> Measured:
    """Measure in a fresh process, which is ended where it holds more memory than allowed."""
    threads = str(job.threads)
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    command = [sys.executable, str(script), "--child", json.dumps(asdict(job))]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(command, stdout=out, stderr=errors, env=environment)
        try:
            status = _watch(child, max_memory_gb)
        finally:
            child.kill()
        out.seek(0)
        errors.seek(0)
        lines, said = out.read().splitlines(), errors.read().splitlines()
    if status is None and child.returncode == 0 and lines:
        return Measured(**json.loads(lines[-1]))
    return Measured(status=status or f"failed ({child.returncode}): {' | '.join(said[-LINES_SHOWN:])}")


def _watch(child: subprocess.Popen[bytes], max_memory_gb: float) -> str | None:
    """Wait for the end of a child; says why where it was ended from here."""
    process = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            held_gb = process.memory_info().rss / 2**30
        except psutil.NoSuchProcess:
            break
        if held_gb > max_memory_gb:
            child.kill()
            child.wait()
            return f"over {max_memory_gb:g} GB"
        time.sleep(POLL_S)
    child.wait()
    return "killed: out of memory" if child.returncode == -9 else None
