"""Reference log-probabilities: those of the untouched model, computed once per sample and journalled."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seapo.journal import Journal
from seapo.records import digest
from seapo.train.examples import Example
from seapo.tree import Group, fused, score, score_tokens

T_Groups = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class ReferenceModel:
    """The model that rewards are measured from."""

    model: Any
    fingerprint: str
    """Stands for its weights."""
    journal: Journal | None = None
    max_tokens_per_row: int = 2048


def reference_logprobs(
    reference: ReferenceModel,
    examples: Sequence[Example],
    *,
    edit_weight: float = 1.0,
    progress: T_Groups = lambda items: items,
) -> list[list[float]]:
    """For each example the log-probabilities of its answers, in nats, summed over weighted tokens.

    One tree an example: a value never depends on what else is computed, and where a tree is trained in a row of its
    own, both passes round alike. What is journalled are the sums over all tokens and over those inside edits, so that
    every `edit_weight` is served by one computation.
    """
    found = []
    for example in progress(examples):
        group = Group(example.prompt, example.completions)
        edited = [answer.edited for answer in example.answers]

        def compute(group: Group = group, edited: Sequence[Sequence[int]] = edited) -> list[list[float]]:
            return _sums(reference, group, edited)

        if reference.journal is None:
            sums = compute()
        else:
            key = digest([*_key(reference), group.prompt, group.completions, edited])
            sums = reference.journal.remember(key, "reference", compute)
        found.append([whole + (edit_weight - 1) * inside if edit_weight != 1 else whole for whole, inside in sums])
    return found


def group_logprobs(
    reference: ReferenceModel, groups: Sequence[Group], *, progress: T_Groups = lambda items: items
) -> list[list[float]]:
    """For each group the log-probabilities of its completions, in nats."""
    found = []
    for group in progress(groups):

        def compute(group: Group = group) -> list[float]:
            with torch.inference_mode(), fused(reference.model):
                (scores,) = score(reference.model, [group], max_tokens_per_row=reference.max_tokens_per_row)
            return [float(value) for value in scores]

        if reference.journal is None:
            found.append(compute())
        else:
            key = digest([*_key(reference), group.prompt, group.completions])
            found.append(reference.journal.remember(key, "reference", compute))
    return found


def _key(reference: ReferenceModel) -> list[str]:
    return ["reference", reference.fingerprint, str(reference.model.dtype)]


def _sums(reference: ReferenceModel, group: Group, edited: Sequence[Sequence[int]]) -> list[list[float]]:
    with torch.inference_mode(), fused(reference.model):
        (scores,) = score_tokens(reference.model, [group], max_tokens_per_row=reference.max_tokens_per_row)
    return [
        [float(one.logprobs.sum()), float(one.logprobs[list(places)].sum())]
        for one, places in zip(scores, edited, strict=True)
    ]
