"""What the stages know of English: sentences, words of the same kind, negation, connectives, opposites, places.

    kinds_of("kilometers") ->  ("unit:metric length",)     shared_kind("May", "June")  ->  "month"
    opposites("Increased") ->  ("Decreased", "Reduced")    negations("It is red.")  ->  "It is not red."

English only for now: in a text of another language the tables find nothing, so only its numbers can be changed.
The tables are closed (`seapo.lexicon`, `seapo.places`), so what is found is sure, and much is not found.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from seapo.lexicon import (
    CONNECTIVES,
    DEMONYMS,
    MEN,
    MONTHS,
    NAMES_AND_WORDS,
    NUMBER_WORDS,
    OPPOSITES,
    ORDINAL_WORDS,
    SISTERS,
    UNITS,
    WEEKDAYS,
    WOMEN,
    words,
)
from seapo.places import place_kind, place_names, places_like

_ABBREVIATIONS = frozenset(
    words("""
        e.g i.e etc vs dr mr mrs ms prof st sr jr approx cf al inc ltd co corp dept est sen rev hon capt sgt u.s u.k a.m
        p.m jan feb apr jun jul aug sep sept oct nov dec viz resp ph.d m.d b.a m.a d.c
    """)
)
_BEFORE_A_NUMBER = frozenset(words("no nos vol pp p fig figs eq art ch sec par"))
"""Abbreviations only where a number follows: `No. 5`."""
_COMMON = frozenset(
    words("the of and to in is that it for was on are as with be by at this have from or an not but they which")
)
_TERMINATOR = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=\s|$)")
_LIST_MARKER = re.compile(r"[ \t]*(?:(?:[-*+•>]|#{1,6}|\(?\d{1,3}[.)]|\(?[A-Za-z][.)])[ \t]+)*")
_LINE = re.compile(r"[^\n]+")
_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W\d_]+)*|°[CF]")
_URL = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\w+")


# Named tuples, since a text has many, and a frozen dataclass takes four times as long to make.
class Sentence(NamedTuple):
    """A sentence of running text, without the list marker before it and the white space behind it."""

    start: int
    end: int
    text: str

    @property
    def is_question(self) -> bool:
        """Whether it ends with a question mark."""
        return self.text.rstrip("\"'”’)]*_ ").endswith("?")


class Mention(NamedTuple):
    """A term of a closed kind where it stands in a text."""

    start: int
    end: int
    term: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A span of a text and what it could become."""

    start: int
    end: int
    replacement: str


def code_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where fenced blocks, `inline code`, and addresses stand, as (start, end) in order, without overlap."""
    spans = _fences(text)
    patterns = [_INLINE_CODE] if "`" in text else []
    patterns += [_URL] if "@" in text or "://" in text or "www." in text else []
    for pattern in patterns:
        spans += [m.span() for m in pattern.finditer(text) if not any(a < m.end() and m.start() < b for a, b in spans)]
    return tuple(sorted(spans))


def _fences(text: str) -> list[tuple[int, int]]:
    """The fenced blocks; nearly every text has none, which is much faster seen than searched."""
    return [match.span() for match in _FENCE.finditer(text)] if "```" in text or "~~~" in text else []


@lru_cache(maxsize=256)  # many read the same answer
def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text in order. A line end is a sentence's end; fenced code is none.

    Not broken by decimals, initials and abbreviations (`e.g.`, `Dr.`), nor by the number of a list item.
    """
    fences = _fences(text)
    found = list[Sentence]()
    for line in _LINE.finditer(text):
        place = line.start()
        if not any(start <= place < end for start, end in fences):
            found += [Sentence(place + each.start, place + each.end, each.text) for each in _in_line(line[0])]
    return tuple(found)


@lru_cache(maxsize=4096)  # edited texts share most of their lines with each other
def _in_line(line: str) -> tuple[Sentence, ...]:
    return tuple(_line_sentences(line, 0, len(line)))


def is_english(text: str) -> bool:
    """Whether a sentence or text looks English: one word in eight, and at least one, is among the commonest."""
    found = re.findall(r"[^\W\d_]+", text.lower())
    return len(found) > 0 and sum(word in _COMMON for word in found) >= max(1.0, len(found) / 8)


def kinds_of(term: str) -> tuple[str, ...]:
    """The closed kinds that a word or phrase belongs to (`month`, `unit:time`, `country:EU`, `given name:women`).

    Two terms of one kind can stand for each other in a sentence, and then say something else. Proper names keep their
    capitals; other words may be capitalised.
    """
    found = _kinds().get(term)
    if found is None and term[:1].isupper():
        found = tuple(kind for kind in _kinds().get(term[:1].lower() + term[1:], ()))
    return found or ()


