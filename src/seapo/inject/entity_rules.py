"""Correctness rules for what things are called and what is said of them: places, names, terms, opposites, denial."""

import re
from collections.abc import Callable, Iterator
from random import Random

from seapo.inject.draft import Draft, draft, is_part_of_a_name, replace, shuffled, whole_words
from seapo.inject.passage import Passage
from seapo.inject.people import colleagues, known_people
from seapo.language import Change, Mention, Sentence, alike, exchange, is_given_name, match_case, opposites
from seapo.records import ChoiceTruth

_PLACES = ("country:", "capital:", "city:", "state:", "people:", "continent", "ocean", "river")
_ADVICE = re.compile(
    r"\b(?:I|I'm|I am|my|we|let's|[Pp]lease|hope|sorry|apologize|happy to|feel free|let me|[Tt]hank)\b|\b[Hh]ere "
    r"(?:is|are)\b"
)
_HOMONYMS = frozenset(
    {"heart", "core", "iron", "gold", "silver", "square", "orange", "Orange", "Ford", "Amazon", "Apple"}
)
_FIXED_PHRASES = re.compile(
    r"\b(?:heart of|heart to|golden? \w+|cat(?:ch)? up|green energy|green building|blue print|red tape|red flag|"
    r"hot dogs?|"
    r"black (?:and|or) white|pick up|lead to|leads to|Red Cross|Green Party|Yellow Pages|White House|Silver Spring|"
    r"gold standard|gold medal|silver lining|carbon cop(?:y|ies)|carbon footprint|iron out|net income|low income)\b"
)
_ANSWER = re.compile(r"(?:so |thus |therefore,? |hence )?the (?:final )?answer\b|####", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+")
_LOW_AS_VERB = re.compile(r" (?:the|your|their|his|her|its|our|my|a|an|risk|rates?|levels?|costs?)\b")
_UNGRAMMATICAL = (
    (
        re.compile(r"(?:\bto|\bcan|\bmay|\bwill|\bhelps?|\bcould|\bmight) $"),
        frozenset({"lower", "open", "slow", "warm", "cool"}),
    ),
    (
        re.compile(
            r"(?:\ba|\bthe|\bonce|\bno|\bany|\bone|\band|\bor|\bnot|\bmuch|\bwhat's|\bfar|\bevery|\bmore and) $"
        ),
        frozenset({"more"}),
    ),
    (re.compile(r"^$|(?<!\bthe)(?<!\bat)(?<!\bThe) $"), frozenset({"most", "least"})),
    (re.compile(r"\b(?:a|catch|common) $"), frozenset({"cold"})),
    (
        re.compile(r"(?<!\bis)(?<!\bare)(?<!\bwas)(?<!\bwere)(?<!\bvery)(?<!\bvastly) $"),
        frozenset({"different", "similar"}),
    ),
    (re.compile(r"[-–/'’\"“]$"), None),
)
"""What stands before a word that is another part of speech there."""


def wrong_places(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A country, city, state, people, continent, ocean or river becomes another of its kind, wherever it is named."""
    yield from _sister_exchanges(passage, rng, "wrong_place", lambda m: m.kinds[0].startswith(_PLACES))


def wrong_terms(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A term becomes its sister: red for blue, protons for neutrons. What the sentence itself names is no choice."""
    own = ("unit:", "given name", "month", "weekday", "number word", "ordinal word", *_PLACES)
    yield from _sister_exchanges(passage, rng, "wrong_term", lambda m: not m.kinds[0].startswith(own))


def wrong_names(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A person becomes another one of the text, or a well-known person a colleague of the same time and trade."""
    yield from _wrong_known_people(passage, rng)
    names = [m for m in passage.mentions if m.kinds[0].startswith("given name") and is_given_name(m.term)]
    names = [m for m in names if not _has_surname(passage.text, m)]
    others = dict.fromkeys(name for name in _WORD.findall(passage.conversation) if is_given_name(name))
    others |= dict.fromkeys(m.term for m in names)
    for mention in shuffled(rng, names):
        sentence = passage.sentence_at(mention.start)
        near = sentence.text if sentence else ""
        choices = [name for name in others if name != mention.term and not whole_words(near, name)]
        if choices and (mention.term in passage.conversation or not passage.is_fiction):
            change = exchange(passage.text, mention.start, mention.end, rng.choice(choices))
            yield draft("wrong_name", passage.text, [change])


def opposite_terms(passage: Passage, rng: Random) -> Iterator[Draft]:
    """`increases` becomes `reduces`, `north` `south`."""
    for change in shuffled(rng, reversals(passage)):
        yield draft("wrong_term", passage.text, [change])


def reversals(passage: Passage) -> list[Change]:
    """The changes that put an opposite into a claim; names, quotations and other parts of speech are left alone."""
    if passage.is_fiction:
        return []
    found = []
    for sentence in passage.sentences:
        for start, word in _words(sentence) if _is_claim(sentence) else ():
            others = [other for other in opposites(word) if other.lower() not in sentence.text.lower()]
            if others and _is_free(passage, start, word):
                found.append(exchange(passage.text, start, start + len(word), others[0]))
    return found


def _is_free(passage: Passage, start: int, word: str) -> bool:
    """Whether a word is the adjective, noun or verb that the table of opposites means."""
    before, after = passage.text[max(0, start - 12) : start], passage.text[start + len(word) :][:12]
    is_name = word[:1].isupper() and before[-1:] == " " and before.rstrip()[-1:] not in ".!?:"
    span = (start, start + len(word))
    is_marked = passage.is_protected(*span) or passage.is_quoted(*span)
    is_named = word.lower() == "known" and after.startswith((" as", " for"))
    is_denied = word.lower() in ("always", "never") and before.endswith((" not ", "n't ", "n’t "))
    return not (is_name or is_marked or is_named or is_denied or _is_ungrammatical(word, before, after))


def negated_facts(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A claim becomes its denial, or a denial the claim."""
    for change in shuffled(rng, denials(passage)):
        yield draft("negated_fact", passage.text, [change])


def denials(passage: Passage) -> list[Change]:
    """The changes that deny a claim; what is asked, advised, quoted, made up or computed is left alone."""
    if passage.is_fiction:
        return []
    found = []
    for change in passage.negations:
        sentence = passage.sentence_at(change.start)
        is_free = not (passage.is_protected(change.start, change.end) or passage.is_quoted(change.start, change.end))
        if sentence and is_free and _is_claim(sentence) and not _is_computed(passage, sentence):
            found.append(change)
    return found


def wrong_choices(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The statement that is known to be right becomes one that is known to be wrong, wherever it stands literally."""
    truth = passage.sample.truth
    if isinstance(truth, ChoiceTruth):
        places = _literal_mentions(passage.text, truth.correct)
        for wrong in shuffled(rng, truth.incorrect) if places else []:
            changes = [Change(start, end, _fitted(passage.text[start:end], wrong)) for start, end in places]
            yield draft("wrong_choice", passage.text, changes)


def _sister_exchanges(
    passage: Passage, rng: Random, subtype: str, is_wanted: Callable[[Mention], bool]
) -> Iterator[Draft]:
    said = (m for m in passage.mentions if not passage.is_quoted(m.start, m.end))
    wanted = [m for m in said if is_wanted(m) and not _is_fixed_phrase(passage, m)]
    for mention in shuffled(rng, wanted):
        if passage.is_fiction and mention.term not in passage.conversation:
            continue
        sentence = passage.sentence_at(mention.start)
        if sentence is None:
            continue
        kinds = alike(mention.term)
        others = rng.choice(kinds)[1] if kinds else ()
        near = sentence.text.lower()
        choices = [other for other in others if other.lower() not in near][:5]
        if choices:
            other = match_case(mention.term, rng.choice(choices))
            same = [m for m in wanted if m.term == mention.term] if subtype == "wrong_place" else [mention]
            changes = [exchange(passage.text, m.start, m.end, other) for m in same]
            yield draft(subtype, passage.text, changes)


def _wrong_known_people(passage: Passage, rng: Random) -> Iterator[Draft]:
    if passage.is_fiction:
        return
    for name in shuffled(rng, known_people(passage.text)):
        places = [p for p in whole_words(passage.text, name) if not passage.is_protected(p, p + len(name))]
        others = [other for other in colleagues(name) if other not in passage.text]
        if places and others:
            other, surname = rng.choice(others), name.split()[-1]
            changes = [replace(passage.text, p, p + len(name), other) for p in places]
            covered = [(edit.start, edit.end) for edit in changes]
            changes += [
                replace(passage.text, p, p + len(surname), other.split()[-1])
                for p in whole_words(passage.text, surname)
                if not any(start <= p < end for start, end in covered)
            ]
            yield draft("wrong_name", passage.text, changes)


def _has_surname(text: str, mention: Mention) -> bool:
    """Whether the given name is part of a longer name: `Albert Einstein`, `Lake Victoria`, `St. Martin`."""
    after = re.match(r"[ -](?:[A-Z][a-z]|[A-Z]\.|(?:de|van|von|da|bin)\b)", text[mention.end : mention.end + 6])
    before = re.search(r"[A-Z][\w.]*[ -]$", text[max(0, mention.start - 16) : mention.start])
    is_sentence_start = before is not None and re.search(r"[.!?:]\s$", text[: mention.start]) is not None
    return after is not None or (before is not None and not is_sentence_start)


def _is_claim(sentence: Sentence) -> bool:
    is_long = len(sentence.text) >= 12
    return is_long and not sentence.is_question and _ADVICE.search(sentence.text) is None


def _is_computed(passage: Passage, sentence: Sentence) -> bool:
    """Whether a sentence states a result: its denial would leave the number standing."""
    has_equation = any(e.start < sentence.end and sentence.start < e.end for e in passage.equations)
    return has_equation or _ANSWER.match(sentence.text) is not None


def _words(sentence: Sentence) -> Iterator[tuple[int, str]]:
    for match in _WORD.finditer(sentence.text):
        yield sentence.start + match.start(), match[0]


def _is_ungrammatical(word: str, before: str, after: str) -> bool:
    if word.lower() == "lower" and _LOW_AS_VERB.match(after):
        return True
    if after[:1] in ("-", "–", "/", "'", "’"):
        return True
    return any((words is None or word.lower() in words) and pattern.search(before) for pattern, words in _UNGRAMMATICAL)


def _is_fixed_phrase(passage: Passage, mention: Mention) -> bool:
    near = passage.text[max(0, mention.start - 12) : mention.end + 14]
    if mention.term in _HOMONYMS or _FIXED_PHRASES.search(near):
        return True
    if mention.term[:1].isupper() and not mention.kinds[0].startswith("people:"):
        return is_part_of_a_name(passage, mention)
    before, after = passage.text[max(0, mention.start - 1) : mention.start], passage.text[mention.end : mention.end + 1]
    return before in ("-", "_", "'", "’", "/") or after in ("-", "_", "/")


def _literal_mentions(text: str, statement: str) -> list[tuple[int, int]]:
    bare = statement.rstrip(".")
    pattern = re.compile(rf"(?<!\w){re.escape(bare)}(?!\w)", re.IGNORECASE)
    return [match.span() for match in pattern.finditer(text)]


def _fitted(original: str, statement: str) -> str:
    """A statement with the original's capital and without a full stop, which the text keeps."""
    bare = statement.rstrip(".")
    if original[:1].islower() and bare[:1].isupper() and bare[1:2].islower():
        return bare[:1].lower() + bare[1:]
    return match_case(original, bare)
