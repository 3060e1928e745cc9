"""The journey of a user's own file, with nothing edited by hand: `seapo init`, `seapo run`, `seapo status`, report."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from seapo.cli import seapo

ROWS = [
    [("system", "You are a tutor. Be brief 🙂"), ("user", "A box holds 12 eggs. How many are in 7 boxes?"),
     ("assistant", "7 boxes hold 7 * 12 = 84 eggs. The answer is 84.")],
    [("user", "Where does the Nile end?"), ("assistant", "In Egypt."), ("user", "Why there? 🤔"),
     ("assistant", "The Nile ends in Egypt, because it flows north into the Mediterranean Sea 🌊.")],
    [("user", "Add two numbers in Python."),
     ("assistant", "```python\ndef add(a, b):\n    if a > b:\n        return a + b\n    return b + a\n```")],
    [("user", "Is 7 prime? One word."), ("assistant", "Yes")],
    [("user", "Tell the town's history."), ("assistant", "In 1900 the town counted 1000 people. " * 250)],
    [("user", "Hello?")],
    [],
]  # fmt: skip


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the user's file, in which the commands are given."""
    monkeypatch.chdir(tmp_path)
    rows = [{"messages": [{"role": role, "content": text} for role, text in turns]} for turns in ROWS]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    Path("chats.jsonl").write_text("\n".join([*lines[:2], "{broken", "", *lines[2:]]) + "\n", encoding="utf-8")
    return tmp_path


def call(*arguments):
    done = CliRunner().invoke(seapo, arguments, env={"COLUMNS": "50"})
    assert done.exit_code == 0, f"{arguments}: {done.output}\n{done.exception!r}"
    return done.stdout


FASTER = ("evaluate.limit=1", "train.num_train_epochs=1", "--time", "10h")
"""What a test adds to the tour's `seapo init`, to end sooner."""


def tour():
    """The commands of the tour, in its order."""
    page = (Path(__file__).parents[1] / "docs" / "quick-tour.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    return [line.split() for block in blocks for line in block.splitlines()]


def test_a_users_own_file_goes_the_whole_way_of_the_tour(desk):
    commands = tour()
    assert [words[:2] for words in commands] == [
        ["seapo", name] for name in ("doctor", "init", "run", "status", "report")
    ]
    told = {words[1]: call(*words[1:], *(FASTER if words[1] == "init" else ())) for words in commands}
    assert "seapo run chats.yaml" in told["init"]
    assert "runs/chats: finished" in told["status"]
    status = json.loads(call("status", "runs/chats", "--json"))
    assert (status["state"], status["go_on"]) == ("finished", None)
    outcomes = {stage["name"]: stage["outcome"] for stage in status["stages"]}
    assert outcomes["source"] == "5 samples of 8 rows"
    assert status["last_loss"] > 0
    source = json.loads(Path("runs/chats/source/summary.json").read_text())
    assert source["set_aside"] == {"no message of the assistant to learn from": 2, "broken JSON": 1}
    pairs = [json.loads(line) for line in Path("runs/chats/mix/pairs.jsonl").read_text().splitlines()]
    assert len(pairs) >= 2
    assert all(pair["chosen"] != pair["rejected"] for pair in pairs)
    page = Path("runs/chats/report/index.html").read_text(encoding="utf-8")
    assert "Nile" in page or "eggs" in page
