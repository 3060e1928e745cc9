"""Hold the formulas of scripts/cost.py against what is measured here, with the embedded model.

    python scripts/cost_check.py                                         # operations, memory and rate of real steps
    python scripts/cost_check.py --pairs runs/uf/mix/pairs.jsonl --json  # the means of a run's own pairs

PyTorch counts the operations of whole optimiser steps (`FlopCounterMode`: matrix products, forward and backward), and
the formula is given the very trees of these steps. Processor time, and a matrix product timed in the same process, say
at which share of the processor's rate they ran; the kernel says how much memory the process held at most.
"""

import argparse
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import cost
import torch
from torch.utils.flop_counter import FlopCounterMode

from seapo.model import load_model
from seapo.recipe import ModelSection, TrainSection
from seapo.records import Message, PreferencePair
from seapo.store import read_records
from seapo.tasks import starter
from seapo.train.batches import mismatched_groups
from seapo.train.examples import Example, encode_pairs
from seapo.train.plan import make_plan
from seapo.train.step import compute_step, lay_rows
from seapo.train.tuning import tuned
from seapo.tree import Group, build_tree

SETTINGS = (TrainSection(), TrainSection(gradient_checkpointing=True), TrainSection(method="sigmoid_norm"))
"""The published one, with gradient checkpointing, and a method of pairs whose head leaves out nothing."""


def added_product(_: Sequence[int], left: Sequence[int], right: Sequence[int], *__: Any, **___: Any) -> int:
    """Operations of `sum.addmm_(left, right)`, which PyTorch's counter does not know in this form."""
    return 2 * left[0] * left[1] * right[1]


IN_PLACE = {torch.ops.aten.addmm_: added_product}


def tokens_of(example: Example, mismatched: Group) -> cost.Tokens:
    """The counts of one sample."""
    tree = build_tree(example.prompt, example.completions)
    kl = build_tree(mismatched.prompt, mismatched.completions)
    whole = sum(len(example.prompt) + len(one) for one in example.completions)
    return cost.Tokens(
        tree=len(tree),
        whole=whole,
        parents=_parents(tree),
        attended=sum(depth + 1 for depth in tree.depths),
        kl=len(kl),
        kl_parents=_parents(kl),
        kl_attended=sum(depth + 1 for depth in kl.depths),
        prompt=len(example.prompt),
        chosen=len(example.chosen.tokens),
    )


def _parents(tree: Any) -> int:
    return len({tree.parents[node] for path in tree.paths for node in path})


def means_of(examples: Sequence[Example], groups: Sequence[Group]) -> cost.Tokens:
    """Means over samples."""
    each = [asdict(tokens_of(example, group)) for example, group in zip(examples, groups, strict=True)]
    return cost.Tokens(**{name: round(fmean(one[name] for one in each), 1) for name in each[0]})


def starter_pairs(count: int) -> list[PreferencePair]:
    """Pairs from the shipped training rows: the answer against itself with the word at two thirds of it changed."""
    pairs = []
    for sample in islice(starter.training_samples(), count):
        words = sample.chosen.split(" ")
        place = len(words) * 2 // 3
        wrong = " ".join([*words[:place], "eleven", *words[place + 1 :]])
        pairs.append(
            PreferencePair(
                id=sample.id,
                prompt=sample.prompt,
                chosen=(Message(role="assistant", content=sample.chosen),),
                rejected=(Message(role="assistant", content=wrong),),
                source="starter",
                error_type="correctness",
            )
        )
    return pairs


@dataclass(frozen=True)
class Checked:
    """A setting's formula against what was counted."""

    setting: str
    counted_gflop: float
    formula_gflop: float
    processor_s: float
    share_of_peak: float

    @property
    def deviation(self) -> float:
        """Formula over count, less 1."""
        return self.formula_gflop / self.counted_gflop - 1


