"""What docs/diagnosis.md says is what is there."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from seapo.diagnose.questions import READERS
from seapo.recipe import parse_recipe

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "diagnosis.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (said,) = re.findall(r"^# (.+)$", example, re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


def test_the_recipe_can_be_used():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert parse_recipe(yaml.safe_load(text)).has_diagnosis
    (weights,) = re.findall(r"`(mix: \{weights: \{.*?\}\})`", PAGE)
    assert parse_recipe(yaml.safe_load(weights)).mix.weights == {"correctness": 0.5, "logic": 0.3, "hallucination": 0.2}


def test_the_table_of_sources_lists_them_all():
    rows = re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(["starter", *READERS])


def test_the_benchmark_that_the_figures_come_from_is_there():
    (script,) = re.findall(r"python (benchmarks/\w+\.py) --data-dir DATA", PAGE)
    assert (REPOSITORY / script).is_file()
