"""Hallucination rule for calculations: a circumstance that the question never gave, in the place of words that can go.

The words behind a result (`in the afternoon`) become others, mostly with somebody in them who was never named. Where no
words can be spared, the calculation before a result goes and an aside about the result comes; that shows more.
"""

import re
from collections.abc import Iterator
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.likeness import both_ways
from seapo.inject.name_rules import given_name, has_names
from seapo.inject.passage import Passage
from seapo.inject.worksheet import Step
from seapo.language import Sentence
from seapo.lexicon import ROLES

_STEPS, _FORMS = 5, 6
"""So many steps of an answer, and forms at each of their places, are tried."""
_MARKS = "$€£"
_ROLES = sorted(role for role in ROLES if role[0] not in "aeiou" and not role.endswith(("man", "y", "ch", "ss", "fe")))
"""Those that need no `an` and take an s."""
_PREPOSITION = re.compile(
    r" (?:in|at|on|for|from|during|after|before|with|by|each|every|because|since|left|altogether|total|per|to|over|"
    r"when|while|as|until|between|a (?=day|week|month|year|hour|minute|night)|and (?=[a-z]+ [a-z]+))\b"
)
_TAIL = re.compile(r"[a-z ,'’-]*[.!]?")
_REASONS = frozenset({"because", "or", "so", "since", "as", "either"})
TAILS = (
    "with {n} others", "with {name}", "with the {role}", "for a {role}", "by the {role}", "to a {role}",
    "as a {role} asked", "after the {role} left", "because the {role} helped", "on the {role}'s list",
    "with {roles}", "for {roles}", "from {roles}", "by {roles}", "to {roles}", "near {roles}", "like {roles}",
    "among {roles}", "unlike {roles}", "without {roles}", "despite {roles}", "thanks to {roles}", "as {roles} do",
    "after {roles} left", "before {roles} came", "if {roles} agree", "until {roles} come", "while {roles} wait",
)  # fmt: skip
"""What can stand behind a result in the place of other words."""
ASIDES = (
    ", {n} of them broken", ", {n} of them borrowed", ", {n} of which are late", ", with {n} in reserve",
    ", as {name} counted", ", says the {role}", " for the {role}", " with a {role}", " from the {role}",
    ", by the {role}'s count", ", a {role}'s guess", ", as the {role} said", ", half for a {role}", " to the {role}",
    ", going by a survey", ", says the textbook", ", as a journal says", ", by the last study",
)  # fmt: skip
"""What can be said of a result whose calculation is left out."""


def invented_circumstances(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Something that was never said stands where words, or a calculation, stood; the results stay as they are."""
    homes = [(passage.sentence_at(step.start), step) for step in shuffled(rng, passage.worksheet.main_steps)[:_STEPS]]
    places = [(home, step) for home, step in homes if home is not None and home.text[-1] not in "?:;"]
    found = [each for home, step in places for each in _with_other_words(passage, home, step, rng)]
    if not found and not has_names(passage):
        found = [each for home, step in places for each in _without_calculation(passage, home, step, rng)]
    yield from both_ways(found, rng)


def has_room(passage: Passage) -> bool:
    """Whether there are words that a circumstance can take the place of."""
    homes = ((passage.sentence_at(step.start), step) for step in passage.worksheet.main_steps)
    return any(home is not None and _spare_words(passage, home, step) is not None for home, step in homes)


def _with_other_words(passage: Passage, home: Sentence, step: Step, rng: Random) -> Iterator[Draft]:
    """The words from the first preposition behind the result on become others."""
    span = _spare_words(passage, home, step)
    for form in rng.sample(TAILS, _FORMS) if span is not None else ():
        assert span is not None
        if (told := _filled(form, passage, step, rng)) is not None:
            yield draft("invented_premise", passage.text, [replace(passage.text, *span, f" {told}")])


def _spare_words(passage: Passage, home: Sentence, step: Step) -> tuple[int, int] | None:
    """Where at least two words behind a result say when, where, for whom or why; None where none do."""
    end = passage.worksheet.slots[step.result].end
    behind = passage.text[end : home.end]
    place = _PREPOSITION.search(behind) if _TAIL.fullmatch(behind) else None
    if place is None:
        return None
    span = end + place.start(), home.end - (behind[-1] in ".!")
    return span if len(passage.text[slice(*span)].split()) > 1 else None


def _without_calculation(passage: Passage, home: Sentence, step: Step, rng: Random) -> Iterator[Draft]:
    """`He writes 3 * 2 = 6 pages a week` becomes `He writes 6 pages a week, 4 of them borrowed`."""
    span = _spare_calculation(passage, home, step)
    stop = home.end - (passage.text[home.end - 1] in ".!")
    for form in rng.sample(ASIDES, _FORMS) if span is not None else ():
        assert span is not None
        if (told := _filled(form, passage, step, rng)) is not None:
            edits = [replace(passage.text, *span, ""), replace(passage.text, stop, stop, told)]
            yield draft("invented_premise", passage.text, edits)


def _spare_calculation(passage: Passage, home: Sentence, step: Step) -> tuple[int, int] | None:
    """Where the left side of a step stands that is alone in its sentence, behind a verb or the like; else None."""
    text, slot = passage.text, passage.worksheet.slots[step.result]
    start = step.start - (text[step.start - 1 : step.start] in tuple(_MARKS))
    end = slot.start - (text[slot.start - 1] in _MARKS)
    others = [other for other in passage.worksheet.main_steps if home.start <= other.start < home.end]
    before = re.search(r"([A-Za-z]+) $", text[home.start : start])
    is_fluent = before is not None and before[1].lower() not in _REASONS and _TAIL.fullmatch(text[slot.end : home.end])
    return (start, end) if text[start:end].count("=") == 1 and len(others) == 1 and is_fluent else None


def _filled(form: str, passage: Passage, step: Step, rng: Random) -> str | None:
    """A form with an amount and a person that neither question nor answer knows; None where no amount fits."""
    if "{role" in form:
        role = rng.choice([r for r in _ROLES if not {r, f"{r}s"} & passage.known_words])
        return form.format(role=role, roles=f"{role}s")
    if "{n}" not in form:
        return form.format(name=given_name(rng, passage)) if "{name}" in form else _unheard(form, passage)
    result = float(passage.worksheet.slots[step.result].value.lstrip("-−"))
    highest = min(40, int(result)) if "{n} of" in form else 40
    fresh = [n for n in range(2, highest) if str(n) not in passage.known_words]
    return form.format(n=rng.choice(fresh)) if fresh else None


def _unheard(form: str, passage: Passage) -> str | None:
    """A form without a slot, unless the text has spoken of its source already."""
    return None if any(word in passage.known_words for word in re.findall(r"\w{5,}", form)) else form
