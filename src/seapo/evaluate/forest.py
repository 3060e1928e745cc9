"""Sequences of which the last tokens are scored, as one prefix tree over all of them, computed part by part.

Sorted by their tokens, sequences that begin alike stand together. Where what follows a common beginning fits into a
row, it is one row; where it doesn't, the beginning becomes a trunk whose keys are kept, and its branches are laid into
rows. A few-shot head of all questions, a question of all its choices: each is computed once. Trunks lengthen and
shorten as the tree is walked, so what is kept is never more than one path of it.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seapo.evaluate.plain import Request
from seapo.tree import Branch, CompletionScores, Trunk
from seapo.tree.pack import common_length
from seapo.tree.sequences import WORTH_KEEPING, SortedSequences

TOKENS_PER_ROW = 1024


@dataclass(frozen=True)
class Score:
    """What a model says of the last tokens of a sequence."""

    logprob_nats: float
    """Summed over them."""
    is_greedy: bool
    """Whether each of them is the model's first choice."""


@dataclass(frozen=True)
class Become:
    """The trunk becomes the first tokens of a sequence."""

    like: int
    length: int


@dataclass(frozen=True)
class Compute:
    """Sequences that one or more rows score, all beginning with the trunk as it is."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Steps that score all sequences."""

    steps: tuple[Become | Compute, ...]
    tokens: int
    """Computed in all steps."""


def plan_forest(sequences: Sequence[Sequence[int]], *, tokens_per_row: int = TOKENS_PER_ROW) -> Plan:
    """How to score the sequences; none may be empty. What a step computes fits a row where one sequence does."""
    tree = SortedSequences(sequences)
    steps: list[Become | Compute] = []
    pending: list[int] = []
    tokens = held = 0

    def flush() -> None:
        nonlocal held
        if pending:
            steps.append(Compute(tuple(pending)))
            pending.clear()
        held = 0

    to_do = [(0, len(tree.order), 0)] if tree.order else []  # (first, last, tokens of the trunk), walked depth first
    trunk = 0
    while to_do:
        first, last, above = to_do.pop()
        if above < trunk:
            flush()
            trunk = above
            steps.append(Become(tree.order[first], above))
        depth, size = tree.depth(first, last), tree.size(first, last, above)
        if size <= tokens_per_row or last - first == 1:
            if held + size > tokens_per_row:
                flush()
            pending += tree.order[first:last]
            held += size
            tokens += size
            continue
        if depth - above >= WORTH_KEEPING:
            flush()
            steps.append(Become(tree.order[first], depth))
            tokens += depth - above
            trunk = depth
        to_do += [(*part, trunk) for part in reversed(tree.children(first, last, depth))]
    flush()
    return Plan(tuple(steps), tokens)


def score_forest(
    model: Any, requests: Sequence[Request], *, tokens_per_row: int = TOKENS_PER_ROW, done: Container[int] = ()
) -> Iterator[dict[int, Score]]:
    """Scores of the requests, each under its place in the list, as soon as their rows are computed.

    Steps of which all requests are `done` are left out; the others are planned as if none were, so that a resumed run
    computes in the same company as a first one, to the same last digit.
    """
    plan = plan_forest([request.tokens for request in requests], tokens_per_row=tokens_per_row)
    trunk = Trunk(model)
    head: Sequence[int] = ()
    knots: list[int] = []  # lengths at which the trunk was lengthened, so that it is so again where steps are left out
    for step in plan.steps:
        if isinstance(step, Become):
            head = requests[step.like].tokens[: step.length]
            knots = [*(knot for knot in knots if knot < step.length), step.length]
        elif not all(place in done for place in step.places):
            _become(trunk, head, knots)
            branches = [_branch(trunk, requests[place]) for place in step.places]
            for scores in trunk.score_rows(branches, max_tokens_per_row=tokens_per_row):
                yield {step.places[index]: _summed(one) for index, one in scores.items()}


def _become(trunk: Trunk, tokens: Sequence[int], knots: Sequence[int]) -> None:
    shared = common_length(trunk.tokens, tokens)
    trunk.cut(max((knot for knot in knots if knot <= shared), default=0))
    for knot in knots:
        trunk.extend(tokens[len(trunk) : knot])


def _branch(trunk: Trunk, request: Request) -> Branch:
    at = min(common_length(trunk.tokens, request.tokens), request.start)
    return Branch(at, request.tokens[at:], request.start - at)


def _summed(scores: CompletionScores) -> Score:
    return Score(float(scores.logprobs.double().sum()), bool(scores.is_argmax.all()))
