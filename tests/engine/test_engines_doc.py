"""docs/engines.md: its recipes are recipes, its commands exist, and its table of faults is the code's."""

import re
from pathlib import Path

import yaml
from click.testing import CliRunner

from seapo.cli import seapo
from seapo.engine.faults import BUSY, HOPELESS, LONGEST_WAIT_S, RETRIED
from seapo.engine.sender import FRUITLESS
from seapo.engine.servers import INSTALL, MOST_STARTS
from seapo.recipe import parse_recipe

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "engines.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_recipes_are_recipes():
    kinds = [parse_recipe(yaml.safe_load(block)).engine.kind for block in blocks("yaml")]
    assert kinds == ["embedded", "vllm", "openai"]


def test_the_commands_exist():
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    assert lines
    for line in lines:
        program, *words = line.split(" > ")[0].split()
        assert program == "seapo"
        options = [word for word in words if word.startswith("--")]
        told = CliRunner().invoke(seapo, [*words[:2], "--help"])
        assert told.exit_code == 0
        assert all(option in told.output for option in options)


def test_the_table_of_faults_names_what_the_code_does():
    assert {408, 409, 425, 429} == {status for status in RETRIED if status < 500}
    assert "408, 409, 425, 429, 5xx" in PAGE
    assert f"{', '.join(map(str, sorted(BUSY)))}, time-out" in PAGE
    assert f"{', '.join(map(str, sorted(HOPELESS)))}; nobody there" in PAGE
    assert (FRUITLESS, MOST_STARTS, LONGEST_WAIT_S) == (3, 4, 300)
    assert "three requests in a row" in PAGE
    assert "four times in a row at most" in PAGE
    assert "over 5 minutes" in PAGE


def test_what_is_to_be_installed_is_what_errors_say():
    assert all(command in PAGE for command in INSTALL.values())
    extras = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^engine = \["xllamacpp', extras, flags=re.MULTILINE)
