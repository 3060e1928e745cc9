"""One optimiser step: the gradient of a fixed set of samples, row by row, whatever the rows.

The loss is a mean over the terms of the whole step, so neither the packing, nor the row's budget, nor the number of
processes changes it. A row's graph is freed before the next row is computed; where a group had to be split over rows,
these are computed twice instead of kept (`torch.utils.checkpoint`), so that the budget holds.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from seapo.recipe import TrainSection
from seapo.train.examples import Example
from seapo.train.loss import GroupLogprobs, StepTotals, count_totals, group_loss, margin_only
from seapo.train.objective import kto_kl
from seapo.tree import Group, Row, fused, pack_rows, score, score_rows
from seapo.tree import lay_rows as lay_tree_rows

SIDE_BY_SIDE_TOKENS = 704
"""Rows are computed side by side where they have no more tokens together: each keeps what its backward pass needs."""


@dataclass(frozen=True)
class StepSamples:
    """What one step is computed from, in this process."""

    examples: Sequence[Example]
    reference: Sequence[Sequence[float]] = ()
    """For each example the reference log-probabilities of its answers, in nats, summed over weighted tokens; empty for
    a method without a reference."""
    mismatched: Sequence[Group] = ()
    """For KTO: prompts, each with answers of other ones."""
    mismatched_reference: Sequence[Sequence[float]] = ()
    """For each of these groups the reference log-probabilities of its answers, in nats."""
    company: Example | None = None
    """What to compute, for nothing, where another process has more rows than this one; the first example if None."""


@dataclass(frozen=True)
class StepResult:
    """What one step gave in this process; the gradients lie in the model."""

    loss: float
    """This process's part; the parts of all processes add up to the step's loss."""
    logprobs: list[list[float]]
    """For each example the policy's log-probabilities of its answers, in nats, summed over weighted tokens."""
    kl: float | None
    """KTO's estimate over all processes, in nats."""


@dataclass(frozen=True)
class Processes:
    """How the processes that share a step add up what they know; as it stands, there is one."""

    total: Callable[[Tensor], Tensor] = field(default=lambda values: values)
    """Sum of a tensor over all processes."""
    most: Callable[[int], int] = field(default=lambda number: number)
    """Largest of the processes' numbers."""
    whole_groups: bool = False
    """Every process must make equally many passes through the model (FSDP): groups are never split over rows."""


def compute_step(
    model: Any,
    samples: StepSamples,
    settings: TrainSection,
    *,
    backward: Callable[[Tensor], None],
    processes: Processes | None = None,
    threads: int = 1,
) -> StepResult:
    """Loss of the step, and its gradient through `backward`, which is called once a row (or set of rows).

    With several `threads`, rows are computed side by side, each on one core, and their gradients lie in the model
    without a call of `backward`; see `usable_threads`.
    """
    processes = processes or Processes()
    totals = _all_totals(samples, settings, processes)
    with fused(model):
        kl = estimate_kl(model, samples, settings, processes)
        model.train()
        rows = lay_rows(model, [Group(one.prompt, one.completions) for one in samples.examples], settings, processes)
        return _compute_rows(model, rows, samples, settings, _Step(totals, kl, backward, processes, threads))


@dataclass(frozen=True)
class _Step:
    totals: StepTotals
    kl: Tensor | None
    backward: Callable[[Tensor], None]
    processes: Processes
    threads: int = 1


def _compute_rows(
    model: Any, rows: Sequence[Row], samples: StepSamples, settings: TrainSection, step: _Step
) -> StepResult:
    loss, logprobs = 0.0, [[0.0] * len(example.answers) for example in samples.examples]
    sets = closed_sets(rows)
    company = _company(samples, step.processes, len(sets))
    compute = functools.partial(_compute_set, model, samples=samples, settings=settings, step=step)
    done = _in_threads(model, compute, sets, step) if _fit_side_by_side(rows, step) else map(compute, sets)
    for found in done:
        loss += found.loss
        for index, scores in found.logprobs.items():
            logprobs[index] = scores
    for one in company:
        (row,) = lay_rows(model, [Group(one.prompt, one.completions)], settings, step.processes)
        nothing = torch.cat(list(_score_groups(model, [row], StepSamples([one]), settings).values())).sum() * 0.0
        step.backward(nothing)
    return StepResult(loss, logprobs, None if step.kl is None else step.kl.item())


def _fit_side_by_side(rows: Sequence[Row], step: _Step) -> bool:
    largest = sorted(map(len, rows), reverse=True)[: step.threads]
    return len(largest) > 1 and sum(largest) <= SIDE_BY_SIDE_TOKENS


@dataclass(frozen=True)
class _SetResult:
    loss: float
    logprobs: dict[int, list[float]]
    gradients: Sequence[Tensor | None] = ()


def _compute_set(
    model: Any,
    together: Sequence[Row],
    *,
    samples: StepSamples,
    settings: TrainSection,
    step: _Step,
    weights: Sequence[Tensor] | None = None,
) -> _SetResult:
    """Forward and backward pass of a closed set; where `weights` are given, their gradients are handed back."""
    parts, logprobs = [], {}
    for index, scores in _score_groups(model, together, samples, settings).items():
        parts.append(group_loss(_group_logprobs(scores, samples, index, settings), step.kl, step.totals, settings))
        logprobs[index] = scores.tolist()
    part = torch.stack(parts).sum()
    if weights is not None:
        return _SetResult(part.item(), logprobs, torch.autograd.grad(part, weights, allow_unused=True))
    step.backward(part)
    return _SetResult(part.item(), logprobs)


