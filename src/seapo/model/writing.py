"""Answers written by a model of transformers, many at a time, the beginning of their prompts computed once.

Prompts that begin alike go behind one trunk. Answers are written side by side, a token each a step; where one ends,
the next prompt takes its place, so that a long answer doesn't hold up the others. An answer goes up to the first stop
sequence, which is left out, or to the model's end of text, or to its limit of tokens.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import transformers
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from seapo.errors import ModelError
from seapo.records import digest
from seapo.tree import Slots, Trunk, keeps_keys, open_model, writing
from seapo.tree.sequences import WORTH_KEEPING, SortedSequences

BATCH_SIZE = 16
PROMPT_TOKENS = 1024
"""Prompts are read in rows of up to so many tokens."""
HELD_TOKENS = 12288
"""No prompt is let in where all slots, each as long as the longest, would hold more than this."""
TOP_K = 50
"""What `transformers` samples from where neither task nor model says otherwise."""
LOOK_BACK = 4
"""Tokens beside those of the longest stop sequence that are decoded to look for one."""


@dataclass(frozen=True)
class Settings:
    """How an answer is written."""

    stops: tuple[str, ...]
    max_tokens: int
    temperature: float = 0.0
    """0 where the likeliest token is taken."""
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None

    @property
    def is_sampled(self) -> bool:
        """Whether tokens are drawn."""
        return self.temperature > 0


@dataclass(frozen=True)
class Asked:
    """A prompt and how it is answered."""

    tokens: tuple[int, ...]
    settings: Settings
    seed: str
    """What a sample's randomness follows from."""
    where: str
    """The item, for messages."""


@dataclass(frozen=True)
class Written:
    """An answer."""

    text: str
    finish: Literal["stop", "length"]
    """Ended by itself or at a stop sequence; cut at its limit of tokens."""


@dataclass
class _Answer:
    """An answer under way."""

    number: int
    asked: Asked
    draws: torch.Generator
    tokens: list[int] = field(default_factory=list)


def generate(
    model: Any, tokenizer: Any, asked: Sequence[Asked], *, name: str, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[int, Written]]:
    """(place in the list, answer) as soon as an answer is finished.

    Raises ModelError where the model gives no finite numbers, with its `name` and what `Asked.where` says.
    """
    end = _Ending(model, tokenizer, [stop for each in asked for stop in each.settings.stops])
    if not keeps_keys(model):
        yield from _one_by_one(model, end, asked, name)
    elif asked:
        with writing(model):
            yield from _Desk(model, end, asked, name, batch_size).write()


class _Ending:
    """When an answer is finished, and its text."""

    def __init__(self, model: Any, tokenizer: Any, stops: Sequence[str]) -> None:
        ends = getattr(model.generation_config, "eos_token_id", None)
        self.tokens = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self._tokenizer = tokenizer
        self._reach = max((len(stop.encode()) for stop in stops), default=0) + LOOK_BACK

    def is_finished(self, tokens: Sequence[int], settings: Settings) -> bool:
        """Whether the last of the tokens ends the answer."""
        return len(tokens) >= settings.max_tokens or self._stops(tokens, settings)

    def written(self, tokens: Sequence[int], settings: Settings) -> Written:
        """The answer that finished tokens are."""
        text = self._tokenizer.decode(
            tokens[:-1] if tokens and tokens[-1] in self.tokens else tokens, skip_special_tokens=True
        )
        for stop in settings.stops:
            text = text.partition(stop)[0]
        return Written(text, "stop" if self._stops(tokens, settings) else "length")

    def _stops(self, tokens: Sequence[int], settings: Settings) -> bool:
        if tokens[-1] in self.tokens:
            return True
        tail = self._tokenizer.decode(tokens[-self._reach :])
        return any(stop in tail for stop in settings.stops)


