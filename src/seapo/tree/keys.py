"""Keys and values of a trunk, kept so that what goes on from it attends to them and doesn't compute them again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache

from seapo.tree.pack import Row


class TrunkKeys(DynamicCache):  # type: ignore[misc]
    """One tensor (1, key heads, tokens, size) for the keys of each layer, and one for the values.

    A cache as transformers knows it, but what a row adds is forgotten, unless it is `recorded`. Sliding windows don't
    shorten it: branches leave the trunk at any place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self.fill = 1
        """The keys are lent with blank ones behind them, up to a multiple of this."""
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._recorded: dict[int, tuple[Tensor, Tensor]] | None = None

    @property
    def places(self) -> int:
        """Keys that are lent, the blank ones included."""
        return self.length + -self.length % self.fill

    def of_layer(self, layer: int) -> tuple[Tensor, Tensor] | None:
        """Keys and values of a layer; None where the trunk is empty."""
        return self._kept.get(layer)

    def layers_kept(self) -> dict[int, tuple[Tensor, Tensor]]:
        """Layer -> its keys and values."""
        return dict(self._kept)

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """What a row of a layer attends to, with its own keys and values behind."""
        self.note(keys, values, layer_idx)
        kept = self._kept.get(layer_idx)
        if kept is None:
            return keys, values
        blank = (0, 0, 0, -self.length % self.fill)
        return torch.cat([pad(kept[0], blank), keys], dim=2), torch.cat([pad(kept[1], blank), values], dim=2)

    def note(self, keys: Tensor, values: Tensor, layer: int) -> None:
        """Take down what a row adds, where that is asked for."""
        if self._recorded is not None:
            self._recorded[layer] = (keys, values)

    @contextmanager
    def recorded(self) -> Iterator[dict[int, tuple[Tensor, Tensor]]]:
        """Keys and values by layer of what is computed within."""
        found: dict[int, tuple[Tensor, Tensor]] = {}
        self._recorded = found
        try:
            yield found
        finally:
            self._recorded = None

    def append(self, added: dict[int, tuple[Tensor, Tensor]], count: int) -> None:
        """Lengthen the trunk by the first `count` tokens of what was recorded."""
        for layer, (keys, values) in added.items():
            new = keys[:, :, :count], values[:, :, :count]
            old = self._kept.get(layer)
            # Copied where there is nothing before, too: a part of a larger tensor would hold all of it.
            self._kept[layer] = tuple(  # type: ignore[assignment]
                torch.cat(pair, dim=2) for pair in (zip(old, new, strict=True) if old else ((one,) for one in new))
            )
        self.length += count

    def cut(self, length: int) -> None:
        """Shorten the trunk to its first `length` tokens."""
        for layer, (keys, values) in self._kept.items():
            self._kept[layer] = keys[:, :, :length], values[:, :, :length]
        self.length = length

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """As transformers asks for it."""
        return self.places

    def before(self, row: Row) -> "TrunkPart":
        """The trunk as the trees of a row see it."""
        trees = [(piece.offset, piece.tree) for piece in row.pieces if len(piece.tree)]
        spans = [(offset, offset + len(tree), tree.depths[0]) for offset, tree in trees]
        return TrunkPart(self, spans)


@dataclass(frozen=True)
class TrunkPart:
    """A trunk and which tokens of a row attend to how much of it."""

    keys: TrunkKeys
    spans: list[tuple[int, int, int]]
    """(start, stop, tokens of the trunk) of the row's tokens, in order."""
