"""Rows that no arm is trained on, and what each model makes of them: training should do other answers no harm.

How likely the model finds the good answer, per token; and of the answers that it writes itself their length, how much
they repeat themselves, and whether they refuse.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seapo.journal import Journal
from seapo.model.encoding import encode_chat
from seapo.recipe import DataSection, Recipe
from seapo.records import Record, Sample, digest
from seapo.source import read_source
from seapo.source.clean import draw
from seapo.verify.giveaways import REFUSALS

if TYPE_CHECKING:
    from seapo.model.chat import ChatScorer

VERSION = 1
KIND = "held_out"
"""Of the journal's entries."""
NGRAM = 4
LEAST_SHARE = 5
"""At most one in so many samples is held out, where the data is too small for what the recipe asks."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]


class HeldOutRow(Record):
    """What a model makes of one held-out sample."""

    id: str
    tokens: int
    """Of the good answer, with its end of turn."""
    logprob_nats: float
    """Of the good answer, summed over its tokens."""
    answer: str | None = None
    """What the model writes itself; None where it was not asked."""
    answer_tokens: int | None = None
    distinct: float | None = None
    """Share of the answer's runs of four tokens that are not repetitions; None for shorter answers."""
    is_refusal: bool | None = None


class SplitSummary(Record):
    """How the data is divided."""

    total: int
    """Good samples of the data."""
    limit: int
    """Samples that are trained on at most: `data.limit` of the arms."""
    held_out: int
    asked: int
    """As many as the recipe asks to hold out."""
    has_rejected: bool
    """Whether samples to train on have rejected answers of their own."""


@dataclass(frozen=True)
class Split:
    """The held-out samples, and how many are left to train on."""

    held_out: list[Sample]
    summary: SplitSummary
    training: tuple[Sample, ...] = ()
    """Empty where the split was read back."""


def split_data(recipe: Recipe) -> Split:
    """Read the data, and hold out rows: of `experiment.held_out_path`, or rows that `data.limit` leaves out.

    Where too few are left, the limit is lowered. A sample whose prompt is trained on, too, is not held out.
    """
    whole = read_source(recipe.data.model_copy(update={"limit": None}), seed=recipe.seed).samples
    wanted, total = recipe.experiment.held_out, len(whole)
    limit = min(recipe.data.limit or total, total)
    others = held_out_data(recipe)
    if others is None and total - limit < wanted:
        limit = total - max(total - limit, min(wanted, total // LEAST_SHARE))
    training = draw(whole, limit, seed=recipe.seed)
    prompts, ids = {sample.prompt for sample in training}, {sample.id for sample in training}
    if others is None:
        beyond = [sample for sample in draw(whole, limit + wanted, seed=recipe.seed) if sample.id not in ids]
        held = [sample for sample in beyond if sample.prompt not in prompts]
    else:
        found = read_source(others, seed=recipe.seed).samples
        held = draw([sample for sample in found if sample.prompt not in prompts], wanted, seed=recipe.seed)
    has_rejected = any(sample.rejected for sample in training)
    summary = SplitSummary(total=total, limit=limit, held_out=len(held), asked=wanted, has_rejected=has_rejected)
    return Split(held, summary, tuple(training))


def held_out_data(recipe: Recipe) -> DataSection | None:
    """The data of their own that held-out samples are drawn from, where there is any."""
    path = recipe.experiment.held_out_path
    return None if path is None else recipe.data.model_copy(update={"path": path, "limit": None})


def examine(
    samples: Sequence[Sample],
    load: Callable[[], "ChatScorer"],
    *,
    fingerprint: str,
    answer_tokens: int,
    max_length: int,
    journal: Journal,
    progress: Progress = lambda work: work,
) -> list[HeldOutRow]:
    """What a model makes of each sample; samples over `max_length` tokens are left out.

    `fingerprint` stands for the model. What the journal knows is not computed again; the model is loaded where it
    doesn't know all.
    """
    load = functools.cache(load)
    asked = [KIND, VERSION, fingerprint, answer_tokens, max_length]
    keys = [digest([*asked, [message.model_dump() for message in one.prompt], one.chosen]) for one in samples]
    known = {key: value for key in keys if (value := journal.get(key)) is not None}
    missing = [(sample, key) for sample, key in zip(samples, keys, strict=True) if key not in known]
    if missing:
        for key, value in progress(_computed(missing, load(), answer_tokens, max_length)):
            journal.put(key, KIND, value)
            known[key] = value
    rows = [(sample.id, known[key]) for sample, key in zip(samples, keys, strict=True)]
    return [HeldOutRow(id=sample_id, **value) for sample_id, value in rows if value != "too long"]


def _computed(
    missing: Sequence[tuple[Sample, str]], scorer: "ChatScorer", answer_tokens: int, max_length: int
) -> Iterable[tuple[str, Any]]:
    fitting: list[tuple[str, list[int], dict[str, Any]]] = []
    for sample, key in missing:
        encoded = encode_chat(scorer.tokenizer, sample.prompt, sample.chosen)
        if len(encoded.prompt) + len(encoded.completion) > max_length:
            yield key, "too long"
            continue
        (found,) = scorer.scores(sample.prompt, [sample.chosen])
        fitting.append((key, encoded.prompt, {"tokens": found.tokens, "logprob_nats": found.logprob_nats}))
    if not answer_tokens:
        yield from ((key, value) for key, _, value in fitting)
        return
    for place, answer in _answers(scorer, [prompt for _, prompt, _ in fitting], answer_tokens):
        key, _, value = fitting[place]
        yield key, value | describe_answer(answer, scorer.tokenizer(answer, add_special_tokens=False)["input_ids"])


def _answers(scorer: "ChatScorer", prompts: Sequence[Sequence[int]], limit: int) -> Iterable[tuple[int, str]]:
    """(place, greedy answer), as soon as each is finished."""
    from seapo.model import writing

    context = getattr(scorer.model.config, "max_position_embeddings", None) or 1 << 30
    asked = [
        writing.Asked(
            tuple(prompt),
            writing.Settings((), max(1, min(limit, context - len(prompt)))),
            "",
            "a held-out prompt",
        )
        for prompt in prompts
    ]
    for place, written in writing.generate(scorer.model, scorer.tokenizer, asked, name=scorer.name):
        yield place, written.text.strip()


def describe_answer(text: str, tokens: Sequence[int]) -> dict[str, Any]:
    """Length, repetition and refusal of an answer.

    Of the tokens 1 2 3 4 1 2 3 4 the runs of four are 1234, 2341, 3412, 4123, 1234: four of five are distinct.
    """
    runs = [tuple(tokens[start : start + NGRAM]) for start in range(len(tokens) - NGRAM + 1)]
    return {
        "answer": text,
        "answer_tokens": len(tokens),
        "distinct": round(len(set(runs)) / len(runs), 6) if runs else None,
        "is_refusal": any(pattern.search(text) for pattern in REFUSALS),
    }
