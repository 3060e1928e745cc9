"""Does the negative keep script and language of the chosen answer? Models that rewrite fall back into their own.

Most candidates need no model of languages: what was put in has the script of the rest, and is short, or has many words
of the conversation.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, failed, not_judged, passed, shortened
from seapo.verify.difference import Difference, difference
from seapo.verify.findings import in_code

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

NAME = "language_kept"
SCRIPTS = frozenset({
    "LATIN", "GREEK", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "ARABIC", "HEBREW", "DEVANAGARI", "THAI",
    "BENGALI", "TAMIL", "TELUGU", "GEORGIAN", "ARMENIAN", "ETHIOPIC", "KHMER", "LAO", "MYANMAR", "GUJARATI", "GURMUKHI",
    "KANNADA", "MALAYALAM", "SINHALA", "TIBETAN",
})  # fmt: skip
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
MIN_LETTERS = 60
"""Of less text no language can be told: it may be names, a formula or a quotation."""
MIN_KNOWN_SHARE = 0.25
"""What was put in is in the language of the conversation where so many of its words stand there."""
MIN_CONFIDENCE = 0.9
"""In the language of the chosen answer."""
MAX_CHANCE = 0.001
"""Less likely than that, what was put in is not in that language. Names alone have a hundredth at least."""
MAX_CHARACTERS = 2000
"""Of the chosen answer, by which its language is told."""


@CHECKS.register(NAME)
@Check
def language_kept(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where a script or language came in that neither conversation nor chosen answer has."""
    change = difference(sample.chosen, candidate.text)
    inserted = _inserted(change)
    said = "\n".join(message.content for message in sample.prompt)
    if not inserted.isascii() and (script := _new_script(inserted, f"{said}\n{sample.chosen}")):
        return failed(NAME, f"it brings in words in {script.capitalize()} script: {shortened(inserted)!r}")
    removed = "".join(word for hunk in change.hunks for word in hunk.removed)
    if not (removed.isascii() and inserted.isascii()):
        before, after = main_script(sample.chosen), main_script(candidate.text)
        if before != after and before and after:
            return failed(NAME, f"most of it is in {after.capitalize()} script, the chosen answer in {before}")
    if _letters(inserted) < MIN_LETTERS:
        return passed(NAME, "it has the script of the chosen answer, and what was put in is short")
    if _is_familiar(inserted, (said, sample.chosen)):
        return passed(NAME, "what was put in has the words of the rest")
    return _same_language(sample.chosen, inserted)


def _same_language(chosen: str, inserted: str) -> CheckResult:
    expected, sureness = max(chances(chosen[:MAX_CHARACTERS]).items(), key=lambda item: item[1])
    if sureness < MIN_CONFIDENCE:
        return not_judged(NAME, "the language of the chosen answer cannot be told")
    found = chances(inserted)
    if found.get(expected, 0.0) < MAX_CHANCE:
        return failed(
            NAME, f"from {expected} it changes to {max(found, key=found.__getitem__)}: {shortened(inserted)!r}"
        )
    return passed(NAME, f"what was put in may well be in {expected}, as the chosen answer is")


def _inserted(change: Difference) -> str:
    """What was put in, outside code."""
    return " ".join(
        change.after[hunk.after_start : hunk.after_end]
        for hunk in change.hunks
        if hunk.inserted and not in_code(change.before, hunk.start) and not in_code(change.after, hunk.after_start)
    )


def _new_script(inserted: str, known: str) -> str | None:
    """A script that was not there before; single Greek letters are signs of mathematics."""
    found = _scripts(inserted)
    news = [script for script in found if script not in _scripts(known)]
    return next((each for each in news if each != "GREEK" or found[each] >= 3), None)


def main_script(text: str) -> str | None:
    """The script of most letters; None where there is none."""
    found = _scripts(text)
    return found.most_common(1)[0][0] if found else None


def _scripts(text: str) -> Counter[str]:
    letters = Counter(text)
    found = Counter[str]()
    for letter, count in letters.items():
        if (script := _script(letter)) is not None:
            found[script] += count
    return found


@cache
def _script(character: str) -> str | None:
    name = unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
    return name if name in SCRIPTS else None


def _letters(text: str) -> int:
    return sum(len(word) for word in WORD.findall(text))


def _is_familiar(passage: str, texts: tuple[str, ...]) -> bool:
    """Whether enough words of a passage stand in one of the texts."""
    words, known = [word.casefold() for word in WORD.findall(passage)], [_words_of(text) for text in texts]
    return sum(any(word in each for each in known) for word in words) >= MIN_KNOWN_SHARE * len(words)


@lru_cache(maxsize=16)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in WORD.findall(text))


def chances(text: str) -> dict[str, float]:
    """ISO 639 code -> probability that the text is in that language."""
    return {str(language): float(chance) for language, chance in _identifier().rank(text)}


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
