"""The stage: items and a model -> scores, each kept in the journal before it is used."""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seapo.errors import ModelError
from seapo.evaluate.scoring import DECIMALS, score_item
from seapo.journal import Journal
from seapo.progress import Counted
from seapo.records import ChoiceItem, ItemScore, digest

if TYPE_CHECKING:
    from seapo.model.chat import ChatScorer

ENCODING = 1
"""Raised when the same item would be encoded or summed in another way, so that old entries are not found."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]


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
    killed run repeats one item, or one row of plain-text items. Raises ModelError where a model gives no numbers.
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
    places = {key: place for place, key in reversed(list(enumerate(keys)))}  # of items that are asked twice, the first
    asked = [items[place] for place in places.values()]
    done = {number for number, key in enumerate(places) if key in known}
    names = list(places)
    for number, logprobs in progress(Counted(_scored(asked, done, scorer), len(asked) - len(done))):
        if not all(math.isfinite(logprob) for logprob in logprobs):
            raise ModelError(f"{scorer.name} gives the choices of item {asked[number].id!r} no finite probability")
        value = [round(logprob, DECIMALS) for logprob in logprobs]
        if journal is not None:
            journal.put(names[number], "evaluate", value)
        known[names[number]] = value


def _scored(
    items: Sequence[ChoiceItem], done: Container[int], scorer: "ChatScorer"
) -> Iterator[tuple[int, list[float]]]:
    """(place, log-probabilities of its choices) of each item that is not done, as soon as it is scored."""
    for place, item in enumerate(items):
        if item.prompt is not None and place not in done:
            yield place, scorer.logprobs(item.prompt, item.choices)
    if plain := [place for place, item in enumerate(items) if item.prompt is None]:
        yield from _plain_scored(plain, items, done, scorer)


def _plain_scored(
    places: Sequence[int], items: Sequence[ChoiceItem], done: Container[int], scorer: "ChatScorer"
) -> Iterator[tuple[int, list[float]]]:
    from seapo.evaluate.forest import score_forest
    from seapo.evaluate.plain import PairEncoder

    encoder = PairEncoder(scorer.tokenizer)
    requests = [
        (place, request)
        for place in sorted(places, key=lambda place: str(items[place].context))
        for request in encoder.encode_item(items[place])
    ]
    missing = {place: len(items[place].choices) for place in places}
    found: dict[int, float] = {}
    skipped = {number for number, (place, _) in enumerate(requests) if place in done}
    owned: dict[int, list[int]] = {}
    for number, (place, _) in enumerate(requests):
        owned.setdefault(place, []).append(number)
    for scores in score_forest(scorer.model, [request for _, request in requests], done=skipped):
        for number, score in scores.items():
            place, _ = requests[number]
            found[number] = score.logprob_nats
            missing[place] -= 1
            if not missing[place] and place not in done:
                yield place, [found[own] for own in owned[place]]


def _key(item: ChoiceItem, fingerprint: str) -> str:
    """What the log-probabilities follow from; how they are turned into a score is no part of it."""
    asked = item.model_dump(mode="json", include={"prompt", "context", "choices"})
    return digest({"stage": "evaluate", "encoding": ENCODING, "model": fingerprint, "asked": asked})
