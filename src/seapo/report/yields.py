"""What each strategy gave for each error type: candidates, negatives, and how these are known to be wrong."""

from collections import Counter

from seapo.records import Negative, Record, Status
from seapo.report.contents import RunContents


class StrategyYield(Record):
    """One strategy's share in one error type."""

    error_type: str
    strategy: str
    candidates: int | None
    """None before inject has finished, or where it counted none of this strategy."""
    negatives: int
    status: dict[Status, int]
    proofs: dict[str, int]
    """Check that proved the error -> number of negatives; one negative may have several proofs."""
    subtypes: dict[str, int]
    """Kind of error -> number of negatives, most first."""


def strategy_yields(contents: RunContents) -> tuple[StrategyYield, ...]:
    """A row for each error type and strategy that gave something, in the recipe's order of types."""
    found: dict[tuple[str, str], list[Negative]] = {}
    proposed = contents.inject.by_strategy if contents.inject else {}
    for name in contents.error_types:
        for strategy in sorted(proposed.get(name, {})):
            found[name, strategy] = []
    for negative in contents.negatives:
        found.setdefault((negative.error_type, negative.strategy), []).append(negative)
    order = {name: place for place, name in enumerate(contents.error_types)}
    keys = sorted(found, key=lambda key: (order.get(key[0], len(order)), key[1]))
    return tuple(_row(*key, proposed.get(key[0], {}).get(key[1]), found[key]) for key in keys)


def _row(error_type: str, strategy: str, candidates: int | None, negatives: list[Negative]) -> StrategyYield:
    return StrategyYield(
        error_type=error_type,
        strategy=strategy,
        candidates=candidates,
        negatives=len(negatives),
        status=dict(Counter(negative.verdict.status for negative in negatives).most_common()),
        proofs=dict(Counter(proof for negative in negatives for proof in negative.verdict.proofs).most_common()),
        subtypes=dict(Counter(negative.subtype for negative in negatives).most_common()),
    )
