"""How much an edit shifts the look of a text: its length, its capitals, digits and signs.

What always adds a name, or always makes the answer longer, is known by that. So of several ways to bring the same
error in, the rules put those first that take away about as much of each as they add.
"""

import re
from collections.abc import Iterable
from itertools import zip_longest
from random import Random

from seapo.inject.draft import Draft

_COUNTED = (
    (re.compile(r"[A-Z]"), 1.0),
    (re.compile(r"\d+"), 1.5),
    (re.compile(r"[,;:]"), 0.7),
    (re.compile(r"[()\"“”\[\]]"), 0.7),
    (re.compile(r"\w+"), 0.25),
    (re.compile(r"."), 0.06),
)
"""What is counted -> how much one more or less of it stands out."""
_NOISE = 1.5
"""Mean of what is drawn in addition, so that it is not always the same form that fits best."""


def shift(draft: Draft) -> float:
    """How much a draft adds or takes away of what catches the eye."""
    before = " ".join(edit.original for edit in draft.edits)
    after = " ".join(edit.replacement for edit in draft.edits)
    return sum(weight * abs(len(p.findall(after)) - len(p.findall(before))) for p, weight in _COUNTED)


def both_ways(drafts: Iterable[Draft], rng: Random) -> list[Draft]:
    """The drafts, by turns one that makes the text shorter and one that makes it longer.

    Of each kind those that shift little tend to come first. So whoever chooses among them can balance them.
    """
    keyed = [(shift(each) + rng.expovariate(1 / _NOISE), place, each) for place, each in enumerate(drafts)]
    ordered = [each for _, _, each in sorted(keyed, key=lambda item: item[:2])]
    shorter = [each for each in ordered if _growth(each) < 0]
    longer = [each for each in ordered if _growth(each) >= 0]
    turns = (shorter, longer) if rng.random() < 0.5 else (longer, shorter)
    return [each for turn in zip_longest(*turns) for each in turn if each is not None]


def _growth(draft: Draft) -> int:
    return sum(len(edit.replacement) - len(edit.original) for edit in draft.edits)
