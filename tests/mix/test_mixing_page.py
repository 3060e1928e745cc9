"""What docs/mixing.md shows: every recipe loads and mixes, every example runs and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seapo.mix import mix_rows
from seapo.recipe import MixSection, parse_recipe
from seapo.records import PreferencePair

PAGE = (Path(__file__).parents[2] / "docs" / "mixing.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_each_recipe_of_the_page_mixes(row, text):
    recipe = parse_recipe(yaml.safe_load(text))
    rows = [row(f"s{n}", kept=recipe.verify.keep_per_type, rejected=("no",)) for n in range(12)]
    result = mix_rows(rows, recipe.mix, seed=0, epochs=3)
    assert len({pair.id for pair in result.pairs}) == 12
    if recipe.mix.negatives_per_sample:
        assert len(result.pairs) == 12 * recipe.mix.negatives_per_sample


def test_the_page_has_recipes_for_every_setting():
    shown = {key for text in blocks("yaml") for key in yaml.safe_load(text)["mix"]}
    named = set(re.findall(r"`mix\.(\w+)`", PAGE))
    assert shown | named >= set(MixSection.model_fields)


def test_each_example_runs_and_prints_what_it_says():
    printed = []
    for code in blocks("python"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        printed.append(done.stdout.splitlines())
    assert printed == [["(0, 1)", "None"], ["3 plus 2 is 6.", "3 plus 2 is 6."]]


def test_all_columns_are_named():
    section = PAGE.split("## Columns of `pairs.jsonl`")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", section)) >= set(PreferencePair.model_fields)