def _in_threads(
    model: Any, compute: Callable[..., _SetResult], sets: Sequence[list[Row]], step: _Step
) -> Iterator[_SetResult]:
    """The sets side by side, each on one core; gradients are added up in their order, so that nothing is by chance.

    Matrix products gain most from a second core, all else hardly: two rows on a core each take a fifth less time than
    two rows one after the other on both (measured).
    """
    weights = [one for one in model.parameters() if one.requires_grad]
    with mixed_precision(model), one_core_each(step.threads) as pool:
        for one in pool.map(functools.partial(compute, weights=weights), sets):
            for weight, gradient in zip(weights, one.gradients, strict=True):
                if gradient is not None:
                    weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)
            yield one


@contextmanager
def one_core_each(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that compute on one core each, while PyTorch's own stand still."""
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def usable_threads(model: Any, settings: TrainSection) -> int:
    """How many rows may be computed side by side: one a core, where nothing is drawn by chance or kept for later."""
    is_plain = settings.tuning == "lora" and settings.lora_dropout == 0 and not settings.gradient_checkpointing
    drops = any(isinstance(one, torch.nn.Dropout) and one.p > 0 for one in model.modules())
    return torch.get_num_threads() if model.device.type == "cpu" and is_plain and not drops else 1


def _company(samples: StepSamples, processes: Processes, passes: int) -> list[Example]:
    """What to compute for nothing: where a model's parts are gathered pass by pass, all processes make equally many.

    To be asked before the first pass: the question itself must come at the same place in all processes.
    """
    if not processes.whole_groups:
        return []
    return [samples.company or samples.examples[0]] * (processes.most(passes) - passes)


def lay_rows(
    model: Any, groups: Sequence[Group], settings: TrainSection, processes: Processes | None = None
) -> list[Row]:
    """The rows in which a step's groups are computed."""
    budget = settings.max_tokens_per_row
    if processes is not None and processes.whole_groups:
        budget = max([budget, *(len(row) for row in pack_rows(groups, 1 << 60, fill_tokens=1, is_shared=False))])
    return lay_tree_rows(model, groups, budget)


@torch.no_grad()
def estimate_kl(model: Any, samples: StepSamples, settings: TrainSection, processes: Processes) -> Tensor | None:
    """KTO's KL term of a step, shape (): the log-ratio over prompts with answers of other ones, without dropout."""
    if not processes.most(len(samples.mismatched)):
        return None
    model.eval()
    passes = len(lay_tree_rows(model, samples.mismatched, settings.max_tokens_per_row))
    company = _company(samples, processes, passes)
    with mixed_precision(model):
        scores = score(model, samples.mismatched, max_tokens_per_row=settings.max_tokens_per_row)
        for one in company:
            score(model, [Group(one.prompt, one.completions[:1])], max_tokens_per_row=settings.max_length)
    policy = torch.cat([torch.zeros(0, device=model.device), *scores])
    reference = policy.new_tensor([value for group in samples.mismatched_reference for value in group])
    return kto_kl(policy, reference, total=processes.total)


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


def _all_totals(samples: StepSamples, settings: TrainSection, processes: Processes) -> StepTotals:
    own = count_totals(samples.examples, settings)
    terms, tokens = processes.total(torch.tensor([own.terms, own.chosen_tokens], dtype=torch.float64)).tolist()
    return StepTotals(terms, tokens)


def _group_logprobs(scores: Tensor, samples: StepSamples, index: int, settings: TrainSection) -> GroupLogprobs:
    answers = samples.examples[index].answers
    return GroupLogprobs(
        policy=scores,
        reference=scores.new_tensor(samples.reference[index]) if samples.reference else torch.zeros_like(scores),
        lengths=scores.new_tensor([answer.weight(settings.edit_weight) for answer in answers]),
        is_desirable=torch.tensor([answer.is_desirable for answer in answers], device=scores.device),
    )


def _score_groups(model: Any, rows: Sequence[Row], samples: StepSamples, settings: TrainSection) -> dict[int, Tensor]:
    """Group -> log-probabilities of its answers, shape (answers,), for the groups of a closed set."""

    def row_sums(row: Row) -> dict[tuple[int, int], Tensor]:
        (scores,) = score_rows(model, [row], detach_shared=margin_only(settings))
        return {
            (group, place): _weighted_sum(one.logprobs, samples.examples[group].answers[place].weights, settings)
            for (group, place), one in scores.items()
        }

    sums: dict[tuple[int, int], Tensor] = {}
    with mixed_precision(model):
        for row in rows:
            sums |= row_sums(row) if len(rows) == 1 else checkpoint(row_sums, row, use_reentrant=False)
    groups: dict[int, list[Tensor]] = {}
    for (group, _), value in sorted(sums.items(), key=lambda item: item[0]):
        groups.setdefault(group, []).append(value)
    return {group: torch.stack(values) for group, values in groups.items()}


def _weighted_sum(logprobs: Tensor, weights: Callable[[float], list[float]], settings: TrainSection) -> Tensor:
    if settings.edit_weight == 1:
        return logprobs.sum()
    return logprobs @ logprobs.new_tensor(weights(settings.edit_weight))
