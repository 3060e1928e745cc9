"""Prompt and answer as token ids, parted where generation would begin.

A model generates from the tokens of the prompt alone. So these are the prompt here too, even where the text in one
piece has a token that reaches over the boundary: a prompt's `"\\n"` and an answer's `"\\n\\n"` may be one token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from seapo.errors import DataError, ModelError
from seapo.records import Message

PROBE = "\ue000answer\ue001"
"""Stands for the answer while we look at what the template writes around one; of a private use area of Unicode."""
EMPTY_ANSWER = "the answer is empty"
NO_BOUNDARY = "the chat template does not write this conversation as the prompt followed by the answer"
REWRITTEN = "the chat template writes another text than the answer"
NO_SPLIT = "the tokenizer has no tokens for the answer that continue those of the prompt"
_ANCHORS = ("\n", ".", "a")


@dataclass(frozen=True)
class EncodedChat:
    """An answer after its prompt, as token ids; the completion ends with the template's end of turn."""

    prompt: list[int]
    completion: list[int]
    offsets: list[tuple[int, int]]
    """Characters of the answer that each completion token covers; (length, length) for the end of turn."""
    boundary_shifted: bool = False
    """Whether the prompt's tokens are not the first ones of the text in one piece."""


@dataclass(frozen=True)
class _Written:
    """A conversation as text."""

    head: str
    tail: str
    """The answer with what stands before and behind it."""
    places: list[int | None]
    """Offset in the answer of each character of the tail, up to the answer's end; None where the template wrote it."""
    length: int
    """Of the answer, in characters."""
    lead: tuple[int, ...] = ()
    """Tokens before the head, such as a beginning of text."""


def encode_chat(tokenizer: Any, prompt: Sequence[Message], answer: str) -> EncodedChat:
    """Token ids of a prompt and an answer under the tokenizer's chat template.

    What the template writes before every answer, such as an empty thinking block, belongs to the prompt; what it writes
    behind the end of turn is left out. Raises ModelError for a tokenizer without a template; DataError where the
    template refuses the conversation or does not write it as prompt + answer, so that no boundary exists, and for an
    empty answer.
    """
    if not answer.strip():
        raise DataError(EMPTY_ANSWER)
    return _encode(tokenizer, _write(tokenizer, [message.model_dump() for message in prompt], answer))


