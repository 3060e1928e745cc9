"""Asks a model which error a wrong answer makes, where a program cannot prove it."""

from collections.abc import Sequence
from dataclasses import dataclass

from seapo.diagnose.finding import OTHER
from seapo.diagnose.question import Question
from seapo.engine.request import Engine, Request, json_objects
from seapo.errors import RequestError
from seapo.recipe import ErrorTypeSection
from seapo.records import Message
from seapo.taxonomy import find_error_type

MAX_QUOTE = 400
INSTRUCTIONS = """\
An answer to a question is wrong. You are shown the question, a right answer, and the wrong one. Find the first error \
in the wrong answer, and say of which kind it is.

Kinds of error:
{types}
- other: none of these, such as no answer, a refusal, or a text that breaks off.

Reply with one JSON object and nothing else:
{{"error_type": one of {names},
 "quote": the few words of the wrong answer that hold the error, copied exactly}}"""


@dataclass(frozen=True)
class Opinion:
    """What the judge said."""

    error_type: str
    quote: str


def ask_judge(
    engine: Engine,
    question: Question,
    answer: str,
    error_types: Sequence[str],
    types: Sequence[ErrorTypeSection] = (),
) -> Opinion | None:
    """The judge's opinion; None where its reply was cut, cannot be read, names no known type, or quotes another text.

    Raises EngineError where it answers nobody, and StoppedError at a budget.
    """
    try:
        reply = engine.complete(judge_request(question, answer, error_types, types))
    except RequestError:
        return None
    if reply.finish_reason == "length":
        return None
    opinion = read_opinion(reply.text, (*error_types, OTHER))
    if opinion is None or (opinion.error_type != OTHER and not _stands_in(opinion.quote, answer)):
        return None
    return opinion


def judge_request(
    question: Question, answer: str, error_types: Sequence[str], types: Sequence[ErrorTypeSection] = ()
) -> Request:
    """The question to the judge."""
    kinds = "\n".join(f"- {name}: {find_error_type(name, types).definition}" for name in error_types)
    names = (*error_types, OTHER)
    told = INSTRUCTIONS.format(types=kinds, names=", ".join(f'"{name}"' for name in names))
    shown = f"QUESTION\n{question.question}\n\nRIGHT ANSWER\n{question.reference}\n\nWRONG ANSWER\n{answer}"
    fields = {
        "error_type": {"type": "string", "enum": list(names)},
        "quote": {"type": "string", "maxLength": MAX_QUOTE},
    }
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return Request((Message(role="system", content=told), Message(role="user", content=shown)), schema=schema)


def read_opinion(text: str, names: Sequence[str]) -> Opinion | None:
    """The last JSON object of a reply that names a known type, whatever stands around it."""
    for found in reversed(json_objects(text)):
        name = str(found.get("error_type", "")).strip().lower()
        if name in names:
            return Opinion(name, str(found.get("quote", ""))[:MAX_QUOTE])
    return None


def _stands_in(quote: str, answer: str) -> bool:
    """Whether the words of a quotation stand in the answer in a row, whatever the spaces and signs between them."""
    wanted, held = ("".join(c for c in text.casefold() if c.isalnum()) for text in (quote, answer))
    return len(wanted) > 0 and wanted in held
