"""Examples of negatives: a seeded choice that spreads over the dimensions, and the two answers with the edit marked."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from seapo.records import Edit, Negative, Sample, apply_edits
from seapo.report.contents import RunContents
from seapo.report.quality import gap_nats
from seapo.report.untrusted import cut

KEPT_AROUND: Final = 400
"""Characters of unchanged text shown before and after an edit."""
LONGEST_EDIT: Final = 1500
MOST_EDITS: Final = 40

Mark = Literal["same", "deleted", "inserted", "place", "left_out"]
"""`place` is where the other answer has text and this one has none; `left_out` is a note of what is not shown."""


@dataclass(frozen=True)
class Part:
    """A stretch of an answer."""

    mark: Mark
    text: str


@dataclass(frozen=True)
class Example:
    """A negative beside the answer that it was made from."""

    sample: Sample
    negative: Negative
    chosen: tuple[Part, ...]
    rejected: tuple[Part, ...]
    is_marked: bool
    """False where the recorded edits do not give the negative's text: then both are shown unmarked."""

    @property
    def gap_nats(self) -> float | None:
        """log p(chosen) - log p(negative) under the model that ranked the candidates; None where none did."""
        return gap_nats(self.negative)


def choose_examples(contents: RunContents, *, per_type: int) -> dict[str, tuple[Example, ...]]:
    """Error type -> examples, in the recipe's order of types; the same run always shows the same ones."""
    chosen = {}
    for name in contents.error_types:
        negatives = [negative for negative in contents.negatives if negative.error_type == name]
        picked = list(_spread(negatives, contents))[:per_type]
        if picked:
            chosen[name] = tuple(_example(contents.samples[negative.sample_id], negative) for negative in picked)
    return chosen


def _spread(negatives: Sequence[Negative], contents: RunContents) -> Iterator[Negative]:
    """All negatives in a seeded order in which the dimensions take turns."""
    seed = contents.recipe.seed
    queues: dict[str | None, list[Negative]] = {}
    for negative in sorted(
        negatives, key=lambda one: random.Random(f"{seed}:{one.sample_id}:{one.error_type}:report").random()
    ):
        queues.setdefault(contents.samples[negative.sample_id].dimension, []).append(negative)
    while queues:
        for dimension in list(queues):
            yield queues[dimension].pop(0)
            if not queues[dimension]:
                del queues[dimension]


def _example(sample: Sample, negative: Negative) -> Example:
    if not edits_fit(sample.chosen, negative):
        whole = LONGEST_EDIT + 2 * KEPT_AROUND
        return Example(
            sample,
            negative,
            (Part("same", cut(sample.chosen, whole)),),
            (Part("same", cut(negative.text, whole)),),
            False,
        )
    chosen, rejected = mark_edits(sample.chosen, negative.edits)
    return Example(sample, negative, chosen, rejected, True)


def edits_fit(chosen: str, negative: Negative) -> bool:
    """Whether the negative's edits lead from the chosen answer to its text."""
    try:
        return apply_edits(chosen, negative.edits) == negative.text
    except ValueError:
        return False


def mark_edits(chosen: str, edits: Sequence[Edit]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The chosen and the edited answer in parts; long unchanged stretches shrink to what stands beside an edit."""
    before: list[Part] = []
    after: list[Part] = []
    position = 0
    for edit in edits[:MOST_EDITS]:
        same = _shorten(chosen[position : edit.start])
        before += [*same, _change("deleted", edit.original)]
        after += [*same, _change("inserted", edit.replacement)]
        position = edit.end
    if len(edits) > MOST_EDITS:
        rest = [Part("left_out", f"{len(edits) - MOST_EDITS} more edits")]
    else:
        rest = _shorten(chosen[position:])
    return tuple(before + rest), tuple(after + rest)


def _change(mark: Mark, text: str) -> Part:
    return Part(mark, cut(text, LONGEST_EDIT)) if text else Part("place", "")


def _shorten(text: str) -> list[Part]:
    """The head and the tail of an unchanged stretch."""
    if not text:
        return []
    if len(text) <= 2 * KEPT_AROUND + 100:
        return [Part("same", text)]
    gap = Part("left_out", f"{len(text) - 2 * KEPT_AROUND:,} characters")
    return [Part("same", text[:KEPT_AROUND]), gap, Part("same", text[-KEPT_AROUND:])]
