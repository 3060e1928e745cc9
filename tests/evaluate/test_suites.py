"""Suites and the items that a recipe asks for."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from seapo.errors import DataError, RecipeError, UnknownNameError
from seapo.evaluate import SUITES, load_items
from seapo.evaluate.statistics import question_of
from seapo.evaluate.suites import sample_items
from seapo.recipe import EvaluateSection
from seapo.records import DIMENSIONS

PLUGIN = """
from seapo.records import ChoiceItem

def weather(settings):
    for number in range(3):
        yield ChoiceItem(id=f"w{number}", task="weather", dimension="knowledge", context="Rain is",
                         choices=(" wet", " dry"), correct=(0,))

def silent(settings):
    return []

def stuttering(settings):
    return [*weather(settings), *weather(settings)]
"""
ENTRY_POINTS = "[seapo.suites]\nweather = weather:weather\nsilent = weather:silent\nstuttering = weather:stuttering\n"


def test_the_starter_suite_measures_five_dimensions():
    items = load_items(EvaluateSection(), seed=0)
    assert {item.dimension for item in items} == set(DIMENSIONS)
    assert len(items) >= 200
    assert {item.suite for item in items} == {"starter"}


def test_a_limit_takes_that_many_of_each_task_in_their_old_order():
    every = [item.id for item in load_items(EvaluateSection(), seed=0)]
    few = load_items(EvaluateSection(limit=4), seed=0)
    assert Counter(item.task for item in few) == {f"starter_{dimension}": 4 for dimension in DIMENSIONS}
    assert [item.id for item in few] == [item_id for item_id in every if item_id in {item.id for item in few}]
    assert load_items(EvaluateSection(limit=4), seed=0) == few
    assert load_items(EvaluateSection(limit=4), seed=1) != few


def test_a_smaller_limit_takes_a_part_of_what_a_larger_one_takes():
    more = {item.id for item in load_items(EvaluateSection(limit=6), seed=0)}
    assert {item.id for item in load_items(EvaluateSection(limit=3), seed=0)} < more


def test_tasks_over_the_same_questions_draw_the_same_questions(plain_items):
    twins = [item.model_copy(update={"id": item.id.replace("#mc1", "#mc2"), "task": "mc2"}) for item in plain_items[:3]]
    kept = sample_items([*plain_items[:3], *twins], 2, seed=5)
    assert [question_of(item.id) for item in kept[:2]] == [question_of(item.id) for item in kept[2:]]


def test_a_suite_named_twice_is_asked_once():
    assert load_items(EvaluateSection(suites=("starter", "starter")), seed=0) == load_items(EvaluateSection(), seed=0)


def test_an_unknown_suite_is_named_with_the_nearest_known_one():
    with pytest.raises(UnknownNameError, match=r"no suite named 'truthful_qa'\. Did you mean 'truthfulqa'"):
        load_items(EvaluateSection(suites=("truthful_qa",)), seed=0)


def test_truthfulqa_without_a_data_folder_says_what_to_set():
    with pytest.raises(RecipeError, match=r"evaluate\.data_dir is not set; .* that holds truthfulqa/mc_task\.json\.gz"):
        load_items(EvaluateSection(suites=("truthfulqa",)), seed=0)


def test_truthfulqa_in_a_data_folder(data_dir):
    settings = EvaluateSection(suites=("starter", "truthfulqa"), data_dir=str(data_dir), limit=5)
    tasks = Counter(item.task for item in load_items(settings, seed=0))
    assert tasks["truthfulqa_mc1"] == tasks["truthfulqa_mc2"] == 5


def ask_with_plugin(tmp_path, suite):
    """Load the items of a suite in a process where a package that brings it is installed."""
    info = tmp_path / "weather-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weather\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    (tmp_path / "weather.py").write_text(PLUGIN, encoding="utf-8")
    code = (
        "from seapo.evaluate import load_items; from seapo.recipe import EvaluateSection\n"
        f"print([item.suite for item in load_items(EvaluateSection(suites=({suite!r},)), seed=0)])"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_an_installed_package_brings_a_suite(tmp_path):
    done = ask_with_plugin(tmp_path, "weather")
    assert done.stdout == "['weather', 'weather', 'weather']\n", done.stderr


@pytest.mark.parametrize(
    ("suite", "message"),
    [("silent", "the suite 'silent' gave no items"), ("stuttering", "'stuttering' gave the item 'w0' twice")],
)
def test_a_suite_without_usable_items_is_named(tmp_path, suite, message):
    assert f"{DataError.__name__}: " in (error := ask_with_plugin(tmp_path, suite).stderr)
    assert message in error


def test_suites_are_listed_in_order():
    assert list(SUITES)[:2] == ["starter", "truthfulqa"]


def test_loading_items_loads_no_torch():
    code = "import sys; from seapo.evaluate import load_items; from seapo.recipe import EvaluateSection\n"
    code += "load_items(EvaluateSection(), seed=0); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import torch\n{code}"], check=False).returncode == 1
