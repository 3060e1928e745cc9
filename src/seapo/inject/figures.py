"""Numbers that could stand in the place of a number: near it, possible where it stands, and written the same way."""

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from random import Random

LATEST_YEAR = 2024
_AMOUNT_AFTER = re.compile(r"[ -]?(?:%|percent|[a-z]+s\b|people|feet|kg|km|m\b|\$)")


def is_year(written: str, after: str) -> bool:
    """Whether a number is a year by its look and by what follows: 1969, but not 1969 kg or 1800 soldiers."""
    return re.fullmatch(r"1[0-9]{3}|20[0-4][0-9]", written) is not None and _AMOUNT_AFTER.match(after) is None


def other_years(written: str, rng: Random) -> Iterator[str]:
    """Years within three decades, none in the future where the given one is not."""
    year = int(written)
    limit = LATEST_YEAR if year <= LATEST_YEAR else year + 30
    for shift in _shuffled(rng, [*range(1, 13), 15, 18, 20, 22, 25, 27, 30]):
        for other in _shuffled(rng, [year - shift, year + shift]):
            if other <= limit:
                yield str(other)


def other_numbers(written: str, rng: Random, *, is_share: bool = False) -> Iterator[str]:
    """Plausible slips for a number without a sign, most of them near it, in its own format.

    A share in percent stays at most 100. Numbers above 0 stay above 0.
    """
    value = Decimal(written.replace(",", ""))
    seen = {value}
    for other in _slips(value, _decimals(written), rng):
        is_possible = other * 4 >= value and other > 0 and not (is_share and value <= 100 < other)
        if is_possible and other not in seen:
            seen.add(other)
            yield written_like(other, written)


def written_like(value: Decimal, model: str) -> str:
    """A value with the decimals and thousands separators of `model`; more decimals than that are rounded."""
    text = f"{value:,.{_decimals(model)}f}"
    return text if "," in model else text.replace(",", "")


def rewritten(written: str, model: str) -> str:
    """A number as another mention of it writes its own: `12.50` beside `4.00`, `12` beside `4`, with its separators."""
    value = Decimal(written.replace(",", ""))
    is_whole = value == value.to_integral_value()
    decimals = _decimals(model) if is_whole else max(_decimals(written), _decimals(model))
    text = f"{value:,.{decimals}f}"
    return text if "," in model or ("," in written and len(model) < 4) else text.replace(",", "")


def as_result(value: Fraction, model: str) -> str | None:
    """A computed value written like the result that it replaces; None for what nobody would write there.

    That is a number below 1 for one above, a negative one, and a long decimal in the place of a whole number.
    """
    decimals = _decimals(model)
    old = Fraction(model.replace(",", "").replace("−", "-"))
    if value <= 0 or (old >= 1 > value):
        return None
    scaled = value * 10**decimals
    if scaled.denominator != 1:
        if not decimals:
            return None
        scaled = Fraction(round(scaled))
    return written_like(Decimal(scaled.numerator).scaleb(-decimals), model)


def _slips(value: Decimal, decimals: int, rng: Random) -> Iterator[Decimal]:
    step = Decimal(1).scaleb(-decimals)
    if decimals:
        yield from _shuffled(rng, [value + step * n for n in (1, -1, 2, -2, 5, -5)] + [value + 1, value - 1])
    elif value <= 12:
        yield from _shuffled(rng, [value + n for n in (1, 1, -1, -1, 2, -2, 3)])
    elif value % 10 == 0:
        yield from _shuffled(rng, _round_slips(value))
    else:
        yield from _shuffled(rng, _digit_slips(value, rng))
    yield from _shuffled(rng, [value + n * step for n in range(1, 5)])
    yield from _shuffled(rng, [value * 2, value / 2, value * 10] if not decimals and value % 2 == 0 else [value * 10])


def _round_slips(value: Decimal) -> list[Decimal]:
    """250,000 to 240,000 or 350,000: a leading digit changes, the zeros stay."""
    zeros = len(str(value)) - len(str(value).rstrip("0"))
    unit = Decimal(10) ** zeros
    slips = [value + n * unit for n in (1, -1, 2, -2)]
    return [*slips, value + unit / 2, value - unit / 2] if zeros else slips


def _digit_slips(value: Decimal, rng: Random) -> list[Decimal]:
    """One digit another, two neighbours exchanged, or a little more or less."""
    digits = str(value)
    slips = [value + n for n in (1, -1, 2, -2, 10, -10)]
    for place in range(1, len(digits)):
        if digits[place] != digits[place - 1] and not (place == 1 and digits[1] == "0"):
            pair = digits[place] + digits[place - 1]
            slips.append(Decimal(digits[: place - 1] + pair + digits[place + 1 :]))
        other = rng.choice([d for d in "123456789" if d != digits[place]])
        slips.append(Decimal(digits[:place] + other + digits[place + 1 :]))
    return slips


def _decimals(written: str) -> int:
    return len(written.partition(".")[2])


def _shuffled(rng: Random, items: list[Decimal] | list[int]) -> Iterator[Decimal]:
    yield from rng.sample(items, len(items))  # type: ignore[misc]
