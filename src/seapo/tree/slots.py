"""Answers that are being written side by side, one token each a step, behind trunks that they share.

Each answer has a slot with the keys and values of its own tokens; those of its trunk are there once for all. On a
model that takes segments, a step's attention to a trunk is one product for all answers behind it, and each answer
looks at its own tokens apart; both are merged by their normalisers. Other models get copies and a dense mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from seapo.tree.keys import TrunkKeys

ROOM_TOKENS = 64
"""Slots get longer by this."""
TOGETHER = 8
"""Slots whose own tokens are looked at together, padded to the longest: few, so that a long one costs little."""


@dataclass(frozen=True)
class _Neighbours:
    """Slots from `start` to before `stop`; `bias` hides what stands behind the end of each."""

    start: int
    stop: int
    reach: int
    bias: Tensor
    """Shape (slots, 1, 1, reach): 0 or -inf."""


class Slots(DynamicCache):  # type: ignore[misc]
    """Keys and values of answers; the first `len(trunks)` of `places` slots are in use."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.trunks: list[TrunkKeys] = []
        """Of each slot in use."""
        self.own: list[int] = []
        """Of each slot in use, its tokens behind the trunk."""
        self._places = places
        self._room = 0
        self._store: dict[int, tuple[Tensor, Tensor]] = {}
        self._neighbours: list[_Neighbours] = []
        self._behind: list[tuple[TrunkKeys, Tensor]] = []

    @property
    def depths(self) -> list[int]:
        """Position of the next token of each answer."""
        return [trunk.length + own for trunk, own in zip(self.trunks, self.own, strict=True)]

    def admit(
        self, trunk: TrunkKeys, computed: dict[int, tuple[Tensor, Tensor]], paths: Sequence[Sequence[int]]
    ) -> None:
        """Put answers into free slots: their own tokens so far are those at `paths` of a row that was computed."""
        first = len(self.trunks)
        self.trunks += [trunk] * len(paths)
        self.own += map(len, paths)
        layers = computed or trunk.layers_kept()
        for layer, (keys, values) in layers.items():
            self._make_room(layer, keys, values)
            for slot, path in enumerate(paths, first):
                if path:
                    chosen = torch.tensor(path, device=keys.device)
                    for store, row in zip(self._store[layer], (keys, values), strict=True):
                        store[slot, :, : len(path)] = row[0].index_select(1, chosen)

    def remove(self, slot: int) -> None:
        """Free a slot; the last one in use moves there."""
        last = len(self.trunks) - 1
        if slot != last:
            for keys, values in self._store.values():
                keys[slot, :, : self.own[last]] = keys[last, :, : self.own[last]]
                values[slot, :, : self.own[last]] = values[last, :, : self.own[last]]
        self.trunks[slot], self.own[slot] = self.trunks[last], self.own[last]
        self.trunks.pop()
        self.own.pop()

    def begin_step(self, device: torch.device) -> None:
        """Get ready for one more token in each slot."""
        count = len(self.trunks)
        if self._room <= max(self.own):
            self._room = -(-(max(self.own) + 1) // ROOM_TOKENS) * ROOM_TOKENS
        lengths = torch.tensor(self.own, device=device)
        self._at = torch.arange(count, device=device), lengths
        self._neighbours = []
        for start in range(0, count, TOGETHER):
            stop = min(start + TOGETHER, count)
            reach = max(self.own[start:stop]) + 1
            hidden = torch.arange(reach, device=device)[None] > lengths[start:stop, None]
            bias = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, -torch.inf)[:, None, None]
            self._neighbours.append(_Neighbours(start, stop, reach, bias))
        by_trunk: dict[int, list[int]] = {}
        for slot, trunk in enumerate(self.trunks):
            by_trunk.setdefault(id(trunk), []).append(slot)
        self._behind = [
            (self.trunks[slots[0]], torch.tensor(slots, device=device))
            for slots in by_trunk.values()
            if self.trunks[slots[0]].length
        ]

    def end_step(self) -> None:
        """Each slot is one token longer."""
        self.own = [length + 1 for length in self.own]

    def write(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Put a step's keys and values, shape (slots, heads, 1, size), into their slots; gives the layer's store."""
        self._make_room(layer, keys, values)
        slots, lengths = self._at
        for store, new in zip(self._store[layer], (keys, values), strict=True):
            store[slots, :, lengths] = new[:, :, 0]
        return self._store[layer]

    def neighbours(self) -> Sequence[_Neighbours]:
        """Slots that are looked at together in this step."""
        return self._neighbours

    def behind(self) -> Sequence[tuple[TrunkKeys, Tensor]]:
        """Trunks that are not empty, with the slots behind each."""
        return self._behind

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """What a step attends to with a dense mask: each slot's trunk, padded to the longest, then its own tokens."""
        stores = self.write(keys, values, layer_idx)
        count, reach = len(self.trunks), max(self.own) + 1
        before = max(trunk.length for trunk in self.trunks)
        found = []
        for number, store in enumerate(stores):
            whole = store.new_zeros(count, store.shape[1], before + reach, store.shape[3])
            whole[:, :, before:] = store[:count, :, :reach]
            for trunk, slots in self._behind:
                kept = trunk.of_layer(layer_idx)
                assert kept is not None
                whole[slots, :, : trunk.length] = kept[number][0]
            found.append(whole)
        return found[0], found[1]

    def mask(self, dtype: torch.dtype, device: torch.device, window: int | None) -> Tensor:
        """The additive mask that belongs to `update`, shape (slots, 1, 1, keys)."""
        before = max(trunk.length for trunk in self.trunks)
        trunks = torch.tensor([trunk.length for trunk in self.trunks], device=device)[:, None]
        own = torch.tensor(self.own, device=device)[:, None]
        place = torch.arange(before + max(self.own) + 1, device=device)[None]
        depth = torch.where(place < before, place, trunks + place - before)
        allowed = torch.where(place < before, place < trunks, place - before <= own)
        if window is not None:
            allowed &= trunks + own - depth < window
        mask = torch.zeros(allowed.shape, dtype=dtype, device=device)
        return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[:, None, None]

    def _make_room(self, layer: int, keys: Tensor, values: Tensor) -> None:
        room = max(self._room, -(-max(self.own, default=1) // ROOM_TOKENS) * ROOM_TOKENS, ROOM_TOKENS)
        self._room = room
        stores = self._store.get(layer)
        if stores is not None and stores[0].shape[2] >= room:
            return
        made = []
        for number, like in enumerate((keys, values)):
            # Not `empty`: what is blank is multiplied by zero, and must be a number.
            new = like.new_zeros(self._places, like.shape[1], room, like.shape[3])
            if stores is not None:
                new[:, :, : stores[number].shape[2]] = stores[number]
            made.append(new)
        self._store[layer] = (made[0], made[1])
