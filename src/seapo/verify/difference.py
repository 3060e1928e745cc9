"""What an edited text says differently: the changed words, what kind of change each is, and what became of the steps.

Everything is read off the two texts. What a candidate says of itself is never looked at, so that this can be the
evidence against it.
"""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from seapo.answer import code_blocks, numbers, parses_as_python
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
from seapo.lexicon import NUMBER_WORDS

WORD = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+['’][^\W\d_]+|\w+|\*\*|//|[=!<>]=|[^\w\s]")
NEGATION = frozenset({"not", "no", "never", "cannot", "without", "neither", "nor", "none"})
QUANTIFIERS = frozenset({
    "all", "every", "each", "some", "any", "most", "many", "few", "only", "even", "always", "sometimes", "often",
    "usually", "generally", "typically", "mostly", "frequently", "rarely", "seldom", "everybody", "somebody",
})  # fmt: skip
MATH_OPERATORS = frozenset("+-*/×÷−–") | {"**", "//", "^"}
CONDITIONS = frozenset({"<", ">", "<=", ">=", "==", "!=", "and", "or", "not", "if", "unless", "is", "in", "while"})
CODE_WORDS = frozenset({"True", "False", "None", "min", "max", "sum", "len", "sorted", "any", "all", "return", "break"})
CONCLUDING = re.compile(
    r"\W*(?:therefore|thus|hence|so|consequently|in conclusion|as a result|it follows|this means|that means)\b",
    re.IGNORECASE,
)
INFERRING = re.compile(r",? so (?!that\b|far\b|much\b|many\b)|\b(?:therefore|thus|hence|consequently)\b", re.IGNORECASE)
ANSWERING = re.compile(r"\W*(?:the )?(?:final |correct )?answer\b|####|.*\\boxed", re.IGNORECASE)
SMALL_NUMBERS = dict(zip(("zero", *NUMBER_WORDS), map(str, (0, *range(2, 21), *range(30, 100, 10))), strict=True))
PLACES = frozenset({"country", "capital", "city", "state"})
MAX_CONNECTIVE_WORDS = 4
MAX_COMPARISONS = 4_000_000
"""Pairs of words; longer texts that differ from end to end count as one exchanged run, because difflib is quadratic."""


@dataclass(frozen=True)
class Word:
    """A word, number or sign, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Hunk:
    """A run of words that was exchanged; offsets are characters, in the text before and the text after."""

    start: int
    end: int
    after_start: int
    after_end: int
    removed: tuple[str, ...]
    inserted: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that the edited text says differently."""

    kind: str
    """number, term, opposite, negation, operator, condition, identifier, name, connective, quantifier, conclusion,
    exchanged, swapped, dropped, repeated, or those that show nothing by themselves: word, phrase, code."""
    evidence: str


@dataclass(frozen=True)
class Difference:
    """Two texts, cut into words and steps, and compared."""

    before: str
    after: str
    hunks: tuple[Hunk, ...]
    findings: tuple[Finding, ...]

    @property
    def size(self) -> int:
        """Characters that went or that came, whichever are more; what was moved counts once."""
        gone = sum(hunk.end - hunk.start for hunk in self.hunks)
        return max(gone, sum(hunk.after_end - hunk.after_start for hunk in self.hunks))

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of some kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)


@lru_cache(maxsize=64)
def difference(before: str, after: str) -> Difference:
    """Compare a text with its edited version."""
    hunks = find_hunks(before, after)
    findings = [finding for hunk in hunks for finding in _hunk_findings(before, after, hunk)]
    findings += _step_findings(before, after)
    return Difference(before, after, hunks, tuple(dict.fromkeys(findings)))


def words(text: str) -> tuple[Word, ...]:
    """The words, numbers and signs of a text."""
    return tuple(Word(match[0], *match.span()) for match in WORD.finditer(text))


def find_hunks(before: str, after: str) -> tuple[Hunk, ...]:
    """The runs of words that differ, as few and short as `difflib` finds; white space does not count."""
    old, new = words(before), words(after)
    head = 0
    while head < min(len(old), len(new)) and old[head].text == new[head].text:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail].text == new[-1 - tail].text:
        tail += 1
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    found = []
    for i, j, k, m in _exchanged(_texts(middle_old), _texts(middle_new)):
        span, after_span = _span(old, head + i, head + j), _span(new, head + k, head + m)
        found.append(Hunk(*span, *after_span, _texts(middle_old[i:j]), _texts(middle_new[k:m])))
    return tuple(found)


