"""Which proposals are looked at, and in which order they are tried."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from seapo.inject.proposal import Offer, Proposal, as_offers
from seapo.inject.ranking import WEIGHTS, choose, rank, subtype_order
from seapo.records import Edit
from seapo.taxonomy import ERROR_TYPES


def proposal(subtype: str, number: int, injector: str = "some_rule") -> Proposal:
    edit = Edit(start=0, end=0, original="", replacement=f"{subtype} {number}")
    return Proposal("correctness", subtype, "rule", injector, (edit,))


PROPOSALS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.integers(0, 9), st.sampled_from("xy")), max_size=30, unique=True
)


@given(PROPOSALS, st.integers(1, 8), st.integers())
def test_at_most_as_many_as_asked_for_and_as_many_as_there_are(drawn, limit, seed):
    proposals = [proposal(*parts) for parts in drawn]
    chosen = choose(as_offers(proposals), limit, Random(seed))
    assert len(chosen) == min(limit, len(proposals))
    assert len({id(p) for p in chosen}) == len(chosen)
    assert chosen == choose(as_offers(proposals), limit, Random(seed))


@given(PROPOSALS, st.integers(1, 8), st.integers())
def test_no_more_is_made_than_is_taken(drawn, limit, seed):
    made = []

    def making(proposals):
        for each in proposals:
            made.append(each)
            yield each

    offers = as_offers(proposal(*parts) for parts in drawn)
    chosen = choose([Offer(offer.subtype, making(offer.proposals)) for offer in offers], limit, Random(seed))
    assert Counter(map(id, made)) == Counter(map(id, chosen))


def test_a_subtype_that_comes_to_nothing_leaves_the_odds_of_the_others_alone():
    """Of 6,000 draws; three standard errors of a share are 0.019 at most."""

    def shares(*offered):
        firsts = Counter(
            choose(
                [Offer(name, iter([proposal(name, 0)] if name != "wrong_step" else [])) for name in offered], 1, rng
            )[0].subtype
            for rng in map(Random, range(6000))
        )
        return {name: count / 6000 for name, count in firsts.items()}

    alone = shares("contradiction", "wrong_conclusion", "missing_step")
    beside = shares("contradiction", "wrong_conclusion", "missing_step", "wrong_step")
    assert all(abs(alone[name] - beside[name]) < 0.03 for name in ("contradiction", "wrong_conclusion", "missing_step"))
    assert alone["wrong_conclusion"] > alone["contradiction"] > alone["missing_step"]


def test_most_places_go_to_three_subtypes_then_each_gets_one():
    chosen = choose(as_offers(proposal(name, n) for name in "abcde" for n in range(6)), 8, Random(3))
    assert sorted(Counter(p.subtype for p in chosen).values()) == [2, 3, 3]
    few = choose(as_offers(proposal(name, n) for name in "abcde" for n in range(2)), 8, Random(3))
    assert sorted(Counter(p.subtype for p in few).values()) == [1, 1, 2, 2, 2]


@given(PROPOSALS, st.integers())
def test_ranking_keeps_all_and_is_plausible_within_a_subtype(drawn, seed):
    values = Random(seed)
    scored = [(proposal(*parts), values.uniform(-50, 0)) for parts in drawn]
    ranked = rank(scored, Random(seed))
    assert sorted(id(p) for p, _ in ranked) == sorted(id(p) for p, _ in scored)
    for subtype in "abcde":
        own = [value for p, value in ranked if p.subtype == subtype]
        assert own == sorted(own, reverse=True)


def test_the_first_ranks_are_of_different_subtypes_whatever_the_scores():
    scored = [(proposal("a", n), -float(n)) for n in range(5)] + [(proposal("b", n), -100.0) for n in range(3)]
    for seed in range(10):
        first, second, *_ = rank(scored, Random(seed))
        assert {first[0].subtype, second[0].subtype} == {"a", "b"}


def test_every_subtype_comes_first_for_some_sample():
    firsts = Counter(
        subtype_order(["wrong_arithmetic", "wrong_term", "wrong_unit"], Random(seed))[0] for seed in range(300)
    )
    assert set(firsts) == {"wrong_arithmetic", "wrong_term", "wrong_unit"}
    assert firsts["wrong_arithmetic"] > firsts["wrong_term"]


def test_models_and_rules_take_turns():
    proposals = [proposal("a", n) for n in range(6)] + [proposal("a", n, "SmolLM") for n in range(6)]
    chosen = choose(as_offers(proposals), 4, Random(0))
    assert Counter(p.injector for p in chosen) == {"some_rule": 2, "SmolLM": 2}


def test_weights_name_known_subtypes():
    known = {subtype for name in ERROR_TYPES for subtype in ERROR_TYPES[name].subtypes}
    assert set(WEIGHTS) <= known
