import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from seapo.errors import DataError
from seapo.interval import share
from seapo.records import CheckResult, Negative, Verdict
from seapo.store import write_records
from seapo.verify.labels import HumanLabel, LabelReport, read_labels

SEAPO = Path(sys.executable).with_name("seapo")


def negative(name, error_type="logic", *, status="proved", proofs=("arithmetic",), strategy="rule"):
    checks = [CheckResult(check=proof, outcome="pass", evidence="2 + 2 = 5 is false") for proof in proofs]
    checks.append(CheckResult(check="length", outcome="pass", evidence="as long"))
    checks.append(CheckResult(check="choice", outcome="not_judged", evidence="no options"))
    return Negative(
        sample_id=name, error_type=error_type, subtype="any", strategy=strategy, injector="sums", rank=0,
        text=f"{name} says so.", edits=(), edit_ratio=0.1,
        verdict=Verdict(status=status, proofs=tuple(proofs), checks=tuple(checks)),
    )  # fmt: skip


def row(one, label, **other):
    sha = hashlib.sha256(one.text.encode()).hexdigest()
    return {
        "run": "r",
        "sample_id": one.sample_id,
        "error_type": one.error_type,
        "text_sha256": sha,
        "label": label,
        **other,
    }


def label(one, opinion, **other):
    return HumanLabel.model_validate(row(one, opinion, **other))


FOUR = [
    negative("a"),
    negative("b"),
    negative("c", status="constructed", proofs=(), strategy="pivot"),
    negative("d", "hallucination", status="constructed", proofs=()),
]


def scores(report):
    return {(each.by, each.name): (each.precision, each.unsure) for each in report.scores}


def test_shares_of_each_group_with_their_intervals():
    opinions = ("good", "bad", "good", "unsure")
    report = LabelReport.of([label(one, opinion) for one, opinion in zip(FOUR, opinions, strict=True)], FOUR)
    found = scores(report)
    assert found["all", "negatives"] == (share(2, 3, confidence=0.95), 1)
    assert found["proof", "arithmetic"] == (share(1, 2, confidence=0.95), 0)
    assert found["check", "length"] == (share(2, 3, confidence=0.95), 1)
    assert found["status", "constructed"] == (share(1, 1, confidence=0.95), 1)
    assert found["error_type", "hallucination"] == (share(0, 0, confidence=0.95), 1)
    assert found["strategy", "pivot"] == (share(1, 1, confidence=0.95), 0)
    assert ("check", "choice") not in found
    assert [each.sample_id for each in report.bad] == ["b"]
    assert (report.labels, report.matched, report.disagreeing, report.unmatched) == (4, 4, 0, {})


def test_a_negative_counts_once_and_readers_who_disagree_as_unsure():
    given = [label(FOUR[0], "good"), label(FOUR[0], "good"), label(FOUR[1], "good"), label(FOUR[1], "bad")]
    report = LabelReport.of(given, FOUR)
    assert scores(report)["all", "negatives"] == (share(1, 1, confidence=0.95), 1)
    assert (report.labels, report.matched, report.disagreeing) == (4, 2, 1)


def test_what_matches_nothing_is_counted_with_its_reason():
    other = label(FOUR[0], "good").model_copy(update={"text_sha256": "0" * 64})
    own = label(FOUR[2], "good").model_copy(update={"error_type": "original"})
    gone = label(negative("z"), "bad")
    report = LabelReport.of([label(FOUR[0], "good"), other, own, gone], FOUR)
    assert report.matched == 1
    assert sorted(report.unmatched.values()) == [1, 1, 1]
    assert any("own rejected answer" in reason for reason in report.unmatched)


def test_capital_hex_digits_and_unknown_keys_are_read():
    capital = row(FOUR[0], "good", reader="me")
    capital["text_sha256"] = capital["text_sha256"].upper()
    assert LabelReport.of([HumanLabel.model_validate(capital)], FOUR).matched == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nothing", "line 2: no JSON"),
        (json.dumps({"sample_id": "a"}), "line 2: error_type: Field required"),
        (json.dumps(row(FOUR[0], "perhaps")), "line 2: label: Input should be 'good', 'bad' or 'unsure'"),
        (json.dumps(row(FOUR[0], "good") | {"text_sha256": "12"}), "line 2: text_sha256"),
    ],
)
def test_a_line_that_is_no_label_is_named(line, message, tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text(f"{json.dumps(row(FOUR[0], 'good'))}\n{line}\n")
    with pytest.raises(DataError, match=message):
        read_labels(path)


def test_a_note_may_hold_signs_that_unicode_calls_line_ends(tmp_path):
    note = "one\u2028two\u2029three\u0085four"
    line = json.dumps(row(FOUR[0], "good", note=note), ensure_ascii=False)
    (tmp_path / "labels.jsonl").write_text(f"{line}\n\n{line}\r\n", encoding="utf-8")
    assert [each.note for each in read_labels(tmp_path / "labels.jsonl")] == [note, note]


def call(tmp_path, *options):
    write_records(tmp_path / "run" / "verify" / "negatives.jsonl", FOUR)
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row(one, "good")) + "\n" for one in FOUR))
    command = [SEAPO, "verify", str(tmp_path / "run"), "--labels", str(tmp_path / "labels.jsonl"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_command_prints_a_table_or_json(tmp_path):
    (tmp_path / "run" / "verify").mkdir(parents=True)
    table = call(tmp_path)
    assert table.returncode == 0, table.stderr
    assert "4 labels of 4 negatives" in table.stdout
    assert "100.0% [51.0, 100.0] 4/4" in table.stdout
    assert json.loads(call(tmp_path, "--json").stdout)["matched"] == 4


def test_without_a_run_the_command_says_what_is_missing(tmp_path):
    (tmp_path / "labels.jsonl").write_text("")
    command = [SEAPO, "verify", str(tmp_path), "--labels", str(tmp_path / "labels.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "--labels needs the folder of a run whose negatives were verified" in done.stderr
