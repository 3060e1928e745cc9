"""A mix of wide rows while it is made: the options of each sample, the draws of each epoch, and what the caps leave."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seapo.mix.caps import ticket_of, under_caps
from seapo.mix.choosing import Draw, Option, options_of
from seapo.wide import WideRow


class Taken(NamedTuple):
    """An option that is trained."""

    row: int
    option: int
    """Its place among the options of the sample."""


@dataclass
class View:
    """What a mix takes of the rows."""

    rows: Sequence[WideRow]
    how: Draw
    without_option: int = 0
    """Samples that have nothing to draw."""
    left_out: dict[str, Counter[str]] = field(default_factory=dict)
    """Cap -> error type or source -> what was over it."""
    by_epoch: list[Counter[str]] = field(default_factory=list)
    """Of each epoch the pairs by error type."""
    _options: dict[int, list[Option]] = field(default_factory=dict)
    _taken: dict[Taken, list[int]] = field(default_factory=dict)
    """Option -> the epochs that train it."""

    def draw(self, epochs: int) -> None:
        """Choose the samples, then for each of so many epochs their negatives."""
        found = ((place, options_of(row, self.how.settings, self.how.weights)) for place, row in enumerate(self.rows))
        options = {place: own for place, own in found if own}
        self.without_option = len(self.rows) - len(options)
        kept, dropped = under_caps(
            options,
            self.how.settings.max_per_source,
            group=lambda place: self.rows[place].source,
            ticket=lambda place: ticket_of(self.how.seed, self.rows[place].id),
        )
        self._note("max_per_source", dropped)
        self._options = {place: own for place, own in options.items() if place in kept}
        for epoch in range(1, epochs + 1):
            self._draw_epoch(epoch)

    def _draw_epoch(self, epoch: int) -> None:
        drawn = [
            Taken(place, option.place)
            for place, options in self._options.items()
            for option in self.how.chosen(self.rows[place].id, options, epoch)
        ]
        kept, dropped = under_caps(drawn, self.how.settings.max_per_type, group=self._type, ticket=self._ticket)
        self._note("max_per_type", dropped)
        self.by_epoch.append(Counter(map(self._type, kept)))
        for one in drawn:
            if one in kept:
                self._taken.setdefault(one, []).append(epoch)

    def _note(self, cap: str, dropped: Counter[str]) -> None:
        if dropped:
            self.left_out.setdefault(cap, Counter()).update(dropped)

    def _type(self, one: Taken) -> str:
        return self._options[one.row][one.option].error_type

    def _ticket(self, one: Taken) -> int:
        return ticket_of(self.how.seed, self.rows[one.row].id, self._type(one), str(one.option))

    def taken(self) -> Iterator[tuple[WideRow, Option, tuple[int, ...]]]:
        """All that any epoch trains, sample by sample, and the epochs that do."""
        for one, epochs in sorted(self._taken.items()):
            yield self.rows[one.row], self._options[one.row][one.option], tuple(epochs)

    @property
    def capped_samples(self) -> int:
        """Samples that had something to draw, and that no epoch trains."""
        return len(self.rows) - self.without_option - len({one.row for one in self._taken})
