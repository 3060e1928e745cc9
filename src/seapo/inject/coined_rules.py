"""Hallucination rule for names that are no plain words: abbreviations, joined words and peoples that do not exist.

`SSH` becomes `SRK`, `HashMap` `DalvMap`, `Portuguese` `Taluguese`: as many letters or nearly so, capitals in the same
places. What the answer often speaks of changes in one sentence only, what it seldom names everywhere.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from random import Random

from seapo.inject.draft import Draft, draft, shuffled, whole_words
from seapo.inject.name_rules import coined_word
from seapo.inject.passage import Passage
from seapo.language import exchange, kinds_of
from seapo.lexicon import words

_COINED = re.compile(
    r"(?<![\w.'’/@#&<{$:-])(?P<name>[A-Z]{3,6}|(?:[A-Z][a-z]{2,}){2,3}|[A-Z][a-z]{4,}(?:ian|ese|ish))(?![\w/&:(=-])"
)
_NO_ABBREVIATIONS = frozenset(
    words("""
        NOT AND ALL ANY THE YES BUT FOR ONLY MUST NEVER YOU YOUR WHO WHAT WHEN WHY HOW ARE CAN WILL NOTE PART STEP ONE
        TWO FROM JOIN INTO WHERE SELECT ORDER GROUP TABLE NULL TRUE FALSE AUD USD EUR GBP THIS THAT WITH THEN NONE NAME
        III VII VIII XII XIII INPUT OUTPUT TITLE TEXT
    """)
)
_VOWELS, _CONSONANTS = "AAAIIIEEOU", "SSSPPPCCCMMMLLLTTTDDRRNNGBFHV"
"""As often as abbreviations have them."""
_EVERYWHERE = 6
"""Mentions up to which all are changed."""
_FEWEST_LETTERS = 0.5
"""Of a sentence's words with a small letter at the start: in others capitals mean nothing."""


def invented_terms(passage: Passage, rng: Random) -> Iterator[Draft]:
    """An abbreviation, a joined word or a people becomes one that does not exist."""
    if passage.is_fiction:
        return
    for name, places in shuffled(rng, _coined(passage)):
        other = _other(name, passage, rng)
        if other is not None:
            yield draft(
                "invented_entity", passage.text, (exchange(passage.text, at, at + len(name), other) for at in places)
            )


def has_terms(passage: Passage) -> bool:
    """Whether the answer has such a name."""
    return not passage.is_fiction and bool(_coined(passage))


@lru_cache(maxsize=4)
def _coined(passage: Passage) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Each name with the places to change: all, or those of the first sentence that has it twice or once."""
    found: dict[str, list[tuple[int, int]]] = {}
    for sentence in passage.sentences:
        for match in _COINED.finditer(sentence.text) if _is_prose(sentence.text) else ():
            at = sentence.start + match.start()
            if not (passage.is_protected(at, at + len(match[0])) or passage.is_quoted(at, at + len(match[0]))):
                found.setdefault(match["name"], []).append((sentence.start, at))
    return tuple(
        (name, _places(name, mentions, passage)) for name, mentions in found.items() if _is_free(name, passage)
    )


def _places(name: str, mentions: list[tuple[int, int]], passage: Passage) -> tuple[int, ...]:
    is_everywhere = len(whole_words(passage.text, name)) <= _EVERYWHERE
    home = mentions[-1][0]
    return tuple(at for start, at in mentions if is_everywhere or start == home)


def _is_prose(text: str) -> bool:
    found = re.findall(r"[A-Za-z]{2,}", text)
    return len(found) > 4 and sum(word[:1].islower() for word in found) > _FEWEST_LETTERS * len(found)


def _is_free(name: str, passage: Passage) -> bool:
    """Whether it is a name, and not a word in capitals or one that the text has in small letters too."""
    is_people = any(kind.startswith("people:") for kind in kinds_of(name))
    if name[1:].islower() and not is_people:
        return False
    return name not in _NO_ABBREVIATIONS and not re.search(
        rf"\b{name.lower()}\b", f"{passage.conversation} {passage.text}"
    )


def _other(name: str, passage: Passage, rng: Random) -> str | None:
    """Another name of the same form that neither the question nor the answer has; None after a few that were known."""
    for _ in range(8):
        if name.isupper():
            new = _abbreviation(name, rng)
        elif name[1:].islower():
            new = coined_word(name, rng)
        else:
            parts = re.findall(r"[A-Z][a-z]+", name)
            changed = rng.randrange(len(parts))
            new = "".join(coined_word(part, rng) if place == changed else part for place, part in enumerate(parts))
        if new != name and new.lower() not in passage.known_words and not kinds_of(new):
            return new
    return None


def _abbreviation(name: str, rng: Random) -> str:
    """Two of its letters become others, vowels vowels and consonants consonants."""
    changed = set(rng.sample(range(len(name)), 2))
    return "".join(
        rng.choice(_VOWELS if letter in _VOWELS else _CONSONANTS) if place in changed else letter
        for place, letter in enumerate(name)
    )
