"""The plan of the steps, and whose answers KTO's KL estimate borrows."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.errors import TrainError
from seapo.train.batches import mismatched_group, plan_batches
from seapo.train.examples import Example


def examples_with(prompts):
    return [Example(f"s{n}", (prompt,), (1, 2), ((1, 3),), ("logic",)) for n, prompt in enumerate(prompts)]


def plan(examples, size=4, epochs=1.0, seed=0, with_partners=False):
    return plan_batches(examples, samples_per_step=size, epochs=epochs, seed=seed, with_partners=with_partners)


@given(st.integers(1, 23), st.integers(1, 8), st.integers(1, 3), st.integers(0, 9))
def test_every_epoch_holds_every_sample_once(count, size, epochs, seed):
    batches = plan(examples_with(range(count)), size, epochs, seed)
    per_epoch = -(-count // size)
    assert [batch.step for batch in batches] == list(range(1, epochs * per_epoch + 1))
    for epoch in range(epochs):
        part = batches[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert Counter(index for batch in part for index in batch.members) == Counter(range(count))
        assert part[-1].epoch == epoch + 1
        assert all(len(batch.members) == size for batch in part[:-1])


def test_a_part_of_an_epoch_is_its_first_steps():
    examples = examples_with(range(10))
    assert plan(examples, epochs=1.5) == plan(examples, epochs=2)[:5]


def test_epochs_and_seeds_differ_and_ids_decide():
    examples = examples_with(range(20))
    first, second = plan(examples, 20, 2)
    assert first.members != second.members
    assert plan(examples, 20, seed=1)[0].members != first.members
    turned = examples[::-1]
    assert [turned[index].id for index in plan(turned, 20)[0].members] == [examples[i].id for i in first.members]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.integers(1, 5))
def test_a_partner_has_another_prompt_and_comes_from_the_step_where_it_can(prompts, size):
    examples = examples_with(prompts)
    if len(set(prompts)) == 1:
        with pytest.raises(TrainError, match=r"all .* samples to train on have the same prompt; add samples"):
            plan(examples, size, with_partners=True)
        return
    for batch in plan(examples, size, with_partners=True):
        for own, partner in zip(batch.members, batch.partners, strict=True):
            assert examples[own].prompt != examples[partner].prompt
            if len({examples[index].prompt for index in batch.members}) > 1:
                assert partner in batch.members


def test_where_all_prompts_differ_every_sample_lends_its_answers_once():
    for batch in plan(examples_with(range(10)), with_partners=True):
        assert len(batch.members) == 1 or sorted(batch.partners) == sorted(batch.members)


def test_a_single_sample_is_no_match_for_itself():
    with pytest.raises(TrainError, match=r"all 1 samples to train on .* or choose train\.method: dpo"):
        plan(examples_with([5]), with_partners=True)


def test_borrowed_answers_keep_to_the_length():
    own, other = (Example("a", (7,) * 6, (1,), ((2,),), ("x",)), Example("b", (8,), (1, 2, 3), ((1, 4),), ("x",)))
    assert mismatched_group(own, other, 8).completions == [(1, 2), (1, 4)]
    assert mismatched_group(own, other, 20).completions == [(1, 2, 3), (1, 4)]
