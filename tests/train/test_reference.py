"""Reference log-probabilities: computed once, journalled, and found again only for the same weights and tokens."""

from dataclasses import replace

import pytest
import torch

from seapo.journal import Journal
from seapo.train.examples import encode_pairs
from seapo.train.reference import ReferenceModel, group_logprobs, reference_logprobs
from seapo.tree import Group


@pytest.fixture
def examples(embedded, sums):
    return encode_pairs(embedded[1], sums(3, negatives=2), max_length=512).examples


def compute(model, examples, journal, fingerprint="f", progress=lambda items: items):
    return reference_logprobs(ReferenceModel(model, fingerprint, journal, 512), examples, progress=progress)


def test_they_are_the_models_own(tiny, examples):
    model = tiny().model
    (values, *_) = compute(model, examples, None)
    with torch.no_grad():
        for answer, value in zip(examples[0].completions, values, strict=True):
            ids = torch.tensor([[*examples[0].prompt, *answer]])
            logprobs = model(ids).logits[0].log_softmax(-1)
            places = range(len(examples[0].prompt), ids.shape[1])
            assert value == pytest.approx(sum(logprobs[p - 1, ids[0, p]].item() for p in places), abs=1e-4)


def test_a_kill_repeats_one_sample_at_most(tiny, examples, tmp_path):
    class KilledError(Exception):
        pass

    def dying(items):
        for number, item in enumerate(items):
            if number == 2:
                raise KilledError
            yield item

    model = tiny().model
    expected = compute(model, examples, None)
    with Journal(tmp_path / "j.sqlite") as journal:
        with pytest.raises(KilledError):
            compute(model, examples, journal, progress=dying)
        assert journal.counts() == {"reference": 2}
    with Journal(tmp_path / "j.sqlite") as journal:
        for weight in model.parameters():
            weight.data.mul_(1.5)  # what is journalled is not computed again, so these weights only touch the third
        values = compute(model, examples, journal)
        assert journal.counts() == {"reference": 3}
    assert values[:2] == expected[:2]
    assert values[2] != expected[2]


def test_other_weights_dtypes_and_tokens_are_computed_anew(tiny, examples, tmp_path):
    model = tiny().model
    with Journal(tmp_path / "j.sqlite") as journal:
        compute(model, examples[:1], journal)
        compute(model, examples[:1], journal, fingerprint="g")
        compute(model.bfloat16(), examples[:1], journal)
        compute(model, examples[1:2], journal)
        assert journal.counts() == {"reference": 4}


def test_one_computation_serves_every_edit_weight(tiny, examples, tmp_path):
    marked = [replace(one, answers=tuple(replace(a, edited=(2, 3)) for a in one.answers)) for one in examples[:1]]
    model = tiny().model
    with Journal(tmp_path / "j.sqlite") as journal:
        reference = ReferenceModel(model, "f", journal, 512)
        plain, heavy, half = (reference_logprobs(reference, marked, edit_weight=w)[0] for w in (1.0, 3.0, 0.5))
        assert journal.counts() == {"reference": 1}
    for one, three, part in zip(plain, heavy, half, strict=True):
        assert three - one == pytest.approx(-4 * (part - one), rel=1e-6)
        assert three < one


def test_groups_have_theirs_too(tiny, examples, tmp_path):
    model = tiny().model
    group = Group(examples[0].prompt, examples[1].completions)
    with Journal(tmp_path / "j.sqlite") as journal:
        reference = ReferenceModel(model, "f", journal, 512)
        (values,) = group_logprobs(reference, [group])
        assert group_logprobs(reference, [group]) == [values]
        assert journal.counts() == {"reference": 1}
    own = replace(examples[0], answers=examples[1].answers)
    assert values == pytest.approx(compute(model, [own], None)[0], abs=1e-6)
