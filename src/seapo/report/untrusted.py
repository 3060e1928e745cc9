"""Text of data and models on its way to the page: no character may hide, reorder its neighbours, or flood the page.

Escaping for HTML is jinja2's part (autoescape); this module takes care of what escaping leaves: characters that a
reader cannot see, and texts that no reader wants whole.
"""

import re

INVISIBLE_RANGES = (
    *((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F)),  # control characters but tab and line feed
    *((0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200B), (0x200E, 0x200F)),  # zero-width and bidirectional controls
    *((0x202A, 0x202E), (0x2060, 0x2069), (0xFEFF, 0xFEFF)),
    *((0x2028, 0x2029), (0xFFF9, 0xFFFB), (0xFFFE, 0xFFFF)),  # separators
    *((0xD800, 0xDFFF), (0xE0000, 0xE007F)),  # surrogates, tags
)
"""First and last of each range, also for the page's script.

Joiners (U+200C, U+200D) are left alone: Persian, Indic scripts and emoji are spelt with them.
"""
_INVISIBLE = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in INVISIBLE_RANGES) + "]")


def visible(text: str) -> str:
    """The text with every invisible or reordering character written out, as `⟨U+202E⟩`."""
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of the text, with a note of how many were left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … ({len(text) - limit:,} more characters are not shown)"


def label(text: str, limit: int = 28) -> str:
    """One short visible line, for a figure or a table's first column."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"
