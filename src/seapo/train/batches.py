"""Which samples make up each optimiser step: a plan that follows from ids and seed, before anything is computed."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from seapo.errors import TrainError
from seapo.train.examples import Example
from seapo.tree import Group


@dataclass(frozen=True)
class Batch:
    """The samples of one optimiser step, over all processes."""

    step: int
    """From 1."""
    epoch: float
    """Epochs done after this step."""
    members: tuple[int, ...]
    """Indices into the examples."""


def plan_batches(examples: Sequence[Example], *, samples_per_step: int, epochs: float, seed: int) -> list[Batch]:
    """The batches of the whole training: every epoch in an order of its own, drawn from (seed, sample id).

    The last batch of an epoch may be smaller.
    """
    per_epoch = math.ceil(len(examples) / samples_per_step)
    batches = []
    for number in range(math.ceil(epochs * per_epoch)):
        epoch, place = divmod(number, per_epoch)
        order = _epoch_order(examples, seed, epoch)
        members = order[place * samples_per_step : (place + 1) * samples_per_step]
        batches.append(Batch(number + 1, (number + 1) / per_epoch, tuple(members)))
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


def _epoch_order(examples: Sequence[Example], seed: int, epoch: int) -> list[int]:
    keys = [random.Random(f"{seed}:{example.id}:epoch {epoch}").random() for example in examples]
    return sorted(range(len(examples)), key=lambda index: (keys[index], index))
