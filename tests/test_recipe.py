from pathlib import Path

import pytest

from seapo.errors import RecipeError
from seapo.recipe import Recipe, dump_recipe, load_recipe, parse_recipe

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_is_named_as_its_file(path):
    assert load_recipe(path).name == path.stem


def test_a_resolved_recipe_reads_back_as_itself(tmp_path):
    recipe = parse_recipe({"name": "a", "data": {"limit": 3}, "mix": {"kind": "single", "error_type": "logic"}})
    (tmp_path / "recipe.yaml").write_text(dump_recipe(recipe))
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_an_empty_recipe_is_the_published_setting(tmp_path):
    (tmp_path / "recipe.yaml").write_text("")
    train = load_recipe(tmp_path / "recipe.yaml").train
    assert (train.method, train.beta, train.lora_r, train.lora_alpha) == ("kto", 0.1, 8, 16)
    assert (train.learning_rate, train.lr_scheduler_type, train.warmup_steps) == (5e-6, "cosine", 0)
    assert train.per_device_train_batch_size * train.gradient_accumulation_steps == 16
    assert (train.num_train_epochs, train.max_length, train.lora_dropout) == (3.0, 2048, 0.0)


def test_all_mistakes_are_told_at_once_with_the_nearest_key():
    with pytest.raises(RecipeError) as caught:
        parse_recipe({"train": {"learning_rte": 1e-4, "beta": -1}, "dta": {}, "learning_rate": 3}, where="my.yaml")
    text = str(caught.value)
    assert text.startswith("my.yaml: 4 mistakes")
    assert "train.learning_rte: no such key. Did you mean 'learning_rate'?" in text
    assert "train.beta: Input should be greater than 0 (received -1)" in text
    assert "dta: no such key. Did you mean 'data'?" in text
    assert "learning_rate: no such key. Did you mean 'train.learning_rate'?" in text


def test_overrides_reach_into_sections_and_are_read_as_yaml(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("data: {path: a.jsonl}")
    recipe = load_recipe(path, ["data.limit=60", "name=uf60", "inject.error_types=[logic]", "data.path=b=c.jsonl"])
    assert (recipe.data.limit, recipe.name, recipe.data.path) == (60, "uf60", "b=c.jsonl")
    assert recipe.inject.error_types == ("logic",)


@pytest.mark.parametrize(
    ("override", "message"),
    [("limit", "write key=value"), ("name.x=1", "'name' is not a section"), ("data.limit=[", "cannot be read")],
)
def test_an_override_that_makes_no_sense_is_a_sentence(tmp_path, override, message):
    path = tmp_path / "r.yaml"
    path.write_text("name: a")
    with pytest.raises(RecipeError, match=message):
        load_recipe(path, [override])


@pytest.mark.parametrize(("text", "message"), [("- a", "this is a list"), ("a: [", "cannot be read as a recipe")])
def test_a_file_that_is_no_recipe_is_a_sentence(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_a_missing_recipe_is_a_sentence(tmp_path):
    with pytest.raises(RecipeError, match="there is no such recipe file"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize("mix", [{"kind": "single"}, {"kind": "mixed", "error_type": "logic"}])
def test_the_type_belongs_to_a_single_mix(mix):
    with pytest.raises(RecipeError, match="error_type belongs to kind: single"):
        parse_recipe({"mix": mix})


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden"])
def test_a_run_cannot_be_named_out_of_its_folder(name):
    with pytest.raises(RecipeError, match="name"):
        parse_recipe({"name": name})


def test_a_recipe_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Recipe().seed = 1
