"""docs/evaluation.md: its program runs, its figures are those of the code, and it names what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from seapo.cli.evaluate import build
from seapo.evaluate import METRICS, SUITES, load_items
from seapo.evaluate.harness import INSTALL
from seapo.evaluate.statistics import MIN_QUESTIONS, RESAMPLES, tango_interval
from seapo.recipe import EvaluateSection
from seapo.tasks.benchmark import BBH_ITEMS, BENCHMARKS
from seapo.tasks.local import FILES, MMLU_ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"


@pytest.fixture(scope="module")
def page():
    """The page's text, with its line breaks taken out."""
    return " ".join(PAGE.read_text(encoding="utf-8").split())


def test_its_program_runs_and_prints_five_dimensions():
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" undecided\n") == 5


def test_it_names_every_suite_task_and_metric(page):
    tasks = {item.task for item in load_items(EvaluateSection(), seed=0)}
    for name in (*SUITES, *METRICS, *tasks, "truthfulqa_mc1", "truthfulqa_mc2"):
        assert f"`{name}`" in page


def test_its_figures_are_those_of_the_code(page):
    low, high = tango_interval(0, 0, 40, confidence=0.95)
    assert f"[{100 * low:.1f}, {100 * high:+.1f}] points" in page
    assert f"{RESAMPLES:,} bootstrap resamples" in page
    assert f"Under {MIN_QUESTIONS} questions" in page
    assert f"in up to {100 * (1 - 0.95**5):.0f} percent" in page
    assert f"`{INSTALL}`" in page


def test_it_describes_every_file_of_a_data_folder(page):
    for path, file in FILES.items():
        if path.startswith("bbh/"):
            name = path.removeprefix("bbh/").removesuffix(".json")
            assert file.rows == 250 or f"{name} {file.rows}" in page
        elif path != "mmlu/mmlu.zip":
            assert f"| `{path}` | {file.rows:,} | {', '.join(file.fields)} |" in page
        assert file.origin.rpartition(" ")[2] in page
    dev, val, test = MMLU_ROWS.values()
    assert f"{dev} dev, {val:,} val, {test:,} test" in page
    assert f"BIG-Bench Hard, {len(BBH_ITEMS)} tasks ({sum(BBH_ITEMS.values()):,})" in page


def test_it_names_benchmarks_that_are_there(page):
    for name in ("gsm8k_cot", "minerva_math", "minerva_math500", "bbh", "mmlu", "mmlu_virology"):
        assert name in BENCHMARKS
        assert f"`{name}`" in page


def test_its_commands_are_understood():
    parser = build("evaluate", "")
    commands = re.findall(r"^seapo evaluate (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        arguments = command.replace("runs/uf/train/adapter", ".").split()
        assert parser.make_context("evaluate", arguments).params
