"""The plan of the steps, and whose answers KTO's KL estimate borrows."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.errors import TrainError
from seapo.train.batches import mismatched_groups, plan_batches
from seapo.train.epochs import view_epochs
from seapo.train.examples import Answer, Example

PAIR = (Answer((1, 2), True), Answer((1, 3), False, "logic"))
GOOD, BAD = PAIR[:1], PAIR[1:]


def examples_with(prompts):
    return [Example(f"s{n}", (prompt,), PAIR) for n, prompt in enumerate(prompts)]


def labelled(labels):
    """Examples of one answer: `g`ood or `b`ad; or with both."""
    kinds = {"g": GOOD, "b": BAD, "p": PAIR}
    return [Example(f"s{n}", (n,), kinds[label]) for n, label in enumerate(labels)]


def plan(examples, size=4, epochs=1.0, seed=0, processes=1):
    views = view_epochs(examples, math.ceil(epochs))
    return plan_batches(views, samples_per_step=size, epochs=epochs, seed=seed, processes=processes)


LABELS = st.text(st.sampled_from("gbp"), min_size=1, max_size=40)


@given(LABELS, st.integers(1, 8), st.integers(1, 3), st.integers(0, 9), st.integers(1, 3))
def test_every_epoch_holds_every_sample_once(labels, size, epochs, seed, processes):
    count = len(labels)
    batches = plan(labelled(labels), size, epochs, seed, processes)
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


def lacking(labels, batches, processes):
    """(step, process) of the shares that lack a label although enough of it for everyone was left."""
    left, found = Counter(labels), []
    for batch in batches:
        names = [labels[index] for index in batch.members]
        is_enough = all(max(left[name], left["p"]) >= processes for name in "gb") and len(names) >= 2 * processes
        for process in range(processes):
            share = set(names[process::processes])
            if is_enough and not all({name, "p"} & share for name in "gb"):
                found.append((batch.step, process))
        left -= Counter(names)
    return found


@given(
    st.text(st.sampled_from("gbp"), min_size=1, max_size=60), st.integers(2, 16), st.integers(0, 5), st.integers(1, 4)
)
def test_every_share_of_a_step_holds_both_labels_while_both_are_left(labels, size, seed, processes):
    assert lacking(labels, plan(labelled(labels), size, 1, seed, processes), processes) == []


def test_a_plan_that_looked_at_no_labels_would_be_found_out():
    labels = "g" * 8 + "b" * 8
    blind = plan(examples_with(range(16)), 4, seed=3)  # all with both labels, so in the plain order
    assert lacking(labels, blind, 2)
    assert not lacking(labels, plan(labelled(labels), 4, seed=3, processes=2), 2)


@given(st.text(st.sampled_from("gb"), min_size=8, max_size=60), st.integers(0, 5))
def test_the_labels_are_spread_evenly(labels, seed):
    share = labels.count("g") / len(labels)
    for batch in plan(labelled(labels), 8, seed=seed):
        if len(batch.members) == 8 and 1 / 8 < share < 7 / 8:
            assert abs(sum(labels[index] == "g" for index in batch.members) - 8 * share) < 2


def test_processes_change_no_step_where_both_labels_are_frequent():
    examples = labelled("gb" * 20 + "g" * 20)
    one, two = (plan(examples, 8, 2, processes=processes) for processes in (1, 2))
    assert one == two


@given(st.lists(st.integers(0, 4), min_size=2, max_size=12), st.integers(0, 20))
def test_a_borrowed_answer_is_never_a_siblings(prompts, seed):
    # Every example's answers are known by their first token, which names the prompt that they belong to.
    examples = [
        Example(f"s{n}", (prompt,), (Answer((100 + prompt, n), True), Answer((100 + prompt, n, 1), False)))
        for n, prompt in enumerate(prompts)
    ]
    if len(set(prompts)) == 1:
        with pytest.raises(TrainError, match=r"all .* samples to train on have the same prompt; add samples"):
            mismatched_groups(examples, max_length=9, seed=seed)
        return
    groups = mismatched_groups(examples, max_length=9, seed=seed)
    assert not borrowed_from_siblings(examples, groups)
    assert groups == mismatched_groups(examples, max_length=9, seed=seed)


def borrowed_from_siblings(examples, groups):
    """Examples whose borrowed answer belongs to a prompt of the same text."""
    return [
        one.id
        for one, group in zip(examples, groups, strict=True)
        for answer in group.completions
        if answer[0] - 100 == one.prompt[0]
    ]


def test_a_rotation_by_one_would_borrow_from_siblings():
    examples = [Example(f"s{n}", (n // 2,), (Answer((100 + n // 2, n), n % 2 == 0),)) for n in range(8)]
    answers = [one.answers[0].tokens for one in examples]
    rotated = [
        type(group)(one.prompt, [answer])
        for one, answer, group in zip(
            examples, [answers[-1], *answers[:-1]], mismatched_groups(examples, max_length=9, seed=0), strict=True
        )
    ]
    assert borrowed_from_siblings(examples, rotated) == ["s1", "s3", "s5", "s7"]
    assert not borrowed_from_siblings(examples, mismatched_groups(examples, max_length=9, seed=0))


def test_a_single_sample_is_no_match_for_itself():
    with pytest.raises(
        TrainError, match=r"all 1 samples to train on .* choose train\.method: dpo, or .* train\.kl: none"
    ):
        mismatched_groups(examples_with([5]), max_length=9, seed=0)


def test_borrowed_answers_keep_to_the_length():
    long, short = Example("a", (7,) * 6, GOOD), Example("b", (8,), (Answer((1, 2, 3), True),))
    assert mismatched_groups([long, short], max_length=8, seed=0)[0].completions == [(1, 2)]
    assert mismatched_groups([long, short], max_length=20, seed=0)[0].completions == [(1, 2, 3)]
