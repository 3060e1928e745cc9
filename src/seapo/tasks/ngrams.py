"""Texts as words, and an index of all runs of n words in a collection of texts."""

import re
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Words = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+")
_BASE = np.uint64(0x9E3779B97F4A7C15)


def words(text: str) -> Words:
    """The text's words and numbers in lower case, without punctuation and with compatibility characters resolved."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))


@dataclass(frozen=True)
class Shared:
    """A run of n words that a text shares with an indexed one."""

    place: int
    """Number of the text's word at which it begins."""
    text: int
    """Number of the indexed text."""


class NgramIndex:
    """All runs of n words of some texts, as sorted 64-bit hashes: 16 bytes a run. A hit is compared word by word.

    Which hash a word has differs from process to process; which runs are found does not.
    """

    def __init__(self, texts: Sequence[Words], *, n: int) -> None:
        self._texts = texts
        self._n = n
        numbers = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])
        starts = np.cumsum([0, *(len(text) for text in texts)])
        places = (np.arange(starts[-1]) - starts[numbers]).astype(np.int32)
        hashes = _hashes(list(chain.from_iterable(texts)), n)
        inside = np.flatnonzero(numbers[: len(hashes)] == numbers[len(numbers) - len(hashes) :])
        self._keep(hashes[inside], numbers[inside], places[inside])
        order = np.lexsort((self._numbers, self._hashes))
        self._keep(self._hashes[order], self._numbers[order], self._places[order])

    def __len__(self) -> int:
        return len(self._hashes)

    def leave_out_frequent(self, owners: Sequence[Hashable], *, most: int) -> None:
        """Forget the runs that more than `most` different owners have; texts of one owner stand together."""
        names = {owner: number for number, owner in enumerate(dict.fromkeys(owners))}
        whose = np.array([names[owner] for owner in owners], dtype=np.int32)[self._numbers]
        if not len(whose):
            return
        begins = np.append(True, self._hashes[1:] != self._hashes[:-1])
        is_another = begins | np.append(True, whose[1:] != whose[:-1])
        counts = np.add.reduceat(is_another.astype(np.int32), np.flatnonzero(begins))
        kept = np.repeat(counts <= most, np.diff(np.append(np.flatnonzero(begins), len(begins))))
        self._keep(self._hashes[kept], self._numbers[kept], self._places[kept])

    def shared(self, text: Words) -> Iterator[Shared]:
        """Every run of the text that the index holds, in the text's order, with each indexed text that has it."""
        own = _hashes(text, self._n)
        if not len(self._hashes) or not len(own):
            return
        first = np.searchsorted(self._hashes, own)
        hits = np.flatnonzero(self._hashes[np.minimum(first, len(self._hashes) - 1)] == own)
        last = np.searchsorted(self._hashes, own[hits], side="right")
        for place, start, end in zip(hits.tolist(), first[hits].tolist(), last.tolist(), strict=True):
            run = text[place : place + self._n]
            for number, there in zip(self._numbers[start:end].tolist(), self._places[start:end].tolist(), strict=True):
                if self._texts[number][there : there + self._n] == run:
                    yield Shared(place, number)

    def _keep(self, hashes: NDArray[np.uint64], numbers: NDArray[np.int32], places: NDArray[np.int32]) -> None:
        self._hashes, self._numbers, self._places = hashes, numbers, places


def _hashes(text: Sequence[str], n: int) -> NDArray[np.uint64]:
    """One hash for each run of n words."""
    each = np.fromiter(map(hash, text), dtype=np.int64, count=len(text)).view(np.uint64)
    length = max(len(text) - n + 1, 0)
    total = np.zeros(length, dtype=np.uint64)
    for offset in range(n):
        total = total * _BASE + each[offset : offset + length]
    return total
