"""The difference of two texts as edits of whole words."""

import re
from difflib import SequenceMatcher

from seapo.records import Edit

_PIECE = re.compile(r"\s+|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|.", re.DOTALL)


def word_edits(before: str, after: str) -> tuple[Edit, ...]:
    """Edits of whole words, numbers and signs that turn `before` into `after`; neighbouring ones are one."""
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    starts = _starts(old)
    edits = [
        Edit(start=starts[a], end=starts[b], original="".join(old[a:b]), replacement="".join(new[c:d]))
        for a, b, c, d in _hunks(old, new)
    ]
    return tuple(edits)


def _hunks(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    """Changed ranges of both lists; two with nothing but a space between them are one."""
    found: list[tuple[int, int, int, int]] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if found and not "".join(old[found[-1][1] : a]).strip():
            found[-1] = (found[-1][0], b, found[-1][2], d)
        else:
            found.append((a, b, c, d))
    return found


def _starts(pieces: list[str]) -> list[int]:
    """Offset of each piece, and of the end."""
    offsets = [0]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return offsets
