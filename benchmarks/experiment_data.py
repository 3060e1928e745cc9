"""Draw the data of the experiment in docs/results.md: short answers to train on, and other kinds of prompts held out.

    python benchmarks/experiment_data.py --data-dir DIR --out FOLDER

Writes train.jsonl: rows of UltraFeedback in which prompt, good and rejected answer have at most --longest characters
each, as two labelled answers, and rows of GSM8K, which has good ones only. And held_out.jsonl: rows of UltraFeedback
that ask for a dialogue, a summary, or a text of the writer's own, none of them in train.jsonl.
"""

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ULTRAFEEDBACK, GSM8K = "ultrafeedback/train_clean_1000.jsonl.gz", "gsm8k/train.jsonl.gz"
ANNOTATION = re.compile(r"<<[^>]*>>")  # GSM8K's marks for a calculator
SHORTEST = 60
KINDS = {
    "dialogue": re.compile(r"\b(dialogues?|conversations?|chat|role-?play|pretend)\b", re.I),
    "summary": re.compile(r"\b(summar\w+|tl;?dr|in a nutshell|key points)\b", re.I),
    "creative": re.compile(r"\b(stor(y|ies)|poems?|haiku|songs?|lyrics|fiction\w*|novel|scene|essay|creative)\b", re.I),
}
HELD_OUT = range(200, 2500)
"""Characters of a held-out answer."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of benchmark data (docs/evaluation.md)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--longest", type=int, default=1000)
    parser.add_argument("--gsm8k", type=int, default=120, help="rows of it")
    parser.add_argument("--held-out", type=int, default=16, help="rows of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    rows = list(read(options.data_dir / ULTRAFEEDBACK))
    rng.shuffle(rows)
    held = list(held_out(rows, options.held_out))
    prompts = {row["prompt"] for row in held}
    short = [row for row in rows if is_short(row, options.longest) and row["prompt"] not in prompts]
    sums = rng.sample(list(read(options.data_dir / GSM8K)), options.gsm8k)
    train = [labelled(row["prompt"], row[name], name == "chosen") for row in short for name in ("chosen", "rejected")]
    train += [labelled(row["question"], ANNOTATION.sub("", row["answer"]), True) for row in sums]
    options.out.mkdir(parents=True, exist_ok=True)
    for name, written in (("train", train), ("held_out", held)):
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in written)
        (options.out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{len(written)} answers: {options.out / name}.jsonl")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a packed file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def labelled(prompt: str, completion: str, label: bool) -> dict[str, Any]:
    """An answer that is good or not: of these, some prompts may have one and others both."""
    return {"prompt": prompt, "completion": completion, "label": label}


def is_short(row: dict[str, Any], longest: int) -> bool:
    """Whether a row of UltraFeedback is cheap to train on, and says more than a word."""
    sizes = [len(row[name]) for name in ("prompt", "chosen", "rejected")]
    return max(sizes) <= longest and sizes[1] >= SHORTEST


def held_out(rows: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """So many rows of each kind, each row of the first kind that its prompt asks for."""
    left = dict.fromkeys(KINDS, count)
    for row in rows:
        kind = next((name for name, words in KINDS.items() if words.search(row["prompt"])), None)
        if kind and left[kind] and len(row["chosen"]) in HELD_OUT and len(row["prompt"]) < HELD_OUT.stop:
            left[kind] -= 1
            yield {"prompt": row["prompt"], "chosen": row["chosen"], "kind": kind}


if __name__ == "__main__":
    main()