def shared_kind(left: str, right: str) -> str | None:
    """The first kind that two different terms share, `opposites` included; None where they share none.

    The check that an exchanged word is an error of fact, and not another way to say the same, rests on this.
    """
    if left.lower() == right.lower():
        return None
    if right.lower() in (other.lower() for other in opposites(left)):
        return "opposite"
    theirs = kinds_of(right)
    is_same_unit = unit_group(left) is not None and right not in other_units(left)  # `m` and `metres`
    return next((k for k in kinds_of(left) if k in theirs and not (is_same_unit and k.startswith("unit:"))), None)


def alike(term: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """For each kind of a term, (kind, the other terms of that kind that could be mistaken for it), nearest first."""
    found = [(kind, _alike_in(kind, term)) for kind in kinds_of(term)]
    return tuple((kind, others) for kind, others in found if others)


def mentions(text: str) -> tuple[Mention, ...]:
    """Every term of a known kind in a text, the longest at each place, code and addresses left out."""
    words = [match.span() for match in _WORD.finditer(text)]
    code = code_spans(text)
    found: list[Mention] = []
    for index, (start, end) in enumerate(words):
        length = _length_of_terms(text[start:end])
        if length == 0 or (found and start < found[-1].end) or any(a <= start < b for a, b in code):
            continue
        for last in range(min(index + length, len(words)) - 1, index - 1, -1):
            term = text[start : words[last][1]]
            if kinds := kinds_of(term):
                found.append(Mention(start, words[last][1], term, kinds))
                break
    return tuple(found)


def unit_group(word: str) -> str | None:
    """The group that a unit belongs to (`time`, `metric length`), None for words that are no units."""
    rungs = _unit_rungs().get(word) or _unit_rungs().get(word.lower())
    return rungs[0].group if rungs else None


def other_units(unit: str) -> tuple[str, ...]:
    """Units that measure the same, in the same number (singular or plural), the nearest in size first."""
    key = unit if unit in _unit_rungs() else unit.lower()
    distance: dict[str, int] = {}
    for rung in _unit_rungs().get(key, ()):
        for place, names in enumerate(rung.ladder):
            if names[rung.form] != key:
                distance.setdefault(names[rung.form], abs(place - rung.place))
    return tuple(match_case(unit, name) for name in sorted(distance, key=lambda name: distance[name]))


def opposites(word: str) -> tuple[str, ...]:
    """Words that say the opposite, in the word's own capitals; empty where the table has none."""
    others = _opposites().get(word.lower())
    return tuple(match_case(word, other) for other in others) if others else ()


def match_case(model: str, word: str) -> str:
    """`word` in the capitals of `model`: lower, Title or UPPER."""
    if len(model) > 1 and model.isupper() and word.islower():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def is_given_name(word: str) -> bool:
    """Whether a word is surely a given name: one of the table that is not also an English word."""
    return word in _given_names() and word not in NAMES_AND_WORDS


def names_like(name: str) -> tuple[str, ...]:
    """Other given names of the same sex; empty where the name is not in the table."""
    table = {"women": WOMEN, "men": MEN}.get(_given_names().get(name, ""), ())
    return tuple(other for other in table if other != name and other not in NAMES_AND_WORDS)


def exchange(text: str, start: int, end: int, replacement: str) -> Change:
    """The change of `text[start:end]`, widened to the article before it where `a` must become `an` or the reverse."""
    article = re.search(r"\b([Aa]n?) $", text[:start])
    if article is None or not replacement[:1].isalnum():
        return Change(start, end, replacement)
    wanted = match_case(article[1], "an" if _starts_with_vowel(replacement) else "a")
    if wanted == article[1] or _starts_with_vowel(text[start:end]) == _starts_with_vowel(replacement):
        return Change(start, end, replacement)
    return Change(article.start(), end, f"{wanted} {replacement}")


def connective_relation(phrase: str) -> str | None:
    """The relation that a connective states between two clauses (`cause`, `contrast`, ...), None for other words."""
    return CONNECTIVES.get(" ".join(phrase.lower().split()))


def negations(text: str) -> tuple[Change, ...]:
    """Changes that turn one clause of a sentence into its denial, or a denied clause into its assertion.

    Left out are questions, conditions (`if it is ...`), and quantified subjects: `all ... are not` has two meanings.
    """
    return tuple(
        change for sentence in sentences(text) if not sentence.is_question for change in _negations_in(sentence)
    )


_NO_PREDICATE = r"(?:not|no|never|only|just|because|that|when|where|why|how|what)\b"
_HAVING = r"(?:an?|the|\d+|two|three|four|five|six|many|several|its|his|her|their)\b"
_NO_HELPER = "".join(f"(?<!{word} )" for word in words("to ll also do does did can may will would should could"))
_PARTICIPLE = (
    r"(?:been|become|come|gone|done|made|seen|known|given|taken|found|had|led|shown|written|grown|won|lost|met|held|put|set|"
    r"\w{3,}ed)\b"
)
_ADDED = (
    (re.compile(rf"\b(is|are|was|were)\b(?= (?!{_NO_PREDICATE}))"), r"\1 not"),
    (re.compile(r"\b(can|could)\b(?= (?!not\b|also\b|only\b|never\b|help\b))(?= [a-z])"), r"\1not"),
    (re.compile(r"\b(will|would|should|must)\b(?= (?!not\b|also\b|only\b|never\b|like\b))(?= [a-z])"), r"\1 not"),
    (re.compile(rf"{_NO_HELPER}\b(has|have|had)\b(?= {_PARTICIPLE})"), r"\1 not"),
    (re.compile(rf"\bhas\b(?= {_HAVING})"), "does not have"),
    (re.compile(rf"{_NO_HELPER}\bhave\b(?= {_HAVING})"), "do not have"),
    (re.compile(r"\bcontains\b"), "does not contain"),
    (re.compile(r"(?<!and )(?<!or )(?<!the )\bcauses\b(?! of\b)"), "does not cause"),
    (re.compile(r"\brequires\b"), "does not require"),
    (re.compile(r"\bprovides\b"), "does not provide"),
    (re.compile(r"\balways\b"), "never"),
)  # fmt: skip
_REMOVED = (
    (re.compile(r"\b(is|are|was|were|will|would|should|must|has|have|had|can|could) not\b(?! only)"), r"\1"),
    (re.compile(r"\bcannot\b(?! only)"), "can"),
    (re.compile(r"\b(is|are|was|were|would|should|must|has|have|had|could)n['’]t\b(?! only)"), r"\1"),
    (re.compile(r"\bcan['’]t\b(?! only)"), "can"),
    (re.compile(r"\bdo(?: not|n['’]t) (?=[a-z])(?!only|just)"), ""),
    (re.compile(r"\bnever\b"), "always"),
    (re.compile(r"\bno longer\b"), "still"),
)
_UNSAFE_BEFORE = re.compile(
    r"\b(?:if|whether|unless|when|all|every|each|any|some|most|few|no|not|nor|neither|nothing|nobody|none|"
    r"never|hardly|what|which|who|how|why|where|once)\b"
    r"[^.;:,]*$",
    re.IGNORECASE,
)


def _negations_in(sentence: Sentence) -> Iterator[Change]:
    spans = code_spans(sentence.text)
    for patterns, is_removal in ((_REMOVED, True), (_ADDED, False)):
        for pattern, replacement in patterns:
            for match in pattern.finditer(sentence.text):
                before = sentence.text[: match.start()]
                # At the start of a sentence an auxiliary asks or commands.
                is_unsafe = not before.strip() or (not is_removal and _is_unsafe(before, sentence.text[match.end() :]))
                if not is_unsafe and not any(a < match.end() and match.start() < b for a, b in spans):
                    text = _joined(match.expand(replacement))
                    yield Change(sentence.start + match.start(), sentence.start + match.end(), text)


def _is_unsafe(before: str, after: str) -> bool:
    """Whether a `not` would meet a condition, a quantifier or another denial."""
    is_denied = re.match(r"(?: \w+){0,3} (?:no|nothing|nobody|never|neither)\b", after) is not None
    return is_denied or _UNSAFE_BEFORE.search(before) is not None


def _joined(negated: str) -> str:
    return "could not" if negated == "couldnot" else negated


def _line_sentences(text: str, start: int, end: int) -> Iterator[Sentence]:
    marker = _LIST_MARKER.match(text, start, end)
    start = marker.end() if marker else start
    for match in _TERMINATOR.finditer(text, start, end):
        if _ends_sentence(text, start, match, end):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Sentence]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    if piece.strip():
        yield Sentence(start, start + len(piece.strip()), piece.strip())


