"""What an edited text says differently: the changed words, what kind of change each is, and what became of the steps.

Everything is read off the two texts. What a candidate says of itself is never looked at, so that this can be the
evidence against it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from seapo.answer import code_blocks, numbers
from seapo.verify.findings import Finding, hunk_findings, sentences_of
from seapo.verify.hunks import WORD, Hunk, find_hunks


@dataclass(frozen=True)
class Difference:
    """Two texts, cut into words and steps, and compared."""

    before: str
    after: str
    hunks: tuple[Hunk, ...]
    findings: tuple[Finding, ...]

    @property
    def size(self) -> int:
        """Characters that went or that came, whichever are more; what was moved counts once."""
        gone = sum(hunk.end - hunk.start for hunk in self.hunks)
        return max(gone, sum(hunk.after_end - hunk.after_start for hunk in self.hunks))

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of some kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)


@lru_cache(maxsize=64)
def difference(before: str, after: str) -> Difference:
    """Compare a text with its edited version."""
    hunks = find_hunks(before, after)
    findings = [finding for hunk in hunks for finding in hunk_findings(before, after, hunk)]
    findings += _step_findings(before, after)
    return Difference(before, after, hunks, tuple(dict.fromkeys(findings)))


@lru_cache(maxsize=64)
def steps(text: str) -> tuple[str, ...]:
    """Sentences and lines of code in order; without numbers, capitals and end marks, so that moved ones are known."""
    found = [(each.start, each.text) for each in sentences_of(text)]
    for block in code_blocks(text):
        place = block.start
        for line in block.code.splitlines(keepends=True):
            found.append((place, line))
            place += len(line)
    plain = (" ".join(step.split()).rstrip(".!?;:,").casefold() for _, step in sorted(found))
    return tuple(step for step in plain if any(character.isalnum() for character in step))


def _step_findings(before: str, after: str) -> list[Finding]:
    """Steps that changed places, went, or came twice; words that changed places within a sentence."""
    old, new = steps(before), steps(after)
    if old == new:
        return []
    gone, come = Counter(old), Counter(new)
    gone, come = gone - come, come - gone
    if not gone and not come:
        return _swapped(old, new)
    if gone and not come:
        return [Finding("dropped", step) for step in gone]
    repeated = [step for step in come if step in old]
    if not gone and repeated:
        return [Finding("repeated", step) for step in repeated]
    spoken = {step: _letters(step) for step in (*gone, *come)}
    ordered = {step: sorted(letters) for step, letters in spoken.items()}
    return [
        Finding("exchanged", f"{left!r} became {right!r}")
        for left in gone
        for right in come
        if spoken[left] != spoken[right] and ordered[left] == ordered[right]
    ]


def _letters(step: str) -> list[str]:
    return [word for word in WORD.findall(step) if word.isalnum()]


def _swapped(old: Sequence[str], new: Sequence[str]) -> list[Finding]:
    moved = [(left, right) for left, right in zip(old, new, strict=True) if left != right]
    return [Finding("swapped", f"{moved[0][0]!r} and {moved[0][1]!r} changed places")] if moved else []


def new_numbers(text: str, *known: str) -> tuple[str, ...]:
    """Numbers of a text whose value is in none of the known ones."""
    values = frozenset[Decimal]().union(*(_values(other) for other in known))
    return tuple(span.text for span in numbers(text) if span.value not in values)


@lru_cache(maxsize=64)
def _values(text: str) -> frozenset[Decimal]:
    return frozenset(span.value for span in numbers(text))