def encode_text(tokenizer: Any, prompt: str, answer: str) -> EncodedChat:
    """Token ids of a plain text and its continuation, without a chat template, and the end of text behind them.

    As TRL does with data that has no roles. Raises ModelError for a tokenizer without an end of text, DataError for an
    empty prompt or answer.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no end-of-text token, with which an answer ends; "
            "set tokenizer.eos_token, and save the tokenizer with it"
        )
    answer = answer.removesuffix(tokenizer.eos_token)
    if not answer.strip():
        raise DataError(EMPTY_ANSWER)
    lead = _leading_tokens(tokenizer)
    if not prompt and not lead:
        raise DataError("the prompt is empty")
    written = _Written(prompt, answer, [*range(len(answer))], len(answer), lead)
    encoded = _encode(tokenizer, written)
    return EncodedChat(
        encoded.prompt,
        [*encoded.completion, tokenizer.eos_token_id],
        [*encoded.offsets, (len(answer), len(answer))],
        encoded.boundary_shifted,
    )


def _leading_tokens(tokenizer: Any) -> tuple[int, ...]:
    """What the tokenizer puts before any text; what it may put behind is no part of a prompt."""
    (first, *_) = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    return tuple(whole[: whole.index(first)])


def _write(tokenizer: Any, messages: list[dict[str, str]], answer: str) -> _Written:
    """Where the template puts the answer, found by what it writes around another one."""
    head = _render(tokenizer, messages, add_generation_prompt=True)
    before, found, after = _render(tokenizer, messages, PROBE).partition(PROBE)
    whole = _render(tokenizer, messages, answer)
    if not found or not before.startswith(head):
        mark = head.removeprefix(_render(tokenizer, messages, add_generation_prompt=False))
        raise DataError(f"{NO_BOUNDARY}: its generation prompt is {mark[-80:]!r}, which does not stand before answers")
    if not whole.endswith(after) or not whole.startswith(head):
        raise DataError(REWRITTEN)
    if not whole.startswith(before) or len(whole) < len(before) + len(after):
        before = head  # a thinking block of the answer's own stands where other answers have an empty one
    start = len(head) if before[len(head) :].isspace() else len(before)
    written = whole[len(before) : len(whole) - len(after)]
    return _Written(
        head=whole[:start],
        tail=whole[start : len(whole) - len(after)] + after.rstrip(),
        places=[*[None] * (len(before) - start), *_places(written, answer, head)],
        length=len(answer),
    )


def _render(tokenizer: Any, messages: list[dict[str, str]], answer: str | None = None, **options: Any) -> str:
    if tokenizer.chat_template is None:
        raise ModelError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template, which conversations need; use an "
            "instruct model, or set tokenizer.chat_template and save the tokenizer with it; preference data whose "
            "prompt, chosen and rejected are plain texts can be trained on without one (train.data_path)"
        )
    turns = messages if answer is None else [*messages, {"role": "assistant", "content": answer}]
    try:
        text: str = tokenizer.apply_chat_template(turns, tokenize=False, **options)
    except jinja2.TemplateError as problem:
        raise DataError(f"the chat template refuses this conversation: {problem}") from problem
    return text


def _places(written: str, answer: str, head: str) -> list[int | None]:
    """Offset in the answer of each written character; both must be the same text but for white space.

    What the answer begins with may also stand at the end of the prompt, as the opening mark of a thinking block does
    that the generation prompt has written.
    """
    wanted, there = "".join(answer.split()), "".join(written.split())
    missing = wanted.removesuffix(there)
    if not wanted.endswith(there) or not "".join(head.split()).endswith(missing):
        raise DataError(REWRITTEN)
    place = _behind(answer, len(missing))
    found: list[int | None] = []
    for character in written:
        while not character.isspace() and answer[place] != character:
            place += 1
        is_there = answer[place : place + 1] == character
        found.append(place if is_there else None)
        place += is_there
    return found


def _behind(text: str, count: int) -> int:
    """Offset behind so many characters that are no white space."""
    place = 0
    while count:
        count -= not text[place].isspace()
        place += 1
    return place


def _encode(tokenizer: Any, text: _Written) -> EncodedChat:
    prompt = tokenizer(text.head, add_special_tokens=False)["input_ids"] if text.head else []
    joint, offsets = _tokens(tokenizer, text.head + text.tail)
    is_shifted = joint[: len(prompt)] != prompt
    if is_shifted:
        completion, places = _continuation(tokenizer, prompt, joint, text.tail)
    else:
        completion = joint[len(prompt) :]
        places = [(left - len(text.head), right - len(text.head)) for left, right in offsets[len(prompt) :]]
    size = _up_to_end_of_turn(tokenizer, completion, places, len(text.places))
    return EncodedChat(
        prompt=[*text.lead, *prompt],
        completion=completion[:size],
        offsets=[_in_answer(left, right, text) for left, right in places[:size]],
        boundary_shifted=is_shifted,
    )


def _tokens(tokenizer: Any, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return list(encoded["input_ids"]), list(encoded["offset_mapping"])


def _continuation(
    tokenizer: Any, prompt: list[int], joint: list[int], tail: str
) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokens of the tail that go on from the prompt's, with their offsets in the tail.

    Some tokenizers put a space before every text that they are given; there, the tail is tokenised behind an anchor.
    What is right is told by decoding: prompt and tail must give the text that both have in one piece.
    """
    whole = tokenizer.decode(joint)
    for anchor in ("", *_ANCHORS):
        before = _tokens(tokenizer, anchor)[0] if anchor else []
        ids, offsets = _tokens(tokenizer, anchor + tail)
        rest = ids[len(before) :]
        if ids[: len(before)] == before and tokenizer.decode([*prompt, *rest]) == whole:
            return rest, [(left - len(anchor), right - len(anchor)) for left, right in offsets[len(before) :]]
    raise DataError(NO_SPLIT)


def _up_to_end_of_turn(tokenizer: Any, ids: list[int], places: list[tuple[int, int]], answer_end: int) -> int:
    """Number of tokens through the first special one behind the answer; all of them where there is none."""
    for index, (left, _) in enumerate(places):
        if left >= answer_end and not tokenizer.decode([ids[index]], skip_special_tokens=True):
            return index + 1
    return len(ids)


def _in_answer(left: int, right: int, text: _Written) -> tuple[int, int]:
    """Characters of the answer between two offsets of the tail; where there are none, the place of the next one."""
    left, right = max(left, 0), max(right, 0)
    found = [place for place in text.places[left:right] if place is not None]
    if found:
        return found[0], found[-1] + 1
    following = next((place for place in text.places[right:] if place is not None), text.length)
    return following, following
