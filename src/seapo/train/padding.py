"""What the training cost in tokens, against a trainer that computes every prompt and answer whole, in padded rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seapo.recipe import TrainSection
from seapo.train.step import StepSamples, lay_rows
from seapo.train.trainer import Plan
from seapo.tree import Group


@dataclass(frozen=True)
class TokenCount:
    """Tokens that went through the model over a whole training, reference passes left out."""

    computed: int
    """In the packed trees."""
    padded: int
    """In rows of prompt + completion, padded to the longest of `per_device_train_batch_size` samples."""


def count_tokens(plan: Plan, model: Any) -> TokenCount:
    """Tokens of a training plan; KTO's mismatched pairs are among them on both sides."""
    computed = padded = 0
    for batch in plan.batches:
        samples = plan.samples(batch)
        own = [Group(example.prompt, example.completions) for example in samples.examples]
        for groups in (own, samples.mismatched):
            computed += sum(len(row) for row in lay_rows(model, groups, plan.settings))
        padded += padded_tokens(samples, plan.settings)
    return TokenCount(computed, padded)


def padded_tokens(samples: StepSamples, settings: TrainSection) -> int:
    """Tokens of one step in padded micro-batches, padding included.

    DPO pads the two rows of each pair together, the chosen answer once for every negative; KTO has a row for each
    answer and, in batches of their own, for each mismatched answer.
    """
    size = settings.per_device_train_batch_size
    total = 0
    for start in range(0, len(samples.examples), size):
        own = [
            len(example.prompt) + len(answer)
            for example in samples.examples[start : start + size]
            for rejected in example.rejected
            for answer in (example.chosen, rejected)
        ]
        if settings.method == "kto":
            own = [
                len(example.prompt) + len(answer)
                for example in samples.examples[start : start + size]
                for answer in example.completions
            ]
        total += _padded(own)
        total += _padded([length for group in samples.mismatched[start : start + size] for length in _lengths(group)])
    return total


def _lengths(group: Group) -> list[int]:
    return [len(group.prompt) + len(completion) for completion in group.completions]


def _padded(lengths: Sequence[int]) -> int:
    return len(lengths) * max(lengths, default=0)
