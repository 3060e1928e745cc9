"""Times and sizes in words."""

import pytest

from seapo.amounts import duration, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under 1 s"), (0.42, "under 1 s"), (59.6, "60 s"), (131, "2 min"), (720, "12 min"), (7801, "2 h 10 min"),
        (10_800, "3 h 0 min"), (300_000, "3 d"),
    ],
)  # fmt: skip
def test_durations(seconds: float, words: str):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(607, "607 bytes"), (1400, "1.4 kB"), (999_960, "1.0 MB"), (12_000_000, "12.0 MB"), (3_100_000_000, "3.1 GB")],
)
def test_sizes(count: int, words: str):
    assert size(count) == words
