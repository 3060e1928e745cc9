"""Reference log-probabilities: those of the untouched model, computed once per sample and journalled."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from seapo.journal import Journal
from seapo.records import digest
from seapo.train.examples import Example
from seapo.tree import Group, score


def reference_logprobs(
    model: Any,
    examples: Sequence[Example],
    *,
    fingerprint: str,
    journal: Journal | None,
    max_tokens_per_row: int,
    progress: Callable[[Iterable[Example]], Iterable[Example]],
) -> list[list[float]]:
    """For each example the log-probabilities of its completions, in nats, under the model as it is.

    `fingerprint` stands for the model's weights. One tree an example: a value never depends on what else is computed,
    and where a tree is trained in a row of its own, both passes round alike.
    """
    found = []
    for example in progress(examples):
        group = Group(example.prompt, example.completions)

        def compute(group: Group = group) -> list[float]:
            with torch.inference_mode():
                (scores,) = score(model, [group], max_tokens_per_row=max_tokens_per_row)
            return [float(value) for value in scores]

        if journal is None:
            found.append(compute())
            continue
        key = digest(["reference", fingerprint, str(model.dtype), max_tokens_per_row, group.prompt, group.completions])
        found.append(journal.remember(key, "reference", compute))
    return found
