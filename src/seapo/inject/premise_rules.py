"""Hallucination rule for calculations: something that the question never said is reckoned in, up to the final answer."""

import re
from collections.abc import Iterator
from decimal import Decimal
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.figures import rewritten, written_like
from seapo.inject.passage import Passage, plain
from seapo.inject.source_forms import PREMISES, PREMISES_OF_MONEY, PREMISES_OF_TIME
from seapo.inject.worksheet import Slot
from seapo.language import Change, unit_group

_UNIT = re.compile(r" ?((?:[a-z]+ ){0,2}[a-z]+)(?=[ .,;\n]|$)")
_NO_UNIT = frozenset(
    "in per a an on for of left after each every more less fewer total to and at with from altogether old now then is are was "
    "were as than by if so because which that the he she they it high long away ahead all later faster slower times percent "
    "farther older younger taller shorter remaining apart together".split()  # noqa: SIM905
)
_SHORT_TIMES = frozenset({"second", "seconds", "minute", "minutes", "hour", "hours", "day", "days"})


def invented_premises(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Behind the last step, an amount that nobody mentioned is added or taken away, and the final answer follows."""
    sheet, final = passage.worksheet, passage.final_answer
    if not sheet.main_steps or final is None:
        return
    last = max(sheet.main_steps, key=lambda step: step.end)
    home = passage.sentence_at(last.start)
    slot = sheet.slots[last.result]
    stated = [s for s in sheet.slots if s.value == slot.value and home and s.start >= home.end]
    if (
        home is None
        or plain(final.value.lstrip("$€£ ")) != slot.value
        or not any(s.start <= final.start < s.end for s in stated)
    ):
        return
    unit = _unit(passage.text, slot, final.end)
    has_sign = passage.text[slot.start - 1 : slot.start] in ("$", "€", "£")
    for form in shuffled(rng, _forms(unit, has_sign)):
        extra = _extra(Decimal(slot.value), rng)
        if extra is None or (str(extra) in passage.given_values):
            continue
        text, result = _told(form, passage, slot, unit, extra)
        changes = [Change(home.end, home.end, _gap(passage.text, home.end) + text)]
        yield draft(
            "invented_premise",
            passage.text,
            [*changes, *(replace(passage.text, s.start, s.end, rewritten(result, s.written)) for s in stated)],
        )


def _forms(unit: str, has_sign: bool) -> tuple[str, ...]:
    if has_sign or unit_group(unit) == "money":
        return PREMISES_OF_MONEY
    if unit in _SHORT_TIMES:
        return PREMISES_OF_TIME
    return () if unit_group(unit) == "time" or not unit else PREMISES


def _extra(value: Decimal, rng: Random) -> Decimal | None:
    """A small amount beside the value, at most a third of it."""
    largest = int(value) // 3
    return Decimal(rng.randint(2, min(largest, 20))) if largest >= 2 else None


def _told(form: str, passage: Passage, slot: Slot, unit: str, extra: Decimal) -> tuple[str, str]:
    """The sentence that brings the amount in, and the new result as it is written."""
    sign = "+" if "{sum}" in form else "-"
    value = Decimal(slot.value)
    result = written_like(value + extra if sign == "+" else value - extra, slot.written)
    more = written_like(extra, slot.written)
    mark = (
        passage.text[slot.start - 1 : slot.start]
        if passage.text[slot.start - 1 : slot.start] in ("$", "€", "£")
        else ""
    )
    note = f"<<{plain(slot.written)}{sign}{plain(more)}={plain(result)}>>" if "<<" in passage.text else ""
    behind = f" {unit}" if unit and not mark else ""
    equation = f"{mark}{slot.written} {sign} {mark}{more} = {mark}{note}{result}{behind}"
    return form.format(extra=f"{mark}{more}{behind}", sum=equation, difference=equation), result


def _unit(text: str, slot: Slot, final_end: int) -> str:
    """The words that say what the result counts, behind it or behind the final answer; empty where there are none."""
    for end in (final_end, slot.end):
        match = _UNIT.match(text, end)
        if match:
            kept: list[str] = []
            for word in match[1].split():
                if word in _NO_UNIT:
                    break
                kept.append(word)
                if word.endswith("s"):
                    break
            if kept:
                return " ".join(kept)
    return ""


def _gap(text: str, end: int) -> str:
    """What parts two sentences there: a line end, or a space."""
    return "\n" if text[end : end + 1] == "\n" else " "
