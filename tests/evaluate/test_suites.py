"""Suites and the items that a recipe asks for."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from pydantic import ValidationError

from seapo.errors import DataError, UnknownNameError
from seapo.evaluate import SUITES, load_items, load_suites
from seapo.evaluate.statistics import question_of
from seapo.evaluate.suites import sample_items
from seapo.recipe import EvaluateSection
from seapo.records import DIMENSIONS
from seapo.tasks.benchmark import BENCHMARKS

PLUGIN = """
from seapo.records import ChoiceItem
from seapo.tasks.benchmark import BenchmarkTask

def weather(settings):
    for number in range(3):
        yield ChoiceItem(id=f"w{number}", task="weather", dimension="knowledge", context="Rain is",
                         choices=(" wet", " dry"), correct=(0,))

def exams(settings):
    return [BenchmarkTask("arc_easy", "knowledge")]

def silent(settings):
    return []

def stuttering(settings):
    return [*weather(settings), *weather(settings)]
"""
ENTRY_POINTS = "[seapo.suites]\n" + "\n".join(
    f"{name} = weather:{name}" for name in ("weather", "exams", "silent", "stuttering")
)


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


def test_a_task_benchmark_or_suite_may_have_a_limit_of_its_own():
    def counts(**settings):
        asked = load_suites(EvaluateSection(**settings), seed=0)
        return Counter(item.task for item in asked.items), {task.name: task.limit for task in asked.tasks}

    whole, _ = counts()
    one = next(iter(whole))
    assert counts(limits={one: 3})[0] == {**whole, one: 3}
    assert counts(limits={one: 3, "starter": 2}, limit=4)[0] == {**dict.fromkeys(whole, 2), one: 3}
    limits = {"mmlu": 4, "mmlu_virology": 6, "gsm8k_cot": 20}
    _, tasks = counts(suites=("knowledge", "truthfulness"), tasks=("gsm8k_cot",), limits=limits)
    assert (tasks["mmlu_astronomy"], tasks["mmlu_virology"]) == (4, 6)
    assert (tasks["gsm8k_cot"], tasks["truthfulqa_mc1"]) == (20, None)
    assert counts(suites=("knowledge",), limits={"knowledge": 5})[1]["mmlu_virology"] == 5
    with pytest.raises(UnknownNameError, match=r"no asked task, .* 'mlmu'\. Did you mean"):
        counts(suites=("knowledge",), limits={"mlmu": 5})
    with pytest.raises(ValidationError):
        counts(limits={one: 0})


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
    with pytest.raises(UnknownNameError, match=r"no suite named 'mathematic'\. Did you mean 'mathematics'"):
        load_items(EvaluateSection(suites=("mathematic",)), seed=0)


@pytest.mark.parametrize(
    ("suite", "groups"),
    [
        ("mathematics", {"": 2, "minerva_math": 7}),
        ("reasoning", {"bbh": 27}),
        ("coding", {"": 2}),
        ("knowledge", {"mmlu": 57}),
        ("truthfulness", {"": 2}),
    ],
)
def test_each_dimension_has_a_suite_of_published_benchmarks(suite, groups):
    asked = load_suites(EvaluateSection(suites=(suite,)), seed=0)
    assert not asked.items
    assert Counter(task.group for task in asked.tasks) == groups
    assert {task.suite for task in asked.tasks} == {suite}
    assert {task.dimension for task in asked.tasks} - {None} == {suite}


def test_math_500_counts_in_its_dimension_only_where_it_is_asked_without_math():
    def dimension(**settings):
        tasks = load_suites(EvaluateSection(**settings), seed=0).tasks
        return {task.name: task.dimension for task in tasks}["minerva_math500"]

    assert dimension(suites=("mathematics",)) is None
    assert dimension(suites=(), tasks=("gsm8k_cot", "minerva_math500")) == "mathematics"


def test_names_of_benchmarks_and_other_tasks_are_asked_once_each():
    settings = EvaluateSection(suites=("knowledge",), tasks=("bbh", "mmlu", "arc_easy", "bbh_cot_fewshot", "humaneval"))
    tasks = load_suites(settings, seed=0).tasks
    assert len(tasks) == len({task.name for task in tasks}) == 57 + 27 + 2
    by_name = {task.name: task for task in tasks}
    assert by_name["arc_easy"].dimension is None
    assert by_name["humaneval"].dimension == "coding"
    assert by_name["mmlu_virology"].suite == "knowledge"


def test_every_known_task_is_one_of_lm_evaluation_harness():
    pytest.importorskip("lm_eval", reason="needs the package lm-eval")
    from seapo.evaluate.harness import _manager

    index = _manager(has_all=False).task_index
    assert {task.name for tasks in BENCHMARKS.values() for task in tasks} <= set(index)


def ask_with_plugin(tmp_path, suite):
    """Load the items of a suite in a process where a package that brings it is installed."""
    info = tmp_path / "weather-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weather\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    (tmp_path / "weather.py").write_text(PLUGIN, encoding="utf-8")
    code = (
        "from seapo.evaluate import load_suites; from seapo.recipe import EvaluateSection\n"
        f"asked = load_suites(EvaluateSection(suites=({suite!r},)), seed=0)\n"
        "print([thing.suite for thing in (*asked.items, *asked.tasks)])"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("suite", "count"), [("weather", 3), ("exams", 1)])
def test_an_installed_package_brings_a_suite(tmp_path, suite, count):
    done = ask_with_plugin(tmp_path, suite)
    assert done.stdout == f"{[suite] * count}\n", done.stderr


@pytest.mark.parametrize(
    ("suite", "message"),
    [("silent", "the suite 'silent' gave no items"), ("stuttering", "'stuttering' gave the item 'w0' twice")],
)
def test_a_suite_without_usable_items_is_named(tmp_path, suite, message):
    assert f"{DataError.__name__}: " in (error := ask_with_plugin(tmp_path, suite).stderr)
    assert message in error


def test_suites_are_listed_in_order():
    assert list(SUITES) == ["starter", "mathematics", "reasoning", "coding", "knowledge", "truthfulness"]


def test_loading_items_loads_no_torch():
    code = "import sys; from seapo.evaluate import load_items; from seapo.recipe import EvaluateSection\n"
    code += "load_items(EvaluateSection(suites=('starter', 'coding', 'knowledge')), seed=0)\n"
    code += "sys.exit(bool({'torch', 'lm_eval'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import torch\n{code}"], check=False).returncode == 1
