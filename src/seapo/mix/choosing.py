"""Which negatives of a sample are trained, drawn from (seed, sample id, epoch) alone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seapo.recipe import MixSection
from seapo.wide import WideNegative, WideRow

ORIGINAL = "original"
"""Error type of a pair whose rejected answer came with the data."""


@dataclass(frozen=True)
class Option:
    """An answer that a sample can be trained against."""

    error_type: str
    place: int
    """Among the sample's options."""
    negative: WideNegative | None = None
    """The injected one; None for the data's own rejected answer."""
    answer: str = ""
    """The data's own."""


def options_of(row: WideRow, settings: MixSection, weights: Mapping[str, float] | None) -> list[Option]:
    """All that the mix may take of a sample, by error type and then in verify's order."""
    if settings.kind == ORIGINAL:
        answers = dict.fromkeys(answer for answer in row.rejected if answer != row.chosen)
        return [Option(ORIGINAL, place, answer=answer) for place, answer in enumerate(answers)]
    found = row.negatives
    if settings.kind == "single":
        found = tuple(each for each in found if each.error_type == settings.error_type)
    elif settings.kind == "mixed" and weights is not None:
        found = tuple(each for each in found if weights.get(each.error_type, 0) > 0)
    return [Option(each.error_type, place, each) for place, each in enumerate(found)]


@dataclass(frozen=True)
class Draw:
    """How the negatives of a sample are drawn."""

    settings: MixSection
    weights: Mapping[str, float] | None
    seed: int

    def chosen(self, sample_id: str, options: Sequence[Option], epoch: int) -> list[Option]:
        """The options that an epoch, from 1, trains, in the order of their types.

        The first epoch draws what a draw for the whole training would; and a draw of more negatives holds what a draw
        of fewer does.
        """
        by_type: dict[str, list[Option]] = {}
        for option in options:
            by_type.setdefault(option.error_type, []).append(option)
        wanted = self.settings.negatives_per_sample
        if self.settings.kind == ORIGINAL:
            return list(options[:wanted])
        if self.settings.kind != "mixed":
            return [option for own in by_type.values() for option in own[: wanted or 1]]
        name = f"{self.seed}:{sample_id}:mix" + (f":epoch {epoch}" if epoch > 1 else "")
        types = self._types({kind: len(own) for kind, own in by_type.items()}, wanted or 1, random.Random(name))
        left = {kind: iter(own) for kind, own in by_type.items()}
        return sorted((next(left[kind]) for kind in types), key=lambda option: option.place)

    def _types(self, there: dict[str, int], wanted: int, lot: random.Random) -> list[str]:
        """So many types, each one once; where that is not enough, again those that have a further negative."""
        drawn: list[str] = []
        while len(drawn) < wanted and there:
            fresh = list(there)
            while fresh and len(drawn) < wanted:
                kind = self._one_of(fresh, lot)
                fresh.remove(kind)
                drawn.append(kind)
            there = {kind: count - 1 for kind, count in there.items() if count > 1}
        return drawn

    def _one_of(self, types: Sequence[str], lot: random.Random) -> str:
        if self.weights is None:
            return lot.choice(types)
        return lot.choices(types, [self.weights[kind] for kind in types])[0]
