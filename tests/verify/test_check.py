"""What holds of every check: it never raises, repeats itself, and copes with long texts."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.records import ChoiceTruth, NumberTruth, TextTruth
from seapo.verify import CHECKS
from seapo.verify.check import shortened

FAST = [name for name in CHECKS if not CHECKS[name].is_slow]
TRUTHS = (None, NumberTruth(value="3"), TextTruth(value="red"), ChoiceTruth(correct="red", incorrect=("blue",)))
WORDS = st.sampled_from(
    [
        "red",
        "blue",
        "not",
        "so",
        "Therefore",
        "3",
        "= 4",
        "2 + 1",
        ".",
        ",",
        "\n",
        "####",
        "```python\n",
        "```",
        "Ann",
        "is",
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join))


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(TRUTHS), st.sampled_from(["correctness", "logic", "hallucination", "other"]))
def test_no_text_makes_a_check_raise_and_the_same_text_never_passes_as_wrong(judge, chosen, text, truth, error_type):
    for name in FAST:
        first = judge(name, chosen, text, error_type, truth=truth)
        assert first == judge(name, chosen, text, error_type, truth=truth)
        if CHECKS[name].is_proof:
            assert judge(name, chosen, chosen, error_type, truth=truth).outcome != "pass"


@pytest.mark.parametrize("piece", ["Ann is not red. ", "1 + 1 = 3, so ", "(", "word ", "a\n", "`x` ", "3"])
@pytest.mark.parametrize("name", FAST)
def test_answers_of_ten_pages_take_no_long_time(judge, name, piece):
    text = piece * (12_000 // len(piece))
    started = time.process_time()
    judge(name, text, text[: len(text) // 2] + " blue " + text[len(text) // 2 :], truth=NumberTruth(value="3"))
    assert time.process_time() - started < 8


def test_evidence_is_cut_to_one_line():
    assert shortened("a\n b  c") == "a b c"
    assert shortened("x" * 100, 10) == "xxxxxxxxx…"
