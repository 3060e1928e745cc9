"""Which proposals are read where all of them would cost too much, with a reading that counts characters."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.inject import Context, Proposal
from seapo.inject.spending import FEWEST, FEWEST_OF_OTHERS, affordable
from seapo.records import Edit

ANSWER = "abcdefghijklmnopqrst"


class Characters:
    """Says of an answer that it costs its characters from the first that differs on; later letters are likelier."""

    def costs(self, answers):
        return [len(answer) - self._place(answer) for answer in answers]

    def glances(self, answers):
        return [float(ord(answer[self._place(answer)])) for answer in answers]

    def _place(self, answer):
        return next(place for place, letter in enumerate(answer) if letter != ANSWER[place])


def proposal(error_type, subtype, place, letter):
    edit = Edit(start=place, end=place + 1, original=ANSWER[place], replacement=letter)
    return Proposal(error_type, subtype, "rule", "mine", (edit,))


@pytest.fixture(scope="module")
def context(make_sample):
    return Context(make_sample(ANSWER), seed=0)


def kept(chosen, context, budget):
    return affordable(chosen, dict.fromkeys(chosen, context), Characters(), budget)


def cost(proposals):
    return sum(len(ANSWER) - each.edits[0].start for each in proposals)


PROPOSALS = st.lists(
    st.builds(
        proposal,
        st.sampled_from(["correctness", "logic", "hallucination"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, len(ANSWER) - 1),
        st.sampled_from("UVWXYZ"),
    ),
    max_size=18,
)


@given(PROPOSALS, st.integers(1, 300))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_fits_or_is_the_fewest(context, proposals, budget):
    chosen = {name: [each for each in proposals if each.error_type == name] for name in ("correctness", "logic")}
    if not any(chosen.values()):
        return
    found = kept(chosen, context, budget)
    for name, own in chosen.items():
        assert len(found[name]) >= min(len(own), FEWEST.get(name, FEWEST_OF_OTHERS))
        assert {id(each) for each in found[name]} <= {id(each) for each in own}
        assert len({id(each) for each in found[name]}) == len(found[name])
    beyond = [each for name, own in found.items() for each in own[FEWEST.get(name, FEWEST_OF_OTHERS) :]]
    assert cost(each for own in found.values() for each in own) <= budget or not beyond
    if cost(each for own in chosen.values() for each in own) <= budget:
        assert found == chosen


def test_each_subtype_comes_once_before_one_comes_twice_with_its_likeliest(context):
    own = [proposal("correctness", subtype, place, "XYZ"[place]) for subtype in "ab" for place in (0, 1, 2)]
    found = kept({"correctness": own}, context, 1)["correctness"]
    assert sorted((each.subtype, each.edits[0].replacement) for each in found) == [("a", "Z"), ("b", "Z")]


def test_errors_at_the_end_are_not_preferred_because_they_cost_little(context):
    """Nothing that comes behind the first one that doesn't fit is taken, though it would fit."""
    own = [proposal("correctness", "a", place, letter) for place, letter in ((0, "Z"), (0, "Y"), (0, "X"), (19, "W"))]
    assert kept({"correctness": own}, context, 59)["correctness"] == own[:2]
    assert kept({"correctness": own}, context, 60)["correctness"] == own[:3]
    assert kept({"correctness": own}, context, 61)["correctness"] == own


def test_a_type_without_proposals_stays_empty(context):
    found = kept({"correctness": [], "logic": [proposal("logic", "a", 0, "Z")] * 5}, context, 1)
    assert found["correctness"] == []
    assert len(found["logic"]) == FEWEST["logic"]
