"""From the values of a row's columns to a prompt, a good answer and bad ones: what the formats have in common.

A field is our word for what a column holds; `values` maps the fields that a row has to what stands there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

from seapo.reading.conversation import (
    Messages,
    Reply,
    has_messages,
    join,
    kind_in_words,
    last_reply,
    normalised,
    read_messages,
    read_reply,
    read_transcript,
)
from seapo.reading.labels import read_label
from seapo.reading.rows import BEYOND_TEXT, DIFFERENT_PROMPTS, EMPTY_PROMPT, WRONG_TYPE, UnusableRowError
from seapo.records import Dimension, Message, NumberTruth

Field = Literal["prompt", "input", "system", "history", "messages", "chosen", "rejected", "label", "id"]
FIELDS: Mapping[str, str] = {
    "prompt": "the question, as text or messages",
    "input": "text that belongs to the question, put behind it",
    "system": "the system message",
    "history": "earlier turns, as pairs of question and answer",
    "messages": "a conversation; without `chosen`, its last answer is the good one",
    "chosen": "the good answer, as text or messages",
    "rejected": "a bad answer, or several",
    "label": "whether the answer is good: true or false",
    "id": "a name for the row, different in each",
}
"""What a column map can name."""
Columns = Mapping[str, object]
Values = Mapping[Field, object]
_ATTACHED = ("images", "videos", "audios", "tools")
_CALCULATOR_MARK = re.compile(r"<<[^<>\n]*>>")
_FINAL_ANSWER = re.compile(r"^(?:####|A:)[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Draft:
    """What a row says, before it is cleaned."""

    prompt: Messages
    chosen: str
    rejected: tuple[str, ...] = ()
    is_good: bool = True
    """False where the row's one answer is labelled bad; `chosen` then holds that bad answer."""
    dimension: Dimension | None = None
    truth: NumberTruth | None = None


def read_draft(values: Values, row: Columns) -> Draft:
    """The draft of any format whose fields are what `FIELDS` says; raises UnusableRowError."""
    attached = next((column for column in _ATTACHED if row.get(column) not in (None, "", "[]", [], {})), None)
    if attached:
        raise UnusableRowError(BEYOND_TEXT, attached)
    before = _history(values.get("history")) + _prompt(values)
    reply = read_reply(values["chosen"], "chosen") if "chosen" in values else last_reply(before)
    prompt = join(before, reply) if "chosen" in values else reply.head
    rejected = tuple(_rejected(value, before, prompt) for value in _several(values.get("rejected")))
    is_good = read_label(values["label"]) if "label" in values else True
    return Draft(_led(prompt, values.get("system")), reply.text, rejected, is_good)


def read_implicit(values: Values, row: Columns) -> Draft:
    """The draft of two whole conversations or texts whose common head is the prompt; raises UnusableRowError."""
    chosen, rejected = values["chosen"], values["rejected"]
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        return read_draft(values, row)
    good, bad = read_transcript(chosen), read_transcript(rejected)
    if good and bad:
        reply, other = last_reply(good), last_reply(bad)
        if _key(reply.head) != _key(other.head):
            raise UnusableRowError(DIFFERENT_PROMPTS)
        return Draft(reply.head, reply.text, (other.text,))
    return _split_texts(chosen, rejected)


def _split_texts(chosen: str, rejected: str) -> Draft:
    """Two texts parted at the last white space of what they share, so that no word is cut in two."""
    shared = next(
        (index for index, pair in enumerate(zip(chosen, rejected, strict=False)) if pair[0] != pair[1]),
        min(len(chosen), len(rejected)),
    )
    while shared and not chosen[shared - 1].isspace():
        shared -= 1
    head, good, bad = chosen[:shared], chosen[shared:], rejected[shared:]
    if not head.strip():
        raise UnusableRowError(EMPTY_PROMPT, "chosen and rejected have no common beginning")
    return Draft((Message(role="user", content=head),), good, (bad,))


def read_gsm8k(values: Values, row: Columns) -> Draft:
    """The draft of a GSM8K row: calculator marks go, the line `#### 72` stays, and its number is the truth.

    A row without such a line is kept without a truth.
    """
    draft = read_draft(values, row)
    return replace(
        draft, chosen=_CALCULATOR_MARK.sub("", draft.chosen), dimension="mathematics", truth=_final_number(draft.chosen)
    )


def read_gsm8k_solutions(values: Values, row: Columns) -> Draft:
    """The draft of a row of GSM8K's example solutions: the models' wrong ones are its rejected answers."""
    draft = read_gsm8k(values, row)
    wrong = (part["solution"] for part in row.values() if is_graded(part) and not part["is_correct"])
    return replace(draft, rejected=tuple(_CALCULATOR_MARK.sub("", solution) for solution in wrong))


def is_graded(part: object) -> TypeGuard[Mapping[str, str]]:
    """Whether a column holds a model's solution with a grade."""
    return isinstance(part, Mapping) and isinstance(part.get("solution"), str) and "is_correct" in part


def _final_number(text: str) -> NumberTruth | None:
    finals = _FINAL_ANSWER.findall(text)
    digits = finals[-1].replace(",", "").rstrip(".").removeprefix("$").removesuffix("%") if finals else ""
    return NumberTruth(value=digits) if _NUMBER.fullmatch(digits) else None


def _prompt(values: Values) -> Messages:
    if "messages" in values:
        return read_messages(values["messages"], "messages")
    if "prompt" not in values:
        return ()
    extra = values.get("input") or ""
    question = values["prompt"]
    if not extra or (isinstance(extra, str) and not extra.strip()):
        return read_messages(question, "prompt")
    if not isinstance(extra, str) or not isinstance(question, str):
        raise UnusableRowError(WRONG_TYPE, f"input is {kind_in_words(extra)}")
    return read_messages(f"{question}\n{extra}" if question.strip() else extra, "prompt")


def _history(value: object) -> Messages:
    if not value:
        return ()
    if not isinstance(value, list) or not all(_is_pair(pair) for pair in value):
        raise UnusableRowError(WRONG_TYPE, "history is no list of pairs")
    return tuple(
        message
        for question, answer in value
        for message in (Message(role="user", content=question), Message(role="assistant", content=answer))
    )


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _led(prompt: Messages, system: object) -> Messages:
    """The prompt with a system message in front, unless it has one already."""
    if not system or any(message.role == "system" for message in prompt):
        return prompt
    if not isinstance(system, str):
        raise UnusableRowError(WRONG_TYPE, f"system is {kind_in_words(system)}")
    return (Message(role="system", content=system), *prompt) if system.strip() else prompt


def _several(value: object) -> list[object]:
    """The values of a column that may hold one answer or a list of them."""
    if value is None or value == []:
        return []
    is_list_of_answers = isinstance(value, list) and not has_messages(value)
    return list(value) if is_list_of_answers and isinstance(value, list) else [value]


def _rejected(value: object, before: Messages, prompt: Messages) -> str:
    reply: Reply = read_reply(value, "rejected")
    if _key(join(before, reply)) != _key(prompt):
        raise UnusableRowError(DIFFERENT_PROMPTS)
    return reply.text


def _key(messages: Messages) -> list[tuple[str, str]]:
    return [(message.role, normalised(message.content)) for message in messages]
