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
    """The samples of one optimiser step."""

    step: int
    """From 1."""
    epoch: float
    """Epochs done after this step."""
    members: tuple[int, ...]
    """Indices into the examples."""
    partners: tuple[int, ...]
    """For each member the example whose answers it borrows for KTO's KL estimate; empty where there is none."""


def plan_batches(
    examples: Sequence[Example], *, samples_per_step: int, epochs: float, seed: int, with_partners: bool
) -> list[Batch]:
    """The batches of the whole training: every epoch in an order of its own, drawn from (seed, sample id).

    The last batch of an epoch may be smaller. Raises TrainError where an example needs a partner and none has another
    prompt.
    """
    per_epoch = math.ceil(len(examples) / samples_per_step)
    batches = []
    for number in range(math.ceil(epochs * per_epoch)):
        epoch, place = divmod(number, per_epoch)
        order = _epoch_order(examples, seed, epoch)
        members = order[place * samples_per_step : (place + 1) * samples_per_step]
        partners = [_partner(examples, members, place) for place in range(len(members))] if with_partners else []
        batches.append(Batch(number + 1, (number + 1) / per_epoch, tuple(members), tuple(partners)))
    return batches


def mismatched_group(example: Example, partner: Example, max_length: int) -> Group:
    """A prompt with the answers of another one, cut so that each sequence keeps to `max_length` tokens."""
    room = max_length - len(example.prompt)
    return Group(example.prompt, [completion[:room] for completion in partner.completions])


def _epoch_order(examples: Sequence[Example], seed: int, epoch: int) -> list[int]:
    keys = [random.Random(f"{seed}:{example.id}:epoch {epoch}").random() for example in examples]
    return sorted(range(len(examples)), key=lambda index: (keys[index], index))


def _partner(examples: Sequence[Example], members: Sequence[int], place: int) -> int:
    """The next member of the step with another prompt, else the next such example of the data set.

    Never an example of the same prompt: its answers would be near-copies, and the estimate worth nothing.
    """
    own = members[place]
    following: list[int] = [*members[place + 1 :], *members[:place], *range(own + 1, len(examples)), *range(own)]
    for index in following:
        if examples[index].prompt != examples[own].prompt:
            return index
    raise TrainError(
        f"KTO compares answers across prompts, and all {len(examples)} samples to train on have the same prompt; "
        "add samples with other prompts, or choose train.method: dpo"
    )
