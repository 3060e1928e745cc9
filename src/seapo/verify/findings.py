"""What kind of change an exchanged run of words is, by the tables of `seapo.language` and by its surroundings."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from seapo.answer import code_blocks, parses_as_python
from seapo.arithmetic import value_of
from seapo.language import (
    Mention,
    Sentence,
    code_spans,
    connective_relation,
    kinds_of,
    mentions,
    sentences,
    shared_kind,
)
from seapo.lexicon import CONNECTIVES, NEGATION, NUMBER_WORDS
from seapo.names import proper_names
from seapo.verify.hunks import Hunk, words

QUANTIFIERS = frozenset({
    "all", "every", "each", "some", "any", "most", "many", "few", "only", "even", "always", "sometimes", "often",
    "usually", "generally", "typically", "mostly", "frequently", "rarely", "seldom", "everybody", "somebody", "may",
    "might", "must",
})  # fmt: skip
"""Words that say how far a statement reaches, and how sure it is."""
CAUSES = re.compile(
    r"\b(?:(?P<forward>(?:lead(?:s|ing)?|led) to|result(?:s|ed|ing)? in|caus(?:e[sd]?|ing)(?! by)|"
    r"determin(?:e[sd]?|ing))|(?P<backward>result(?:s|ed|ing)? from|depend(?:s|ed|ing)? on|caused by|due to|"
    r"ste(?:ms?|mmed) from|ar(?:ises?|ose) from))\b",
    re.IGNORECASE,
)
"""Verbs that name the cause first, and those that name the effect first."""
MATH_OPERATORS = frozenset("+-*/×÷−–") | {"**", "//", "^"}
CONDITIONS = frozenset(
    {"<", ">", "<=", ">=", "==", "!=", "and", "or", "not", "if", "unless", "is", "in", "while", "&&", "||", "!"}
)
CODE_WORDS = frozenset({"True", "False", "None", "min", "max", "sum", "len", "sorted", "any", "all", "return", "break"})
CONCLUDING = re.compile(
    r"\W*(?:therefore|thus|hence|so|consequently|in conclusion|as a result|it follows|this means|that means)\b",
    re.IGNORECASE,
)
INFERRING = re.compile(r",? so (?!that\b|far\b|much\b|many\b)|\b(?:therefore|thus|hence|consequently)\b", re.IGNORECASE)
ANSWERING = re.compile(r"\W*(?:the )?(?:final |correct )?answer\b|.*\\boxed", re.IGNORECASE)
SMALL_NUMBERS = dict(zip(("zero", *NUMBER_WORDS), map(str, (0, *range(2, 21), *range(30, 100, 10))), strict=True))
PLACES = frozenset({"country", "capital", "city", "state"})
PREAMBLE = re.compile(
    r"(?:before|after|if|when|as|since)\s+(?:we|I|you)(?:['’]re)?\s+(?:\w+\s+)?"
    r"(?:begin|start|proceed|continue|go|dive|get|see|know|may|can)\b",
    re.IGNORECASE,
)
"""`Before we begin, I want ...`: a phrase, not a step of an argument."""
MENTION_CHARACTERS = 60
"""So far from a change does no term begin or end that overlaps it."""
CONNECTIVE = re.compile(
    r"\b(?:" + "|".join(sorted(CONNECTIVES, key=len, reverse=True)).replace(" ", r"\s+") + r")\b", re.IGNORECASE
)
MIN_ARGUMENT_WORDS = 8


@dataclass(frozen=True)
class Finding:
    """One thing that the edited text says differently."""

    kind: str
    """number, term, opposite, negation, operator, condition, identifier, name, connective, cause, quantifier,
    conclusion, opening, exchanged, swapped, dropped, repeated, or those that show nothing alone: word, phrase, code."""
    evidence: str


def hunk_findings(before: str, after: str, hunk: Hunk) -> list[Finding]:
    """What one exchanged run of words changes; word, phrase or code where that cannot be told."""
    if not hunk.removed and not hunk.inserted:
        return []
    finders = [_changed_number]
    if any(character.isalpha() for word in (*hunk.removed, *hunk.inserted) for character in word):
        finders += [_changed_term, _changed_negation, _changed_connective, _changed_cause]
        finders += [_changed_quantifier, _changed_opening]
    is_code = in_code(before, hunk.start)
    finders += [_changed_code] if is_code else [_changed_operator, _changed_name]
    found = [finding for find in finders if (finding := find(before, after, hunk)) is not None]
    if len(found) > 1 and found[-1].kind == "name":
        found.pop()
    if not found and (is_code or (hunk.removed and hunk.inserted)):
        kind = "code" if is_code else "word" if len(hunk.removed) == len(hunk.inserted) == 1 else "phrase"
        found = [Finding(kind, f"{' '.join(hunk.removed)!r} became {' '.join(hunk.inserted)!r}")]
    is_vague = bool(found) and found[0].kind in ("word", "phrase", "code", "number")
    if found and _in_conclusion(before, hunk.start, is_vague=is_vague):
        found.append(Finding("conclusion", f"in the conclusion, {found[0].evidence}"))
    return found


def _changed_number(before: str, after: str, hunk: Hunk) -> Finding | None:
    old, new = _digits(hunk.removed), _digits(hunk.inserted)
    if not old or not new or _same_value(before[hunk.start : hunk.end], after[hunk.after_start : hunk.after_end]):
        return None
    gone, come = old - new, new - old
    if not gone or not come:
        return None
    return Finding("number", f"{', '.join(gone)} became {', '.join(come)}")


def _digits(run: Sequence[str]) -> Counter[str]:
    plain = (SMALL_NUMBERS.get(word.lower(), word.replace(",", "")) for word in run)
    return Counter(word for word in plain if word[:1].isdigit())


def _same_value(old: str, new: str) -> bool:
    """Whether one number is written in two ways: 0.5 and 1/2, 1,000 and 1000."""
    left, right = value_of(old), value_of(new)
    return left is not None and left == right


def _changed_term(before: str, after: str, hunk: Hunk) -> Finding | None:
    """A unit, date, name, place or thing that became another of its kind, or a word that became its opposite."""
    olds = _mentioned(before, hunk.start, hunk.end) or (before[hunk.start : hunk.end],)
    news = _mentioned(after, hunk.after_start, hunk.after_end) or (after[hunk.after_start : hunk.after_end],)
    pairs = [(old, new) for old in olds for new in news] + list(zip(hunk.removed, hunk.inserted, strict=False))
    for old, new in pairs:
        if (kind := shared_kind(old, new) or _shared_family(old, new)) is not None:
            name = "opposite" if kind == "opposite" else "term"
            return Finding(name, f"{old!r} became {new!r} ({kind})")
    return None


def _shared_family(old: str, new: str) -> str | None:
    """Two places, or two given names, of whatever kind: `Paris` (a capital) and `Lyon` (a city)."""
    left, right = ({kind.partition(":")[0] for kind in kinds_of(term)} for term in (old, new))
    if old == new or not old[:1].isupper():
        return None
    return "place" if left & PLACES and right & PLACES else "given name" if "given name" in left & right else None


@lru_cache(maxsize=512)
def _all_mentions(text: str) -> tuple[Mention, ...]:
    return mentions(text)


def _mentioned(text: str, start: int, end: int) -> tuple[str, ...]:
    """The terms that overlap a span; they are looked for near it, unless something there may be code or an address."""
    first, last = text.rfind(" ", 0, max(0, start - MENTION_CHARACTERS)) + 1, end + MENTION_CHARACTERS
    if "`" in text or "~~~" in text or "://" in text or "@" in text:
        first, last = 0, len(text)
    found = _all_mentions(text[first:last])
    return tuple(each.term for each in found if each.start + first < end and start < each.end + first)


def _changed_negation(before: str, after: str, hunk: Hunk) -> Finding | None:
    old, new = _negations(hunk.removed), _negations(hunk.inserted)
    if old == new:
        return None
    verb = "lost" if old > new else "gained"
    return Finding("negation", f"the sentence {verb} a negation: {_sentence_at(after, hunk.after_start)!r}")


def _negations(run: Sequence[str]) -> int:
    return sum(word.lower() in NEGATION or re.search("n['’]t$", word.lower()) is not None for word in run)


def _changed_connective(before: str, after: str, hunk: Hunk) -> Finding | None:
    old, new = _connective(before, hunk.start, hunk.end), _connective(after, hunk.after_start, hunk.after_end)
    if old is None or new is None or connective_relation(old) == connective_relation(new):
        return None
    if PREAMBLE.match(before, max(0, hunk.start)) is not None:
        return None
    relations = f"{connective_relation(old)} to {connective_relation(new)}"
    return Finding("connective", f"{old!r} became {new!r} (from {relations})")


def _connective(text: str, start: int, end: int) -> str | None:
    """The longest connective that overlaps a span."""
    near = CONNECTIVE.finditer(text, max(0, start - 40), end + 40)
    return max((match[0] for match in near if match.start() < end and start < match.end()), key=len, default=None)


def _changed_cause(before: str, after: str, hunk: Hunk) -> Finding | None:
    old, new = _cause(before, hunk.start, hunk.end), _cause(after, hunk.after_start, hunk.after_end)
    if old is None or new is None or old.lastgroup == new.lastgroup:
        return None
    return Finding("cause", f"cause and effect changed places: {old[0]!r} became {new[0]!r}")


def _cause(text: str, start: int, end: int) -> re.Match[str] | None:
    """The verb of cause that overlaps a span."""
    near = CAUSES.finditer(text, max(0, start - 20), end + 20)
    return next((match for match in near if match.end() > start and match.start() < end), None)


def _changed_opening(before: str, after: str, hunk: Hunk) -> Finding | None:
    """The yes or no that a text opens with, where the rest of it argues for the other one."""
    words = {word.lower() for word in (*hunk.removed, *hunk.inserted)}
    has_rest = len(before[hunk.end :].split()) >= MIN_ARGUMENT_WORDS
    if before[: hunk.start].strip(" *") or not has_rest or words not in ({"yes", "no"}, {"true", "false"}):
        return None
    return Finding("opening", f"it opens with {hunk.inserted[0]!r} and argues for {hunk.removed[0]!r}")


def _changed_quantifier(before: str, after: str, hunk: Hunk) -> Finding | None:
    old = [word.lower() for word in hunk.removed if word.lower() in QUANTIFIERS]
    new = [word.lower() for word in hunk.inserted if word.lower() in QUANTIFIERS]
    if not old or not new or old == new:
        return None
    return Finding("quantifier", f"{old[0]!r} became {new[0]!r}")


def _changed_operator(before: str, after: str, hunk: Hunk) -> Finding | None:
    old = [word for word in hunk.removed if word in MATH_OPERATORS or word in "xX"]
    new = [word for word in hunk.inserted if word in MATH_OPERATORS or word in "xX"]
    has_number = re.search(r"\d\D{0,40}$", before[max(0, hunk.start - 60) : hunk.start]) is not None
    if not old or not new or old == new or not has_number or re.match(r"\D{0,5}\d", before[hunk.end :]) is None:
        return None
    return Finding("operator", f"the operator {old[0]} became {new[0]}")


def _changed_name(before: str, after: str, hunk: Hunk) -> Finding | None:
    """A proper name that became another; one at the start of a sentence may be any word, and does not count."""
    old, new = proper_names(before, hunk.start, hunk.end), proper_names(after, hunk.after_start, hunk.after_end)
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    if not gone or not come or any(_is_common(name, before + after) for name in (*gone, *come)):
        return None
    if gone[0][:4].lower() == come[0][:4].lower():
        return None
    return Finding("name", f"the name {gone[0]!r} became {come[0]!r}")


@lru_cache(maxsize=64)
def sentences_of(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text, found once."""
    return sentences(text)


