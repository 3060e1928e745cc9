"""`seapo compare`: folders and runs, tables for any width, Markdown, JSON, and the files it writes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from seapo.cli import compare
from seapo.errors import DataError
from seapo.evaluate.comparison import Comparison, compare_models
from seapo.evaluate.comparison_table import format_comparison, format_markdown
from seapo.evaluate.folders import find_evaluation, read_evaluations
from seapo.evaluate.results import write_evaluation
from seapo.evaluate.statistics import MIN_TASKS, RESAMPLES
from seapo.records import ItemScore
from seapo.summaries import EvaluationResults

PAGE = Path(__file__).resolve().parents[2] / "docs" / "comparison.md"
SEAPO = Path(sys.executable).with_name("seapo")
TASKS = [f"bbh_task_{number}" for number in range(11)]
SPOILED = "The answer | is\n\x1b[31m*red*\x1b[0m <b>42</b>."
"""An answer with what a terminal, a table or a page would obey."""


def results(model):
    return EvaluationResults(
        model=model, model_fingerprint="f", dtype="float32", protocol="paper", suites=("reasoning",), seed=0,
        limit=None, confidence=0.95, tasks=(),
    )  # fmt: skip


def scores(share, seed):
    generator = np.random.default_rng(seed)
    return [
        ItemScore(
            id=str(number), task=task, dimension="reasoning", metric="exact_match", value=float(right),
            suite="reasoning", group="bbh", protocol="paper", prompt_hash=f"{task}{number}", answer=SPOILED,
        )
        for task in TASKS
        for number, right in enumerate(generator.random(20) < share)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three evaluations, and a run with one before and one after training."""
    root = tmp_path_factory.mktemp("evaluations")
    for seed, (name, share) in enumerate({"base": 0.3, "good": 0.6, "same": 0.3}.items()):
        write_evaluation(root / name, results(f"model of {name}"), scores(share, seed))
    run = root / "run"
    (run / "evaluate").mkdir(parents=True)
    (run / "recipe.yaml").write_text("name: run\n", encoding="utf-8")
    shutil.copytree(root / "base", run / "evaluate" / "before")
    shutil.copytree(root / "good", run / "evaluate" / "after")
    return root


@pytest.fixture(scope="module")
def comparison(folders):
    return compare_models(read_evaluations(tuple(str(folders / name) for name in ("base", "good", "same"))))


def call(folders, *arguments, columns=100):
    return subprocess.run(
        [SEAPO, "compare", *arguments], capture_output=True, text=True, cwd=folders, timeout=120,
        env={**os.environ, "COLUMNS": str(columns)}, check=False,
    )  # fmt: skip


def test_a_name_is_a_folder_or_a_run_and_its_moment(folders):
    run = folders / "run"
    assert find_evaluation(str(folders / "base")) == folders / "base"
    assert find_evaluation(str(run)) == find_evaluation(f"{run}:after") == run / "evaluate" / "after"
    assert find_evaluation(f"{run}:before") == run / "evaluate" / "before"


def test_a_name_that_holds_no_evaluation_is_told(folders, tmp_path):
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(DataError, match=r"the run has no evaluate/before/results\.json; run: seapo evaluate"):
        find_evaluation(f"{tmp_path}:before")
    with pytest.raises(DataError, match=r"nowhere: is no folder; name a folder with results\.json, or a run's"):
        find_evaluation("nowhere")
    with pytest.raises(DataError, match="holds no evaluation"):
        find_evaluation(str(folders))
    with pytest.raises(DataError, match="a is named twice"):
        read_evaluations(("a", "b", "a"))


def test_the_table_has_a_row_for_each_dimension_benchmark_and_task(comparison):
    lines = format_comparison(comparison, width=140).splitlines()
    assert "(model of base), in percent, with 95% intervals" in " ".join(lines[:3])
    for name in ("reasoning", "bbh", *TASKS):
        assert sum(line.split()[:1] == [name] for line in lines) == 2
    (bbh,) = [line for line in lines[:20] if line.startswith("bbh ")]
    assert bbh.endswith("  <.0001  better")
    assert bbh.count("[") == 4  # base, other, difference, across tasks


