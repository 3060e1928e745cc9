"""Answers in which no mistake of the model's would be taken: it need not read them."""

import pytest

from seapo.inject import Context, propose
from seapo.inject.passage import Passage
from seapo.inject.pivot import _DIGITS, _WORD, _has_a_place, _pivots
from seapo.lexicon import words
from seapo.model.chat import TokenChoice

OTHERS = words(
    "not 1 7 20 1969 Paris London France Monday March July John Mary metres kg good bad more less never because "
    "although However Therefore before after three first all true false day night hot cold increase decrease"
)
NONE = (
    "They sat in a garden.",
    "Thank you, and see you!",
    'He sang "the good old days" to us.',
    "```python\nx = 1\n```\nThey sat in a garden.",
)
SOME = (
    "They have 7 cats.",
    "The war began in March.",
    "It is a good house.",
    "It stands because it is built of stone.",
    "The river is a border.",
)


def choices_of(text):
    """Every word and number, as if the model would have liked to write any of many others in its place."""
    matches = [match for pattern in (_WORD, _DIGITS) for match in pattern.finditer(text)]
    spaces = [(place, place + 1) for place, character in enumerate(text) if character == " "]
    spans = [*(match.span() for match in matches), *spaces]
    return [TokenChoice(*span, -0.1, True, tuple((other, -3.0) for other in OTHERS)) for span in spans]


@pytest.mark.parametrize("text", NONE)
def test_where_no_place_is_found_no_word_of_the_model_is_taken(make_sample, text):
    passage = Passage(make_sample(text))
    assert not _has_a_place(passage)
    assert list(_pivots(passage, choices_of(text))) == []


@pytest.mark.parametrize("text", SOME)
def test_a_place_is_found(make_sample, text):
    assert _has_a_place(Passage(make_sample(text)))


@pytest.mark.parametrize("text", SOME[:3])
def test_what_the_model_would_write_at_a_place_is_taken(make_sample, text):
    assert list(_pivots(Passage(make_sample(text)), choices_of(text)))


def test_the_model_is_not_loaded_for_an_answer_without_a_place(make_sample):
    def load():
        raise AssertionError("the model was loaded")

    sample = make_sample(NONE[0])
    assert propose(sample, ("correctness", "logic"), ("pivot",), Context(sample, seed=0, scorer=load)) == []
