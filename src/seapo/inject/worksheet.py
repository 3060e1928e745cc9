"""The numbers and equations of a calculation, and what else changes when one of them does.

8 * 3 = <<8*3=24>>24 pens.        8 * 3 = <<8*3=26>>26 pens.
24 + 5 = <<24+5=29>>29 in all. -> 26 + 5 = <<26+5=31>>31 in all.
#### 29                           #### 31
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from seapo.arithmetic import Equation, value_of
from seapo.inject.draft import draft, replace
from seapo.inject.figures import as_result, rewritten
from seapo.inject.passage import Passage, number_words, plain
from seapo.quantities import numbers
from seapo.records import Edit

_END = re.compile(r"\n|[.;!?](?=\s)")
_REACH = 160
"""Where an equation ends at the latest, and so many characters of it are looked at."""
_NOTE = re.compile(r"<<([^<>\n]{1,200})>>[$€£ ]?")


@dataclass(frozen=True)
class Slot:
    """A number where it stands in the answer."""

    start: int
    end: int
    written: str
    value: str
    """Its digits in plain form, the same for `1,250` and `1250.00`."""


@dataclass(frozen=True)
class Step:
    """A true equation whose right side is one number; numbers are indices of slots."""

    equation: Equation
    operands: tuple[int, ...]
    result: int

    @property
    def start(self) -> int:
        """Offset of the equation's first character."""
        return self.equation.start

    @property
    def end(self) -> int:
        """Offset behind the equation's last character."""
        return self.equation.end

    def overlaps(self, other: "Step") -> bool:
        """Whether two equations are one step written twice, as `8 * 3 = <<8*3=24>>24`."""
        return self.start < other.end and other.start < self.end


