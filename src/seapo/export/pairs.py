"""What is exported: the pairs of a finished run, with all that is known of each, as rows of plain columns.

    {"id": "...", "prompt": [{"role": "user", ...}], "chosen": [{"role": "assistant", ...}], "rejected": [...],
     "source": "...", "dimension": "mathematics", "error_type": "logic", "subtype": "...", "strategy": "rule",
     "severity": "subtle", "edits": [...], "edit_ratio": 0.02, "injector": "...",
     "verdict": {"status": "proved", "proofs": ["final_answer"], "evidence": ["final_answer: ..."]}}

Prompts stand in `prompt` alone: `chosen` and `rejected` hold nothing but the answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seapo.errors import DataError, RunError
from seapo.records import Message, Negative, PreferencePair, Sample
from seapo.store import read_records

Row = dict[str, Any]
Key = tuple[str, str, str]
"""Sample id, error type and text: what stands for one negative."""

TELLING = ("type_applies", "judge")
"""Checks that say why a negative without a proof is an error."""
EXTRAS = (
    "id", "source", "dimension", "error_type", "subtype", "strategy", "severity", "edits", "edit_ratio", "injector",
    "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class RunPairs:
    """The pairs of a run, in the order of its samples."""

    rows: tuple[Row, ...]
    all_negatives: bool
    """Every verified negative, in place of those that the mix chose."""


def read_pairs(run_dir: Path, *, all_negatives: bool = False) -> RunPairs:
    """The pairs that the mix chose, or one pair for each verified negative.

    Raises RunError where the run has no mix, or one that is older than its negatives.
    """
    _require(run_dir, "verify" if all_negatives else "mix")
    negatives = {_key(each): each for each in read_records(run_dir / "verify" / "negatives.jsonl", Negative)}
    if all_negatives:
        samples = read_records(run_dir / "source" / "samples.jsonl", Sample)
        return RunPairs(tuple(_rows_of_negatives(samples, negatives.values())), all_negatives=True)
    pairs = read_records(run_dir / "mix" / "pairs.jsonl", PreferencePair)
    return RunPairs(tuple(_row(pair, _negative_of(pair, negatives, run_dir)) for pair in pairs), all_negatives=False)


def single_answers(rows: Sequence[Row]) -> list[Row]:
    """Each answer in a row of its own with a label: every good one once, however many negatives it has."""
    found: list[Row] = []
    good: set[str] = set()
    for row in rows:
        extras = {name: row[name] for name in EXTRAS}
        if row["id"] not in good:
            good.add(row["id"])
            found.append(
                {"prompt": row["prompt"], "completion": row["chosen"], "label": True, **_of_a_good_one(extras)}
            )
        found.append({"prompt": row["prompt"], "completion": row["rejected"], "label": False, **extras})
    return found


def _of_a_good_one(extras: Row) -> Row:
    """The columns of a good answer: nothing was put into it."""
    kept = {name: extras[name] for name in ("id", "source", "dimension")}
    blank = dict.fromkeys(("error_type", "subtype", "strategy", "severity"))
    return {**kept, **blank, "edits": [], "edit_ratio": None, "injector": None, "verdict": None}


def _require(run_dir: Path, stage: str) -> None:
    if not (run_dir / "recipe.yaml").is_file():
        raise RunError(f"{run_dir}: no run here, recipe.yaml is missing; start one with `seapo run RECIPE`")
    if not (run_dir / stage / "manifest.json").is_file():
        raise RunError(f"{run_dir}: the stage '{stage}' has not finished; run: seapo {stage} {run_dir}")


def _negative_of(pair: PreferencePair, negatives: Mapping[Key, Negative], run_dir: Path) -> Negative | None:
    """The negative of a pair; None for the data's own rejected answer."""
    if pair.strategy is None:
        return None
    negative = negatives.get((pair.id, pair.error_type, pair.rejected[0].content))
    if negative is None:
        raise RunError(
            f"{run_dir}: the pair of sample {pair.id!r}, type {pair.error_type!r}, is not among the verified "
            f"negatives; the mix is older than they are; run: seapo mix {run_dir}"
        )
    return negative


def _rows_of_negatives(samples: Iterator[Sample], negatives: Any) -> Iterator[Row]:
    by_sample: dict[str, list[Negative]] = {}
    for negative in negatives:
        by_sample.setdefault(negative.sample_id, []).append(negative)
    for sample in samples:
        for negative in by_sample.pop(sample.id, ()):
            yield _row(_pair(sample, negative), negative)
    if by_sample:
        raise DataError(f"there is a negative of {next(iter(by_sample))!r}, which is no sample; run the stages again")


def _pair(sample: Sample, negative: Negative) -> PreferencePair:
    return PreferencePair(
        id=sample.id,
        prompt=sample.prompt,
        chosen=(Message(role="assistant", content=sample.chosen),),
        rejected=(Message(role="assistant", content=negative.text),),
        source=sample.source,
        dimension=sample.dimension,
        error_type=negative.error_type,
        subtype=negative.subtype,
        strategy=negative.strategy,
        injector=negative.injector,
        edits=negative.edits,
        edit_ratio=negative.edit_ratio,
    )


def _row(pair: PreferencePair, negative: Negative | None) -> Row:
    return {
        "id": pair.id,
        "prompt": [message.model_dump() for message in pair.prompt],
        "chosen": [message.model_dump() for message in pair.chosen],
        "rejected": [message.model_dump() for message in pair.rejected],
        "source": Path(pair.source).name,
        "dimension": pair.dimension,
        "error_type": pair.error_type,
        "subtype": pair.subtype,
        "strategy": pair.strategy,
        "severity": None if negative is None else negative.severity,
        "edits": [edit.model_dump() for edit in pair.edits],
        "edit_ratio": pair.edit_ratio,
        "injector": pair.injector,
        "verdict": _verdict(negative),
    }


def _verdict(negative: Negative | None) -> Row:
    """The status, what proved it, and in words what was found."""
    if negative is None:
        return {"status": "unverified", "proofs": [], "evidence": []}
    verdict = negative.verdict
    telling = set(verdict.proofs or TELLING)
    found = [
        f"{each.check}: {each.evidence}" for each in verdict.checks if each.outcome == "pass" and each.check in telling
    ]
    return {"status": verdict.status, "proofs": list(verdict.proofs), "evidence": found}


def _key(negative: Negative) -> Key:
    return negative.sample_id, negative.error_type, negative.text
