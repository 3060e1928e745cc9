"""Several errors in one answer."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from seapo.inject import Context, propose
from seapo.inject.combination import combined
from seapo.inject.proposal import Proposal
from seapo.records import Edit, apply_edits

ANSWER = "abcdefghijklmnopqrstuvwxyz"


def proposal(name: str, *spans: tuple[int, int]) -> Proposal:
    edits = (Edit(start=a, end=b, original=ANSWER[a:b], replacement=name.upper()) for a, b in spans)
    return Proposal("logic", name, "rule", name, tuple(edits))


SPANS = st.tuples(st.integers(0, 25), st.integers(1, 3)).map(lambda pair: (pair[0], min(26, sum(pair))))


def test_what_does_not_touch_is_put_together():
    first, *_ = combined([proposal("a", (0, 1)), proposal("b", (4, 5)), proposal("c", (8, 9))], 2, Random(0))
    assert len(first.edits) == 2
    assert first.subtype == "a"
    assert first.injector in ("a + b", "a + c")
    assert first.text(ANSWER).startswith("Abcd")


def test_what_overlaps_or_touches_stays_apart():
    ones = [proposal("a", (0, 2)), proposal("b", (1, 3)), proposal("c", (2, 4))]
    assert [p.edits for p in combined(ones, 3, Random(0))] == [p.edits for p in ones]


def test_one_error_is_left_as_it_is():
    ones = [proposal("a", (0, 2)), proposal("b", (5, 6))]
    assert combined(ones, 1, Random(0)) == ones


@given(st.lists(SPANS, min_size=1, max_size=8), st.integers(2, 4), st.integers(0, 5))
def test_the_edits_always_fit(spans, count, seed):
    ones = [proposal(f"p{number}", span) for number, span in enumerate(spans)]
    for each in combined(ones, count, Random(seed)):
        assert 1 <= len(each.edits) <= count
        apply_edits(ANSWER, each.edits)


def test_consequences_stay_whole(make_sample):
    answer = (
        "There are 8 * 3 = 24 pens and 24 + 5 = 29 in all. The box weighs 70 grams and was made in Lyon in May 1964."
    )
    sample = make_sample(answer, "How many pens are there in all, if 8 boxes hold 3 each and 5 lie beside them?")
    context = Context(sample, seed=0)
    alone = propose(sample, ("correctness",), ("rule",), context)
    together = combined(alone, 2, Random(0))
    assert any(len(both.edits) > len(one.edits) for both, one in zip(together, alone, strict=True))
    for both in together:
        parts = [one for one in alone if set(one.edits) <= set(both.edits)]
        assert set(both.edits) == {edit for one in parts for edit in one.edits}, (
            "each error with all that follows from it"
        )
