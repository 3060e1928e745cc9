"""Takes back into a run what people made of its negatives: edited ones, ones they took out, and labels.

    {"id": "3f", "error_type": "logic", "chosen": [...], "rejected": [{"role": "assistant", "content": "..."}], ...}
    {"sample_id": "3f", "error_type": "logic", "text_sha256": "9b...", "label": "bad", "note": "says the same"}

The first is a row of `seapo export --to jsonl` whose rejected text somebody changed: the new text goes through the same
checks as any negative, and takes the old one's place where it passes. The second is a label of the report's pair
browser: a negative called bad is dropped. Verify's folder is written anew under its old fingerprint, so that verify is
not done again, and mix and all that follows are.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from seapo.errors import DataError, RunError
from seapo.export import MARK, ExportMark, negative_name, read_mark
from seapo.inject.wording import word_edits
from seapo.records import Candidate, CheckResult, DroppedCandidate, Negative, Record, Sample, Skip, apply_edits
from seapo.records import Edit as TextEdit
from seapo.run import Run
from seapo.runfolder import MANIFEST
from seapo.stages import STAGES, open_judge, stage_fingerprint
from seapo.store import read_json, read_records, write_json, write_records
from seapo.summaries import VerifySummary
from seapo.verify.examination import STRENGTH, Panel, panel
from seapo.verify.form import says_the_same
from seapo.verify.labels import HumanLabel
from seapo.wide import WIDE, write_wide

PERSON = "person"
"""Strategy and injector of an edited negative, and the check that a person stands for."""
TAKEN_OUT = "a person took it out"
TAKEN_BACK = ("jsonl", "trl-dpo", "openrlhf")
"""Formats of `seapo export` whose rows name their sample and hold the rejected answer."""
KEPT_FOLDER = "import"
"""Folder of a run with what was taken back, for a verify that is done anew: `imported.jsonl` can be imported again."""
Kind = Literal["edited", "dropped", "kept", "unchanged", "set_aside"]

Place = tuple[str, str]
"""Sample id and what stands for the negative among those of its sample."""


@dataclass(frozen=True)
class Taken:
    """What became of one row."""

    line: int
    """Of the file; 0 for a row that the file no longer has."""
    kind: Kind
    sample_id: str
    error_type: str
    reason: str = ""
    """Why it was set aside, or what the verdict is."""


@dataclass
class Change:
    """What is to be done to the negatives of a run."""

    replaced: dict[Place, Negative] = field(default_factory=dict)
    dropped: dict[Place, str] = field(default_factory=dict)
    """With the words of the person, where there are any."""
    rows: list[Taken] = field(default_factory=list)
    seen: set[Place] = field(default_factory=set)
    """Negatives that an exported row of the file is about."""

    def counts(self) -> dict[str, int]:
        """Kind -> number of rows."""
        return dict(Counter(row.kind for row in self.rows))


class ExportedRow(Record):
    """What is read of an exported row."""

    id: str
    error_type: str
    rejected: str
    chosen: str | None = None
    edits: tuple[TextEdit, ...] | None = None
    """As they were exported: applied to the chosen answer they give the text before it was changed."""


def import_file(
    run: Run, path: Path, *, drop_missing: bool = False, trust: bool = False, dry_run: bool = False
) -> Change:
    """Take a file's labels and edited rows back into the run.

    `drop_missing` drops what was exported and is no longer in the file, which lies beside its export.json. `trust`
    takes edits that no check speaks against even where none says that they are errors. Raises RunError where verify has
    not finished, or no longer fits the recipe; DataError where the file holds no JSON lines.
    """
    with run.folder.lock():
        fingerprint = _current_fingerprint(run)
        state = _State.of(run)
        rows = list(_read_rows(path))
        change = Change()
        with run.journal() as journal, open_judge(run, journal) as judge:
            settings = run.recipe.verify
            if trust:
                settings = settings.model_copy(update={"accept": tuple(STRENGTH)})
            judge = judge if settings.use_judge else None
            checks = panel(settings, journal=journal, judge=judge, types=run.recipe.inject.types)
            for line, row in run.progress("import")(rows):
                change.rows.append(_take(line, row, state, checks, change))
        if drop_missing:
            _drop_missing(path, state, change)
        if not dry_run and (change.replaced or change.dropped):
            _write(run, fingerprint, state, change)
    return change


def _current_fingerprint(run: Run) -> str:
    """Verify's, which stays as it is: what a person changed does not follow from the recipe."""
    fingerprint = run.folder.fingerprint("verify")
    if fingerprint is None:
        raise RunError(f"{run.folder.path}: the stage 'verify' has not finished; run: seapo verify {run.folder.path}")
    if fingerprint != stage_fingerprint(run, STAGES["verify"]):
        raise RunError(
            f"{run.folder.path}: the output of 'verify' no longer fits the recipe, and would be made anew; run first: "
            f"seapo verify {run.folder.path}"
        )
    return fingerprint