def _ends_sentence(text: str, start: int, match: re.Match[str], end: int) -> bool:
    following = text[match.end() : end].lstrip()
    if not following or not match[0].startswith("."):
        return not following[:1].islower()
    words = text[start : match.start()].split()
    last = words[-1].lstrip("(\"'“‘[*_") if words else ""
    is_initial = len(last) == 1 and last.isalpha() and last.isupper() and last != "I"
    is_numbered = last.lower() in _BEFORE_A_NUMBER and following[0].isdigit()
    is_short = is_initial or is_numbered or last.lower() in _ABBREVIATIONS or last == ""
    return not (is_short or following[0].islower())


def _starts_with_vowel(phrase: str) -> bool:
    """Whether it sounds so: `an hour`, `an 8`, `a unit`, `a European`."""
    word = phrase.lower()
    if word[:1].isdigit():
        return word.startswith("8") or re.match(r"1[18](?!\d)", word) is not None
    if word.startswith(("hour", "honest", "honor", "heir")):
        return True
    return word[:1] in "aeiou" and not re.match(r"uni(?!n|m)|use|usu|eu|one\b|once|ut[ie]", word)


@cache
def _kinds() -> dict[str, tuple[str, ...]]:
    """Term -> its kinds."""
    table: dict[str, list[str]] = {}
    groups: list[tuple[str, Iterable[str]]] = [
        ("month", MONTHS),
        ("weekday", WEEKDAYS),
        ("number word", NUMBER_WORDS),
        ("ordinal word", ORDINAL_WORDS),
        ("given name:women", WOMEN),
        ("given name:men", MEN),
    ]
    groups += [(kind, _sister_set(kind)) for kind in SISTERS]
    groups += [(f"people:{part}", _peoples(part)) for part in DEMONYMS]
    groups += [(f"unit:{rungs[0].group}", (unit,)) for unit, rungs in _unit_rungs().items()]
    groups += [(str(place_kind(name)), (name,)) for name in place_names()]
    for kind, terms in groups:
        for term in terms:
            table.setdefault(term, []).append(kind)
    return {term: tuple(kinds) for term, kinds in table.items()}


