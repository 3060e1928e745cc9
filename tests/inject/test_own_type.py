"""The manual's recipe of a type of one's own, run against a real server that writes edits and judges."""

import json
import re
from pathlib import Path

import pytest
import yaml

from seapo.pipeline import Run, run_stages
from seapo.recipe import parse_recipe
from seapo.store import read_json

MANUAL = Path(__file__).parents[2] / "docs" / "injection.md"
LETTER = "Dear Ms Carter, thank you for your order of May 3. It will arrive within two weeks."
SLANG = ("thank you for your order", "thx a bunch for ur order")
WRONG_DATE = ("May 3", "June 3")


def write_edit(messages):
    """As a model would: one edit of the type that the instruction names."""
    is_style = '"style_inconsistency"' in messages[0]["content"]
    search, replacement = SLANG if is_style else WRONG_DATE
    subtype = "wrong_register" if is_style else "wrong_date"
    return json.dumps({"subtype": subtype, "edits": [{"search": search, "replace": replacement}]})


def judge(messages):
    """As a model would: the better answer is the one without an error, wherever it stands."""
    first, second = re.findall(r"ANSWER [AB]\n(.*?)\n\n", messages[-1]["content"], re.DOTALL)
    for error_type, quote in (("style_inconsistency", SLANG[1]), ("correctness", WRONG_DATE[1])):
        if (quote in first) != (quote in second):
            return json.dumps({"better": "B" if quote in first else "A", "error_type": error_type, "quote": quote})
    return "I see no difference."


@pytest.fixture(scope="module")
def finished(served, tmp_path_factory):
    folder = tmp_path_factory.mktemp("styled")
    prompts = ("Thank a customer for her order.", "Write to Ms Carter, formally.", "When will my books come?")
    rows = [{"prompt": prompt, "response": f"{LETTER} {'Yours, ' * n}"} for n, prompt in enumerate(prompts)]
    (folder / "letters.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (text,) = re.findall(r"```yaml\n(name: styled.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    values = yaml.safe_load(text) | {"runs_dir": str(folder)}
    values["data"]["path"] = str(folder / "letters.jsonl")
    with served(
        lambda messages: judge(messages) if "ANSWER A" in messages[-1]["content"] else write_edit(messages)
    ) as (
        script,
        _,
    ):
        for section in ("engine", "judge"):
            assert values[section]["kind"] == "openai"
            values[section]["base_url"] = script.base_url
        values["inject"]["rank_by"] = "none"  # so that the test loads no model
        run = Run(parse_recipe(values), quiet=True)
        run_stages(run, ["source", "inject", "verify", "mix"])
    return run


def rows_of(run, stage, name):
    return [json.loads(line) for line in (run.folder.stage(stage) / name).read_text().splitlines()]


def test_the_manuals_own_type_is_injected_judged_and_mixed(finished):
    negatives = [row for row in rows_of(finished, "verify", "negatives.jsonl") if row["error_type"].startswith("style")]
    assert len(negatives) == 3
    for row in negatives:
        assert row["text"].startswith(LETTER.replace(*SLANG))
        assert row["subtype"] == "wrong_register"
        assert row["verdict"]["status"] == "judged"
    pairs = rows_of(finished, "mix", "pairs.jsonl")
    assert {pair["error_type"] for pair in pairs} == {"style_inconsistency"}


def test_what_was_asked_is_told_with_its_cost(finished):
    asked = rows_of(finished, "inject", "asked.jsonl")
    assert {row["error_type"] for row in asked} == {"correctness", "style_inconsistency"}
    summary = read_json(finished.folder.stage("inject") / "summary.json")
    assert summary["asks"] == {"correctness": 3, "style_inconsistency": 3}
    assert sum(row["completion_tokens"] for row in asked) == sum(summary["generated_tokens"].values())