@dataclass
class _State:
    """The samples and negatives of a run."""

    samples: dict[str, Sample]
    negatives: dict[Place, Negative]
    """In the order of the file."""

    @classmethod
    def of(cls, run: Run) -> "_State":
        samples = {sample.id: sample for sample in run.stream("source", "samples.jsonl", Sample)}
        negatives = {place_of(each): each for each in run.stream("verify", "negatives.jsonl", Negative)}
        return cls(samples, negatives)

    def of_type(self, sample_id: str, error_type: str) -> list[Place]:
        return [
            place
            for place, each in self.negatives.items()
            if (each.sample_id, each.error_type) == (sample_id, error_type)
        ]

    def texts(self, place: Place, change: Change) -> set[str]:
        """The negative's text, and that which an earlier row of the file gave it."""
        old = self.negatives[place]
        return {old.text, change.replaced.get(place, old).text}

    def siblings(self, negative: Negative, change: Change) -> Iterator[Negative]:
        """The other negatives of the sample, as they are after what was changed so far."""
        for place, each in self.negatives.items():
            if each.sample_id == negative.sample_id and each is not negative and place not in change.dropped:
                yield change.replaced.get(place, each)


def place_of(negative: Negative) -> Place:
    """What stands for a negative."""
    return negative.sample_id, negative_name(negative.error_type, negative.text)


def _read_rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would also break at U+2028 in an answer
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"{path}: cannot be read as JSON lines: {problem}") from problem
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as problem:
                raise DataError(f"{path}, line {number}: no JSON: {problem}") from problem


def _take(line: int, row: Any, state: _State, checks: Panel, change: Change) -> Taken:
    if isinstance(row, dict) and "text_sha256" in row:
        return _take_label(line, row, state, change)
    if isinstance(row, dict) and "rejected" in row:
        return _take_edit(line, row, state, checks, change)
    return Taken(line, "set_aside", "", "", "neither a label nor a row of an export")


def _take_label(line: int, row: Mapping[str, Any], state: _State, change: Change) -> Taken:
    try:
        label = HumanLabel.model_validate(row)
    except ValidationError as problem:
        return _unreadable(line, problem)
    place = _labelled_place(label, state, change)
    if place is None:
        return Taken(line, "set_aside", label.sample_id, label.error_type, "the run has no negative of this text")
    if label.label != "bad":
        return Taken(line, "kept", label.sample_id, label.error_type, label.label)
    change.dropped[place] = label.note
    return Taken(line, "dropped", label.sample_id, label.error_type, label.note)


def _labelled_place(label: HumanLabel, state: _State, change: Change) -> Place | None:
    """The negative whose text the label is about, as it was or as an earlier row of the file made it."""
    for place in state.of_type(label.sample_id, label.error_type):
        if label.text_sha256.lower() in {_sha256(text) for text in state.texts(place, change)}:
            return place
    return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _take_edit(line: int, row: Mapping[str, Any], state: _State, checks: Panel, change: Change) -> Taken:
    try:
        exported = ExportedRow.model_validate(_plain(row))
    except ValidationError as problem:
        return _unreadable(line, problem)

    def told(kind: Kind, reason: str = "") -> Taken:
        return Taken(line, kind, exported.id, exported.error_type, reason)

    found = _exported_place(exported, state, change)
    if isinstance(found, str):
        return told("set_aside", found)
    change.seen.add(found)
    old, sample = state.negatives[found], state.samples[exported.id]
    if exported.rejected == old.text:
        return told("unchanged")
    outcome = _examined(exported.rejected, old, sample, checks, state, change)
    if isinstance(outcome, str):
        return told("set_aside", outcome)
    change.replaced[found] = outcome
    return told("edited", outcome.verdict.status)


