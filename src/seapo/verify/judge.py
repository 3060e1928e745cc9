"""The check that asks a model: it sees both answers, twice, and must find the worse one, its error and the place.

Models prefer the first answer, or the longer one, more often than they should. So each pair is shown in both orders,
and only a reader who finds the same error in both has found it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from random import Random
from typing import Any, Literal

from seapo.engine.request import Engine, Request, json_objects
from seapo.errors import RequestError
from seapo.recipe import ErrorTypeSection, VerifySection
from seapo.records import Candidate, CheckResult, Message, Sample
from seapo.taxonomy import find_error_type
from seapo.verify.check import BUILT_IN_TYPES, CHECKS, Check, failed, not_judged, passed, shortened
from seapo.verify.difference import difference
from seapo.verify.hunks import words

JUDGE = "judge"
MAX_QUOTE_WORDS = 40
"""A longer quotation names no place."""
MIN_COMMON_WORDS = 3
"""Of a quotation that is not word for word, so many words in a row must stand in the answer."""
NEAR_CHARACTERS = 40
"""Where something was taken out, a quotation that ends or starts so near to the gap names the place."""
PUNCTUATION = frozenset(".,;:!?\"'`*“”‘’…")
"""Signs that are often lost where a model quotes."""

INSTRUCTIONS = """\
Two answers to the same request are nearly alike. One of them holds an error that the other does not. Compare them, \
check every fact, number and step in which they differ, and find the error.

Kinds of error:
{types}

