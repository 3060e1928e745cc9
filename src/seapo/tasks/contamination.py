"""Does a text hold what a benchmark's test item says? Shared runs of words, and equal texts.

    ngram   n words in a row, whatever their case, punctuation and white space, that the item's question or answer has
    exact   the same words from the first to the last; the only way to find what is shorter than n words

A run is no sign where more than `MOST_ITEMS` items have it (it is the frame of many questions), or where fewer than
half of its words are words of two letters or more (one counts, or writes a formula, as everybody does).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from seapo.tasks.benchmark_texts import BenchmarkText
from seapo.tasks.ngrams import NgramIndex, Words, words

MOST_ITEMS = 10
MIN_QUESTION_WORDS = 3
MIN_ANSWER_WORDS = 5
"""Equal answers of fewer words are no sign of a copy: `Paris`, `all of the above`."""

_CALCULATION = re.compile(r"<<[^<>]*>>")

Kind = Literal["ngram", "exact"]
Part = Literal["question", "answer"]


@dataclass(frozen=True)
class Trace:
    """What a text shares with a test item."""

    benchmark: str
    item: str
    part: Part
    kind: Kind
    words: Words
    """The longest run of words that both have, in normal form."""


@dataclass(frozen=True)
class _Text:
    benchmark: str
    item: str
    part: Part
    words: Words


class Contaminants:
    """The test items of some benchmarks, indexed once, to be looked for in many texts."""

    def __init__(self, benchmarks: Mapping[str, Sequence[BenchmarkText]], *, n: int) -> None:
        self._n = n
        self._texts = list(_texts(benchmarks))
        owners = [(text.benchmark, text.item) for text in self._texts]
        self._index = NgramIndex([text.words for text in self._texts], n=n)
        self._index.leave_out_frequent(owners, most=MOST_ITEMS)
        self._exact = _by_words(self._texts)

    def traces(self, text: str) -> list[Trace]:
        """One trace for each item that the text holds something of, the longest first."""
        own = _normal(text)
        found: dict[tuple[str, str], Trace] = {}
        for trace in (*self._exact_traces(own), *self._runs(own)):
            known = found.get((trace.benchmark, trace.item))
            if known is None or len(trace.words) > len(known.words):
                found[trace.benchmark, trace.item] = trace
        return sorted(found.values(), key=lambda trace: -len(trace.words))

    def _exact_traces(self, own: Words) -> Iterator[Trace]:
        for text in self._exact.get(own, ()):
            yield Trace(text.benchmark, text.item, text.part, "exact", own)

    def _runs(self, own: Words) -> Iterator[Trace]:
        """The stretches of successive shared runs, each with the text that it is shared with."""
        open_at: dict[int, tuple[int, int]] = {}
        for shared in self._index.shared(own):
            if not _is_telling(own[shared.place : shared.place + self._n]):
                continue
            start, end = open_at.get(shared.text, (shared.place, shared.place))
            if shared.place > end + 1:
                yield self._trace(own, shared.text, start, end)
                start = shared.place
            open_at[shared.text] = (start, shared.place)
        for number, (start, end) in open_at.items():
            yield self._trace(own, number, start, end)

    def _trace(self, own: Words, number: int, start: int, end: int) -> Trace:
        text = self._texts[number]
        return Trace(text.benchmark, text.item, text.part, "ngram", own[start : end + self._n])


def _normal(text: str) -> Words:
    """GSM8K's calculator marks, as `<<6*7=42>>`, stand in some copies and are cut out of others."""
    return words(_CALCULATION.sub("", text))


def _texts(benchmarks: Mapping[str, Sequence[BenchmarkText]]) -> Iterator[_Text]:
    """All texts as words; equal words are one object, which spares most of the memory."""
    known: dict[str, str] = {}
    for items in benchmarks.values():
        for item in items:
            parts: tuple[tuple[Part, tuple[str, ...]], ...] = (("question", item.questions), ("answer", item.answers))
            for part, texts in parts:
                for text in texts:
                    yield _Text(item.benchmark, item.id, part, tuple(known.setdefault(w, w) for w in _normal(text)))


def _by_words(texts: Sequence[_Text]) -> dict[Words, list[_Text]]:
    """Texts that are long enough to tell, and not those of many items, as `which of the following is true`."""
    found: dict[Words, list[_Text]] = {}
    for text in texts:
        if len(text.words) >= (MIN_QUESTION_WORDS if text.part == "question" else MIN_ANSWER_WORDS):
            found.setdefault(text.words, []).append(text)
    return {key: each for key, each in found.items() if len({(t.benchmark, t.item) for t in each}) <= MOST_ITEMS}


def _is_telling(run: Words) -> bool:
    return 2 * sum(len(word) > 1 and word.isalpha() for word in run) >= len(run)
