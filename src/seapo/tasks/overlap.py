"""Does a question restate a question of a benchmark? Shared word n-grams, exact matches, and nearest neighbours.

N-grams and exact matches find copies, and a program may judge them. A question that says the same in other words shares
rare words with its model, so two measures bring such pairs to the top of a list, and a reader judges the top:

    similarity   cosine of the TF-IDF vectors of the questions, alone and with their right answers
    coverage     how much of the benchmark's question and right answer stands somewhere in the item's whole text
"""

import csv
import gzip
import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seapo.errors import DataError
from seapo.records import ChoiceTruth, Truth
from seapo.tasks.ngrams import NgramIndex, words
from seapo.tasks.starter import test_rows, training_rows

MIN_ANSWER_WORDS = 5
"""Equal answers of fewer words are no sign of a copy: `Paris`, `42`."""

_ENDING = re.compile(r"(?<=\w{4})(?:ations?|ings?|est|ed|er|es|ly|s|e)$")
_LIGHT_NATS = 22.0
"""About three rare words. A benchmark question with less to recognise it by cannot reach a coverage of 1."""


@dataclass(frozen=True)
class Passage:
    """A question with what belongs to it, to be compared with others."""

    id: str
    question: str
    answer: str = ""
    """The right answer, short."""
    explanation: str = ""
    """Further text: a worked answer, the other choices, a solution."""

    @cached_property
    def question_words(self) -> tuple[str, ...]:
        """The question, normalised."""
        return words(self.question)

    @cached_property
    def answer_words(self) -> tuple[str, ...]:
        """The right answer, normalised."""
        return words(self.answer)

    @cached_property
    def short_words(self) -> tuple[str, ...]:
        """Question and right answer, normalised."""
        return self.question_words + self.answer_words

    @cached_property
    def all_words(self) -> tuple[str, ...]:
        """Question, answer and explanation, normalised."""
        return self.short_words + words(self.explanation)


@dataclass(frozen=True)
class Match:
    """Words that two passages share."""

    item: Passage
    other: Passage
    words: str


@dataclass(frozen=True)
class Neighbour:
    """Two passages and how near they are to each other."""

    item: Passage
    other: Passage
    nearness: float
    """Similarity or coverage, 0 to 1."""


def starter_passages() -> list[Passage]:
    """All rows of the starter set: the training rows with their answers, the test rows with their choices."""
    training = [Passage(row.id, row.question, _short_answer(row.truth), row.answer) for row in training_rows()]
    testing = [Passage(row.id, row.question, _short_answer(row.truth), "\n".join(row.choices)) for row in test_rows()]
    return training + testing


def benchmark_passages(data_dir: Path) -> list[Passage]:
    """All questions of the benchmarks in a data folder; raises DataError where files are missing or cannot be read."""
    passages = []
    for pattern, read in _READERS.items():
        paths = sorted(data_dir.glob(pattern))
        if not paths:
            raise DataError(f"{data_dir}: there is no {pattern}; docs/starter.md tells which files are compared")
        passages += [passage for path in paths for passage in _read(path, str(path.relative_to(data_dir)), read)]
    return passages


def exact_matches(items: Sequence[Passage], others: Sequence[Passage]) -> list[Match]:
    """Pairs whose normalised questions are equal, or whose answers are and have at least `MIN_ANSWER_WORDS` words."""
    by_text: dict[tuple[str, ...], list[Passage]] = {}
    for item in items:
        for text in _distinctive_texts(item):
            by_text.setdefault(text, []).append(item)
    return [
        Match(item, other, " ".join(text))
        for other in others
        for text in _distinctive_texts(other)
        for item in by_text.get(text, ())
    ]


