"""What a published card tells of places: nothing of this machine, nothing of an account."""

import pytest

from seapo.export.provenance import read_provenance
from seapo.recipe import load_recipe


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("starter", "starter"),
        ("HuggingFaceH4/ultrafeedback_binarized", "HuggingFaceH4/ultrafeedback_binarized"),
        ("/home/me/secret/pairs.jsonl", "pairs.jsonl"),
        ("~/secret/pairs.jsonl", "pairs.jsonl"),
        ("secret/pairs.jsonl.gz", "pairs.jsonl.gz"),
        ("a/secret/folder", "folder"),
        ("file:///home/me/secret/pairs.jsonl", "pairs.jsonl"),
        ("https://me:password@host.org/pairs.jsonl?token=1", "https://host.org/pairs.jsonl"),
    ],
)
def test_a_path_is_told_by_its_last_part_whether_it_is_there_or_not(path, told, made_run):
    recipe = load_recipe(made_run / "recipe.yaml")
    changed = recipe.model_copy(update={"data": recipe.data.model_copy(update={"path": path})})
    assert read_provenance(made_run, changed).recipe["data"]["path"] == told
