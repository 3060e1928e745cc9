"""The tokens of running text that arithmetic is made of: numbers with their signs and units, operators, brackets.

A text is cut once, from left to right, in time linear in its length, whatever it holds.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

MAX_DIGITS = 40
"""Longer numbers are not computed with."""
MAX_UNIT_WORDS = 5
"""`3 pink hard hats + 4` has three words between the number and the operator."""

_TOKENS = r"""
    (?P<bullet>^[ \t]{0,20}[-*+•][ \t]+)
    |[ \t&]*+(?:
    (?P<note><<[^<>\n]{1,200}>>)
    |(?P<date>\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b|\b[0-9]{1,2}/[0-9]{1,2}/(?:1[5-9]|20)[0-9]{2}\b)
    |(?P<version>[0-9]+(?:\.[0-9]+){2,})
    |(?P<ordinal>[0-9]+(?:st|nd|rd|th)\b)
    |(?P<number>(?:[0-9]{1,3}(?:,(?:\\!)?[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<times>(?<=[ 0-9)%\t])[xX](?=[ ]?\\?[$€£(]?[ ]?[.0-9]))
    |(?P<open>(?:\\left[ ]?)?[(\[{])
    |(?P<close>(?:\\right[ ]?)?[)\]}])
    |(?P<latex_text>\\(?:text|mathrm|mbox|textbf)\{[^{}\n]{0,80}\})
    |(?P<latex>\\(?:[A-Za-z]+|.|$))
    |(?P<word>[^\W\d]\w*(?:['’\-][^\W\d_]\w*)*)
    |(?P<relation>==+|[!<>~:]=|=[<>](?![<>])|->|[-+*/]=|//)
    |(?P<equals>[=≈])
    |(?P<operator>\*\*|[-+*/^×÷·⋅∙−–])
    |(?P<percent>%)
    |(?P<currency>[$€£¥₹])
    |(?P<other>.|\n)
    )
    |(?P<space>[ \t&]+)
"""
"""A token with the space before it, so that a text takes half as many matches; the group is the token alone."""
TOKEN = re.compile(_TOKENS, re.VERBOSE | re.MULTILINE)
NO_NUMBER = r"^[^0-9\n]*\n | (?:[A-Za-z]+[ \t]+)+"
"""Lines and words that a search for numbers steps over at once: every token in them is none."""
NUMBER_OR_NOT = re.compile(f"{NO_NUMBER} | {_TOKENS}", re.VERBOSE | re.MULTILINE)
OPERATORS = {"×": "*", "·": "*", "⋅": "*", "∙": "*", "x": "*", "X": "*", "÷": "/", "−": "-", "–": "-", "**": "^"}
LATEX = {
    r"\times": ("operator", "*"), r"\cdot": ("operator", "*"), r"\ast": ("operator", "*"), r"\div": ("operator", "/"),
    r"\frac": ("fraction", r"\frac"), r"\dfrac": ("fraction", r"\frac"), r"\tfrac": ("fraction", r"\frac"),
    r"\%": ("percent", "%"), r"\$": ("currency", "$"), r"\approx": ("equals", "≈"),
    r"\(": ("stop", ""), r"\)": ("stop", ""), r"\[": ("stop", ""), r"\]": ("stop", ""), "\\\\": ("stop", ""),
}  # fmt: skip
LATEX_STOPS = frozenset({
    r"\implies", r"\Rightarrow", r"\Longrightarrow", r"\rightarrow", r"\therefore", r"\because", r"\qquad", r"\begin",
    r"\end", r"\item", r"\ge", r"\geq", r"\le", r"\leq", r"\ne", r"\neq", r"\equiv", r"\sim", r"\quad",
})  # fmt: skip
"""Commands that an expression does not reach across."""
STOPS = frozenset(".,:;?\"“”'‘’—…\n#")
"""Signs that an expression does not reach across; another sign (`|`, `!`) stands for what cannot be read."""
LATEX_SPACES = frozenset({r"\boxed", r"\,", r"\!", r"\;", r"\:", "\\ "})
WORD_OPERATORS = {"times": "*", "plus": "+", "minus": "-"}
_TECHNIQUE = re.compile(r"[DG]\b")
MAGNITUDES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
GLUED_UNITS = frozenset({
    "kg", "kgs", "mg", "cm", "mm", "km", "ml", "lb", "lbs", "oz", "ft", "mi", "mph", "kph", "hr", "hrs", "min", "mins",
    "sec", "secs", "am", "pm", "kb", "mb", "gb", "tb", "hz", "khz", "mhz", "ghz", "kw", "kwh", "°",
})  # fmt: skip
"""Words that may follow a number without a space; any other is taken for a variable, as in 2ab."""
NEVER_UNITS = frozenset({
    "is", "are", "was", "were", "be", "has", "have", "had", "so", "and", "but", "or", "then", "if", "because", "gives",
    "get", "gets", "got", "which", "that", "he", "she", "they", "it", "we", "you", "let", "since", "therefore", "thus",
    "hence", "when",
})  # fmt: skip
"""Words that end the run of words that may stand between a number and its operator."""
ZERO = Fraction(0)


# Named tuples, since thousands of them are made for a text, and a frozen dataclass takes four times as long to make.
class NumberSpan(NamedTuple):
    """A number in a text; the span covers its digits, separators and sign, but no currency or percent sign."""

    start: int
    end: int
    value: Decimal
    text: str


class Item(NamedTuple):
    """A token, or a number with the signs and unit around it."""

    kind: str
    """number, operator, open, close, fraction, equals, percent, currency, word or stop."""
    start: int
    end: int
    text: str
    """As it is written; of an operator one of + - * / ^."""
    plain: Fraction = ZERO
    """A number without percent sign and magnitude."""
    scaled: Fraction = ZERO
    """A number with them: `20%` is 1/5, `2 million` is 2,000,000; the same object as `plain` where it has none."""
    decimals: int = 0
    unit: str = ""


@lru_cache(maxsize=64)
def numbers(text: str) -> tuple[NumberSpan, ...]:
    """The numbers of a text, in order; never raises.

    Those in identifiers, ordinals (1st), versions (1.2.3), dates (2018-09-25) and names of techniques (3D, 5G) are left
    out. The numbers of `10:30`, `3/4` and `5-7` count each.
    """
    spans = []
    for match in NUMBER_OR_NOT.finditer(text):
        if match.lastgroup == "number":
            start, end = match.span("number")
            if _TECHNIQUE.match(text, end):
                continue
            start -= _has_sign(text, start)
            written = text[start:end]
            spans.append(NumberSpan(start, end, _decimal(written), written))
    return tuple(spans)


@lru_cache(maxsize=4096)
def _decimal(written: str) -> Decimal:
    return Decimal(_digits(written).replace("−", "-"))


def _digits(written: str) -> str:
    return written.replace(",", "").replace("\\!", "")


def is_glued_unit(word: str) -> bool:
    """Whether a word may follow a number without a space: `5kg`, `980cm³`."""
    return word.lower().rstrip("23²³") in GLUED_UNITS


def _has_sign(text: str, start: int) -> bool:
    if text[start - 1 : start] not in ("-", "−"):
        return False
    before = text[max(0, start - 20) : start - 1]
    if before[-1:].isspace():
        return not before.rstrip()[-1:].isdigit() and before.rstrip()[-1:] not in (")", "%")
    return not (before[-1:].isalnum() or before[-1:] in (")", "]", "%", "_", "-", "$"))


def _tokens(text: str) -> list[Item]:
    tokens = []
    for match in TOKEN.finditer(text):
        group = match.lastgroup or "other"
        if group == "space" or group == "note" or (written := match[group]) in LATEX_SPACES:
            continue
        kind, plain = _kind(group, written)
        tokens.append(Item(kind, *match.span(group), plain))
    return tokens


@lru_cache(maxsize=4096)
def _kind(group: str, written: str) -> tuple[str, str]:
    """Kind and normalised text of a token."""
    if group in ("operator", "times"):
        return "operator", OPERATORS.get(written, written)
    if group == "latex":
        return LATEX.get(written, ("stop" if written in LATEX_STOPS else "word", written))
    if group == "word" and written == "equals":
        return "equals", written
    if group == "latex_text":
        return "word", written[written.index("{") + 1 : -1].strip() or "{}"
    if group == "ordinal" or (group == "other" and written not in STOPS):
        return "word", written
    known = ("number", "open", "close", "equals", "percent", "currency", "word")
    return (group if group in known else "stop"), written


def read_items(text: str) -> list[Item]:
    """The text's tokens, with currency signs, percent signs, magnitudes and units folded into their numbers."""
    tokens, items, at = _tokens(text), list[Item](), 0
    while at < len(tokens):
        item = tokens[at]
        following = tokens[at + 1].kind if at + 1 < len(tokens) else "stop"
        at += 1
        if item.kind == "currency" and following in ("number", "open"):
            if following == "number":
                tokens[at] = tokens[at]._replace(unit=item.text)
            continue
        if item.kind == "number":
            item, at = _number(tokens, at - 1)
            item, at = _share(tokens, items, item, at)
        elif item.kind == "word" and following in ("number", "currency", "open"):
            item = _word_operator(item, items)
        elif item.kind in ("percent", "currency"):
            item = item._replace(kind="stop")
        if item.kind in ("number", "close"):
            unit, at = _unit(tokens, at, has_unit=bool(item.unit))
            item = item._replace(unit=unit) if unit and not item.unit else item
        items.append(item)
    return items


def _number(tokens: Sequence[Item], at: int) -> tuple[Item, int]:
    """The number at `at` with its fraction, percent sign and magnitude, and the index behind them."""
    token = tokens[at]
    is_odd = (len(token.text) > 1 and token.text.startswith("00")) or token.end - token.start > MAX_DIGITS
    if is_odd or _is_torn(tokens, at):
        return token._replace(kind="word"), at + 1
    plain, decimals = _read(token.text)
    at += 1
    if _is_mixed(tokens, at - 1):
        plain += Fraction(int(tokens[at].text), int(tokens[at + 2].text))
        token, at = token._replace(end=tokens[at + 2].end), at + 3
    scaled, following = plain, tokens[at] if at < len(tokens) else None
    if following is not None:
        if following.kind == "percent" or following.text == "percent":
            scaled, at = plain / 100, at + 1
        elif following.text in MAGNITUDES:
            scaled, at = plain * MAGNITUDES[following.text], at + 1
    unit = token.unit or ("%" if scaled is not plain and scaled < plain else "")
    # Written out, since `_replace` takes longer, and every number of every text comes through here.
    return Item(token.kind, token.start, token.end, token.text, plain, scaled, decimals, unit), at


@lru_cache(maxsize=4096)
def _read(written: str) -> tuple[Fraction, int]:
    """The value of digits with their separators, and how many stand behind the point."""
    digits = _digits(written)
    decimals = len(written.partition(".")[2])
    return (Fraction(digits) if decimals else Fraction(int(digits))), decimals


def _share(tokens: Sequence[Item], items: Sequence[Item], over: Item, at: int) -> tuple[Item, int]:
    """The number, or the fraction that is divided by in `3 / 1/4`: its slash stands closer than the one before."""
    if not items or items[-1].text != "/" or items[-1].end == over.start or at + 1 >= len(tokens):
        return over, at
    slash, under = tokens[at], tokens[at + 1]
    is_close = slash.text == "/" and over.end == slash.start and slash.end == under.start and under.text.isdigit()
    if not is_close or not under.text.strip("0") or len(under.text) > MAX_DIGITS:
        return over, at
    value = over.plain / int(under.text)
    return over._replace(end=under.end, plain=value, scaled=value), at + 2


def _is_torn(tokens: Sequence[Item], at: int) -> bool:
    """Whether the token is the tail of `6:00` or `13,2000`, which is no number of its own."""
    if at < 2 or tokens[at - 1].text not in (",", ":"):
        return False
    return tokens[at - 2].end + 1 == tokens[at].start and tokens[at - 2].kind == "number"


def _is_mixed(tokens: Sequence[Item], at: int) -> bool:
    """Whether `1 1/2` starts at `at`."""
    if at + 3 >= len(tokens) or [token.kind for token in tokens[at : at + 4]] != [
        "number", "number", "operator", "number",
    ]:  # fmt: skip
        return False
    whole, over, slash, under = tokens[at : at + 4]
    is_glued = over.end == slash.start and slash.end == under.start
    if slash.text != "/" or not is_glued or not all(part.text.isdigit() for part in (whole, over, under)):
        return False
    return len(under.text) <= 4 and len(over.text) <= 4 and int(over.text) < int(under.text)


def _word_operator(word: Item, items: Sequence[Item]) -> Item:
    """The word as an operator, where it stands for one between two numbers."""
    if not items or items[-1].kind != "number":
        return word
    is_share = items[-1].unit == "%" or (len(items) > 2 and items[-2].text == "/" and items[-3].kind == "number")
    operator = "*" if word.text == "of" and is_share else WORD_OPERATORS.get(word.text)
    return word if operator is None else word._replace(kind="operator", text=operator)


def _unit(tokens: Sequence[Item], at: int, *, has_unit: bool) -> tuple[str, int]:
    """The words behind a number or bracket, and where reading goes on: behind them where an operator follows."""
    end = at
    while end < len(tokens) and end - at < MAX_UNIT_WORDS:
        is_power = end > at and [token.text for token in tokens[end : end + 2]] in (["^", "2"], ["^", "3"])
        is_rate = _is_rate(tokens, end, has_unit or end > at) and _is_unit_word(tokens, end + 1)
        if not (_is_unit_word(tokens, end) or is_rate or is_power):
            break
        end += 2 if is_rate or is_power else 1
    unit = tokens[at].text if end > at else ""
    is_inside = end > at and end < len(tokens) and tokens[end].kind in ("operator", "equals", "close")
    if is_inside and tokens[end].kind == "operator" and end + 1 < len(tokens) and tokens[end + 1].kind == "stop":
        is_inside = False
    return unit, end if is_inside else at


def _is_unit_word(tokens: Sequence[Item], at: int) -> bool:
    if at >= len(tokens) or tokens[at].kind != "word":
        return False
    word = tokens[at].text.lower()
    if at > 0 and tokens[at - 1].end == tokens[at].start and tokens[at - 1].kind in ("number", "close"):
        return is_glued_unit(word)
    if len(word) == 1:
        return word == "a" and at + 1 < len(tokens) and tokens[at + 1].kind == "word"
    has_digits = any(character.isdigit() for character in word) and not word[0].isdigit()
    return word not in NEVER_UNITS and not word.startswith("\\") and not has_digits


def _is_rate(tokens: Sequence[Item], at: int, has_unit: bool) -> bool:
    """Whether the operator is the slash of `$6/day` or the hyphen of `3-pack`."""
    sign = tokens[at]
    if sign.kind != "operator" or at + 1 >= len(tokens):
        return False
    is_glued = tokens[at - 1].end == sign.start and sign.end == tokens[at + 1].start
    return (sign.text == "/" and has_unit) or (sign.text == "-" and is_glued)
