"""Equations in running text, computed exactly, with nothing that executes what it reads.

    equations("He pays 48 / 2 = $24.")  ->  Equation(left="48 / 2", right="24", holds=True, ...)

An equation is grown from each equals sign outwards. Units, currency signs and GSM8K's `<<48/2=24>>` notes may stand
between the numbers. The time is linear in the length of the text.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from seapo.language import unit_group
from seapo.quantities import WORD_OPERATORS, Item, is_glued_unit, read_items

MAX_BITS = 4096
"""Numbers with more bits than this are not computed with."""
MAX_DEPTH = 40
"""Deeper nested brackets are not read."""
EQUALS = re.compile(r"[=≈]|equals|approx")
LINE = re.compile(r"[^\n]*\n|[^\n]+")
NOTE = re.compile(r"<<([^<>\n]{1,200})>>")
CURRENCIES = {"$": "dollar", "¢": "cent", "€": "euro"}
PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}


@dataclass(frozen=True)
class Equation:
    """`left = right` in a text, both sides as they are written there."""

    start: int
    """Offset of the left side's first character; the left side is `text[start : start + len(left)]`."""
    end: int
    """Offset behind the right side's last character; the right side is `text[end - len(right) : end]`."""
    left: str
    right: str
    holds: bool | None
    """Whether the right side is the left side's value, rounded as it is written; None where that cannot be told."""


class _UnreadableError(Exception):
    """An expression that cannot be computed."""


@lru_cache(maxsize=256)  # a sample's answer is read again for each of its candidates
def equations(text: str) -> tuple[Equation, ...]:
    """Every `expression = number` of a text, in order, those inside `<<...>>` notes among them; never raises.

    Definitions (`x = 5`) are left out, and algebra (`2x + 3 = 7`) does not say whether it holds. The parts of
    `2 * 3 = 6 + 1 = 7` are `2 * 3 = 6` and `6 + 1 = 7`.
    """
    found = list[Equation]()
    for line in LINE.finditer(text):
        if EQUALS.search(line[0]) is not None:
            found += _moved(_in_line(line[0]), line.start())
    return tuple(found)


def _moved(found: Iterable[Equation], offset: int) -> list[Equation]:
    return [Equation(each.start + offset, each.end + offset, each.left, each.right, each.holds) for each in found]


@lru_cache(maxsize=1024)
def _in_line(line: str) -> tuple[Equation, ...]:
    """The equations of a line, which none reaches across; edited texts share most of their lines with each other."""
    items = read_items(line)
    signs = [at for at, item in enumerate(items) if item.kind == "equals"]
    found = [equation for at in signs if (equation := _equation_at(line, items, at)) is not None]
    for note in NOTE.finditer(line):
        found += _moved(equations(note[1]), note.start(1))
    return tuple(sorted(found, key=lambda equation: (equation.start, equation.end)))


@lru_cache(maxsize=4096)  # the steps of one calculation are computed for each change that is tried
def value_of(expression: str) -> Fraction | None:
    """The exact value of an expression as it stands on one side of an equation; None where it cannot be computed."""
    items = read_items(expression)
    try:
        return _Reader(items, 0, len(items), is_scaled=True).whole()
    except _UnreadableError:
        return None


def rounds_to(exact: Fraction, written: Fraction, decimals: int) -> bool:
    """Whether `written`, with so many decimals, is the exact value or its rounding; cut-off digits count too."""
    if exact == written:
        return True
    unit = Fraction(1, 10**decimals)
    if (exact / unit).denominator == 1:
        return False
    is_cut = decimals > 0 and int(exact / unit) * unit == written
    return is_cut or abs(exact - written) <= unit / 2


def _equation_at(text: str, items: Sequence[Item], at: int) -> Equation | None:
    """The equation around the equals sign at `at`, or None where there is no expression on one of its sides."""
    start, is_algebra = _left_start(items, at)
    try:
        reader = _Reader(items, at + 1, len(items), is_scaled=True)
        reader.value()
    except _UnreadableError:
        return None
    if start == at or _count(items, start, at) + _count(items, at, reader.at) < 3:
        return None
    left, right = items[start:at], items[at + 1 : reader.at]
    is_chain = reader.at < len(items) and items[reader.at].kind == "equals"
    holds = None if is_algebra or _is_algebra_behind(items, reader) else _holds(left, right)
    if is_chain and not holds and len(right) > 1 and right[0].kind == "number":
        first = _holds(left, right[:1])
        right, holds = (right[:1], first) if first else (right, holds)
    if holds is False and (not _is_plain_statement(items, start, at) or _mixes_units([*left, *right])):
        holds = None
    if holds is False and (_is_cut_off(left, right) or _is_near(left, right, is_rough=items[at].text == "≈")):
        holds = None
    span = (left[0].start, right[-1].end)
    return Equation(*span, text[span[0] : left[-1].end], text[right[0].start : span[1]], holds)


def _count(items: Sequence[Item], start: int, end: int) -> int:
    return sum(item.kind == "number" for item in items[start:end])


