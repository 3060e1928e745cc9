"""Finds and compares answers in a text: numbers, equations, final answers, and Python code.

    final_answer("So 48 + 24 = 72 clips.\\n#### 72")  ->  FinalAnswer(value="72", how="hash", ...)

Nothing here runs what it reads, and no function raises, whatever the text.
"""

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from seapo.arithmetic import Equation, equations, rounds_to
from seapo.quantities import NumberSpan, numbers

__all__ = [
    "CodeBlock",
    "Equation",
    "FinalAnswer",
    "NumberSpan",
    "agrees",
    "code_blocks",
    "equations",
    "false_equations",
    "final_answer",
    "last_sentence",
    "number_value",
    "numbers",
    "parses_as_python",
    "python_code",
    "same_answer",
    "stated_options",
]

How = Literal["hash", "boxed", "phrase", "option", "conclusion", "last_number"]
EXPLICIT: frozenset[How] = frozenset({"hash", "boxed", "phrase", "option"})

HASH = re.compile(r"####[ \t]*([^\n]{1,200})")
BOXED = re.compile(r"\\f?boxed[ \t]*\{")
PHRASE = re.compile(
    r"\b(?:answer|result)(?:[ \t]+to[ \t]+[^.:\n]{1,60}?)?"
    r"(?:[ \t]+(?:is|was|would[ \t]+be|=)\b[ \t]*:?|[ \t]*[:=])[\s*]{0,12}"
    r"(?=[^\s*:])|^A:[ \t]*(?=[^\n]{1,40}\Z)",
    re.IGNORECASE | re.MULTILINE,
)
OPTION = re.compile(r"\(([A-J])\)|\b([A-J])(?=[.)]?\s*\Z)")
OPTION_WORD = re.compile(r"\b(?:option|choice|correct|answer)\b", re.IGNORECASE)
CONCLUSION = re.compile(
    r"^\W{0,4}(?:therefore|thus|hence|so|in total|altogether|in conclusion|finally|this means|that means)\b",
    re.IGNORECASE,
)
NOTE_OR_EQUALS = re.compile(r"<<[^<>\n]{1,200}>>|=")
LEADING_NUMBER = re.compile(r"[($\\€£ \t*]{0,4}[-−]?[$€£]?(?=[0-9.])(?:[0-9][0-9,]*)?(?:\.[0-9]+)?(?:[ \t]*%)?")
SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\bNo)(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|\Z)|\n"
)
NUMBER_TEXT = re.compile(r"(?P<number>[-+]?(?:[0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+))(?P<rest>.*)", re.DOTALL)
FRACTION_TEXT = re.compile(r"(?P<sign>[-+]?)(?:(?P<whole>[0-9]{1,12}) +)?(?P<over>[0-9]{1,12})/(?P<under>[0-9]{1,12})")
LATEX_FRACTION = re.compile(r"\\[dt]?frac\{(-?[0-9]{1,12})\}\{([0-9]{1,12})\}")
LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf)\{([^{}]{0,100})\}")
FENCE = re.compile(r"[ \t]{0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n`]*")
PYTHON_NAMES = frozenset({"python", "py", "python3"})


@dataclass(frozen=True)
class FinalAnswer:
    """The answer that a text ends on, and how it was found."""

    value: str
    """As it is written: `text[start:end]`."""
    start: int
    end: int
    how: How
    """`hash` (`#### 72`), `boxed` (`\\boxed{72}`), `phrase` (`The answer is 72`), `option` (`(B)`), `conclusion`
    (`Thus 48 + 24 = 72`), or `last_number` of the last sentence."""

    @property
    def is_explicit(self) -> bool:
        """Whether the text marks it as its answer; else it is the likeliest number."""
        return self.how in EXPLICIT


@dataclass(frozen=True)
class CodeBlock:
    """The code between two fences."""

    language: str
    """Lower case; empty where the fence names none."""
    start: int
    end: int
    """The code is `text[start:end]`, without the fences."""
    code: str
    is_closed: bool
    """False where the text ends before the fence does."""


@lru_cache(maxsize=256)
def final_answer(text: str) -> FinalAnswer | None:
    """The text's final answer by its clearest marker, the last one of several; None where there is none."""
    for find in (_by_hash, _by_box, _by_phrase, _by_option, _by_last_sentence):
        if (found := find(text)) is not None:
            return found
    return None


