"""Logic rule for running text: a claim, and a little later its denial."""

from collections.abc import Iterator
from random import Random

from seapo.inject.attribution import claims, lowered_start
from seapo.inject.draft import Draft, draft, shuffled
from seapo.inject.entity_rules import denials, reversals
from seapo.inject.passage import Passage
from seapo.language import Change, Sentence

_OPENINGS = ("But ", "Yet ", "Still, ", "In short, ", "So ", "Even so, ", "On the whole, ", "Then again, ", "Thus ")
_NEAR = 4
"""The denial stands at most so many sentences behind the claim, in the same paragraph."""


def self_contradictions(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A sentence becomes the denial of one before it, so that the answer says both."""
    plain = {s.start: s for s in claims(passage) if len(s.text) < min(150, 0.4 * len(passage.text))}
    for change in shuffled(rng, [*denials(passage), *reversals(passage)]):
        claim = passage.sentence_at(change.start)
        if claim is None or claim.start not in plain or ":" in claim.text:
            continue
        # Right behind the claim its denial reads like a slip of the pen: there last.
        for later in sorted(shuffled(rng, _later_sentences(passage, claim)), key=lambda s: s.start == claim.end + 1):
            text = _denied(passage, claim, change, rng)
            yield draft("contradiction", passage.text, [Change(later.start, later.end, text)])


def _later_sentences(passage: Passage, claim: Sentence) -> list[Sentence]:
    """The next sentences of the paragraph that can be spared: no questions, and no results."""
    found: list[Sentence] = []
    end = claim.end
    for sentence in passage.sentences:
        if sentence.start > claim.start and sentence.start == end + 1 and passage.text[end] == " ":
            found.append(sentence)
            end = sentence.end
    return [s for s in found[:_NEAR] if _is_spare(passage, s)]


def _is_spare(passage: Passage, sentence: Sentence) -> bool:
    """Whether a sentence asks nothing and holds neither a result nor the final answer."""
    final = passage.final_answer
    is_final = final is not None and final.is_explicit and sentence.start <= final.start < sentence.end
    has_step = any(e.start < sentence.end and sentence.start < e.end for e in passage.equations)
    is_short = len(sentence.text) < 0.5 * len(passage.text)
    return sentence.text.endswith(".") and is_short and not (sentence.is_question or is_final or has_step)


def _denied(passage: Passage, claim: Sentence, change: Change, rng: Random) -> str:
    """The claim with the change made, behind an opening where its first word may be written small."""
    start, end = change.start - claim.start, change.end - claim.start
    text = claim.text[:start] + change.replacement + claim.text[end:]
    first = lowered_start(passage, claim)
    if first is None:
        return text
    return rng.choice(_OPENINGS) + first + text[len(first) :]
