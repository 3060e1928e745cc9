"""Plain-text items: encoding, batches, and log-probabilities against a plain forward pass."""

import pytest
import torch

from seapo.errors import DataError
from seapo.evaluate import plain
from seapo.evaluate.plain import batch_logprobs, encode_pair, plan_batches


def test_spaces_at_the_end_of_the_context_belong_to_the_continuation(embedded):
    tokenizer = embedded[1]
    assert encode_pair(tokenizer, "The sky is ", "blue.") == encode_pair(tokenizer, "The sky is", " blue.")


@pytest.mark.parametrize("change", [{"choices": (" Yes.", "")}, {"context": "  ", "choices": ("Yes.", "")}])
def test_a_choice_or_context_without_a_token_of_its_own_is_an_error(embedded, plain_items, change):
    item = plain_items[0].model_copy(update=change)
    with pytest.raises(DataError, match=r"item 'plain-salt#mc1': its context and its choice '.*' need a token each"):
        plan_batches(embedded[1], [item], [0])


def test_questions_with_the_same_examples_share_one_tree(embedded, plain_items):
    (batch,) = plan_batches(embedded[1], plain_items, range(4))
    assert batch.items == (0, 3, 1, 2)  # the two forms of one question stand together
    assert [len(requests) for requests in batch.requests] == [2, 2, 3, 2]


def test_a_batch_keeps_to_its_budget_of_tokens(embedded, plain_items, monkeypatch):
    monkeypatch.setattr(plain, "TOKENS_PER_BATCH", 70)
    batches = plan_batches(embedded[1], plain_items, range(4))
    assert len(batches) > 1
    assert all(len(batch.items) == 1 or plain.batch_size(batch) <= 70 for batch in batches)


def test_questions_without_a_common_head_are_not_merged(embedded, plain_items):
    other = plain_items[1].model_copy(update={"context": "Some text that begins in another way. Wool"})
    batches = plan_batches(embedded[1], [plain_items[0], other], range(2))
    assert [batch.items for batch in batches] == [(0,), (1,)]


@torch.no_grad()
def forward_logprob(model, request):
    """Log-probability of a request by one plain, unpacked forward pass."""
    logits = model(torch.tensor([request.tokens])).logits[0].log_softmax(-1)
    places = range(request.start, len(request.tokens))
    return sum(float(logits[place - 1, request.tokens[place]]) for place in places)


def test_log_probabilities_equal_those_of_single_sequences(embedded, plain_items):
    model, tokenizer = embedded
    (batch,) = plan_batches(tokenizer, plain_items, range(4))
    expected = [[forward_logprob(model, request) for request in requests] for requests in batch.requests]
    for found, wanted in zip(batch_logprobs(model, batch), expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-3)
