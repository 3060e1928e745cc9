"""Edits and labels, taken back into a real run."""

import hashlib
import json

import pytest

from seapo.errors import DataError, RunError
from seapo.export import export_run
from seapo.importing import import_file
from seapo.pipeline import plan, run_stages
from seapo.recipe import load_recipe
from seapo.records import DroppedCandidate, Negative
from seapo.run import Run
from seapo.store import read_records
from seapo.summaries import VerifySummary


@pytest.fixture
def run(run_dir):
    recipe = load_recipe(run_dir / "recipe.yaml", [f"runs_dir={run_dir.parent}", f"name={run_dir.name}"])
    return Run(recipe, quiet=True)


@pytest.fixture
def exported(run):
    """The rows of an export with all negatives, and their file."""
    folder = export_run(run.folder.path, "jsonl", run.folder.path.parent / "out", all_negatives=True).folder
    path = folder / "train.jsonl"
    return path, [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def write(path, rows):
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def negatives(run):
    found = read_records(run.folder.stage("verify") / "negatives.jsonl", Negative)
    return {(each.sample_id, each.error_type): each for each in found}


def numbered(rows):
    """A row of a sum, whose answer can be changed so that a program proves it wrong."""
    return next(row for row in rows if row["dimension"] == "mathematics" and row["error_type"] == "correctness")


def wrong_sum(text):
    """The text with a false equation in front: proved, whatever the sample is."""
    return f"First, 2 + 2 = 5. {text}"


def test_an_edit_that_is_proved_takes_the_old_ones_place(run, exported):
    path, rows = exported
    row = numbered(rows)
    text = wrong_sum(row["chosen"][0]["content"])
    row["rejected"][0]["content"] = text
    write(path, rows)
    change = import_file(run, path)
    assert change.counts() == {"unchanged": len(rows) - 1, "edited": 1}
    found = negatives(run)
    assert len(found) == len(rows)
    mine = found[row["id"], "correctness"]
    assert (mine.text, mine.injector, mine.strategy, mine.verdict.status) == (text, "person", "person", "proved")
    assert "arithmetic" in mine.verdict.proofs
    doings = plan(run)
    assert [doings[name] for name in ("source", "inject", "verify", "mix", "train")] == ["reuse"] * 3 + ["run"] * 2
    run_stages(run, ["mix"])
    again = export_run(run.folder.path, "jsonl", path.parent.parent / "again", all_negatives=True)
    assert json.dumps(text) in (again.folder / "train.jsonl").read_text(encoding="utf-8")


def test_the_same_file_a_second_time_changes_nothing(run, exported):
    path, rows = exported
    numbered(rows)["rejected"][0]["content"] = wrong_sum(numbered(rows)["chosen"][0]["content"])
    write(path, rows)
    import_file(run, path)
    before = run.folder.outputs("verify")
    assert import_file(run, path).counts() == {"unchanged": len(rows)}
    assert run.folder.outputs("verify") == before


def test_what_fails_a_check_or_matches_nothing_is_set_aside_with_a_reason(run, exported):
    path, rows = exported
    chosen = rows[0]["chosen"][0]["content"]
    wrong = [
        {**rows[0], "rejected": [{"role": "assistant", "content": chosen}]},
        {**rows[1], "chosen": "Another answer.", "rejected": "Another negative."},
        {**rows[2], "id": "nobody"},
        {**rows[3], "error_type": "original"},
        {"anything": 1},
        {**rows[4], "rejected": 7},
    ]
    write(path, wrong)
    before = run.folder.outputs("verify")
    change = import_file(run, path)
    assert change.counts() == {"set_aside": len(wrong)}
    reasons = [row.reason for row in change.rows]
    for part, reason in zip(
        ("changed: ", "only the rejected one", "no sample", "own rejected", "neither a label", "rejected: "),
        reasons,
        strict=True,
    ):
        assert part in reason
    assert run.folder.outputs("verify") == before


def test_what_no_check_confirms_is_taken_only_on_trust(run, exported):
    path, rows = exported
    row = next(row for row in rows if row["dimension"] == "truthfulness" and row["error_type"] == "logic")
    row["rejected"][0]["content"] = row["chosen"][0]["content"] + " Many people say so."
    same = next(row for row in rows if row["error_type"] == "correctness")
    same["rejected"][0]["content"] = same["chosen"][0]["content"]
    write(path, [row, same])
    refused = import_file(run, path, dry_run=True).rows
    trusted = import_file(run, path, dry_run=True, trust=True).rows
    assert [each.kind for each in refused] == ["set_aside"] * 2
    assert "accept: its status is unverified" in refused[0].reason
    assert [(each.kind, each.reason) for each in trusted[:1]] == [("edited", "unverified")]
    assert trusted[1].kind == "set_aside"  # trust speaks for no text that a check speaks against


def test_a_dry_run_changes_nothing(run, exported):
    path, rows = exported
    numbered(rows)["rejected"][0]["content"] = wrong_sum(numbered(rows)["chosen"][0]["content"])
    write(path, rows)
    before = run.folder.outputs("verify")
    assert import_file(run, path, dry_run=True).counts()["edited"] == 1
    assert run.folder.outputs("verify") == before


def test_a_bad_label_drops_its_negative_and_the_counts_follow(run, tmp_path):
    (key, negative), *others = negatives(run).items()
    sha = hashlib.sha256(negative.text.encode()).hexdigest()
    label = {
        "run": "small",
        "sample_id": key[0],
        "error_type": key[1],
        "text_sha256": sha,
        "label": "bad",
        "note": "no",
    }
    other = {**label, "text_sha256": "0" * 64}
    write(tmp_path / "labels.jsonl", [label, other])
    change = import_file(run, tmp_path / "labels.jsonl")
    assert change.counts() == {"dropped": 1, "set_aside": 1}
    assert key not in negatives(run)
    assert len(negatives(run)) == len(others)
    dropped = list(read_records(run.folder.stage("verify") / "dropped.jsonl", DroppedCandidate))
    assert dropped[-1].failed[0].evidence == "a person took it out: no"
    summary = VerifySummary.model_validate_json((run.folder.stage("verify") / "summary.json").read_text())
    assert sum(summary.accepted.values()) == len(others)
    assert summary.without_negative[key[1]]["a person took it out"] == 1
    assert summary.dropped_candidates[key[1]]["person"] == 1


def test_rows_that_are_gone_are_dropped_when_that_is_asked_for(run, exported, tmp_path):
    path, rows = exported
    write(path, rows[1:])
    assert import_file(run, path).counts() == {"unchanged": len(rows) - 1}
    change = import_file(run, path, drop_missing=True)
    assert [(row.sample_id, row.error_type) for row in change.rows if row.kind == "dropped"] == [
        (rows[0]["id"], rows[0]["error_type"])
    ]
    assert (rows[0]["id"], rows[0]["error_type"]) not in negatives(run)
    write(tmp_path / "elsewhere.jsonl", rows[2:])
    with pytest.raises(RunError, match=r"needs the export\.json of the export beside the file"):
        import_file(run, tmp_path / "elsewhere.jsonl", drop_missing=True)


@pytest.mark.parametrize(
    "broken",
    [
        {"rejected": 7},
        {"id": None},
        {"id": "nobody"},
        {"error_type": "no such"},
        {"rejected": "x", "chosen": ["a", "b"]},
    ],
)
def test_nothing_is_dropped_where_a_row_could_not_be_read(broken, run, exported):
    path, rows = exported
    write(path, [rows[0] | broken, *rows[2:]])
    before = run.folder.outputs("verify")
    with pytest.raises(RunError, match=r"train\.jsonl, line 1: .*drops nothing; mend or delete the line"):
        import_file(run, path, drop_missing=True)
    assert run.folder.outputs("verify") == before


def test_a_row_that_fails_its_checks_is_not_gone(run, exported):
    path, rows = exported
    write(path, [rows[0] | {"rejected": rows[0]["chosen"]}, *rows[2:]])
    change = import_file(run, path, drop_missing=True)
    assert change.counts() == {"set_aside": 1, "unchanged": len(rows) - 2, "dropped": 1}
    assert (rows[0]["id"], rows[0]["error_type"]) in negatives(run)
    assert (rows[1]["id"], rows[1]["error_type"]) not in negatives(run)


@pytest.mark.parametrize(
    ("target", "file", "is_taken"),
    [("trl-dpo", "train.jsonl", True), ("openrlhf", "train.jsonl", True), ("trl-kto", "train.jsonl", False),
     ("llamafactory", "seapo_dpo.jsonl", False), ("axolotl", "dpo.jsonl", False)],
)  # fmt: skip
def test_missing_rows_are_dropped_of_formats_that_can_be_taken_back(target, file, is_taken, run, tmp_path):
    path = export_run(run.folder.path, target, tmp_path / "out", all_negatives=True).folder / file
    if is_taken:
        assert import_file(run, path, drop_missing=True).counts() == {"unchanged": len(negatives(run))}
        return
    with pytest.raises(RunError, match=f"an export for {target}, .* takes those of jsonl, trl-dpo, openrlhf"):
        import_file(run, path, drop_missing=True)


def test_what_was_taken_can_be_taken_again_after_another_verify(run, exported):
    path, rows = exported
    row = numbered(rows)
    row["rejected"][0]["content"] = wrong_sum(row["chosen"][0]["content"])
    write(path, [each for each in rows if each is not rows[-1]])
    import_file(run, path, drop_missing=True)
    edited = negatives(run)
    (run.folder.stage("verify") / "negatives.jsonl").write_text("")  # no longer what its manifest says
    run_stages(run, ["verify"])
    assert negatives(run) != edited
    import_file(run, run.folder.path / "import" / "imported.jsonl")
    assert negatives(run) == edited


def test_an_answer_that_was_changed_twice_and_then_dropped_is_so_again(run, exported):
    path, rows = exported
    row = numbered(rows)
    place, good = (row["id"], row["error_type"]), row["chosen"][0]["content"]
    row["rejected"][0]["content"] = wrong_sum(good)
    write(path, [row])
    import_file(run, path)
    row["rejected"][0]["content"] = wrong_sum(good) + " That is what it makes."
    row["edits"] = [edit.model_dump() for edit in negatives(run)[place].edits]
    write(path, [row])
    assert import_file(run, path).counts() == {"edited": 1}
    write(path, [label_of(negatives(run)[place], "bad")])
    import_file(run, path)
    (run.folder.stage("verify") / "negatives.jsonl").write_text("")
    run_stages(run, ["verify"])
    again = import_file(run, run.folder.path / "import" / "imported.jsonl", dry_run=True)
    assert again.counts() == {"edited": 2, "dropped": 1}
    assert [each[0] for each in again.dropped] == [row["id"]]


def test_a_run_that_would_verify_anew_is_refused(run, exported):
    path, _ = exported
    changed = run.recipe.model_copy(update={"verify": run.recipe.verify.model_copy(update={"max_edit_ratio": 0.4})})
    with pytest.raises(RunError, match="no longer fits the recipe"):
        import_file(Run(changed, quiet=True), path)


def label_of(negative, label, note=""):
    sha = hashlib.sha256(negative.text.encode()).hexdigest()
    known = {"sample_id": negative.sample_id, "error_type": negative.error_type, "text_sha256": sha}
    return {"run": "small", **known, "label": label, "note": note}


def test_answers_and_notes_may_hold_signs_that_unicode_calls_line_ends(run, exported):
    path, rows = exported
    row = numbered(rows)
    text = wrong_sum(row["chosen"][0]["content"]) + "\u2028\u2029\u0085So it is."
    row["rejected"][0]["content"] = text
    other = next(each for key, each in negatives(run).items() if key != (row["id"], row["error_type"]))
    write(path, [row, label_of(other, "bad", "no\u2028reason")])
    assert import_file(run, path).counts() == {"edited": 1, "dropped": 1}
    assert negatives(run)[row["id"], row["error_type"]].text == text
    again = next(iter(negatives(run).values()))
    write(path, [label_of(again, "bad")])
    import_file(run, path)  # reads what was remembered
    kept = (run.folder.path / "import" / "imported.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [json.loads(line).get("note") for line in kept] == [None, "no\u2028reason", ""]


def test_a_file_that_is_no_json_is_refused_with_its_line(run, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"id": 1}\nnothing\n')
    with pytest.raises(DataError, match=r"bad.jsonl, line 2: no JSON"):
        import_file(run, tmp_path / "bad.jsonl")
