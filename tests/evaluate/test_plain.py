"""Plain text as token ids."""

import pytest

from seapo.errors import DataError
from seapo.evaluate.plain import PairEncoder


@pytest.fixture(scope="module")
def encoder(embedded):
    return PairEncoder(embedded[1])


def test_spaces_at_the_end_of_the_context_belong_to_the_continuation(encoder):
    assert encoder.encode_pair("The sky is ", "blue.") == encoder.encode_pair("The sky is", " blue.")


def test_an_empty_context_becomes_the_token_that_texts_begin_with(encoder):
    request = encoder.encode_pair("", "Blue.")
    assert (request.tokens[0], request.start) == (encoder.prefix_token, 1)


@pytest.mark.parametrize("change", [{"choices": (" Yes.", "")}, {"context": "  ", "choices": ("Yes.", "")}])
def test_a_choice_or_context_without_a_token_of_its_own_is_an_error(encoder, plain_items, change):
    item = plain_items[0].model_copy(update=change)
    with pytest.raises(DataError, match=r"item 'plain-salt#mc1': its context and its choice '.*' need a token each"):
        encoder.encode_item(item)
