"""Two texts as words, and the runs of words in which they differ."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WORD = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+['’][^\W\d_]+|\w+|\*\*|//|[=!<>]=|&&|\|\||[^\w\s]")
MAX_COMPARISONS = 4_000_000
"""Pairs of words; longer texts that differ from end to end count as one exchanged run, because difflib is quadratic."""


class Word(NamedTuple):  # made for every word of a text, and four times as fast to make as a frozen dataclass
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


def words(text: str) -> tuple[Word, ...]:
    """The words, numbers and signs of a text."""
    return tuple(Word(match[0], *match.span()) for match in WORD.finditer(text))


def find_hunks(before: str, after: str) -> tuple[Hunk, ...]:
    """The runs of words that differ, as few and short as `difflib` finds; white space does not count."""
    start, tail = shared_ends(before, after)
    old, new = _words_of(before, start, len(before) - tail), _words_of(after, start, len(after) - tail)
    head = 0
    while head < min(len(old), len(new)) and old[head].text == new[head].text:
        head += 1
    back = 0
    while back < min(len(old), len(new)) - head and old[-1 - back].text == new[-1 - back].text:
        back += 1
    middle_old, middle_new = old[head : len(old) - back], new[head : len(new) - back]
    place = len(before[:start].rstrip())  # behind the last word that both texts begin with
    found = []
    for i, j, k, m in _exchanged(_texts(middle_old), _texts(middle_new)):
        span, after_span = _span(old, head + i, head + j, place), _span(new, head + k, head + m, place)
        found.append(Hunk(*span, *after_span, _texts(middle_old[i:j]), _texts(middle_new[k:m])))
    return tuple(found)


def shared_ends(before: str, after: str) -> tuple[int, int]:
    """How many characters two texts begin with, and end with, in common; both end in white space, between words."""
    size = min(len(before), len(after))
    head = _shared(before, after, size)
    while head and not before[head - 1].isspace():
        head -= 1
    tail = _shared(before[::-1], after[::-1], size - head)
    while tail and not before[-tail].isspace():
        tail -= 1
    return head, tail


def _shared(left: str, right: str, limit: int) -> int:
    """Characters that both begin with, at most `limit`; comparing slices is much faster than comparing characters."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if left[low:middle] == right[low:middle] else (low, middle - 1)
    return low


def _words_of(text: str, start: int, end: int) -> tuple[Word, ...]:
    return tuple(Word(match[0], *match.span()) for match in WORD.finditer(text, start, end))


def _exchanged(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """The runs of words (first, behind the last, in both) that differ."""
    if len(old) * len(new) > MAX_COMPARISONS:
        return [(0, len(old), 0, len(new))]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [(i, j, k, m) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal"]


def _texts(run: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in run)


def _span(run: Sequence[Word], first: int, last: int, start: int) -> tuple[int, int]:
    """Characters of the words first to last - 1; an empty run stands behind the word before it, or at the start."""
    if first == last:
        place = run[first - 1].end if first else start
        return place, place
    return run[first].start, run[last - 1].end
