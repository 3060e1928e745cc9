"""Hallucination rule for names: somebody or something that the text names becomes one that does not exist.

The new name has the form of the old one: as many words, the same ending where the old one is a word of its kind
(`River`, `University`), a given name for a person, and otherwise often the old name's own ending. So nothing of the
look of the text changes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from seapo.inject.attribution import inventor_for
from seapo.inject.draft import Draft, draft, shuffled
from seapo.inject.inventions import BEGINNINGS, Inventor
from seapo.inject.passage import Passage
from seapo.language import Sentence, exchange, is_given_name, kinds_of, names_like
from seapo.lexicon import words

_NAME = re.compile(
    r"(?<![\w.'’/@#&-])[A-Z][a-zà-ÿ]{2,}(?: (?:of the |of |de |van )?[A-Z][a-zà-ÿ]{2,}){0,3}"
    r"(?![\w/&:-]| \d)"  # `Before:` is a label
)
_POSSESSIVE = re.compile(r"['’]s\b")
_NO_NAMES = frozenset(
    words("""
        The This That These Those There Then They Their His Her She Its Our Your You What When Where Which Who Why How
        And But For Not Yes Let Here Now All Any Some Each Every One Two Three First Second Third Next Also Step Part
        Chapter Section Note Figure Table Question Answer Option Example Day Week Month Year Total English Internet
        God Christmas Easter Earth Moon Sun Bible True False None Null Monday Tuesday Wednesday Thursday Friday
        Saturday Sunday Mrs Miss Sir Dear Hello Thanks Thank Please Sincerely Regards President King Queen Professor
        Doctor Prime Minister General Captain Mother Father North South East West Northern Southern Eastern Western
        Sure Simple Welcome Ladies Gentlemen Dad Mom Before After Government Geometry Aires Majesty American Sentence
        Story Passage Context Paragraph Title Review Explanation Solution Hence Therefore However Middle Old
    """)
)
_KINDS_LEFT = ("month", "weekday", "people:", "number word", "ordinal word", "unit:", "religion")
_ADJECTIVE = re.compile(r"(?:ish|ese|ian|ean|ic|ern|al|ous|ist|athi|abi|ive|ment|tion|sion|ness)$")
"""Endings of words for languages, peoples, styles and ideas (`Government`): what is not named has no other name."""
_LAST_WORDS = frozenset(
    words("""
        River Lake Mountain Mountains Island Islands Park Street Road Avenue Square Bridge Castle Palace Museum Tower
        Bay Sea Desert Valley Beach Forest Canyon Falls Reef Garden Gardens Harbor Harbour Hill Hills University College
        School Institute Academy Hospital Library Theatre Theater Church Cathedral Temple Station Airport Center Centre
        Foundation Society Association Company Corporation Bank Group Club Team League Party Council Committee
        Organization Agency Act Law Treaty Agreement Convention War Battle Revolution Empire Dynasty Festival Award
        Prize Cup Award Awards Theorem Effect Method Algorithm Test Scale Model Principle Syndrome Disease County
        Region Province State District City Town Village Journal Review Times Post Magazine Project Program Framework
    """)
)
_PLACE_BEFORE = re.compile(
    r"\b(?:in|from|near|at|around|across|outside|visit|visiting|reach|through|towards?) (?:the )?$"
)
_DRAWN = 8
"""So many names are invented, and the one that is as long as the old one is taken."""
_MOST_MENTIONS = 10
_ANOTHER_KNOWN = 0.7
"""How often a common given name becomes another common one: rare ones would only come, and never go."""
_SAME_LETTER = 0.7
"""How often an invented word begins like the one that it replaces."""
_SHORTENED = 0.5
"""How often a name of several words loses one, as what is invented elsewhere brings capitals in."""
_VOWELS = "aeiouyà-ÿ"
_TAIL = re.compile(rf"[^{_VOWELS}]*[{_VOWELS}]+[^{_VOWELS}]+([{_VOWELS}].{{1,8}})$", re.IGNORECASE)
_HEADS = words("""
    Bal Bram Bren Cald Cor Crev Dal Delm Dor Drav Elv Fal Fenn Gal Garv Gris Hald Harv Ilv Jor Kal Kelv Lam Lod Lor Mav
    Meld Mirr Nal Nerv Nor Olv Orm Pald Perr Quill Ral Renn Ros Sald Selv Sirr Tald Tarv Tor Ulv Vald Varn Verr Wend
    Wil Yarr Zald Zor
