"""A mix as a view: how many negatives, drawn when, under which caps; what other samples can and cannot change."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.errors import DataError, UnknownNameError
from seapo.mix import mix_rows
from seapo.recipe import MixSection, parse_recipe

NAMES = tuple(f"s{number}" for number in range(40))


@pytest.fixture(scope="module")
def rows(row):
    return [row(name, kept=2, source="a.jsonl" if number % 4 else "b.jsonl") for number, name in enumerate(NAMES)]


def mix(rows, epochs=1, seed=0, **values):
    return mix_rows(rows, MixSection(**values), seed=seed, epochs=epochs)


def taken(result):
    """Sample -> what it is trained with: type, answer, epochs."""
    found = {}
    for pair in result.pairs:
        found.setdefault(pair.id, []).append((pair.error_type, pair.rejected[0].content, pair.mix_epochs))
    return found


MIXES = st.fixed_dictionaries(
    {
        "kind": st.just("mixed"),
        "negatives_per_sample": st.sampled_from([None, 1, 2, 3, 5, 9]),
        "draw": st.sampled_from(["once", "each_epoch"]),
        "weights": st.sampled_from([None, {"logic": 3.0, "correctness": 1.0}]),
    }
)


@settings(max_examples=20, deadline=None)
@given(MIXES, st.integers(0, 3), st.sets(st.sampled_from(range(40)), min_size=1), st.randoms(use_true_random=False))
def test_neither_other_samples_nor_their_order_change_a_draw(rows, values, seed, kept, rng):
    whole = taken(mix(rows, epochs=3, seed=seed, **values))
    part = [rows[number] for number in kept]
    rng.shuffle(part)
    assert taken(mix(part, epochs=3, seed=seed, **values)) == {each.id: whole[each.id] for each in part}


def test_several_negatives_are_of_different_types_until_these_are_used_up(rows):
    for count, types in ((1, 1), (2, 2), (3, 3), (5, 3)):
        for own in taken(mix(rows, negatives_per_sample=count)).values():
            assert len(own) == count
            assert len({error_type for error_type, _, _ in own}) == types
            assert len({text for _, text, _ in own}) == count


def test_more_negatives_hold_the_fewer_ones(rows):
    drawn = [taken(mix(rows, negatives_per_sample=count)) for count in range(1, 8)]
    for fewer, more in pairwise(drawn):
        assert all(set(fewer[name]) <= set(more[name]) for name in NAMES)
    assert {len(own) for own in drawn[6].values()} == {6}  # all that there are


def test_single_and_all_take_so_many_of_each_type(rows):
    assert Counter(map(len, taken(mix(rows, kind="all")).values())) == {3: 40}
    assert Counter(map(len, taken(mix(rows, kind="all", negatives_per_sample=2)).values())) == {6: 40}
    single = taken(mix(rows, kind="single", error_type="logic", negatives_per_sample=2))
    assert {own[0][1][-4:] for own in single.values()} == {" 70."}
    assert Counter(map(len, single.values())) == {2: 40}


def test_one_negative_of_a_type_is_the_one_that_verify_chose(rows):
    texts = [pair.rejected[0].content for pair in mix(rows, kind="single", error_type="logic").pairs]
    assert all(text.endswith("70.") for text in texts)


def test_original_takes_the_first_answers_of_the_data(row):
    rows = [row("s0", rejected=("no", "never", "s0 is 4.", "no"))]
    assert len(mix(rows, kind="original").pairs) == 2
    (pair,) = mix(rows, kind="original", negatives_per_sample=1).pairs
    assert pair.rejected[0].content == "no"


def test_each_epoch_draws_anew_and_the_first_as_once(rows):
    once, anew = mix(rows), mix(rows, epochs=3, draw="each_epoch")
    epochs = [{pair.id: pair.error_type for pair in anew.pairs if epoch in pair.mix_epochs} for epoch in (1, 2, 3)]
    assert all(set(own) == set(NAMES) for own in epochs)
    assert epochs[0] == {pair.id: pair.error_type for pair in once.pairs}
    changed = [sum(own[name] != other[name] for name in NAMES) for own, other in pairwise(epochs)]
    assert min(changed) > 10  # two thirds of 40 are expected to change
    assert anew.summary.by_epoch == tuple(dict(sorted(Counter(own.values()).items())) for own in epochs)
    assert once.summary.by_epoch == ()
    assert all(pair.mix_epochs == () for pair in once.pairs)


def test_more_epochs_leave_the_first_ones_as_they_were(rows):
    three, five = (mix(rows, epochs=epochs, draw="each_epoch", negatives_per_sample=2) for epochs in (3, 5))

    def until_three(result):
        found = {(p.id, p.rejected[0].content): tuple(n for n in p.mix_epochs if n <= 3) for p in result.pairs}
        return {key: epochs for key, epochs in found.items() if epochs}

    assert until_three(three) == until_three(five)


def test_a_drawn_pair_is_written_once_with_all_its_epochs(rows):
    pairs = mix(rows, epochs=6, draw="each_epoch").pairs
    assert len({(pair.id, pair.rejected[0].content) for pair in pairs}) == len(pairs)
    assert sum(len(pair.mix_epochs) for pair in pairs) == 6 * 40


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.booleans(), st.integers(0, 3))
def test_caps_are_exact(rows, per_type, per_source, is_anew, seed):
    draw = "each_epoch" if is_anew else "once"
    result = mix(rows, 3, seed, draw=draw, max_per_type=per_type, max_per_source=per_source, negatives_per_sample=2)
    free = mix(rows, 3, seed, draw=draw, max_per_source=per_source, negatives_per_sample=2)
    for epoch in (1, 2, 3):
        own, wanted = (
            Counter(pair.error_type for pair in each.pairs if not pair.mix_epochs or epoch in pair.mix_epochs)
            for each in (result, free)
        )
        assert own == {name: min(count, per_type) for name, count in wanted.items()}
    sources = Counter(source for _, source in {(pair.id, pair.source) for pair in free.pairs})
    assert sources == {"a.jsonl": min(30, per_source), "b.jsonl": min(10, per_source)}
    summary = result.summary
    assert summary.samples - summary.without_pair - summary.capped_samples == len({pair.id for pair in result.pairs})
    epochs = 3 if is_anew else 1
    over = sum(summary.left_out.get("max_per_type", {}).values())
    kept = sum(len(pair.mix_epochs) or 1 for pair in result.pairs)
    assert kept + over == sum(len(pair.mix_epochs) or 1 for pair in free.pairs)
    assert sum(summary.left_out.get("max_per_source", {}).values()) == 40 - len({pair.id for pair in free.pairs})
    assert len(summary.by_epoch) == (epochs if is_anew else 0)


def test_caps_count_what_they_leave_out_by_name(rows):
    result = mix(rows, max_per_type={"logic": 3}, max_per_source={"a.jsonl": 20})
    assert set(result.summary.left_out) == {"max_per_type", "max_per_source"}
    assert result.summary.left_out["max_per_source"] == {"a.jsonl": 10}
    assert list(result.summary.left_out["max_per_type"]) == ["logic"]
    assert result.summary.by_error_type["logic"] == 3
    assert result.summary.capped_samples == 10 + result.summary.left_out["max_per_type"]["logic"]


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from(range(40)), min_size=1), st.integers(1, 12), st.integers(0, 3))
def test_new_data_never_brings_back_what_a_cap_had_left_out(rows, kept, most, seed):
    part = [rows[number] for number in sorted(kept)]
    for values in ({"max_per_type": most}, {"max_per_source": most}):
        before = {pair.id for pair in mix(part, seed=seed, **values).pairs}
        after = {pair.id for pair in mix(rows, seed=seed, **values).pairs}
        assert after & {each.id for each in part} <= before


def test_a_cap_takes_no_side(rows):
    """Which samples stay is drawn by the seed, not by their place in the data."""
    drawn = [{pair.id for pair in mix(rows, seed=seed, max_per_source=8).pairs} for seed in range(20)]
    times = Counter(name for own in drawn for name in own)
    assert len(times) == 40
    assert max(times.values()) < 20


def test_unknown_names_of_caps_tell_the_known(rows):
    with pytest.raises(UnknownNameError, match=r"no error type named 'logik'\. Did you mean 'logic'"):
        mix(rows, max_per_type={"logik": 3})
    with pytest.raises(UnknownNameError, match=r"no source named 'c\.jsonl'.*Known: a\.jsonl, b\.jsonl"):
        mix(rows, max_per_source={"c.jsonl": 3})
    rejecting = [rows[0].model_copy(update={"rejected": ("no", "never")})]
    assert len(mix(rejecting, kind="original", max_per_type={"original": 1}).pairs) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"negatives_per_sample": 0}, "mix.negatives_per_sample: .*greater than 0"),
        ({"max_per_type": 0}, "mix.max_per_type"),
        ({"max_per_source": {"a.jsonl": -1}}, "mix.max_per_source"),
        ({"kind": "all", "draw": "each_epoch"}, "draw: each_epoch belongs to kind: mixed; all draws nothing"),
        ({"kind": "original", "order": "gap"}, "needs negatives whose gap was measured"),
        ({"order": "gap_easiest"}, "mix.order: .*severity_hardest_first"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, message):
    with pytest.raises(Exception, match=message):
        parse_recipe({"mix": values})


def test_nothing_but_a_cap_of_nothing_leaves_no_pair(rows):
    with pytest.raises(DataError, match="none of the 0 samples has a verified negative"):
        mix([])
