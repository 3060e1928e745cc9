"""The stage: items and a model -> scores, each kept in the journal before it is used."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seapo.errors import ModelError
from seapo.evaluate.scoring import DECIMALS, score_item
from seapo.journal import Journal
from seapo.records import ChoiceItem, ItemScore, digest

if TYPE_CHECKING:
    from seapo.model.chat import ChatScorer

ENCODING = 1
"""Raised when the same item would be encoded or summed in another way, so that old entries are not found."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class _Work:
    """Items that are scored together, as places in the list of items."""

    places: tuple[int, ...]
    compute: Callable[[], list[list[float]]]


def evaluate(
    items: Sequence[ChoiceItem],
    scorer: Callable[[], "ChatScorer"],
    *,
    fingerprint: str,
    journal: Journal | None = None,
    progress: Progress = lambda work: work,
) -> list[ItemScore]:
    """Score every item, in the order of the items; `fingerprint` stands for weights, adapter and dtype.

    What the journal knows is not computed again, and where it knows all, `scorer` is not called and no model loaded. A
    killed run repeats one item, or one batch of plain-text items. Raises ModelError where a model gives no numbers.
    """
    keys = [_key(item, fingerprint) for item in items]
    known: dict[str, list[float]] = {}
    if journal is not None:
        known = {key: value for key in keys if (value := journal.get(key)) is not None}
    if any(key not in known for key in keys):
        _compute(items, keys, known, scorer(), journal, progress)
    return [score_item(item, known[key]) for item, key in zip(items, keys, strict=True)]


def _compute(
    items: Sequence[ChoiceItem],
    keys: Sequence[str],
    known: dict[str, list[float]],
    scorer: "ChatScorer",
    journal: Journal | None,
    progress: Progress,
) -> None:
    # Batches are planned over all items, known or not, so that a resumed run computes in the same company as a first.
    pending = [work for work in _plan(items, scorer) if any(keys[place] not in known for place in work.places)]
    for work in progress(pending):
        for place, logprobs in zip(work.places, work.compute(), strict=True):
            if not all(math.isfinite(logprob) for logprob in logprobs):
                raise ModelError(f"{scorer.name} gives the choices of item {items[place].id!r} no finite probability")
            value = [round(logprob, DECIMALS) for logprob in logprobs]
            if journal is not None:
                journal.put(keys[place], "evaluate", value)
            known.setdefault(keys[place], value)


def _plan(items: Sequence[ChoiceItem], scorer: "ChatScorer") -> Iterator[_Work]:
    from seapo.evaluate.plain import Batch, batch_logprobs, plan_batches

    def plain_work(batch: Batch) -> _Work:
        return _Work(batch.items, lambda: batch_logprobs(scorer.model, batch))

    for place, item in enumerate(items):
        if item.prompt is not None:
            yield _chat_work(place, item, scorer)
    plain = [place for place, item in enumerate(items) if item.prompt is None]
    yield from map(plain_work, plan_batches(scorer.tokenizer, items, plain))


def _chat_work(place: int, item: ChoiceItem, scorer: "ChatScorer") -> _Work:
    assert item.prompt is not None
    prompt = item.prompt
    return _Work((place,), lambda: [scorer.logprobs(prompt, item.choices)])


def _key(item: ChoiceItem, fingerprint: str) -> str:
    """What the log-probabilities follow from; how they are turned into a score is no part of it."""
    asked = item.model_dump(mode="json", include={"prompt", "context", "choices"})
    return digest({"stage": "evaluate", "encoding": ENCODING, "model": fingerprint, "asked": asked})
