"""Negatives that are kept beside the chosen one: which they are, and that they change nothing else."""

import pytest

from seapo.recipe import VerifySection
from seapo.records import NumberTruth
from seapo.verify import verify_candidates

TYPES = ("correctness", "logic")


@pytest.fixture(scope="module")
def case(make_sample, make_candidate):
    """12 samples; four candidates of correctness pass, two of which say the same, and two of logic."""
    samples, candidates = [], []
    for n in range(2, 14):
        text = f"Each of {n} nets holds 6 eggs, so there are {n} * 6 = {6 * n} eggs.\nHe counts them.\n#### {6 * n}"
        sample = make_sample(text, id=f"s{n}", truth=NumberTruth(value=str(6 * n)))
        samples.append(sample)
        wrong = [text.replace(f"= {6 * n}", f"= {6 * n + extra}") for extra in (1, 2, 5)]
        wrong.append(wrong[1].replace("counts them.", "counts them ."))
        candidates += [make_candidate(sample, each, rank=rank) for rank, each in enumerate(wrong)]
        last = [text.replace(f"#### {6 * n}", f"#### {6 * n + extra}") for extra in (4, 7)]
        candidates += [make_candidate(sample, each, "logic", rank=rank) for rank, each in enumerate(last)]
    return samples, candidates


def verified(case, **settings):
    return verify_candidates(*case, [], VerifySection(**settings), error_types=TYPES, seed=3)


def by_sample(result):
    found = {}
    for each in result.negatives:
        found.setdefault(each.sample_id, []).append(each)
    return found


@pytest.mark.parametrize("balance", [True, False])
def test_what_is_kept_beside_never_changes_what_is_chosen(case, balance):
    one, three = verified(case, balance=balance), verified(case, balance=balance, keep_per_type=3)
    assert [each for each in three.negatives if each.choice == 0] == one.negatives
    assert three.skips == one.skips
    assert three.summary.accepted == one.summary.accepted
    assert three.summary.status == one.summary.status
    assert {len(own) for own in by_sample(three).values()} == {5}


def test_each_kept_one_says_something_else(case):
    for own in by_sample(verified(case, keep_per_type=4)).values():
        correctness = [each for each in own if each.error_type == "correctness"]
        assert [each.choice for each in correctness] == [0, 1, 2]
        assert len({each.text.replace(" .", ".") for each in own}) == len(own)


def test_without_balance_they_come_in_the_order_of_their_rank(case):
    for own in by_sample(verified(case, balance=False, keep_per_type=2)).values():
        assert [(each.error_type, each.rank) for each in own] == [
            ("correctness", 0), ("logic", 0), ("correctness", 1), ("logic", 1),
        ]  # fmt: skip


def test_workers_keep_the_same(case):
    alone, together = (verified(case, keep_per_type=3, workers=workers) for workers in (1, 2))
    assert alone.negatives == together.negatives


def test_none_is_no_number_to_keep():
    with pytest.raises(ValueError, match="greater than 0"):
        VerifySection(keep_per_type=0)
