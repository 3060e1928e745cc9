"""From drafts to samples: empty, contradictory and repeated rows are set aside; bad answers find their good one."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from seapo.reading.conversation import normalised
from seapo.reading.rows import (
    DUPLICATE,
    EMPTY_ANSWER,
    EMPTY_PROMPT,
    EMPTY_REJECTED,
    NO_ID,
    NOT_ENCODABLE,
    NOT_FROM_USER,
    REPEATED_ID,
    SAME_ANSWERS,
    UNPAIRED,
    Row,
    UnusableRowError,
    set_aside,
)
from seapo.records import RejectedRow, Sample, digest
from seapo.source.drafts import Draft

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class _Entry:
    """A draft that passed, with where it stands."""

    order: int
    file: str
    line: int
    prompt_key: bytes
    own_id: str | None
    draft: Draft


@dataclass(frozen=True)
class Cleaned:
    """What all rows came to; every row is in exactly one of the three."""

    samples: list[Sample]
    rejected: list[RejectedRow]
    merged: int
    """Rows with a bad answer that is now a rejected answer of another row's sample."""


class Cleaner:
    """Takes rows in the order of the source and gives the samples at the end."""

    def __init__(self, *, is_id_mapped: bool = False) -> None:
        self._is_id_mapped = is_id_mapped
        self._good: list[_Entry] = []
        self._bad: list[tuple[_Entry, RejectedRow]] = []
        self._rejected: list[tuple[int, RejectedRow]] = []
        self._seen: dict[bytes, str] = {}
        self._ids: dict[str, str] = {}
        self.rows = 0

    def reject(self, row: RejectedRow) -> None:
        """Take a row that was set aside before it was a draft."""
        self._rejected.append((self.rows, row))
        self.rows += 1

    def add(self, row: Row, draft: Draft, own_id: object) -> None:
        """Take a draft, or set its row aside; `own_id` is what the row's id column holds, if it has one."""
        try:
            entry = self._entry(row, draft, own_id)
        except UnusableRowError as problem:
            self.reject(set_aside(row, str(problem)))
            return
        if draft.is_good:
            self._good.append(entry)
        else:
            self._bad.append((entry, set_aside(row, UNPAIRED)))
        self.rows += 1

    def finish(self) -> Cleaned:
        """The samples of all rows, and the rows set aside, both in the order of the source."""
        merged = self._merge_bad_answers()
        rejected = [row for _, row in sorted(self._rejected, key=lambda pair: pair[0])]
        has_own_ids = self._has_own_ids()
        return Cleaned([_sample(entry, has_own_ids) for entry in self._good], rejected, merged)

    def _entry(self, row: Row, draft: Draft, own_id: object) -> _Entry:
        check_draft(draft)
        place = f"line {row.line} of {row.file}"
        prompt_key = _key(part for message in draft.prompt for part in (message.role, message.content))
        key = _answer_key(prompt_key, draft.chosen, is_good=draft.is_good)
        if key in self._seen:
            raise UnusableRowError(DUPLICATE, self._seen[key])
        name = _as_id(own_id, allows_numbers=self._is_id_mapped)
        if self._is_id_mapped:
            if name is None:
                raise UnusableRowError(NO_ID)
            if name in self._ids:
                raise UnusableRowError(REPEATED_ID, self._ids[name])
            self._ids[name] = place
        self._seen[key] = place
        return _Entry(self.rows, row.file, row.line, prompt_key, name, draft)

    def _merge_bad_answers(self) -> int:
        """Deal the bad answers of a prompt out to its good ones in turn; gives how many found one."""
        places = defaultdict(list)
        for index, entry in enumerate(self._good):
            places[entry.prompt_key].append(index)
        turns: dict[bytes, int] = defaultdict(int)
        given: dict[int, list[str]] = defaultdict(list)
        for bad, unpaired in self._bad:
            indices = places.get(bad.prompt_key)
            if indices is None:
                self._rejected.append((bad.order, unpaired))
            elif _answer_key(bad.prompt_key, bad.draft.chosen, is_good=True) in self._seen:
                self._rejected.append((bad.order, unpaired.model_copy(update={"reason": SAME_ANSWERS})))
            else:
                given[indices[turns[bad.prompt_key] % len(indices)]].append(bad.draft.chosen)
                turns[bad.prompt_key] += 1
        for index, answers in given.items():
            entry = self._good[index]
            draft = replace(entry.draft, rejected=(*entry.draft.rejected, *answers))
            self._good[index] = replace(entry, draft=draft)
        return sum(turns.values())

    def _has_own_ids(self) -> bool:
        names = [entry.own_id for entry in self._good]
        return None not in names and len(set(names)) == len(names)


def check_draft(draft: Draft) -> None:
    """Raise UnusableRowError for a draft that can be no sample."""
    if not draft.prompt:
        raise UnusableRowError(EMPTY_PROMPT)
    if draft.prompt[-1].role not in ("user", "tool"):
        raise UnusableRowError(NOT_FROM_USER, f"but of the {draft.prompt[-1].role}")
    for text, reason in ((draft.prompt[-1].content, EMPTY_PROMPT), (draft.chosen, EMPTY_ANSWER)):
        if not text.strip():
            raise UnusableRowError(reason)
    if not all(text.strip() for text in draft.rejected):
        raise UnusableRowError(EMPTY_REJECTED)
    texts = (*(message.content for message in draft.prompt), draft.chosen, *draft.rejected)
    if any(not text.isascii() and _HALF_CHARACTER.search(text) for text in texts):
        raise UnusableRowError(NOT_ENCODABLE)
    if any(_are_same(draft.chosen, text) for text in draft.rejected):
        raise UnusableRowError(SAME_ANSWERS)


def draw(samples: list[Sample], limit: int | None, *, seed: int) -> list[Sample]:
    """As many samples as the limit says, drawn by the seed, in their own order; a smaller limit gives a subset."""
    if limit is None or limit >= len(samples):
        return samples
    drawn = {sample.id for sample in sorted(samples, key=lambda sample: digest([seed, sample.id]))[:limit]}
    return [sample for sample in samples if sample.id in drawn]


def _sample(entry: _Entry, has_own_ids: bool) -> Sample:
    draft = entry.draft
    content = [[[message.role, message.content] for message in draft.prompt], draft.chosen]
    return Sample(
        id=entry.own_id if has_own_ids and entry.own_id is not None else digest(content),
        source=entry.file,
        line=entry.line,
        prompt=draft.prompt,
        chosen=draft.chosen,
        rejected=draft.rejected,
        dimension=draft.dimension,
        truth=draft.truth,
    )


def _as_id(value: object, *, allows_numbers: bool) -> str | None:
    """A row's own id, or None where it cannot serve as one."""
    if not isinstance(value, str) and not (allows_numbers and type(value) is int):
        return None
    text = str(value).strip()
    return text if text and len(text) <= _LONGEST_ID and not _HALF_CHARACTER.search(text) else None


def _are_same(one: str, other: str) -> bool:
    return one == other or normalised(one) == normalised(other)


def _answer_key(prompt_key: bytes, answer: str, *, is_good: bool) -> bytes:
    return _key([answer, "good" if is_good else "bad"], prompt_key)


def _key(texts: Iterable[str], before: bytes = b"") -> bytes:
    """16 bytes that stand for texts in their normalised form."""
    state = hashlib.blake2b(before, digest_size=16)
    for part in _parts(texts):
        state.update(part)
    return state.digest()


def _parts(texts: Iterable[str]) -> Iterator[bytes]:
    for text in texts:
        data = normalised(text).encode()
        yield len(data).to_bytes(8, "big")
        yield data
