"""Rules for fenced code in languages other than Python: an operator becomes another, located by its spelling alone."""

import re
from collections.abc import Iterator
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled
from seapo.inject.passage import Passage

_BLOCK = re.compile(
    r"^```(?:javascript|js|typescript|ts|jsx|tsx|java|c|cpp|c\+\+|csharp|cs|c#|go|rust|php|swift|kotlin|scala|"
    r"dart)\s*\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_SLIPS = {
    " < ": " <= ",
    " <= ": " < ",
    " > ": " >= ",
    " >= ": " > ",
    " + 1": " - 1",
    " - 1": " + 1",
    " += ": " -= ",
}
_REVERSALS = {
    " == ": " != ",
    " != ": " == ",
    " === ": " !== ",
    " !== ": " === ",
    " && ": " || ",
    " || ": " && ",
    "if (!": "if (",
}
_COMMENT_OR_TEXT = re.compile(r"//|/\*|#include|\"|'|`|<<|>>|import |std::")


def wrong_foreign_operators(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A comparison includes its boundary or no more, a sum becomes a difference."""
    yield from _exchanged(passage, rng, _SLIPS, "wrong_operator")


def wrong_foreign_conditions(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A comparison is reversed, `and` and `or` are exchanged."""
    yield from _exchanged(passage, rng, _REVERSALS, "wrong_condition")


def _exchanged(passage: Passage, rng: Random, table: dict[str, str], subtype: str) -> Iterator[Draft]:
    if "```" not in passage.text:
        return
    pattern = re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True))))
    found = [m for block in _BLOCK.finditer(passage.text) for m in pattern.finditer(passage.text, *block.span("code"))]
    for match in shuffled(rng, found):
        line_start = passage.text.rfind("\n", 0, match.start()) + 1
        line_end = passage.text.find("\n", match.end())
        if _COMMENT_OR_TEXT.search(passage.text[line_start:line_end]) is None:
            yield draft(subtype, passage.text, [replace(passage.text, *match.span(), table[match[0]])])
