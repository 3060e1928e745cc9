"""A user's own preference data, from a file or folder to examples: what `train.data_path` names.

encoded = read_dataset("pairs.jsonl", tokenizer, TrainSection(method="dpo"))
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from seapo.errors import DataError, TrainError
from seapo.model.encoding import EncodedChat, encode_chat, encode_text
from seapo.reading.conversation import Messages, kind_in_words
from seapo.reading.files import KINDS_IN_WORDS
from seapo.reading.places import Part, Wanted, find_place
from seapo.reading.rows import NOT_OBJECT, Row, UnusableRowError, printable, set_aside
from seapo.recipe import TrainSection
from seapo.records import RejectedRow
from seapo.train.examples import EncodedPairs, Gathering, edited_tokens
from seapo.train.loss import NEEDS_PAIRS, SOURCES
from seapo.train.preference_rows import FORMATS, UNPAIRED, PreferenceRow, find_format, read_row
from seapo.train.truncation import Truncation

HEAD_ROWS = 1000
"""Rows of a file whose columns are looked at."""
_SHOWN_COLUMNS = 12
Progress = Callable[[Iterable["Read"]], Iterable["Read"]]


@dataclass(frozen=True)
class Read:
    """A row that was read, and where it stood."""

    place: Row
    row: PreferenceRow
    id: str | None
    """What the data calls it, where it does."""

    @property
    def name(self) -> str:
        """Its own id, or its file and line."""
        return self.id or f"{self.place.file}:{self.place.line}"


def read_dataset(path: str, tokenizer: Any, settings: TrainSection, *, progress: Progress = iter) -> EncodedPairs:
    """Examples of the preference data in a file, a folder, a `datasets` folder or a data set of the hub.

    Rows with the same prompt and chosen answer (and id, where there are ids) form one example, and so do single answers
    to the same prompt, so that what they share is computed once. Rows that cannot be used are set aside with line and
    reason. `progress` is put around the rows while they are encoded.
    Raises DataError where there is nothing to read or the columns are not known; TrainError where no row can be trained
    on, or where the method needs pairs and the data has single answers.
    """
    kind, rows, rejected = _read(path)
    if kind == UNPAIRED and settings.method in NEEDS_PAIRS:
        raise TrainError(_no_pairs(path, rows, settings.method))
    gathering = Gathering(Truncation(settings.max_length, settings.truncation))
    for read in progress(rows):
        rejected += _gather(gathering, tokenizer, read, kind)
    encoded = gathering.result(rejected)
    if not encoded.examples:
        raise TrainError(_nothing_left(path, encoded))
    plain = sum(isinstance(read.row.prompt, str) for read in rows)
    return replace(encoded, untemplated=plain if tokenizer.chat_template is not None else 0)


def _read(path: str) -> tuple[str, list[Read], list[RejectedRow]]:
    """What the data holds (`pairs` or `single answers`), its rows, and those that cannot be read."""
    wanted = Wanted(
        path,
        "train",
        key="train.data_path",
        choose="give the path of one of",
        accepted="a file, a folder, and the id of a data set of the hub, as owner/name",
    )
    kinds: dict[str, str] = {}
    rows: list[Read] = []
    rejected: list[RejectedRow] = []
    for part in find_place(wanted).parts:
        outcomes = part.rows()
        head = list(islice(outcomes, HEAD_ROWS))
        kind = _kind(part, head)
        kinds.setdefault(kind, part.where)
        if len(kinds) > 1:
            different = " and ".join(f"{name} ({where})" for name, where in kinds.items())
            raise DataError(f"train.data_path: {path!r} holds both {different}; train on one of them")
        for outcome in chain(head, outcomes):
            one = _read_row(outcome, kind)
            if isinstance(one, Read):
                rows.append(one)
            else:
                rejected.append(one)
    (kind,) = kinds
    return kind, rows, rejected


def _kind(part: Part, head: Sequence[Row | RejectedRow]) -> str:
    """What a file holds; raises DataError where it has no rows, or not the columns."""
    columns = [row.value for row in head if isinstance(row, Row) and isinstance(row.value, Mapping)]
    known = "; ".join(f"{name}: {', '.join(names)}" for name, names in FORMATS.items())
    formats = f"known are, as in TRL, {known} (pairs may have a prompt beside)"
    if not head:
        raise DataError(f"{part.where}: there are no rows in it, so nothing to train on; {formats}")
    if not columns:
        first = head[0] if isinstance(head[0], RejectedRow) else set_aside(head[0], NOT_OBJECT)
        raise DataError(
            f"{part.where}: no row can be read; the first is line {first.line} ({first.reason}): {first.row[:200]!r}; "
            f"readable are {KINDS_IN_WORDS}; {formats}"
        )
    kind = find_format(columns)
    if kind is None:
        kinds = {name: kind_in_words(value) for row in reversed(columns) for name, value in row.items()}
        found = [f"{printable(str(name))[:40]} ({words})" for name, words in list(kinds.items())[:_SHOWN_COLUMNS]]
        raise DataError(
            f"{part.where}: these are not the columns of preference data: {', '.join(found) or 'none'}; {formats}; "
            "rename the columns, or read questions and answers of other formats with `seapo source` (data.path)"
        )
    return kind


def _read_row(outcome: Row | RejectedRow, kind: str) -> Read | RejectedRow:
    if isinstance(outcome, RejectedRow):
        return outcome
    if not isinstance(outcome.value, Mapping):
        return set_aside(outcome, NOT_OBJECT)
    name = outcome.value.get("id")
    is_name = isinstance(name, str | int) and not isinstance(name, bool) and str(name).strip()
    try:
        return Read(outcome, read_row(outcome.value, kind), printable(str(name)) if is_name else None)
    except UnusableRowError as problem:
        return set_aside(outcome, str(problem))


def _gather(gathering: Gathering, tokenizer: Any, read: Read, kind: str) -> list[RejectedRow]:
    """Add a row's answers to the examples; gives an entry for each that cannot be encoded."""
    row, rejected = read.row, []
    try:
        good = [_encode(tokenizer, row.prompt, answer) for answer in row.good]
    except DataError as problem:
        return [set_aside(read.place, str(problem))]
    if kind == UNPAIRED:
        for encoded in good:
            gathering.add_answer(read.name, encoded, is_desirable=True)
    for answer in row.bad:
        try:
            encoded = _encode(tokenizer, row.prompt, answer)
            if kind == UNPAIRED:
                gathering.add_answer(read.name, encoded, is_desirable=False)
                continue
            edited = edited_tokens(row.edits, (row.good[0], good[0]), (answer, encoded))
        except DataError as problem:
            rejected.append(set_aside(read.place, str(problem)))
            continue
        gathering.add_pair(
            read.name,
            good[0],
            encoded,
            error_type=row.error_type,
            edited=edited,
            group=read.id or "",
            epochs=row.epochs,
            order=row.order,
        )
    return rejected


