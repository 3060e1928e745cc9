"""Labels that say whether an answer is good, as data sets write them."""

from seapo.reading.rows import BAD_LABEL, UnusableRowError

_LABELS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


def is_label(value: object) -> bool:
    """Whether a value says good or bad: true, false, 1, 0, or these as text."""
    return isinstance(value, bool | int | float | str) and str(value).strip().casefold() in _LABELS


def read_label(value: object) -> bool:
    """Whether the answer is labelled good; raises UnusableRowError where the label says neither."""
    if not is_label(value):
        raise UnusableRowError(BAD_LABEL, repr(value)[:80])
    return _LABELS[str(value).strip().casefold()]
