"""One optimiser step: the gradient of a fixed set of samples, row by row, whatever the rows.

The loss is a mean over the pairs (DPO) or completions (KTO) of the whole step, so neither the packing nor the row's
budget changes it. A row's graph is freed before the next row is computed; where a group had to be split over rows,
these are computed twice instead of kept (`torch.utils.checkpoint`), so that the budget holds.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from seapo.recipe import TrainSection
from seapo.train.examples import Example
from seapo.train.objective import dpo_loss, kto_kl, kto_loss
from seapo.tree import Group, Row, fill_tokens, pack_rows, score, score_rows


@dataclass(frozen=True)
class StepSamples:
    """What one step is computed from."""

    examples: Sequence[Example]
    reference: Sequence[Sequence[float]]
    """For each example the reference log-probabilities of its completions, in nats."""
    mismatched: Sequence[Group] = ()
    """For KTO: for each example its prompt with the answers of another one."""


@dataclass(frozen=True)
class StepResult:
    """What one step gave; the gradients lie in the model."""

    loss: float
    logprobs: list[list[float]]
    """For each example the policy's log-probabilities of its completions, in nats."""
    kl: float | None
    """KTO's estimate, in nats."""


def compute_step(
    model: Any, samples: StepSamples, settings: TrainSection, *, backward: Callable[[Tensor], None]
) -> StepResult:
    """Loss of the step, and its gradient through `backward`, which is called once a row (or set of rows)."""
    kl = estimate_kl(model, samples.mismatched, settings) if samples.mismatched else None
    model.train()
    groups = [Group(example.prompt, example.completions) for example in samples.examples]
    terms = sum(count_terms(example, settings) for example in samples.examples)
    loss, logprobs = 0.0, [[0.0] * len(group.completions) for group in groups]
    for rows in closed_sets(lay_rows(model, groups, settings)):
        losses = []
        for index, scores in _score_groups(model, rows).items():
            reference = torch.tensor(samples.reference[index], device=scores.device)
            losses.append(group_loss(scores, reference, kl, settings))
            logprobs[index] = scores.tolist()
        part = torch.stack(losses).sum() / terms
        backward(part)
        loss += part.item()
    return StepResult(loss, logprobs, None if kl is None else kl.item())


def lay_rows(model: Any, groups: Sequence[Group], settings: TrainSection) -> list[Row]:
    """The rows in which a step's groups are computed."""
    return pack_rows(groups, settings.max_tokens_per_row, fill_tokens=fill_tokens(model))


def group_loss(policy: Tensor, reference: Tensor, kl: Tensor | None, settings: TrainSection) -> Tensor:
    """Summed loss of one group's terms; `policy` and `reference` have shape (completions,), the chosen one first."""
    if settings.method == "dpo":
        return dpo_loss(policy[:1] - policy[1:], reference[:1] - reference[1:], beta=settings.beta).sum()
    assert kl is not None
    is_desirable = torch.arange(len(policy), device=policy.device) == 0
    return kto_loss(
        policy - reference,
        is_desirable,
        kl,
        beta=settings.beta,
        desirable_weight=settings.desirable_weight,
        undesirable_weight=settings.undesirable_weight,
    ).sum()


def count_terms(example: Example, settings: TrainSection) -> int:
    """Terms that an example adds to the loss: a pair each for DPO, a completion each for KTO."""
    return len(example.rejected) + (settings.method == "kto")


@torch.no_grad()
def estimate_kl(model: Any, mismatched: Sequence[Group], settings: TrainSection) -> Tensor:
    """KTO's KL term of a step, shape (): the log-ratio over prompts with answers of other ones, without dropout."""
    model.eval()
    budget = settings.max_tokens_per_row
    with mixed_precision(model):
        policy = torch.cat(score(model, mismatched, max_tokens_per_row=budget))
    with model.disable_adapter():
        reference = torch.cat(score(model, mismatched, max_tokens_per_row=budget))
    return kto_kl(policy, reference)


def closed_sets(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows in sets that share no group, so that the loss of each set stands for itself."""
    sets: list[tuple[set[int], list[Row]]] = []
    for row in rows:
        groups, together = {piece.group for piece in row.pieces}, [row]
        for other in [one for one in sets if one[0] & groups]:
            sets.remove(other)
            groups, together = groups | other[0], [*other[1], *together]
        sets.append((groups, together))
    return [together for _, together in sets]


@contextmanager
def mixed_precision(model: Any) -> Iterator[None]:
    """Multiply the adapter's float32 weights in the number type of a model that has another one.

    That is ordinary mixed precision; PEFT alone would turn every activation into float32 for them, which takes an
    eighth of a step (measured on a CPU).
    """
    if model.dtype == torch.float32:
        yield
        return
    with torch.autocast(model.device.type, dtype=model.dtype), disable_input_dtype_casting(model):
        yield


def _score_groups(model: Any, rows: Sequence[Row]) -> dict[int, Tensor]:
    """Group -> summed log-probabilities of its completions, shape (completions,), for the groups of a closed set."""
    sums: dict[tuple[int, int], Tensor] = {}
    with mixed_precision(model):
        for row in rows:
            sums |= _row_sums(model, row) if len(rows) == 1 else checkpoint(_row_sums, model, row, use_reentrant=False)
    groups: dict[int, list[Tensor]] = {}
    for (group, _), value in sorted(sums.items(), key=lambda item: item[0]):
        groups.setdefault(group, []).append(value)
    return {group: torch.stack(values) for group, values in groups.items()}


def _row_sums(model: Any, row: Row) -> dict[tuple[int, int], Tensor]:
    (scores,) = score_rows(model, [row])
    return {place: completion.logprobs.sum() for place, completion in scores.items()}