def same_answer(first: str, second: str) -> bool:
    """Whether two answers say the same: numbers by value (1,250 = $1250.0, 1/2 = 0.5, 50% = 50 and 0.5), text by words.

    A decimal also equals a fraction that it is the rounding of, from two decimals on (0.33 = 1/3).
    """
    a, b = number_value(first), number_value(second)
    if a is None or b is None:
        return a is None and b is None and _plain(first) == _plain(second)
    pairs = [(a, b)]
    if "%" in first:
        pairs.append((a / 100, b))
    if "%" in second:
        pairs.append((a, b / 100))
    return any(x == y for x, y in pairs) or _is_rounding(first, a, b) or _is_rounding(second, b, a)


def agrees(answer: str, right: str) -> bool:
    """Whether an answer is the right one; a right answer in words may stand within a longer one."""
    if same_answer(answer, right):
        return True
    is_words = number_value(right) is None
    return is_words and re.search(rf"(?<!\w){re.escape(right)}(?!\w)", answer, re.IGNORECASE) is not None


def false_equations(text: str, *, but_not: str = "") -> tuple[str, ...]:
    """The false equations of a text, without those that another text holds as well."""
    known = {(equation.left, equation.right) for equation in equations(but_not)}
    found = (each for each in equations(text) if each.holds is False and (each.left, each.right) not in known)
    return tuple(dict.fromkeys(f"{each.left} = {each.right}" for each in found))


def stated_options(text: str, options: Iterable[str]) -> frozenset[str]:
    """The options that a text states word for word; one that stands inside a longer one there does not count."""
    plain = _bare(text)
    places = []
    for option in options:
        wanted = _bare(option).strip()
        if len(wanted) > 2:
            pattern = rf"(?<!\w){re.escape(wanted)}(?!\w)"
            places += [(match.start(), match.end(), option) for match in re.finditer(pattern, plain)]
    return frozenset(
        option
        for start, end, option in places
        if not any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in places)
    )


@lru_cache(maxsize=1024)
def number_value(answer: str) -> Fraction | None:
    """The number that an answer is, or None; a percent sign and a unit behind the number are left out."""
    text = _without_markup(answer).replace("−", "-").lstrip("$€£ ").rstrip(" .")
    if text.startswith("-"):
        text = "-" + text[1:].lstrip("$€£ ")
    if (match := FRACTION_TEXT.match(text)) is not None and _is_unit(text[match.end() :]):
        if int(match["under"]) == 0:
            return None
        value = int(match["whole"] or 0) + Fraction(int(match["over"]), int(match["under"]))
        return -value if match["sign"] == "-" else value
    match = NUMBER_TEXT.fullmatch(text[:200])
    if match is None or not _is_unit(match["rest"]):
        return None
    return Fraction(match["number"].replace(",", "").rstrip("."))


@lru_cache(maxsize=64)
def last_sentence(text: str) -> tuple[int, int]:
    """Offsets of the last sentence (or line) that holds a letter or digit; (0, 0) where there is none."""
    end = len(text)
    while end > 0 and not text[end - 1].isalnum():
        end -= 1
    # Most sentences are short: the last one's start is looked for near the end first.
    start = 0
    for first in (max(0, end - 400), 0):
        for match in SENTENCE_END.finditer(text, first, end):
            start = match.end()
        if start:
            break
    while start < end and text[start].isspace():
        start += 1
    return (start, end) if end else (0, 0)


def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    """The fenced code blocks of a text, in order."""
    if "```" not in text and "~~~" not in text:
        return ()
    blocks, position = list[CodeBlock](), 0
    fence, language, start = "", "", 0
    for line in text.splitlines(keepends=True):
        match = FENCE.fullmatch(line.rstrip("\r\n"))
        if not fence and match is not None:
            fence, language, start = match["fence"], match["language"].lower(), position + len(line)
        elif fence and match is not None and not match["language"] and match["fence"].startswith(fence):
            blocks.append(CodeBlock(language, start, position, text[start:position], is_closed=True))
            fence = ""
        position += len(line)
    if fence:
        blocks.append(CodeBlock(language, start, len(text), text[start:], is_closed=False))
    return tuple(blocks)


def python_code(text: str) -> str | None:
    """The Python of an answer: its Python blocks, its unlabelled blocks that parse, or the whole text if it is a module
    with a function or class."""
    blocks = code_blocks(text)
    labelled = [block.code for block in blocks if block.language in PYTHON_NAMES]
    unlabelled = [block.code for block in blocks if not block.language and parses_as_python(block.code)]
    if labelled or unlabelled:
        return "\n\n".join(labelled or unlabelled)
    tree = _parse(text) if "def " in text or "class " in text else None
    is_module = tree is not None and any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body
    )
    return text if is_module else None


def parses_as_python(code: str) -> bool:
    """Whether the code is a Python module with at least one statement."""
    tree = _parse(code)
    return tree is not None and bool(tree.body)