def _encode(tokenizer: Any, prompt: Messages | str, answer: str) -> EncodedChat:
    return encode_text(tokenizer, prompt, answer) if isinstance(prompt, str) else encode_chat(tokenizer, prompt, answer)


def _no_pairs(path: str, rows: Sequence[Read], method: str) -> str:
    labels: dict[object, set[bool]] = {}
    for read in rows:
        labels.setdefault(read.row.prompt, set()).add(bool(read.row.good))
    both = sum(len(known) == 2 for known in labels.values())
    noun = "prompt" if both == 1 else "prompts"
    hint = f", such as from the {both} {noun} here with answers of both labels" if both else ""
    able = ", ".join(sorted(SOURCES.keys() - NEEDS_PAIRS))
    return (
        f"train.method: {method} compares a good answer with bad ones to the same prompt, and {path} has "
        "single answers (prompt, completion, label); choose a method that judges each answer for itself: "
        f"{able}; or write pairs (prompt, chosen, rejected){hint}"
    )


def _nothing_left(path: str, encoded: EncodedPairs) -> str:
    reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(encoded.set_aside.items()))
    first = encoded.rejected_rows[:1]
    where = "".join(f"; the first such row is line {row.line} of {row.file} ({row.reason})" for row in first)
    return f"train.data_path: nothing in {path} can be trained on: {reasons or 'it has no rows'}{where}"
