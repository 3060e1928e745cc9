"""The run in a few plain sentences, computed from its summaries: what was injected, how sure that is, did it help.

The sentences claim no more than the figures: a change counts only where the paired interval excludes zero.
"""

from dataclasses import dataclass
from typing import Final

from seapo.records import Status
from seapo.report.contents import RunContents
from seapo.report.quality import all_edit_ratios
from seapo.report.untrusted import cut
from seapo.summaries import AuditRow, AuditSummary, EvaluateSummary, ScoreRow, VerifySummary

MINUS = "−"
_IN_SHORT: Final[dict[Status, str]] = {
    "judged": "a model found them worse",
    "constructed": "wrong by the way they were built, unconfirmed by a program",
    "unverified": "nothing shows that they are wrong",
}


@dataclass(frozen=True)
class Answer:
    """What the page says to one of a reader's three questions."""

    question: str
    lead: str
    """One sentence; it stands out."""
    more: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.lead} {self.more}".strip()


@dataclass(frozen=True)
class Story:
    """What a reader of one minute takes home."""

    headline: str
    injected: Answer
    trust: Answer
    training: Answer

    @property
    def answers(self) -> tuple[Answer, ...]:
        """In the order in which the questions come up."""
        return self.injected, self.trust, self.training


def tell(contents: RunContents) -> Story:
    """The story of a run, however far it came."""
    return Story(
        headline=_headline(contents),
        injected=Answer("What was injected?", *_injected(contents)),
        trust=Answer("Can it be trusted?", *(_trust(contents.verify) if contents.verify else (not_run("verify"),))),
        training=Answer("Did training help?", *_training(contents)),
    )


def not_run(stage: str) -> str:
    """The sentence that stands where a stage has not finished."""
    return f"The stage {stage} has not finished in this run."


def outcome(evaluate: EvaluateSummary) -> str:
    """One sentence: which dimensions changed beyond their intervals, if any."""
    level = percent(evaluate.confidence, digits=0)
    better = [row for row in evaluate.dimensions if row.verdict == "better"]
    worse = [row for row in evaluate.dimensions if row.verdict == "worse"]
    others = len(evaluate.dimensions) - len(better) - len(worse)
    if not evaluate.dimensions:
        return "No dimension was measured, so nothing tells whether training helped."
    if not better and not worse:
        measured = "the one dimension measured" if others == 1 else f"any of the {others} dimensions measured"
        return f"Training did not change {measured} beyond its {level} interval."
    clauses = [f"{verb} {_changes(rows)}" for verb, rows in (("helped", better), ("hurt", worse)) if rows]
    rest = f"; no other dimension changed beyond its {level} interval" if others else ""
    return f"Training {' and '.join(clauses)}{rest}."


def points(share: float) -> str:
    """A signed difference of shares in percentage points, as `+6.0`."""
    text = f"{share * 100:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", MINUS)


def tenths(value: float) -> str:
    """A number with one digit behind the point and a true minus, as `−1.5`."""
    return f"{value:.1f}".replace("-", MINUS)


def percent(share: float, *, digits: int = 1) -> str:
    """A share as `42.5%`."""
    return f"{share * 100:.{digits}f}%"


def interval(shares: tuple[float, float]) -> str:
    """An interval of shares in percent, as `20.5–44.5`."""
    return f"{shares[0] * 100:.1f}–{shares[1] * 100:.1f}"


def spelt(name: str) -> str:
    """A name out of the code as words: `wrong_number` becomes `wrong number`."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """The text with its first letter in upper case, and the others as they are."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def _headline(contents: RunContents) -> str:
    if contents.evaluate:
        return outcome(contents.evaluate)
    if contents.train:
        return "The model is trained; whether that helped has not been measured yet."
    if contents.verify:
        return (
            f"{sum(contents.verify.accepted.values()):,} negatives passed their checks; nothing has been trained yet."
        )
    return "This run has no verified negatives yet."


def _injected(contents: RunContents) -> tuple[str, ...]:
    if contents.verify is None:
        return (not_run("verify"),)
    accepted = contents.verify.accepted
    total, samples = sum(accepted.values()), len({negative.sample_id for negative in contents.negatives})
    lead = f"{total:,} negatives, one known error each, made from {samples:,} good answers."
    parts = [f"{accepted.get(name, 0):,} {name}" for name in contents.error_types]
    more = f"Errors: {listed(parts)}."
    if changed := all_edit_ratios(contents):
        low, high = percent(changed.low), percent(changed.high)
        more += (
            f" In the median an error changes {percent(changed.median)} of its answer (nine in ten: {low} to {high})."
        )
    return lead, more


