"""Which samples make up each optimiser step: a plan that follows from ids and seed, before anything is computed."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seapo.errors import TrainError
from seapo.train.epochs import Views, order_of
from seapo.train.examples import Example
from seapo.tree import Group

GOOD, BOTH, BAD = "good", "both", "bad"


@dataclass(frozen=True)
class Batch:
    """The samples of one optimiser step, over all processes."""

    step: int
    """From 1."""
    epoch: float
    """Epochs done after this step."""
    members: tuple[int, ...]
    """Indices into the examples, or into their views."""


def plan_batches(views: Views, *, samples_per_step: int, epochs: float, seed: int, processes: int = 1) -> list[Batch]:
    """The batches of the whole training: every epoch in an order of its own, drawn from (seed, sample id).

    Where the examples have an order, every epoch follows it, and the draw decides between equals.
    `samples_per_step` counts the samples of all processes, of which process r of n takes `members[r::n]`. Where samples
    have answers of one label only, both labels are spread evenly over the steps, and each step, and each process's
    share of it, holds both as long as both are left. The processes change which samples make up a step only where one
    label is so rare that it would not reach all of them. The last batch of an epoch may be smaller.
    """
    labels = [_labels(example) for example in views.examples]
    batches: list[Batch] = []
    for epoch, members in enumerate(views.epochs[: math.ceil(epochs)]):
        order = _epoch_order(views.examples, members, seed, epoch)
        steps = list(_spread(order, labels, samples_per_step, processes))
        wanted = math.ceil(round((epochs - epoch) * len(steps), 9))
        for place, step in enumerate(steps[:wanted], start=1):
            batches.append(Batch(len(batches) + 1, epoch + place / len(steps), step))
    return batches


def mismatched_groups(examples: Sequence[Example], *, max_length: int, seed: int) -> list[Group]:
    """For each example its prompt with one answer of another prompt, for KTO's KL estimate.

    The answer is drawn from (seed, sample id), once for the whole training, so that its reference log-probability is
    computed once; never from an example of the same prompt: its answers would be near-copies, and the estimate worth
    nothing. It is cut so that the sequence keeps to `max_length` tokens.
    Raises TrainError where all examples have the same prompt.
    """
    by_prompt: dict[tuple[int, ...], list[Example]] = {}
    for example in examples:
        by_prompt.setdefault(example.prompt, []).append(example)
    if len(by_prompt) < 2:
        raise TrainError(
            f"KTO compares answers across prompts, and all {len(examples)} samples to train on have the same prompt; "
            "add samples with other prompts, choose train.method: dpo, or leave the term out with train.kl: none"
        )
    places = {prompt: place for place, prompt in enumerate(by_prompt)}
    others = list(by_prompt.values())
    groups = []
    for example in examples:
        draw = random.Random(f"{seed}:{example.id}:kl")
        place = draw.randrange(len(others) - 1)
        partner = draw.choice(others[place + (place >= places[example.prompt])])
        answer = draw.choice(partner.answers)
        groups.append(Group(example.prompt, [answer.tokens[: max_length - len(example.prompt)]]))
    return groups


def _labels(example: Example) -> str:
    """Which labels the example's answers have."""
    labels = {answer.is_desirable for answer in example.answers}
    return BOTH if len(labels) == 2 else GOOD if True in labels else BAD


def _spread(order: Sequence[int], labels: Sequence[str], size: int, processes: int) -> Iterator[tuple[int, ...]]:
    """The order in batches, each with its share of every label: good ones, then those with both, then bad ones.

    So laid out, the good ones lie side by side, and so do the bad ones: taking every n-th member gives each process
    some of both, if there are n of both.
    """
    waiting = {name: [index for index in order if labels[index] == name] for name in (GOOD, BOTH, BAD)}
    done = dict.fromkeys(waiting, 0)
    while sum(done.values()) < len(order):
        left = {name: len(waiting[name]) - done[name] for name in waiting}
        taken = _shares(left, min(size, sum(left.values())), processes)
        yield tuple(index for name in waiting for index in waiting[name][done[name] : done[name] + taken[name]])
        done = {name: done[name] + taken[name] for name in waiting}


def _shares(left: Mapping[str, int], size: int, processes: int) -> dict[str, int]:
    """How many samples of each label the next batch takes: in proportion, but enough for all processes if it can be."""
    is_one_short = min(left[GOOD], left[BAD]) < processes
    both = max(round(size * left[BOTH] / sum(left.values())), min(processes, size, left[BOTH]) if is_one_short else 0)
    size -= both
    single = left[GOOD] + left[BAD]
    least = max(min(processes - both, size // 2), 0)
    good = round(size * left[GOOD] / single) if single else 0
    good = max(good, min(least, left[GOOD]), size - left[BAD])
    good = min(good, size - min(least, left[BAD]), left[GOOD])
    return {GOOD: good, BOTH: both, BAD: size - good}


def _epoch_order(examples: Sequence[Example], members: Sequence[int], seed: int, epoch: int) -> list[int]:
    def key(index: int) -> tuple[float, float, int]:
        drawn = random.Random(f"{seed}:{examples[index].id}:epoch {epoch}").random()
        return order_of(examples[index]) or 0.0, drawn, index

    return sorted(members, key=key)