Reply with one JSON object and nothing else:
{{"better": "A" or "B", the answer without the error,
 "error_type": the kind of error in the other answer, one of {names},
 "quote": the few words of the other answer that are wrong, copied exactly}}"""


@dataclass(frozen=True)
class Opinion:
    """What a model said of two answers in one order."""

    better: Literal["chosen", "negative"]
    error_type: str
    quote: str


def judge_check(engine: Engine, types: Sequence[ErrorTypeSection] = ()) -> Check:
    """The check that asks an engine; `types` are a recipe's own error types."""

    def judge(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
        """Pass where it finds the error twice, fail where it prefers the negative twice, else not judged."""
        chosen_first = Random(f"{sample.id}\n{candidate.text}").random() < 0.5
        first = ask(engine, sample, candidate, types, chosen_first=chosen_first)
        if first is None:
            return not_judged(JUDGE, f"no reply of {engine.name} could be read")
        if first.better == "chosen" and (doubt := _doubt(first, sample, candidate)):
            return not_judged(JUDGE, f"{engine.name} found the better answer, but {doubt}")
        second = ask(engine, sample, candidate, types, chosen_first=not chosen_first)
        return _verdict(engine.name, first, second, sample, candidate)

    return Check(judge, asks_model=True)


def _verdict(name: str, first: Opinion, second: Opinion | None, sample: Sample, candidate: Candidate) -> CheckResult:
    if second is None:
        return not_judged(JUDGE, f"no reply of {name} could be read")
    if first.better != second.better:
        return not_judged(JUDGE, f"{name} prefers the {'first' if first.better == 'chosen' else 'other'} answer, and "
                          "with the order swapped the other way round")  # fmt: skip
    if first.better == "negative":
        return failed(JUDGE, f"in both orders {name} prefers the text with the change")
    if doubt := _doubt(second, sample, candidate):
        return not_judged(JUDGE, f"{name} found the better answer, but {doubt}")
    return passed(JUDGE, f"{name} finds an error of {second.error_type} in both orders: {shortened(second.quote)!r}")


def _doubt(opinion: Opinion, sample: Sample, candidate: Candidate) -> str | None:
    """Why the right preference does not count: another type was named, or another place."""
    if opinion.error_type != candidate.error_type:
        return f"took the error for one of {opinion.error_type or 'no type'}"
    if not names_place(opinion.quote, sample.chosen, candidate.text):
        return f"quoted another place: {shortened(opinion.quote)!r}"
    return None


CHECKS.add(JUDGE, Check(lambda sample, candidate, settings: not_judged(JUDGE, "no judge was asked"), asks_model=True))


def ask(
    engine: Engine,
    sample: Sample,
    candidate: Candidate,
    types: Sequence[ErrorTypeSection] = (),
    *,
    chosen_first: bool,
) -> Opinion | None:
    """The engine's opinion in one order; None where its reply was cut, cannot be read, or did not come.

    Raises EngineError where it answers nobody, and StoppedError at a budget.
    """
    try:
        reply = engine.complete(judge_request(sample, candidate, types, chosen_first=chosen_first))
    except RequestError:
        return None
    if reply.finish_reason == "length":
        return None
    return read_opinion(reply.text, chosen_first=chosen_first)


def judge_request(
    sample: Sample, candidate: Candidate, types: Sequence[ErrorTypeSection] = (), *, chosen_first: bool
) -> Request:
    """The question about one pair in one order."""
    names = tuple(dict.fromkeys((*BUILT_IN_TYPES, candidate.error_type)))
    kinds = "\n".join(f"- {name}: {find_error_type(name, types).definition}" for name in names)
    instructions = INSTRUCTIONS.format(types=kinds, names=", ".join(f'"{name}"' for name in names))
    answers = [sample.chosen, candidate.text] if chosen_first else [candidate.text, sample.chosen]
    request = "\n\n".join(f"{message.role}: {message.content}" for message in sample.prompt)
    shown = f"REQUEST\n{request}\n\nANSWER A\n{answers[0]}\n\nANSWER B\n{answers[1]}\n\nWhich answer is better?"
    messages = (Message(role="system", content=instructions), Message(role="user", content=shown))
    return Request(messages, schema=_schema(names))


def _schema(names: Sequence[str]) -> dict[str, Any]:
    fields = {
        "better": {"type": "string", "enum": ["A", "B"]},
        "error_type": {"type": "string", "enum": list(names)},
        "quote": {"type": "string", "maxLength": 400},
    }
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def read_opinion(text: str, *, chosen_first: bool) -> Opinion | None:
    """The opinion in a reply: the last JSON object in it that names the better answer, whatever stands around it."""
    for found in reversed(json_objects(text)):
        letter = str(found.get("better", "")).strip().upper().removeprefix("ANSWER").strip(" .:\"'")
        if letter in ("A", "B"):
            is_chosen = (letter == "A") == chosen_first
            error_type = str(found.get("error_type", "")).strip().lower()
            return Opinion("chosen" if is_chosen else "negative", error_type, str(found.get("quote", "")))
    return None


def names_place(quote: str, chosen: str, text: str) -> bool:
    """Whether a quotation overlaps what differs: in the negative, or in the chosen answer where something went."""
    change = difference(chosen, text)
    new = [(hunk.after_start, hunk.after_end) for hunk in change.hunks]
    old = [(hunk.start, hunk.end) for hunk in change.hunks]
    return _overlaps(_quoted(quote, text), new) or _overlaps(_quoted(quote, chosen), old)


def quotes(quote: str, text: str) -> bool:
    """Whether a quotation is taken from a text."""
    return _quoted(quote, text) is not None


def _overlaps(place: tuple[int, int] | None, spans: Sequence[tuple[int, int]]) -> bool:
    if place is None:
        return False
    start, end = place
    return any(
        (first < end and start < last) if first < last else start - NEAR_CHARACTERS <= first <= end + NEAR_CHARACTERS
        for first, last in spans
    )


def _quoted(quote: str, text: str) -> tuple[int, int] | None:
    """Where a text holds the words of a quotation, or the better part of them in a row; None where it does not."""
    wanted = [word.text.casefold() for word in words(quote) if word.text not in PUNCTUATION]
    found = [word for word in words(text) if word.text not in PUNCTUATION]
    if not wanted or len(wanted) > MAX_QUOTE_WORDS:
        return None
    held = [word.text.casefold() for word in found]
    match = SequenceMatcher(None, held, wanted, autojunk=False).find_longest_match()
    enough = len(wanted) if len(wanted) <= MIN_COMMON_WORDS else max(MIN_COMMON_WORDS, (len(wanted) + 1) // 2)
    if match.size < enough:
        return None
    return found[match.a].start, found[match.a + match.size - 1].end
