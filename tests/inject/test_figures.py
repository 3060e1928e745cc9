"""Numbers that could stand in the place of a number."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.inject.figures import as_result, is_year, other_numbers, other_years, rewritten, written_like

WRITTEN = st.one_of(
    st.integers(1, 10**7).map(str),
    st.integers(1000, 10**7).map(lambda n: f"{n:,}"),
    st.decimals(min_value="0.1", max_value="9999", places=2).map(str),
)


@given(WRITTEN, st.integers())
def test_other_numbers_differ_in_value_and_keep_the_format(written, seed):
    others = list(other_numbers(written, Random(seed)))
    assert others
    for other in others:
        assert Decimal(other.replace(",", "")) != Decimal(written.replace(",", ""))
        assert Decimal(other.replace(",", "")) > 0
        assert len(other.partition(".")[2]) == len(written.partition(".")[2])
        assert "," not in other or "," in written


@given(WRITTEN)
def test_most_other_numbers_are_near(written):
    value = float(written.replace(",", ""))
    others = [float(other.replace(",", "")) for other in list(other_numbers(written, Random(0)))[:3]]
    assert all(value / 11 <= other <= value * 11 + 3 for other in others)


def test_a_share_stays_at_most_a_hundred():
    assert all(Decimal(n) <= 100 for seed in range(20) for n in other_numbers("99", Random(seed), is_share=True))
    assert any(Decimal(n) > 100 for seed in range(20) for n in other_numbers("99", Random(seed)))


@given(st.integers(1500, 2024), st.integers())
def test_other_years_are_near_and_not_to_come(year, seed):
    others = [int(other) for other in other_years(str(year), Random(seed))]
    assert others
    assert all(other != year and abs(other - year) <= 30 and other <= 2024 for other in others)


@pytest.mark.parametrize(
    ("written", "after", "expected"),
    [
        ("1969", ", the", True),
        ("2016", " season", True),
        ("1800", " soldiers", False),
        ("1969", " kg", False),
        ("3000", ".", False),
        ("96", ".", False),
    ],
)
def test_a_year_is_known_by_its_look_and_by_what_follows(written, after, expected):
    assert is_year(written, after) is expected


@pytest.mark.parametrize(
    ("value", "model", "expected"),
    [
        (Fraction(7), "4", "7"),
        (Fraction(7, 2), "4", None),
        (Fraction(7, 2), "4.50", "3.50"),
        (Fraction(1, 2), "4", None),
        (Fraction(-3), "4", None),
        (Fraction(12345), "1,000", "12,345"),
        (Fraction(10, 3), "2.5", "3.3"),
    ],
)
def test_a_result_is_written_like_the_one_it_replaces_or_not_at_all(value, model, expected):
    assert as_result(value, model) == expected


def test_a_number_takes_the_separators_of_its_model():
    assert written_like(Decimal(12500), "1,000") == "12,500"
    assert written_like(Decimal(12500), "1000") == "12500"
    assert rewritten("12,500", "38000") == "12500"
    assert rewritten("12500", "38,000") == "12,500"
    assert rewritten("12.5", "4.00") == "12.50"
    assert rewritten("20.00", "30") == "20"
    assert rewritten("20.50", "30") == "20.50"
