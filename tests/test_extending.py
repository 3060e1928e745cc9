"""docs/extending.md: its package is installed by pip, its recipe runs with it, and its engine answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seapo.evaluate import SUITES
from seapo.inject import STRATEGIES
from seapo.taxonomy import ERROR_TYPES
from seapo.verify import CHECKS

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the page's recipe, its package installed into `site` beside it."""
    folder = tmp_path_factory.mktemp("desk")
    package = folder / "seapo-manners"
    package.mkdir()
    (package / "pyproject.toml").write_text(blocks("toml")[0])
    (package / "seapo_manners.py").write_text(blocks("python")[0])
    (folder / "manners.yaml").write_text(blocks("yaml")[0])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", "site", package], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def run(desk: Path, *arguments: str, with_package: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(desk / "site") if with_package else ""}
    command = [sys.executable, "-m", "seapo", *arguments]
    return subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)


def test_the_recipe_makes_and_proves_errors_of_the_package(desk):
    for stage in ("source", "inject", "verify", "mix"):
        done = run(desk, stage, "manners.yaml")
        assert done.returncode == 0, done.stderr
    negatives = [json.loads(line) for line in (desk / "runs/manners/verify/negatives.jsonl").read_text().splitlines()]
    assert len(negatives) == 6
    assert {each["error_type"] for each in negatives} == {"rudeness"}
    assert {each["verdict"]["status"] for each in negatives} == {"proved"}
    assert {name for each in negatives for name in each["verdict"]["proofs"]} == {"manners"}


def test_its_suite_is_asked(desk):
    done = run(desk, "evaluate", "--model", "embedded", "manners.yaml", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"] == {"manners": 3}


def test_without_the_package_nothing_of_it_is_known(desk):
    done = run(desk, "inject", "manners.yaml", "name=without", with_package=False)
    assert done.returncode == 2
    assert "no strategy named 'scold'" in done.stderr or "no error type named 'rudeness'" in done.stderr


def test_the_engine_of_the_page_answers(capsys):
    example = blocks("python")[1]
    exec(compile(example, "extending.md", "exec"), {})
    assert capsys.readouterr().out.strip() == example.rpartition("# ")[2].strip()


def test_the_groups_of_the_page_are_those_of_the_registries():
    groups = {registry._group for registry in (ERROR_TYPES, STRATEGIES, CHECKS, SUITES)}
    assert set(re.findall(r"^\| [\w ]+ \|.*\| `(seapo\.\w+)` \|", PAGE, flags=re.MULTILINE)) == groups
    assert set(re.findall(r'entry-points\."([\w.]+)"', PAGE)) == groups