def _is_plain_statement(items: Sequence[Item], start: int, at: int) -> bool:
    """Whether the left side is a computation.

    It is not where it is a definition (`1 day = 24 * 60`), a label (`page 3 = 2 * 4`), or a range (`weeks 1-2 = 8`).
    """
    left = items[start:at]
    if _count(items, start, at) == 2 and left[1].text == "-" and left[0].end == left[1].start:
        return left[0].plain > left[-1].plain
    is_share = len(left) == 3 and left[1].text == "/" and left[0].end + 1 == left[2].start
    if not is_share and any(item.kind == "operator" for item in left):
        return True
    return not left[-1].unit and (len(left) > 1 or start == 0 or items[start - 1].kind in ("stop", "equals"))


def _mixes_units(sides: Sequence[Item]) -> bool:
    """Whether two units of one family meet, as in `4 pounds - 6 ounces` or `$1 / 2 = 50 cents`."""
    units = {CURRENCIES.get(item.unit, item.unit).lower().removesuffix("s") for item in sides if item.unit}
    kinds = [(unit_group(unit) or unit_group(f"{unit}s") or unit).split()[-1] for unit in units]
    return len(set(kinds)) < len(kinds)


def _is_cut_off(left: Sequence[Item], right: Sequence[Item]) -> bool:
    """Whether a whole number stands for a result between it and the next: `50 stickers / 3 friends = 16 stickers`."""
    exact = _Reader(left, 0, len(left), is_scaled=False).whole()
    return len(right) == 1 and not right[0].decimals and exact.denominator > 1 and int(exact) == right[0].plain


def _is_near(left: Sequence[Item], right: Sequence[Item], *, is_rough: bool) -> bool:
    """Whether the sides differ by what a pocket calculator loses, or by little where only `about` is claimed."""
    exact, written = (_Reader(side, 0, len(side), is_scaled=False).whole() for side in (left, right))
    return abs(exact - written) <= abs(exact) * (Fraction(1, 20) if is_rough else Fraction(1, 10**6))


def _left_start(items: Sequence[Item], at: int) -> tuple[int, bool]:
    """Index where the expression in front of `at` starts, and whether a variable stands in front of that."""
    best, depth, wants_operand, i = at, 0, True, at - 1
    while i >= 0:
        item, behind = items[i], items[i + 1]
        if wants_operand:
            if item.kind == "close":
                depth += 1
            elif item.kind == "open" and depth and _is_sign(behind):
                depth, wants_operand = depth - 1, False
            elif item.kind == "number":
                wants_operand = False
            elif not (item.kind == "operator" and i + 1 < at and _is_sign(behind)):
                break
        elif item.kind == "operator":
            wants_operand = True
        elif item.kind == "open" and depth:
            depth -= 1
        elif item.kind == "close" and behind.kind == "open":
            depth, wants_operand = depth + 1, True
        elif not (item.kind == "fraction" or (item.kind == "number" and behind.kind in ("open", "fraction"))):
            break
        if depth == 0 and not wants_operand:
            best = i
        i -= 1
    # A bracket that cannot be read to its start is a part of the expression nonetheless.
    start, is_algebra = _with_sign(items, best)
    return start, is_algebra or depth > 0


def _is_sign(item: Item) -> bool:
    return item.kind == "operator" and item.text in "+-"


def _with_sign(items: Sequence[Item], best: int) -> tuple[int, bool]:
    """Decide whether what stands in front of an expression is a sign, a mark-up asterisk, or a missing operand."""
    if best == 0 or best == len(items):
        return best, False
    first, before = items[best], items[best - 1]
    if before.kind == "word":
        is_factor = before.end == first.start or before.text.startswith("\\")
        return best, is_factor or before.text in WORD_OPERATORS
    if before.kind == "open":
        return best, best > 1 and items[best - 2].kind in ("operator", "number")
    if before.kind != "operator":
        return best, False
    in_front = items[best - 2] if best > 1 else None
    is_glued = before.end == first.start
    is_at_start = in_front is None or in_front.kind in ("equals", "open") or in_front.text == "\n"
    if not is_at_start and in_front is not None:
        is_word = in_front.kind == "word" and len(in_front.text) > 1 and not in_front.text.startswith("\\")
        has_gap = in_front.end < before.start and is_glued
        if not has_gap or not (is_word or in_front.kind == "stop"):
            return best, True
    return (best - 1 if _is_sign(before) else best), False


