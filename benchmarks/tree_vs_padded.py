"""Time the prefix tree against a padded pass over the same pairs: scoring, and a training step (forward and backward).

    python benchmarks/tree_vs_padded.py [--samples 8] [--negatives 1 3] [--dtype bfloat16] [--repeats 3] [--json]

Samples are the starter set's training items; a negative is the chosen answer with one of its words exchanged. The
padded side computes each pair as a preference trainer without a tree does: chosen and rejected answer of a micro-batch
whole, padded to the longest, the LM head on completion tokens alone. Both sides have the same model, LoRA adapter,
number type, loss (the sum of DPO's margins) and threads; neither computes a reference. Medians of alternating repeats,
after one warm-up of each. Where other programs use the machine, run it with OMP_NUM_THREADS=1 and read `cpu_ratio`:
waiting for a core costs no processor time.
"""

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import peft
import torch
import transformers
from torch import Tensor

from seapo.model import encode_chat, load_embedded
from seapo.tasks.starter import training_samples
from seapo.train.step import mixed_precision
from seapo.tree import Group, lay_rows, score_rows

MICRO_BATCH = 2  # samples, the paper's and the recipe's `per_device_train_batch_size`
TOKENS_PER_ROW = 2048
SEED = 0


@dataclass(frozen=True)
class Result:
    """Both sides on the same pairs; seconds are medians, by the wall and of processor time."""

    what: str
    negatives: int
    dtype: str
    tree_s: float
    padded_s: float
    ratio: float
    tree_cpu_s: float
    padded_cpu_s: float
    cpu_ratio: float
    tree_tokens: int
    padded_tokens: int
    largest_gap_nats: float
    """Largest difference between the two sides' log-probabilities."""


def make_groups(tokenizer: Any, count: int, negatives: int) -> list[Group]:
    """The first samples drawn by a fixed seed, each with its chosen answer first and its negatives behind."""
    samples = random.Random(SEED).sample(list(training_samples()), count)
    groups = []
    for sample in samples:
        rng = random.Random(f"{SEED}:{sample.id}")
        answers = [sample.chosen, *(exchange_word(sample.chosen, rng) for _ in range(negatives))]
        encoded = [encode_chat(tokenizer, sample.prompt, answer) for answer in answers]
        groups.append(Group(encoded[0].prompt, [one.completion for one in encoded]))
    return groups


def exchange_word(answer: str, rng: random.Random) -> str:
    """The answer with one of its words in the place of another."""
    words = answer.split(" ")
    place = rng.randrange(len(words))
    words[place] = rng.choice([word for word in words if word != words[place]])
    return " ".join(words)


def tree_scores(model: Any, groups: Sequence[Group]) -> Iterator[dict[tuple[int, int], Tensor]]:
    """Summed log-probabilities by (group, completion), a row of trees at a time."""
    for scores in score_rows(model, lay_rows(model, groups, TOKENS_PER_ROW)):
        yield {place: completion.logprobs.sum() for place, completion in scores.items()}


def padded_scores(model: Any, groups: Sequence[Group]) -> Iterator[dict[tuple[int, int], Tensor]]:
    """The same, a micro-batch of whole, padded sequences at a time; the chosen answer once for each negative."""
    causal_lm = model.get_base_model()
    for start in range(0, len(groups), MICRO_BATCH):
        places = padded_places(groups, start)
        ids = [torch.tensor([*groups[g].prompt, *groups[g].completions[c]]) for g, c in places]
        batch = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(one) for one in ids], batch_first=True)
        hidden = causal_lm.base_model(input_ids=batch, attention_mask=mask, use_cache=False).last_hidden_state
        sums: dict[tuple[int, int], Tensor] = {}
        for row, (group, completion) in enumerate(places):
            first, last = len(groups[group].prompt), len(ids[row])
            logprobs = causal_lm.get_output_embeddings()(hidden[row, first - 1 : last - 1]).float().log_softmax(-1)
            sums[group, completion] = logprobs.gather(-1, ids[row][first:, None]).sum()
        yield sums


def padded_places(groups: Sequence[Group], start: int) -> list[tuple[int, int]]:
    """(group, completion) of each row of a micro-batch: both answers of every pair."""
    members = range(start, min(start + MICRO_BATCH, len(groups)))
    return [(g, c) for g in members for negative in range(1, len(groups[g].completions)) for c in (0, negative)]


Scores = Callable[[Any, Sequence[Group]], Iterator[dict[tuple[int, int], Tensor]]]


