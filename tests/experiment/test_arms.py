"""From a recipe to its arms and runs: what may differ, what seeds change, and what a mistake says."""

from pathlib import Path

import pytest

from seapo.errors import RecipeError
from seapo.experiment.arms import arms_of, default_arms, runs_of
from seapo.recipe import load_recipe, parse_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


def arms(overrides, **more):
    recipe = parse_recipe({"data": {"limit": 60}, "experiment": {"arms": overrides, **more}})
    return arms_of(recipe, has_rejected=False)


def test_the_default_arms_are_the_baselines_each_type_mixed_and_all():
    recipe = parse_recipe({"mix": {"weights": {"logic": 1.0}}})
    assert list(default_arms(recipe, has_rejected=True)) == [
        "sft", "original", "correctness", "logic", "hallucination", "mixed", "all",
    ]  # fmt: skip
    found = {arm.name: arm for arm in arms_of(recipe, has_rejected=True)}
    assert found["sft"].is_sft
    assert found["original"].is_original
    assert found["logic"].single_type == "logic"
    assert found["mixed"].is_injected
    assert found["mixed"].recipe.mix.weights is None
    assert "original" not in default_arms(recipe, has_rejected=False)


def test_the_shipped_recipe_has_arms():
    recipe = load_recipe(RECIPES / "experiment.yaml")
    assert [arm.name for arm in arms_of(recipe, has_rejected=False)] == list(recipe.experiment.arms)


def test_a_seed_changes_the_mix_and_training_and_nothing_before():
    recipe = parse_recipe({"seed": 9, "experiment": {"arms": {"dpo": {"train.method": "dpo"}}, "seeds": [0, 4]}})
    first, second = runs_of(arms_of(recipe, has_rejected=False), recipe, limit=50)
    assert [one.name for one in (first, second)] == ["dpo-0", "dpo-4"]
    assert (second.recipe.seed, second.recipe.mix_seed, second.recipe.train_seed) == (9, 4, 4)
    rest = []
    for one in (first, second):
        values = one.recipe.model_dump()
        del values["name"], values["mix"]["seed"], values["train"]["seed"]
        rest.append(values)
    assert rest[0] == rest[1]
    assert second.recipe.data.limit == 50
    assert second.recipe.run_dir == Path("runs/run/dpo-4")


def test_an_arm_may_keep_a_seed_for_itself():
    recipe = parse_recipe({"experiment": {"arms": {"a": {"mix.seed": 3}}, "seeds": [1]}})
    (one,) = runs_of(arms_of(recipe, has_rejected=False), recipe, limit=50)
    assert (one.recipe.mix_seed, one.recipe.train_seed) == (3, 1)


def test_nested_values_are_the_same_as_dotted_ones():
    nested, dotted = arms({"a": {"mix": {"kind": "single", "error_type": "logic"}},
                           "b": {"mix.kind": "single", "mix.error_type": "logic"}})  # fmt: skip
    assert nested.recipe == dotted.recipe


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"a": {"evaluate.limit": 3}}, "arm 'a': evaluate.limit cannot differ between arms"),
        ({"a": {"model.name": "x"}}, "start from the same model"),
        ({"a": {"train.lerning_rate": 1}}, "Did you mean 'learning_rate'"),
        ({"a": {"trian.beta": 1}}, "no such section 'trian'. Did you mean 'train'"),
        ({"a": {"data.path": "x"}}, "data.limit alone"),
        ({"a": {"data.limit": 61}}, "more than the experiment's own 60"),
        ({"a": {"train": 3}}, "write train.KEY: VALUE"),
        ({"a": {"mix.kind": "original"}}, "starter has none"),
    ],
)
def test_an_arm_that_cannot_be_is_a_sentence(overrides, message):
    with pytest.raises(RecipeError) as caught:
        arms(overrides)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"arms": {"untouched": {}}}, "is always there"),
        ({"arms": {"../a": {}}}, "cannot name an arm's folder"),
        ({"arms": {}}, "name an arm at least"),
        ({"seeds": [1, 1]}, "stands once"),
        ({"seeds": []}, "at least 1 item"),
    ],
)
def test_a_section_that_cannot_be_is_a_sentence(section, message):
    with pytest.raises(RecipeError, match="experiment") as caught:
        parse_recipe({"experiment": section})
    assert message in str(caught.value)