def _trust(verify: VerifySummary) -> tuple[str, ...]:
    total = sum(verify.accepted.values())
    if not total:
        return ("No negative passed the checks.",)
    by_status = {status: sum(counts.get(status, 0) for counts in verify.status.values()) for status in _IN_SHORT}
    proved = sum(counts.get("proved", 0) for counts in verify.status.values())
    lead = f"{proved:,} of {total:,} negatives ({percent(proved / total, digits=0)}) are proved wrong by a program."
    rest = [f"{number:,} {status} ({_IN_SHORT[status]})" for status, number in by_status.items() if number]
    others = [f"The others: {listed(rest)}."] if rest else []
    return lead, " ".join([*others, _giveaways(verify.audit)]).strip()


def _giveaways(audit: AuditSummary | None) -> str:
    """Whether the surface tells the negatives: what a reader must know before they trust the training."""
    rows = [row for row in audit.rows if row.strategy is None] if audit else []
    measured = [row for row in rows if row.paired_accuracy]
    if audit is None or not rows:
        return "Whether their surface gives them away was not measured."
    if not measured:
        why = {cut(row.not_judged, 120) for row in rows if row.not_judged}
        reason = f": {min(why)}" if len(why) == 1 else ", as there are too few pairs" if why else ""
        return f"Whether their surface gives them away was not measured{reason}."
    figures = listed([_told_apart(row) for row in measured])
    over = [
        cut(row.error_type, 60) for row in measured if row.paired_accuracy and row.paired_accuracy.value > audit.limit
    ]
    limit = percent(audit.limit, digits=0)
    judged = f"{listed(over)} {'is' if len(over) == 1 else 'are'} over the limit of {limit}" if over else (
        f"none is over the limit of {limit}"
    )  # fmt: skip
    return f"Length and words alone tell the negative in {figures}, where chance is 50%; {judged}."


def _told_apart(row: AuditRow) -> str:
    found = row.paired_accuracy
    assert found
    share = f"{percent(found.value, digits=0)} [{100 * found.low:.0f}, {100 * found.high:.0f}]"
    return f"{share} of the {cut(row.error_type, 60)} pairs"


def _training(contents: RunContents) -> tuple[str, ...]:
    if contents.train is None:
        return (not_run("train"),)
    train, evaluate = contents.train, contents.evaluate
    did = f"{train.method.upper()} on {train.pairs:,} pairs, {train.steps:,} steps."
    if evaluate is None:
        return did, not_run("evaluate")
    if not evaluate.dimensions:
        return did, "No dimension was measured."
    return _verdict(evaluate), f"{did} {_measured(evaluate)}"


def _verdict(evaluate: EvaluateSummary) -> str:
    verdicts = {row.verdict for row in evaluate.dimensions}
    if verdicts == {"undecided"}:
        return "This run cannot tell: every interval holds zero."
    if "worse" not in verdicts:
        return "Yes, where the interval leaves out zero."
    return "It helped here and hurt there." if "better" in verdicts else "No: it hurt."


def _measured(evaluate: EvaluateSummary) -> str:
    """Every difference with its interval, and how small a change could have been seen."""
    rows = evaluate.dimensions
    items, level = sum(row.items for row in rows), percent(evaluate.confidence, digits=0)
    changes = listed([f"{cut(row.name, 60)} {_difference(row)}" for row in rows])
    halves = sorted((row.difference_interval[1] - row.difference_interval[0]) / 2 for row in rows)
    low, high = f"{100 * halves[0]:.0f}", f"{100 * halves[-1]:.0f}"
    reach = low if low == high else f"{low} to {high}"
    return (
        f"Change in points on the same {items:,} items, with {level} intervals: {changes}. Changes below about {reach} "
        "points would not show."
    )


def _changes(rows: list[ScoreRow]) -> str:
    return listed([f"{cut(row.name, 60)} ({points(row.difference)} points)" for row in rows])


def _difference(row: ScoreRow) -> str:
    low, high = row.difference_interval
    return f"{points(row.difference)} [{points(low)}, {points(high)}]"
