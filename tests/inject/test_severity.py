"""How grave an error is, measured."""

import pytest

from seapo.inject.severity import DROP_NATS, SHARE, edited_share, severity_of
from seapo.records import Edit

LOW, HIGH = 0, 1


@pytest.mark.parametrize(
    ("drop", "share", "severity"),
    [
        (DROP_NATS[LOW], SHARE[LOW], "subtle"),
        (-1.0, 0.0, "subtle"),
        (DROP_NATS[LOW] + 0.001, SHARE[LOW], "moderate"),
        (DROP_NATS[LOW], SHARE[LOW] + 0.001, "moderate"),
        (DROP_NATS[HIGH], SHARE[HIGH], "moderate"),
        (DROP_NATS[HIGH] + 0.001, 0.0, "gross"),
        (-1.0, SHARE[HIGH] + 0.001, "gross"),
    ],
)
def test_either_measure_makes_it_graver(drop, share, severity):
    assert severity_of(drop, share) == severity


def test_the_share_is_of_what_went_or_came_whichever_is_more():
    added = Edit(start=5, end=5, original="", replacement="yyyy")
    edits = (Edit(start=0, end=2, original="ab", replacement="x"), added)
    assert edited_share(edits, "abcdefghij") == 0.5, "5 of 10 characters came, 2 went"
    assert edited_share((Edit(start=0, end=4, original="abcd", replacement=""),), "abcdefghij") == 0.4
    assert edited_share((), "") == 0
