"""Conversations in the shapes that data sets write them, as messages.

{"role": "user", "content": "..."}                          OpenAI, TRL
{"role": "user", "content": [{"type": "text", "text": "..."}]}     the same with parts
{"from": "human", "value": "..."}                           ShareGPT, LLaMA-Factory
{"role": ["user", ...], "content": ["...", ...]}            a list of messages, as `datasets` once stored it
"\n\nHuman: ...\n\nAssistant: ..."                           a transcript, as in HH-RLHF
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seapo.reading.rows import BAD_MESSAGE, DIFFERENT_PROMPTS, NO_ANSWER, WRONG_TYPE, UnusableRowError
from seapo.records import Message, Role

Messages = tuple[Message, ...]
ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "observation", "function", "function_response", "ipython"), "tool"),
}
"""Names of the data sets -> roles of our messages."""
_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")


@dataclass(frozen=True)
class Reply:
    """An answer, with the messages that stand before it where the data writes both in one column."""

    head: Messages
    text: str


def has_messages(value: object) -> bool:
    """Whether a value looks like one message or several."""
    if isinstance(value, Mapping):
        return bool({"role", "from"} & value.keys()) and bool({"content", "value"} & value.keys())
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(part, Mapping) and has_messages(part) for part in value)
    )


def ends_with_answer(messages: object) -> bool:
    """Whether the last one of messages of any shape is the assistant's."""
    last = messages[-1] if isinstance(messages, list) and messages else messages
    speaker = last.get("role", last.get("from")) if isinstance(last, Mapping) else None
    return isinstance(speaker, str) and ROLES.get(speaker.casefold()) == "assistant"


def read_messages(value: object, column: str) -> Messages:
    """The messages of a value of any shape above, a plain text being the user's; else raises UnusableRowError."""
    if value is None or isinstance(value, str):
        return (Message(role="user", content=value or ""),)
    if isinstance(value, Mapping):
        value = _unzipped(value)
    if not isinstance(value, list):
        raise UnusableRowError(WRONG_TYPE, f"{column} is {kind_in_words(value)}")
    messages = [_read_message(part) for part in value]
    return tuple(message for message in messages if message.role != "system" or message.content.strip())


def read_reply(value: object, column: str) -> Reply:
    """An answer from a text, a message, or a conversation that ends with it; else raises UnusableRowError."""
    if value is None or isinstance(value, str):
        return Reply((), value or "")
    messages = read_messages(value, column)
    if not messages or messages[-1].role != "assistant":
        raise UnusableRowError(NO_ANSWER, f"at the end of {column}")
    return Reply(messages[:-1], messages[-1].content)


def last_reply(messages: Messages) -> Reply:
    """The last message of the assistant with all before it; what a user says behind it is no part of the sample."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "assistant":
            return Reply(messages[:index], messages[index].content)
    raise UnusableRowError(NO_ANSWER)


def join(prompt: Messages, reply: Reply) -> Messages:
    """All messages before the answer, where the answer's column may repeat the prompt or go on from it."""
    if not reply.head or not prompt:
        return prompt or reply.head
    if reply.head[0].role == "assistant":
        return prompt + reply.head
    said = {normalised(message.content) for message in reply.head}
    if any(normalised(message.content) not in said for message in prompt if message.role != "system"):
        raise UnusableRowError(DIFFERENT_PROMPTS)
    is_led = reply.head[0].role == "system"
    return reply.head if is_led else tuple(message for message in prompt if message.role == "system") + reply.head


def read_transcript(text: str) -> Messages | None:
    """The messages of a transcript with `Human:` and `Assistant:` turns, or None where a text is no such transcript."""
    _, *parts = _TURN.split(text)
    speakers, contents = parts[0::2], parts[1::2]
    if not _TURN.match(text) or speakers[0] != "Human" or "Assistant" not in speakers:
        return None
    roles: Mapping[str, Role] = {"Human": "user", "Assistant": "assistant"}
    return tuple(
        Message(role=roles[speaker], content=content.strip())
        for speaker, content in zip(speakers, contents, strict=True)
    )


def normalised(text: str) -> str:
    """A text for comparison: Unicode compatibility forms (NFKC), case and white space made equal."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def kind_in_words(value: object) -> str:
    """What a value is, for messages: `text`, `a number`, `messages`, ..."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if has_messages(value):
        return "messages"
    return "a list" if isinstance(value, Sequence) else "an object"


def _unzipped(value: Mapping[str, object]) -> list[object]:
    lists = [column for column in value.values() if isinstance(column, list)]
    if not lists or len(lists) < len(value) or len({len(column) for column in lists}) > 1:
        return [value]
    return [dict(zip(value, cells, strict=True)) for cells in zip(*lists, strict=True)]


def _read_message(value: object) -> Message:
    if not isinstance(value, Mapping):
        raise UnusableRowError(BAD_MESSAGE, kind_in_words(value))
    speaker = value.get("role", value.get("from"))
    role = ROLES.get(speaker.casefold()) if isinstance(speaker, str) else None
    if role is None:
        raise UnusableRowError(BAD_MESSAGE, f"the role is {speaker!r:.80}")
    if value.get("tool_calls"):
        raise UnusableRowError(BAD_MESSAGE, "it calls a tool")
    return Message(role=role, content=_read_content(value.get("content", value.get("value"))))


def _read_content(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise UnusableRowError(BAD_MESSAGE, f"its content is {kind_in_words(content)}")
    texts = [part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None for part in content]
    if not all(isinstance(text, str) for text in texts):
        raise UnusableRowError(BAD_MESSAGE, "its content has parts that are no text")
    return "".join(text for text in texts if isinstance(text, str))
