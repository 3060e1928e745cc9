"""The data's own rejected answers, scored by the recipe's model, stand in verify's summary beside the negatives."""

import json
import sqlite3

import pytest

from seapo.cli import main

ROWS = [
    {
        "prompt": f"What is {n} + {n}?",
        "chosen": f"{n} + {n} = {2 * n}. The answer is {2 * n}.",
        "rejected": "Purple soup!",
    }
    for n in (3, 4, 5)
]


def call(*arguments):
    try:
        main(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.fixture
def run(tmp_path):
    """Source and inject of three samples; gives what verifies them with further settings, and the journal's path."""
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    recipe = tmp_path / "run.yaml"
    recipe.write_text(
        f"name: run\nruns_dir: {tmp_path}/runs\ndata: {{path: {tmp_path}/data.jsonl}}\n"
        "inject: {error_types: [correctness], strategies: [rule], candidates_per_type: 1}\n"
    )
    assert call("source", str(recipe), "-q") == call("inject", str(recipe), "-q") == 0

    def verify(*settings):
        assert call("verify", str(recipe), "-q", *settings) == 0
        summary = json.loads((tmp_path / "runs" / "run" / "verify" / "summary.json").read_text())
        return {gap["of"]: gap for gap in summary["audit"]["gaps"]}

    return verify, tmp_path / "runs" / "journal.sqlite"


def test_the_reference_is_asked_for_the_datas_own_rejected_answers_once(run):
    verify, journal = run
    gaps = verify()
    assert gaps["rejected"]["pairs"] == 3
    assert gaps["rejected"]["mean_nats"]["value"] > 5
    assert gaps["correctness"]["pairs"] == 3

    def count():
        with sqlite3.connect(journal) as connection:
            return connection.execute("SELECT count(*) FROM entries WHERE kind = 'verify'").fetchone()[0]

    known = count()
    assert verify("verify.giveaway_limit=0.9") == gaps
    assert count() == known


def test_it_is_left_alone_where_nobody_asks(run):
    verify, _ = run
    assert set(verify("verify.rejected_scored=0")) == {"correctness"}
