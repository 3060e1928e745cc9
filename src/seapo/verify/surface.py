"""How a text looks, whatever it says: its words, pieces of words, signs, digits, capitals and length, as counts.

A negative should be told from its chosen answer by what it says. Whoever can tell it by these counts needs no
understanding. The selector balances them, and the audit measures what is left.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

CONTEXT = 24
"""Characters around the changed part that are looked at too, so that phrases across its border are seen."""
MAX_COUNT = 3
"""More mentions than that of one feature tell no more."""
SHORTEST, LONGEST = 2, 4
"""Of the pieces of words, in characters."""
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\w\s]|_")
_STYLES = {
    "words": re.compile(r"\w+"),
    "digits": re.compile(r"\d"),
    "numbers": re.compile(r"\d+(?:[.,]\d+)*"),
    "capitals": re.compile(r"[A-Z]"),
    "names": re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+"),
    "abbreviations": re.compile(r"\b[A-Z]{2,}\b"),
    "long words": re.compile(r"\w{9,}"),
    "short words": re.compile(r"\b\w{1,3}\b"),
    "sentence ends": re.compile(r"[.!?](?=\s|$)"),
    "commas": re.compile(r","),
    "colons": re.compile(r"[:;]"),
    "brackets": re.compile(r"[()\[\]{}<>]"),
    "quotes": re.compile(r"[\"“”‘’']"),
    "dashes": re.compile(r"[-–—]"),
    "operators": re.compile(r"[=+*/×÷%]"),
    "currency": re.compile(r"[$€£]"),
    "markup": re.compile(r"[*_#`|~]"),
    "lines": re.compile(r"\n"),
    "list items": re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]", re.MULTILINE),
    "beyond ASCII": re.compile(r"[^\x00-\x7f]"),
}
"""Name of a count of punctuation, format or kind of word -> what is counted."""


def changed_parts(before: str, after: str) -> tuple[str, str]:
    """The two texts without the head and the tail that they share, but for a little context, cut between words."""
    limit = min(len(before), len(after))
    head = _shared(before, after, limit)
    tail = _shared(before[::-1], after[::-1], limit - head)
    start = _word_start(before, max(0, head - CONTEXT))
    end = _word_end(before, min(len(before), len(before) - tail + CONTEXT))
    return before[start:end], after[start : len(after) - (len(before) - end)]


def styles(text: str) -> dict[str, int]:
    """The counts of punctuation, format and kinds of words, and the length in characters."""
    return {"characters": len(text)} | {name: sum(1 for _ in each.finditer(text)) for name, each in _STYLES.items()}


def phrases(text: str) -> Counter[str]:
    """How often each word, pair of words, piece of a word and shape of a word (`Xx`, `00`) stands in a text."""
    found = [match[0] for match in _WORD.finditer(text)]
    small = [word.lower() for word in found]
    counts = Counter(f"word {word}" for word in small)
    counts.update(f"words {left} {right}" for left, right in pairwise(small))
    counts.update(f"shape {_shape(word)}" for word in found)
    counts.update(f"piece {piece}" for piece in _pieces(text))
    return counts


def telltales(before: str, after: str) -> dict[str, float]:
    """What the second text has more of (positive) or less of (negative) than the first, by name of the feature.

    Lengths and other styles come twice: with their size, in powers of two, and as a bare sign, since a shift of 3% in
    every negative gives it away as surely as one of 30%.
    """
    left, right = changed_parts(before, after)
    found = _differences(phrases(left), phrases(right))
    for name, change in _differences(styles(left), styles(right), limit=10**9).items():
        sign = 1.0 if change > 0 else -1.0
        found[f"more {name}"] = sign
        found[f"style {name}"] = sign * (abs(change).bit_length() if isinstance(change, int) else 1) / 2
    return found


def _differences(before: Mapping[str, int], after: Mapping[str, int], *, limit: int = MAX_COUNT) -> dict[str, float]:
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in {**before, **after}}
    return {name: max(-limit, min(limit, change)) for name, change in sorted(changes.items()) if change}


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
