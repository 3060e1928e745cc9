"""The strategy `pivot`: the model's own next-best words at the places where it is sure of the right one.

A place counts where the answer's token is the model's first choice, or likely. An alternative is taken only if the
closed tables of the language module say that it is of the same kind and no synonym: a number for a number, a place for
a place, a name of the question for another one, a word for its opposite, a connective for one of another relation.
Common words are left alone: half of the model's alternatives for them are synonyms, which are no errors.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seapo.inject.argument_rules import concludes, denied_conclusions_of, stated_answer
from seapo.inject.draft import draft, is_part_of_a_name
from seapo.inject.entity_rules import denials
from seapo.inject.figures import is_year
from seapo.inject.passage import Passage
from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.inject.quantity_rules import is_noticeable
from seapo.language import (
    Change,
    Mention,
    connective_relation,
    exchange,
    is_given_name,
    kinds_of,
    match_case,
    opposites,
    shared_kind,
)
from seapo.quantities import NumberSpan
from seapo.records import Edit, Sample

if TYPE_CHECKING:
    from seapo.model.chat import TokenChoice

SURE_NATS = math.log(0.3)
"""The answer's own token has at least this log-probability, or is the first choice."""
PROPOSALS_PER_TYPE = 8
_DIGITS = re.compile(r"[0-9]+")
"""Digits that a number can be written with; a vocabulary has others, too, as ², ٣ and ①."""
_DIGIT = re.compile(r"[0-9]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SUBTYPES = {
    "month": "wrong_date",
    "weekday": "wrong_date",
    "unit": "wrong_unit",
    "country": "wrong_place",
    "capital": "wrong_place",
    "city": "wrong_place",
    "state": "wrong_place",
    "people": "wrong_place",
    "continent": "wrong_place",
    "given name": "wrong_name",
    "number word": "wrong_number",
    "ordinal word": "wrong_number",
}
"""Kind of the exchanged word -> subtype; `wrong_term` for all others."""
_OPENERS = frozenset({"However", "Therefore", "Thus", "Hence", "So", "But", "Nevertheless", "Yet", "Consequently"})
_JOINERS = frozenset({"because", "although", "though", "but", "so", "if", "unless", "yet", "therefore"})
_TIMES = frozenset({"before", "after"})
"""Connectives at the start of a sentence, between clauses, and of time; those of one set can stand for each other."""


@dataclass(frozen=True)
class _Found:
    """A change that the model finds plausible."""

    error_type: str
    subtype: str
    edits: tuple[Edit, ...]
    logprob_nats: float
    """Of the alternative at its place."""


@STRATEGIES.register("pivot")
def propose_by_pivot(sample: Sample, error_type: str, context: Context) -> Iterator[Proposal]:
    """The model's most likely mistakes of a type, likeliest first."""
    if error_type not in ("correctness", "logic") or not context.passage.sentences:
        return
    if not _has_a_place(context.passage):  # then the model need not read the answer
        return
    found = [f for f in _pivots(context.passage, context.alternatives) if f.error_type == error_type and f.edits]
    for each in _best_of_each_place(found)[:PROPOSALS_PER_TYPE]:
        yield Proposal(error_type, each.subtype, "pivot", context.model, each.edits)


def _has_a_place(passage: Passage) -> bool:
    """Whether anything that the model could write in the answer's place would be a change that is made here."""
    places = (match.start() for match in _DIGIT.finditer(passage.text))
    if any(not passage.is_protected(place, place + 1) for place in places):
        return True
    words = _WORD.finditer(passage.text)
    free = (word for word in words if not passage.is_protected(word.start(), word.start() + 1))
    return any(_has_others(passage, word) for word in free) or len(_places_of_not(passage)) > 0


def _has_others(passage: Passage, match: re.Match[str]) -> bool:
    """Whether some word could stand for this one in `_other_word`."""
    word, span = match[0], match.span()
    if passage.is_quoted(*span):
        return False
    if any(word in group for group in (_OPENERS, _JOINERS, _TIMES)):
        return True
    if passage.is_fiction and word not in passage.conversation:
        return False
    is_known = kinds_of(word) or opposites(word) or is_given_name(word)
    return bool(is_known) and not (
        word[:1].isupper() and is_part_of_a_name(passage, Mention(*span, word, kinds_of(word)))
    )


def _best_of_each_place(found: "list[_Found]") -> "list[_Found]":
    """Likeliest first, and the second best of a place behind the best of all places."""
    seen: dict[int, int] = {}
    order = []
    for each in sorted(found, key=lambda f: -f.logprob_nats):
        place = each.edits[0].start
        seen[place] = seen.get(place, 0) + 1
        order.append((seen[place], each))
    return [each for _, each in sorted(order, key=lambda pair: pair[0])]


def _pivots(passage: Passage, choices: "Sequence[TokenChoice]") -> Iterator[_Found]:
    starts = {match.start(): match for match in _WORD.finditer(passage.text)}
    not_there = _places_of_not(passage)
    for choice in choices:
        if not (choice.is_argmax or choice.logprob_nats >= SURE_NATS) or passage.is_protected(choice.start, choice.end):
            continue
        token = passage.text[choice.start : choice.end]
        start = choice.start + len(token) - len(token.lstrip())
        behind_word = choice.start if token[:1].isspace() else choice.start - 1
        for text, logprob in choice.alternatives:
            if text.strip() == token.strip():
                continue
            if text.strip() == "not" and behind_word in not_there:
                yield from _denial(passage, not_there[behind_word], logprob)
            elif _DIGITS.fullmatch(text.strip()) and _DIGITS.fullmatch(token.strip()):
                yield from _other_digits(passage, start, start + len(token.strip()), text.strip(), logprob)
            elif start in starts and _WORD.fullmatch(text.strip()):
                yield from _other_word(passage, starts[start], text.strip(), logprob)


