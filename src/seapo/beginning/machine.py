"""What this machine is, and what a model needs on it: tokens of texts, memory of a token in training, speed.

fit = measure_fit(load_model(ModelSection()), samples)
fit.tokens_per_s, fit.answer.most, fit.row_tokens
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from seapo.errors import DataError
from seapo.records import Record, Sample

if TYPE_CHECKING:
    from seapo.model.load import LoadedModel

MEMORY_SHARE = 0.5
"""Of the free memory that the activations of a row in training may take: the rest is for weights, optimiser, others."""
PROBED_TOKENS = 512
TRIALS = 3


class Machine(Record):
    """What there is to compute with."""

    cores: int
    """Those that this process may use."""
    free_bytes: int
    """Free memory: of the graphics card, where there is one."""
    gpu: str | None = None


class Lengths(Record):
    """Lengths of texts in tokens of the model."""

    least: int
    median: int
    p95: int
    most: int

    @staticmethod
    def of(counts: Sequence[int]) -> "Lengths":
        """Of one text at least."""
        ordered = sorted(counts)
        return Lengths(
            least=ordered[0], median=ordered[len(ordered) // 2], p95=quantile(ordered, 0.95), most=ordered[-1]
        )


class Fit(Record):
    """What a model makes of some samples on this machine."""

    model: str
    parameters: int
    machine: Machine
    answers: tuple[int, ...]
    """Tokens of each sample's good answer."""
    wholes: tuple[int, ...]
    """Tokens of each sample's prompt and answer."""
    not_written: int
    """Samples whose conversation the model's chat template refuses."""
    context: int | None
    """Longest text that the model was made for; None where its configuration doesn't say."""
    bytes_per_token: int | None
    """Memory that a token in a training step takes; None for a model of a kind that isn't known."""
    tokens_per_s: float
    """Read by the model in one go, as it scores and trains."""

    @property
    def row_tokens(self) -> int | None:
        """Tokens that a packed row in training has memory for."""
        if self.bytes_per_token is None:
            return None
        return int(MEMORY_SHARE * self.machine.free_bytes / self.bytes_per_token)


def quantile(ordered: Sequence[int], share: float) -> int:
    """The least value that so many of the ordered ones are not above."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def this_machine() -> Machine:
    """Cores and free memory; loads torch."""
    import psutil
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return Machine(cores=cores, free_bytes=free, gpu=torch.cuda.get_device_name(0))
    return Machine(cores=cores, free_bytes=psutil.virtual_memory().available)


def measure_fit(
    loaded: "LoadedModel", samples: Sequence[Sample], *, progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
) -> Fit:
    """Encode the samples, and time how fast the model reads; raises DataError where its template takes none."""
    from seapo.model.encoding import encode_chat

    machine = this_machine()
    answers, wholes, reason, tokens = [], [], "", list[int]()
    for sample in samples:
        try:
            encoded = encode_chat(loaded.tokenizer, sample.prompt, sample.chosen)
        except DataError as problem:
            reason = str(problem)
            continue
        answers.append(len(encoded.completion))
        wholes.append(len(encoded.prompt) + len(encoded.completion))
        tokens = tokens or [*encoded.prompt, *encoded.completion]
    if not tokens:
        raise DataError(f"{loaded.name} cannot read any of the samples: {reason}; name another model with model.name")
    config = getattr(loaded.model.config, "text_config", loaded.model.config)
    return Fit(
        model=loaded.name,
        parameters=sum(weight.numel() for weight in loaded.model.parameters()),
        machine=machine,
        answers=tuple(answers),
        wholes=tuple(wholes),
        not_written=len(samples) - len(wholes),
        context=getattr(config, "max_position_embeddings", None),
        bytes_per_token=_bytes_per_token(config, loaded.model.dtype.itemsize),
        tokens_per_s=_speed(loaded, tokens, progress),
    )


def _bytes_per_token(config: Any, width: int) -> int | None:
    """What layers keep for the backward pass (docs/design.md): two residuals, q, k, v, heads' outputs, gate and up."""
    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads")
    values = [getattr(config, name, None) for name in names]
    if None in values:
        return None
    layers, hidden, inner, heads = map(int, filter(None, values))
    head = getattr(config, "head_dim", None) or hidden // heads
    keys = (getattr(config, "num_key_value_heads", None) or heads) * head
    kept: int = layers * (2 * hidden + 2 * heads * head + 2 * keys + 2 * inner) * width
    return kept


def _speed(loaded: "LoadedModel", tokens: Sequence[int], progress: Callable[[Iterable[Any]], Iterable[Any]]) -> float:
    """Tokens a second that the model reads: the fastest of a few trials after one that warms up.

    A text of a fixed length, so that the user's data, however short, makes no difference.
    """
    import torch

    from seapo.tree import Group, score

    text = list(islice(cycle(tokens), PROBED_TOKENS))
    group = Group(text[: PROBED_TOKENS // 2], [text[PROBED_TOKENS // 2 :]])
    took = []
    with torch.no_grad():
        for _ in progress(range(1 + TRIALS)):
            start = time.monotonic()
            score(loaded.model, [group])[0].tolist()
            took.append(time.monotonic() - start)
    return PROBED_TOKENS / min(took[1:])
