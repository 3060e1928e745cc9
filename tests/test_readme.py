"""Every command of the README is run, in its order, as a reader would."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seapo.recipe import parse_recipe

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands(start: str) -> list[str]:
    return [line for block in blocks("bash") for line in block.splitlines() if line.startswith(start)]


def run(command: str, folder: Path, *, limit_s: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=limit_s
    )


QUESTIONS = {
    "How many legs do 3 spiders have together?": "One spider has 8 legs, so 3 spiders have 3 * 8 = 24 legs.",
    "Where does the Nile end?": "The Nile ends in Egypt, because it flows north into the Mediterranean Sea.",
    "When did people first walk on the Moon?": "Neil Armstrong and Buzz Aldrin walked on the Moon in July 1969.",
    "Why is the sky blue?": "Air scatters blue light more than red light, therefore the sky looks blue by day.",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the shipped recipes and a data file of one's own."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(REPOSITORY / "recipes", folder / "recipes")
    rows = [json.dumps({"prompt": question, "response": answer}) for question, answer in QUESTIONS.items()]
    (folder / "my.jsonl").write_text("\n".join(rows))
    return folder


def test_the_readme_has_the_commands_that_are_run_here():
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    known = ("make ", "seapo ", "python3 -m venv", ".venv/bin/pip install")
    assert [line for line in lines if not line.startswith(known)] == []


def test_make_names_its_targets():
    listing = run("make help", REPOSITORY, limit_s=30).stdout
    for command in commands("make"):
        assert command.split()[1] in listing


@pytest.mark.timeout(900)
def test_the_commands_on_ones_own_data_work_in_their_order(desk):
    for command in commands("seapo"):
        done = run(command, desk, limit_s=300)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout.strip()
    assert (desk / "runs" / "mine" / "report" / "index.html").is_file()
    assert (desk / "runs" / "steps" / "report" / "index.html").is_file()


def test_the_python_example_runs():
    (example,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_what_it_shows_of_a_recipe_is_taken():
    (block,) = blocks("yaml")
    recipe = parse_recipe(yaml.safe_load(block))
    assert recipe.verify.use_judge
    assert recipe.engine.model == recipe.judge.model


@pytest.mark.timeout(600)
def test_pip_takes_the_install_commands(tmp_path):
    """The real installs, into an environment of their own, but that pip only resolves what it would install."""
    for command in [*commands("python3 -m venv"), *commands(".venv/bin/pip")]:
        dry = command.replace("pip install", "pip install --dry-run --quiet")
        done = run(dry.replace(".venv", str(tmp_path / "venv")), REPOSITORY, limit_s=500)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_links_lead_somewhere(link):
    assert (REPOSITORY / link).exists()
