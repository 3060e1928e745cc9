"""A row on its way in: either its columns, or the reason why it is set aside.

A reason is one of the sentences below, with details behind a colon where there are any, so that reasons can be counted.
"""

import json
from dataclasses import dataclass

from seapo.records import RejectedRow

BROKEN_JSON = "broken JSON"
BROKEN_CSV = "broken CSV"
BROKEN_TABLE = "the table cannot be read from here on"
CUT_JSON = "the JSON breaks off here"
CUT_GZIP = "the gzip file is damaged or breaks off here"
NOT_UTF8 = "not valid UTF-8"
TOO_LONG = "longer than 64 MiB"
NOT_OBJECT = "not an object with columns"
UNKNOWN_FILE = "the format of its file is not known"
MISSING_COLUMN = "lacks a column of the format"
WRONG_TYPE = "a column holds something other than text or messages"
BAD_MESSAGE = "a message without a known role and text"
BEYOND_TEXT = "needs images, videos, sounds or tools"
BAD_LABEL = "the label is neither true nor false"
NO_ANSWER = "no message of the assistant to learn from"
DIFFERENT_PROMPTS = "prompt, chosen and rejected belong to different conversations"
NOT_FROM_USER = "the prompt does not end with a message of the user"
EMPTY_PROMPT = "empty prompt"
EMPTY_ANSWER = "empty chosen answer"
EMPTY_REJECTED = "empty rejected answer"
NOT_ENCODABLE = "half of a character that cannot be written as UTF-8"
SAME_ANSWERS = "chosen and rejected answer are the same"
DUPLICATE = "duplicate of an earlier row"
UNPAIRED = "a bad answer to a prompt that has no good answer"
NO_ID = "no text or whole number in the id column"
REPEATED_ID = "the id of an earlier row"

MAX_ROW_BYTES = 64 * 2**20
"""A longer line is no training text, and holding it would endanger the run."""
EXCERPT_CHARACTERS = 2000


@dataclass(frozen=True)
class Row:
    """What a file holds at one place; `value` should be a mapping of columns, and is whatever it is."""

    file: str
    line: int
    value: object
    raw: str | None = None
    """The text that it was parsed from; None where the source is no text."""


class UnusableRowError(Exception):
    """Raised while a row is read; ends as a RejectedRow."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)


def set_aside(row: Row, reason: str, detail: str = "") -> RejectedRow:
    """The row with the reason why it is no sample, cut to 2,000 characters."""
    text = row.raw if row.raw is not None else json.dumps(row.value, ensure_ascii=False, default=str)
    sentence = f"{reason}: {detail}" if detail else reason
    return RejectedRow(file=row.file, line=row.line, reason=printable(sentence), row=excerpt(text))


def excerpt(text: str) -> str:
    """At most 2,000 characters of a text, in a form that can be written as UTF-8."""
    return printable(text[:EXCERPT_CHARACTERS])[:EXCERPT_CHARACTERS]


def printable(text: str) -> str:
    """The text with every half of a surrogate pair written out as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def stable_reason(reason: str) -> str:
    """The reason without its details: what is counted."""
    return reason.partition(": ")[0]
