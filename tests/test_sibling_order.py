"""The order of KTO rows: never two answers to one prompt in a micro-batch, labels mixed, nothing lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.errors import DataError
from seapo.sibling_order import find_siblings, largest_micro_batch, order_for_kto


def row(prompt, label, text=""):
    return {"prompt": [{"role": "user", "content": prompt}], "completion": text, "label": label}


def family(name, negatives, good=1):
    bad = [row(name, False, f"bad {n}") for n in range(negatives)]
    return [row(name, True, f"good {n}") for n in range(good)] + bad


def rows_of(*negatives):
    return [each for number, count in enumerate(negatives) for each in family(f"q{number}", count)]


def key(each):
    return each["prompt"][0]["content"], each["label"], each["completion"]


def prompts_of(rows):
    return [each["prompt"][0]["content"] for each in rows]


def rotated_onto_a_sibling(rows, size):
    """Rows whose neighbour's answer, taken by rotation within micro-batches as TRL does it, is a sibling's."""
    prompts = prompts_of(rows)
    blocks = [prompts[start : start + size] for start in range(0, len(prompts), size)]
    return sum(own == other for block in blocks for own, other in zip(block, block[-1:] + block[:-1], strict=True))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=40, max_size=90), st.integers(2, 8), st.integers(0, 6))
def test_any_micro_batch_is_free_of_siblings_and_nothing_is_lost(negatives, size, offset):
    rows = rows_of(*negatives)
    ordered = order_for_kto(rows, size)
    assert sorted(map(key, ordered)) == sorted(map(key, rows))
    for start in range(offset, len(ordered), size):
        block = prompts_of(ordered[start : start + size])
        assert len(set(block)) == len(block)


@pytest.mark.parametrize("size", [2, 4, 8, 16])
def test_the_rotation_that_meets_siblings_in_the_plain_order_meets_none_in_this_one(size):
    rows = rows_of(*[1] * 160)
    plain = rotated_onto_a_sibling(rows, size) / len(rows)
    assert plain == (1.0 if size == 2 else 0.5)
    assert rotated_onto_a_sibling(order_for_kto(rows, size), size) == 0


def test_labels_alternate_where_samples_have_one_negative():
    labels = [each["label"] for each in order_for_kto(rows_of(*[1] * 100), 8)]
    assert all(labels[place] != labels[place + 1] for place in range(0, 200, 2))
    assert all(sum(labels[start : start + 4]) in (1, 2, 3) for start in range(197))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=64, max_size=120), st.integers(2, 8))
def test_every_stretch_holds_both_labels_about_as_the_whole_does(negatives, size):
    labels = [each["label"] for each in order_for_kto(rows_of(*negatives), size)]
    share = sum(labels) / len(labels)
    running = [sum(labels[:end]) - share * end for end in range(len(labels) + 1)]
    assert max(running) - min(running) <= 12


def test_single_answers_sorted_by_label_are_mixed():
    rows = [row(f"g{n}", True) for n in range(30)] + [row(f"b{n}", False) for n in range(60)]
    labels = [each["label"] for each in order_for_kto(rows, 6)]
    assert all(sum(labels[start : start + 6]) == 2 for start in range(0, 90, 6))


def test_rows_stay_near_their_place_so_that_an_order_by_difficulty_survives():
    ordered = order_for_kto(rows_of(*[1] * 400), 4)
    numbers = [int(name[1:]) for name in prompts_of(ordered)]
    assert max(abs(place // 2 - number) for place, number in enumerate(numbers)) <= 4 * 4


def test_the_same_rows_come_out_the_same():
    rows = rows_of(*[1, 3, 2, 1] * 20)
    assert order_for_kto(rows, 4) == order_for_kto(list(rows), 4)


def test_the_same_prompt_of_two_samples_is_one_family():
    rows = [*family("q", 1, good=2), *rows_of(*[1] * 30)]
    assert find_siblings(order_for_kto(rows, 5), 5) is None


def test_plain_texts_are_prompts_too():
    rows = [{"prompt": f"q{n // 2}", "completion": "", "label": n % 2 == 0} for n in range(40)]
    assert find_siblings(order_for_kto(rows, 4), 4) is None


def test_siblings_are_found_where_they_are():
    rows = rows_of(1, 1, 1)
    assert find_siblings(rows, 2) == (0, 1)
    apart = [rows[0], rows[2], rows[4], rows[1], rows[3], rows[5]]
    assert find_siblings(apart, 3) is None
    assert find_siblings(apart, 4) == (0, 3)
    assert find_siblings([], 4) is None


def test_too_few_prompts_say_which_micro_batch_would_do():
    rows = rows_of(9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    able = largest_micro_batch(rows, 8)
    assert 2 <= able < 8
    assert find_siblings(order_for_kto(rows, able), able) is None
    with pytest.raises(DataError, match=rf"30 rows have 11 different prompts, .* has 10 .* at most {able} "):
        order_for_kto(rows, 8)


def test_one_prompt_alone_has_no_order():
    with pytest.raises(DataError, match=r"4 rows have 1 prompt, .*needs; take more samples"):
        order_for_kto(rows_of(3), 2)
    assert largest_micro_batch(rows_of(3), 4) == 1


def test_a_micro_batch_of_one_is_refused():
    with pytest.raises(ValueError, match="leaves KTO no other answer"):
        order_for_kto(rows_of(1, 1), 1)


def test_nothing_is_ordered_as_nothing():
    assert order_for_kto([], 4) == []
