"""The model's answers to questions: greedy, in batches, each kept in the journal before it is used."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from seapo.diagnose.question import Question
from seapo.engine.request import Engine, Request
from seapo.errors import RequestError
from seapo.journal import Journal
from seapo.parallel import chunks, in_order
from seapo.records import Message, Record, digest

KIND = "answer"
"""Of the journal's entries."""
VERSION = 2
"""Raised when the same question would be asked in another way, so that old entries are not found."""
MIN_ROOM = 16
"""Tokens that must be left for the answer in the model's context; a longer question is not asked."""
PLAIN = "Question: {question}\nAnswer:"
"""How a model without a chat template is asked."""
STOP = "\nQuestion:"

Progress = Callable[[Iterable[Any]], Iterable[Any]]


class Reply(Record):
    """What the model wrote, or why it wrote nothing."""

    text: str = ""
    finish: Literal["stop", "length", "too_long", "unanswered"]
    """Ended by itself; cut at `max_completion_tokens`; not asked, since the question leaves the context no room; or
    the engine gave no usable reply."""


@dataclass(frozen=True)
class Answering:
    """How questions are answered by transformers."""

    load: Callable[[], tuple[Any, Any]]
    """Gives the model and its tokenizer; called where the journal does not know all answers."""
    fingerprint: str
    """Stands for weights, template and number type."""
    max_completion_tokens: int
    batch_size: int


def model_replies(
    questions: Sequence[Question], how: Answering, *, journal: Journal, progress: Progress = lambda work: work
) -> list[Reply]:
    """A reply to each question, in the order of the questions; a killed call repeats one batch.

    Raises ModelError where the model gives no numbers.
    """
    keys = [_key(question, how) for question in questions]
    known = {key: value for key in keys if (value := journal.get(key)) is not None}
    if any(key not in known for key in keys):
        model, tokenizer = how.load()
        encoded = [encode_question(tokenizer, question.question) for question in questions]
        for batch in progress(_batches(encoded, keys, known, how.batch_size)):
            for place, reply in zip(
                batch, generate(model, tokenizer, [encoded[each] for each in batch], how), strict=True
            ):
                journal.put(keys[place], KIND, reply.model_dump())
                known[keys[place]] = reply.model_dump()
    return [Reply.model_validate(known[key]) for key in keys]


def engine_replies(
    questions: Sequence[Question],
    engine: Engine,
    *,
    max_completion_tokens: int,
    threads: int,
    progress: Progress = lambda work: work,
) -> list[Reply]:
    """The same from a text engine, which has a journal of its own; raises EngineError, and StoppedError at a budget."""

    def ask(question: Question) -> Reply:
        messages = (Message(role="user", content=question.question),)
        try:
            reply = engine.complete(Request(messages, max_tokens=max_completion_tokens))
        except RequestError:
            return Reply(finish="unanswered")
        return Reply(text=reply.text, finish="length" if reply.finish_reason == "length" else "stop")

    with ThreadPoolExecutor(threads, thread_name_prefix="diagnose") as pool:
        return list(progress(in_order(pool, ask, questions, ahead=2 * threads)))


def encode_question(tokenizer: Any, question: str) -> list[int]:
    """Token ids of a question, up to where the answer begins: by the chat template, or as plain text without one."""
    if tokenizer.chat_template is None:
        plain: list[int] = tokenizer(PLAIN.format(question=question))["input_ids"]
        return plain
    turns = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def generate(model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], how: Answering) -> list[Reply]:
    """Greedy answers to a batch; those that leave no room in the context are left out, and say so."""
    from seapo.model import writing

    context = getattr(model.config, "max_position_embeddings", None) or 1 << 30
    stops = () if tokenizer.chat_template else (STOP,)
    replies = [Reply(finish="too_long") for _ in prompts]
    fitting = [place for place, prompt in enumerate(prompts) if len(prompt) + MIN_ROOM <= context]
    asked = []
    for place in fitting:
        room = min(how.max_completion_tokens, context - len(prompts[place]))
        asked.append(writing.Asked(tuple(prompts[place]), writing.Settings(stops, room), "", "a question"))
    written = writing.generate(model, tokenizer, asked, name="the model", batch_size=how.batch_size)
    for number, answer in written:
        replies[fitting[number]] = Reply(text=answer.text.strip(), finish=answer.finish)
    return replies


def _batches(
    encoded: Sequence[Sequence[int]], keys: Sequence[str], known: dict[str, Any], size: int
) -> list[list[int]]:
    """Places of the questions, those of like length together; a batch with an unknown answer is computed as a whole.

    They are planned over all questions, known or not, so that a resumed call computes in the same company as a first.
    """
    order = sorted(range(len(encoded)), key=lambda place: (len(encoded[place]), keys[place]))
    return [batch for batch in chunks(order, size) if any(keys[place] not in known for place in batch)]


def _key(question: Question, how: Answering) -> str:
    return digest([KIND, VERSION, how.fingerprint, how.max_completion_tokens, question.question])
