"""Benchmark data in a folder: files of our own in each layout, broken ones, and the real ones where there are any."""

import gzip
import json
import zipfile

import pytest

from seapo.errors import DataError
from seapo.tasks.benchmark import BBH, BBH_ITEMS, MATH_SUBJECTS, MINERVA_MATH, MMLU, MMLU_SUBJECTS
from seapo.tasks.local import FILES, HUB_SUBJECTS, MMLU_ROWS, check_file, data_hashes, local_splits, read_rows

GSM8K, SNARKS = "gsm8k/test.jsonl.gz", "bbh/snarks.json"


def put(folder, path, data):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(gzip.compress(data, mtime=0) if path.endswith(".gz") else data)
    return folder


def json_lines(rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


def sums(count=FILES[GSM8K].rows):
    return [{"question": f"What is {n} + 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"} for n in range(count)]


def truthful(count=FILES["truthfulqa/mc_task.json.gz"].rows):
    return [
        {"question": f"Is {n} odd?", "mc1_targets": {"Yes": 1, "No": 0}, "mc2_targets": {"Yes": 1, "Aye": 1, "No": 0}}
        for n in range(count)
    ]


def put_mmlu(folder, *, rows=None, header=(), dropped=()):
    """The zip file with as many rows as the real one has, most of them in the first subject."""
    (folder / "mmlu").mkdir()
    with zipfile.ZipFile(folder / "mmlu" / "mmlu.zip", "w") as archive:
        for split, count in (MMLU_ROWS | (rows or {})).items():
            few, more = divmod(count, len(MMLU_SUBJECTS))
            for place, subject in enumerate(MMLU_SUBJECTS):
                lines = [
                    *header,
                    *[f'"Is {n}, then?",a,b,c,d,{"ABCD"[n % 4]}' for n in range(few + more * (not place))],
                ]
                if (split, subject) not in dropped:
                    archive.writestr(f"data/{split}/{subject}_{split}.csv", "\n".join(lines))
    return folder


@pytest.mark.parametrize("path", [GSM8K, "gsm8k/test.jsonl"])
def test_a_file_is_read_gzipped_or_not(tmp_path, path):
    rows = local_splits(put(tmp_path, path, json_lines(sums())), "openai/gsm8k", "main")["test"]
    assert len(rows) == 1319
    assert rows[7] == sums()[7]


def test_bbh_takes_the_examples_of_its_file(tmp_path):
    examples = [{"input": f"Is {n} odd?", "target": "Yes"} for n in range(178)]
    data = json.dumps({"canary": "no training", "examples": examples}).encode()
    assert list(local_splits(put(tmp_path, SNARKS, data), "SaylorTwift/bbh", "snarks")["test"]) == examples


def test_math_takes_the_problems_of_a_subject(tmp_path):
    subjects = list(MATH_SUBJECTS.values())
    rows = [
        {"problem": f"p{n}", "level": "Level 1", "type": subjects[n % 7], "solution": "\\boxed{1}", "idx": n}
        for n in range(5000)
    ]
    put(tmp_path, "math/math_test.jsonl.gz", json_lines(rows))
    found = local_splits(tmp_path, "EleutherAI/hendrycks_math", "precalculus")["test"]
    assert found[1] == {"problem": "p13", "level": "Level 1", "type": "Precalculus", "solution": "\\boxed{1}"}
    assert len(found) == 5000 // 7


def test_mmlu_turns_the_letter_into_the_place_of_the_choice(tmp_path):
    splits = local_splits(put_mmlu(tmp_path), "cais/mmlu", "virology")
    assert set(splits) == {"dev", "validation", "test"}
    assert splits["dev"][2] == {
        "question": "Is 2, then?",
        "subject": "virology",
        "choices": ["a", "b", "c", "d"],
        "answer": 2,
    }
    assert len(splits["dev"]) == 5


def test_truthfulqa_gets_choices_and_labels(tmp_path):
    put(tmp_path, "truthfulqa/mc_task.json.gz", json.dumps(truthful()).encode())
    row = local_splits(tmp_path, "truthfulqa/truthful_qa", "multiple_choice")["validation"][3]
    assert row["mc1_targets"] == {"choices": ["Yes", "No"], "labels": [1, 0]}
    assert row["mc2_targets"] == {"choices": ["Yes", "Aye", "No"], "labels": [1, 1, 0]}


@pytest.mark.parametrize(
    ("hub_id", "name"),
    [("allenai/ai2_arc", "ARC-Easy"), ("cais/mmlu", "cookery"), ("truthfulqa/truthful_qa", "generation")],
)
def test_other_data_stays_on_the_hub(tmp_path, hub_id, name):
    assert local_splits(tmp_path, hub_id, name) is None


@pytest.mark.parametrize("path", FILES)
def test_a_missing_file_is_named_with_where_to_get_it(tmp_path, path):
    file = FILES[path]
    with pytest.raises(DataError) as caught:
        check_file(tmp_path, path)
    gzipped = ", gzipped or not" if path.endswith(".gz") else ""
    content = f"{file.rows:,} rows of {', '.join(file.fields)}"
    assert str(caught.value) == f"{tmp_path / path} is missing: put {file.origin} there{gzipped} ({content})"
    assert "github.com/" in file.origin


def test_another_number_of_rows_is_named(tmp_path):
    put(tmp_path, GSM8K, json_lines(sums(1000)))
    with pytest.raises(
        DataError, match=r"test\.jsonl\.gz: holds 1,000 rows, expected 1,319; it is another version than"
    ):
        check_file(tmp_path, GSM8K)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Why?"}, "row 3: lacks answer; expected question, answer"),
        ({"question": "Why?", "answer": "So.", "hint": "x"}, "row 3: has hint; expected question, answer"),
        ({"prompt": "Why?", "answer": "So."}, "row 3: lacks question and has prompt; expected question, answer"),
        ({"question": "", "answer": "So."}, "row 3: question is empty"),
        ("Why?", "row 3: lacks answer, question; expected question, answer"),
    ],
)
def test_a_row_with_other_fields_is_named(tmp_path, row, message):
    rows = sums()
    rows[2] = row
    put(tmp_path, GSM8K, json_lines(rows))
    with pytest.raises(DataError, match=message):
        check_file(tmp_path, GSM8K)


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        (GSM8K, b"no JSON", "cannot be read as JSON lines"),
        ("bbh/snarks.json", b"\xff\xfe", "cannot be read as JSON:"),
        ("bbh/snarks.json", b'{"examples": 3}', "holds a JSON int, expected 178 rows of input, target"),
        ("truthfulqa/mc_task.json.gz", b'{"rows": []}', "holds a JSON dict, expected 817 rows"),
        ("mmlu/mmlu.zip", b"PK no zip", "cannot be read as a zip file of CSV files"),
    ],
)
def test_bytes_that_cannot_be_read_are_named(tmp_path, path, data, message):
    with pytest.raises(DataError, match=message):
        check_file(put(tmp_path, path, data), path)