def scoring(side: Scores, model: Any, groups: Sequence[Group]) -> dict[tuple[int, int], float]:
    """Log-probabilities without gradients."""
    with torch.inference_mode(), mixed_precision(model):
        return {place: value.item() for sums in side(model, groups) for place, value in sums.items()}


def training(side: Scores, model: Any, groups: Sequence[Group]) -> dict[tuple[int, int], float]:
    """Log-probabilities, and the gradients of the sum of margins."""
    model.zero_grad()
    found: dict[tuple[int, int], float] = {}
    parts = side(model, groups)
    while sums := forward(model, parts):
        sum(value if completion == 0 else -value for (_, completion), value in sums.items()).backward()
        found |= {place: value.item() for place, value in sums.items()}
    return found


def forward(model: Any, parts: Iterator[dict[tuple[int, int], Tensor]]) -> dict[tuple[int, int], Tensor]:
    """The next row or micro-batch; nothing behind the last one."""
    with mixed_precision(model):
        return next(parts, {})


def compare(what: str, run: Callable[..., Any], model: Any, groups: list[Group], repeats: int) -> Result:
    """Time both sides in turns."""
    sides = (tree_scores, padded_scores)
    values = [run(side, model, groups) for side in sides]
    clocks: list[list[tuple[float, float]]] = [[], []]
    for _ in range(repeats):
        for index, side in enumerate(sides):
            wall, cpu = time.perf_counter(), time.process_time()
            run(side, model, groups)
            clocks[index].append((time.perf_counter() - wall, time.process_time() - cpu))
    (tree_s, tree_cpu_s), (padded_s, padded_cpu_s) = (map(statistics.median, zip(*one, strict=True)) for one in clocks)
    return Result(
        what=what,
        negatives=len(groups[0].completions) - 1,
        dtype=str(model.dtype).removeprefix("torch."),
        tree_s=round(tree_s, 3),
        padded_s=round(padded_s, 3),
        ratio=round(padded_s / tree_s, 2),
        tree_cpu_s=round(tree_cpu_s, 3),
        padded_cpu_s=round(padded_cpu_s, 3),
        cpu_ratio=round(padded_cpu_s / tree_cpu_s, 2),
        tree_tokens=sum(map(len, lay_rows(model, groups, TOKENS_PER_ROW))),
        padded_tokens=sum(count_padded(groups, start) for start in range(0, len(groups), MICRO_BATCH)),
        largest_gap_nats=max(abs(values[0][place] - values[1][place]) for place in values[0]),
    )


def count_padded(groups: Sequence[Group], start: int) -> int:
    """Tokens of a micro-batch, padding included."""
    lengths = [len(groups[g].prompt) + len(groups[g].completions[c]) for g, c in padded_places(groups, start)]
    return len(lengths) * max(lengths)


def main() -> None:
    """Run, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--negatives", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document in the place of the table")
    options = parser.parse_args()
    results = []
    for dtype in options.dtype:
        model, tokenizer = load_embedded(getattr(torch, dtype))
        config = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
        adapted = peft.get_peft_model(model, config)
        for negatives in options.negatives:
            groups = make_groups(tokenizer, options.samples, negatives)
            results += [
                compare("scoring", scoring, adapted, groups, options.repeats),
                compare("training step", training, adapted, groups, options.repeats),
            ]
    report(results, options)


def report(results: Sequence[Result], options: argparse.Namespace) -> None:
    """Print what was measured, and on what."""
    setting = {
        "date": time.strftime("%Y-%m-%d"),
        "samples": options.samples,
        "micro_batch_samples": MICRO_BATCH,
        "repeats": options.repeats,
        "threads": torch.get_num_threads(),
        "cpu_count": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    }
    if options.json:
        print(json.dumps({"setting": setting, "results": [asdict(result) for result in results]}, indent=2))
        return
    titles = ("k", "dtype", "tree s", "padded s", "ratio", "cpu ratio", "tokens", "padded", "gap nats")
    print(f"{'':14}" + "".join(f"{title:>10}" for title in titles))
    for one in results:
        print(
            f"{one.what:14}{one.negatives:10}{one.dtype:>10}{one.tree_s:10.2f}{one.padded_s:10.2f}{one.ratio:10.2f}"
            f"{one.cpu_ratio:10.2f}{one.tree_tokens:10}{one.padded_tokens:10}{one.largest_gap_nats:10.5f}"
        )
    print(json.dumps(setting))


if __name__ == "__main__":
    main()
