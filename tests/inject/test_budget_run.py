"""A budget ends a run in order, with exit code 3; the same command goes on to the result of a run without a budget."""

import json

import pytest

from seapo.cli import main

RECIPE = """
name: {name}
runs_dir: {folder}/{name}
data: {{path: {folder}/data.jsonl}}
engine: {{kind: openai, base_url: "{base_url}", model: scripted, concurrency: 2}}
inject: {{chain: [[edit]], error_types: [correctness], rank_by: none, max_attempts: 1}}
"""
PLACES = ("Lyon", "Lisbon", "Leeds", "Lima", "Lagos", "Linz", "Lucca", "Lille", "Lens", "Lund")


def write_edit(messages):
    return json.dumps({"subtype": "wrong_date", "edits": [{"search": "1889", "replace": "1879"}]})


def call(*arguments):
    """The exit code of a command."""
    try:
        main(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.fixture(scope="module")
def ends(served, tmp_path_factory):
    """The exit codes of a run that a budget ends again and again, and the folders of it and of an undisturbed one."""
    folder = tmp_path_factory.mktemp("budget")
    rows = [{"prompt": f"What is {place} known for?", "response": f"{place} has a tower of 1889."} for place in PLACES]
    (folder / "data.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    with served(write_edit) as (script, _):
        for name in ("stopped", "whole"):
            (folder / f"{name}.yaml").write_text(RECIPE.format(name=name, folder=folder, base_url=script.base_url))
            assert call("source", str(folder / f"{name}.yaml"), "-q") == 0
        codes = []
        while not codes or (codes[-1] == 3 and len(codes) < 20):
            codes.append(call("inject", str(folder / "stopped.yaml"), "-q", "--budget-tokens", "600"))
        asked = len(script.asked)
        assert call("inject", str(folder / "whole.yaml"), "-q") == 0
    return codes, asked, folder


def test_the_same_command_goes_on_until_it_is_done(ends):
    codes, asked, _ = ends
    assert len(codes) > 2
    assert codes == [3] * (len(codes) - 1) + [0]
    assert asked == len(PLACES), "no reply is asked for twice"


def test_the_result_is_that_of_an_undisturbed_run(ends):
    *_, folder = ends
    for name in ("candidates.jsonl", "skipped.jsonl", "asked.jsonl", "summary.json"):
        stopped, whole = ((folder / run / run / "inject" / name).read_bytes() for run in ("stopped", "whole"))
        assert stopped == whole
    left = {path.name for path in (folder / "stopped" / "stopped" / "inject").iterdir()}
    assert left == {"candidates.jsonl", "skipped.jsonl", "asked.jsonl", "summary.json", "manifest.json"}


def test_a_budget_is_no_reason_to_begin_anew(ends, capsys):
    *_, folder = ends
    before = (folder / "whole" / "whole" / "inject" / "manifest.json").read_bytes()
    for change in ("engine.budget_tokens=1", "engine.concurrency=7", "engine.timeout_s=3", "inject.workers=2"):
        assert call("inject", str(folder / "whole.yaml"), "--dry-run", change) == 0
        assert capsys.readouterr().out.strip() == "inject: reuse", change
    for change in ("engine.model=other", "engine.temperature=0.7", "engine.max_tokens=77", "inject.max_attempts=2"):
        assert call("inject", str(folder / "whole.yaml"), "--dry-run", change) == 0
        assert capsys.readouterr().out.strip() == "inject: run", change
    assert (folder / "whole" / "whole" / "inject" / "manifest.json").read_bytes() == before
