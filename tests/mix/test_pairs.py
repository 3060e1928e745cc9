"""Which negatives each kind of mix chooses, and what it says where there are none."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.errors import DataError, UnknownNameError
from seapo.mix import mix_pairs
from seapo.recipe import MixSection
from seapo.records import Edit, Message, Negative, PreferencePair, Sample, Verdict, apply_edits

TYPES = ("correctness", "hallucination", "logic")


def sample(name, rejected=()):
    question = Message(role="user", content=f"What is {name}?")
    return Sample(id=name, source="test.jsonl", line=1, prompt=(question,), chosen=f"{name} is 4.", rejected=rejected)


def negative(parent, error_type, rank=0, replacement="5"):
    edit = Edit(start=len(parent.chosen) - 2, end=len(parent.chosen) - 1, original="4", replacement=replacement)
    return Negative(
        sample_id=parent.id,
        error_type=error_type,
        subtype=f"{error_type} of a test",
        strategy="rule",
        injector="number",
        rank=rank,
        text=apply_edits(parent.chosen, (edit,)),
        edits=(edit,),
        logprob_nats=-9.0,
        chosen_logprob_nats=-8.0,
        edit_ratio=0.1,
        verdict=Verdict(status="proved", proofs=("final_answer",)),
    )


SAMPLES = [sample(f"s{number}") for number in range(60)]
NEGATIVES = [negative(parent, name) for parent in SAMPLES for name in TYPES]
MIXED = MixSection()
ALL = MixSection(kind="all")
ORIGINAL = MixSection(kind="original")


def choices(result):
    return {pair.id: pair.error_type for pair in result.pairs}


def test_mixed_takes_one_type_a_sample_and_every_type_somewhere():
    result = mix_pairs(SAMPLES, NEGATIVES, MIXED, seed=0)
    assert [pair.id for pair in result.pairs] == [parent.id for parent in SAMPLES]
    counts = result.summary.by_error_type
    assert list(counts) == list(TYPES)
    assert sum(counts.values()) == 60
    assert min(counts.values()) >= 10
    assert result.summary.model_dump() == {
        "kind": "mixed", "samples": 60, "pairs": 60, "by_error_type": counts, "without_pair": 0,
        "weights": None, "order": "shuffled", "left_out": {}, "capped_samples": 0, "by_epoch": (),
    }  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5), st.sets(st.integers(0, 59), min_size=1), st.randoms(use_true_random=False))
def test_mixed_follows_from_seed_and_sample_alone(seed, kept, rng):
    whole = choices(mix_pairs(SAMPLES, NEGATIVES, MIXED, seed=seed))
    part = [SAMPLES[number] for number in kept]
    negatives = [one for one in NEGATIVES if one.sample_id in {parent.id for parent in part}]
    rng.shuffle(part)
    rng.shuffle(negatives)
    assert choices(mix_pairs(part, negatives, MIXED, seed=seed)) == {parent.id: whole[parent.id] for parent in part}


def test_another_seed_mixes_otherwise():
    assert choices(mix_pairs(SAMPLES, NEGATIVES, MIXED, seed=0)) != choices(
        mix_pairs(SAMPLES, NEGATIVES, MIXED, seed=1)
    )


def test_mixed_draws_among_the_types_that_a_sample_has():
    negatives = [one for one in NEGATIVES if one.error_type != "logic" and one.sample_id not in ("s3", "s5")]
    result = mix_pairs(SAMPLES, negatives, MIXED, seed=0)
    assert set(result.summary.by_error_type) == {"correctness", "hallucination"}
    assert result.summary.pairs == 58
    assert result.summary.without_pair == 2


def test_single_takes_one_type():
    result = mix_pairs(SAMPLES, NEGATIVES[:4], MixSection(kind="single", error_type="logic"), seed=0)
    assert choices(result) == {"s0": "logic"}
    assert result.summary.without_pair == 59


def test_all_takes_every_type_with_the_pairs_of_a_sample_together():
    result = mix_pairs(SAMPLES[:2], random.Random(0).sample(NEGATIVES[:6], 6), ALL, seed=0)
    assert [(pair.id, pair.error_type) for pair in result.pairs] == [
        (parent.id, name) for parent in SAMPLES[:2] for name in TYPES
    ]


def test_the_most_plausible_negative_of_a_type_is_taken():
    negatives = [
        negative(SAMPLES[0], "logic", rank, replacement) for rank, replacement in ((2, "7"), (0, "8"), (1, "9"))
    ]
    (pair,) = mix_pairs(SAMPLES[:1], negatives, ALL, seed=0).pairs
    assert pair.rejected[0].content == "s0 is 8."


def test_a_pair_tells_where_it_came_from():
    (pair,) = mix_pairs(SAMPLES[:1], NEGATIVES[:1], MIXED, seed=0).pairs
    assert pair == PreferencePair(
        id="s0",
        prompt=SAMPLES[0].prompt,
        chosen=(Message(role="assistant", content="s0 is 4."),),
        rejected=(Message(role="assistant", content="s0 is 5."),),
        source="test.jsonl",
        error_type="correctness",
        subtype="correctness of a test",
        strategy="rule",
        injector="number",
        edits=NEGATIVES[0].edits,
        edit_ratio=0.1,
        status="proved",
        proofs=("final_answer",),
        gap_nats=1.0,
    )


def test_original_takes_the_datas_own_rejected_answers_once_each():
    samples = [sample("a", ("no", "a is 4.", "never", "no")), sample("b")]
    result = mix_pairs(samples, NEGATIVES[:0], ORIGINAL, seed=0)
    assert [pair.rejected[0].content for pair in result.pairs] == ["no", "never"]
    assert {(pair.error_type, pair.status, pair.edits) for pair in result.pairs} == {("original", "unverified", ())}
    assert result.summary.without_pair == 1


def test_original_without_rejected_answers_says_what_to_do():
    with pytest.raises(
        DataError, match=r"none of the 60 samples has one; choose mix\.kind: mixed, or data with rejected"
    ):
        mix_pairs(SAMPLES, NEGATIVES, ORIGINAL, seed=0)


def test_no_negative_at_all_says_what_to_do():
    with pytest.raises(DataError, match=r"no training pair is left: none of the 60 samples has a verified negative"):
        mix_pairs(SAMPLES, [], MIXED, seed=0)


def test_single_names_the_types_that_are_there():
    with pytest.raises(DataError, match=r"no verified negative has the type 'logic' .*have correctness 1; choose one"):
        mix_pairs(SAMPLES, NEGATIVES[:1], MixSection(kind="single", error_type="logic"), seed=0)


def test_single_with_an_unknown_type_names_the_known():
    with pytest.raises(
        UnknownNameError, match=r"no error type named 'logik'\. Did you mean 'logic'\? Known: correctness"
    ):
        mix_pairs(SAMPLES, NEGATIVES, MixSection(kind="single", error_type="logik"), seed=0)


def test_a_negative_without_its_sample_is_refused():
    with pytest.raises(DataError, match="a negative of the sample 's9', which is not among the 1 samples"):
        mix_pairs(SAMPLES[:1], [NEGATIVES[27]], MIXED, seed=0)


def weighted(**weights):
    return MixSection(weights=weights)


def test_weights_draw_each_type_in_their_proportion():
    parents = [sample(f"w{number}") for number in range(400)]
    negatives = [negative(parent, name) for parent in parents for name in TYPES]
    shares = weighted(correctness=0.7, logic=0.2, hallucination=0.1)
    summary = mix_pairs(parents, negatives, shares, seed=0).summary
    assert summary.weights == shares.weights
    # 400 draws: three standard deviations around 280, 80 and 40.
    for name, mean, deviation in (("correctness", 280, 9.2), ("logic", 80, 8.0), ("hallucination", 40, 6.0)):
        assert abs(summary.by_error_type[name] - mean) < 3 * deviation


def test_a_weighted_draw_follows_from_seed_and_sample_alone():
    shares = weighted(correctness=3, logic=2, hallucination=1)
    whole = choices(mix_pairs(SAMPLES, NEGATIVES, shares, seed=5))
    some = SAMPLES[::-3]
    kept = [each for each in NEGATIVES[::-1] if each.sample_id in {parent.id for parent in some}]
    assert choices(mix_pairs(some, kept, shares, seed=5)) == {parent.id: whole[parent.id] for parent in some}
    assert choices(mix_pairs(SAMPLES, NEGATIVES, shares, seed=6)) != whole


def test_equal_weights_of_a_diagnosis_come_from_outside_and_win():
    given = {"correctness": 0.0, "logic": 1.0, "hallucination": 0.0}
    result = mix_pairs(SAMPLES, NEGATIVES, MixSection(weights="from_diagnosis"), seed=0, weights=given)
    assert set(choices(result).values()) == {"logic"}
    assert result.summary.weights == given


def test_a_sample_is_drawn_from_the_types_that_it_has():
    only_logic = [each for each in NEGATIVES if each.error_type == "logic"]
    assert set(choices(mix_pairs(SAMPLES, only_logic, weighted(correctness=9, logic=1), seed=0)).values()) == {"logic"}
    result = mix_pairs(SAMPLES, only_logic + NEGATIVES[:3], weighted(correctness=1), seed=0)
    assert (result.summary.pairs, result.summary.without_pair) == (1, 59)


def test_weights_without_a_diagnosis_or_of_an_unknown_type_are_mistakes():
    with pytest.raises(DataError, match="no diagnosis is given; make one with `seapo diagnose RUN`"):
        mix_pairs(SAMPLES, NEGATIVES, MixSection(weights="from_diagnosis"), seed=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'logic'"):
        mix_pairs(SAMPLES, NEGATIVES, weighted(logik=1), seed=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "all", "weights": {"logic": 1}}, "weights belong to kind: mixed, not to all"),
        ({"weights": {"logic": -1, "correctness": 2}}, "weights are numbers of 0 or more, at least one above 0"),
        ({"weights": {"logic": 0}}, "at least one above 0"),
        ({"weights": {"logic": float("inf")}}, "numbers of 0 or more"),
        ({"weights": "from_the_stars"}, "from_diagnosis"),
    ],
)
def test_weights_that_cannot_be_drawn_by_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        MixSection(**values)
