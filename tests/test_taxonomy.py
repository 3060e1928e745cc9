"""Every error type is told in words that a model can follow, and a recipe's own types stand beside the others."""

from typing import get_args

import pytest

from seapo.errors import RecipeError, UnknownNameError
from seapo.recipe import ErrorTypeSection
from seapo.records import Dimension
from seapo.taxonomy import ERROR_TYPES, Domain, Subtype, find_error_type

BUILT_IN = ("correctness", "logic", "hallucination")
STYLE = ErrorTypeSection(
    name="style", definition="The tone breaks with the request.", subtypes=("slang",), examples=("Hello! -> Yo!",)
)
KINDS = [(name, kind) for name in BUILT_IN for kind in ERROR_TYPES[name].kinds]


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=lambda value: getattr(value, "name", value))
def test_every_subtype_has_a_definition_an_example_and_domains(name, kind):
    assert kind.definition.endswith(".")
    assert len(kind.definition) < 120
    assert kind.domains
    assert set(kind.domains) <= {*get_args(Dimension), "any"}
    if kind.name != "missing_step":  # what is missing cannot be shown in a line
        assert kind.before != kind.after
        assert kind.before
        assert kind.after


def test_no_two_subtypes_share_a_name():
    names = [kind.name for _, kind in KINDS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("domain", [None, *get_args(Dimension)])
@pytest.mark.parametrize("name", BUILT_IN)
def test_every_domain_has_subtypes_of_every_type(name, domain):
    kinds = ERROR_TYPES[name].suited(domain)
    assert kinds
    assert all(kind.suits(domain) for kind in kinds)


def test_code_gets_errors_of_code_and_facts_get_none():
    coding = {kind.name for name in BUILT_IN for kind in ERROR_TYPES[name].suited("coding")}
    unknown = {kind.name for name in BUILT_IN for kind in ERROR_TYPES[name].suited(None)}
    assert {"off_by_one", "invented_api"} <= coding
    assert "wrong_translation" not in coding
    assert not {"off_by_one", "invented_api", "wrong_arithmetic"} & unknown
    assert "wrong_date" in unknown


def test_an_example_tells_before_and_after():
    assert Subtype("a", before="4 strings", after="5 strings").example == '"4 strings" becomes "5 strings"'
    assert Subtype("a").example == ""


def test_a_type_of_the_recipe_is_found_beside_the_others():
    found = find_error_type("style", [STYLE])
    assert (found.definition, found.subtypes, found.examples) == (STYLE.definition, ("slang",), STYLE.examples)
    assert find_error_type("logic", [STYLE]) is ERROR_TYPES["logic"]


def test_a_type_without_subtypes_is_its_own():
    (kind,) = find_error_type("style", [STYLE.model_copy(update={"subtypes": ()})]).suited(None)
    assert (kind.name, kind.definition) == ("style", STYLE.definition)


def test_an_unknown_type_is_told_with_all_that_are_known():
    with pytest.raises(
        UnknownNameError, match=r"no error type named 'stile'\. Did you mean 'style'\? Known: corr.*style"
    ):
        find_error_type("stile", [STYLE])


@pytest.mark.parametrize("own", [[STYLE.model_copy(update={"name": "logic"})], [STYLE, STYLE]])
def test_a_name_is_taken_once(own):
    with pytest.raises(RecipeError, match="choose another name"):
        find_error_type("correctness", own)


def test_domains_are_the_dimensions_and_any():
    assert {name for part in get_args(Domain) for name in get_args(part)} == {*get_args(Dimension), "any"}
