"""What a rule finds: an error of a subtype as edits, before it is known who proposed it."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from seapo.inject.passage import Passage
from seapo.language import Change, Mention, is_given_name
from seapo.records import Edit

T = TypeVar("T")


@dataclass(frozen=True)
class Draft:
    """One error as edits of the answer."""

    subtype: str
    edits: tuple[Edit, ...]
    """In order, without overlap."""


Rule = Callable[[Passage, Random], Iterator[Draft]]
"""Gives its drafts in an order drawn from the generator; a caller takes as many as it needs."""


def replace(text: str, start: int, end: int, replacement: str) -> Edit:
    """The edit that puts `replacement` in the place of `text[start:end]`."""
    return Edit(start=start, end=end, original=text[start:end], replacement=replacement)


def draft(subtype: str, text: str, changes: Iterable[Change | Edit]) -> Draft:
    """A draft of changes in any order; those that change nothing are left out."""
    edits = [c if isinstance(c, Edit) else replace(text, c.start, c.end, c.replacement) for c in changes]
    real = [edit for edit in edits if edit.original != edit.replacement]
    return Draft(subtype, tuple(sorted(real, key=lambda edit: (edit.start, edit.end))))


def shuffled(rng: Random, items: Iterable[T]) -> list[T]:
    """The items in an order drawn from the generator."""
    pool = list(items)
    return rng.sample(pool, len(pool))


def whole_words(text: str, word: str) -> list[int]:
    """Where a word or phrase stands alone in a text: offsets of its first character."""
    found, position = [], text.find(word)
    while position >= 0:
        end = position + len(word)
        is_inside = (position > 0 and text[position - 1].isalnum()) or (end < len(text) and text[end].isalnum())
        if not is_inside:
            found.append(position)
        position = text.find(word, end)
    return found


def is_part_of_a_name(passage: Passage, mention: Mention) -> bool:
    """Whether a capitalised term belongs to a longer name or word: `New England`, `Kelly Sheffield`, `Paris-based`."""
    sentence = passage.sentence_at(mention.start)
    before = passage.text[sentence.start if sentence else mention.start : mention.start]
    after = passage.text[mention.end : mention.end + 3]
    if before[-1:] in ("-", "_", "'", "’", "/", ".") or after[:1] in ("-", "_", "/") or re.match(r" [A-Z][a-z]", after):
        return True
    neighbour = re.search(r"(\S+ )?\b([A-Z][\w.]*) $", before)
    return neighbour is not None and (neighbour[1] is not None or is_given_name(neighbour[2]))