def _exchanged(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """The runs of words (first, behind the last, in both) that differ."""
    if len(old) * len(new) > MAX_COMPARISONS:
        return [(0, len(old), 0, len(new))]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [(i, j, k, m) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal"]


def _texts(run: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in run)


def _span(run: Sequence[Word], first: int, last: int) -> tuple[int, int]:
    """Characters of the words first to last - 1; an empty run stands behind the word before it."""
    if first == last:
        place = run[first - 1].end if first else 0
        return place, place
    return run[first].start, run[last - 1].end


def _hunk_findings(before: str, after: str, hunk: Hunk) -> list[Finding]:
    """What one exchanged run of words changes; word, phrase or code where that cannot be told."""
    if not hunk.removed and not hunk.inserted:
        return []
    finders = [_changed_number, _changed_term, _changed_negation, _changed_connective, _changed_quantifier]
    is_code = _in_code(before, hunk.start)
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


@lru_cache(maxsize=64)
def _all_mentions(text: str) -> tuple[Mention, ...]:
    return mentions(text)


def _mentioned(text: str, start: int, end: int) -> tuple[str, ...]:
    return tuple(mention.term for mention in _all_mentions(text) if mention.start < end and start < mention.end)


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
    relations = f"{connective_relation(old)} to {connective_relation(new)}"
    return Finding("connective", f"{old!r} became {new!r} (from {relations})")


def _connective(text: str, start: int, end: int) -> str | None:
    """The longest connective that overlaps a span."""
    run = words(text[max(0, start - 40) : end + 40])
    offset = max(0, start - 40)
    best = ""
    for first in range(len(run)):
        for last in range(first + 1, min(first + MAX_CONNECTIVE_WORDS, len(run)) + 1):
            overlaps = offset + run[first].start < end and start < offset + run[last - 1].end
            phrase = " ".join(word.text for word in run[first:last])
            if overlaps and connective_relation(phrase) is not None and len(phrase) > len(best):
                best = phrase
    return best or None


def _changed_quantifier(before: str, after: str, hunk: Hunk) -> Finding | None:
    old = [word.lower() for word in hunk.removed if word.lower() in QUANTIFIERS]
    new = [word.lower() for word in hunk.inserted if word.lower() in QUANTIFIERS]
    if not old or not new or old == new:
        return None
    return Finding("quantifier", f"{old[0]!r} became {new[0]!r}")


def _changed_operator(before: str, after: str, hunk: Hunk) -> Finding | None:
    old = [word for word in hunk.removed if word in MATH_OPERATORS]
    new = [word for word in hunk.inserted if word in MATH_OPERATORS]
    is_arithmetic = re.search(r"\d\D{0,20}$", before[: hunk.start][-30:]) and re.match(r"\D{0,5}\d", before[hunk.end :])
    if not old or not new or old == new or not is_arithmetic:
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


def proper_names(text: str, start: int, end: int) -> tuple[str, ...]:
    """The capitalised words of a span that do not start a sentence."""
    starts = _sentence_starts(text)
    return tuple(
        word.text
        for word in words(text[start:end])
        if word.text[:1].isupper() and len(word.text) > 1 and start + word.start not in starts
    )


@lru_cache(maxsize=64)
def _sentences(text: str) -> tuple[Sentence, ...]:
    return sentences(text)


@lru_cache(maxsize=64)
def _sentence_starts(text: str) -> frozenset[int]:
    found = set()
    for sentence in _sentences(text):
        first = re.search(r"\w", sentence.text)
        found.add(sentence.start + (first.start() if first else 0))
    return frozenset(found)


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


def _in_code(text: str, place: int) -> bool:
    return any(start <= place < end for start, end in _code_ranges(text))


def _sentence_at(text: str, place: int) -> str:
    found = (each.text[:120] for each in _sentences(text) if each.start <= place <= each.end)
    return next(found, text[place : place + 80])


def _in_conclusion(text: str, place: int, *, is_vague: bool) -> bool:
    """Whether a place lies in what the text concludes.

    That is a stated answer, or what follows `therefore`. `So she pays 5 * 3 = 15` is a step like others, and a word may
    be a synonym, so there numbers and words count in a stated answer only, and numbers in a last sentence.
    """
    line = next((each for each in _sentences(text) if each.start <= place <= each.end), None)
    if line is None or ANSWERING.match(line.text):
        return line is not None
    if is_vague:
        is_last, is_digit = line == _sentences(text)[-1], text[place : place + 1].isdigit()
        return is_last and is_digit and CONCLUDING.match(line.text) is not None
    return CONCLUDING.match(line.text) is not None or INFERRING.search(line.text[: place - line.start]) is not None


def steps(text: str) -> tuple[str, ...]:
    """Sentences and lines of code in order; without numbers, capitals and end marks, so that moved ones are known."""
    found = [(each.start, each.text) for each in _sentences(text)]
    for block in code_blocks(text):
        place = block.start
        for line in block.code.splitlines(keepends=True):
            found.append((place, line))
            place += len(line)
    plain = (" ".join(step.split()).rstrip(".!?;:,").casefold() for _, step in sorted(found))
    return tuple(step for step in plain if any(character.isalnum() for character in step))


def _step_findings(before: str, after: str) -> list[Finding]:
    """Steps that changed places, went, or came twice; words that changed places within a sentence."""
    old, new = steps(before), steps(after)
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    if not gone and not come:
        return _swapped(old, new)
    if gone and not come:
        return [Finding("dropped", step) for step in gone]
    repeated = [step for step in come if step in old]
    if not gone and repeated:
        return [Finding("repeated", step) for step in repeated]
    return [
        Finding("exchanged", f"{left!r} became {right!r}")
        for left in gone
        for right in come
        if left != right and Counter(_letters(left)) == Counter(_letters(right)) and _letters(left) != _letters(right)
    ]


def _letters(step: str) -> list[str]:
    return [word.text for word in words(step) if word.text.isalnum()]


def _swapped(old: Sequence[str], new: Sequence[str]) -> list[Finding]:
    moved = [(left, right) for left, right in zip(old, new, strict=True) if left != right]
    return [Finding("swapped", f"{moved[0][0]!r} and {moved[0][1]!r} changed places")] if moved else []


def new_numbers(text: str, *known: str) -> tuple[str, ...]:
    """Numbers of a text whose value is in none of the known ones."""
    values = {span.value for other in known for span in numbers(other)}
    return tuple(span.text for span in numbers(text) if span.value not in values)
