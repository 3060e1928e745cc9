"""Time injection and verification with the embedded model, against the procedure that was published.

    python benchmarks/inject.py [--json] [--data gsm8k ultrafeedback] [--side chain edit rewrite paper] [--samples 200]
    python benchmarks/inject.py --side chain --rank-by none   # rules and the model's alternatives, none of them scored
    python benchmarks/inject.py --part many --many 60000      # rules alone, on as many samples

Sides, on the same samples drawn by a seed, every type of error asked once for each sample:
  chain    the default without a large model: rules and the model's own alternatives, ranked by the tree, verified
  edit     search-and-replace edits written by the model behind its server, asked again where a check failed
  rewrite  whole answers written by the model behind its server, asked again where a check failed
  paper    rewrite as published: greedy, one after the other through `transformers.generate`, accepted unread; what our
           checks say of it is counted afterwards (arXiv:2509.24781)

For each side, data set and type: negatives that pass all checks (accepted), their share of what was asked (yield),
accepted a minute of clock time (loading, injection and checks included), and tokens generated for one asked and one
accepted negative, also for answers over 150 tokens alone. The slow sides take the first samples of the same draw
(--slow-samples, --paper-samples).
"""

import argparse
import itertools
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from preference_samples import DATA, read_rows

from seapo.records import Negative, Sample
from seapo.store import read_records

SIDES = ("chain", "edit", "rewrite", "paper")
STAGES = ("source", "inject", "verify")
TYPES = ("correctness", "logic", "hallucination")
LONG_TOKENS = 150
CHARACTERS_PER_TOKEN = 3.5  # for telling long answers apart without a tokenizer; written into the result
LONGEST_CHARACTERS = 1600
PACKAGES = ("torch", "transformers", "seapo")


@dataclass(frozen=True)
class Timed:
    """One child process."""

    seconds: float
    """By the clock."""
    processor_s: float
    """Of all cores, its own processes included; unlike the clock, it hardly knows what else the machine does."""
    peak_mb: float


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=["sides", "many"], default=["sides"])
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--side", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--slow-samples", type=int, default=40, help="of the sides edit and rewrite")
    parser.add_argument("--paper-samples", type=int, default=10)
    parser.add_argument(
        "--rank-by",
        choices=["model", "none"],
        default="model",
        help="of chain: none takes `rule` before `pivot`, unscored",
    )
    parser.add_argument("--many", type=int, default=60_000)
    parser.add_argument("--many-candidates", type=int, default=1, help="of a sample and type, of the part many")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of chain and the part many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the runs, to read what was made")
    parser.add_argument("--json", action="store_true", help="print one JSON document in the place of the tables")
    return parser.parse_args(arguments)


def main() -> None:
    """Run, and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        found: dict[str, Any] = {"setting": setting(options)}
        if "sides" in options.part:
            found["sides"] = [
                run_side(side, data, options, folder) for data, side in itertools.product(options.data, options.side)
            ]
        if "many" in options.part:
            found["many"] = run_many(options, folder)
    print(json.dumps(found, indent=2) if options.json else tables(found))


def setting(options: argparse.Namespace) -> dict[str, Any]:
    """Where and on what it was measured."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "versions": {name: version(name) for name in PACKAGES},
        "seed": options.seed,
    }


