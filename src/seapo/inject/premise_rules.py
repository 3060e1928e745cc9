"""Hallucination rule for calculations: something that was never said is reckoned in, up to the final answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.exchanges import can_exchange
from seapo.inject.figures import written_like
from seapo.inject.passage import Passage, plain
from seapo.inject.source_forms import (
    PREMISES,
    PREMISES_OF_ANYTHING,
    PREMISES_OF_MONEY,
    PREMISES_OF_TIME,
    REMARKS,
    REMARKS_OF_MONEY,
    REMARKS_OF_TIME,
)
from seapo.inject.worksheet import Slot, Step
from seapo.language import unit_group
from seapo.lexicon import words
from seapo.records import Edit

_UNIT = re.compile(r" ?((?:[a-z]+ ){0,2}[a-z]+)(?=[ .,;\n]|$)")
_NO_UNIT = frozenset(
    words("""
        in per a an on for of left after each every more less fewer total to and at with from altogether old now
        then is are was were as than by if so because which that the he she they it high long away ahead all
        later faster slower times percent farther older younger taller shorter remaining apart together tall
        wide deep
    """)
)
_MAX_SHARE = 0.45
"""Of the answer's length, for an added sentence."""
_LEFT_TO_OTHERS = 0.9
"""Of the answers where something can be exchanged: a premise always makes an answer longer."""
_SHORT_TIMES = frozenset({"second", "seconds", "minute", "minutes", "hour", "hours", "day", "days"})


MARKS = frozenset("$€£")


@dataclass(frozen=True)
class Unit:
    """What an amount is of: a word behind it, or a sign before it."""

    word: str
    mark: str


def invented_premises(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Behind a step, an amount that nobody mentioned is added or taken away; what follows is computed with it."""
    if rng.random() < _LEFT_TO_OTHERS and can_exchange(passage):
        return
    sheet = passage.worksheet
    last_first = sorted(sheet.main_steps, key=lambda step: -step.end)
    for step in last_first[:1] + shuffled(rng, last_first[1:]):
        home, slot = passage.sentence_at(step.start), sheet.slots[step.result]
        is_last = step is last_first[0]  # behind it only the final answer follows, so it cannot be mistaken
        if home is None or slot.written[:1] in "-−" or not (is_last or sheet.stands_for_one_thing(step)):
            continue
        unit = _unit(passage, slot, is_last=is_last)
        mark = _mark(passage.text, slot)
        yield from _within(passage, rng, step, Unit(unit, mark))
        for form in shuffled(rng, _forms(unit, mark))[:2]:
            extra = _extra(Decimal(slot.value), rng)
            if extra is None or str(extra) in passage.given_values:
                continue
            text, result = _told(form, passage, slot, Unit(unit, mark), extra)
            since = next((i for i, s in enumerate(sheet.slots) if s.start >= home.end), len(sheet.slots))
            new = sheet.carry({}, {slot.value: result}, since=since)
            if new is not None and len(text) < _MAX_SHARE * len(passage.text):
                told = replace(passage.text, home.end, home.end, _gap(passage.text, home.end) + text)
                yield draft("invented_premise", passage.text, [told, *sheet.edits(new)])


def _within(passage: Passage, rng: Random, step: Step, unit: Unit) -> Iterator[Draft]:
    """The amount stands in the step's own equation, and a remark says what it is; the answer grows by a few words."""
    sheet, slot = passage.worksheet, passage.worksheet.slots[step.result]
    home, extra = passage.sentence_at(step.start), _extra(Decimal(slot.value), rng)
    if home is None or extra is None or str(extra) in passage.given_values or home.text[-1] in "?!:;":
        return
    sign, remark = rng.choice(_remarks(unit))
    result, more = _reckoned(slot, sign, extra)
    twins = [twin for twin in sheet.steps if twin.overlaps(step)]
    new = sheet.carry(sheet.restated(step, result), {slot.value: result})
    if new is None or any(set(twin.equation.left) & set("(%") for twin in twins):
        return
    edits = [_lengthened(passage.text, twin, sign, unit.mark, more) for twin in twins]
    behind = f" {unit.word}" if unit.word and not unit.mark else ""
    told = f" ({remark.format(extra=f'{unit.mark}{more}{behind}')})"
    end = home.end - (home.text[-1] == ".")
    remarked = replace(passage.text, end, end, told)
    yield draft("invented_premise", passage.text, [*edits, remarked, *sheet.edits(new)])


def _reckoned(slot: Slot, sign: str, extra: Decimal) -> tuple[str, str]:
    """The new result and the amount, written like the old result."""
    value = Decimal(slot.value)
    result = value + extra if sign == "+" else value - extra
    return written_like(result, slot.written), written_like(extra, slot.written)


def _mark(text: str, slot: Slot) -> str:
    """The currency sign before a result, or before its note."""
    start = text.rfind("<<", 0, slot.start) if text.endswith(">>", 0, slot.start) else slot.start
    before = text[start - 1 : start]
    return before if before in MARKS else ""


def _lengthened(text: str, step: Step, sign: str, mark: str, more: str) -> Edit:
    """The edit that adds ` + 4` to a step's left side, in the step's own spacing."""
    end = step.start + len(step.equation.left)
    gap = " " if re.search(r"\s[-+*/x×÷]\s", step.equation.left) else ""
    return replace(text, end, end, f"{gap}{sign}{gap}{mark if gap else ''}{more}")


def _remarks(unit: Unit) -> tuple[tuple[str, str], ...]:
    if unit.mark or unit_group(unit.word) == "money":
        return REMARKS_OF_MONEY
    return REMARKS_OF_TIME if unit.word in _SHORT_TIMES else REMARKS


def _forms(unit: str, mark: str) -> tuple[str, ...]:
    if mark or unit_group(unit) == "money":
        return PREMISES_OF_MONEY
    if unit in _SHORT_TIMES:
        return PREMISES_OF_TIME
    return PREMISES_OF_ANYTHING if not unit or unit_group(unit) else PREMISES


def _extra(value: Decimal, rng: Random) -> Decimal | None:
    """An amount between a twentieth and a third of the value, a round one where the value is large."""
    whole = int(value)
    if whole < 3:
        return None
    if whole < 6:
        return Decimal(rng.randint(1, 2))
    unit = 10 ** max(0, len(str(whole)) - 2) if whole >= 100 else 1
    lowest, highest = max(2 if unit == 1 else 1, whole // (20 * unit)), whole // (3 * unit)
    return Decimal(rng.randint(lowest, max(lowest, highest)) * unit)


def _told(form: str, passage: Passage, slot: Slot, unit: Unit, extra: Decimal) -> tuple[str, str]:
    """The sentence that brings the amount in, and the new result as it is written."""
    sign = "+" if "{sum}" in form else "-"
    result, more = _reckoned(slot, sign, extra)
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
