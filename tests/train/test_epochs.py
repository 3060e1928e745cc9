"""What each epoch trains where pairs say so: views of the examples, their order, and the one reference pass for all."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.train.conftest import KilledError, dying_at

from seapo.errors import TrainError
from seapo.journal import Journal
from seapo.recipe import TrainSection
from seapo.train import train
from seapo.train.batches import plan_batches
from seapo.train.dataset import read_dataset
from seapo.train.epochs import check_order, order_of, view_epochs
from seapo.train.examples import Answer, Example, encode_pairs
from seapo.train.plan import make_plan

GOOD = Answer((1, 2), True)


def example(name, *epochs, order=None):
    """An example whose negatives are trained in these epochs each."""
    bad = [Answer((1, 3 + n), False, epochs=tuple(own), order=order) for n, own in enumerate(epochs)]
    return Example(name, (int(name[1:]),), (GOOD, *bad))


def batches(examples, epochs=2.0, size=2, seed=0):
    views = view_epochs(examples, math.ceil(epochs))
    return views, plan_batches(views, samples_per_step=size, epochs=epochs, seed=seed)


def trained(views, steps):
    """For each step what it trains: sample -> tokens of its negatives."""
    return [
        {views.examples[i].id: {bad.tokens for bad in views.examples[i].rejected} for i in step.members}
        for step in steps
    ]


EPOCHS = st.lists(st.lists(st.sets(st.integers(1, 4)), min_size=1, max_size=3), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(EPOCHS, st.integers(0, 3))
def test_each_epoch_trains_exactly_what_is_drawn_for_it(drawn, seed):
    examples = [example(f"s{n}", *map(sorted, own)) for n, own in enumerate(drawn)]
    examples.append(example("s99", ()))  # trained in every epoch
    views, steps = batches(examples, 4, 3, seed)
    for epoch in range(1, 5):
        found = {}
        for step, own in zip(steps, trained(views, steps), strict=True):
            if math.ceil(step.epoch) == epoch:
                found |= own
        wanted = {
            one.id: {bad.tokens for bad in one.rejected if not bad.epochs or epoch in bad.epochs} for one in examples
        }
        assert found == {name: tokens for name, tokens in wanted.items() if tokens}
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))


def test_without_draws_the_views_are_the_examples():
    examples = [example(f"s{n}", (), ()) for n in range(5)]
    views = view_epochs(examples, 3)
    assert list(views.examples) == examples
    assert views.wholes == (0, 1, 2, 3, 4)
    assert views.epochs == (views.wholes,) * 3


def test_single_answers_and_good_ones_alone_are_in_every_epoch():
    alone = Example("s1", (1,), (GOOD,))
    bad = Example("s2", (2,), (Answer((1, 3), False),))
    assert view_epochs([alone, bad], 2).epochs == ((0, 1), (0, 1))


def test_an_epoch_that_nothing_is_drawn_for_says_what_to_do():
    with pytest.raises(TrainError, match=r"epoch 3 has nothing to train on: .* up to epoch 2; repeat the stage mix"):
        view_epochs([example("s1", (1, 2))], 3)


def test_a_part_of_an_epoch_is_its_first_steps():
    examples = [example(f"s{n}", (1,), (2,)) for n in range(10)]
    assert batches(examples, 1.5)[1] == batches(examples, 2.0)[1][:8]


@pytest.mark.parametrize("epochs", [1.0, 3.0])
def test_the_order_of_the_data_is_kept_in_every_epoch_and_a_draw_decides_between_equals(epochs):
    places = [3.0, 1.0, 2.0, 1.0, 0.0, 1.0]
    examples = [example(f"s{n}", (), order=place) for n, place in enumerate(places)]
    views, steps = batches(examples, epochs, 1)
    order = [views.examples[step.members[0]] for step in steps]
    for start in range(0, len(order), 6):
        assert [order_of(one) for one in order[start : start + 6]] == sorted(places)
    ties = {tuple(trained(*batches(examples, 1.0, 6, seed))[0])[1:4] for seed in range(10)}
    assert len(ties) > 1


def test_the_order_of_an_epoch_goes_by_what_it_trains():
    one = example("s1", (1,), (2,), order=1.0)
    hard = replace(one.answers[2], order=9.0)
    examples = [replace(one, answers=(*one.answers[:2], hard)), example("s2", (), order=5.0)]
    views, steps = batches(examples, 2.0, 1)
    assert [views.examples[step.members[0]].id for step in steps] == ["s1", "s2", "s2", "s1"]


def test_an_order_for_some_samples_alone_is_refused():
    with pytest.raises(TrainError, match=r"1 of 2 samples \(as s2\) have no `mix_order`"):
        check_order([example("s1", (), order=1.0), example("s2", ())])


@pytest.fixture(scope="module")
def drawn(sums):
    """Five samples with three negatives, each epoch with one of them; the third is drawn by nobody at first."""
    epochs = [((1,), (2,), ()), ((1, 2), (), ()), ((), (1,), (2,)), ((2,), (1,), ()), ((), (), (1, 2))]
    pairs = sums(5, negatives=3)
    marked = [
        pair.model_copy(update={"mix_epochs": own})
        for pair, own in zip(pairs, [one for own in epochs for one in own], strict=True)
    ]
    return [pair for pair in marked if pair.mix_epochs]


SETTINGS = TrainSection(
    method="kto", learning_rate=1e-2, num_train_epochs=2, per_device_train_batch_size=2, gradient_accumulation_steps=1,
    save_steps=2, logging_steps=2,
)  # fmt: skip


def plan_of(pairs, model, journal=None):
    encoded = encode_pairs(model.tokenizer, pairs, max_length=512)
    return make_plan(encoded.examples, SETTINGS, model, seed=0, journal=journal)


def test_the_reference_is_asked_once_for_all_epochs(tiny, drawn, tmp_path):
    model = tiny()
    with Journal(tmp_path / "journal.sqlite") as journal:
        plan = plan_of(drawn, model, journal)
        assert journal.counts() == {"reference": 10}  # five trees, and five for the KL term
    assert len(plan.examples) == 8  # three samples are trained with another negative in each epoch
    alone = {
        (one.id, answer.tokens): value
        for one, values in zip(plan.examples, plan.reference, strict=True)
        for answer, value in zip(one.answers, values, strict=True)
    }
    each = [pair.model_copy(update={"mix_epochs": ()}) for pair in drawn]
    whole = plan_of(each, model)
    for one, values in zip(whole.examples, whole.reference, strict=True):
        for answer, value in zip(one.answers, values, strict=True):
            assert alone[one.id, answer.tokens] == pytest.approx(value, abs=1e-4)
    # Each epoch has one negative for each chosen answer, so both labels weigh the same.
    assert (plan.settings.desirable_weight, plan.settings.undesirable_weight) == (1.0, 1.0)
    assert whole.settings.desirable_weight == pytest.approx(8 / 5)


def test_a_training_that_draws_anew_goes_on_bit_for_bit(tiny, drawn, tmp_path):
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    train(drawn, SETTINGS, model=tiny(), out_dir=folders[0], seed=0)
    with pytest.raises(KilledError):
        train(drawn, SETTINGS, model=tiny(), out_dir=folders[1], seed=0, progress=dying_at(4))
    summary = train(drawn, SETTINGS, model=tiny(), out_dir=folders[1], seed=0)
    for name in ("metrics.jsonl", "adapter/adapter_model.safetensors"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert (summary.samples, summary.pairs, summary.steps) == (5, 8, 6)


def test_another_draw_is_another_training(tiny, drawn, tmp_path):
    same = [pair.model_copy(update={"mix_epochs": ()}) for pair in drawn if 1 in pair.mix_epochs]
    weights = []
    for name, pairs in (("anew", drawn), ("same", same)):
        (tmp_path / name).mkdir()
        train(pairs, SETTINGS, model=tiny(), out_dir=tmp_path / name, seed=0)
        weights.append((tmp_path / name / "adapter" / "adapter_model.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_a_file_of_pairs_trains_in_the_same_epochs_and_order(tiny, drawn, tmp_path):
    placed = [pair.model_copy(update={"mix_order": float(n)}) for n, pair in enumerate(drawn)]
    rows = [pair.model_dump(mode="json") for pair in placed]
    rows += [rows[0] | {"mix_epochs": [0]}, rows[0] | {"mix_epochs": "1"}, rows[0] | {"mix_order": "first"}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_dataset(str(path), tiny().tokenizer, SETTINGS)
    assert found.examples == encode_pairs(tiny().tokenizer, placed, max_length=512).examples
    assert [row.reason.partition(": ")[2] for row in found.rejected_rows] == [
        "mix_epochs is no list of whole numbers from 1 on", "mix_epochs is no list of whole numbers from 1 on",
        "mix_order is no number",
    ]  # fmt: skip