def _is_common(name: str, text: str) -> bool:
    """Whether the word also stands in the text in small letters."""
    return re.search(rf"\b{re.escape(name.lower())}\b", text) is not None


def _changed_code(before: str, after: str, hunk: Hunk) -> Finding | None:
    old, new = set(hunk.removed), set(hunk.inserted)
    if old & CONDITIONS or new & CONDITIONS:
        return Finding("condition", f"in code, {' '.join(hunk.removed)!r} became {' '.join(hunk.inserted)!r}")
    if (old | new) & (MATH_OPERATORS | CODE_WORDS | {"%"}):
        return Finding("operator", f"in code, {' '.join(hunk.removed)!r} became {' '.join(hunk.inserted)!r}")
    known = {word.text for word in words(before)}
    is_renamed = all(re.search(rf"\b{re.escape(name)}\b", after) is None for name in old if name.isidentifier())
    names = [name for name in new if name.isidentifier()]
    if old and names and not is_renamed and all(name in known for name in names):
        return Finding("identifier", f"in code, {' '.join(hunk.removed)!r} became {' '.join(hunk.inserted)!r}")
    return None


@lru_cache(maxsize=64)
def _code_ranges(text: str) -> tuple[tuple[int, int], ...]:
    if not code_blocks(text) and ("def " in text or "class " in text) and parses_as_python(text):
        return ((0, len(text)),)
    return code_spans(text)


def in_code(text: str, place: int) -> bool:
    """Whether a place lies in a fenced block, in `inline code`, or in an answer that is code throughout."""
    return any(start <= place < end for start, end in _code_ranges(text))


def _sentence_at(text: str, place: int) -> str:
    found = (each.text[:120] for each in sentences_of(text) if each.start <= place <= each.end)
    return next(found, text[place : place + 80])


def _in_conclusion(text: str, place: int, *, is_vague: bool) -> bool:
    """Whether a place lies in what the text concludes.

    That is a stated answer, or what follows `therefore`. `So she pays 5 * 3 = 15` is a step like others, and a word may
    be a synonym, so there numbers and words count in a stated answer only, and numbers in a last sentence.
    """
    line = next((each for each in sentences_of(text) if each.start <= place <= each.end), None)
    is_marked = text[text.rfind("\n", 0, place) + 1 : place].startswith("####")
    if line is None or is_marked or ANSWERING.match(line.text):
        return line is not None
    if is_vague:
        is_last, is_digit = line == sentences_of(text)[-1], text[place : place + 1].isdigit()
        return is_last and is_digit and CONCLUDING.match(line.text) is not None
    return CONCLUDING.match(line.text) is not None or INFERRING.search(line.text[: place - line.start]) is not None
