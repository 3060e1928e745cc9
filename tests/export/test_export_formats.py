import hashlib
import json
import shlex
from pathlib import Path

import datasets
import pytest
import yaml

from seapo.cli.export import FORMATS
from seapo.errors import DataError, RunError, UnknownNameError
from seapo.export import TARGETS, export_run
from seapo.export.tools import write_axolotl, write_llamafactory, write_openrlhf
from seapo.export.written import Job
from seapo.recipe import default_recipe
from seapo.sibling_order import find_siblings


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def pair(prompt=("user",), chosen="It is four, I am sure.", rejected="It is five, I am sure.", name="a"):
    """A row as `read_pairs` gives it; a prompt of these roles."""
    blank = dict.fromkeys(("source", "dimension", "subtype", "strategy", "severity", "edit_ratio", "injector"))
    return {
        "id": name,
        "prompt": [{"role": role, "content": f"{name} asks"} for role in prompt],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        **blank,
        "error_type": "logic",
        "edits": [],
        "verdict": {"status": "proved", "proofs": [], "evidence": []},
    }


def job(folder, *rows, overrides=()):
    return Job(folder, tuple(rows), default_recipe(overrides))


def test_the_help_tells_of_each_format_what_the_format_says_of_itself():
    assert {name: target.summary for name, target in TARGETS.items()} == FORMATS


