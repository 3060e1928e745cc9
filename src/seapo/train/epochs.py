"""What each epoch trains, where pairs say in which epochs they are drawn: views of the examples.

A view is an example with the answers of an epoch. What is asked of the reference is asked once, for the whole example
with all its answers; every view finds its part there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from seapo.errors import TrainError
from seapo.train.examples import Example


@dataclass(frozen=True)
class Views:
    """The examples as the epochs see them."""

    examples: tuple[Example, ...]
    """Each different view once; where all epochs train all answers, the whole examples in their order."""
    wholes: tuple[int, ...]
    """For each view the index of its whole example."""
    kept: tuple[tuple[int, ...], ...]
    """For each view the places of its answers in the whole example."""
    epochs: tuple[tuple[int, ...], ...]
    """For each epoch the indices of its views."""

    def trained(self) -> list[Example]:
        """What all epochs train, one after the other."""
        return [self.examples[index] for members in self.epochs for index in members]

    def pick(self, values: Sequence[Sequence[float]]) -> list[list[float]]:
        """From values of the whole examples' answers those of the views' answers."""
        return [[values[whole][place] for place in kept] for whole, kept in zip(self.wholes, self.kept, strict=True)]


def view_epochs(examples: Sequence[Example], epochs: int) -> Views:
    """The views of so many epochs; an example is left out of an epoch that trains none of its negatives.

    Raises TrainError where an epoch has nothing to train.
    """
    found: dict[tuple[int, tuple[int, ...]], int] = {}
    members: list[tuple[int, ...]] = []
    for epoch in range(1, epochs + 1):
        active = ((index, _active(example, epoch)) for index, example in enumerate(examples))
        members.append(tuple(found.setdefault(key, len(found)) for key in active if key[1]))
        if not members[-1]:
            raise TrainError(_nothing_drawn(examples, epoch))
    return Views(
        examples=tuple(_view(examples[index], kept) for index, kept in found),
        wholes=tuple(index for index, _ in found),
        kept=tuple(kept for _, kept in found),
        epochs=tuple(members),
    )


def order_of(example: Example) -> float | None:
    """The place of an example among others, the mean over its answers; None where the data sets none."""
    places = [answer.order for answer in example.answers if answer.order is not None]
    return fmean(places) if places else None


def check_order(examples: Sequence[Example]) -> None:
    """Raise TrainError where some examples have an order and others have none."""
    without = [example.id for example in examples if order_of(example) is None]
    if 0 < len(without) < len(examples):
        raise TrainError(
            f"{len(without)} of {len(examples)} samples (as {without[0]}) have no `mix_order`, and the others have; "
            "give it to all of them, or to none for an order that is drawn"
        )


def _active(example: Example, epoch: int) -> tuple[int, ...]:
    """Places of the answers that an epoch trains; none where it lacks negatives that the example has."""
    kept = tuple(n for n, answer in enumerate(example.answers) if not answer.epochs or epoch in answer.epochs)
    has_bad = any(not example.answers[n].is_desirable for n in kept)
    return kept if has_bad or not example.rejected else ()


def _view(example: Example, kept: Sequence[int]) -> Example:
    if len(kept) == len(example.answers):
        return example
    return replace(example, answers=tuple(example.answers[n] for n in kept))


def _nothing_drawn(examples: Sequence[Example], epoch: int) -> str:
    last = max((number for one in examples for answer in one.answers for number in answer.epochs), default=0)
    return (
        f"epoch {epoch} has nothing to train on: the pairs are drawn anew for each epoch, up to epoch {last}; repeat "
        "the stage mix with this train.num_train_epochs, or lower it"
    )
