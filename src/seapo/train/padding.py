"""What the training cost in tokens, against a trainer that computes every prompt and answer whole, in padded rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seapo.recipe import TrainSection
from seapo.train import processes
from seapo.train.examples import Example
from seapo.train.loss import NEEDS_PAIRS
from seapo.train.plan import Plan
from seapo.train.step import StepSamples, lay_rows
from seapo.tree import Group


@dataclass(frozen=True)
class TokenCount:
    """Tokens that went through the model over a whole training, reference passes left out."""

    computed: int
    """In the packed trees."""
    padded: int
    """In rows of prompt + completion, padded to the longest of `per_device_train_batch_size` samples."""


def count_tokens(plan: Plan, model: Any) -> TokenCount:
    """Tokens of a training plan over all processes; KTO's mismatched pairs are among them on both sides."""
    groups = [[Group(example.prompt, example.completions)] for example in plan.examples]
    for own, mismatched in zip(groups, plan.mismatched, strict=False):
        own.append(mismatched)
    sizes = [sum(len(row) for one in own for row in lay_rows(model, [one], plan.settings)) for own in groups]
    padded = sum(
        padded_tokens(plan.samples(batch.members[rank :: processes.count()]), plan.settings)
        for batch in plan.batches
        for rank in range(processes.count())
    )
    return TokenCount(sum(sizes[member] for batch in plan.batches for member in batch.members), padded)


def padded_tokens(samples: StepSamples, settings: TrainSection) -> int:
    """Tokens of one step in padded micro-batches, padding included.

    A method of pairs pads the two rows of each pair together, the chosen answer once for every negative; the others
    have a row for each answer (`sft` for each good one) and, in batches of their own, for each mismatched answer.
    """
    size = settings.per_device_train_batch_size
    total = 0
    for start in range(0, len(samples.examples), size):
        total += _padded([length for one in samples.examples[start : start + size] for length in _own(one, settings)])
        total += _padded([length for group in samples.mismatched[start : start + size] for length in _lengths(group)])
    return total


def _own(example: Example, settings: TrainSection) -> list[int]:
    answers = list(example.answers)
    if settings.method in NEEDS_PAIRS:
        answers = [one for rejected in example.rejected for one in (example.chosen, rejected)]
    elif settings.method == "sft":
        answers = [one for one in answers if one.is_desirable]
    return [len(example.prompt) + len(answer.tokens) for answer in answers]


def _lengths(group: Group) -> list[int]:
    return [len(group.prompt) + len(completion) for completion in group.completions]


def _padded(lengths: Sequence[int]) -> int:
    return len(lengths) * max(lengths, default=0)