def _places_of_not(passage: Passage) -> dict[int, Change]:
    """Where a *not* denies a claim: offset behind the verb -> the change."""
    places = {change.end: change for change in [*denials(passage), *denied_conclusions_of(passage)]}
    return {end: change for end, change in places.items() if change.replacement.endswith(" not")}


def _denial(passage: Passage, change: Change, logprob: float) -> Iterator[_Found]:
    is_conclusion = concludes(passage, change.start)
    subtype = "contradiction" if is_conclusion else "negated_fact"
    edits = draft(subtype, passage.text, [change]).edits
    yield _Found("logic" if is_conclusion else "correctness", subtype, edits, logprob)


def _other_digits(passage: Passage, start: int, end: int, digits: str, logprob: float) -> Iterator[_Found]:
    number = next((n for n in passage.numbers if n.start <= start and end <= n.end), None)
    if passage.is_calculation:
        yield from _other_result(passage, start, end, digits, logprob)
    elif number is not None and len(digits) == end - start:
        written = number.text[: start - number.start] + digits + number.text[end - number.start :]
        # A first digit changed makes 1443 to 5443: possible for the model, but for no reader.
        is_possible = (start > number.start or len(number.text) < 3) and not written.startswith("0")
        is_wrong = is_noticeable(passage.text, number, written) if is_possible else False
        if is_wrong and not _is_future(number, written, passage.text):
            subtype = (
                "wrong_date" if is_year(number.text, passage.text[number.end : number.end + 12]) else "wrong_number"
            )
            change = exchange(passage.text, number.start, number.end, written)
            yield _Found("correctness", subtype, draft(subtype, passage.text, [change]).edits, logprob)


def _other_result(passage: Passage, start: int, end: int, digits: str, logprob: float) -> Iterator[_Found]:
    """Another result of a step, carried on to the end; or another final answer behind the last step."""
    sheet = passage.worksheet
    index = next((i for i, s in enumerate(sheet.slots) if s.start <= start and end <= s.end), None)
    if index is None:
        return
    slot = sheet.slots[index]
    written = slot.written[: start - slot.start] + digits + slot.written[end - slot.start :]
    is_leading = start == slot.start and len(slot.written) > 2
    if is_leading or written.startswith("0") or len(digits) != end - start:
        return
    step = next((s for s in sheet.main_steps if index in sheet.mentions_of_result(s)), None)
    if step is not None and sheet.stands_for_one_thing(step):
        new = sheet.carry(sheet.restated(step, written), {slot.value: written})
        if new is not None:
            yield _Found("correctness", "wrong_arithmetic", sheet.edits(new), logprob)
    elif passage.final_answer is not None and sheet.steps and slot.start >= max(s.end for s in sheet.steps):
        stated = {i: written for i, s in enumerate(sheet.slots) if s.start >= slot.start and s.value == slot.value}
        if passage.final_answer.start in range(slot.start, slot.end + 1):
            yield _Found("logic", "contradiction", sheet.edits(stated), logprob)


def _other_word(passage: Passage, match: re.Match[str], other: str, logprob: float) -> Iterator[_Found]:
    word, span = match[0], match.span()
    if passage.is_quoted(*span):
        return
    is_connective = any({word, other} <= group for group in (_OPENERS, _JOINERS, _TIMES))
    if is_connective and connective_relation(word) != connective_relation(other):
        change = Change(*span, match_case(word, other))
        yield _Found("logic", "wrong_connective", draft("", passage.text, [change]).edits, logprob)
        return
    subtype = _subtype(passage, Mention(*span, word, kinds_of(word)), other)
    if subtype is None or (passage.is_fiction and word not in passage.conversation):
        return
    stated = stated_answer(passage)
    is_stated = stated is not None and stated[0] <= span[0] < stated[1] and len(passage.sentences) > 1
    error_type, subtype = ("logic", "wrong_conclusion") if is_stated else ("correctness", subtype)
    change = exchange(passage.text, *span, match_case(word, other))
    yield _Found(error_type, subtype, draft(subtype, passage.text, [change]).edits, logprob)


def _subtype(passage: Passage, mention: Mention, other: str) -> str | None:
    """What kind of error an exchange is; None where it may be none."""
    if mention.term[:1].isupper() and (is_part_of_a_name(passage, mention) or not other[:1].isupper()):
        return None
    kind = shared_kind(mention.term, other)
    if kind is not None:
        is_measure = kind.startswith("unit:") and not re.search(r"\d ?$|\w+ $", passage.text[: mention.start][-12:])
        return None if is_measure else _SUBTYPES.get(kind.split(":")[0], "wrong_term")
    are_names = is_given_name(mention.term) and is_given_name(other)
    return "wrong_name" if are_names and other in passage.conversation else None


def _is_future(number: NumberSpan, written: str, text: str) -> bool:
    return is_year(number.text, text[number.end : number.end + 12]) and not 1000 <= int(written) <= 2024