def _is_algebra_behind(items: Sequence[Item], reader: "_Reader") -> bool:
    """Whether a variable or an unreadable operand follows the expression that was just read."""
    if reader.at >= len(items):
        return False
    last, behind = items[reader.at - 1], items[reader.at]
    rest = items[reader.at + 1] if reader.at + 1 < len(items) else None
    if behind.kind == "operator" and rest is not None:
        is_rate = behind.text in "/-" and rest.kind == "word" and len(rest.text) > 1 and behind.end == rest.start
        return rest.kind not in ("stop", "equals") and not (is_rate and (last.end == behind.start or last.unit != ""))
    if behind.start == last.end and behind.kind in ("word", "open", "fraction"):
        return not (is_glued_unit(behind.text) or behind.text == "g")
    if behind.kind == "number":
        return len(behind.text) == 3 and last.kind == "number"
    if behind.text.startswith("\\"):
        return True
    return behind.kind == "word" and (behind.text == "000" or (len(behind.text) == 1 and behind.text not in "aImgshlL"))


def _holds(left: Sequence[Item], right: Sequence[Item]) -> bool | None:
    """Whether the sides agree in any reading of their percent signs and magnitudes; None where one is unreadable."""
    try:
        lefts, rights = _readings(left), _readings(right)
    except _UnreadableError:
        return None
    decimals = right[0].decimals if len(right) == 1 else max(item.decimals for item in right)
    shift = 2 if right[0].unit == "%" else 0
    ways = [(lefts[0], rights[0], decimals + shift), (lefts[0], rights[1], decimals), (lefts[1], rights[1], decimals)]
    return any(rounds_to(exact, written, places) for exact, written, places in ways)


def _readings(side: Sequence[Item]) -> tuple[Fraction, Fraction]:
    """The value of a side with its percent signs and magnitudes, and without them."""
    plain = _Reader(side, 0, len(side), is_scaled=False).whole()
    if all(item.scaled is item.plain for item in side):
        return plain, plain
    return _Reader(side, 0, len(side), is_scaled=True).whole(), plain


class _Reader:
    """Reads an expression from the left and computes it exactly, as far as it can be read."""

    def __init__(self, items: Sequence[Item], at: int, end: int, *, is_scaled: bool) -> None:
        self.items = items
        self.at = at
        self.end = end
        self.is_scaled = is_scaled
        self.depth = 0

    def whole(self) -> Fraction:
        """The value of all items; raises _UnreadableError where some are left over."""
        value = self.value()
        if self.at != self.end:
            raise _UnreadableError
        return value

    def value(self, level: int = 1) -> Fraction:
        """The value of the longest expression of operators of this precedence and above."""
        value = self._operand()
        while (operator := self._operator()) is not None and PRECEDENCE[operator] >= level:
            mark = self.at
            self.at += self.items[self.at].kind == "operator"
            try:
                other = self.value(PRECEDENCE[operator] + (operator != "^"))
                value = _compute(operator, value, other)
            except _UnreadableError:
                self.at = mark
                break
        return value

    def _operator(self) -> str | None:
        if self.at >= self.end:
            return None
        item, before = self.items[self.at], self.items[self.at - 1]
        if item.kind == "operator":
            return item.text
        return "*" if item.kind in ("open", "fraction") and item.start == before.end else None

    def _operand(self) -> Fraction:
        if self.at >= self.end or self.depth > MAX_DEPTH:
            raise _UnreadableError
        item = self.items[self.at]
        self.at += 1
        if item.kind == "number":
            value = item.scaled if self.is_scaled else item.plain
            is_mixed = self.at < self.end and self.items[self.at].kind == "fraction"
            return value + self._mixed_part(item) if is_mixed else value
        self.depth += 1
        try:
            if _is_sign(item):
                value = self.value(PRECEDENCE["^"])
                return -value if item.text == "-" else value
            if item.kind == "fraction":
                return _compute("/", self._bracket(), self._bracket())
            self.at -= 1
            return self._bracket()
        finally:
            self.depth -= 1

    def _mixed_part(self, whole: Item) -> Fraction:
        r"""The 1/4 of `1\frac{1}{4}`, which is one and a quarter, not one times a quarter; else 0."""
        part = self.items[self.at : min(self.at + 7, self.end)]
        if [item.kind for item in part] != ["fraction", "open", "number", "close", "open", "number", "close"]:
            return Fraction(0)
        is_proper = whole.plain.denominator == part[2].plain.denominator == 1 and part[2].plain < part[5].plain
        if not is_proper or whole.end != part[0].start:
            return Fraction(0)
        self.at += 7
        return part[2].plain / part[5].plain

    def _bracket(self) -> Fraction:
        if self.at >= self.end or self.items[self.at].kind != "open":
            raise _UnreadableError
        self.at += 1
        value = self.value()
        if self.at >= self.end or self.items[self.at].kind != "close":
            raise _UnreadableError
        self.at += 1
        return value


def _compute(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "+":
        value = left + right
    elif operator == "-":
        value = left - right
    elif operator == "*":
        value = left * right
    elif operator == "/":
        if right == 0:
            raise _UnreadableError
        value = left / right
    else:
        value = _power(left, right)
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
        raise _UnreadableError
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    bits = base.numerator.bit_length() + base.denominator.bit_length()
    if exponent.denominator != 1 or abs(exponent) * bits > MAX_BITS or (base == 0 and exponent < 0):
        raise _UnreadableError
    return base ** int(exponent)
