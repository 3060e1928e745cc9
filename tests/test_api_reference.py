"""The public names are pinned in tests/public_names.txt, and docs/api.md is made of them."""

import re
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))

import api_reference  # noqa: E402  (scripts is no package)


def test_the_public_names_are_those_that_are_pinned():
    pinned = api_reference.NAMES.read_text(encoding="utf-8").split()
    there = api_reference.names().split()
    assert sorted(set(there) - set(pinned)) == [], "new public names; if they are meant to be public, run: make docs"
    assert sorted(set(pinned) - set(there)) == [], "public names are gone; say so in CHANGELOG.md, and run: make docs"
    assert there == pinned


def test_the_page_is_up_to_date():
    assert api_reference.PAGE.read_text(encoding="utf-8") == api_reference.page(), "the API has changed; run: make docs"


@pytest.mark.parametrize(
    "name", ["seapo.tree.score", "seapo.train.train", "seapo.records.Sample", "seapo.verify.CHECKS"]
)
def test_names_that_everything_stands_on_are_pinned(name):
    assert name in api_reference.NAMES.read_text(encoding="utf-8").split()


def test_a_name_without_a_docstring_would_be_seen():
    sections = api_reference.page().split("\n### ")[1:]
    untold = [each.splitlines()[0] for each in sections if not any(each.splitlines()[1:])]
    assert untold == []


def test_every_module_that_the_pages_import_from_is_in_it():
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    named = {name for page in pages for name in re.findall(r"^from (seapo\S*) import", page.read_text(), re.MULTILINE)}
    assert len(named) > 10
    assert named - set(api_reference.MODULES) == set()
