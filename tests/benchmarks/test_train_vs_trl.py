"""The benchmark's samples, its children, and what it derives from them."""

import gzip
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ANSWER = "She sold 48/2 = <<48/2=24>>24 clips in May.\nThat is 48+24 = <<48+24=72>>72 clips.\n#### 72"
NEGATIVES = 3


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts import each other by name, as they do when one is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def tokenizer(embedded: Any) -> Any:
    return embedded[1]


@pytest.fixture
def rows_dir(tmp_path: Path) -> Path:
    """Thirty rows of GSM8K's form."""
    (tmp_path / "gsm8k").mkdir()
    rows = [{"question": f"How many clips are {n} and {n + 1}?" * (1 + n % 5), "answer": ANSWER} for n in range(30)]
    with gzip.open(tmp_path / "gsm8k" / "train.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def draw(rows_dir: Path, tokenizer: Any, seed: int = 0) -> Any:
    from preference_samples import draw_samples

    options = {"samples": 4, "negatives": NEGATIVES, "max_length": 256, "seed": seed}
    return draw_samples(rows_dir, "gsm8k", tokenizer, **options)


def test_negatives_differ_from_the_answer_in_one_number_and_from_each_other(rows_dir: Path, tokenizer: Any) -> None:
    from preference_samples import NUMBER

    pairs = draw(rows_dir, tokenizer).timed
    assert len(pairs) == 4 * NEGATIVES
    for pair in pairs:
        chosen, rejected = (NUMBER.findall(side[0].content) for side in (pair.chosen, pair.rejected))
        assert sum(a != b for a, b in zip(chosen, rejected, strict=True)) == 1
        assert "<<" not in pair.chosen[0].content
    assert len({(pair.id, pair.rejected) for pair in pairs}) == len(pairs)


def test_samples_follow_from_the_seed_and_survive_their_file(rows_dir: Path, tokenizer: Any, tmp_path: Path) -> None:
    from preference_samples import load_samples, save_samples

    drawn = draw(rows_dir, tokenizer)
    assert drawn == draw(rows_dir, tokenizer)
    assert drawn != draw(rows_dir, tokenizer, seed=1)
    save_samples(drawn, tmp_path / "samples.json")
    assert load_samples(tmp_path / "samples.json") == drawn


def test_edits_stand_anywhere_in_the_answer(rows_dir: Path, tokenizer: Any) -> None:
    from preference_samples import Answered, exchange_word, make_pairs, shared_share

    text = " ".join(f"word{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10]}" for n in range(100))
    pairs = make_pairs([Answered("a", "Write.", text, 0)], exchange_word, 20, random.Random(0))
    assert shared_share(pairs, tokenizer) == pytest.approx(0.5, abs=0.05)
    assert shared_share(pairs[:1], tokenizer) != pytest.approx(shared_share(pairs[1:2], tokenizer), abs=0.01)


def test_an_answer_with_no_other_edit_says_so() -> None:
    from preference_samples import Answered, exchange_word, make_pairs

    with pytest.raises(ValueError, match="no other edit of this answer"):
        make_pairs([Answered("a", "Write.", "one one", 0)], exchange_word, 1, random.Random(0))


def test_trl_gets_whole_samples(rows_dir: Path, tokenizer: Any) -> None:
    from timed_child import Job
    from trl_side import rows_per_batch, trl_rows

    pairs = draw(rows_dir, tokenizer).timed
    assert len(trl_rows(pairs, "dpo")) == 4 * NEGATIVES
    labels = [row["label"] for row in trl_rows(pairs, "kto")]
    assert labels == [True, *[False] * NEGATIVES] * 4
    job = Job("trl-best", "gsm8k", "kto", NEGATIVES, 4, "float32", 1, "", micro_batch=2)
    assert rows_per_batch(job) == 8
    assert rows_per_batch(replace(job, method="dpo")) == 6
    default = replace(job, side="trl-default")
    assert rows_per_batch(default) == 8
    assert rows_per_batch(replace(default, method="dpo")) == 6  # of 12 rows a step


def test_sides_are_compared_where_both_have_a_time() -> None:
    from train_vs_trl import compare_sides

    ours = {"status": "ok", "samples_per_s": 2.0, "peak_mb": 1000, "cpu_step_s": 3.0}
    theirs = {"status": "ok", "samples_per_s": 0.5, "peak_mb": 4000, "cpu_step_s": 9.0}
    cell = {"seapo": ours, "trl_default": {"status": "over 18 GB"}, "trl_best": theirs}
    assert compare_sides(cell) == {"times_trl_best": 4.0, "cpu_times_trl_best": 3.0, "memory_share_trl_best": 0.25}
    assert compare_sides({"seapo": ours, "trl_best": None}) == {}


def run_peak(*more: str) -> Any:
    command = [sys.executable, str(BENCHMARKS / "train_vs_trl.py"), "--part", "peak", "--threads", "1", "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TQDM_DISABLE": "1"})
    return json.loads(done.stdout)


def test_a_child_measures_and_is_ended_where_it_holds_too_much(rows_dir: Path) -> None:
    found = run_peak("--data-dir", str(rows_dir))
    assert found["peak"]["status"] == "ok"
    assert found["peak"]["peak_flops_per_s"] > 1e8
    assert {"command", "date", "machine", "versions"} <= set(found["setting"])
    ended = run_peak("--data-dir", str(rows_dir), "--max-memory-gb", "0.05")
    assert ended["peak"]["status"] == "over 0.05 GB"
