import pytest

from seapo.errors import RunError
from seapo.export.pairs import EXTRAS, read_pairs, single_answers
from seapo.records import Negative, PreferencePair, Sample, apply_edits
from seapo.store import read_records, write_records


def records(run_dir, file, kind):
    return list(read_records(run_dir / file, kind))


def test_a_row_holds_the_pair_and_all_that_is_known_of_it(made_run):
    rows = read_pairs(made_run).rows
    pairs = records(made_run, "mix/pairs.jsonl", PreferencePair)
    negatives = {(each.sample_id, each.text): each for each in records(made_run, "verify/negatives.jsonl", Negative)}
    assert len(rows) == len(pairs) > 0
    for row, pair in zip(rows, pairs, strict=True):
        assert set(row) == {"prompt", "chosen", "rejected", *EXTRAS}
        assert [message["content"] for message in row["prompt"]] == [message.content for message in pair.prompt]
        assert [row[name][0]["role"] for name in ("chosen", "rejected")] == ["assistant", "assistant"]
        negative = negatives[row["id"], row["rejected"][0]["content"]]
        assert row["verdict"]["status"] == negative.verdict.status
        assert row["verdict"]["proofs"] == list(negative.verdict.proofs)
        assert row["verdict"]["evidence"]
        edited = apply_edits(row["chosen"][0]["content"], negative.edits)
        assert edited == row["rejected"][0]["content"]


def test_all_negatives_are_every_verified_one(made_run):
    rows = read_pairs(made_run, all_negatives=True).rows
    negatives = records(made_run, "verify/negatives.jsonl", Negative)
    assert [(row["id"], row["rejected"][0]["content"]) for row in rows] == [(n.sample_id, n.text) for n in negatives]
    assert len(rows) > len(read_pairs(made_run).rows)


def test_single_answers_have_each_good_one_once(made_run):
    rows = single_answers(read_pairs(made_run, all_negatives=True).rows)
    good, bad = ([row for row in rows if row["label"] is label] for label in (True, False))
    assert len(bad) == len(records(made_run, "verify/negatives.jsonl", Negative))
    assert len({row["id"] for row in good}) == len(good) == len({row["id"] for row in bad})
    chosen = {sample.id: sample.chosen for sample in records(made_run, "source/samples.jsonl", Sample)}
    assert all(row["completion"][0]["content"] == chosen[row["id"]] and row["verdict"] is None for row in good)


def test_a_mix_that_is_older_than_its_negatives_is_refused(run_dir):
    path = run_dir / "verify" / "negatives.jsonl"
    first, *rest = records(run_dir, "verify/negatives.jsonl", Negative)
    used = {pair.id for pair in records(run_dir, "mix/pairs.jsonl", PreferencePair)}
    assert first.sample_id in used
    changed = [one.model_copy(update={"text": one.text + " More."}) for one in (first, *rest)]
    write_records(path, changed)
    with pytest.raises(RunError, match="the mix is older than they are; run: seapo mix"):
        read_pairs(run_dir)


def test_the_datas_own_rejected_answers_are_exported_as_unverified(run_dir):
    path = run_dir / "mix" / "pairs.jsonl"
    pairs = records(run_dir, "mix/pairs.jsonl", PreferencePair)
    blank = {"strategy": None, "subtype": None, "injector": None, "edits": (), "edit_ratio": None}
    write_records(path, [pair.model_copy(update={"error_type": "original", **blank}) for pair in pairs])
    assert {row["verdict"]["status"] for row in read_pairs(run_dir).rows} == {"unverified"}


@pytest.mark.parametrize(("missing", "message"), [("mix", "run: seapo mix"), ("recipe.yaml", "no run here")])
def test_what_is_missing_is_named(missing, message, run_dir):
    path = run_dir / missing
    path.rename(run_dir / "gone")
    with pytest.raises(RunError, match=message):
        read_pairs(run_dir)