def _unreadable(line: int, problem: ValidationError) -> Taken:
    first = problem.errors()[0]
    return Taken(line, "set_aside", "", "", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are read, answers as texts; a wrong kind of value is left for the record to refuse."""
    fields = {name: row[name] for name in ExportedRow.model_fields if name in row}
    for name in ("chosen", "rejected"):
        messages = fields.get(name)
        if isinstance(messages, list) and len(messages) == 1 and isinstance(messages[0], dict):
            fields[name] = messages[0].get("content")
    return fields


def _exported_place(row: ExportedRow, state: _State, change: Change) -> Place | str:
    """The negative that the row was exported from, or why there is none."""
    sample = state.samples.get(row.id)
    if sample is None:
        return "no sample of the run has this id"
    if row.error_type == "original":
        return "this is the data's own rejected answer; change it in the data"
    if row.chosen is not None and row.chosen != sample.chosen:
        return "the chosen answer is not the sample's; only the rejected one can be changed"
    places = state.of_type(row.id, row.error_type)
    try:
        text = apply_edits(sample.chosen, row.edits or ())
    except ValueError:
        text = ""
    exact = [place for place in places if state.texts(place, change) & {text, row.rejected}]
    found = exact or places
    if len(found) == 1:
        return found[0]
    return "the run has no negative of this type" if not found else "the run has several negatives of this type"


def _examined(text: str, old: Negative, sample: Sample, checks: Panel, state: _State, change: Change) -> Negative | str:
    """The negative that an edited text becomes, or what speaks against it."""
    same = [each.error_type for each in state.siblings(old, change) if says_the_same(each.text, text)]
    if same:
        return f"it says the same as the negative of type {same[0]}"
    candidate = Candidate(
        sample_id=sample.id,
        error_type=old.error_type,
        subtype=old.subtype,
        strategy=PERSON,
        injector=PERSON,
        rank=old.rank,
        text=text,
        edits=word_edits(sample.chosen, text),
    )
    outcome = checks.settle(sample, checks.ask(sample, checks.examine(sample, candidate)))
    if isinstance(outcome, DroppedCandidate):
        return "; ".join(f"{result.check}: {result.evidence}" for result in outcome.failed)
    return outcome.model_copy(update={"choice": old.choice})


def _drop_missing(path: Path, state: _State, change: Change) -> None:
    """Drop what was exported and has no row any more; raises RunError where that cannot be told for sure."""
    exported = _read_mark(path).exported
    types = {(sample_id, name.rpartition(" ")[0]) for sample_id, names in exported.items() for name in names}
    unread = {(row.sample_id, row.error_type): row for row in change.rows if row.kind == "set_aside"}
    for key, row in unread.items():
        if key not in types:  # it may be any of the rows that seem to be gone
            raise RunError(
                f"{path}, line {row.line}: {row.reason}; so nobody can say which rows are gone, and --drop-missing "
                "drops nothing; mend or delete the line, or import without --drop-missing"
            )
    for sample_id, names in exported.items():
        for place in ((sample_id, name) for name in names):
            if place not in state.negatives or place in change.seen:
                continue
            error_type = state.negatives[place].error_type
            if (sample_id, error_type) not in unread:  # such a row is there, and could not be told from it
                change.dropped[place] = ""
                change.rows.append(Taken(0, "dropped", sample_id, error_type, "its row is gone from the file"))


def _read_mark(path: Path) -> ExportMark:
    """What was exported beside the file; raises RunError where nobody knows, or the rows cannot be told apart."""
    mark = path.parent / MARK
    if not mark.is_file():
        raise RunError(f"--drop-missing needs the {MARK} of the export beside the file, and {mark} is not there")
    found = read_mark(mark)
    if found.format not in TAKEN_BACK:
        raise RunError(
            f"{mark}: this is an export for {found.format}, whose rows do not say which negative they are; "
            f"--drop-missing takes those of {', '.join(TAKEN_BACK)}"
        )
    return found


def _write(run: Run, fingerprint: str, state: _State, change: Change) -> None:
    """Verify's folder anew, with a manifest that has its old fingerprint; and what was taken, to be taken again."""
    for left in run.folder.partial("verify"):
        shutil.rmtree(left)  # a half-written one would be taken for this one
    run.folder.produce("verify", fingerprint, lambda folder: _fill(run, folder, state, change))
    _remember(run.folder.path / KEPT_FOLDER, state, change)


def _fill(run: Run, folder: Path, state: _State, change: Change) -> None:
    before = run.folder.stage("verify")
    shutil.copytree(before, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
    negatives = [
        change.replaced.get(place, each) for place, each in state.negatives.items() if place not in change.dropped
    ]
    gone = [(state.negatives[place], note) for place, note in change.dropped.items()]
    write_records(folder / "negatives.jsonl", negatives)
    dropped = [*read_records(before / "dropped.jsonl", DroppedCandidate), *(_dropped(*one) for one in gone)]
    write_records(folder / "dropped.jsonl", dropped)
    left = {(each.sample_id, each.error_type) for each in negatives}
    without = {(one.sample_id, one.error_type) for one, _ in gone} - left
    skips = [Skip(sample_id=name, error_type=kind, stage="import", reason=TAKEN_OUT) for name, kind in sorted(without)]
    write_records(folder / "skipped.jsonl", [*read_records(before / "skipped.jsonl", Skip), *skips])
    write_wide(folder / WIDE, run.samples(), negatives)
    summary = VerifySummary.model_validate(read_json(before / "summary.json"))
    write_json(folder / "summary.json", _counted(summary, negatives, gone, skips).model_dump(mode="json"))


def _dropped(negative: Negative, note: str) -> DroppedCandidate:
    fields = {name: getattr(negative, name) for name in Candidate.model_fields}
    evidence = f"{TAKEN_OUT}: {note}" if note else TAKEN_OUT
    return DroppedCandidate(
        candidate=Candidate(**fields), failed=(CheckResult(check=PERSON, outcome="fail", evidence=evidence),)
    )


def _counted(
    summary: VerifySummary,
    negatives: Sequence[Negative],
    gone: Iterable[tuple[Negative, str]],
    skips: Sequence[Skip],
) -> VerifySummary:
    """The summary with the counts that a person changed; what was found of giveaways stays as it was."""
    status: dict[str, Counter[Any]] = {name: Counter() for name in summary.asked}
    proofs: dict[str, Counter[str]] = {name: Counter() for name in summary.asked}
    for negative in negatives:
        status.setdefault(negative.error_type, Counter())[negative.verdict.status] += 1
        proofs.setdefault(negative.error_type, Counter()).update(negative.verdict.proofs)
    dropped = {name: Counter(counts) for name, counts in summary.dropped_candidates.items()}
    for negative, _ in gone:
        dropped.setdefault(negative.error_type, Counter())[PERSON] += 1
    without = {name: Counter(counts) for name, counts in summary.without_negative.items()}
    for skip in skips:
        without.setdefault(skip.error_type, Counter())[skip.reason] += 1
    values = summary.model_dump() | {
        "accepted": {name: counts.total() for name, counts in status.items()},
        "status": {name: dict(sorted(counts.items())) for name, counts in status.items()},
        "proofs": {name: dict(sorted(counts.items())) for name, counts in proofs.items()},
        "dropped_candidates": {name: dict(sorted(counts.items())) for name, counts in dropped.items()},
        "without_negative": {name: dict(sorted(counts.items())) for name, counts in without.items()},
    }
    return VerifySummary.model_validate(values)


def _remember(folder: Path, state: _State, change: Change) -> None:
    """Add what was taken to `imported.jsonl`, which a later import, after verify was done anew, can take again."""
    folder.mkdir(exist_ok=True)
    path = folder / "imported.jsonl"
    kept = [row for _, row in _read_rows(path)] if path.is_file() else []
    for place, negative in change.replaced.items():
        edits = [edit.model_dump() for edit in state.negatives[place].edits]  # they tell which negative it was
        row = {"id": place[0], "error_type": negative.error_type, "rejected": negative.text, "edits": edits}
        kept.append(row)
    for place, note in change.dropped.items():
        old = state.negatives[place]
        known = {"sample_id": old.sample_id, "error_type": old.error_type, "text_sha256": _sha256(old.text)}
        kept.append({"run": "", **known, "label": "bad", "note": note})
    beside = path.with_name(f".{path.name}.new")
    beside.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")
    beside.replace(path)
