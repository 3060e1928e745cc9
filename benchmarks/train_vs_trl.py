"""Time and weigh preference training: seapo's trees against TRL's trainers, on the same samples.

    python benchmarks/train_vs_trl.py [--part ratio] [--data gsm8k] [--method dpo] [--negatives 3] [--json]

Both sides train the embedded model in the same number type with the same LoRA (r 8, alpha 16, all linear layers), the
same samples in every optimiser step, and the same length limit. A negative is the chosen answer with one number
(GSM8K) or word (UltraFeedback) exchanged at a uniformly random place. Every figure comes from a process of its own:
one step warms up, then whole optimiser steps are timed inside the trainer's own loop, and the median is taken.

TRL runs in its default setting (gradient checkpointing, the reference computed in each step, eight rows a micro-batch)
and in its best one: the reference stored, no checkpointing, and the micro-batch that gives most samples a second.
Tokenising, and reference log-probabilities that are computed once, stand apart on both sides ("prepared").

Parts: ratio (against TRL), growth (as the group grows), length (as the samples grow), nothing-shared (the tree against
padded rows where it has nothing to share), peak (the machine's rate of matrix products). All of them by default, which
takes about half an hour on two cores; a cell of the ratio can be run alone. TRL's micro-batches hold whole samples, so
sizes above --samples-per-step are not tried.

Where other programs use the machine, run it with OMP_NUM_THREADS=1 and read the processor times: waiting for a core is
not in them.
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from preference_samples import DATA, Drawn, concatenated, draw_samples, load_samples, save_samples, shared_share
from timed_child import Job, Measured, run_child

from seapo.model import load_embedded
from seapo.model.identity import dtype_name

PARTS = ("ratio", "growth", "length", "nothing-shared", "peak")
PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate")
GROUPS = (1, 2, 4, 8)
LENGTHS = (256, 512, 1024, 2048, 4096)
QUICK = {"samples_per_step": 4, "repeats": 1, "batch_sizes": [1], "max_length": 128}
UNRELATED = 8
"""Answers of the pairs that share nothing."""
ROOM = 64
"""Tokens by which a synthetic sample's negatives may outgrow it."""


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; `--quick` sets what makes a run small."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--method", nargs="+", choices=["dpo", "kto"], default=["dpo", "kto"])
    parser.add_argument("--negatives", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--side", nargs="+", choices=["seapo", "trl"], default=["seapo", "trl"])
    parser.add_argument("--data-dir", default="../shared/data", help="holds gsm8k/ and ultrafeedback/")
    parser.add_argument("--samples-per-step", type=int, default=4)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 2, 4, 8], help="TRL's, in samples")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS))
    parser.add_argument("--groups", type=int, nargs="+", default=list(GROUPS))
    parser.add_argument("--max-length", type=int, default=512, help="tokens of prompt and answer")
    parser.add_argument("--repeats", type=int, default=3, help="steps timed at most")
    parser.add_argument("--seconds", type=float, default=12.0, help="no further step is timed after so many")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    parser.add_argument("--max-memory-gb", type=float, default=18.0, help="a process that holds more is ended")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one timed step of four short samples, one data set and k")
    parser.add_argument("--json", action="store_true", help="print one JSON document in the place of the tables")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.quick:
        vars(options).update(QUICK)
        for name in ("data", "negatives", "lengths", "groups"):
            setattr(options, name, getattr(options, name)[:1])
    options.dtype = dtype_name(options.dtype)
    return options


