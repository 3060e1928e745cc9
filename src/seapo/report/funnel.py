"""The way from rows to training pairs: what each step left over, and why the rest was lost."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from seapo.report.contents import RunContents
from seapo.summaries import InjectSummary, MixSummary, SourceSummary, TrainSummary, VerifySummary

Unit = Literal["rows", "negatives", "pairs"]
"""Rows of the source, or the samples they became; negatives, one per sample and error type; or pairs without them."""

_WHY_UNUSED: Final = {
    "mixed": "not drawn: the mix takes one negative of each sample",
    "single": "of another error type than the mix asks for",
    "all": "not in the mix",
}


@dataclass(frozen=True)
class Step:
    """One step of the funnel."""

    label: str
    unit: Unit
    kept: int
    reasons: dict[str, int] = field(default_factory=dict)
    """Why the rest was lost -> how many, in the step's unit, most frequent first."""
    note: str = ""


def funnel_steps(contents: RunContents) -> tuple[Step, ...]:
    """The steps of the stages that have run, in order."""
    return tuple(_steps(contents))


def lost(steps: tuple[Step, ...], index: int) -> int:
    """How many of the step before did not come through; 0 for the first step of a unit."""
    if index == 0 or steps[index - 1].unit != steps[index].unit:
        return 0
    return steps[index - 1].kept - steps[index].kept


def unexplained(steps: tuple[Step, ...], index: int) -> int:
    """How many of the lost no reason was given for; the page says so rather than let the figures disagree."""
    return max(lost(steps, index) - sum(steps[index].reasons.values()), 0)


def _steps(contents: RunContents) -> Iterator[Step]:
    if contents.source:
        yield from _source_steps(contents.source)
    if contents.inject:
        yield from _inject_steps(contents.inject)
    if contents.verify:
        yield _verify_step(contents.verify, contents.inject)
    if contents.mix:
        yield _mix_step(contents.mix, contents.verify)
    if contents.train:
        is_original = contents.mix is not None and contents.mix.kind == "original"
        yield from _train_steps(contents.train, "pairs" if is_original else "negatives")


def _source_steps(source: SourceSummary) -> Iterator[Step]:
    yield Step("Rows read", "rows", source.rows)
    reasons = _ranked([source.set_aside, {"joined to another row's sample as its rejected answer": source.merged}])
    good = source.samples + source.beyond_limit
    yield Step("Good samples", "rows", good + source.decontaminated, reasons)
    if source.compared_with:
        found = {"holds text of a benchmark's test item": source.decontaminated} if source.decontaminated else {}
        yield Step("Samples without benchmark text", "rows", good, found)
    if source.beyond_limit:
        yield Step("Samples drawn", "rows", source.samples, {"left out by data.limit": source.beyond_limit})


def _inject_steps(inject: InjectSummary) -> Iterator[Step]:
    asked = sum(inject.asked.values())
    types = len(inject.asked)
    skipped = _ranked(inject.skipped.values())
    yield Step("Negatives wanted", "negatives", asked, note=f"{_count(types, 'error type')} per sample")
    made = sum(inject.candidates.values())
    note = f"{_count(made, 'candidate')} in all"
    yield Step("With a candidate", "negatives", asked - sum(skipped.values()), skipped, note)


def _verify_step(verify: VerifySummary, inject: InjectSummary | None) -> Step:
    """What verify lost itself: the reasons that it passes on from inject are told in the step before."""
    dropped = sum(sum(checks.values()) for checks in verify.dropped_candidates.values())
    note = f"candidates failed {_count(dropped, 'check')} on the way" if dropped else ""
    own = Counter(_ranked(verify.without_negative.values()))
    reasons = _ranked([own - Counter(_ranked(inject.skipped.values() if inject else []))])
    return Step("Verified negatives", "negatives", sum(verify.accepted.values()), reasons, note)


def _mix_step(mix: MixSummary, verify: VerifySummary | None) -> Step:
    if mix.kind == "original":
        return Step("Training pairs", "pairs", mix.pairs, note="the data's own rejected answers, no injected error")
    unused = sum(verify.accepted.values()) - mix.pairs if verify else 0
    return Step("Training pairs", "negatives", mix.pairs, {_WHY_UNUSED[mix.kind]: unused} if unused > 0 else {})


def _train_steps(train: TrainSummary, unit: Unit) -> Iterator[Step]:
    if train.set_aside:
        yield Step("Pairs trained on", unit, train.pairs, _ranked([train.set_aside]))


def _ranked(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return {reason: number for reason, number in total.most_common() if number}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
