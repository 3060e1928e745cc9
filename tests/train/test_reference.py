"""Reference log-probabilities: computed once, journalled, and found again only for the same weights and tokens."""

import pytest
import torch

from seapo.journal import Journal
from seapo.train.examples import encode_pairs
from seapo.train.reference import reference_logprobs


@pytest.fixture
def examples(embedded, sums):
    return encode_pairs(embedded[1], sums(3, negatives=2), max_length=512).examples


def compute(model, examples, journal, fingerprint="f", progress=lambda items: items):
    return reference_logprobs(
        model, examples, fingerprint=fingerprint, journal=journal, max_tokens_per_row=512, progress=progress
    )


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