def _length_of_terms(word: str) -> int:
    """Words of the longest term that begins with a word; 0 where none does."""
    lengths = _term_lengths()
    return max(lengths.get(word, 0), lengths.get(word[:1].lower() + word[1:], 0) if word[:1].isupper() else 0)


@cache
def _term_lengths() -> dict[str, int]:
    """First word of terms -> words of the longest of these terms."""
    lengths: dict[str, int] = {}
    for term in _kinds():
        if parts := _WORD.findall(term):
            lengths[parts[0]] = max(lengths.get(parts[0], 0), len(parts))
    return lengths


def _alike_in(kind: str, term: str) -> tuple[str, ...]:
    exact = term if kind in _kinds().get(term, ()) else term[:1].lower() + term[1:]
    family, _, part = kind.partition(":")
    if family == "unit":
        return other_units(term)
    if family in ("country", "capital", "city", "state"):
        return places_like(term)
    if family == "given name":
        return names_like(term)
    table = {"month": MONTHS, "weekday": WEEKDAYS, "number word": NUMBER_WORDS, "ordinal word": ORDINAL_WORDS}.get(
        family
    )
    ordered = table or (_peoples(part) if family == "people" else _sister_set(kind))
    place = ordered.index(exact)
    others = sorted((other for other in ordered if other != exact), key=lambda other: abs(ordered.index(other) - place))
    return tuple(match_case(term, other) for other in others)


@cache
def _sister_set(kind: str) -> tuple[str, ...]:
    return tuple(term.replace("_", " ") for term in SISTERS[kind].split())


@cache
def _peoples(part: str) -> tuple[str, ...]:
    return tuple(DEMONYMS[part].split())


@dataclass(frozen=True)
class _Rung:
    """A unit's place in a ladder of units of the same kind."""

    group: str
    ladder: tuple[tuple[str, str], ...]
    place: int
    form: int
    """0 is singular, 1 plural."""


@cache
def _unit_rungs() -> dict[str, list[_Rung]]:
    """Unit -> wherever it stands."""
    table: dict[str, list[_Rung]] = {}
    for group, text in UNITS.items():
        for ladder_text in text.split(";"):
            ladder = tuple(_forms(rung) for rung in ladder_text.split())
            for place, names in enumerate(ladder):
                for form, name in enumerate(names):
                    table.setdefault(name, []).append(_Rung(group, ladder, place, form))
    return table


def _forms(rung: str) -> tuple[str, str]:
    half = len(rung) // 2  # the two forms of `km/h/km/h` hold a slash of their own
    if rung.count("/") == 3:
        return rung[:half], rung[half + 1 :]
    singular, plural = rung.split("/")
    return singular, plural


@cache
def _opposites() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for pair in OPPOSITES.split():
        left, sign, right = re.split("([:>])", pair)
        for word, other in ((left, right), (right, left))[: 1 if sign == ">" else 2]:
            if other not in table.setdefault(word, []):
                table[word].append(other)
    return {word: tuple(others) for word, others in table.items()}


@cache
def _given_names() -> dict[str, str]:
    return dict.fromkeys(WOMEN, "women") | dict.fromkeys(MEN, "men")
