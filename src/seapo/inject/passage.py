"""A sample's answer as the rules see it: read once, with what may not be touched marked."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from seapo.answer import FinalAnswer, code_blocks, final_answer, parses_as_python, python_code
from seapo.arithmetic import Equation, equations
from seapo.language import Change, Mention, Sentence, code_spans, mentions, negations, sentences
from seapo.lexicon import NUMBER_WORDS
from seapo.quantities import NumberSpan, numbers
from seapo.records import Sample

if TYPE_CHECKING:
    from seapo.inject.worksheet import Worksheet

FICTION = re.compile(
    r"\b(?:stor(?:y|ies)|poems?|poetry|songs?|lyrics|haikus?|sonnets?|limericks?|novels?|screenplay|fiction(?:al)?|"
    r"fairy ?tale|"
    r"short scene|dialogues?|monologues?|jokes?|riddles?|rap|role-?play|fanfic\w*|pretend|dungeon|"
    r"slogans?|taglines?|act as|fantasy|write a scene)\b",
    re.IGNORECASE,
)
"""Words of a request whose answer makes no claims about the world."""
_QUOTED = re.compile(r"\"[^\"\n]{3,300}\"|“[^”\n]{3,300}”")
_LABEL = re.compile(
    r"(?:\b(?:step|part|chapter|section|question|problem|example|figure|table|option|level|day|week|phase|stage|"
    r"item|no\.|"
    r"number|version|exercise|lesson|line|note|grade|class|tip|method|rule|answer|choice|case|page)\s*#?|#\s?)$",
    re.IGNORECASE,
)
_ITEM_NUMBER = re.compile(r"(?:^|\n)[ \t>*#-]*\(?\d{1,3}[.):]", re.MULTILINE)
_NUMBER_WORD_VALUES = {word: value for value, word in enumerate(NUMBER_WORDS[:19], start=2)} | {
    word: 20 + 10 * tens for tens, word in enumerate(NUMBER_WORDS[18:])
}  # fmt: skip


@dataclass(frozen=True)
class PythonRegion:
    """Python code inside an answer: `text[start : start + len(code)]`."""

    start: int
    code: str


class Passage:
    """A sample's answer, its parts computed on first use."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.text = sample.chosen
        self.question = sample.question

    @cached_property
    def conversation(self) -> str:
        """All that was said before the answer."""
        return "\n".join(message.content for message in self.sample.prompt)

    @cached_property
    def is_fiction(self) -> bool:
        """Whether the request asks for something made up, so that a changed detail is no error."""
        return self.sample.truth is None and FICTION.search(self.question) is not None

    @cached_property
    def python(self) -> tuple[PythonRegion, ...]:
        """The Python code of the answer: fenced blocks that parse, or the whole answer where it is a module."""
        if python_code(self.text) == self.text:
            return (PythonRegion(0, self.text),)
        blocks = [block for block in code_blocks(self.text) if block.language in ("", "python", "py", "python3")]
        return tuple(PythonRegion(block.start, block.code) for block in blocks if parses_as_python(block.code))

    @cached_property
    def protected(self) -> tuple[tuple[int, int], ...]:
        """Spans that rules for running text leave alone: code, addresses, or the whole of an answer that is code."""
        if self.python and self.python[0].code == self.text:
            return ((0, len(self.text)),)
        return code_spans(self.text)

    def is_protected(self, start: int, end: int) -> bool:
        """Whether a span touches a protected one."""
        return any(left < end and start < right for left, right in self.protected)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences outside code."""
        return tuple(s for s in sentences(self.text) if not self._is_code(s.start, s.end))

    @cached_property
    def quoted(self) -> tuple[tuple[int, int], ...]:
        """Spans in double quotes: another's words, or an example."""
        return tuple(match.span() for match in _QUOTED.finditer(self.text))

    def is_quoted(self, start: int, end: int) -> bool:
        """Whether a span lies in double quotes."""
        return any(left <= start and end <= right for left, right in self.quoted)

    def _is_code(self, start: int, end: int) -> bool:
        return any(left <= start and end <= right for left, right in self.protected)

    def sentence_at(self, position: int) -> Sentence | None:
        """The sentence that holds a character, None between sentences."""
        return next((s for s in self.sentences if s.start <= position < s.end), None)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """Terms of known kinds outside code."""
        return tuple(m for m in mentions(self.text) if not self.is_protected(m.start, m.end))

    @cached_property
    def numbers(self) -> tuple[NumberSpan, ...]:
        """Numbers outside code that state something: no labels (`Step 2`), list numbers, or names (`COVID-19`)."""
        items = [match.span() for match in _ITEM_NUMBER.finditer(self.text)]
        return tuple(
            number
            for number in numbers(self.text)
            if not self.is_protected(number.start, number.end)
            and not any(start <= number.start < end for start, end in items)
            and not _is_part_of_a_name(self.text, number)
        )

    @cached_property
    def equations(self) -> tuple[Equation, ...]:
        """Equations outside code whose truth is known to hold."""
        found = () if "=" not in self.text else equations(self.text)
        return tuple(e for e in found if e.holds and not self.is_protected(e.start, e.end))

    @cached_property
    def worksheet(self) -> "Worksheet":
        """The answer's calculation."""
        from seapo.inject.worksheet import Worksheet

        return Worksheet(self)

    @cached_property
    def is_calculation(self) -> bool:
        """Whether the answer computes: its numbers hang together."""
        return len(self.equations) > 0

    @cached_property
    def final_answer(self) -> FinalAnswer | None:
        """The final answer, outside code."""
        found = final_answer(self.text)
        return None if found is None or self.is_protected(found.start, found.end) else found

    @cached_property
    def given_numbers(self) -> Counter[str]:
        """How often each number, in plain form, stands before the answer."""
        return Counter(plain(str(number.value)) for number in numbers(self.conversation))

    @cached_property
    def given_values(self) -> frozenset[str]:
        """Values of the numbers and number words before the answer, without trailing zeros."""
        return frozenset(self.given_numbers) | number_words(self.conversation)

    @cached_property
    def known_words(self) -> frozenset[str]:
        """Every word and number of the conversation and the answer, in small letters."""
        return frozenset(re.findall(r"\w+", f"{self.conversation}\n{self.text}".lower()))

    @cached_property
    def negations(self) -> tuple[Change, ...]:
        """Changes that deny a clause of a sentence, or assert a denied one."""
        return negations(self.text)


def number_words(text: str) -> frozenset[str]:
    """Values of the number words of a text, as digits."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    return frozenset(str(value) for word, value in _NUMBER_WORD_VALUES.items() if word in words)


def plain(written: str) -> str:
    """A number without separators and trailing zeros: `1,250.00` is `1250`."""
    digits = written.replace(",", "")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) or "0"


def _is_part_of_a_name(text: str, number: NumberSpan) -> bool:
    before, after = text[max(0, number.start - 24) : number.start], text[number.end : number.end + 2]
    if number.text.startswith(("-", "−")) and text[number.start - 1 : number.start].isalnum():
        return True
    is_glued = (
        before[-1:].isalpha() or before[-1:] in ("_", "#", "/") or (before[-1:] == "-" and before[-2:-1].isalpha())
    )
    is_time = after[:1] == ":" or before[-1:] == ":"
    return is_glued or is_time or after[:1] == "/" or _LABEL.search(before) is not None
