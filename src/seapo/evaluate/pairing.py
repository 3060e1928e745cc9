"""Do several models' scores belong together? The same items, protocol and prompts; else a sentence says what to do."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from seapo.errors import DataError
from seapo.evaluate.clusters import Pair
from seapo.records import ItemScore

Key = tuple[str, str]
"""A task, and an item's id in it."""
Scores = Mapping[Key, ItemScore]


def matched(scores: Mapping[str, Sequence[ItemScore]], *, common: bool) -> dict[str, dict[Key, ItemScore]]:
    """The scores of each model by item, the items in the order of the first; all models have the same.

    scores: name of a model -> its scores. With `common`, items that not all models were asked are left out. Raises
    DataError that says what does not fit and what to do: other items, another protocol, other prompts.
    """
    by_item = {name: _by_item(name, found) for name, found in scores.items()}
    names = list(by_item)
    if not common:
        for name in names[1:]:
            _check_same_items(names[0], by_item[names[0]], name, by_item[name])
    shared = [key for key in by_item[names[0]] if all(key in found for found in by_item.values())]
    if not shared and any(by_item.values()):
        raise DataError(
            f"{' and '.join(names)} were asked no item in common; evaluate them with the same tasks, limit and seed"
        )
    kept = {name: {key: found[key] for key in shared} for name, found in by_item.items()}
    for name in names[1:]:
        _check_same_asking(names[0], kept[names[0]], name, kept[name])
    return kept


def pairs_of(base: Scores, other: Scores) -> list[Pair]:
    """The items of two models whose scores belong together."""
    return [Pair(score, other[key]) for key, score in base.items()]


def _by_item(name: str, scores: Sequence[ItemScore]) -> dict[Key, ItemScore]:
    twice = [key for key, count in Counter((score.task, score.id) for score in scores).items() if count > 1]
    if twice:
        raise DataError(f"{name}: {_item(twice[0])} is scored twice; evaluate the model anew")
    outside = [score for score in scores if not 0 <= score.value <= 1]
    if outside:
        first = outside[0]
        raise DataError(
            f"{name}: {_item((first.task, first.id))} has the score {first.value}; scores are between 0 and 1, so the "
            "model has to be evaluated anew"
        )
    return {(score.task, score.id): score for score in scores}


def _check_same_items(first: str, one: Scores, second: str, other: Scores) -> None:
    missing, added = [key for key in one if key not in other], [key for key in other if key not in one]
    if missing or added:
        both = len(one) - len(missing)
        advice = f", or compare the {both} items of both with --common" if both else ""
        raise DataError(
            f"{first} and {second} were not asked the same items: {_only(missing, first)}, {_only(added, second)}, "
            f"{both} of both; evaluate both with the same tasks, limit and seed{advice}"
        )


def _check_same_asking(first: str, one: Scores, second: str, other: Scores) -> None:
    protocols = [_listed(score.protocol for score in scores.values()) for scores in (one, other)]
    if protocols[0] != protocols[1]:
        raise DataError(
            f"{first} was asked by the protocol {protocols[0]} and {second} by {protocols[1]}: scores of two ways of "
            "asking do not compare; evaluate both by the same protocol"
        )
    metrics = [key for key, score in one.items() if score.metric != other[key].metric]
    if metrics:
        key = metrics[0]
        raise DataError(
            f"{_item(key)} is scored as {one[key].metric!r} in {first} and as {other[key].metric!r} in {second}; "
            "evaluate both with the same version of the task"
        )
    prompts = [key for key, score in one.items() if score.prompt_hash != other[key].prompt_hash]
    if prompts:
        raise DataError(
            f"{len(prompts)} of {len(one)} items were put to {second} with another prompt than to {first}, the first "
            f"of them {_item(prompts[0])}: other few-shot examples, another template or another version of the data; "
            "evaluate both with the same settings"
        )


def _listed(protocols: Iterable[str]) -> str:
    return " and ".join(sorted({repr(name) if name else "of the suites' own" for name in protocols})) or "none"


def _only(keys: Sequence[Key], name: str) -> str:
    return f"{len(keys)} of {name} alone (the first: {_item(keys[0])})" if keys else f"none of {name} alone"


def _item(key: Key) -> str:
    return f"item {key[1]!r} of task {key[0]!r}"
