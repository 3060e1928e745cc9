"""Samples that hold text of test items are dropped, listed, counted and told; others are left as they are."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seapo.errors import DataError
from seapo.recipe import DataSection, parse_recipe
from seapo.report.contents import read_run
from seapo.report.funnel import funnel_steps
from seapo.source import read_source
from seapo.source.decontaminate import Contamination
from seapo.store import read_json, read_records
from seapo.summaries import SourceSummary
from seapo.tasks.benchmark_texts import benchmark_texts
from seapo.tasks.contamination import MIN_ANSWER_WORDS, MIN_QUESTION_WORDS, MOST_ITEMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-formats.md"
SEAPO = Path(sys.executable).with_name("seapo")


@pytest.fixture(scope="module")
def gsm8k(tmp_path_factory, data_dir: Path) -> Path:
    """A data folder that holds GSM8K alone."""
    folder = tmp_path_factory.mktemp("data") / "bench marks: 1"
    folder.mkdir()
    (folder / "gsm8k").symlink_to(data_dir / "gsm8k")
    return folder


@pytest.fixture
def planted(tmp_path: Path, gsm8k: Path) -> Path:
    """Eight rows, three of which hold a test item: in the prompt, in the good answer, in a bad one."""
    items = benchmark_texts(gsm8k)["gsm8k"]
    rows = [
        {"prompt": f"What is {n} plus one?", "chosen": f"It is {n + 1}.", "rejected": f"It is {n}."} for n in range(8)
    ]
    rows[1]["prompt"] = f"Hello. {items[5].questions[0].upper()} Thanks."
    rows[4]["chosen"] = f"{items[7].answers[0].replace('.', ' !')}\nSo it is."
    rows[6]["rejected"] = f"No idea. {items[9].questions[0]}"
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, folder: Path | None, **changes):
    settings = {"data_dir": None if folder is None else str(folder)} | changes.pop("decontaminate", {})
    return read_source(DataSection(path=str(path), decontaminate=settings, **changes), seed=0)


def test_planted_samples_are_dropped_and_listed_with_the_field_and_the_item(planted, gsm8k):
    result = read(planted, gsm8k)
    assert [sample.line for sample in result.samples] == [1, 3, 4, 6, 8]
    assert [(found.line, found.field, found.item, found.part, found.kind) for found in result.contaminations] == [
        (2, "prompt", "gsm8k-6", "question", "ngram"),
        (5, "chosen", "gsm8k-8", "answer", "ngram"),
        (7, "rejected", "gsm8k-10", "question", "ngram"),
    ]
    assert all(len(found.matched.split()) >= 13 for found in result.contaminations)
    summary = result.summary
    assert (summary.rows, summary.samples, summary.decontaminated) == (8, 5, 3)
    assert summary.decontaminated_by == {"gsm8k": 3}
    assert summary.compared_with == {"starter": 246, "gsm8k": 1319}


def test_without_a_folder_nothing_is_dropped(planted):
    result = read(planted, None)
    assert (len(result.samples), result.contaminations, result.summary.compared_with) == (8, (), {})


def test_the_limit_counts_what_is_left(planted, gsm8k):
    result = read(planted, gsm8k, limit=5)
    assert (result.summary.samples, result.summary.beyond_limit, result.summary.decontaminated) == (5, 0, 3)


def test_the_number_of_words_can_be_set(tmp_path, gsm8k):
    question = benchmark_texts(gsm8k)["gsm8k"][5].questions[0]
    path = tmp_path / "rows.jsonl"
    eight = " ".join(question.split()[2:10])
    rows = [{"prompt": f"I say {eight}", "response": "Yes."}, {"prompt": "Who wrote Emma?", "response": "Jane Austen."}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert len(read(path, gsm8k).samples) == 2
    assert len(read(path, gsm8k, decontaminate={"words": 8}).samples) == 1


def test_data_that_is_a_benchmark_leaves_nothing(gsm8k, data_dir):
    with pytest.raises(DataError, match=r"all 1319 samples hold text of benchmarks' test items \(1319 of gsm8k"):
        read(data_dir / "gsm8k" / "test.jsonl.gz", gsm8k)


def test_the_command_drops_lists_and_prints_and_the_report_tells(planted, gsm8k, tmp_path):
    command = [
        SEAPO,
        "source",
        "recipes/quickstart.yaml",
        f"runs_dir={tmp_path}",
        f"data.path={planted}",
        "data.limit=4",
    ]
    done = subprocess.run(
        [*command, "name=run", "--decontaminate", str(gsm8k)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert (
        "dropped: 3 samples hold text of benchmarks (gsm8k 3); compared with the test items 246 of starter"
        in done.stdout
    )
    folder = tmp_path / "run" / "source"
    found = list(read_records(folder / "decontaminated.jsonl", Contamination))
    assert [each.item for each in found] == ["gsm8k-6", "gsm8k-8", "gsm8k-10"]
    summary = SourceSummary.model_validate(read_json(folder / "summary.json"))
    assert (summary.samples, summary.beyond_limit, summary.decontaminated) == (4, 1, 3)
    steps = {step.label: (step.kept, step.reasons) for step in funnel_steps(read_run(tmp_path / "run"))}
    assert steps["Good samples"] == (8, {})
    assert steps["Samples without benchmark text"] == (5, {"holds text of a benchmark's test item": 3})
    assert steps["Samples drawn"] == (4, {"left out by data.limit": 1})


def test_the_page_tells_the_limits_of_the_code():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"A run that more than {MOST_ITEMS} items have" in page
    assert f"question, of {MIN_QUESTION_WORDS} words or more, or its answer, of {MIN_ANSWER_WORDS} or more" in page
    (recipe,) = re.findall(
        r"```yaml\n(data:\n  path: train.jsonl\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert parse_recipe(yaml.safe_load(recipe)).data.decontaminate.words == 13
