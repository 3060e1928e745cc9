"""How a text looks, whatever it says: its words, pieces of words, signs, digits, capitals and length, as counts.

A negative should be told from its chosen answer by what it says. Whoever can tell it by these counts needs no
understanding. The selector balances them, and the audit measures what is left.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

CONTEXT = 24
"""Characters around the changed part that are looked at too, so that pairs of words across its border are seen."""
MAX_COUNT = 3
"""More mentions than that of one feature tell no more."""
SHORTEST, LONGEST = 2, 4
"""Of the pieces of words, in characters."""
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s]|_|\n")
_STYLES = {
    "words": re.compile(r"\w+(?:\W+\w+)?"),
    "digits": re.compile(r"\d"),
    "numbers": re.compile(r"\d+(?:[.,]\d+)*"),
    "capitals": re.compile(r"[A-Z]"),
    "capitalised words": re.compile(r"[A-Z]\w*[a-z]"),
    "abbreviations": re.compile(r"[A-Z]{2,}"),
    "long words": re.compile(r"\w{9,}"),
    "short words": re.compile(r"\b\w{1,3}\b"),
    "stops": re.compile(r"[.!?]"),
    "commas": re.compile(r","),
    "colons": re.compile(r"[:;]"),
    "brackets": re.compile(r"[()\[\]{}<>]"),
    "quotes": re.compile(r"[\"“”‘’']"),
    "dashes": re.compile(r"[-–—]"),
    "operators": re.compile(r"[=+*/×÷%]"),
    "currency": re.compile(r"[$€£]"),
    "markup": re.compile(r"[*_#`|~]"),
    "lines": re.compile(r"\n"),
    "beyond ASCII": re.compile(r"[^\x00-\x7f]"),
}
"""Name of a count of punctuation, format or kind of word -> what is counted in each word or sign."""

Counts = Mapping[str, int]


def surface(text: str) -> Counter[str]:
    """All counts of one text."""
    found = _WORD.findall(text)
    return _counts(Counter(found), Counter(_pairs(found)), len(text))


def telltales(before: str, after: str) -> dict[str, float]:
    """What the second text has more of (positive) or less of (negative) than the first, by name of the feature.

    Lengths and other styles come twice: by size, halfway to doubling counts one half, and as a bare sign, since a
    shift of 3% in every negative gives it away as surely as one of 30%.
    """
    left, right = (_WORD.findall(part) for part in changed_parts(before, after))
    words, pairs = Counter[str](right), Counter[str](_pairs(right))
    words.subtract(left)
    pairs.subtract(_pairs(left))
    found = dict[str, float]()
    for name, change in _counts(words, pairs, len(after) - len(before)).items():
        if change and name.startswith("style "):
            sign = 1.0 if change > 0 else -1.0
            found[name], found[f"more {name[6:]}"] = sign * abs(change).bit_length() / 2, sign
        elif change:
            found[name] = max(-MAX_COUNT, min(MAX_COUNT, change))
    return found


def changed_parts(before: str, after: str) -> tuple[str, str]:
    """The two texts without the head and the tail that they share, but for a little context, cut between words."""
    limit = min(len(before), len(after))
    head = _shared(before, after, limit)
    tail = _shared(before[::-1], after[::-1], limit - head)
    start = _word_start(before, max(0, head - CONTEXT))
    end = _word_end(before, min(len(before), len(before) - tail + CONTEXT))
    return before[start:end], after[start : len(after) - (len(before) - end)]


def _counts(words: Counts, pairs: Counts, characters: int) -> Counter[str]:
    """The counts of all features, which are sums over words: so they can be taken of differences as well."""
    found = Counter({"style characters": characters})
    for word, number in words.items():
        if number:
            for feature, times in _features(word):
                found[feature] += number * times
    found.update({f"words {pair}": number for pair, number in pairs.items() if number})
    return found


@lru_cache(maxsize=200_000)
def _features(word: str) -> tuple[tuple[str, int], ...]:
    """A word or sign, its shape (`Xxxx`, `00`), its pieces and its styles, with how often each is in it."""
    counts = Counter({f"word {word.lower()}": 1, f"shape {_shape(word)}": 1})
    counts.update(f"piece {piece}" for piece in _pieces(f" {word} "))
    counts.update({f"style {name}": len(each.findall(word)) for name, each in _STYLES.items()})
    return tuple((name, number) for name, number in counts.items() if number)


def _pairs(found: list[str]) -> Iterator[str]:
    return (f"{left} {right}".lower() for left, right in pairwise(found))


def _shared(left: str, right: str, limit: int) -> int:
    """How many characters two texts begin with in common, by halving: comparing slices is faster than a loop."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _word_start(text: str, place: int) -> int:
    """The start of the word at a place, where it begins at most `CONTEXT` characters before."""
    match = re.compile(r"\s").search(text[max(0, place - CONTEXT) : place][::-1])
    return place - match.start() if match else max(0, place - CONTEXT)


def _word_end(text: str, place: int) -> int:
    """The end of the word at a place, where it ends at most `CONTEXT` characters behind."""
    match = re.compile(r"\s").search(text, place, place + CONTEXT)
    return match.start() if match else min(place + CONTEXT, len(text))


def _shape(word: str) -> str:
    """A word with its letters and digits made alike, runs of them cut to three: `Xxxx`, `00`, `$`."""
    alike = re.sub(r"\d", "0", re.sub(r"[^\W\d_]", lambda m: "X" if m[0].isupper() else "x", word))
    return re.sub(r"(.)\1{3,}", r"\1\1\1", alike)


def _pieces(text: str) -> Iterator[str]:
    for size in range(SHORTEST, LONGEST + 1):
        for start in range(len(text) - size + 1):
            yield text[start : start + size]