def test_a_broken_gzip_file_is_named(tmp_path):
    put(tmp_path, GSM8K, json_lines(sums()))
    (tmp_path / GSM8K).write_bytes((tmp_path / GSM8K).read_bytes()[:-9])
    with pytest.raises(DataError, match="cannot be read as JSON lines"):
        read_rows(tmp_path, FILES[GSM8K])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": {"test": 14000}}, "test holds 14,000 rows, expected 14,042; it is another version"),
        (
            {"header": ["question,A,B,C,D,answer"]},
            r"row 1: has 6 fields and ends in \['answer'\]; expected .*without a header",
        ),
        ({"dropped": [("val", "virology")]}, r"holds no table val/virology_val\.csv; it needs dev, val and test of 57"),
    ],
)
def test_another_mmlu_is_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        check_file(put_mmlu(tmp_path, **changes), "mmlu/mmlu.zip")


@pytest.mark.parametrize(
    ("field", "targets", "message"),
    [
        ("mc1_targets", {"No": 0, "Yes": 1}, "mc1_targets has to mark its first answer as true, and no other one"),
        ("mc1_targets", {"Yes": 1, "Aye": 1}, "mc1_targets has to mark its first answer as true, and no other one"),
        ("mc2_targets", {"No": 0, "Nay": 0}, "mc2_targets marks no answer as true"),
        ("mc2_targets", {"Yes": 1, "No": 2}, "mc2_targets is no mapping of two or more answers to 0 or 1"),
        ("mc2_targets", ["Yes"], "mc2_targets is no mapping of two or more answers to 0 or 1"),
    ],
)
def test_labels_that_do_not_fit_are_named(tmp_path, field, targets, message):
    rows = truthful()
    rows[4][field] = targets
    put(tmp_path, "truthfulqa/mc_task.json.gz", json.dumps(rows).encode())
    with pytest.raises(DataError, match=f"row 5: {message}"):
        check_file(tmp_path, "truthfulqa/mc_task.json.gz")


def test_hashes_tell_which_files_changed(tmp_path):
    put(tmp_path, GSM8K, b"one")
    put(tmp_path, "elsewhere/notes.txt", b"not a benchmark's")
    before = data_hashes(tmp_path)
    assert list(before) == [GSM8K]
    put(tmp_path, GSM8K, b"two")
    assert data_hashes(tmp_path) != before


def test_every_file_of_a_known_task_is_described():
    for task in (*MINERVA_MATH, *BBH, *MMLU):
        assert set(task.files) <= set(FILES)


def test_the_real_files_are_read_whole(data_dir):
    counts = {
        "gsm8k": len(local_splits(data_dir, "openai/gsm8k", "main")["train"]),
        "math": sum(len(local_splits(data_dir, "EleutherAI/hendrycks_math", each)["test"]) for each in HUB_SUBJECTS),
        "bbh": sum(len(local_splits(data_dir, "SaylorTwift/bbh", name)["test"]) for name in BBH_ITEMS),
        "mmlu": sum(len(local_splits(data_dir, "cais/mmlu", name)["test"]) for name in MMLU_SUBJECTS),
    }
    assert counts == {"gsm8k": 7473, "math": 5000, "bbh": 6511, "mmlu": 14042}
    for path in FILES:
        check_file(data_dir, path)
