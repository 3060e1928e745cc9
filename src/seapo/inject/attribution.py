"""Puts an invented source, event or thing to a claim: in its place, in the place of one of its clauses, or beside it.

What is put in the place of something keeps the length of the answer; what is only added makes every negative longer
than its parent, which is enough to tell the two apart. So a sentence or clause is replaced where one can be spared.
"""

import re
from collections.abc import Iterator
from random import Random

from seapo.inject.draft import Draft, draft, shuffled, whole_words
from seapo.inject.inventions import Inventor
from seapo.inject.likeness import both_ways, shift
from seapo.inject.passage import Passage
from seapo.inject.source_forms import HEADS, STATEMENTS, TAILS
from seapo.language import Change, Sentence, is_english
from seapo.lexicon import words
from seapo.records import ChoiceTruth, NumberTruth, TextTruth, UnitTestTruth

_LENGTHS = range(25, 241)
"""Sentences that a source can be put to, in characters."""
PERSONAL = re.compile(
    r"\b(?:I|I'm|my|me|you|your|we|our|us|let's|please|sorry|hello|dear|thanks?)\b|[\[\]{}|]", re.IGNORECASE
)
_IMPERATIVE = re.compile(r"^[A-Z][a-z]+ (?:the|your|a|an|it|them|all|sure|up|down|out|in|on|with)\b")
_TO_BE_LOWERED = frozenset(
    words("""
        The A An This These Those That They It He She There Some Many Most All No One Two Three Each Every In On
        At By For From With If When While As Its Their His Her Such People Only Other Both Not Water Light After
        Before During Under Over
    """)
)
CONNECTED = re.compile(
    r"(?:However|Therefore|Thus|Hence|So|But|And|Also|Then|Finally|First|Second|Next|Additionally|Moreover|"
    r"Furthermore|For example|"
    r"For instance|In addition|In conclusion|Overall|According|As a|To |Yes|No|The answer|Here|Note|Since|"
    r"Because|Although|Though|Of course|Well|By|Using|If|When|While)\b"
)
_CLAUSE = re.compile(
    r"(?:, (?:because|so|which|while|and|but|therefore|since|although|as|where|when|not|with|or|thus|yet) "
    r"| because | while )[^,;:()\"]{12,110}(?=\.$)"
)
"""The last clause of a sentence, which the rest can do without."""
_SENTENCES_TRIED, _FORMS_TRIED = 10, 4
_NAMED = 0.1
"""How often an invention may bring capitals in: professors and journals would be known by theirs."""
_MOST_SHIFT = 2.2
"""Of the look of the text, by `likeness.shift`: what changes it more is known at once."""
_MAX_SHARE = 0.4
"""Of the answer's length, for what is put in."""


def attributions(passage: Passage, rng: Random, subtype: str) -> Iterator[Draft]:
    """Sentences with something invented put to them, in its place, in that of a clause, or beside it."""
    if isinstance(passage.sample.truth, TextTruth | NumberTruth | UnitTestTruth):
        return  # a puzzle or a program is no matter of sources; it has rules of its own
    inventor = inventor_for(passage, rng)
    may_name = rng.random() < _NAMED
    found = [
        likest
        for sentence in shuffled(rng, claims(passage))[:_SENTENCES_TRIED]
        for way in (_in_its_place, _in_its_place, _in_place_of_a_clause, _in_place_of_a_clause, _beside)
        if (changes := [way(passage, sentence, inventor, subtype) for _ in range(_FORMS_TRIED)])
        and (likest := _likest(passage, changes, subtype, may_name=may_name))
    ]
    yield from both_ways(found, rng)


def _likest(passage: Passage, changes: list[Change | None], subtype: str, *, may_name: bool) -> Draft | None:
    """The change that alters the look of the text least; None where none may be made."""
    drafts = [
        draft(subtype, passage.text, [change])
        for change in changes
        if change is not None
        and len(change.replacement) < _MAX_SHARE * len(passage.text)
        and (may_name or _capitals(change.replacement) <= _capitals(passage.text[change.start : change.end]))
    ]
    return min((each for each in drafts if shift(each) < _MOST_SHIFT), key=shift, default=None)


