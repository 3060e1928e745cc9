"""The strategy `rule`: every rule keeps to the subtype that it is listed under, and runs only where one is wanted."""

from collections import Counter

import pytest

from seapo.inject import Context, propose
from seapo.inject.ranking import choose
from seapo.inject.rule import DRAFTS_PER_RULE, RULES, propose_by_rule
from seapo.recipe import DataSection
from seapo.source import read_source
from seapo.taxonomy import ERROR_TYPES

CLIPS = "She sold 48 / 2 = 24 clips in May.\nShe sold 48 + 24 = 72 clips in both months.\n#### 72"
LOOP = "It counts:\n\n```java\nfor (int i = 0; i < n; i++) {\n  if (a[i] == b[i] && i > 2) count += a[i];\n}\n```"
SCRIPT = "It reads the page:\n\n```javascript\nconst rows = document.querySelectorAll('tr');\nrows.forEach(show);\n```"
STEPS = (
    "1. Boil a litre of water in the pot.\n2. Add the rice and a pinch of salt.\n3. Then drain it and serve it hot.\n"
    "4. After that, wash the pot with cold water."
)
OPENING = "Yes, it is safe to eat. The seeds of an apple hold too little of the poison to harm a person who eats them."
BESIDE_THE_STARTER_SET = (CLIPS, LOOP, SCRIPT, STEPS, OPENING)
"""Answers for rules that nothing in the starter set calls for."""
QUESTION = "Give me a recipe for it."
EVERY_RULE = [
    (error_type, subtype, rule)
    for error_type, kinds in RULES.items()
    for subtype, rules in kinds.items()
    for rule in rules
]


@pytest.fixture(scope="module")
def contexts(make_sample):
    samples = read_source(DataSection(), seed=0).samples
    own = [make_sample(answer, QUESTION) for answer in BESIDE_THE_STARTER_SET]
    return [Context(each, seed=0) for each in (*own, *samples)]


@pytest.mark.parametrize(
    ("error_type", "subtype", "rule"), EVERY_RULE, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_rule_makes_errors_of_the_subtype_it_is_listed_under_and_of_no_other(error_type, subtype, rule, contexts):
    found = Counter(
        draft.subtype for context in contexts for draft in rule(context.passage, context.random(rule.__name__))
    )
    assert set(found) == {subtype}


def test_the_subtypes_are_those_of_the_taxonomy():
    for error_type, kinds in RULES.items():
        assert set(kinds) <= set(ERROR_TYPES[error_type].subtypes)


def test_no_rule_is_listed_twice():
    assert len({rule for *_, rule in EVERY_RULE}) == len(EVERY_RULE)


def test_what_is_chosen_is_what_would_be_chosen_of_all_that_the_rules_make(contexts):
    """However few rules are run, the result is that of running them all, and of drawing the same order."""
    for context in contexts[:40]:
        for error_type in RULES:
            lazy = choose(propose_by_rule(context.sample, error_type, context), 2, context.random("order"))
            offers = list(propose_by_rule(context.sample, error_type, context))
            made = [type(offer)(offer.subtype, iter(list(offer.proposals))) for offer in offers]
            assert lazy == choose(made, 2, context.random("order"))


def test_a_rule_that_is_not_wanted_is_not_run(make_sample):
    """An answer with an error of many subtypes, of which one is taken."""
    context = Context(make_sample(CLIPS), seed=0)
    asked = list[str]()

    class Watched(Context):
        def random(self, purpose):
            asked.append(purpose)
            return super().random(purpose)

    watched = Watched(context.sample, seed=0)
    (only,) = choose(propose_by_rule(watched.sample, "logic", watched), 1, context.random("order"))
    assert f"rule:{only.injector}" in asked
    assert len(asked) < sum(len(rules) for rules in RULES["logic"].values())


def test_all_proposals_are_a_few_of_every_rule(make_sample):
    context = Context(make_sample(CLIPS), seed=0)
    counts = Counter(each.injector for each in propose(context.sample, ("correctness",), ("rule",), context))
    assert len(counts) > 3
    assert max(counts.values()) <= DRAFTS_PER_RULE
