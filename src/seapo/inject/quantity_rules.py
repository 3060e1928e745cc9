"""Correctness rules for quantities in running text: numbers, years, dates, number words, units."""

import re
from collections.abc import Iterator
from itertools import islice
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.figures import is_year, other_numbers, other_years
from seapo.inject.passage import Passage
from seapo.language import Mention, alike, exchange, match_case
from seapo.quantities import NumberSpan
from seapo.records import Edit

_DECADE = re.compile(r"\b(1[0-9]|20)([0-9])0(?=s\b)")
_CENTURY = re.compile(r"\b([0-9]{1,2})(st|nd|rd|th)(?=[ -]century\b)")
_DAY_BEFORE_MONTH = re.compile(
    r"(?:\b[0-9]{1,2}(?:st|nd|rd|th)?(?: of)?|\b(?:[Ii]n|[Oo]n|[Bb]y|[Ss]ince|of|[Uu]ntil|early|late|mid)) $"
)
_DAY_AFTER_MONTH = re.compile(r",? ?[0-9]{1,4}\b")
_FREE_NUMBER_AFTER = re.compile(r"\s?(?:%|percent)")
_UNIT_AFTER_NUMBER = re.compile(
    r"(?:[0-9]|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|per|several|few)) ?$"
)
_NOUN_AFTER = re.compile(r" ?(?:[a-z%]|\$|°)")
_COUNTED_BEFORE = re.compile(
    r"(?:[$€£=(:,]|\b(?:is|are|was|were|be|of|about|than|to|from|at|by|with|for|and|or|has|have|had|over|under|"
    r"least|most|only|"
    r"nearly|almost|around|approximately|roughly|every|per|between|after|until|equals?|costs?|contains?|exactly|"
    r"the|a|an|all|"
    r"gives?|reaches|reached|up|some|another|these|those|weighs?|lasts?|takes?|took|got|get|in|within)) ?$"
)
_HEDGE_BEFORE = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|over|than|least|most|to|some) [$€£]?$"
)
_RANGE = re.compile(r"[-–—] ?$")
_ANOTHER_MENTION_DIGITS = 3
"""Numbers with at least so many digits are changed wherever they stand: no other quantity has the same by chance."""