def shared_ngrams(
    items: Sequence[Passage], others: Sequence[Passage], *, n: int = 8, whole: bool = False
) -> list[Match]:
    """The first shared n-gram of words of each pair that shares one.

    Compares questions, or with `whole` all words of the passages. A text of fewer than n words has no n-gram: see
    `exact_matches`.
    """

    texts = [item.all_words if whole else item.question_words for item in items]
    index = NgramIndex(texts, n=n)
    matches: dict[tuple[str, str], Match] = {}
    for other in others:
        text = other.all_words if whole else other.question_words
        for shared in index.shared(text):
            item = items[shared.text]
            run = " ".join(text[shared.place : shared.place + n])
            matches.setdefault((item.id, other.id), Match(item, other, run))
    return list(matches.values())


def copies(items: Sequence[Passage], others: Sequence[Passage]) -> list[Match]:
    """What no reader has to judge: equal questions or answers, 8 words of a question, or 13 words of anything."""
    return [
        *exact_matches(items, others),
        *shared_ngrams(items, others, n=8),
        *shared_ngrams(items, others, n=13, whole=True),
    ]


def most_similar(items: Sequence[Passage], others: Sequence[Passage], *, count: int = 1) -> list[Neighbour]:
    """The `count` most similar others of each item, all in one list, the most similar pair first."""
    if not items or not others:
        return []
    questions = _cosines([item.question_words for item in items], [other.question_words for other in others])
    with_answers = _cosines([item.short_words for item in items], [other.short_words for other in others])
    return _nearest(np.maximum(questions, with_answers), items, others, count)


def most_covered(items: Sequence[Passage], others: Sequence[Passage], *, count: int = 1) -> list[Neighbour]:
    """The `count` others that each item covers best, all in one list, the best covered first.

    Coverage is the weight of the other's words (question and right answer) that occur anywhere in the item, over the
    weight of all the other's words, or over 22 nats where they weigh less. A word weighs ln((1 + N) / (1 + texts that
    hold it)); numerals do not count, and word endings are cut off, so that `tides` is `tide`.
    """
    if not items or not others:
        return []
    asked = [_stems(other.short_words) for other in others]
    rarity = {word: weight - 1 for word, weight in _rarity(asked).items()}
    told = [{word for word in _stems(item.all_words) if word in rarity} for item in items]
    columns = _columns(told)
    left = _vectors([dict.fromkeys(text, 1.0) for text in told], columns)

    def weigh(text: frozenset[str]) -> dict[str, float]:
        weights = {word: rarity[word] for word in text}
        total = max(sum(weights.values()), _LIGHT_NATS)
        return {word: weight / total for word, weight in weights.items()}

    return _nearest(_products(left, [weigh(text) for text in asked], columns), items, others, count)


def _distinctive_texts(passage: Passage) -> set[tuple[str, ...]]:
    texts = {passage.question_words}
    return texts | {passage.answer_words} if len(passage.answer_words) >= MIN_ANSWER_WORDS else texts


def _nearest(
    nearness: NDArray[np.float32], items: Sequence[Passage], others: Sequence[Passage], count: int
) -> list[Neighbour]:
    """`nearness` has one row an item and one column an other."""
    pairs = [
        Neighbour(item, others[column], float(nearness[row, column]))
        for row, item in enumerate(items)
        for column in _largest(nearness[row], count)
    ]
    return sorted(pairs, key=lambda pair: -pair.nearness)


