"""The stage as a stream: workers, order, choice, and what lies in the folder."""

from collections import Counter

import pytest

from seapo.errors import DataError
from seapo.recipe import VerifySection
from seapo.records import DroppedCandidate, Negative, NumberTruth, Skip
from seapo.store import read_records
from seapo.verify import verify_candidates, verify_to
from seapo.verify.stage import Lottery

TYPES = ("correctness", "logic")


@pytest.fixture(scope="module")
def case(make_sample, make_candidate):
    """40 samples with several candidates of two types each, some of which fail."""
    samples, candidates = [], []
    for n in range(2, 42):
        text = (
            f"Each of {n} nets holds 6 eggs, so there are {n} * 6 = {6 * n} eggs.\nSo Anna counts them.\n#### {6 * n}"
        )
        sample = make_sample(text, id=f"s{n}", truth=NumberTruth(value=str(6 * n)))
        samples.append(sample)
        changed = [text.replace(f"= {6 * n}", f"= {6 * n + extra}") for extra in (1, 2, 5)]
        changed += [text.replace("Anna", "Julia"), text.replace("So Anna", "Anna"), text.upper()]
        candidates += [make_candidate(sample, each, rank=rank) for rank, each in enumerate(changed)]
        wrong = text.replace(f"#### {6 * n}", f"#### {6 * n + 4}")
        candidates += [make_candidate(sample, wrong, "logic"), make_candidate(sample, changed[0], "logic", rank=1)]
    return samples, candidates


def run(folder, case, **settings):
    folder.mkdir(exist_ok=True)
    summary = verify_to(folder, *case, [], VerifySection(**settings), error_types=TYPES, seed=3)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}, summary


def test_the_number_of_workers_changes_nothing(tmp_path, case):
    alone = run(tmp_path / "alone", case)
    together = run(tmp_path / "together", case, workers=2)
    assert alone == together
    assert list(alone[0]) == ["dropped.jsonl", "negatives.jsonl", "set_aside.jsonl", "skipped.jsonl"]


def test_every_candidate_is_looked_at_where_the_set_is_balanced(tmp_path, case):
    balanced, first = run(tmp_path / "balanced", case)[1], run(tmp_path / "first", case, balance=False)[1]
    assert balanced.checked == {"correctness": 240, "logic": 80}
    assert first.checked["correctness"] == 40
    assert balanced.accepted == first.accepted == {"correctness": 40, "logic": 40}
    assert list(read_records(tmp_path / "first" / "dropped.jsonl", DroppedCandidate)) == []


def test_only_the_strongest_status_is_chosen_from_and_not_always_the_first(tmp_path, case):
    run(tmp_path / "balanced", case)
    negatives = list(read_records(tmp_path / "balanced" / "negatives.jsonl", Negative))
    assert {each.verdict.status for each in negatives} == {"proved"}
    ranks = Counter(each.rank for each in negatives if each.error_type == "correctness")
    assert set(ranks) <= {0, 1, 2}
    assert len(ranks) > 1


def test_no_two_negatives_of_a_sample_say_the_same(tmp_path, case):
    run(tmp_path / "balanced", case)
    negatives = list(read_records(tmp_path / "balanced" / "negatives.jsonl", Negative))
    texts = {(each.sample_id, each.text) for each in negatives}
    assert len(texts) == len(negatives) == 80


def test_candidates_out_of_order_are_refused_and_not_lost(tmp_path, case):
    samples, candidates = case
    with pytest.raises(DataError, match=r"'s\d+' is no sample, or out of their order; run seapo inject again"):
        verify_to(tmp_path, samples[1:], candidates, [], VerifySection(), error_types=TYPES)
    skips = [Skip(sample_id="nobody", error_type="logic", stage="inject", reason="none")]
    with pytest.raises(DataError, match="'nobody' is no sample"):
        verify_to(tmp_path, samples, candidates, skips, VerifySection(), error_types=TYPES)


def test_records_at_hand_may_come_in_any_order(case):
    samples, candidates = case
    shuffled = sorted(candidates, key=lambda each: each.text)
    first, second = (
        verify_candidates(samples, each, [], VerifySection(), error_types=TYPES) for each in (candidates, shuffled)
    )
    assert first == second


def test_a_lottery_draws_the_same_lines_in_any_order_and_others_by_another_seed():
    def drawn(names, seed):
        lottery = Lottery(20, seed)
        for name in names:
            lottery.offer(name, name)
        return lottery.drawn()

    names = [f"s{n}" for n in range(500)]
    assert len(drawn(names, 1)) == 20
    assert drawn(names, 1) == drawn(reversed(names), 1)
    assert set(drawn(names, 1)) != set(drawn(names, 2))
    assert sorted(drawn(names[:7], 1)) == sorted(names[:7])
