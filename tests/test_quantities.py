"""Numbers in running text."""

import itertools
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.quantities import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs $1,200 or 3.5 euros", ["1200", "3.5"]),
        ("-3 degrees, or (−4)", ["-3", "-4"]),
        ("5 -3 and 5-3", ["5", "3", "5", "3"]),
        ("50% of .5", ["50", "0.5"]),
        ("at 10:30, 3/4 full", ["10", "30", "3", "4"]),
        ("The year 1969.", ["1969"]),
        ("12,5 and 1,2345", ["12", "5", "1", "2345"]),
        ("5kg and 3x4", ["5", "3", "4"]),
        ("released on 2018-09-25 or 9/25/2018", []),
        ("version 1.2.3 of the 1st", []),
        ("x2, utf_8, H2O and B12", []),
        ("a 3D print over 5G for $4", ["4"]),
    ],
)
def test_the_numbers_of_a_text(text: str, expected: list[str]):
    assert [span.value for span in numbers(text)] == [Decimal(value) for value in expected]


@given(st.decimals(-(10**9), 10**9, places=2), st.booleans())
def test_a_written_number_is_read_back(value: Decimal, has_separators: bool):
    written = f"{value:,}" if has_separators else str(value)
    (span,) = numbers(f"about {written} m")
    assert (span.value, span.text) == (value, written)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789.,-−$% ")), max_size=120))
def test_any_text_gives_ordered_spans_that_are_in_it(text: str):
    spans = numbers(text)
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))


@pytest.mark.parametrize("piece", ["1", "1,", "1.", "1,234", "-", " ", "1-", "x", "1 ", "\\"])
def test_time_is_linear_in_the_length_of_hostile_text(piece: str):
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    numbers(text)
    assert time.process_time() - started < 5