@pytest.mark.parametrize("target", ["trl-dpo", "jsonl", "parquet", "hub", "openrlhf"])
def test_datasets_loads_the_folder_by_its_card(target, made_run, tmp_path):
    exported = export_run(made_run, target, tmp_path / "out")
    loaded = datasets.load_dataset(str(exported.folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == exported.mark.rows
    assert loaded[0]["rejected"][0]["role"] == "assistant"
    assert loaded[0]["verdict"]["status"] in ("proved", "constructed")


def test_the_datasets_folder_and_parquet_hold_the_same_rows(made_run, tmp_path):
    folder = export_run(made_run, "datasets", tmp_path / "d").folder
    parquet = export_run(made_run, "parquet", tmp_path / "p").folder / "train.parquet"
    saved = datasets.load_from_disk(str(folder))["train"]
    assert saved.to_list() == datasets.Dataset.from_parquet(str(parquet), cache_dir=str(tmp_path / "c")).to_list()


@pytest.mark.parametrize(("target", "file"), [("trl-kto", "train.jsonl"), ("llamafactory", "seapo_kto.jsonl")])
def test_no_micro_batch_holds_two_answers_to_one_prompt(target, file, made_run, tmp_path):
    exported = export_run(made_run, target, tmp_path / "out", all_negatives=True, micro_batch_size=2)
    rows = rows_of(exported.folder / file)
    prompts = [{"prompt": row.get("prompt") or row["messages"][:-1], "label": row["label"]} for row in rows]
    assert find_siblings(prompts, 2) is None
    assert {row["label"] for row in rows} == {True, False}
    with pytest.raises(DataError, match="cannot be kept free of two answers to one prompt"):
        export_run(made_run, target, tmp_path / "wide", all_negatives=True, micro_batch_size=64)
    assert not (tmp_path / "wide").exists()


def test_llamafactory_gets_entries_whose_files_and_columns_are_there(made_run, tmp_path):
    folder = export_run(made_run, "llamafactory", tmp_path / "out").folder
    for name, entry in json.loads((folder / "dataset_info.json").read_text()).items():
        row = rows_of(folder / entry["file_name"])[0]
        assert set(entry["columns"].values()) <= set(row)
        values = yaml.safe_load((folder / f"train_{name.removeprefix('seapo_')}.yaml").read_text())
        assert values["dataset"] == name
    kto = yaml.safe_load((folder / "train_kto.yaml").read_text())
    assert kto["preprocessing_batch_size"] == kto["per_device_train_batch_size"] >= 2


@pytest.mark.parametrize(
    ("roles", "is_kept"),
    [
        (("user",), True),
        (("system", "user", "assistant", "user"), True),
        (("user", "assistant", "tool"), True),
        (("user", "user"), False),
        (("user", "system", "user"), False),
        (("assistant", "user"), False),
    ],
)
def test_llamafactory_gets_turns_that_it_takes(roles, is_kept, tmp_path):
    others = [pair(name="b"), pair(name="c")]
    written = write_llamafactory(job(tmp_path, pair(roles), *others))
    assert written.rows == len(rows_of(tmp_path / "seapo_dpo.jsonl")) == (3 if is_kept else 2)
    assert sum(written.set_aside.values()) == (0 if is_kept else 1)


@pytest.mark.parametrize(
    ("chosen", "is_kept"),
    [("Long enough to be its own.", True), (" led by space", False), ("2023", False), ("AI", False)],
)
def test_axolotl_gets_answers_that_it_can_find_again(chosen, is_kept, tmp_path):
    written = write_axolotl(job(tmp_path, pair(chosen=chosen), pair(name="b"), pair(name="c")))
    assert written.rows == (3 if is_kept else 2)
    assert len(rows_of(tmp_path / "kto.jsonl")) == 2 * written.rows
    assert rows_of(tmp_path / "kto.jsonl")[0]["completion"][-1]["role"] == "assistant"


def test_pairs_that_the_tool_cannot_take_are_not_recorded_as_exported(run_dir, tmp_path):
    path = run_dir / "mix" / "pairs.jsonl"
    first, *others = path.read_text(encoding="utf-8").split("\n")[:-1]
    row = json.loads(first)
    row["prompt"] = [*row["prompt"], *row["prompt"]]  # two messages of the user in a row
    path.write_text("\n".join([json.dumps(row), *others, ""]), encoding="utf-8")
    taken, left = (export_run(run_dir, to, tmp_path / to).mark for to in ("jsonl", "llamafactory"))
    assert sum(left.set_aside.values()) == 1
    assert sum(map(len, left.exported.values())) == sum(map(len, taken.exported.values())) - 1 == left.rows


def test_where_a_tool_can_take_nothing_the_reason_is_told(tmp_path):
    with pytest.raises(DataError, match="can take none of the 1 pairs: the prompt's messages are not"):
        write_llamafactory(job(tmp_path, pair(("user", "user"))))


def test_a_models_name_is_one_word_of_the_command(tmp_path):
    name = "me/x; touch $(id) 'q'"
    write_openrlhf(job(tmp_path, pair(), overrides=(f'model.name="{name}"',)))
    command = (tmp_path / "train_dpo.sh").read_text().split("\n", 2)[2].replace("\\\n", " ")
    words = shlex.split(command)
    assert words[words.index("--model.model_name_or_path") + 1] == name


def test_a_folder_that_is_there_is_refused_and_only_an_export_replaced(made_run, tmp_path):
    out = export_run(made_run, "jsonl", tmp_path / "out").folder
    with pytest.raises(RunError, match="is there already; choose another --out, or replace it with --overwrite"):
        export_run(made_run, "parquet", out)
    assert (out / "train.jsonl").is_file()
    export_run(made_run, "parquet", out, overwrite=True)
    assert {path.name for path in out.iterdir()} == {"README.md", "export.json", "train.parquet"}
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("keep")
    with pytest.raises(RunError, match="is no export of seapo"):
        export_run(made_run, "jsonl", mine, overwrite=True)
    assert (mine / "letter.txt").read_text() == "keep"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


def test_a_model_that_was_trained_in_the_folder_is_not_overwritten(made_run, tmp_path):
    out = export_run(made_run, "trl-dpo", tmp_path / "out").folder
    (out / "trained").mkdir()
    (out / "trained" / "model").write_text("weights")
    with pytest.raises(RunError, match=r"holds what the export did not write \(trained\), so --overwrite leaves it"):
        export_run(made_run, "jsonl", out, overwrite=True)
    assert (out / "trained" / "model").read_text() == "weights"
    (out / "trained").rename(tmp_path / "trained")
    export_run(made_run, "datasets", out, overwrite=True)
    export_run(made_run, "jsonl", out, overwrite=True)  # a folder of the export itself is replaced
    assert {path.name for path in out.iterdir()} == {"README.md", "export.json", "train.jsonl"}


def test_where_the_new_export_cannot_take_its_place_the_old_one_is_back(made_run, tmp_path, monkeypatch):
    out = export_run(made_run, "jsonl", tmp_path / "out").folder
    before = (out / "export.json").read_bytes()
    real = Path.rename

    def rename(path, target):
        if path.suffix == ".new":
            raise OSError("no space left")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="no space left"):
        export_run(made_run, "parquet", out, overwrite=True)
    assert (out / "export.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_mark_has_the_hash_of_each_file_and_another_versions_is_refused(made_run, tmp_path):
    exported = export_run(made_run, "trl-kto", tmp_path / "out")
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in exported.folder.iterdir()}
    del hashes["export.json"]
    assert exported.mark.files == hashes
    (exported.folder / "export.json").write_text("{}")
    with pytest.raises(RunError, match="not as this version writes it: format: Field required"):
        export_run(made_run, "trl-kto", exported.folder, overwrite=True)


def test_an_unknown_format_is_named(made_run, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'trl-dpo'"):
        export_run(made_run, "trl-dpoo", tmp_path / "out")


def test_the_card_tells_what_the_rows_are_and_nothing_of_the_machine(made_run, tmp_path):
    folder = export_run(made_run, "jsonl", tmp_path / "out").folder
    text = (folder / "README.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    values = yaml.safe_load(front)
    assert "license" not in values
    assert values["configs"][0]["data_files"] == [{"split": "train", "path": "train.jsonl"}]
    for told in ("false on purpose", "| seed | 3 |", "samples | 5 |", "`verdict`", "torch 2", "licence binds"):
        assert told in body
    assert str(made_run.parent) not in text
    assert str(made_run.parent) not in (folder / "export.json").read_text()


@pytest.mark.parametrize(
    ("target", "known", "files"),
    [
        ("trl-dpo", "ipo", ["train_dpo.py"]),
        ("trl-kto", "apo_zero_unpaired", ["train_kto.py"]),
        ("llamafactory", "hinge", ["train_dpo.yaml", "train_kto.yaml"]),
        ("axolotl", "ipo", ["dpo.yaml", "kto.yaml"]),
        ("openrlhf", "dpo", ["train_dpo.sh"]),
    ],
)
def test_an_objective_that_the_tool_lacks_is_told_where_another_takes_its_place(target, known, files, tmp_path):
    def written(method):
        folder = tmp_path / method
        folder.mkdir()
        rows = [pair(name=name) for name in "abcd"]
        overrides = (f"train.method={method}", "train.sft_weight=0.5")
        found = TARGETS[target].write(job(folder, *rows, overrides=overrides))
        return "\n".join(found.notes), {file: (folder / file).read_text() for file in files}

    notes, texts = written("simpo")
    for file, text in texts.items():
        assert f"`{file}`: The recipe trains with simpo; this trains with " in notes
        assert "The recipe trains with simpo" in text
        assert "train.sft_weight" in text
        assert yaml.safe_load(text) if file.endswith(".yaml") else compile_or_plain(file, text)
    notes, texts = written(known)
    assert f"`{files[0]}`: The recipe" not in notes
    assert "The recipe trains with" not in texts[files[0]]
    assert "train.sft_weight" in texts[files[0]]


def compile_or_plain(file, text):
    return compile(text, file, "exec") if file.endswith(".py") else text.startswith("#!/bin/sh\n")
