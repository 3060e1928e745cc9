"""Rows of preference data as TRL writes them: pairs, or single answers with a label; as conversations or plain texts.

{"prompt": [{"role": "user", "content": "2 + 2?"}], "chosen": [{"role": "assistant", "content": "4"}], "rejected": ...}
{"prompt": "2 + 2 =", "chosen": " 4", "rejected": " 5"}          plain texts: trained without a chat template
{"chosen": [...], "rejected": [...]}                              the prompt is what both begin with
{"prompt": ..., "chosen": ..., "rejected": [..., ...]}            several bad answers
{"prompt": ..., "completion": ..., "label": true}                 single answers
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from seapo.model.encoding import EMPTY_ANSWER as NO_TEXT
from seapo.reading.conversation import (
    Messages,
    has_messages,
    join,
    kind_in_words,
    normalised,
    read_messages,
    read_reply,
)
from seapo.reading.labels import read_label
from seapo.reading.rows import (
    BEYOND_TEXT,
    DIFFERENT_PROMPTS,
    EMPTY_ANSWER,
    EMPTY_PROMPT,
    EMPTY_REJECTED,
    MISSING_COLUMN,
    NOT_ENCODABLE,
    NOT_FROM_USER,
    WRONG_TYPE,
    UnusableRowError,
)
from seapo.records import Edit

Columns = Mapping[str, object]
PAIRED, UNPAIRED = "pairs", "single answers"
FORMATS = {
    PAIRED: ("chosen", "rejected"),
    UNPAIRED: ("prompt", "completion", "label"),
}
"""What rows hold -> the columns that they must have; pairs may have a prompt of their own, too."""
NO_PROMPT = "there is no column `prompt`, and the answers do not begin with one that they share"
_ATTACHED = ("images", "image", "videos", "audios", "tools")
_ASSISTANT = "\n\nAssistant:"
_BROKEN_WORD = re.compile(r"\S+\Z")


@dataclass(frozen=True)
class PreferenceRow:
    """A prompt with good and bad answers."""

    prompt: Messages | str
    """Messages, or a plain text that the answers go on from."""
    good: tuple[str, ...]
    bad: tuple[str, ...]
    error_type: str = ""
    edits: tuple[Edit, ...] = ()
    """Where the data says so: the edits that lead from the good to the bad answer."""
    epochs: tuple[int, ...] = ()
    """Epochs, from 1, that train the pair; empty for all."""
    order: float | None = None
    """Samples are trained from the lowest to the highest; None for an order that is drawn."""


def find_format(rows: Sequence[Columns]) -> str | None:
    """What the rows hold, by the columns that any of them has; None where they have those of no format."""
    there = {column for row in rows for column in row}
    return next((name for name, columns in FORMATS.items() if there.issuperset(columns)), None)


def read_row(row: Columns, kind: str) -> PreferenceRow:
    """The answers of a row of this kind; raises UnusableRowError with the reason where it cannot be used."""
    missing = [column for column in FORMATS[kind] if column not in row]
    if missing:
        raise UnusableRowError(MISSING_COLUMN, ", ".join(missing))
    attached = next((column for column in _ATTACHED if row.get(column) not in (None, "", "[]", [], {})), None)
    if attached:
        raise UnusableRowError(BEYOND_TEXT, attached)
    found = _read_pair(row) if kind == PAIRED else _read_single(row)
    _check(found)
    return found


def _read_pair(row: Columns) -> PreferenceRow:
    answers = [row["chosen"], *_several(row["rejected"])]
    prompt, (good, *bad) = _read_answers(row.get("prompt"), answers, ["chosen", *["rejected"] * (len(answers) - 1)])
    error_type = row.get("error_type")
    return PreferenceRow(
        prompt,
        (good,),
        tuple(bad),
        error_type if isinstance(error_type, str) else "",
        _edits(row.get("edits"), bad),
        _epochs(row.get("mix_epochs")),
        _order(row.get("mix_order")),
    )


def _read_single(row: Columns) -> PreferenceRow:
    is_good = read_label(row["label"])
    if row["prompt"] is None:
        raise UnusableRowError(EMPTY_PROMPT)
    prompt, answers = _read_answers(row["prompt"], [row["completion"]], ["completion"])
    return PreferenceRow(prompt, tuple(answers) if is_good else (), () if is_good else tuple(answers))


def _several(value: object) -> list[object]:
    """The values of a column that may hold one answer or a list of them."""
    return list(value) if isinstance(value, list) and not has_messages(value) else [value]


def _read_answers(
    prompt: object, answers: Sequence[object], columns: Sequence[str]
) -> tuple[Messages | str, list[str]]:
    """The prompt, which may stand in the answers' columns only, and the answers without it."""
    if all(isinstance(value, str) for value in answers) and (prompt is None or isinstance(prompt, str)):
        texts = [value for value in answers if isinstance(value, str)]
        return _part(texts) if prompt is None else (prompt, texts)
    before = read_messages(prompt, "prompt") if prompt is not None else ()
    for value, column in zip(answers, columns, strict=True):
        if value is None:
            raise UnusableRowError(WRONG_TYPE, f"{column} is {kind_in_words(value)}")
    replies = [read_reply(value, column) for value, column in zip(answers, columns, strict=True)]
    heads = [join(before, reply) for reply in replies]
    if not heads[0] and prompt is None:
        raise UnusableRowError(EMPTY_PROMPT, NO_PROMPT)
    if any(_key(head) != _key(heads[0]) for head in heads):
        raise UnusableRowError(DIFFERENT_PROMPTS)
    return heads[0], [reply.text for reply in replies]


