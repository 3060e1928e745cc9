"""Checks and judge against labelled solutions."""

import gzip
import json

import pytest
from click.testing import CliRunner

from seapo.cli import seapo
from seapo.errors import DataError
from seapo.tasks.labelled import read_labelled
from seapo.verify import calibrate

STEPS = {
    "id": "1", "generator": "m", "final_answer_correct": True,
    "problem": "How many eggs are in 4 nets of 6?",
}  # fmt: skip
RIGHT = {**STEPS, "steps": ["There are 4 * 6 = 24 eggs.", "So it is 24."], "label": -1}
WRONG = {**STEPS, "steps": ["There are 4 nets.", "So there are 4 * 6 = 26 eggs."], "label": 1}
UNSEEN = {**STEPS, "steps": ["There are 4 + 6 = 10 eggs."], "label": 0}
FALSE_ALARM = {**STEPS, "steps": ["There are 4 * 6 = 25 eggs."], "label": -1}


@pytest.fixture
def marked(tmp_path):
    path = tmp_path / "marked.json"
    path.write_text(json.dumps([RIGHT, WRONG, UNSEEN, FALSE_ALARM]))
    return path


def test_precision_and_recall_are_counted_as_by_hand(marked):
    found = {each.check: each for each in calibrate([marked]).proofs}
    arithmetic = found["arithmetic"]
    assert (arithmetic.source, arithmetic.label) == ("processbench marked", "step")
    assert (arithmetic.solutions, arithmetic.wrong) == (4, 2)
    assert (arithmetic.precision.part, arithmetic.precision.whole) == (1, 2)
    assert (arithmetic.recall.part, arithmetic.recall.whole) == (1, 2)
    assert arithmetic.recall.interval == pytest.approx((0.095, 0.905), abs=1e-3)  # Wilson's, 1 of 2
    assert found["contradiction"].precision.interval is None
    assert "final_answer" not in found


def test_each_format_is_told_from_its_columns(tmp_path):
    rows = {
        "mr": {
            "question": "q", "model_output_steps": ["Step 1: x", "Step 2: #### 5"], "ground_truth_answer": "4",
            "model_output_solution_correctness": "wrong", "model_output_answer_correctness": "wrong",
            "model_output_solution_first_error_step": "2", "ground_truth_solution": "#### 4",
        },
        "mistake": {"input": "q", "steps": ["a", "So the answer is (B)"], "target": "(A)", "answer": "(B)",
                    "mistake_index": 1},
        "solutions": {"question": "q", "ground_truth": "x\nA: 4", "6b": {"is_correct": False, "solution": "y\nA: 5"},
                      "175b": {"is_correct": True, "solution": "z\nA: 4"}},
        "halueval": {"user_query": "q", "chatgpt_response": "2 + 2 = 5", "hallucination": "yes"},
    }  # fmt: skip
    for name, row in rows.items():
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as file:
            file.write(json.dumps(row) + "\n")
    found = {(each.source, each.label): each for each in read_labels(tmp_path)}
    assert found["mr_gsm8k", "answer"] == Seen("mr_gsm8k", "answer", True, "4", "Step 2: #### 5")
    assert found["bigbench_mistake mistake", "step"] == Seen(
        "bigbench_mistake mistake", "step", True, "(A)", "So the answer is (B)"
    )
    assert found["halueval", "fact"].is_wrong
    scores = {(each.source, each.check): each for each in calibrate([tmp_path]).proofs}
    assert scores["gsm8k solutions", "final_answer"].recall.part == 1
    assert scores["gsm8k solutions", "final_answer"].precision.whole == 1
    assert scores["bigbench_mistake mistake", "final_answer"].recall.part == 1
    assert scores["halueval", "arithmetic"].recall.part == 1


class Seen(tuple):
    def __new__(cls, source, label, is_wrong, truth, wrong_step):
        self = super().__new__(cls, (source, label, is_wrong, truth, wrong_step))
        self.source, self.label, self.is_wrong = source, label, is_wrong
        return self


def read_labels(folder):
    for each in read_labelled([folder]):
        for label, is_wrong in each.labels:
            yield Seen(each.source, label, is_wrong, each.truth, each.wrong_step)


def test_a_solution_that_several_files_hold_counts_once(tmp_path, marked):
    (tmp_path / "marked.jsonl").write_text(json.dumps(RIGHT) + "\n" + json.dumps(WRONG))
    assert len(read_labelled([marked, marked, tmp_path / "marked.jsonl"])) == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"prompt": "p", "chosen": "c"}', "no labelled solutions, columns: prompt, chosen. Known are files with"),
        ('{"problem": "p", "steps": ["a"], "label": 7}', "line 1: a column of the format is missing or odd"),
        ('{"problem": "p", "steps": ["a"], "label": 0}\n{"problem"', "line 2: "),
        ("[1, 2]", "not an object with columns"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path, text, problem):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=r"x\.jsonl") as raised:
        calibrate([path])
    assert problem in str(raised.value)


def test_the_command_prints_a_table_or_json_and_needs_no_recipe(marked, tmp_path):
    with CliRunner().isolated_filesystem(tmp_path):
        plain = CliRunner().invoke(seapo, ["verify", "--calibrate", str(marked)])
        as_json = CliRunner().invoke(seapo, ["verify", "--calibrate", str(marked), "--json", "seed=3"])
    assert (plain.exit_code, as_json.exit_code) == (0, 0), plain.output
    assert "50.0% [9.5, 90.5] 1/2" in plain.stdout
    assert json.loads(as_json.stdout)["proofs"][0]["recall"] == {
        "part": 1, "whole": 2, "interval": json.loads(as_json.stdout)["proofs"][0]["precision"]["interval"],
    }  # fmt: skip


def test_the_stage_still_asks_for_a_recipe():
    done = CliRunner().invoke(seapo, ["verify"])
    assert done.exit_code == 2
    assert "Missing argument 'RECIPE|RUN'" in done.output


def test_false_equations_in_real_solutions_mean_that_they_are_wrong(data_dir):
    """Solutions of models, each labelled by people; `docs/verification.md` has the figures of all sources."""
    found = {each.check: each for each in calibrate([data_dir / "processbench" / "gsm8k.json.gz"]).proofs}
    assert found["arithmetic"].precision.part == found["arithmetic"].precision.whole == 17