def wrong_numbers(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A number that states a fact becomes a near one; numbers of a calculation are left to other rules."""
    if passage.is_calculation:
        return
    for number in shuffled(rng, passage.numbers):
        if passage.is_fiction and number.text not in passage.conversation:
            continue
        after = passage.text[number.end : number.end + 12]
        if is_year(number.text, after) or not _is_quantity(passage.text, number):
            continue
        is_share = _FREE_NUMBER_AFTER.match(after) is not None
        others = other_numbers(number.text, rng, is_share=is_share)
        others = (other for other in others if is_noticeable(passage.text, number, other))
        for other in islice(others, 2):
            yield Draft("wrong_number", _at_every_mention(passage, number, other))


def wrong_number_words(passage: Passage, rng: Random) -> Iterator[Draft]:
    """`seven vertebrae` becomes `six vertebrae`; ordinals before a noun likewise, but no `First, ...` of a list."""
    if passage.is_calculation:
        return
    said = (m for m in passage.mentions if not passage.is_quoted(m.start, m.end))
    for mention in shuffled(rng, (m for m in said if m.kinds[0] in ("number word", "ordinal word"))):
        before, after = passage.text[: mention.start], passage.text[mention.end : mention.end + 8]
        is_enumerator = mention.kinds[0] == "ordinal word" and (
            mention.term[:1].isupper()
            or not before.endswith(("the ", "The ", "its ", "his ", "her "))
            or after[:1] in ",:"
        )
        is_phrase = before.endswith(("-", "or ", "one ")) or after.startswith((" or ", " of us", " of them", "-"))
        is_fixed = passage.is_fiction and mention.term not in passage.conversation
        if not (is_enumerator or is_phrase or is_fixed):
            others = next(others for kind, others in alike(mention.term) if kind == mention.kinds[0])
            yield _exchanged(passage, "wrong_number", mention, rng.choice(others[:3]))


def wrong_dates(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A year, decade, century, month or weekday becomes another one near it."""
    if passage.is_fiction and passage.sample.truth is None:
        return
    found = [*_wrong_years(passage, rng), *_wrong_spans_of_years(passage, rng), *_wrong_calendar_names(passage, rng)]
    yield from shuffled(rng, found)


def wrong_units(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A unit behind a number becomes another of the same measure: hours for minutes, pounds for ounces."""
    if passage.is_fiction:
        return
    for mention in shuffled(rng, (m for m in passage.mentions if m.kinds[-1].startswith("unit:"))):
        before = passage.text[max(0, mention.start - 10) : mention.start]
        if _UNIT_AFTER_NUMBER.search(before) is None or (len(mention.term) == 1 and not before.rstrip()[-1:].isdigit()):
            continue
        is_quarter = mention.term in ("second", "Second", "seconds") and not before.rstrip()[-1:].isdigit()
        others = next((others for kind, others in alike(mention.term) if kind.startswith("unit:")), ())
        if others and not is_quarter:
            yield _exchanged(passage, "wrong_unit", mention, rng.choice(others[:2]))


def _wrong_years(passage: Passage, rng: Random) -> Iterator[Draft]:
    for number in passage.numbers:
        after = passage.text[number.end : number.end + 12]
        if is_year(number.text, after) and not passage.is_calculation:
            for other in islice(other_years(number.text, rng), 2):
                yield Draft("wrong_date", _at_every_mention(passage, number, other))


def _wrong_spans_of_years(passage: Passage, rng: Random) -> Iterator[Draft]:
    for match in _DECADE.finditer(passage.text):
        decade = int(match[0]) + rng.choice([-30, -20, -10, 10, 20])
        if decade <= 2010 and not passage.is_protected(*match.span()):
            yield draft("wrong_date", passage.text, [replace(passage.text, *match.span(), str(decade))])
    for match in _CENTURY.finditer(passage.text):
        other = int(match[1]) + rng.choice([-2, -1, 1])
        if 0 < other < 22 and not passage.is_protected(*match.span()):
            yield draft("wrong_date", passage.text, [replace(passage.text, *match.span(), ordinal(other))])


def _wrong_calendar_names(passage: Passage, rng: Random) -> Iterator[Draft]:
    for mention in passage.mentions:
        before, after = passage.text[max(0, mention.start - 16) : mention.start], passage.text[mention.end :]
        if mention.kinds[0] == "month":
            is_date = _DAY_BEFORE_MONTH.search(before) is not None or _DAY_AFTER_MONTH.match(after) is not None
            if is_date:
                yield _exchanged(passage, "wrong_date", mention, rng.choice(alike(mention.term)[0][1][:6]))
        elif mention.kinds[0] == "weekday":
            yield _exchanged(passage, "wrong_date", mention, rng.choice(alike(mention.term)[0][1]))


def _exchanged(passage: Passage, subtype: str, mention: Mention, other: str) -> Draft:
    change = exchange(passage.text, mention.start, mention.end, match_case(mention.term, other))
    return draft(subtype, passage.text, [change])


def _at_every_mention(passage: Passage, number: NumberSpan, other: str) -> tuple[Edit, ...]:
    same = [number]
    if len(number.text.replace(",", "").replace(".", "")) >= _ANOTHER_MENTION_DIGITS:
        follower = _follower(passage.text, number)
        same = [
            each for each in passage.numbers if each.text == number.text and _follower(passage.text, each) == follower
        ]
    changes = [exchange(passage.text, each.start, each.end, other) for each in same]
    return draft("", passage.text, changes).edits


def _is_quantity(text: str, number: NumberSpan) -> bool:
    """Whether a number counts or measures; `slit 1` and `the 60s` do not, and the ends of a range stay in order."""
    before, after = text[max(0, number.start - 16) : number.start], text[number.end : number.end + 3]
    if (
        before.endswith("Confidence: ")
        or number.text[:1] in "-−"
        or _RANGE.search(before)
        or after[:1] in ("-", "–", "—")
        or after[:1].isalpha()
    ):
        return False
    return _NOUN_AFTER.match(after) is not None or _COUNTED_BEFORE.search(before) is not None


def _follower(text: str, number: NumberSpan) -> str:
    """The word or sign behind a number, which tells what it counts."""
    return text[number.end : number.end + 24].split(" ")[:2][-1].strip(".,;:!?)")


def is_noticeable(text: str, number: NumberSpan, other: str) -> bool:
    """Whether another number makes a statement wrong: behind `about` and the like it must be a fifth off."""
    if not _HEDGE_BEFORE.search(text[max(0, number.start - 14) : number.start]):
        return True
    old, new = float(number.text.replace(",", "")), float(other.replace(",", ""))
    return abs(new - old) >= 0.2 * max(old, new)


def ordinal(value: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"
