"""scripts/cost.py: shapes as published, formulas by hand, and docs/cost.md is what it prints."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seapo.recipe import TrainSection, load_recipe

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))

import cost  # noqa: E402  (scripts is no package)

PAGE = (REPOSITORY / "docs" / "cost.md").read_text(encoding="utf-8")
# Number of parameters, all and without embeddings, in 10^9, as the models' cards give them.
PUBLISHED = {"1.5B": (1.54, 1.31), "3B": (3.09, 2.77), "7B": (7.61, 6.53), "14B": (14.7, 13.1), "32B": (32.5, 31.0)}
TINY = cost.Shape(4, 2, 2, 1, 2, 8, 10, True, False)


@pytest.mark.parametrize(("size", "published"), PUBLISHED.items())
def test_shapes_have_the_published_numbers_of_parameters(size, published):
    shape = cost.SHAPES[f"Qwen/Qwen2.5-{size}-Instruct"]
    without = shape.weights - shape.vocabulary * shape.hidden * (1 if shape.is_tied else 2)
    assert (shape.weights / 1e9, without / 1e9) == pytest.approx(published, rel=0.01)


def test_the_embedded_models_shape_is_its_own(embedded):
    model, _ = embedded
    assert cost.read_shape(model.config.to_dict() | {"tie_word_embeddings": True}) == cost.SHAPES["embedded"]
    assert cost.SHAPES["embedded"].weights == sum(one.numel() for one in model.parameters())


def test_the_formulas_by_hand():
    # q 4x4, k and v 4x2, o 4x4, gate and up 4x8, down 8x4: 144 weights a layer
    assert TINY.layer_weights == 2 * 144
    assert TINY.lora_weights(1) == 2 * (8 + 6 + 6 + 8 + 12 + 12 + 12)
    assert cost.forward_flop(TINY, tokens=3, attended=6) == 2 * 288 * 3 + 4 * 2 * 4 * 6
    assert cost.head_flop(TINY, 5) == 2 * 10 * 4 * 5


def test_lora_and_checkpointing_change_the_cost_as_they_should():
    shape, means = cost.SHAPES["Qwen/Qwen2.5-7B-Instruct"], cost.ULTRAFEEDBACK
    lora = cost.policy_flop(shape, means, TrainSection())
    full = cost.policy_flop(shape, means, TrainSection(tuning="full"))
    again = cost.policy_flop(shape, means, TrainSection(gradient_checkpointing=True))
    assert 1.3 < full / lora < 1.5
    assert 1.35 < again / lora < 1.5
    assert cost.train_bytes(shape, TrainSection(gradient_checkpointing=True)) < cost.train_bytes(shape, TrainSection())
    assert cost.kl_flop(shape, means, TrainSection(method="dpo")) == 0
    assert cost.reference_flop(shape, means, TrainSection(method="simpo")) == 0
    more = replace(means, tree=2 * means.tree)
    assert cost.policy_flop(shape, more, TrainSection()) > lora


def test_the_page_shows_what_the_script_prints(capsys):
    cost.main([])
    assert capsys.readouterr().out.strip() in PAGE
    for name, value in vars(cost.ULTRAFEEDBACK).items():
        assert f"| `{name}` | {value:,.0f} |" in PAGE


def test_recipes_name_the_page_and_the_command_that_starts_them():
    for path in sorted((REPOSITORY / "recipes").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        head = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        command = re.search(rf"^# *(?:[A-Z_]+=\S+ )?(?:seapo \w+|make) (?:recipes/)?{path.stem}", head, re.MULTILINE)
        assert command, f"{path.name} does not say how it is started"


@pytest.mark.parametrize("name", cost.PAPER)
def test_the_paper_recipes_are_the_published_setting(name):
    recipe = load_recipe(REPOSITORY / "recipes" / f"{name}.yaml")
    assert recipe.train.model_copy(update={"gradient_checkpointing": False}) == TrainSection()
    assert (recipe.engine.model, recipe.engine.temperature) == ("Qwen/Qwen2.5-7B-Instruct", 0.0)
    assert (recipe.engine.max_tokens, recipe.engine.context_tokens) == (1024, 4096)
    assert recipe.model.name.startswith("Qwen/Qwen2.5-")
    assert recipe.mix.kind == "mixed"


def test_a_model_of_unknown_shape_is_told():
    with pytest.raises(SystemExit, match="give a folder with its config"):
        cost.find_shape("no/such-model")