class Worksheet:
    """A calculation's numbers in order, and the steps between them."""

    def __init__(self, passage: Passage) -> None:
        self.text = passage.text
        self._passage = passage

    @cached_property
    def slots(self) -> list[Slot]:
        """Every number outside code, those in `<<...>>` notes among them, by position."""
        found = [Slot(n.start, n.end, n.text, plain(n.text)) for n in numbers(self.text)]
        for note in _NOTE.finditer(self.text):
            start = note.start(1)
            found += [Slot(start + n.start, start + n.end, n.text, plain(n.text)) for n in numbers(note[1])]
        kept = (slot for slot in found if not self._passage.is_protected(slot.start, slot.end))
        return sorted(kept, key=lambda slot: slot.start)

    @cached_property
    def steps(self) -> list[Step]:
        """Equations that hold and have one number on the right."""
        steps = (self._step(equation) for equation in self._passage.equations)
        return [step for step in steps if step is not None]

    @cached_property
    def main_steps(self) -> list[Step]:
        """The steps without those that repeat another one inside a note."""
        return [
            s for s in self.steps if not any(o is not s and o.overlaps(s) and o.start < s.start for o in self.steps)
        ]

    @cached_property
    def copies(self) -> dict[int, int]:
        """Slot behind a note -> the slot of the note's result that it repeats."""
        ends = {note.end(): note.span() for note in _NOTE.finditer(self.text)}
        results = {step.result: step for step in self.steps}
        table = {}
        for index, slot in enumerate(self.slots):
            span = ends.get(slot.start)
            inner = [r for r in results if span and span[0] < self.slots[r].start < span[1]]
            if inner and index not in results and slot.value == self.slots[inner[-1]].value:
                table[index] = inner[-1]
        return table

    def mentions_of_result(self, step: Step) -> list[int]:
        """The slots that state a step's result at the step itself."""
        twins = [other.result for other in self.steps if other.overlaps(step)]
        same = [slot for slot in twins if self.slots[slot].value == self.slots[step.result].value]
        return same + [copy for copy, source in self.copies.items() if source in same]

    def restated(self, step: Step, written: str) -> dict[int, str]:
        """Another result at every place where the step states it, each in its own format."""
        return {i: rewritten(written, self.slots[i].written) for i in self.mentions_of_result(step)}

    def uses(self, step: Step) -> list[Step]:
        """Later steps that have the result of this one as an operand."""
        value = self.slots[step.result].value
        return [
            s for s in self.main_steps if s.start >= step.end and any(self.slots[o].value == value for o in s.operands)
        ]

    def carry(
        self, changed: Mapping[int, str], renamed: Mapping[str, str], *, since: int | None = None
    ) -> dict[int, str] | None:
        """All slots that change, with their new text, when some do: later steps are computed anew.

        `changed`: slot -> new text, given. `renamed`: old value -> new text, for every mention from the slot `since` on
        (the first changed one, if left out). None where a value stands for two different things, so that nobody could
        tell which of its mentions change, or where a step has no plain result any more.
        """
        new, names = dict(changed), dict(renamed)
        results = {step.result: step for step in self.steps}
        first = since if since is not None else min(changed, default=0)
        for index, slot in enumerate(self.slots):
            if index < first or index in new:
                continue
            if index in self.copies:
                if self.copies[index] in new:
                    new[index] = rewritten(new[self.copies[index]], slot.written)
            elif index in results:
                step = results[index]
                written = self._computed_anew(step, new)
                if written is None or (written == slot.written and slot.value in names):
                    return None
                if written != slot.written:
                    if plain(names.get(slot.value, written)) != plain(written) or self._is_shared(index, new):
                        return None
                    new[index] = names[slot.value] = written
            elif slot.value in names:
                new[index] = rewritten(names[slot.value], slot.written)
        return None if any(self._is_in_unread_equation(index) for index in new) else new

    def edits(self, new: Mapping[int, str]) -> tuple[Edit, ...]:
        """The edits that give slots their new text, in order."""
        return draft(
            "", self.text, (replace(self.text, self.slots[i].start, self.slots[i].end, t) for i, t in new.items())
        ).edits

    def stands_for_one_thing(self, step: Step) -> bool:
        """Whether the value of a step's result means nothing else before it: not given, and not used."""
        own = set(self.mentions_of_result(step))
        return not self._is_shared(max(own), dict.fromkeys(own, ""))

    def _is_in_unread_equation(self, index: int) -> bool:
        """Whether a number belongs to an equation that could not be read, whose other side would stay as it is."""
        slot = self.slots[index]
        behind = _END.split(self.text[slot.end : slot.end + _REACH], maxsplit=1)[0]
        before = _END.split(self.text[max(0, slot.start - _REACH) : slot.start])[-1]
        signs = [slot.end + match.start() for match in re.finditer("=", behind)]
        if re.search(r"= ?[$€£]?$", before):
            signs.append(slot.start - len(before) + before.rindex("="))
        return any(not any(s.start <= sign < s.end for s in self.steps) and not self._is_noted(sign) for sign in signs)

    def _is_noted(self, position: int) -> bool:
        return any(note.start() <= position < note.end() for note in _NOTE.finditer(self.text))

    def _is_shared(self, index: int, new: Mapping[int, str]) -> bool:
        value = self.slots[index].value
        is_used_before = any(self.slots[i].value == value for i in range(index) if i not in new)
        is_given = value in self._passage.given_values and any(
            self.slots[i].value == value for i in range(index + 1, len(self.slots))
        )
        return is_used_before or is_given or value in self._words

    @cached_property
    def _words(self) -> frozenset[str]:
        return number_words(self.text)

    def _computed_anew(self, step: Step, new: Mapping[int, str]) -> str | None:
        """The text of a step's result; as it was where nothing on its left changed."""
        written = self.slots[step.result].written
        if not any(operand in new for operand in step.operands):
            return written
        value = value_of(self.left(step, new))
        return None if value is None else as_result(value, written)

    def left(self, step: Step, new: Mapping[int, str]) -> str:
        """The left side of a step with changed numbers."""
        start, text = step.start, step.equation.left
        for operand in sorted((o for o in step.operands if o in new), reverse=True):
            slot = self.slots[operand]
            text = text[: slot.start - start] + new[operand] + text[slot.end - start :]
        return text

    def _step(self, equation: Equation) -> Step | None:
        left_end = equation.start + len(equation.left)
        notes = [n.span() for n in _NOTE.finditer(self.text) if equation.start < n.start() < equation.end]
        inside = [
            index
            for index, slot in enumerate(self.slots)
            if equation.start <= slot.start and slot.end <= equation.end
            and not any(start < slot.start < end - 1 and slot.end <= end - 2 for start, end in notes)
        ]  # fmt: skip
        operands = tuple(i for i in inside if self.slots[i].end <= left_end)
        rights = [i for i in inside if self.slots[i].start >= equation.end - len(equation.right)]
        is_plain = len(rights) == 1 and value_of(equation.left) is not None
        return Step(equation, operands, rights[0]) if is_plain and operands else None
