"""Hallucination rule for common nouns: what was spoken of becomes, in one sentence, a thing that nobody named.

What goes and what comes are of one closed table (`seapo.things`), of one kind and form, and are drawn by how common
they are. So over many answers each word comes about as often as it goes, and no word tells a negative from its parent.
"""

import re
from collections.abc import Iterator
from random import Random

from seapo.inject.draft import Draft, draft, shuffled
from seapo.inject.passage import Passage
from seapo.language import Change, Sentence, exchange, match_case, shared_kind
from seapo.lexicon import words
from seapo.things import MANY, MASS, ONE, Thing, forms_of, in_form, thing_of, things_like

_WORD = re.compile(r"(?<![\w'’/&-])[A-Za-z][a-z]+(?![\w/&-]|['’](?!s\b)| [A-Z][a-z])")
_DETERMINERS = frozenset(words("the his her their its my our your these those both all other first last same whole"))
_BEFORE_ONE = frozenset(words("a an each every one another per single this that second third")) | _DETERMINERS
_BEFORE_MANY = (
    frozenset(
        words("""
        of more many some fewer few several no any only and or for to in from with on than into about by two three four
        five six seven eight nine ten eleven twelve dozen extra additional total remaining leftover different new old
        big small large little red blue green yellow white black pink purple brown sold sells sell bought buys buy has
        have had needs need makes make made ate eats eat uses use used got gets get gave gives took takes baked bakes
        picked picks caught owns own received collected collects ordered orders sees saw planted plants washes cleans
        adopted packed brought wrote writes reads read drew watched plus
    """)
    )
    | _DETERMINERS
)
_BEFORE_MASS = frozenset(words("hours hour minutes minute time days day spends spent much less")) | _BEFORE_MANY
_CONCRETE = frozenset(
    words("""
        beasts birds pets critters sweets meals fruits foodstuffs clothes bikes vehicles relatives plants people places
        containers
    """)
)
"""Kinds whose words mean things, and not also something else, in answers that compute nothing."""
_BEHIND = frozenset(
    words("""
        is are was were has had have will would can could and or but in on at to for from with by of per each every that
        which who left after before because so since than a an the as if when while during between altogether total
        costs cost weighs holds needs gets takes he she they it
    """)
)
"""Words behind a thing that show that it is no part of a longer noun (`book club`)."""


def invented_things(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A thing of the question becomes one that nobody spoke of, wherever a calculation or a sentence mentions it."""
    if passage.is_fiction:
        return
    for sentence, thing in shuffled(rng, _mentions(passage)):
        found = _others(passage, thing)
        if found:
            other = rng.choices(found, weights=[each.weight for each in found])[0]
            yield draft("invented_entity", passage.text, _changes(passage, sentence, thing, other))


def has_things(passage: Passage) -> bool:
    """Whether a thing can become another one."""
    return not passage.is_fiction and any(_others(passage, thing) for _, thing in _mentions(passage))


def _mentions(passage: Passage) -> list[tuple[Sentence, Thing]]:
    """The things of each sentence that may be exchanged, each once."""
    found: dict[tuple[int, str, int], tuple[Sentence, Thing]] = {}
    homes: dict[tuple[str, int], set[int]] = {}
    for sentence in passage.sentences:
        for at, thing in _things_in(passage, sentence):
            homes.setdefault((thing.kind, thing.group), set()).add(sentence.start)
            if _is_particular(passage, at, thing):
                found.setdefault((sentence.start, thing.kind, thing.group), (sentence, thing))
    before = _words_before(passage)
    return [
        (sentence, thing)
        for sentence, thing in found.values()
        if forms_of(thing.word) & before or (len(homes[thing.kind, thing.group]) > 1 and not passage.is_calculation)
    ]


def _is_particular(passage: Passage, at: int, thing: Thing) -> bool:
    """Whether a mention is of something that was given, `the cucumbers`, and not of what is true of all cucumbers."""
    if passage.is_calculation or thing.kind == "people":
        return True
    before = re.search(r"(\w+) $", passage.text[:at])
    is_definite = before is not None and (before[1].lower() in _DETERMINERS or before[1].isdigit())
    return thing.kind in _CONCRETE and is_definite


def _words_before(passage: Passage) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", passage.conversation.lower()))


def _things_in(passage: Passage, sentence: Sentence) -> Iterator[tuple[int, Thing]]:
    """The things that a sentence mentions by themselves, not inside a longer noun, and where."""
    for match in _WORD.finditer(sentence.text):
        thing, at = thing_of(match[0]), sentence.start + match.start()
        if (
            thing is not None
            and (match[0].islower() or match.start() == 0)
            and _stands_alone(sentence.text, match, thing)
            and not passage.is_protected(at, at + len(match[0]))
            and not passage.is_quoted(at, at + len(match[0]))
        ):
            yield at, thing


def _stands_alone(text: str, match: re.Match[str], thing: Thing) -> bool:
    if re.match(r" [A-Z]\b|:| ?\d", text[match.end() :]):
        return False  # a label: `Sentence A`, `Question:`
    before = re.search(r"([A-Za-z]+|[\d.,/%]*\d%?) $", text[: match.start()])
    behind = re.match(r"[ ]?([A-Za-z]+|\S|$)", text[match.end() :])
    is_free_behind = behind is None or not behind[1][:1].isalpha() or behind[1].lower() in _BEHIND
    if thing.form == MANY and behind is not None and thing_of(behind[1]) is None:
        is_free_behind = True
    wanted = {ONE: _BEFORE_ONE, MANY: _BEFORE_MANY, MASS: _BEFORE_MASS}[thing.form]
    if re.search(r"\w['’]s $", text[: match.start()]):
        return is_free_behind
    is_free_before = match.start() == 0 if before is None else before[1].lower() in wanted or before[1][-1:].isdigit()
    return is_free_behind and is_free_before


def _others(passage: Passage, thing: Thing) -> list[Thing]:
    """Things of its kind that neither question nor answer names, and that no table relates to it."""
    return [
        other
        for other in things_like(thing)
        if not forms_of(other.word) & passage.known_words and shared_kind(thing.word, other.word) is None
    ]


def _changes(passage: Passage, sentence: Sentence, thing: Thing, other: Thing) -> Iterator[Change]:
    for place in passage.sentences if passage.is_calculation else (sentence,):
        for at, each in _things_in(passage, place):
            if (each.kind, each.group) == (thing.kind, thing.group):
                old = passage.text[at : at + len(each.word)]
                new = match_case(old, in_form(other, each.form).word)
                yield exchange(passage.text, at, at + len(old), new)