def _largest(values: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Positions of the `count` largest values, in no order."""
    return np.argpartition(-values, min(count, len(values)) - 1)[:count]


def _cosines(items: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> NDArray[np.float32]:
    """Cosine of the TF-IDF vectors of each item (row) and each other (column)."""
    rarity = _rarity([frozenset(text) for text in (*items, *others)])
    columns = _columns(items)

    def weigh(text: tuple[str, ...]) -> dict[str, float]:
        weights = {word: times * rarity[word] for word, times in Counter(text).items()}
        length = math.hypot(*weights.values())
        return {word: weight / length for word, weight in weights.items()}

    return _products(_vectors([weigh(text) for text in items], columns), [weigh(text) for text in others], columns)


def _products(
    left: NDArray[np.float32], others: Sequence[dict[str, float]], columns: dict[str, int]
) -> NDArray[np.float32]:
    """Dot products of each row of `left` with each weighted text, whose words without a column count as 0."""
    by_word = np.ascontiguousarray(left.T)
    products = np.zeros((len(others), len(left)), dtype=np.float32)
    for row, weights in enumerate(others):
        shared = [word for word in weights if word in columns]
        if shared:
            products[row] = (
                np.array([weights[word] for word in shared], dtype=np.float32)
                @ by_word[[columns[word] for word in shared]]
            )
    return products.T


def _vectors(texts: Sequence[dict[str, float]], columns: dict[str, int]) -> NDArray[np.float32]:
    """One row a text, one column a word."""
    vectors = np.zeros((len(texts), len(columns)), dtype=np.float32)
    for row, weights in enumerate(texts):
        for word, weight in weights.items():
            vectors[row, columns[word]] = weight
    return vectors


def _columns(texts: Sequence[Sequence[str] | set[str]]) -> dict[str, int]:
    return {word: column for column, word in enumerate(dict.fromkeys(word for text in texts for word in text))}


def _rarity(texts: Sequence[frozenset[str]]) -> dict[str, float]:
    """Inverse document frequency of each word: ln((1 + N) / (1 + texts that hold it)) + 1."""
    frequency = Counter(word for text in texts for word in text)
    return {word: math.log((1 + len(texts)) / (1 + count)) + 1 for word, count in frequency.items()}


def _stems(text: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_ENDING.sub("", word) for word in text if not word.isdecimal())


def _short_answer(truth: Truth) -> str:
    if isinstance(truth, ChoiceTruth):
        return truth.correct
    return truth.value if truth.kind != "unit_tests" else ""


_Reader = Callable[[Path], Iterator[tuple[str, str, str]]]
"""Gives question, right answer, and further text of each row."""


def _read(path: Path, name: str, read: _Reader) -> Iterator[Passage]:
    try:
        for number, (question, answer, explanation) in enumerate(read(path), start=1):
            yield Passage(f"{name}:{number}", question, answer, explanation)
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise DataError(f"{path}: cannot be read as benchmark questions ({reason}); fetch the file anew") from problem


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        yield from (json.loads(line) for line in stream if line.strip())


def _truthfulqa(path: Path) -> Iterator[tuple[str, str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield row["Question"], row["Best Answer"], f"{row['Correct Answers']}\n{row['Incorrect Answers']}"


def _mmlu(path: Path) -> Iterator[tuple[str, str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".csv")):
            with archive.open(name) as raw:
                for question, *choices, letter in csv.reader(io.TextIOWrapper(raw, "utf-8", newline="")):
                    yield question, choices["ABCD".index(letter)], "\n".join(choices)


def _gsm8k(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in _json_lines(path):
        explanation, _, answer = row["answer"].rpartition("####")
        yield row["question"], answer, explanation


def _math(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in _json_lines(path):
        yield row["problem"], str(row.get("answer", "")), row.get("solution", "")


def _bbh(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in json.loads(path.read_text(encoding="utf-8"))["examples"]:
        yield row["input"], row["target"], ""


def _humaneval(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in _json_lines(path):
        yield row["prompt"], "", row["canonical_solution"]


def _mbpp(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in _json_lines(path):
        yield row["text"], "", row["code"]


_READERS: dict[str, _Reader] = {
    "truthfulqa/TruthfulQA.csv.gz": _truthfulqa,
    "mmlu/mmlu.zip": _mmlu,
    "gsm8k/train.jsonl.gz": _gsm8k,
    "gsm8k/test.jsonl.gz": _gsm8k,
    "math/math*.jsonl.gz": _math,
    "bbh/*.json": _bbh,
    "humaneval/HumanEval.jsonl.gz": _humaneval,
    "mbpp/mbpp.jsonl.gz": _mbpp,
}
