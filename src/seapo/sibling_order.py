"""The order of single answers in a file for KTO: labels mixed evenly, no two answers to one prompt in a micro-batch.

Other trainers estimate KTO's KL term within a micro-batch: each prompt is put together with the answer of another row
of it, in the order of the file (TRL's KTOTrainer: of the row before). An answer of the same prompt, a sibling, is a
near-copy of the prompt's own, and the estimate is worth nothing. `order_for_kto` keeps siblings apart:

    {"prompt": [...], "completion": [...], "label": true}
    {"prompt": [...], "completion": [...], "label": false}
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from seapo.errors import DataError
from seapo.records import digest

Row = TypeVar("Row", bound=Mapping[str, Any])
Family = list[int]
"""Places of the rows that have one prompt."""
FAMILIES_PER_ROW = 4
"""Prompts that are dealt out together, for each row of a micro-batch; so rows stay near where they were."""


def order_for_kto(rows: Sequence[Row], micro_batch_size: int) -> list[Row]:
    """The same rows, so that of any `micro_batch_size` in a row no two have the same prompt, and labels are mixed.

    Rows are mappings with `prompt` (a text or a list of messages) and `label` (true or false). They keep roughly their
    order, and what comes out follows from what goes in alone. Smaller micro-batches are safe in the same order. What
    no order can mend: a last micro-batch of one row has only its own answer.
    Raises DataError where one prompt has too many of the rows; it says which micro-batch would do.
    """
    if micro_batch_size < 2:
        raise ValueError(f"a micro-batch of {micro_batch_size} leaves KTO no other answer; it needs at least 2")
    answers = _Answers.of(rows)
    order = answers.ordered(micro_batch_size)
    if answers.siblings(order, micro_batch_size) is not None:
        raise DataError(_too_few_prompts(answers, micro_batch_size))
    return [rows[place] for place in order]


def largest_micro_batch(rows: Sequence[Mapping[str, Any]], at_most: int) -> int:
    """The largest micro-batch, up to `at_most`, that `order_for_kto` finds an order for; 1 where there is none."""
    return _Answers.of(rows).largest_micro_batch(at_most)


def find_siblings(rows: Sequence[Mapping[str, Any]], micro_batch_size: int) -> tuple[int, int] | None:
    """Places of the first two rows with the same prompt that a micro-batch could hold together; None is safe."""
    return _Answers.of(rows).siblings(range(len(rows)), micro_batch_size)


@dataclass(frozen=True)
class _Answers:
    """What the order follows from."""

    prompts: tuple[str, ...]
    """Of each row what stands for its prompt."""
    labels: tuple[bool, ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        rows = list(rows)
        return cls(tuple(digest(row["prompt"]) for row in rows), tuple(bool(row["label"]) for row in rows))

    def ordered(self, micro_batch_size: int) -> list[int]:
        """The places in their new order, hand by hand: so many prompts at a time as keep siblings apart."""
        hands: list[list[int]] = []
        waiting: list[Family] = []
        for hand in _hands(self.families(range(len(self.prompts))), FAMILIES_PER_ROW * micro_batch_size):
            waiting += hand
            dealt = self.dealt(waiting)
            if self.siblings(dealt, micro_batch_size) is None:
                hands.append(dealt)
                waiting = []
        if waiting:
            self._deal_rest(hands, waiting, micro_batch_size)
        return [place for hand in hands for place in hand]

    def _deal_rest(self, hands: list[list[int]], waiting: list[Family], micro_batch_size: int) -> None:
        """Deal out what is left over once more, with as many of the hands before it as are needed."""
        dealt = self.dealt(waiting)
        while hands and self.siblings(dealt, micro_batch_size) is not None:
            waiting = [*self.families(sorted(hands.pop())), *waiting]
            dealt = self.dealt(waiting)
        hands.append(dealt)

    def families(self, places: Iterable[int]) -> list[Family]:
        """The rows of each prompt; those with good answers only, bad ones only, or both each spread over the whole."""
        by_prompt: dict[str, Family] = {}
        for place in places:
            by_prompt.setdefault(self.prompts[place], []).append(place)
        kinds: dict[frozenset[bool], list[Family]] = {}
        for family in by_prompt.values():
            kinds.setdefault(frozenset(self.labels[place] for place in family), []).append(family)
        spread = [((nth + 0.5) / len(kind), family) for kind in kinds.values() for nth, family in enumerate(kind)]
        return [family for _, family in sorted(spread, key=lambda one: one[0])]

    def dealt(self, families: Sequence[Family]) -> list[int]:
        """The families in rounds, as many as the largest has rows: a family gives at most one row to a round.

        Its rows go to rounds on end, so that two siblings are about a round apart; its good answers go to the rounds
        that are the shortest of good ones.
        """
        count = max(map(len, families))
        share = sum(self.labels[place] for family in families for place in family) / sum(map(len, families))
        rounds: list[list[int]] = [[] for _ in range(count)]
        lacking = [0.0] * count
        start = 0
        for family in families:
            own = [nth % count for nth in range(start, start + len(family))]
            by_need = sorted(own, key=lambda nth: (-round(lacking[nth], 9), nth))
            good_first = sorted(family, key=lambda place: not self.labels[place])
            for nth, place in zip(by_need, good_first, strict=True):
                rounds[nth].append(place)
                lacking[nth] += share - self.labels[place]
            start += len(family)
        return [place for one in rounds for place in one]

    def siblings(self, order: Iterable[int], micro_batch_size: int) -> tuple[int, int] | None:
        """The first two positions of an order that are too near for one prompt."""
        last: dict[str, int] = {}
        for position, place in enumerate(order):
            prompt = self.prompts[place]
            if position - last.get(prompt, -micro_batch_size) < micro_batch_size:
                return last[prompt], position
            last[prompt] = position
        return None

    def largest_micro_batch(self, at_most: int) -> int:
        sizes = range(at_most, 1, -1)
        return next((size for size in sizes if self.siblings(self.ordered(size), size) is None), 1)


def _hands(families: Sequence[Family], size: int) -> Iterator[Sequence[Family]]:
    return (families[start : start + size] for start in range(0, len(families), size))


def _too_few_prompts(answers: _Answers, micro_batch_size: int) -> str:
    sizes = Counter(answers.prompts)
    able = answers.largest_micro_batch(micro_batch_size - 1)
    advice = f"a micro-batch of at most {able} can be kept free of them; or take" if able > 1 else "take"
    noun = "prompt" if len(sizes) == 1 else "different prompts"
    return (
        f"{len(answers.prompts)} rows have {len(sizes)} {noun}, and one prompt has {max(sizes.values())} rows, so a "
        f"micro-batch of {micro_batch_size} cannot be kept free of two answers to one prompt, which KTO's KL estimate "
        f"needs; {advice} more samples, or fewer negatives of each (mix.negatives_per_sample)"
    )
