"""A finished run is reused; what a changed recipe does not touch, too. Kills are in test_killed.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """
name: {name}
runs_dir: {folder}
data: {{limit: 5}}
model: {{dtype: float32}}
inject: {{candidates_per_type: 2}}
train:
  {{method: dpo, learning_rate: 2.0e-4, num_train_epochs: 2, per_device_train_batch_size: 3,
    gradient_accumulation_steps: 1, save_steps: 1}}
evaluate: {{limit: 1}}
"""


def recipe(folder: Path, name: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(RECIPE.format(name=name, folder=folder))
    return path


def run(*command: object) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "100"})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run("from seapo.cli import main; main()", "run", recipe(folder, "journey"))
    assert done.returncode == 0, done.stderr
    return folder / "journey", done.stdout


def test_a_finished_run_is_reused_whole_and_loads_no_model(undisturbed):
    whole, printed = undisturbed
    code = "import sys; from seapo.cli import main; main(); sys.exit('peft' in sys.modules)"
    done = run(code, "run", whole)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
    assert done.stderr.count("reused") == 7


def test_a_changed_recipe_repeats_only_what_depends_on_it(undisturbed):
    whole, _ = undisturbed
    done = run("from seapo.cli import main; main()", "run", whole, "--dry-run", "--json", "mix.kind=all")
    doings = json.loads(done.stdout)
    assert [name for name, doing in doings.items() if doing == "reuse"] == ["source", "inject", "verify"]
