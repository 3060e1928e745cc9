"""Several processes that train one model together, started by `accelerate launch` or `torchrun`.

Every process reads the same data and plans the same steps. Of n processes, process r computes every n-th sample of a
step, from the r-th on; what they then add up are sums over samples, so that n processes and one compute the same step.
The main process alone writes files. In one process everything here does nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import accelerate
import torch
import torch.distributed as dist
from torch import Tensor

from seapo.errors import TrainError
from seapo.train.step import Processes

T = TypeVar("T")
BUCKET_NUMBERS = 1 << 25
"""Numbers that are added up in one message: 128 MB in float32."""


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_main() -> bool:
    """Whether this is the process that writes files."""
    return rank() == 0


def is_beside_main() -> bool:
    """Whether this process runs on the main one's machine."""
    return rank() < int(os.environ.get("LOCAL_WORLD_SIZE", str(count())))


def join() -> None:
    """Meet the other processes, and take this one's device; raises TrainError where they were not started together."""
    if count() == 1:
        return
    on_cpu = (
        os.environ.get("ACCELERATE_USE_CPU", "false").lower() in ("1", "true") or not torch.accelerator.is_available()
    )
    state = accelerate.PartialState(cpu=on_cpu)
    if state.num_processes != count():
        raise TrainError(
            f"WORLD_SIZE says that {count()} processes train together, but this one is alone; start them with "
            "`accelerate launch -m seapo train RUN`, or unset WORLD_SIZE"
        )


def is_sharded() -> bool:
    """Whether `accelerate launch` asks for FSDP."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("1", "true") and count() > 1


def shard_on_cpu() -> None:
    """Let FSDP do its work on a CPU, too, where accelerate only knows DistributedDataParallel."""
    if not is_sharded() or accelerate.PartialState().device.type != "cpu":
        return
    accelerate.PartialState().distributed_type = accelerate.DistributedType.FSDP
    state = accelerate.Accelerator(cpu=True).state
    state.fsdp_plugin = accelerate.FullyShardedDataParallelPlugin()


def share(items: Sequence[T]) -> list[T]:
    """This process's part of what all of them have to do."""
    return list(items[rank() :: count()])


def pool(parts: Sequence[T]) -> list[T]:
    """The results of all shares, in the order of the items."""
    found: list[T] = []
    everyone = exchange(parts)
    for place in range(len(everyone[0])):
        found += [one[place] for one in everyone if place < len(one)]
    return found


def exchange(value: T) -> list[T]:
    """The value of every process, in their order; values are pickled on the way."""
    if count() == 1:
        return [value]
    found: list[Any] = [None] * count()
    dist.all_gather_object(found, value)
    return found


def tell(value: T) -> T:
    """The main process's value, in all of them."""
    if count() == 1:
        return value
    found: list[Any] = [value]
    dist.broadcast_object_list(found, src=0)
    told: T = found[0]
    return told


def on_main(act: Callable[[], T]) -> T:
    """Let the main process alone do something, and hand its result to the others, which wait; its error ends all."""
    if count() == 1:
        return act()
    result: Any = None
    problem: Exception | None = None
    if is_main():
        try:
            result = act()
        except Exception as raised:
            problem = raised
    failed = tell(None if problem is None else f"{type(problem).__name__}: {problem}")
    if problem is not None:
        raise problem
    if failed is not None:
        raise TrainError(f"the main process failed: {failed}")
    told: T = tell(result)
    return told


def total(values: Tensor) -> Tensor:
    """Sum of a tensor over all processes."""
    if count() == 1:
        return values
    # NCCL adds up what lies on a GPU alone.
    moved = values.detach().clone().to(accelerate.PartialState().device)
    dist.all_reduce(moved)
    return moved.to(values.device)


def most(number: int) -> int:
    """The largest of the processes' numbers."""
    return max(exchange(number))


def step_processes(*, is_sharded: bool) -> Processes:
    """What a step needs to know of the processes; `is_sharded` under FSDP."""
    return Processes(total=total, most=most, whole_groups=is_sharded)


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up the gradients of all processes, in each of them; a process without one counts as zero.

    DistributedDataParallel would do this while the backward pass runs, but only through its own forward pass, and a
    step here has as many passes as it has rows.
    """
    if count() == 1:
        return
    for bucket in _buckets(parameters):
        flat = torch.cat([gradient(one).flatten() for one in bucket])
        dist.all_reduce(flat)
        for one, part in zip(bucket, torch.split(flat, [one.numel() for one in bucket]), strict=True):
            one.grad = part.view_as(one)


def gradient(parameter: torch.nn.Parameter) -> Tensor:
    """What lies with a weight; zeros where nothing does."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _buckets(parameters: Iterable[torch.nn.Parameter]) -> Iterator[list[torch.nn.Parameter]]:
    """Trainable parameters of one number type at a time, up to `BUCKET_NUMBERS` numbers or one parameter."""
    bucket: list[torch.nn.Parameter] = []
    for one in parameters:
        if not one.requires_grad:
            continue
        if bucket and (
            one.dtype != bucket[0].dtype or sum(other.numel() for other in bucket) + one.numel() > BUCKET_NUMBERS
        ):
            yield bucket
            bucket = []
        bucket.append(one)
    if bucket:
        yield bucket
