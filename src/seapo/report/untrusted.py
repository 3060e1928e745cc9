"""Text of data and models on its way to the page: no character may hide, reorder its neighbours, or flood the page.

Escaping for HTML is jinja2's part (autoescape); this module takes care of what escaping leaves: characters that a
reader cannot see, and texts that no reader wants whole.
"""

import re

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # zero-width and bidirectional controls
    "\u2028\u2029\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"  # separators, surrogates, tags
)
"""Joiners (U+200C, U+200D) are left alone: Persian, Indic scripts and emoji are spelt with them."""


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