def _part(texts: Sequence[str]) -> tuple[str, list[str]]:
    """Texts that begin alike, as that beginning and what follows.

    Of transcripts the beginning goes up to the last turn of the assistant, of other texts up to the last white space
    that all share, so that no word is cut in two.
    """
    turn = texts[0].rfind(_ASSISTANT)
    head = texts[0][: turn + len(_ASSISTANT)]
    if turn >= 0 and all(text.startswith(head) and text.rfind(_ASSISTANT) == turn for text in texts):
        return head, [text[len(head) :] for text in texts]
    size = next((index for index, letters in enumerate(zip(*texts, strict=False)) if len({*letters}) > 1), None)
    shared = texts[0][: min(map(len, texts)) if size is None else size]
    prompt = _BROKEN_WORD.sub("", shared).rstrip()
    if not prompt:
        raise UnusableRowError(EMPTY_PROMPT, NO_PROMPT)
    return prompt, [text[len(prompt) :] for text in texts]


def _key(messages: Messages) -> list[tuple[str, str]]:
    return [(message.role, normalised(message.content)) for message in messages]


def _edits(value: object, bad: Sequence[str]) -> tuple[Edit, ...]:
    if not isinstance(value, list) or not value or len(bad) != 1:
        return ()
    try:
        return tuple(Edit.model_validate(edit) for edit in value)
    except ValidationError as problem:
        raise UnusableRowError(WRONG_TYPE, "edits are not (start, end, original, replacement)") from problem


def _epochs(value: object) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in value):
        raise UnusableRowError(WRONG_TYPE, "mix_epochs is no list of whole numbers from 1 on")
    return tuple(value)


def _order(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableRowError(WRONG_TYPE, "mix_order is no number")
    return float(value)


def _check(row: PreferenceRow) -> None:
    if isinstance(row.prompt, str):
        if not row.prompt.strip():
            raise UnusableRowError(EMPTY_PROMPT)
    elif not any(message.content.strip() for message in row.prompt):
        raise UnusableRowError(EMPTY_PROMPT)
    elif row.prompt[-1].role not in ("user", "tool"):
        raise UnusableRowError(NOT_FROM_USER)
    is_pair = bool(row.good and row.bad)
    for answers, reason in ((row.good, EMPTY_ANSWER), (row.bad, EMPTY_REJECTED)):
        if not all(answer.strip() for answer in answers):
            raise UnusableRowError(reason if is_pair else NO_TEXT)
    for text in _texts(row):
        try:
            text.encode()
        except UnicodeEncodeError as problem:
            raise UnusableRowError(NOT_ENCODABLE) from problem


def _texts(row: PreferenceRow) -> Iterator[str]:
    yield from (row.prompt,) if isinstance(row.prompt, str) else (message.content for message in row.prompt)
    yield from (*row.good, *row.bad)