def _capitals(text: str) -> int:
    return sum(character.isupper() for character in text)


def claims(passage: Passage) -> list[Sentence]:
    """Sentences that state something about the world in general, in running text."""
    return [
        s
        for s in passage.sentences
        if len(s.text) in _LENGTHS
        and s.text[:1].isupper()
        and s.text[-1] == "."
        and PERSONAL.search(s.text) is None
        and _IMPERATIVE.match(s.text) is None
        and is_english(s.text)
        and re.match(r"(?:the |so |therefore,? )*answer\b", s.text, re.IGNORECASE) is None
        and not any(e.start < s.end and s.start < e.end for e in passage.equations)
    ]


def inventor_for(passage: Passage, rng: Random) -> Inventor:
    """An inventor whose inventions fit the question and the answer."""
    return Inventor(rng, f"{passage.question} {passage.text[:1000]}".lower())


def _in_its_place(passage: Passage, sentence: Sentence, inventor: Inventor, subtype: str) -> Change | None:
    """A statement about something invented in the place of a sentence that is not the first of its paragraph."""
    before = next((s for s in passage.sentences if s.end + 1 == sentence.start), None)
    is_first = before is None or len(before.text) < 25 or passage.text[before.end] != " "
    truth = passage.sample.truth
    holds_the_truth = isinstance(truth, ChoiceTruth) and truth.correct.rstrip(".").lower() in sentence.text.lower()
    if is_first or holds_the_truth or len(sentence.text) < 30 or CONNECTED.match(_next_text(passage, sentence)):
        return None
    return Change(sentence.start, sentence.end, _capitalised(inventor.fill(inventor.rng.choice(STATEMENTS[subtype]))))


def _in_place_of_a_clause(passage: Passage, sentence: Sentence, inventor: Inventor, subtype: str) -> Change | None:
    match = _CLAUSE.search(sentence.text, 20)
    if match is None or _ends_a_list(sentence.text[: match.start()], match[0]):
        return None
    form = inventor.fill(inventor.rng.choice(TAILS[subtype]))
    return Change(sentence.start + match.start(), sentence.start + match.end(), form)


def _ends_a_list(before: str, clause: str) -> bool:
    """Whether `, or a number` is the last of several things, which the others need."""
    return clause.startswith((", and ", ", or ")) and "," in before


def _beside(passage: Passage, sentence: Sentence, inventor: Inventor, subtype: str) -> Change | None:
    """A head before the sentence, or a tail behind it."""
    lowered = lowered_start(passage, sentence)
    if lowered is not None and inventor.rng.random() < 0.5:
        head = _capitalised(inventor.fill(inventor.rng.choice(HEADS[subtype])))
        first = sentence.text.split()[0]
        return Change(sentence.start, sentence.start + len(first), head + lowered)
    if sentence.text.endswith("..") or "(" in sentence.text[-12:]:
        return None
    return Change(sentence.end - 1, sentence.end - 1, inventor.fill(inventor.rng.choice(TAILS[subtype])))


def _next_text(passage: Passage, sentence: Sentence) -> str:
    """The rest of the paragraph."""
    return passage.text[sentence.end :].lstrip(" ")


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def lowered_start(passage: Passage, sentence: Sentence) -> str | None:
    """The first word as it is written in the middle of a sentence; None where nothing can stand before it."""
    first = sentence.text.split()[0]
    if CONNECTED.match(sentence.text) or ":" in sentence.text[:60] or first.startswith(("*", "_")):
        return None
    if first in _TO_BE_LOWERED or whole_words(passage.text, first.lower()):
        return first.lower()
    is_name = first.rstrip(",").isalpha() and any(
        m.start == sentence.start and m.term[:1].isupper() for m in passage.mentions
    )
    return first if is_name and whole_words(passage.conversation, first) else None