@pytest.mark.parametrize("width", [200, 140, 100, 80, 60, 40, 30])
def test_no_line_is_longer_than_the_width_and_every_difference_is_there(folders, width):
    found = compare_models(read_evaluations((str(folders / "base"), str(folders / "good"))))
    named = found.model_copy(update={"models": dict.fromkeys(found.models, "m" * 70)})  # a name that has to be broken
    text = format_comparison(named, width=width, flips=2)
    assert max(len(line) for line in text.splitlines()) <= width
    assert text.count("better") >= 3
    for row in found.comparisons[0].rows:
        assert f"{100 * row.difference:+.1f} [" in text


def test_what_models_wrote_reaches_terminal_and_page_as_text_alone(comparison):
    text, page = format_comparison(comparison, width=100, flips=1), format_markdown(comparison, flips=1)
    assert "gained: bbh_task_" in text
    assert "lost: bbh_task_" in text
    assert "\x1b" not in text + page
    assert "\n  base: The answer | is  [31m*red*" in text
    assert r"\<b\>42\</b\>" in page
    assert all(line.count(" | ") == 10 for line in page.splitlines() if line.startswith("| bbh"))


def test_markdown_holds_every_figure(comparison):
    page = format_markdown(comparison)
    (row,) = [row for row in comparison.comparisons[0].rows if row.name == "bbh"]
    assert f"| {row.gained}, {row.lost} |" in page
    low, high = row.simultaneous_interval
    assert f"[{100 * low:+.1f}, {100 * high:+.1f}]" in page
    assert comparison.method.partition(";")[0] in page


def test_the_legend_tells_the_families(comparison):
    text = " ".join(format_comparison(comparison, width=80).split())
    assert "corrected by Holm's method for all rows of its kind (2 dimensions, 2 benchmarks, 22 tasks)" in text
    assert "Each interval stands for itself, uncorrected." in text


def test_the_command_prints_the_table_and_writes_the_files(folders, tmp_path):
    done = call(folders, "run:before", "run", "--flips", "1", "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "run (model of good) against run:before (model of base)" in done.stdout
    found = Comparison.model_validate_json((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    flips = pyarrow.parquet.read_table(tmp_path / "out" / "flips.parquet").to_pylist()
    assert len(flips) == len(found.comparisons[0].flips) > 20
    assert flips[0] == {"base": "run:before", "other": "run", **found.comparisons[0].flips[0].model_dump()}
    assert (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8").startswith("### run (model of good)")


def test_json_holds_the_same_whatever_the_place(folders):
    done = call(folders, "base", "good", "same", "--all-pairs", "--json")
    found = Comparison.model_validate(json.loads(done.stdout))
    here = {name: read_evaluations((str(folders / name),))[str(folders / name)] for name in ("base", "good", "same")}
    assert found == compare_models(here, all_pairs=True)
    assert [(each.base, each.other) for each in found.comparisons] == [
        ("base", "good"), ("base", "same"), ("good", "same"),
    ]  # fmt: skip
    assert found.comparisons[0].flips


def test_a_mistake_is_a_sentence_with_exit_code_2(folders, tmp_path):
    done = call(folders, "base", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no evaluation; name a folder with results.json, or a run's folder" in done.stderr


def test_its_help_imports_nothing_heavy():
    code = (
        "import sys, click; from seapo.cli import seapo; "
        "seapo.get_command(None, 'compare').get_help(click.Context(seapo)); "
        "print(sorted({'numpy', 'scipy', 'pyarrow', 'torch', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_page_names_every_option_and_file_and_the_codes_figures():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    command = compare.build("compare", "")
    options = {option for each in command.params for option in each.opts if option.startswith("--")}
    assert {option for option in options if f"`{option}`" not in page} == set()
    assert all(f"`{name}`" in page for name in ("comparison.json", "comparison.md", "flips.parquet"))
    assert f"{RESAMPLES:,} resamples" in page
    assert f"It needs {MIN_TASKS} tasks a benchmark" in page
