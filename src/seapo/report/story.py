"""The run in a few plain sentences, computed from its summaries: what was injected, how sure that is, did it help.

The sentences claim no more than the figures: a change counts only where the paired interval excludes zero.
"""

from dataclasses import dataclass
from typing import Final

from seapo.records import Status
from seapo.report.contents import RunContents
from seapo.report.untrusted import cut
from seapo.summaries import EvaluateSummary, ScoreRow, VerifySummary

MINUS = "−"
_IN_SHORT: Final[dict[Status, str]] = {
    "judged": "a model found them worse",
    "constructed": "wrong by the way they were built, unconfirmed by a program",
    "unverified": "nothing shows that they are wrong",
}


@dataclass(frozen=True)
class Story:
    """What a reader of one minute takes home."""

    headline: str
    injected: str
    trust: str
    training: str


def tell(contents: RunContents) -> Story:
    """The story of a run, however far it came."""
    return Story(
        headline=_headline(contents),
        injected=_injected(contents),
        trust=_trust(contents.verify) if contents.verify else not_run("verify"),
        training=_training(contents),
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


def percent(share: float, *, digits: int = 1) -> str:
    """A share as `42.5%`."""
    return f"{share * 100:.{digits}f}%"


def interval(shares: tuple[float, float]) -> str:
    """An interval of shares in percent, as `20.5–44.5`."""
    return f"{shares[0] * 100:.1f}–{shares[1] * 100:.1f}"


def duration(seconds: float) -> str:
    """A time as `0.4 s`, `42 s`, `3 min 5 s` or `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


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


def _injected(contents: RunContents) -> str:
    if contents.verify is None:
        return not_run("verify")
    accepted = contents.verify.accepted
    parts = [f"{accepted.get(name, 0):,} {name}" for name in contents.error_types]
    total = sum(accepted.values())
    samples = len({negative.sample_id for negative in contents.negatives})
    return f"{total:,} negatives, one known error each, made from {samples:,} good answers: {listed(parts)}."


def _trust(verify: VerifySummary) -> str:
    total = sum(verify.accepted.values())
    if not total:
        return "No negative passed the checks."
    by_status = {status: sum(counts.get(status, 0) for counts in verify.status.values()) for status in _IN_SHORT}
    proved = sum(counts.get("proved", 0) for counts in verify.status.values())
    sentence = f"{proved:,} of {total:,} negatives ({percent(proved / total, digits=0)}) are proved wrong by a program"
    sentence += f": {_proofs(verify, proved)}." if proved else "."
    rest = [f"{number:,} {status} ({_IN_SHORT[status]})" for status, number in by_status.items() if number]
    return f"{sentence} The others: {listed(rest)}." if rest else sentence


def _proofs(verify: VerifySummary, proved: int) -> str:
    totals: dict[str, int] = {}
    for proofs in verify.proofs.values():
        for check, number in proofs.items():
            totals[check] = totals.get(check, 0) + number
    ranked = sorted(totals.items(), key=lambda item: -item[1])
    several = ", some in more than one way" if sum(totals.values()) > proved else ""
    return listed([f"{number:,} by {cut(spelt(check), 60)}" for check, number in ranked]) + several


def _training(contents: RunContents) -> str:
    if contents.train is None:
        return not_run("train")
    train = contents.train
    did = f"{train.method.upper()} on {train.pairs:,} pairs, {train.steps:,} steps."
    return f"{did} {_measured(contents.evaluate) if contents.evaluate else not_run('evaluate')}"


def _measured(evaluate: EvaluateSummary) -> str:
    items = sum(row.items for row in evaluate.dimensions)
    return f"Measured before and after on the same {items:,} items of {len(evaluate.dimensions)} dimensions."


def _changes(rows: list[ScoreRow]) -> str:
    return listed([f"{cut(row.name, 60)} ({points(row.difference)} points)" for row in rows])