class _Chooser:
    """The next token of each answer."""

    def __init__(self, model: Any, name: str) -> None:
        self._head = open_model(model).head
        self._top_k = getattr(model.generation_config, "top_k", None)
        self._name = name

    def choose(self, states: Tensor, answers: Sequence[_Answer]) -> list[int]:
        """Given the states, shape (answers, hidden), of what each answer has so far."""
        logits = self._head.logits(states).float()
        best = logits.max(dim=-1)
        for value, answer in zip(best.values.tolist(), answers, strict=True):
            if not math.isfinite(value):
                raise _no_numbers(self._name, answer.asked.where)
        tokens: list[int] = best.indices.tolist()
        for place, answer in enumerate(answers):
            if answer.asked.settings.is_sampled:
                tokens[place] = self._drawn(logits[place : place + 1], answer)
        return tokens

    def _drawn(self, logits: Tensor, answer: _Answer) -> int:
        """By the inverse of the distribution function, so that a token follows from one number of the answer's own."""
        shares = warpers(answer.asked.settings, self._top_k)(None, logits).softmax(dim=-1)[0].double().cumsum(0)
        point = torch.rand((), generator=answer.draws, dtype=torch.float64).to(shares.device) * shares[-1]
        return min(int(torch.searchsorted(shares, point, right=True)), len(shares) - 1)


def warpers(settings: Settings, own_top_k: int | None = None) -> Any:
    """What `transformers` does to logits before it samples; `own_top_k` is the model's own setting."""
    top_k = next(each for each in (settings.top_k, own_top_k, TOP_K) if each is not None)
    steps: list[Any] = [TemperatureLogitsWarper(settings.temperature)]
    if top_k > 0:
        steps.append(TopKLogitsWarper(top_k))
    if settings.top_p is not None and settings.top_p < 1:
        steps.append(TopPLogitsWarper(settings.top_p))
    if settings.min_p is not None:
        steps.append(MinPLogitsWarper(settings.min_p))
    return LogitsProcessorList(steps)


