"""`seapo evaluate --model`: real files, a real model, killed calls, and what a user may get wrong."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from seapo.cli import main
from seapo.evaluate import read_evaluation
from seapo.evaluate.suites import split_names

pytest.importorskip("lm_eval", reason="needs the package lm-eval")

ASKED = "truthfulness,mmlu_virology"


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; gives what it printed, or the sentence that it ended with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            main(["evaluate", *map(str, arguments)])
        except SystemExit:
            return capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_one_model_is_evaluated_and_its_folder_read_again(call, tiny_model, data_dir, tmp_path):
    asked = ("--model", tiny_model, "--tasks", ASKED, "--data-dir", data_dir, "-L", 3, "--out", "done", "-q")
    table = call(*asked)
    for name in ("truthfulness", "knowledge", "truthfulqa_mc1", "truthfulqa_mc2", "mmlu_virology"):
        assert f"\n{name} " in table
    assert "95% intervals; benchmarks as plain text (protocol paper)" in " ".join(table.split())
    assert table.endswith("files: done/results.json, samples.parquet\n")
    found = read_evaluation(tmp_path / "done")
    assert len(found.scores) == 9
    assert {score.protocol for score in found.scores} == {"paper"}
    assert (found.results.limit, found.results.seed, found.results.protocol) == (3, 0, "paper")
    assert {row.name: row.items for row in found.results.tasks} == {
        "truthfulqa_mc1": 3,
        "truthfulqa_mc2": 3,
        "mmlu_virology": 3,
    }
    assert set(found.results.versions) >= {"lm_eval", "seapo", "torch", "mmlu_virology"}
    again = json.loads(call(*asked, "--json"))
    assert again["results"] == json.loads((tmp_path / "done" / "results.json").read_text())
    assert call(*asked).endswith("samples.parquet (reused)\n")
    assert "done holds an evaluation of" in call(*asked, "--protocol", "chat")


def test_protocols_give_folders_and_scores_of_their_own(call, tiny_model, data_dir, tmp_path):
    asked = ("--model", tiny_model, "--tasks", ASKED, "--data-dir", data_dir, "-L", 2, "-q", "--json")
    paper, chat = (json.loads(call(*asked, "--protocol", name)) for name in ("paper", "chat"))
    assert paper["folder"] != chat["folder"]
    hashes = [
        {score.prompt_hash for score in read_evaluation(tmp_path / each["folder"]).scores} for each in (paper, chat)
    ]
    assert not hashes[0] & hashes[1]
    assert chat["results"]["protocol"] == "chat"


def test_a_killed_call_goes_on_and_gives_the_same(call, tiny_model, data_dir, tmp_path):
    asked = ["--model", tiny_model, "-t", ASKED, "--data-dir", data_dir, "-L", 4, "-q"]
    for folder in (killed := tmp_path / "killed", whole := tmp_path / "whole"):
        folder.mkdir()
    process = subprocess.Popen([sys.executable, "-m", "seapo", "evaluate", *map(str, asked), "--out", killed / "out"])
    while entries(killed) < 5 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert entries(killed) >= 5
    for folder in (killed, whole):
        call(*asked, "--out", folder / "out")
    assert entries(killed) == entries(whole)
    ours, theirs = (read_evaluation(folder / "out") for folder in (killed, whole))
    assert ours.scores == theirs.scores
    assert ours.results.model_copy(update={"seconds": None}) == theirs.results.model_copy(update={"seconds": None})


def entries(folder):
    """How many replies the journal of a folder holds."""
    path = folder / "journal.sqlite"
    if not path.is_file():
        return 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as journal:
        try:
            return journal.execute("SELECT count(*) FROM entries").fetchone()[0]
        except sqlite3.OperationalError:  # the table is being made
            return 0


def test_an_adapter_is_asked_in_place_of_the_model_alone(call, tiny_model, data_dir, tmp_path):
    import peft
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    torch.manual_seed(1)
    adapted.save_pretrained(tmp_path / "lora")
    asked = ("--model", tiny_model, "-t", "mmlu_virology", "--data-dir", data_dir, "-L", 2, "-q")
    call(*asked, "--out", "plain")
    call(*asked, "--out", "tuned", "--adapter", tmp_path / "lora")
    plain, tuned = (read_evaluation(tmp_path / name) for name in ("plain", "tuned"))
    assert plain.results.model_fingerprint != tuned.results.model_fingerprint
    assert [score.choice_logprobs_nats for score in plain.scores] != [
        score.choice_logprobs_nats for score in tuned.scores
    ]
    assert tuned.results.model.endswith("lora")
    (tmp_path / "empty").mkdir()
    assert "no adapter here" in call(*asked, "--adapter", tmp_path / "empty")


def test_a_dry_run_counts_items_and_requests(call, data_dir):
    asked = (
        "--model",
        "embedded",
        "-t",
        "mmlu_virology,gsm8k_cot,starter",
        "--data-dir",
        data_dir,
        "-L",
        2,
        "--dry-run",
    )
    found = json.loads(call(*asked, "--json"))
    assert found["models"] == 1
    assert found["items"] == dict.fromkeys([*found["items"]], 2)
    assert (found["requests"]["mmlu_virology"], found["requests"]["gsm8k_cot"]) == (8, 2)
    assert len(found["items"]) == 7
    assert call(*asked).splitlines()[-1].split() == ["total", "14", str(sum(found["requests"].values()))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name a RECIPE, a RUN, or a --model."),
        (("--out", "x"), "--out belongs to --model"),
        (("--seed", "3", "--adapter", "."), "--adapter belongs to --model"),
        (("--model", "embedded", "--tasks", " , "), "--tasks names nothing"),
        (("--model", "embedded", "evaluate.limt=3"), "evaluate.limt: no such key. Did you mean 'limit'?"),
        (("--model", "embedded", "evaluate.suites=[mmlu]"), "'mmlu' in evaluate.suites is a task, not a suite"),
        (
            ("--model", "embedded", "-t", "gsm8k_cot", "--data-dir", "."),
            "gsm8k/test.jsonl.gz is missing: put test.jsonl",
        ),
    ],
)
def test_mistakes_are_told_in_a_sentence(call, arguments, message):
    assert message in " ".join(call(*arguments).split())


def test_names_of_a_call_are_suites_or_tasks():
    assert split_names(["mathematics", "arc_easy", "mathematics"]) == (("mathematics",), ("arc_easy",))


def test_a_data_file_of_another_version_stops_a_call_before_the_model_is_asked(call, data_dir, tmp_path):
    (tmp_path / "gsm8k").mkdir()
    shutil.copy(data_dir / "gsm8k" / "train.jsonl.gz", tmp_path / "gsm8k" / "test.jsonl.gz")
    assert "holds 7,473 rows, expected 1,319" in call("--model", "embedded", "-t", "gsm8k_cot", "--data-dir", tmp_path)
    assert not (tmp_path / "evaluations").exists()


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom seapo.cli import main\ntry: main(['evaluate', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit(bool({'torch', 'numpy', 'lm_eval', 'pyarrow'} & set(sys.modules)))"
    )
    environment = os.environ | {"COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--data-dir FOLDER" in done.stdout


def test_a_folder_that_cannot_be_made_is_a_sentence_before_the_model_is_asked(call, tmp_path):
    (tmp_path / "taken").write_text("a file")
    told = call("--model", "embedded", "--tasks", "starter", "-L", 1, "--out", "taken/below", "-q")
    assert "taken/below: no folder can be made there" in told
    assert {path.name for path in tmp_path.iterdir()} == {"taken"}


def test_a_part_of_a_benchmark_is_not_taken_for_the_whole(call, tiny_model, data_dir):
    told = call("--model", tiny_model, "--tasks", "mmlu_virology", "--data-dir", data_dir, "-L", 1, "-q")
    assert "mmlu: only 1 of its 57 tasks was asked" in told


def test_a_mistyped_suite_is_recognised(call):
    assert "Did you mean 'mathematics'?" in call("--model", "embedded", "--tasks", "mathmatics", "-q")