""")
_ENDINGS = words("a an ar el en er ia in is o on or us")
_GIVEN = words("""
    Adair Adela Alaric Aldous Alena Alvina Amadeo Amias Anneke Anselm Ansley Araminta Arden Arlo Asta Astrid Aubrey
    Aurelia Balthasar Basia Benedikt Berit Bertram Birgit Blythe Bodil Briony Calista Callum Caspian Cedric Celeste
    Cerys Cillian Clemence Conrad Corin Cosima Cyril Dagny Damaris Darius Delphine Desmond Dinah Drusilla Edgar Edmund
    Eilidh Einar Elowen Elspeth Emeric Enid Ephraim Erland Esme Eulalia Evander Fabian Farida Fergus Fidelia Finley
    Florian Freya Gawain Gemma Giles Ginevra Gisela Greta Gunnar Gwendolyn Hamish Hattie Hedda Hester Hilda Idris Ilka
    Imogen Ingrid Iolanthe Isolde Ivo Jarvis Jasper Jocasta Jorik Jutta Kasimir Katja Kerstin Kester Klara Lachlan
    Lambert Lavinia Leander Leopold Liesel Linnea Lionel Lorcan Ludo Lysander Mabel Maeve Magnus Malin Marguerite Marit
    Matilda Mavis Merrill Mirela Mortimer Muriel Nadine Neville Niamh Nils Nuala Odalys Odette Olaf Ondine Orla Orson
    Osric Oswin Ottilie Pascal Paulina Percival Perdita Petra Phineas Piers Portia Quentin Quilla Rafe Ragna Ramona
    Rhona Roald Roderick Romilly Rosalind Rowena Rufus Runa Sabine Saskia Selma Seraphina Sigrid Silas Simeon Solveig
    Sorrel Sunniva Svea Tabitha Tamsin Tancred Thaddeus Thandie Thora Thurstan Tilda Tobias Torin Ulrich Una Ursula
    Valentin Velma Viggo Vilma Viola Waldo Wanda Wendell Wilhelmina Willa Winifred Wolfram Xanthe Yorick Ysolde Zelda
    Zenobia
""")


@dataclass(frozen=True)
class _Named:
    """A name and where it is mentioned."""

    name: str
    places: tuple[int, ...]
    is_person: bool
    is_place: bool
    is_known_person: bool
    """Somebody with a common given name whom the question names, so that whoever it doesn't name is invented."""