class _Desk:
    """Answers that are written side by side."""

    def __init__(self, model: Any, end: _Ending, asked: Sequence[Asked], name: str, batch_size: int) -> None:
        self._model = model
        self._backbone = open_model(model)
        self._end = end
        self._asked = asked
        self._chooser = _Chooser(model, name)
        self._places = max(1, min(batch_size, len(asked)))
        self._slots = Slots(self._places)
        self._live: list[_Answer] = []
        self._waiting = plan_heads([each.tokens for each in asked])
        self._trunk: Trunk | None = None

    def write(self) -> Iterator[tuple[int, Written]]:
        """The answers, as soon as each is finished."""
        while self._live or self._waiting:
            free = self._places - len(self._live)
            if self._waiting and (not self._live or free >= max(1, self._places // 4)):
                yield from self._admit()
            if self._live:
                yield from self._step()

    @torch.no_grad()
    def _step_tokens(self) -> list[int]:
        states = self._backbone.step([answer.tokens[-1] for answer in self._live], self._slots)
        return self._chooser.choose(states, self._live)

    def _step(self) -> Iterator[tuple[int, Written]]:
        tokens = self._step_tokens()
        yield from self._put(tokens, self._live)

    def _admit(self) -> Iterator[tuple[int, Written]]:
        """Let in as many of the next prompts as there is room for, at least one where nothing is being written."""
        head = self._waiting[0]
        if self._trunk is None:
            self._trunk = Trunk(self._model, self._asked[head.places[0]].tokens[: head.length])
        numbers: list[int] = []
        longest, read = max(self._slots.own, default=0), 0
        while head.places and len(self._live) + len(numbers) < self._places:
            own = len(self._asked[head.places[0]].tokens) - head.length
            longest = max(longest, own)
            is_first = not self._live and not numbers
            held = (len(self._live) + len(numbers) + 1) * longest
            if not is_first and (read + own > PROMPT_TOKENS or held > HELD_TOKENS):
                break
            numbers.append(head.places.pop(0))
            read += own
        if numbers:
            yield from self._begin(numbers, head.length)
        if not head.places:
            self._waiting.pop(0)
            self._trunk = None

    def _begin(self, numbers: Sequence[int], length: int) -> Iterator[tuple[int, Written]]:
        assert self._trunk is not None
        new = [_Answer(number, self._asked[number], _generator(self._asked[number].seed)) for number in numbers]
        states = self._trunk.read_prompts([answer.asked.tokens[length:] for answer in new], self._slots)
        with torch.no_grad():
            tokens = self._chooser.choose(states, new)
        self._live += new
        yield from self._put(tokens, new)

    def _put(self, tokens: Sequence[int], answers: Sequence[_Answer]) -> Iterator[tuple[int, Written]]:
        """Lengthen answers by a token each; those that end give their slots back."""
        finished = []
        for token, answer in zip(tokens, answers, strict=True):
            answer.tokens.append(token)
            if self._end.is_finished(answer.tokens, answer.asked.settings):
                finished.append(answer)
        for answer in finished:
            slot = next(place for place, one in enumerate(self._live) if one is answer)
            self._slots.remove(slot)
            self._live[slot] = self._live[-1]
            self._live.pop()
            yield answer.number, self._end.written(answer.tokens, answer.asked.settings)


@dataclass
class Shared:
    """Prompts that begin alike, and how many tokens of them are computed once."""

    length: int
    places: list[int]


def plan_heads(prompts: Sequence[Sequence[int]]) -> list[Shared]:
    """Prompts under trunks of their own or under a common one, so that as few tokens as possible are computed."""
    tree = SortedSequences([[*prompt, 0] for prompt in prompts])
    if not tree.order:
        return []
    _, found = _cheapest(tree, 0, len(tree.order))
    alone = [place for shared in found if not shared.length for place in shared.places]
    return [*(shared for shared in found if shared.length), *([Shared(0, alone)] if alone else [])]


def _cheapest(tree: SortedSequences, first: int, last: int) -> tuple[int, list[Shared]]:
    """(tokens computed, trunks) for a part of the prompts."""
    places = tree.order[first:last]
    depth = tree.depth(first, last)
    if last - first == 1:
        return depth, [Shared(0, places)]
    length = depth if depth >= WORTH_KEEPING else 0
    whole = length + sum(own - length for own in tree.lengths[first:last])
    children = tree.children(first, last, depth)
    if len(children) == last - first:  # nothing to be shared further down
        return whole, [Shared(length, places)]
    parts = [_cheapest(tree, *child) for child in children]
    apart = sum(tokens for tokens, _ in parts)
    return (
        (whole, [Shared(length, places)]) if whole <= apart else (apart, [one for _, found in parts for one in found])
    )


def _generator(seed: str) -> torch.Generator:
    return torch.Generator().manual_seed(int(digest([seed]), 16) >> 1)


class _Stop(transformers.StoppingCriteria):  # type: ignore[misc]
    """Ends an answer that `transformers` writes where ours would end."""

    def __init__(self, end: _Ending, settings: Settings, start: int) -> None:
        self._end, self._settings, self._start = end, settings, start

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        """Of the one answer."""
        is_finished = self._end.is_finished(input_ids[0, self._start :].tolist(), self._settings)
        return torch.tensor([is_finished], device=input_ids.device)


def _no_numbers(name: str, where: str) -> ModelError:
    return ModelError(
        f"{name} gives no finite numbers (NaN or infinity) for the next token of {where}; its weights may be damaged, "
        "or its number type too narrow: try float32"
    )


class _Numbers(transformers.LogitsProcessor):  # type: ignore[misc]
    """Refuses what is no number."""

    def __init__(self, name: str, where: str) -> None:
        self._name, self._where = name, where

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores as they are."""
        if not bool(scores.amax(dim=-1).isfinite().all()):
            raise _no_numbers(self._name, self._where)
        return scores


@torch.no_grad()
def _written(model: Any, end: _Ending, each: Asked, name: str) -> Written:
    ids = torch.tensor([each.tokens], device=open_model(model).device)
    settings = each.settings
    options: dict[str, Any] = {"do_sample": settings.is_sampled}
    if settings.is_sampled:
        picked = {"temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p}
        options |= {name: value for name, value in picked.items() if value is not None}
    with torch.random.fork_rng():
        torch.manual_seed(int(digest([each.seed]), 16) >> 1)
        found = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=settings.max_tokens,
            pad_token_id=next(iter(end.tokens)),
            logits_processor=LogitsProcessorList([_Numbers(name, each.where)]),
            stopping_criteria=transformers.StoppingCriteriaList([_Stop(end, settings, ids.shape[1])]),
            **options,
        )
    return end.written(found[0, ids.shape[1] :].tolist(), settings)


def _one_by_one(model: Any, end: _Ending, asked: Sequence[Asked], name: str) -> Iterator[tuple[int, Written]]:
    """Answers of a model whose keys cannot be kept, by `transformers`' own loop."""
    for number, each in enumerate(asked):
        yield number, _written(model, end, each, name)
