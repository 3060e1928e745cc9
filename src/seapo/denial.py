"""Sentences that deny each other: a statement and its denial, or two that differ by one word and its opposite."""

import re
from functools import lru_cache

from seapo.language import Sentence, opposites, sentences
from seapo.lexicon import NEGATION

LEADING = re.compile(
    r"\A(?:(?:therefore|thus|hence|so|however|but|and|in fact|in addition|moreover|also|yet|still|at the same time|"
    r"on the other hand|nevertheless|that said|in other words|of course|note that)\b[,:]? *)+"
)
AUXILIARIES = frozenset({"do", "does", "did"})
ORDERS = frozenset({
    "add", "choose", "click", "close", "decrease", "divide", "do", "don't", "go", "increase", "keep", "let", "move",
    "multiply", "never", "open", "place", "press", "put", "reduce", "remove", "select", "set", "start", "stop",
    "subtract", "switch", "take", "turn", "use",
})  # fmt: skip
"""Words that an order begins with; two steps of a recipe may well be opposites."""
MIN_WORDS = 4
"""Shorter sentences (`It is large.`) may speak of two things."""
MAX_SENTENCES = 200


@lru_cache(maxsize=64)
def denials(text: str) -> tuple[str, ...]:
    """Pairs of sentences that differ by a negation, or by one word and its opposite, and by nothing else, in words."""
    found = []
    for first, second in denying_sentences(text):
        pair = sorted((_shortened(first.text), _shortened(second.text)))
        found.append(f"it says both {pair[0]!r} and {pair[1]!r}")
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=64)
def denying_sentences(text: str) -> tuple[tuple[Sentence, Sentence], ...]:
    """The pairs themselves, where they stand; the sentence that denies may come after the other one, or before."""
    said: dict[tuple[tuple[str, ...], bool], Sentence] = {}
    spoken = [each for each in sentences(text)[:MAX_SENTENCES] if not each.is_question and _claims(each.text)]
    for sentence in spoken:
        said.setdefault(_claim(sentence.text), sentence)
    found = []
    for sentence in spoken:
        stems, is_denied = _claim(sentence.text)
        denials = [(stems, not is_denied), *((other, is_denied) for other in _turned(sentence.text))]
        for denial in denials:
            if len(stems) >= MIN_WORDS and denial in said and said[denial].text != sentence.text:
                found.append((sentence, said[denial]))
    return tuple(found)


def _claims(sentence: str) -> bool:
    """Whether it may state something: a heading and an order (`Set it to true.`) do not."""
    first = sentence.split(maxsplit=1)[0].lower() if sentence.strip() else ""
    return first not in ORDERS and not sentence.rstrip().endswith(":")


@lru_cache(maxsize=2048)
def _claim(sentence: str) -> tuple[tuple[str, ...], bool]:
    """The stems of a sentence without negations, and whether it denies: `does not boil` is `boils`, denied."""
    words = _words(sentence)
    kept = tuple(_stem(word) for word in words if word not in NEGATION and word not in AUXILIARIES)
    return kept, sum(word in NEGATION for word in words) % 2 == 1


@lru_cache(maxsize=2048)
def _turned(sentence: str) -> tuple[tuple[str, ...], ...]:
    """The stems of a sentence with one word turned into its opposite."""
    words = [word for word in _words(sentence) if word not in NEGATION and word not in AUXILIARIES]
    stems = [_stem(word) for word in words]
    turns = [(place, _stem(other)) for place, word in enumerate(words) for other in opposites(word)]
    return tuple((*stems[:place], other, *stems[place + 1 :]) for place, other in turns)


def _words(sentence: str) -> list[str]:
    plain = LEADING.sub("", " ".join(sentence.lower().replace("’", "'").split()))
    plain = plain.replace("can't", "can not").replace("cannot", "can not").replace("won't", "will not")
    return re.findall(r"[\w$%]+(?:'\w+)?", plain.replace("n't", " not"))


def _stem(word: str) -> str:
    """The word without the s of the third person, which a denied verb has not: boils, boil."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _shortened(sentence: str, length: int = 80) -> str:
    line = " ".join(sentence.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
