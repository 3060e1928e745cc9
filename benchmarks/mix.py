"""What a new mix costs: from the wide file of many samples to the pairs of a training, by processor time.

    python benchmarks/mix.py --data ultrafeedback.jsonl.gz [--samples 60000] [--json]

The samples are those of the data, repeated under other names until there are so many; each has a negative of three
types, one word replaced. No model and no check has a part in a mix, so how a negative came about changes nothing.
"""

import argparse
import json
import random
import re
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from seapo.mix import mix_rows
from seapo.recipe import DataSection, MixSection
from seapo.records import Edit, Sample, Severity
from seapo.sibling_order import order_for_kto
from seapo.source import read_source
from seapo.store import write_records
from seapo.wide import WideNegative, WideRow, read_wide

TYPES = ("correctness", "hallucination", "logic")
SEVERITIES: tuple[Severity, ...] = ("subtle", "moderate", "gross")
MIXES = {
    "mixed": MixSection(),
    "single": MixSection(kind="single", error_type="logic"),
    "all": MixSection(kind="all"),
    "two of three, each epoch, by gap, capped": MixSection(
        negatives_per_sample=2, draw="each_epoch", order="gap", max_per_type=20_000
    ),
}


def rows_of(data: str, count: int) -> Iterator[WideRow]:
    """So many rows of the data's samples."""
    samples = read_source(DataSection(path=data), seed=0).samples
    for number, sample in enumerate(islice(cycle(samples), count)):
        yield _row(sample, number)


def _row(sample: Sample, number: int) -> WideRow:
    lot = random.Random(number)
    words = list(re.finditer(r"\w+|^", sample.chosen))
    negatives = [_negative(lot.choice(words), error_type, lot) for error_type in TYPES]
    return WideRow(
        id=f"{sample.id}-{number}",
        source=sample.source,
        dimension=sample.dimension,
        prompt=sample.prompt,
        chosen=sample.chosen,
        rejected=sample.rejected,
        negatives=tuple(negatives),
    )


def _negative(word: Any, error_type: str, lot: random.Random) -> WideNegative:
    edit = Edit(start=word.start(), end=word.end(), original=word.group(), replacement=f"other{lot.random():.4f}")
    return WideNegative(
        error_type=error_type,
        subtype="benchmark",
        strategy="rule",
        injector="benchmark",
        choice=0,
        rank=0,
        edits=(edit,),
        edit_ratio=0.01,
        severity=lot.choice(SEVERITIES),
        gap_nats=lot.gauss(8, 4),
        status="constructed",
    )


def measure(data: str, count: int, folder: Path) -> dict[str, Any]:
    """Processor seconds of each mix, and what it wrote."""
    wide = folder / "wide.jsonl"
    found: dict[str, Any] = {"samples": write_records(wide, rows_of(data, count)), "wide_mb": _megabytes(wide)}
    for name, settings in MIXES.items():
        start = time.process_time()
        result = mix_rows(read_wide(wide), settings, seed=0, epochs=3)
        chosen = time.process_time()
        write_records(folder / "pairs.jsonl", result.pairs)
        found[name] = {
            "pairs": len(result.pairs),
            "pairs_mb": _megabytes(folder / "pairs.jsonl"),
            "choose_s": round(chosen - start, 1),
            "write_s": round(time.process_time() - chosen, 1),
        }
    found["order_for_kto_s"] = _ordering(folder / "wide.jsonl")
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return found


def _ordering(wide: Path) -> float:
    """Seconds to order the single answers of the mixed pairs for KTO, micro-batches of 8."""
    pairs = mix_rows(read_wide(wide), MIXES["mixed"], seed=0).pairs
    rows = [
        {"prompt": [message.model_dump() for message in pair.prompt] + [{"sample": pair.id}], "label": label}
        for pair in pairs
        for label in (True, False)
    ]
    start = time.process_time()
    order_for_kto(rows, 8)
    return round(time.process_time() - start, 1)


def _megabytes(path: Path) -> int:
    return round(path.stat().st_size / 1e6)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="starter", help="a file of prompts and answers, or `starter`")
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(arguments.data, arguments.samples, Path(name))
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['samples']:,} samples, wide file {found['wide_mb']} MB, peak memory {found['peak_mb']} MB")
    for mix in MIXES:
        print(f"{mix}: {found[mix]}")
    print(f"order_for_kto: {found['order_for_kto_s']} s")


if __name__ == "__main__":
    main()
