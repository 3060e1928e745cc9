"""docs/recipe.md is what scripts/recipe_reference.py makes of the types."""

import sys
from pathlib import Path

from pydantic import Field

from seapo.recipe import Recipe, Section

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))

import recipe_reference  # noqa: E402  (scripts is no package)


def test_the_page_is_up_to_date():
    written = (REPOSITORY / "docs" / "recipe.md").read_text(encoding="utf-8")
    assert written == recipe_reference.page(), "the recipe's types have changed; run: make docs"


def test_every_key_is_on_it():
    text = recipe_reference.page()
    for name, kind in recipe_reference.sections():
        assert f"## `{name}`" in text or not name
        for key, field in kind.model_fields.items():
            own = recipe_reference.section_of(field.annotation) is field.annotation
            assert own or f"\n| `{key}` | " in text, (name, key)
    assert {"model", "train", "data.decontaminate", "inject.types[]"} <= {n for n, _ in recipe_reference.sections()}
    assert set(Recipe.model_fields) >= {"name", "seed", "train"}


class Example(Section):
    """For the test alone."""

    plain: int = 3
    """What it is."""
    bound: float | None = Field(default=None, gt=0, le=1)
    names: tuple[str, ...] = ("a",)


def test_a_changed_key_would_change_the_page():
    assert list(recipe_reference.rows(Example, "example")) == [
        "| `plain` | whole number | `3` | What it is. |",
        "| `bound` | number above 0 and at most 1, or nothing | left out | |",
        '| `names` | list of texts | `["a"]` | |',
    ]
