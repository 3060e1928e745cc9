"""TruthfulQA from a folder: rows of our own in the authors' layout, and the real file where it is at hand."""

import gzip
import json
import subprocess
import sys

import pytest

from seapo.errors import DataError
from seapo.tasks.truthfulqa import INSTALL, ROWS, choice_items, find_file, read_prompt, read_questions


def row(number):
    right, wrong = f"Crate {number} is sealed.", f"Crate {number} is open."
    return {
        "question": f"Is crate {number} sealed?",
        "mc1_targets": {right: 1, wrong: 0},
        "mc2_targets": {right: 1, f"Yes, number {number} is.": 1, wrong: 0},
    }


def folder_with(tmp_path, rows, *, name="mc_task.json.gz"):
    folder = tmp_path / "truthfulqa"
    folder.mkdir()
    data = json.dumps(rows).encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return tmp_path


@pytest.mark.parametrize("name", ["mc_task.json.gz", "mc_task.json"])
def test_each_question_is_asked_for_mc1_and_mc2(tmp_path, name):
    items = list(choice_items(folder_with(tmp_path, [row(number) for number in range(ROWS)], name=name)))
    assert len(items) == 2 * ROWS
    mc1, mc2 = items[14:16]
    assert (mc1.id, mc1.task, mc1.metric) == ("truthfulqa-007#mc1", "truthfulqa_mc1", "acc")
    assert (mc2.id, mc2.task, mc2.metric) == ("truthfulqa-007#mc2", "truthfulqa_mc2", "mc2")
    assert mc1.choices == (" Crate 7 is sealed.", " Crate 7 is open.")
    assert (mc1.correct, mc2.correct) == ((0,), (0, 1))
    assert mc1.context == mc2.context
    assert mc1.context.endswith("\n\nQ: Is crate 7 sealed?\nA:")
    assert mc1.prompt is None


def test_the_prompt_has_six_example_questions_and_the_one_that_is_asked():
    prompt = read_prompt()
    text = prompt.render(question="Is crate 7 sealed?")
    assert text.count("Q: ") == 7
    assert text.startswith("Q: ")
    assert prompt.delimiter == " "


def test_a_missing_file_is_named_with_what_belongs_there(tmp_path):
    with pytest.raises(
        DataError, match=r"truthfulqa/mc_task\.json\.gz is missing: .*817 rows of question, mc1_targets"
    ):
        find_file(tmp_path)


def test_another_number_of_rows_is_named(tmp_path):
    with pytest.raises(DataError, match="an array of 817 rows, this one holds 790 rows"):
        read_questions(folder_with(tmp_path, [row(number) for number in range(790)]))


def test_another_shape_of_file_is_named(tmp_path):
    with pytest.raises(DataError, match="an array of 817 rows, this one holds a JSON dict"):
        read_questions(folder_with(tmp_path, {"rows": []}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mc0_targets": {}}, "row 3: mc0_targets: Extra inputs are not permitted"),
        ({"mc1_targets": {"a": 1, "b": 1}}, "row 3: row: .*marks 2 answers as true, it needs exactly 1"),
        ({"mc2_targets": {"a": 0, "b": 0}}, "row 3: row: .*mc2_targets marks no answer as true"),
        ({"mc2_targets": {"a": 1, "b": 2}}, "row 3: mc2_targets.b: Input should be 0 or 1"),
        ({"mc2_targets": {"a": 1}}, "row 3: mc2_targets: Dictionary should have at least 2 items"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path, change, message):
    rows = [row(number) for number in range(ROWS)]
    rows[2] |= change
    with pytest.raises(DataError, match=message):
        read_questions(folder_with(tmp_path, rows))


def test_a_row_without_its_question_is_named(tmp_path):
    rows = [row(number) for number in range(ROWS)]
    del rows[2]["question"]
    with pytest.raises(DataError, match="row 3: question: Field required"):
        read_questions(folder_with(tmp_path, rows))


@pytest.mark.parametrize(
    "data", [b"not gzip", gzip.compress(b"not JSON", mtime=0), gzip.compress(b"[1, 2, 3]", mtime=0)[:-9]]
)
def test_bytes_that_cannot_be_read_are_named(tmp_path, data):
    path = folder_with(tmp_path, []) / "truthfulqa" / "mc_task.json.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"mc_task\.json\.gz: cannot be read as JSON"):
        read_questions(tmp_path)


def test_without_lm_eval_the_error_says_how_to_install_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "lm_eval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(DataError) as caught:
        read_prompt()
    assert str(caught.value).endswith(f"which is not installed; run: {INSTALL}")


def test_reading_the_prompt_loads_no_torch():
    code = "import sys; from seapo.tasks.truthfulqa import read_prompt; read_prompt(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import torch; {code}"], check=False).returncode == 1


def test_the_real_file_is_read_whole(data_dir):
    questions = read_questions(data_dir)
    assert len(questions) == ROWS
    assert sum(len(question.mc1_targets) for question in questions) == 4186
    # lm-evaluation-harness takes the first answer of MC1 for the true one.
    assert all(next(iter(question.mc1_targets.values())) == 1 for question in questions)
