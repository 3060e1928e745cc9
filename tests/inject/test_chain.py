"""Which strategies are tried, and in which order."""

import pytest

from seapo.errors import EngineError, RecipeError, UnknownNameError
from seapo.inject.chain import follows_instructions, may_ask, needs_model, steps_of, uses_rules_alone
from seapo.recipe import EngineSection, InjectSection

RULES = (("rule", "pivot"),)
NONE = EngineSection()
EMBEDDED = EngineSection(kind="embedded")
OWN_FILE = EngineSection(kind="embedded", model="large.gguf")
VLLM = EngineSection(kind="vllm", model="a/b")
REMOTE = EngineSection(kind="openai", base_url="http://localhost:1", model="m")


@pytest.mark.parametrize(
    ("engine", "steps"),
    [(NONE, RULES), (EMBEDDED, RULES), *((e, (("edit",), *RULES)) for e in (OWN_FILE, VLLM, REMOTE))],
)
def test_the_default_chain_begins_with_a_model_that_follows_instructions(engine, steps):
    assert InjectSection().strategies == ("chain",)
    found = steps_of(InjectSection(), has_engine=engine.kind != "none", is_able=follows_instructions(engine))
    assert found == steps


def test_a_recipe_names_the_steps():
    settings = InjectSection(chain=(("rewrite",), ("rule",)))
    assert steps_of(settings, has_engine=True) == (("rewrite",), ("rule",))


def test_strategies_without_a_chain_compete_in_one_step():
    assert steps_of(InjectSection(strategies=("rule", "edit")), has_engine=True) == (("rule", "edit"),)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (InjectSection(strategies=("edit",)), EngineError, "there is no model to ask: set engine.kind to `openai`"),
        (InjectSection(chain=(("rewrite",),)), EngineError, "there is no model to ask"),
        (InjectSection(chain=(("rul",),)), UnknownNameError, "no strategy named 'rul'. Did you mean 'rule'?"),
        (InjectSection(strategies=("chain", "rule")), RecipeError, "inject.strategies is either"),
        (InjectSection(strategies=()), RecipeError, "inject.strategies is either"),
        (InjectSection(strategies=("rule",), chain=RULES), RecipeError, "inject.chain has no effect"),
        (InjectSection(chain=()), RecipeError, "inject.chain: each step"),
        (InjectSection(chain=(("rule",), ())), RecipeError, "inject.chain: each step"),
    ],
)
def test_what_cannot_be_tried_is_told_before_any_work(settings, error, message):
    with pytest.raises(error) as caught:
        steps_of(settings, has_engine=False)
    assert message in str(caught.value)


def test_rules_and_the_models_own_mistakes_ask_no_engine():
    assert not may_ask(RULES)
    assert may_ask((*RULES, ("edit",)))
    assert may_ask((("mine",),)), "of strategies that users add nothing is known"


@pytest.mark.parametrize(
    ("strategies", "rank_by", "is_alone", "is_needed"),
    [
        (("rule",), "none", True, False),
        (("rule",), "model", False, True),
        (("rule", "pivot"), "none", False, True),
        (("edit", "rule"), "none", False, False),
        (("mine",), "none", False, True),
    ],
)
def test_who_needs_a_model(strategies, rank_by, is_alone, is_needed):
    settings = InjectSection(strategies=strategies, rank_by=rank_by)
    assert uses_rules_alone((strategies,), settings) == is_alone
    assert needs_model((strategies,), settings) == is_needed