def check_setting(model: Any, examples: Sequence[Example], settings: TrainSection) -> Checked:
    """One optimiser step over all examples, KL estimate included; the reference is computed before."""
    plan = make_plan(examples, settings, model, seed=0)
    samples = plan.samples(range(len(examples)))
    with tuned(model, settings, seed=0) as trained:
        if settings.gradient_checkpointing:
            trained.gradient_checkpointing_enable({"use_reentrant": False})
        with FlopCounterMode(display=False, custom_mapping=IN_PLACE) as counter:
            compute_step(trained, samples, plan.settings, backward=lambda loss: loss.backward())
        before = time.process_time()
        compute_step(trained, samples, plan.settings, backward=lambda loss: loss.backward())
        seconds = time.process_time() - before
    groups = plan.mismatched or mismatched_groups(examples, max_length=settings.max_length, seed=0)
    means = means_of(examples, groups)
    shape = cost.SHAPES["embedded"]
    formula = len(examples) * (cost.policy_flop(shape, means, settings) + cost.kl_flop(shape, means, settings))
    counted = counter.get_total_flops()
    name = f"{settings.method}, {settings.tuning}" + (", checkpointing" if settings.gradient_checkpointing else "")
    return Checked(name, counted / 1e9, formula / 1e9, seconds, counted / seconds / matmul_rate())


def matmul_rate() -> float:
    """Operations a second of processor time in products of two 2048 x 2048 matrices, float32."""
    one = torch.randn(2048, 2048)
    one @ one
    before = time.process_time()
    for _ in range(4):
        one @ one
    return 4 * 2 * 2048**3 / (time.process_time() - before)


def row_memory(model: Any, examples: Sequence[Example], settings: TrainSection) -> tuple[float, float]:
    """(measured, formula) in MB: what the longest row of a step adds to the process at its most."""
    settings = settings.model_copy(update={"per_device_train_batch_size": len(examples)})
    plan = make_plan(examples, settings, model, seed=0)
    with tuned(model, settings, seed=0) as trained:
        before = resident_mb()
        compute_step(trained, plan.samples(range(len(examples))), plan.settings, backward=lambda loss: loss.backward())
        groups = [Group(one.prompt, one.completions) for one in examples]
        longest = max(len(row) for row in lay_rows(trained, groups, settings))
    shape = cost.SHAPES["embedded"]
    formula = cost.row_bytes(shape, longest, settings, bytes_each=4) - 4 * longest**2  # no dense mask on a CPU
    return peak_mb() - before, (formula + 4 * shape.lora_weights(settings.lora_r)) / 1e6


def resident_mb() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """Memory that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="pairs.jsonl of a run's folder mix")
    parser.add_argument("--samples", type=int, default=4, help="samples of a step that is counted")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = load_model(ModelSection(dtype="float32"))
    if options.pairs is not None:
        encoded = encode_pairs(model.tokenizer, read_records(options.pairs, PreferencePair), max_length=2048)
        groups = mismatched_groups(encoded.examples, max_length=2048, seed=0)
        found = {"pairs": len(encoded.examples), "tokens": asdict(means_of(encoded.examples, groups))}
        lines = [f"{name:12}{value:,.1f}" for name, value in found["tokens"].items()]
        print(json.dumps(found, indent=2) if options.json else "\n".join([f"pairs       {found['pairs']:,}", *lines]))
        return
    examples = encode_pairs(model.tokenizer, starter_pairs(options.samples), max_length=2048).examples
    memory = row_memory(model, examples, SETTINGS[0])
    checks = [check_setting(model, examples, one) for one in SETTINGS]
    steps = [asdict(one) | {"deviation": round(one.deviation, 4)} for one in checks]
    print(json.dumps({"row_mb": memory, "steps": steps}, indent=2) if options.json else told(memory, checks))


def told(memory: tuple[float, float], checks: Sequence[Checked]) -> str:
    """What was measured, in lines."""
    lines = [f"{'step':28}{'counted':>12}{'formula':>12}{'deviation':>11}{'processor':>11}{'of peak':>9}"]
    lines += [
        f"{one.setting:28}{one.counted_gflop:9.1f} GF{one.formula_gflop:9.1f} GF{one.deviation:+11.1%}"
        f"{one.processor_s:9.1f} s{one.share_of_peak:9.0%}"
        for one in checks
    ]
    return "\n".join([*lines, f"memory of the longest row: {memory[0]:.0f} MB, formula {memory[1]:.0f} MB"])


if __name__ == "__main__":
    main()
