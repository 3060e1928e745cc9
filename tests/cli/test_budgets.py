"""The options that end a run in order: what they become, and what a run says that they ended."""

import pytest

from seapo.cli.recipes import Budget, open_recipe, seconds
from seapo.errors import RecipeError

ENGINE = "{kind: openai, base_url: http://127.0.0.1:9/v1, model: m}"


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"name: r\nruns_dir: {tmp_path}\nengine: {ENGINE}\n")
    return path


@pytest.mark.parametrize(
    ("time", "expected"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("2 h", 7200), (None, None)]
)
def test_times(time, expected):
    assert seconds(time, option="--deadline") == expected


@pytest.mark.parametrize("time", ["", "soon", "0s", "-3m", "1d", "1h30m"])
def test_what_is_no_time_is_told(time):
    with pytest.raises(RecipeError, match=r"--deadline.*write 90s, 30m or 2h"):
        seconds(time, option="--deadline")


def test_a_budget_is_set_for_every_engine_that_there_is(recipe):
    found = open_recipe(recipe, (), budget=Budget(5000, None, "30m"), engines=("engine", "judge"))
    assert (found.engine.budget_tokens, found.engine.deadline_s) == (5000, 1800)
    assert (found.judge.budget_tokens, found.judge.deadline_s) == (None, None), "there is no judge"
    both = open_recipe(recipe, (f"judge={ENGINE}",), budget=Budget(5000), engines=("engine", "judge"))
    assert both.judge.budget_tokens == 5000


def test_without_a_budget_nothing_changes(recipe):
    assert open_recipe(recipe, (), budget=Budget(), engines=("judge",)) == open_recipe(recipe, ())


def test_a_budget_without_an_engine_is_told(recipe):
    with pytest.raises(RecipeError, match=r"a budget needs an engine that it can end; set judge\.kind"):
        open_recipe(recipe, (), budget=Budget(5000), engines=("judge",))


def test_dollars_need_prices(recipe):
    with pytest.raises(RecipeError, match="price_per_million_input_tokens"):
        open_recipe(recipe, (), budget=Budget(usd=1.0), engines=("engine",))
