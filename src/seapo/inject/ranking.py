"""Which proposals a model looks at, and the order in which verification tries them.

The log-probability of a whole answer favours short edits: a changed digit costs little, an inserted clause much. Ranked
by it alone, every negative would be of one or two subtypes. So each sample and type draws an order of the subtypes,
and plausibility decides within a subtype only.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from random import Random
from typing import TypeVar

from seapo.inject.proposal import Offer, Proposal

T = TypeVar("T", Offer, Proposal)

FIRST_SUBTYPES = 3
"""So many subtypes of a type get most of its places, so that plausibility has something to choose from in each."""
WEIGHTS = {
    "wrong_choice": 8.0,
    "wrong_arithmetic": 3.0,
    "wrong_operator": 2.0,
    "wrong_number": 1.5,
    "wrong_place": 1.5,
    "wrong_date": 1.5,
    "negated_fact": 0.7,
    "wrong_term": 0.7,
    "contradiction": 1.5,
    "wrong_conclusion": 2.5,
    "wrong_step": 2.0,
    "wrong_condition": 1.0,
    "wrong_connective": 1.2,
    "overgeneralisation": 0.2,
    "missing_step": 0.6,
    "swapped_steps": 0.6,
    "invented_premise": 4.0,
    "invented_api": 4.0,
    "invented_source": 1.2,
    "invented_statistic": 1.5,
    "invented_entity": 1.2,
    "invented_event": 0.6,
    "invented_quotation": 0.4,
}
"""How readily a subtype is drawn first; 1 for those not named. High where reading showed a clear error nearly always,
low where the answer stays half right (see docs/injection.md)."""


def choose(offers: Iterable[Offer], limit: int, rng: Random) -> list[Proposal]:
    """At most `limit` proposals of one type: several of each of a few subtypes, by turns of their injectors.

    The order is drawn over all subtypes that are offered, whether or not a proposal comes of it, and nothing is made
    of an offer before its turn comes. A subtype's place depends on its own draw alone, so those that exist come in the
    same order as if all had been made first.
    """
    groups, share = _by_subtype(offers), -(-limit // FIRST_SUBTYPES)
    taken, queues = list[Proposal](), list[Iterator[Proposal]]()
    for subtype in subtype_order(groups, rng):
        queue = _by_turns(groups[subtype])
        wanted = share if len(queues) < FIRST_SUBTYPES else 1
        if found := list(islice(queue, min(wanted, limit - len(taken)))):
            queues.append(queue)
            taken += found
    for queue in queues:
        taken += islice(queue, limit - len(taken))
    return taken


def rank(scored: Sequence[tuple[Proposal, float]], rng: Random) -> list[tuple[Proposal, float]]:
    """Proposals of one type with the log-probability of their texts, in the order in which to try them.

    The best of the first subtype, the best of the second, ..., then the second best of each.
    """
    values = {id(proposal): value for proposal, value in scored}
    groups = _by_subtype(proposal for proposal, _ in scored)
    queues = [sorted(groups[subtype], key=lambda p: -values[id(p)]) for subtype in subtype_order(groups, rng)]
    rounds = chain.from_iterable(zip_longest(*queues))
    return [(proposal, values[id(proposal)]) for proposal in rounds if proposal is not None]


def subtype_order(subtypes: Iterable[str], rng: Random) -> list[str]:
    """The subtypes in an order drawn with their weights: each has a chance to be first."""
    keys = {subtype: rng.random() ** (1 / WEIGHTS.get(subtype, 1.0)) for subtype in sorted(subtypes)}
    return sorted(keys, key=lambda subtype: -keys[subtype])


def _by_subtype(things: Iterable[T]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for each in things:
        groups.setdefault(each.subtype, []).append(each)
    return groups


def _by_turns(offers: Sequence[Offer]) -> Iterator[Proposal]:
    """Proposals so that rules and models, and different rules, alternate; each keeps its own order."""
    waiting = deque(offer.proposals for offer in offers)
    while waiting:
        proposals = waiting.popleft()
        for proposal in islice(proposals, 1):
            yield proposal
            waiting.append(proposals)