def run_side(side: str, data: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One side on one data set, in child processes of its own."""
    count = {"chain": options.samples, "paper": options.paper_samples}.get(side, options.slow_samples)
    rows = draw_rows(options.data_dir / DATA[data], options.samples, options.seed)[:count]
    place = folder / f"{data}-{side}"
    place.mkdir(parents=True, exist_ok=True)
    write_rows(place / "data.jsonl", rows)
    recipe = write_recipe(place, side_settings(side, options.workers, options.rank_by), seed=options.seed)
    published = [sys.executable, str(Path(__file__).with_name("published_injector.py")), str(recipe)]
    timed = {}
    for stage in STAGES:
        command = [sys.executable, "-m", "seapo", stage, str(recipe), "--quiet"]
        timed[stage] = run_child(published if (side, stage) == ("paper", "inject") else command)
    return {
        "side": side,
        "data": data,
        **({"rank_by": options.rank_by} if side == "chain" else {}),
        "samples": count,
        "seconds": {name: round(one.seconds, 1) for name, one in timed.items()},
        "processor_s": {name: round(one.processor_s, 1) for name, one in timed.items()},
        "peak_mb": round(max(one.peak_mb for one in timed.values())),
        **measured(place, sum(one.seconds for name, one in timed.items() if name != "source")),
    }


def draw_rows(path: Path, count: int, seed: int) -> list[tuple[str, str]]:
    """Prompts and answers, drawn by the seed; answers of some 450 tokens at most, which every side can take."""
    rows = [row for row in read_rows(path) if len(row[1]) <= LONGEST_CHARACTERS]
    return random.Random(f"{seed}:{path.name}").sample(rows, min(count, len(rows)))


def write_rows(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Prompt and response, a row a line."""
    lines = (json.dumps({"prompt": prompt, "response": answer}, ensure_ascii=False) for prompt, answer in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def side_settings(side: str, workers: int, rank_by: str) -> dict[str, Any]:
    """What a side's recipe says beside the defaults."""
    if side == "chain":
        unranked = {} if rank_by == "model" else {"rank_by": rank_by, "strategies": ["rule", "pivot"]}
        return {"inject": {"workers": workers, **unranked}, "verify": {"workers": workers}}
    if side == "paper":
        return {}
    return {"engine": {"kind": "embedded", "max_tokens": 512}, "inject": {"strategies": [side]}}


def write_recipe(place: Path, settings: dict[str, Any], *, seed: int) -> Path:
    """The recipe of a run in `place`."""
    values = {"name": "run", "runs_dir": str(place), "seed": seed, "data": {"path": str(place / "data.jsonl")}}
    path = place / "recipe.yaml"
    path.write_text(yaml.safe_dump({**values, **settings}), encoding="utf-8")
    return path


def run_child(command: Sequence[str]) -> Timed:
    """Run a command to its end; its time, and the most memory that one of its processes held."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {child.returncode}")
    return Timed(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measured(place: Path, seconds: float) -> dict[str, Any]:
    """What came out, by type, and what was generated for it."""
    samples = {one.id: one for one in read_records(place / "run/source/samples.jsonl", Sample)}
    negatives = list(read_records(place / "run/verify/negatives.jsonl", Negative))
    replies = generated(place)
    long = {name for name, one in samples.items() if len(one.chosen) > LONG_TOKENS * CHARACTERS_PER_TOKEN}
    by_type = {}
    for kind in TYPES:
        own = [one for one in negatives if one.error_type == kind]
        by_type[kind] = {
            "asked": len(samples),
            "accepted": len(own),
            "yield": round(len(own) / max(1, len(samples)), 3),
            "proved": sum(one.verdict.status == "proved" for one in own),
            "accepted_a_minute": round(60 * len(own) / seconds, 1),
        }
    return {
        "types": by_type,
        "accepted_a_minute": round(60 * len(negatives) / seconds, 1),
        "generated": tokens_a_negative(replies, len(samples), len(negatives)),
        "generated_long": tokens_a_negative(
            [one for one in replies if one["sample_id"] in long],
            len(long),
            sum(one.sample_id in long for one in negatives),
        ),
    }


def generated(place: Path) -> list[dict[str, Any]]:
    """Each reply's sample and tokens, as the run's `asked.jsonl` has them."""
    path = place / "run/inject/asked.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def tokens_a_negative(replies: Sequence[dict[str, Any]], samples: int, accepted: int) -> dict[str, Any]:
    """Generated tokens for one asked and one accepted negative; None where there was none."""
    tokens = sum(one["completion_tokens"] for one in replies)
    asked = samples * len(TYPES)
    return {
        "samples": samples,
        "replies": len(replies),
        "tokens": tokens,
        "a_asked": round(tokens / asked, 1) if asked else None,
        "a_accepted": round(tokens / accepted, 1) if accepted else None,
    }


def run_many(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Rules alone on many samples: read, inject, check, write."""
    place = folder / "many"
    place.mkdir(parents=True, exist_ok=True)
    write_rows(place / "data.jsonl", many_rows(options))
    settings = {
        "inject": {
            "strategies": ["rule"],
            "rank_by": "none",
            "candidates_per_type": options.many_candidates,
            "workers": options.workers,
        },
        "verify": {"workers": options.workers},
    }
    recipe = write_recipe(place, settings, seed=options.seed)
    timed = {stage: run_child([sys.executable, "-m", "seapo", stage, str(recipe), "--quiet"]) for stage in STAGES}
    return {
        "samples": options.many,
        "candidates_per_type": options.many_candidates,
        "workers": options.workers,
        "seconds": {name: round(one.seconds, 1) for name, one in timed.items()},
        "minutes": round(sum(one.seconds for one in timed.values()) / 60, 2),
        "processor_ms_a_sample": {name: round(1000 * one.processor_s / options.many, 2) for name, one in timed.items()},
        "peak_mb": {name: round(one.peak_mb) for name, one in timed.items()},
        "types": measured(place, sum(one.seconds for one in timed.values()))["types"],
    }


def many_rows(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Rows of both data sets again and again, each time with another line above the prompt, so that none is double."""
    rows = [row for data in options.data for row in read_rows(options.data_dir / DATA[data])]
    rows = [row for row in rows if len(row[1]) <= LONGEST_CHARACTERS]
    turns = zip(range(options.many), itertools.cycle(rows), strict=False)
    return [(f"Task {number}.\n{prompt}", answer) for number, (prompt, answer) in turns]


def tables(found: dict[str, Any]) -> str:
    """The results for a person."""
    lines = []
    titles = ("data", "side", "type", "asked", "accepted", "yield", "proved", "a minute")
    if found.get("sides"):
        lines.append("".join(f"{title:>14}" for title in titles))
    for one in found.get("sides", []):
        for kind, row in one["types"].items():
            cells = (row["asked"], row["accepted"], row["yield"], row["proved"], row["accepted_a_minute"])
            lines.append("".join(f"{cell!s:>14}" for cell in (one["data"], one["side"], kind, *cells)))
        lines.append(f"  {one['accepted_a_minute']} a minute, {one['seconds']} s, {one['peak_mb']} MB")
        if one["generated"]["replies"]:
            lines.append(f"  generated: {one['generated']}; answers over {LONG_TOKENS} tokens: {one['generated_long']}")
    if "many" in found:
        lines.append(json.dumps(found["many"]))
    return "\n".join([*lines, json.dumps(found["setting"])])


if __name__ == "__main__":
    main()