def invented_names(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A name becomes one of the same form that nobody has; of a name mentioned often, one mention."""
    if passage.is_fiction:
        return
    inventor = inventor_for(passage, rng)
    for named in shuffled(rng, _names(passage)):
        others = [other for _ in range(_DRAWN) if _is_new(passage, other := _invented(named, inventor))]
        if named.is_known_person and rng.random() < _ANOTHER_KNOWN:
            others = [other for other in names_like(named.name) if other.lower() not in passage.known_words]
            others = rng.sample(others, 1) if others else []
        if others:
            other = min(others, key=lambda each: abs(len(each) - len(named.name)))
            changes = [exchange(passage.text, at, at + len(named.name), other) for at in _changed(named, passage, rng)]
            yield draft("invented_entity", passage.text, changes)


def _changed(named: _Named, passage: Passage, rng: Random) -> Iterable[int]:
    """Where a name changes: a person of a calculation once, what is named very often in one sentence, others always."""
    if named.is_person and passage.is_calculation:
        return (rng.choice(named.places),)
    if len(named.places) <= _MOST_MENTIONS:
        return named.places
    home = passage.sentence_at(rng.choice(named.places))
    return [at for at in named.places if home is not None and home.start <= at < home.end]


def coined_word(word: str, rng: Random) -> str:
    """A word of no language with the ending of a real one: `Portuguese` gives `Taluguese`."""
    tail = _TAIL.match(word)
    ending = (
        tail[1].lower() if tail is not None else rng.choice(("ian", "ese", "ish") if word.endswith("ish") else _ENDINGS)
    )
    return _beginning(word, rng) + ending


def _beginning(word: str, rng: Random) -> str:
    """The first syllable of an invented word, mostly with the letter that the old one began with."""
    alike = [head for head in (*_HEADS, *BEGINNINGS) if head[0] == word[0] and not word.startswith(head)]
    return rng.choice(alike if alike and rng.random() < _SAME_LETTER else (*_HEADS, *BEGINNINGS))


def has_names(passage: Passage) -> bool:
    """Whether a name can become another one."""
    return bool(_names(passage))


def given_name(rng: Random, passage: Passage) -> str:
    """A given name that nobody of the text has."""
    while not _is_new(passage, name := rng.choice(_GIVEN)):
        pass
    return name


@lru_cache(maxsize=4)
def _names(passage: Passage) -> tuple[_Named, ...]:
    """The names of the running text, with all their places; none that the verification could not tell from a word."""
    found: dict[str, list[int]] = {}
    for sentence in passage.sentences:
        if not _is_heading(sentence):
            for match in _NAME.finditer(sentence.text):
                name, start = _trimmed(match, passage)
                at = sentence.start + start
                if name and not passage.is_protected(at, at + len(name)) and not passage.is_quoted(at, at + len(name)):
                    found.setdefault(name, []).append(at)
    return tuple(
        _described(passage, name, tuple(places))
        for name, places in found.items()
        if any(_is_surely_a_name(passage, name, at) for at in places) and _is_exchangeable(passage, name)
    )


def _described(passage: Passage, name: str, places: tuple[int, ...]) -> _Named:
    kinds = kinds_of(name)
    before = passage.text[max(0, places[0] - 12) : places[0]]
    is_known_place = any(kind.startswith(("city", "capital", "state", "country")) for kind in kinds)
    is_place = is_known_place or _PLACE_BEFORE.search(before) is not None
    is_somebody = passage.is_calculation and not is_place and " " not in name
    is_person = is_given_name(name.split()[0]) or is_somebody
    is_known = is_given_name(name) and name in passage.conversation
    return _Named(name, places, is_person, is_place, is_known)


def _trimmed(match: re.Match[str], passage: Passage) -> tuple[str, int]:
    """A name without words at its ends that are none, and where it begins; empty where nothing is left."""
    parts, start = match[0].split(" "), match.start()
    if match.start() == 0 and len(parts) > 1 and not _is_named_elsewhere(parts[0], passage):
        start += len(parts.pop(0)) + 1
    while parts and (parts[0] in _NO_NAMES or parts[0][:1].islower()):
        start += len(parts.pop(0)) + 1
    while parts and (parts[-1] in _NO_NAMES or parts[-1][:1].islower()):
        parts.pop()
    return " ".join(parts), start


def _is_named_elsewhere(word: str, passage: Passage) -> bool:
    """Whether the first word of a sentence is a name, and not a word that got its capital there: `Since Lisa`."""
    pattern = rf"(?<=[a-z,] ){word}\b"
    return is_given_name(word) or re.search(pattern, f"{passage.conversation} {passage.text}") is not None


def _is_surely_a_name(passage: Passage, name: str, at: int) -> bool:
    """Whether the capital is a name's: inside a sentence, before `'s`, or at its start before another capital."""
    sentence = passage.sentence_at(at)
    if sentence is None or passage.text[at : at + len(name)] != name:
        return False
    is_possessive = _POSSESSIVE.match(passage.text, at + len(name)) is not None
    before = passage.text[sentence.start : at]
    is_known = " " in name or _is_named_elsewhere(name, passage)
    return is_possessive or is_known or re.search(r"[a-z,;] $", before) is not None


def _is_exchangeable(passage: Passage, name: str) -> bool:
    """Whether a name is no month, people, language or common word, and is not part of the sample's known truth."""
    is_left = any(kind.startswith(_KINDS_LEFT) for word in (name, *name.split()) for kind in kinds_of(word))
    text = passage.text
    is_common = any(re.search(rf"(?<![\w-]){re.escape(word.lower())}\b", text) for word in name.split())
    is_word = _ADJECTIVE.search(name) is not None and not is_given_name(name)
    return not (is_left or is_common or is_word or name in _NO_NAMES)


def _is_heading(sentence: Sentence) -> bool:
    """Whether most words have capitals, as in a title or a list of them."""
    found = re.findall(r"[A-Za-z]{4,}", sentence.text)
    return len(found) < 3 or sum(word[:1].isupper() for word in found) > 0.6 * len(found)


def _is_new(passage: Passage, name: str) -> bool:
    new = [word for word in name.split() if word not in _LAST_WORDS and not word[:1].islower()]
    return bool(new) and not any(word.lower() in passage.known_words or kinds_of(word) for word in new)


def _invented(named: _Named, inventor: Inventor) -> str:
    """Another name with as many words; small words and the word for the kind of thing stay."""
    parts = named.name.split(" ")
    if len(parts) > 1 and inventor.rng.random() < _SHORTENED:
        parts = parts[1:]
    if named.is_person:
        rest = [part if part[:1].islower() else inventor.draw("surname") for part in parts[1:]]
        return " ".join([inventor.rng.choice(_GIVEN), *rest])
    kept = [part for part in parts if part in _LAST_WORDS or part[:1].islower()]
    is_all_kept = len(kept) == len(parts)
    return " ".join(part if part in kept and not is_all_kept else _like(part, named, inventor) for part in parts)


def _like(word: str, named: _Named, inventor: Inventor) -> str:
    """One invented word in the place of one: with the old one's ending, or a new town or family."""
    tail = _TAIL.match(word)
    if tail is not None and " " not in named.name and inventor.rng.random() < 0.6:
        return _beginning(word, inventor.rng) + tail[1].lower()
    return inventor.draw("town" if named.is_place else "surname")
