"""Sequences of which the last tokens are scored, as one prefix tree over all of them, computed part by part.

Sorted by their tokens, sequences that begin alike stand together. Where what follows a common beginning fits into a
row, it is one row; where it doesn't, the beginning becomes a trunk whose keys are kept, and its branches are laid into
rows. A few-shot head of all questions, a question of all its choices: each is computed once. Trunks lengthen and
shorten as the tree is walked, so what is kept is never more than one path of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seapo.evaluate.plain import Request
from seapo.tree import Branch, CompletionScores, Trunk
from seapo.tree.pack import common_length

TOKENS_PER_ROW = 1024
WORTH_KEEPING = 16
"""Tokens in common below which a trunk is not lengthened: a short pass costs more than it saves."""


@dataclass(frozen=True)
class Score:
    """What a model says of the last tokens of a sequence."""

    logprob_nats: float
    """Summed over them."""
    is_greedy: bool
    """Whether each of them is the model's first choice."""


@dataclass(frozen=True)
class Lengthen:
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

    steps: tuple[Lengthen | Compute, ...]
    tokens: int
    """Computed in all steps."""


class _Sorted:
    """Sequences without their last tokens, in order, and what neighbours share."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        chains = [tuple(sequence[:-1]) for sequence in sequences]
        self.order = sorted(range(len(chains)), key=lambda place: chains[place])
        self.lengths = [len(chains[place]) for place in self.order]
        pairs = zip(self.order, self.order[1:], strict=False)
        self.shared = [0, *(common_length(chains[left], chains[right]) for left, right in pairs)]
        """Tokens in common with the one before."""
        self.sums = [0]
        for length, shared in zip(self.lengths, self.shared, strict=True):
            self.sums.append(self.sums[-1] + length - shared)

    def depth(self, first: int, last: int) -> int:
        """Tokens that all sequences from `first` to before `last` begin with."""
        return min(self.shared[first + 1 : last], default=self.lengths[first])

    def size(self, first: int, last: int, above: int) -> int:
        """Tokens of their tree below the first `above`."""
        return self.sums[last] - self.sums[first + 1] + self.lengths[first] - above

    def children(self, first: int, last: int, depth: int) -> list[tuple[int, int]]:
        """The parts that go different ways after `depth` tokens."""
        starts = [first, *(place for place in range(first + 1, last) if self.shared[place] == depth), last]
        return list(zip(starts, starts[1:], strict=False))


def plan_forest(sequences: Sequence[Sequence[int]], *, tokens_per_row: int = TOKENS_PER_ROW) -> Plan:
    """How to score the sequences; none may be empty. What a step computes fits a row where one sequence does."""
    tree = _Sorted(sequences)
    steps: list[Lengthen | Compute] = []
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
            steps.append(Lengthen(tree.order[first], depth))
            tokens += depth - above
            trunk = depth
        to_do += [(*part, trunk) for part in reversed(tree.children(first, last, depth))]
    flush()
    return Plan(tuple(steps), tokens)


def score_forest(
    model: Any, requests: Sequence[Request], *, tokens_per_row: int = TOKENS_PER_ROW
) -> Iterator[dict[int, Score]]:
    """Scores of the requests, each under its place in the list, as soon as their rows are computed."""
    plan = plan_forest([request.tokens for request in requests], tokens_per_row=tokens_per_row)
    trunk = Trunk(model)
    for step in plan.steps:
        if isinstance(step, Lengthen):
            _become(trunk, requests[step.like].tokens[: step.length])
            continue
        branches = [_branch(trunk, requests[place]) for place in step.places]
        for scores in trunk.score_rows(branches, max_tokens_per_row=tokens_per_row):
            yield {step.places[index]: _summed(one) for index, one in scores.items()}


def _become(trunk: Trunk, tokens: Sequence[int]) -> None:
    shared = common_length(trunk.tokens, tokens)
    trunk.cut(shared)
    trunk.extend(tokens[shared:])


def _branch(trunk: Trunk, request: Request) -> Branch:
    at = min(common_length(trunk.tokens, request.tokens), request.start)
    return Branch(at, request.tokens[at:], request.start - at)


def _summed(scores: CompletionScores) -> Score:
    return Score(float(scores.logprobs.double().sum()), bool(scores.is_argmax.all()))
