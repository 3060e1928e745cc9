"""Hallucination rule for calculations: something that was never said is reckoned in, up to the final answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.figures import written_like
from seapo.inject.passage import Passage, plain
from seapo.inject.source_forms import PREMISES, PREMISES_OF_ANYTHING, PREMISES_OF_MONEY, PREMISES_OF_TIME
from seapo.inject.worksheet import Slot
from seapo.language import unit_group
from seapo.lexicon import words

_UNIT = re.compile(r" ?((?:[a-z]+ ){0,2}[a-z]+)(?=[ .,;\n]|$)")
_NO_UNIT = frozenset(
    words("""
        in per a an on for of left after each every more less fewer total to and at with from altogether old now
        then is are was were as than by if so because which that the he she they it high long away ahead all
        later faster slower times percent farther older younger taller shorter remaining apart together
    """)
)
_SHORT_TIMES = frozenset({"second", "seconds", "minute", "minutes", "hour", "hours", "day", "days"})


MARKS = ("$", "€", "£")


@dataclass(frozen=True)
class Unit:
    """What an amount is of: a word behind it, or a sign before it."""

    word: str
    mark: str


def invented_premises(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Behind a step, an amount that nobody mentioned is added or taken away; what follows is computed with it."""
    sheet = passage.worksheet
    last_first = sorted(sheet.main_steps, key=lambda step: -step.end)
    for step in last_first[:1] + shuffled(rng, last_first[1:]):
        home, slot = passage.sentence_at(step.start), sheet.slots[step.result]
        if home is None or slot.written[:1] in "-−" or not sheet.stands_for_one_thing(step):
            continue
        unit = _unit(passage, slot, is_last=step is last_first[0])
        mark = passage.text[slot.start - 1 : slot.start] if passage.text[slot.start - 1 : slot.start] in MARKS else ""
        for form in shuffled(rng, _forms(unit, mark))[:2]:
            extra = _extra(Decimal(slot.value), rng)
            if extra is None or str(extra) in passage.given_values:
                continue
            text, result = _told(form, passage, slot, Unit(unit, mark), extra)
            since = next((i for i, s in enumerate(sheet.slots) if s.start >= home.end), len(sheet.slots))
            new = sheet.carry({}, {slot.value: result}, since=since)
            if new is not None:
                told = replace(passage.text, home.end, home.end, _gap(passage.text, home.end) + text)
                yield draft("invented_premise", passage.text, [told, *sheet.edits(new)])


def _forms(unit: str, mark: str) -> tuple[str, ...]:
    if mark or unit_group(unit) == "money":
        return PREMISES_OF_MONEY
    if unit in _SHORT_TIMES:
        return PREMISES_OF_TIME
    return PREMISES_OF_ANYTHING if not unit or unit_group(unit) else PREMISES


def _extra(value: Decimal, rng: Random) -> Decimal | None:
    """An amount between a twentieth and a third of the value, a round one where the value is large."""
    whole = int(value)
    if whole < 6:
        return None
    unit = 10 ** max(0, len(str(whole)) - 2) if whole >= 100 else 1
    lowest, highest = max(2 if unit == 1 else 1, whole // (20 * unit)), whole // (3 * unit)
    return Decimal(rng.randint(lowest, max(lowest, highest)) * unit)


def _told(form: str, passage: Passage, slot: Slot, unit: Unit, extra: Decimal) -> tuple[str, str]:
    """The sentence that brings the amount in, and the new result as it is written."""
    sign = "+" if "{sum}" in form else "-"
    value = Decimal(slot.value)
    result = written_like(value + extra if sign == "+" else value - extra, slot.written)
    more = written_like(extra, slot.written)
    note = f"<<{plain(slot.written)}{sign}{plain(more)}={plain(result)}>>" if "<<" in passage.text else ""
    behind = f" {unit.word}" if unit.word and not unit.mark else ""
    equation = f"{unit.mark}{slot.written} {sign} {unit.mark}{more} = {unit.mark}{note}{result}{behind}"
    return form.format(extra=f"{unit.mark}{more}{behind}", sum=equation, difference=equation), result


def _unit(passage: Passage, slot: Slot, *, is_last: bool) -> str:
    """The words that say what a result counts, behind it or, for the last one, behind the final answer."""
    final = passage.final_answer
    is_stated = is_last and final is not None and plain(final.value.lstrip("$€£ ")) == slot.value
    ends = [final.end, slot.end] if is_stated and final else [slot.end]
    for end in ends:
        match = _UNIT.match(passage.text, end)
        kept: list[str] = []
        for word in match[1].split() if match else []:
            if word in _NO_UNIT or (kept and kept[-1].endswith("s")):
                break
            kept.append(word)
        if kept:
            return " ".join(kept)
    return ""


def _gap(text: str, end: int) -> str:
    """What parts two sentences there: a line end, or a space."""
    return "\n" if text[end : end + 1] == "\n" else " "
