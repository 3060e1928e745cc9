"""Folders that `datasets` wrote, and data sets of the hub, read through the real library from its own cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from seapo.errors import DataError
from seapo.recipe import DataSection
from seapo.source import SourceResult, read_source

TURNS = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So"}]
ROWS = [{"prompt": f"Why {n}?", "chosen": "So", "rejected": "No", "n": n} for n in range(1200)]


@pytest.fixture(autouse=True)
def _without_progress_bars() -> None:
    datasets.disable_progress_bars()


def read(path: Path, *, split: str = "train") -> SourceResult:
    return read_source(DataSection(path=str(path), split=split), seed=0)


def test_a_saved_dataset_of_several_shards_is_read_in_order(tmp_path: Path) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved", num_shards=3)
    result = read(tmp_path / "saved")
    assert result.summary.format == "preference"
    assert [(sample.line, sample.question) for sample in result.samples] == [
        (line, row["prompt"]) for line, row in enumerate(ROWS, start=1)
    ]
    assert {sample.source for sample in result.samples} == {"saved"}


def test_a_saved_selection_gives_the_selected_rows(tmp_path: Path) -> None:
    whole = datasets.Dataset.from_list(ROWS)
    whole.select([7, 3]).save_to_disk(tmp_path / "saved")
    assert [sample.question for sample in read(tmp_path / "saved").samples] == ["Why 7?", "Why 3?"]


def test_messages_of_a_saved_dataset_are_read(tmp_path: Path) -> None:
    datasets.Dataset.from_list([{"messages": TURNS}]).save_to_disk(tmp_path / "saved")
    (sample,) = read(tmp_path / "saved").samples
    assert (sample.question, sample.chosen) == ("Why?", "So")


def test_the_split_of_a_saved_dict_is_chosen_and_a_wrong_one_is_one_sentence(tmp_path: Path) -> None:
    part = datasets.Dataset.from_list
    datasets.DatasetDict(train=part(ROWS[:2]), test=part(ROWS[2:3])).save_to_disk(tmp_path / "saved")
    assert len(read(tmp_path / "saved").samples) == 2
    assert len(read(tmp_path / "saved", split="test").samples) == 1
    with pytest.raises(DataError, match=r"no split 'dev'; choose by data\.split one of: train, test"):
        read(tmp_path / "saved", split="dev")


def test_the_only_split_of_a_saved_dict_is_read_whatever_its_name(tmp_path: Path) -> None:
    datasets.DatasetDict(train_prefs=datasets.Dataset.from_list(ROWS[:2])).save_to_disk(tmp_path / "saved")
    assert len(read(tmp_path / "saved").samples) == 2


@pytest.mark.parametrize("state", ["{}", '{"_data_files": [{"filename": "gone.arrow"}]}', "{", '{"_data_files": [3]}'])
def test_a_saved_dataset_with_a_broken_state_is_one_sentence(tmp_path: Path, state: str) -> None:
    (tmp_path / "state.json").write_text(state, encoding="utf-8")
    with pytest.raises(DataError, match=r"state\.json"):
        read(tmp_path)


@pytest.mark.parametrize("export", ["to_csv", "to_json", "to_parquet"])
def test_files_that_datasets_exports_give_the_same_samples(tmp_path: Path, export: str) -> None:
    rows = [{"chosen": TURNS, "rejected": [TURNS[0], {"role": "assistant", "content": 'It\'s "no".'}]}]
    getattr(datasets.Dataset.from_list(rows), export)(tmp_path / "export")
    (sample,) = read(tmp_path / "export").samples
    assert (sample.question, sample.chosen, sample.rejected) == ("Why?", "So", ('It\'s "no".',))


def cache_as_hub_dataset(home: Path, name: str) -> None:
    """Leave rows in the library's cache as though they had been loaded from the hub under a name."""
    rows = home / "train.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS[:5]), encoding="utf-8")
    cache = home / "datasets"
    datasets.load_dataset("json", data_files={"train": str(rows)}, cache_dir=str(cache))
    (built,) = cache.glob("json/*/0.0.0/*/dataset_info.json")
    folder = cache / name.replace("/", "___") / "default" / "0.0.0" / built.parent.name
    folder.mkdir(parents=True)
    info = json.loads(built.read_text(encoding="utf-8")) | {"dataset_name": name.split("/")[1]}
    (folder / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    (built.parent / "json-train.arrow").rename(folder / f"{name.split('/')[1]}-train.arrow")


def read_offline(home: Path, setting: str, *, before: str = "") -> str:
    """What another process without a network makes of `data: {...}`: the questions, or the error."""
    program = f"""
import sys
{before}
from seapo.errors import DataError
from seapo.recipe import DataSection
from seapo.source import read_source
try:
    print([sample.question for sample in read_source(DataSection({setting}), seed=0).samples])
except DataError as problem:
    print(problem)
"""
    settings = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(home / "datasets")}
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | settings,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_data_set_of_the_hub_is_read_without_a_network_once_it_is_cached(tmp_path: Path) -> None:
    cache_as_hub_dataset(tmp_path, "acme/quiz")
    assert read_offline(tmp_path, "path='acme/quiz'") == str([row["prompt"] for row in ROWS[:5]])
    wrong_split = read_offline(tmp_path, "path='acme/quiz', split='dev'")
    assert "the split 'dev'" in wrong_split
    assert "['train']" in wrong_split


def test_a_data_set_that_the_hub_cannot_give_is_one_sentence(tmp_path: Path) -> None:
    message = read_offline(tmp_path, "path='acme/absent'")
    assert message.startswith("data.path: 'acme/absent' is no file or folder here, and the split 'train'")
    assert "network, or give the path of a file" in message
    assert "\n" not in message


def test_without_the_package_the_error_names_the_command_that_installs_it(tmp_path: Path) -> None:
    message = read_offline(tmp_path, "path='acme/quiz'", before="sys.modules['datasets'] = None")
    assert "needs the package datasets; install it with `pip install datasets`" in message
    assert "\n" not in message


def test_a_missing_local_file_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert "there is no file or folder 'data/train'" in read_offline(tmp_path, "path='data/train'")
    assert "nor the folder 'date'" in read_offline(tmp_path, "path='date/train.jsonl'")
