"""Which of the chosen proposals the model reads in full, where reading all of them would cost too much.

An error at the head of a long answer makes the model read the answer again. What the answer's own pass tells for
nothing, the log-probability of the first token that differs, decides within a subtype who goes first.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import TypeVar

from seapo.inject.proposal import Context, Proposal, Reading
from seapo.inject.ranking import rank

T = TypeVar("T")
FEWEST = {"logic": 3}
FEWEST_OF_OTHERS = 2
"""So many proposals of a type are read whatever they cost: one may fail the checks, and verification balances what is
common to the negatives by choosing. Errors of logic are few and alike, and need one more for that."""


def affordable(
    chosen: Mapping[str, Sequence[Proposal]], contexts: Mapping[str, Context], reading: Reading, budget: int
) -> dict[str, list[Proposal]]:
    """For each type the proposals whose tokens, of all types together, fit a budget, its subtypes by turns.

    The first one that doesn't fit is the end, though cheaper ones may follow: else errors would stand at the end of
    answers, where they cost little.
    """
    costs = _measured(chosen, contexts, reading.costs)
    if sum(costs.values()) <= budget:
        return {name: list(own) for name, own in chosen.items()}
    glances = _measured(chosen, contexts, reading.glances)
    queues = {
        name: rank([(proposal, glances[id(proposal)]) for proposal in own], contexts[name].random(f"spend:{name}"))
        for name, own in chosen.items()
    }
    kept = {name: [one for one, _ in queue[: _fewest(name)]] for name, queue in queues.items()}
    budget -= sum(costs[id(proposal)] for own in kept.values() for proposal in own)
    further = [[(name, one) for one, _ in queue[_fewest(name) :]] for name, queue in queues.items()]
    for name, proposal in (pair for turn in zip_longest(*further) for pair in turn if pair is not None):
        budget -= costs[id(proposal)]
        if budget < 0:
            break
        kept[name].append(proposal)
    return kept


def _fewest(name: str) -> int:
    return FEWEST.get(name, FEWEST_OF_OTHERS)


def _measured(
    chosen: Mapping[str, Sequence[Proposal]],
    contexts: Mapping[str, Context],
    measure: Callable[[Sequence[str]], Sequence[T]],
) -> dict[int, T]:
    """A measure of all proposals' texts, by the proposals' identity."""
    named = [(name, proposal) for name, own in chosen.items() for proposal in own]
    values = measure([proposal.text(contexts[name].sample.chosen) for name, proposal in named])
    return {id(proposal): value for (_, proposal), value in zip(named, values, strict=True)}
