"""What a text names: proper names, sources and quotations, found by their form."""

import re
from functools import lru_cache

from seapo.language import sentences

TERM = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+['’][^\W\d_]+|\w+")
SOURCE = re.compile(
    r"\([A-Z][\w.&,\s-]{1,60}\b(?:1[5-9]|20)\d\d[a-z]?\)|\bet al\b|\baccording to\b|https?://|\bdoi\b|\bISBN\b|\[\d{1,3}\]|"
    r"\b(?:study|studies|survey|report|paper|journal|researchers?|professor|institute|university|encyclop[ae]dia|textbook|"
    r"proceedings|archives?|findings|published|conference)\b",
    re.IGNORECASE,
)
QUOTATION = re.compile(r"“[^“”]{12,400}”|\"[^\"\n]{12,400}\"")


def proper_names(text: str, start: int, end: int) -> tuple[str, ...]:
    """The capitalised words of a span; the first word of a sentence only where it opens a name."""
    starts = _sentence_starts(text)
    found = (word for word in TERM.finditer(text[start:end]) if word[0][:1].isupper() and len(word[0]) > 1)
    return tuple(
        word[0] for word in found if start + word.start() not in starts or _opens_name(text, start + word.end())
    )


def _opens_name(text: str, end: int) -> bool:
    """Whether a word at the start of a sentence is a name: possessive, or followed by a capital (`Ada Quill says`)."""
    return text[max(0, end - 2) : end] in ("'s", "’s") or re.match(r"[ -][A-Z][a-z]", text[end : end + 3]) is not None


@lru_cache(maxsize=64)
def _sentence_starts(text: str) -> frozenset[int]:
    found = set()
    for sentence in sentences(text):
        first = re.search(r"\w", sentence.text)
        found.add(sentence.start + (first.start() if first else 0))
    return frozenset(found)