def _parse(code: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _found(text: str, start: int, end: int, how: How) -> FinalAnswer | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ".*"):
        end -= 1
    return FinalAnswer(text[start:end], start, end, how) if start < end else None


def _by_hash(text: str) -> FinalAnswer | None:
    matches = list(HASH.finditer(text))
    return _found(text, *matches[-1].span(1), "hash") if matches else None


def _by_box(text: str) -> FinalAnswer | None:
    matches = list(BOXED.finditer(text))
    if not matches:
        return None
    depth, start = 1, matches[-1].end()
    for end in range(start, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return _found(text, start, end, "boxed")
    return None


def _by_phrase(text: str) -> FinalAnswer | None:
    matches = list(PHRASE.finditer(text))
    if not matches:
        return None
    start = matches[-1].end()
    note = NOTE_OR_EQUALS.match(text, start)
    start = note.end() if note else start
    number = LEADING_NUMBER.match(text, start)
    if number is not None and any(character.isdigit() for character in number[0]):
        return _number_at(text, start, "phrase")
    option = re.compile(r"\(?([A-Ja-j])(?:\)|(?=[.\s]*\Z)|(?=[.:] ))").match(text, start)
    if option is not None:
        return _found(text, *option.span(1), "phrase")
    stop = SENTENCE_END.search(text, start)
    return _found(text, start, stop.start() if stop else len(text), "phrase")


def _number_at(text: str, start: int, how: How) -> FinalAnswer | None:
    """The number or fraction behind `start`, with its percent sign."""
    stop = SENTENCE_END.search(text, start)
    spans = numbers(text[start : stop.start() if stop else len(text)])
    if not spans:
        return None
    end = start + spans[0].end
    if len(spans) > 1 and text[end : end + 1] == "/" and spans[1].start == spans[0].end + 1:
        end = start + spans[1].end
    percent = re.compile(r"[ \t]?\\?%").match(text, end)
    return _found(text, start + spans[0].start, percent.end() if percent else end, how)


def _by_option(text: str) -> FinalAnswer | None:
    start, end = last_sentence(text)
    matches = list(OPTION.finditer(text, start, min(end + 3, len(text))))
    if not matches:
        return None
    bracketed, bare = matches[-1].span(1), matches[-1].span(2)
    if bracketed[0] >= 0:
        is_last = not any(character.isalnum() for character in text[bracketed[1] : end])
        is_named = is_last or bracketed[0] <= start + 1 or OPTION_WORD.search(text, start, bracketed[0]) is not None
        return _found(text, *bracketed, "option") if is_named else None
    is_alone = text.strip(" \t\n.)") == text[bare[0] : bare[1]]
    return _found(text, *bare, "option") if is_alone else None


def _by_last_sentence(text: str) -> FinalAnswer | None:
    start, end = last_sentence(text)
    sentence = text[start:end]
    spans = numbers(sentence)
    if not spans:
        return None
    signs = [match.end() for match in NOTE_OR_EQUALS.finditer(sentence) if match[0] == "="]
    behind = [span for span in spans if signs and span.start >= signs[-1]]
    how: How = "conclusion" if behind or CONCLUSION.match(sentence) else "last_number"
    return _number_at(text, start + (behind[0] if behind else spans[-1]).start, how)


def _without_markup(answer: str) -> str:
    text = LATEX_TEXT.sub(r"\1", answer.strip().strip("*`"))
    text = LATEX_FRACTION.sub(r"\1/\2", text)
    for mark in ("\\$", "\\%", "\\!", "\\,", "\\left", "\\right", "$"):
        text = text.replace(mark, "%" if mark == "\\%" else "")
    text = re.sub(r"\A[A-Za-z] ?= ?", "", text)
    return re.sub(r"\A\((.{0,100})\)\Z", r"\1", text.strip())


def _is_unit(rest: str) -> bool:
    """Whether what follows a number is a unit: at most a few words without another number."""
    return len(rest.split()) <= 4 and re.fullmatch(r"[^\W\d_]?[^\d=+*^()]*", rest) is not None


def _plain(answer: str) -> str:
    if not any(character.isalnum() for character in answer):
        return "".join(answer.split())  # brackets that close brackets, say
    words = re.sub(r"[^\w+*/=<>^-]+", " ", _without_markup(answer).casefold()).split()
    return " ".join(word for word in words if word not in ("the", "a", "an") or len(words) == 1)


def _is_rounding(written: str, value: Fraction, exact: Fraction) -> bool:
    """Whether `written` is a decimal with two or more places that `exact` rounds to."""
    places = re.search(r"\.([0-9]{2,20})", written)
    return places is not None and rounds_to(exact, value, len(places[1]))


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[^\w%$.+-]+|\.(?=\s|\Z)", " ", text.casefold()).split())