class Bench:
    """Runs children with the options' common settings."""

    def __init__(self, options: argparse.Namespace, tokenizer: Any, folder: Path) -> None:
        self.options = options
        self.tokenizer = tokenizer
        self._file = folder / "samples.json"

    def draw(self, data: str, negatives: int, samples: int | None = None) -> Drawn:
        """Samples of a data set."""
        options = self.options
        return draw_samples(
            Path(options.data_dir),
            data,
            self.tokenizer,
            samples=samples or options.samples_per_step,
            negatives=negatives,
            max_length=options.max_length,
            seed=options.seed,
        )

    def job(self, side: str, drawn: Drawn, *, data: str = "gsm8k", method: str = "dpo", negatives: int = 1) -> Job:
        """A child's task; the samples are written for it."""
        save_samples(drawn, self._file)
        options = self.options
        return Job(
            side=side,
            data=data,
            method=method,
            negatives=negatives,
            samples=len({pair.id for pair in drawn.timed}),
            dtype=options.dtype,
            threads=options.threads,
            samples_file=str(self._file),
            max_length=options.max_length,
            repeats=options.repeats,
            seconds=options.seconds,
            seed=options.seed,
        )

    def run(self, job: Job) -> Measured:
        """Measure, and say so on stderr."""
        start = time.perf_counter()
        found = run_child(job, Path(__file__), max_memory_gb=self.options.max_memory_gb)
        what = f"{job.side} {job.data} {job.method} k={job.negatives} micro-batch {job.micro_batch}"
        result = f"{found.samples_per_s:.3f} samples/s" if found.steps_s else found.status
        print(f"{what}: {result} ({time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
        return found


def measure_ratio(bench: Bench) -> Iterator[dict[str, Any]]:
    """Each cell: one data set, method and number of negatives, on all sides."""
    options = bench.options
    for data in options.data:
        for negatives in options.negatives:
            drawn = bench.draw(data, negatives)
            for method in options.method:
                yield measure_cell(bench, drawn, data, method, negatives)


def measure_cell(bench: Bench, drawn: Drawn, data: str, method: str, negatives: int) -> dict[str, Any]:
    """Seapo, TRL by default, and TRL with every micro-batch that a step holds."""
    options = bench.options
    job = bench.job("seapo", drawn, data=data, method=method, negatives=negatives)
    cell: dict[str, Any] = {
        "data": data,
        "method": method,
        "negatives": negatives,
        "samples_per_step": job.samples,
        "share_before_edit": round(shared_share(drawn.timed, bench.tokenizer), 3),
    }
    if "seapo" in options.side:
        cell["seapo"] = as_row(bench.run(job))
    if "trl" in options.side:
        cell["trl_default"] = as_row(bench.run(replace(job, side="trl-default", micro_batch=0)))
        sizes = [size for size in options.batch_sizes if job.samples % size == 0]
        tried = [as_row(bench.run(replace(job, side="trl-best", micro_batch=size))) for size in sizes]
        cell["trl_tried"] = [{"micro_batch": size, **row} for size, row in zip(sizes, tried, strict=True)]
        done = [row for row in cell["trl_tried"] if row["status"] == "ok"]
        cell["trl_best"] = max(done, key=lambda row: row["samples_per_s"], default=None)
    return cell | compare_sides(cell)


def compare_sides(cell: dict[str, Any]) -> dict[str, Any]:
    """How many times TRL's samples a second, and which share of its memory; for the sides that have both."""
    ours = cell.get("seapo")
    found = {}
    for name in ("trl_default", "trl_best"):
        theirs = cell.get(name)
        if ours and theirs and ours["status"] == theirs["status"] == "ok":
            found[f"times_{name}"] = round(ours["samples_per_s"] / theirs["samples_per_s"], 2)
            found[f"cpu_times_{name}"] = round(theirs["cpu_step_s"] / ours["cpu_step_s"], 2)
            found[f"memory_share_{name}"] = round(ours["peak_mb"] / theirs["peak_mb"], 3)
    return found


def measure_growth(bench: Bench) -> Iterator[dict[str, Any]]:
    """Seapo's cost of a sample with more and more negatives."""
    for negatives in bench.options.groups:
        found = bench.run(bench.job("seapo", bench.draw("gsm8k", negatives), negatives=negatives))
        yield {"negatives": negatives, **as_row(found)}


def measure_length(bench: Bench) -> Iterator[dict[str, Any]]:
    """Seapo's cost of one sample that gets longer and longer."""
    folder, seed = Path(bench.options.data_dir), bench.options.seed
    for tokens in bench.options.lengths:
        pairs = concatenated(folder, bench.tokenizer, tokens, negatives=1, seed=seed)
        job = bench.job("seapo", Drawn(pairs, []), data=f"{tokens} tokens")
        yield {"tokens": tokens, **as_row(bench.run(replace(job, max_length=tokens + ROOM)))}


def measure_other(bench: Bench, side: str) -> dict[str, Any]:
    """What a child of another kind finds."""
    found = bench.run(bench.job(side, bench.draw("gsm8k", 1, samples=UNRELATED)))
    return {"status": found.status, **found.more}


def as_row(found: Measured) -> dict[str, Any]:
    """A measurement as plain values, with what follows from it."""
    if not found.is_ok:
        return {"status": found.status}
    row = {
        "status": found.status,
        "samples_per_s": round(found.samples_per_s, 4),
        "step_s": round(found.step_s, 3),
        "steps_s": [round(step, 3) for step in found.steps_s],
        "cpu_step_s": round(statistics.median(found.steps_cpu_s), 3),
        "prepared_s": round(found.preparation_s, 2),
        "before_mb": round(found.before_mb),
        "peak_mb": round(found.peak_mb),
        "computed_tokens": found.computed_tokens,
        "computed_tokens_per_s": round(found.computed_tokens / found.step_s, 1),
        **{name: value for name, value in found.more.items() if name != "flops"},
    }
    if "sequence_tokens" in found.more:
        row["sequence_tokens_per_s"] = round(found.more["sequence_tokens"] / found.step_s, 1)
    if "flops" in found.more:
        row["share_of_peak"] = round(found.more["flops"] / found.step_s / found.more["peak_flops_per_s"], 3)
    return row


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """Where, when and how all was measured."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": shlex.join(["python", *sys.argv]),
        "machine": f"{platform.machine()}, {processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        **{name: getattr(options, name) for name in ("threads", "dtype", "samples_per_step", "repeats", "max_length")},
    }


def processor() -> str:
    """Its name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


CELL_TITLES = ("side", "micro-batch", "samples/s", "step s", "cpu s", "prepared s", "tokens/s", "before MB", "peak MB")
GROWTH_TITLES = ("", "s a sample", "tokens", "of", "tokens/s", "peak share", "peak MB")


def print_tables(found: dict[str, Any]) -> None:
    """All that was measured, to be read."""
    for cell in found.get("ratio", []):
        print_cell(cell)
    for part, name in (("growth", "negatives"), ("length", "tokens")):
        if part in found:
            print(f"\n{part}: seapo, DPO, by {name}")
            print_row(GROWTH_TITLES)
        for row in found.get(part, []):
            print_growth(str(row[name]), row)
    if "nothing-shared" in found:
        print(f"\nnothing shared: the tree against padded rows\n  {json.dumps(found['nothing-shared'])}")
    if "peak" in found:
        print(f"\nmatrix products: {found['peak'].get('peak_flops_per_s', 0) / 1e9:.0f} GFLOP/s")
    print(f"\n{json.dumps(found['setting'])}")


def print_cell(cell: dict[str, Any]) -> None:
    """One table for one cell."""
    head = (
        f"\n{cell['data']}, {cell['method'].upper()}, k={cell['negatives']}, {cell['samples_per_step']} samples a step"
    )
    print(f"{head}, {cell['share_before_edit']:.0%} of the answer before the edit")
    print_row(CELL_TITLES)
    rows = [(name, cell[name]) for name in ("seapo", "trl_default") if name in cell]
    for name, row in [*rows, *(("trl, stored", row) for row in cell.get("trl_tried", []))]:
        if row["status"] != "ok":
            print(f"{name:>13}{row.get('micro_batch', ''):>13}  {row['status']}")
            continue
        cells = (
            row["samples_per_s"],
            row["step_s"],
            row["cpu_step_s"],
            row["prepared_s"],
            row["computed_tokens_per_s"],
        )
        print_row((name, row.get("micro_batch", ""), *cells, row["before_mb"], row["peak_mb"]))
    for name, what in (("trl_best", "TRL's best setting"), ("trl_default", "TRL's default setting")):
        if f"times_{name}" in cell:
            share = cell[f"memory_share_{name}"]
            times, cpu_times = cell[f"times_{name}"], cell[f"cpu_times_{name}"]
            print(f"  {times:.2f} times {what} ({cpu_times:.2f} by processor time), {share:.0%} of its memory")
    if "share_of_peak" in cell.get("seapo", {}):
        print(f"  seapo reaches {cell['seapo']['share_of_peak']:.0%} of the measured peak")


def print_growth(name: str, row: dict[str, Any]) -> None:
    """One line of a table of costs."""
    if row["status"] != "ok":
        print(f"{name:>13}  {row['status']}")
        return
    each = round(1 / row["samples_per_s"], 3)
    tokens = (row["computed_tokens"], row["sequence_tokens"], row["computed_tokens_per_s"])
    print_row((name, each, *tokens, row["share_of_peak"], row["peak_mb"]))


def print_row(cells: Sequence[Any]) -> None:
    """Cells below each other."""
    print("".join(f"{cell:>13}" for cell in cells))


def child(text: str) -> None:
    """Measure one job in this process, and print what was found as the last line."""
    job = Job(**json.loads(text))
    if job.side.startswith("trl"):
        from trl_side import measure_trl as measure
    else:
        import seapo_side

        measure = {"nothing-shared": seapo_side.measure_nothing_shared, "peak": seapo_side.measure_peak}.get(
            job.side, seapo_side.measure_seapo
        )
    print(json.dumps(asdict(measure(job, load_samples(Path(job.samples_file))))))


def main() -> None:
    """Run the parts, and print tables or JSON."""
    options = parse_options()
    if options.child:
        child(options.child)
        return
    parts: dict[str, Callable[[Bench], Any]] = {
        "ratio": lambda bench: list(measure_ratio(bench)),
        "growth": lambda bench: list(measure_growth(bench)),
        "length": lambda bench: list(measure_length(bench)),
        "nothing-shared": lambda bench: measure_other(bench, "nothing-shared"),
        "peak": lambda bench: measure_other(bench, "peak"),
    }
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, load_embedded()[1], Path(folder))
        found = {part: parts[part](bench) for part in PARTS if part in options.part}
    found["setting"] = machine(options)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print_tables(found)


if __name__ == "__main__":
    main()
