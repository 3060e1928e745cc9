"""The strategy `edit`: a model says which words to exchange for which, and that is done here.

A tenth of the tokens of a rewritten answer, exact places, and nothing else is touched. A search text that does not
occur, or occurs more than once, is answered back to the model once, and dropped if it is no better then.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from seapo.engine.request import Reply, Request
from seapo.inject.asking import wish_for
from seapo.inject.instructions import Wish, correction, edit_instruction
from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.inject.wording import word_edits
from seapo.records import Edit, Message, Sample

MAX_EDITS = 8
"""Of one reply: an error and what follows from it."""
FIRST_TOKENS = 96
"""Of the longest reply, for each error: three edits and the braces around them."""
CHARACTERS_PER_TOKEN = 3
"""Of English text and figures, rather too few than too many. Half the answer's tokens are added for what follows from
the error in other places; a model that does not end by itself costs no more."""


class SearchReplace(BaseModel):
    """One edit as a model writes it."""

    model_config = ConfigDict(extra="ignore")

    search: str
    replace: str


class EditReply(BaseModel):
    """A model's reply."""

    model_config = ConfigDict(extra="ignore")

    subtype: str | None = None
    edits: list[SearchReplace]


@dataclass(frozen=True)
class Placed:
    """What became of a reply's edits."""

    edits: tuple[Edit, ...]
    """In order, without overlap."""
    problems: tuple[str, ...]
    """Why the others could not be made, in sentences."""


@STRATEGIES.register("edit")
def propose_by_edit(sample: Sample, error_type: str, context: Context) -> Iterator[Proposal]:
    """The answer with the model's edits made, unless none of them can be made or none changes anything."""
    wish = wish_for(error_type, context, "edit")
    messages = [Message(role="user", content=edit_instruction(sample, wish))]
    reply, parsed, placed = _asked(sample, wish, messages, context)
    if parsed is not None and placed.problems:
        messages += [
            Message(role="assistant", content=reply.text),
            Message(role="user", content=correction(placed.problems)),
        ]
        _, again, placed_again = _asked(sample, wish, messages, context)
        if again is not None and placed_again.edits:
            parsed, placed = again, placed_again
    if parsed is None or not placed.edits:
        context.failures += placed.problems or ["No edit changed anything."]
        return
    subtype = parsed.subtype if parsed.subtype in wish.error_type.subtypes else wish.subtype.name
    yield Proposal(error_type, subtype, "edit", context.engine.name, placed.edits, context.attempt)


def _asked(
    sample: Sample, wish: Wish, messages: list[Message], context: Context
) -> tuple[Reply, EditReply | None, Placed]:
    """One turn of the conversation; a reply that was cut or holds no edits gives None and the reason."""
    limit = FIRST_TOKENS * wish.edits + len(sample.chosen) // (2 * CHARACTERS_PER_TOKEN)
    request = Request(tuple(messages), limit, _schema(wish), context.attempt)
    reply = context.ask(wish.error_type.name, "edit", request)
    if reply.finish_reason == "length":
        return reply, None, Placed((), ("The reply was too long.",))
    parsed = parse_reply(reply.text)
    if parsed is None:
        return reply, None, Placed((), ("The reply was not the JSON that was asked for.",))
    return reply, parsed, place_edits(sample.chosen, parsed.edits)


def place_edits(answer: str, edits: list[SearchReplace]) -> Placed:
    """The edits as spans of the answer, cut to the words that differ; what cannot be placed is told."""
    placed, problems, taken = list[Edit](), list[str](), list[tuple[int, int]]()
    for each in edits[:MAX_EDITS]:
        if each.search == each.replace:
            continue
        start, problem = _found(answer, each.search)
        end = start + len(each.search)
        if problem is None and any(left < end and start < right for left, right in taken):
            problem = f"{_quoted(each.search)} overlaps another search text."
        if problem is not None:
            problems.append(problem)
            continue
        taken.append((start, end))
        placed += [
            Edit(start=start + e.start, end=start + e.end, original=e.original, replacement=e.replacement)
            for e in word_edits(each.search, each.replace)
        ]
    return Placed(tuple(sorted(placed, key=lambda edit: (edit.start, edit.end))), tuple(problems))


def parse_reply(text: str) -> EditReply | None:
    """The edits in a reply, whatever stands around them (a fence, a sentence); None where there are none."""
    decoder = json.JSONDecoder(strict=False)
    for position, character in enumerate(text):
        if character in "{[":
            try:
                value, _ = decoder.raw_decode(text, position)
            except (ValueError, RecursionError):
                continue
            if (reply := _as_reply(value)) is not None:
                return reply
    return None


def _as_reply(value: Any) -> EditReply | None:
    if isinstance(value, list):
        value = {"edits": value}
    elif isinstance(value, dict) and "search" in value:
        value = {"edits": [value], "subtype": value.get("subtype")}
    try:
        return EditReply.model_validate(value)
    except ValidationError:
        return None


def _found(answer: str, search: str) -> tuple[int, str | None]:
    """Where a search text stands; or -1, and why it cannot be placed."""
    count = answer.count(search) if search else 0
    if count == 1:
        return answer.find(search), None
    if not search:
        return -1, "A search text is empty."
    if count == 0:
        return -1, f"{_quoted(search)} does not occur in the answer."
    return -1, f"{_quoted(search)} occurs {count} times in the answer; take more of the words around it."


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= 200 else f"{text[:199]}…", ensure_ascii=False)


def _schema(wish: Wish) -> dict[str, Any]:
    """What a reply must look like."""
    edit = {
        "type": "object",
        "properties": {"search": {"type": "string"}, "replace": {"type": "string"}},
        "required": ["search", "replace"],
        "additionalProperties": False,
    }
    names = list(wish.error_type.subtypes) or [wish.subtype.name]
    return {
        "type": "object",
        "properties": {
            "subtype": {"type": "string", "enum": names},
            "edits": {"type": "array", "items": edit, "minItems": 1, "maxItems": MAX_EDITS},
        },
        "required": ["subtype", "edits"],
        "additionalProperties": False,
    }
