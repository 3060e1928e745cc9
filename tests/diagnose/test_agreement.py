"""The program's diagnosis against what people have marked: the counting, and the figures' order of magnitude."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seapo.diagnose.agreement import fact_agreement, place_agreement, reason_type, score_types, type_agreement
from seapo.tasks.labelled import read_labelled

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "diagnose_labels.py"


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("Calculation error, 900 + 90 = 990", "correctness"),
        ("The calculation is incorrect, x is 3", "correctness"),
        ("计算错误，160*12=1920", "correctness"),
        ("Misunderstanding, the cost is for two", "logic"),
        ("The reasoning is incorrect, and so the calculation is wrong", "logic"),
        ("逻辑错误，此处应该是5", "logic"),
        ("The 5 minutes come from nowhere of the given question", "hallucination"),
        ("there are two nickels, so it should be 2 * 5", None),
        ("", None),
    ],
)
def test_a_reason_counts_only_where_it_names_the_type(reason, name):
    assert reason_type(reason) == name


def test_types_are_counted_as_by_hand():
    pairs = [("correctness", "correctness")] * 2 + [("correctness", "logic")] + [("logic", "logic")] * 2
    pairs += [("logic", "not judged")]
    found = score_types("s", pairs)
    assert (found.solutions, found.told.part, found.agreed.part, found.agreed.whole) == (6, 5, 4, 5)
    assert found.kappa == pytest.approx((0.8 - 0.48) / 0.52)  # by chance: 3/5 * 2/5 + 2/5 * 3/5
    correctness, logic, _ = found.types
    assert (correctness.recall.part, correctness.recall.whole, correctness.precision.whole) == (2, 3, 2)
    assert (logic.precision.part, logic.precision.whole, logic.recall.whole) == (2, 3, 3)
    assert found.table == {"correctness": {"correctness": 2, "logic": 1}, "logic": {"logic": 2, "not judged": 1}}


STEPS = {"id": "1", "generator": "m", "problem": "How many eggs are in 4 nets of 6?", "final_answer_correct": False}
MARKED = [
    {**STEPS, "steps": ["There are 4 * 6 = 26 eggs.", "So it is 26."], "label": 0},
    {**STEPS, "steps": ["There are 5 nets.", "5 * 6 = 31 eggs."], "label": 0},
    {**STEPS, "steps": ["There are 4 + 6 = 10 eggs."], "label": 0},
    {**STEPS, "steps": ["4 * 6 = 24 eggs."], "label": -1},
    {**STEPS, "steps": ["4 * 6 = 25 eggs."], "label": -1},
]


def test_places_are_counted_as_by_hand(tmp_path):
    path = tmp_path / "marked.json"
    path.write_text(json.dumps(MARKED))
    found = place_agreement("marked", read_labelled([path]))
    assert (found.wrong, found.right, found.found.part, found.at_place.part) == (3, 2, 2, 1)
    assert (found.later, found.earlier, found.alarms.part) == (1, 0, 1)


def test_passages_are_counted_as_by_hand(tmp_path):
    rows = [
        {"user_query": "q", "chatgpt_response": "A study found it. Yes.", "hallucination": "yes",
         "hallucination_spans": ["A study found it."]},
        {"user_query": "q", "chatgpt_response": "A study found it. Yes.", "hallucination": "yes",
         "hallucination_spans": ["Yes."]},
        {"user_query": "q", "chatgpt_response": "It is so.", "hallucination": "yes", "hallucination_spans": []},
        {"user_query": "q", "chatgpt_response": "It is not so.", "hallucination": "no", "hallucination_spans": []},
    ]  # fmt: skip
    path = tmp_path / "facts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = fact_agreement("halueval", read_labelled([path]))
    assert (found.texts, found.made_up, found.precision.part, found.precision.whole) == (4, 3, 2, 2)
    assert (found.recall.part, found.recall.whole, found.in_passage.part, found.in_passage.whole) == (2, 3, 1, 2)


def test_on_real_labels_the_types_agree_beyond_chance(data_dir):
    found = type_agreement(read_labelled([data_dir / "mr_gsm8k_partial"]))
    assert found.solutions == 457
    assert found.kappa_interval[0] > 0.35
    assert found.told.part > 0.8 * found.solutions


def test_on_real_labels_the_places_agree(data_dir):
    items = read_labelled([data_dir / "bigbench_mistake" / "multistep_arithmetic.jsonl"])
    found = place_agreement("multistep_arithmetic", items)
    assert found.at_place.part > 0.95 * found.at_place.whole
    assert found.found.part > 0.9 * found.wrong


def test_the_script_says_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--data-dir", tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "mr_gsm8k_partial" in done.stderr
    assert "Traceback" not in done.stderr
