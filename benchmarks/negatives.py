"""How many answers get a negative of each type, how it is known to be wrong, and what gives the negatives away.

    python benchmarks/negatives.py --data gsm8k/train.jsonl.gz --data ultrafeedback.jsonl.gz [--samples 300] [--json]

The stages source, inject and verify as a recipe runs them, on samples drawn by the seed. Without `--rank-by model` the
rules alone propose and no model is loaded. The same negatives are audited twice: chosen by `verify.balance`, and by
plausibility alone.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from seapo.inject import inject
from seapo.recipe import Recipe, parse_recipe
from seapo.records import Candidate, Sample, Skip
from seapo.source import read_source
from seapo.summaries import AuditRow, VerifySummary
from seapo.trained import load_scorer
from seapo.verify import VerifyResult, verify_candidates
from seapo.verify.audit import audit


def measure(recipe: Recipe) -> dict[str, Any]:
    """Yields, giveaways and seconds of one data set."""
    samples = read_source(recipe.data, seed=recipe.seed).samples
    started = time.perf_counter()
    candidates, skips = _injected(recipe, samples)
    injected = time.perf_counter()
    balanced = _verified(recipe, samples, candidates, skips, is_balanced=True)
    verified = time.perf_counter()
    plain = _verified(recipe, samples, candidates, skips, is_balanced=False)
    audited = time.perf_counter()
    found = audit(samples, balanced.negatives, seed=recipe.seed)
    seconds = {"inject": injected - started, "verify": verified - injected, "audit": time.perf_counter() - audited}
    return {
        "data": recipe.data.path,
        "samples": len(samples),
        "yield": _yields(balanced.summary),
        "without": balanced.summary.without_negative,
        "giveaways": {row.error_type: _figures(row) for row in found.rows if row.strategy is None},
        "giveaways_without_balance": {
            row.error_type: _figures(row)
            for row in audit(samples, plain.negatives, seed=recipe.seed).rows
            if row.strategy is None
        },
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }


def _injected(recipe: Recipe, samples: list[Sample]) -> tuple[list[Candidate], list[Skip]]:
    scorer = (lambda: load_scorer(recipe, dtype=recipe.model.dtype)) if recipe.inject.rank_by == "model" else None
    results = list(inject(samples, recipe.inject, seed=recipe.seed, scorer=scorer))
    return [c for each in results for c in each.candidates], [s for each in results for s in each.skips]


def _verified(
    recipe: Recipe, samples: list[Sample], candidates: list[Candidate], skips: list[Skip], *, is_balanced: bool
) -> VerifyResult:
    settings = recipe.verify.model_copy(update={"balance": is_balanced})
    types = recipe.inject.error_types
    return verify_candidates(samples, candidates, skips, settings, error_types=types, seed=recipe.seed)


def _yields(summary: VerifySummary) -> dict[str, dict[str, float]]:
    """Shares of the samples that were asked for a negative, those with a wrong chosen answer left out."""
    aside = sum(summary.set_aside_samples.values())
    return {
        name: {"any": round(summary.accepted[name] / (asked - aside), 4)}
        | {str(status): round(count / (asked - aside), 4) for status, count in summary.status[name].items()}
        for name, asked in summary.asked.items()
    }


def _figures(row: AuditRow) -> dict[str, Any]:
    if row.auc is None or row.paired_accuracy is None:
        return {"pairs": row.pairs, "not_judged": row.not_judged}
    values = {"auc": row.auc, "paired_accuracy": row.paired_accuracy}
    intervals = {name: [round(each.value, 3), round(each.low, 3), round(each.high, 3)] for name, each in values.items()}
    return {"pairs": row.pairs, **intervals, "telltales": row.telltales}


def main() -> None:
    """Measure every data set and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rank-by", choices=("none", "model"), default="none")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    strategies = ["rule", "pivot"] if arguments.rank_by == "model" else ["rule"]
    for path in arguments.data:
        values = {
            "seed": arguments.seed,
            "data": {"path": str(path), "limit": arguments.samples},
            "inject": {"strategies": strategies, "rank_by": arguments.rank_by},
        }
        result = measure(parse_recipe(values))
        print(json.dumps(result) if arguments.json else json.dumps(result, indent=2), flush=True)


if __name__ == "__main__":
    main()
