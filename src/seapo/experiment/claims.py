"""What the run says of the paper's claims, in a sentence each: supported, refuted or undecided, and what would decide.

A claim that a difference exceeds a threshold is supported where the whole interval lies above it, refuted where the
whole interval lies below, else undecided. The interval is the one over items and seeds, where there are seeds to tell.
Each claim is judged from one table, whose items were asked by one protocol.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from seapo.experiment.effects import Asking, Effect, Seeded, effects, seeds_interval, standard_error, unpaired
from seapo.experiment.power import Needed, needed
from seapo.interval import Interval, normal_quantile, simultaneous_confidence
from seapo.recipe.experiment import UNTOUCHED
from seapo.records import ItemScore, Protocol, Record
from seapo.summaries import EvaluationResults

Judgement = Literal["supported", "refuted", "undecided", "not tested"]
MC2 = "truthfulqa_mc2"
POINTS = 0.05
"""What the paper says truthfulness rises by at least; by 0.1 at most."""
MOST_POINTS = 0.10
ASKED_BY: dict[Protocol, str] = {
    "paper": "the paper's protocol",
    "chat": "the chat protocol",
    "": "the suites' own way",
}


class Claim(Record):
    """A claim, and what this run says of it."""

    name: str
    text: str
    judgement: Judgement
    sentence: str
    protocol: Protocol | None = None
    """Of the table that it is judged from."""
    difference: float | None = None
    interval: Interval | None = None
    threshold: float | None = None
    needed: Needed | None = None
    """What would decide it, where it is undecided."""


@dataclass(frozen=True)
class Finding:
    """A difference that a claim is judged by."""

    difference: float
    interval: Interval
    item_variance: float
    seed_variance: float
    items: int
    seeds: int
    protocol: Protocol

    @staticmethod
    def of(effect: Effect, confidence: float) -> "Finding":
        """What a row of a table found."""
        return Finding(
            effect.difference,
            effect.widest,
            effect.item_variance(confidence),
            effect.seed_variance,
            effect.items,
            effect.seeds,
            effect.protocol,
        )

    def shown(self) -> str:
        """The difference in points with its interval, and what it was measured on."""
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        seeds = f"{self.seeds} seeds" if self.seeds > 1 else "one seed"
        items = f"{self.items:,} item{'' if self.items == 1 else 's'}"
        asked = f"{items}, {seeds}, {ASKED_BY[self.protocol]}"
        return f"{100 * self.difference:+.1f} points [{low}, {high}] ({asked})"


@dataclass(frozen=True)
class Evidence:
    """All that claims are judged by."""

    effects: Sequence[Effect]
    scores: Mapping[Protocol, Mapping[str, Seeded]]
    """Protocol -> arm -> seed -> scores."""
    results: EvaluationResults
    main: str
    """The arm that mixes."""
    original: str | None
    """The arm with the data's own rejected answers."""
    singles: Mapping[str, str]
    """Error type -> the arm that is trained against it alone."""
    suffered: Mapping[str, str] | None
    """Dimension -> the type of most of the model's own errors; None without a diagnosis."""
    asking: Asking

    def row(self, arm: str, base: str, kind: str, name: str) -> Effect | None:
        """The effect of that name, of the first protocol that has it."""
        found = [e for e in self.effects if (e.arm, e.base, e.kind, e.name) == (arm, base, kind, name)]
        return found[0] if found else None


def claims(evidence: Evidence) -> list[Claim]:
    """The paper's three claims, and the aim's two parts."""
    return [raises(evidence), suffers(evidence), helps_most(evidence), aim_untouched(evidence), aim_original(evidence)]


def judge(name: str, text: str, subject: str, finding: Finding, threshold: float, asking: Asking) -> Claim:
    """A claim that a difference exceeds a threshold; `subject` begins the sentence."""
    low, high = finding.interval
    judgement: Judgement = "supported" if low > threshold else "refuted" if high < threshold else "undecided"
    distance = abs(finding.difference - threshold)
    wanted = None
    if judgement == "undecided":
        wanted = needed(
            finding.item_variance,
            finding.seed_variance,
            distance,
            seeds=finding.seeds,
            confidence=asking.confidence,
        )
    against = "" if not threshold else f", against {100 * threshold:+.0f} points"
    sentence = f"{judgement.capitalize()}: {subject} by {finding.shown()}{against}{_zero(finding, threshold)}."
    return Claim(
        name=name,
        text=text,
        judgement=judgement,
        sentence=sentence + ("" if wanted is None else f" {decides(wanted, finding)}"),
        protocol=finding.protocol,
        difference=finding.difference,
        interval=finding.interval,
        threshold=threshold,
        needed=wanted,
    )


def decides(wanted: Needed, finding: Finding) -> str:
    """What would decide a claim, as a sentence."""
    if wanted.items is None:
        return "The difference lies on the threshold, so no number of items would decide it."
    seeds = "" if wanted.seeds == finding.seeds else f" and {wanted.seeds} seeds"
    if wanted.items <= finding.items and not seeds:
        return f"About {wanted.items:,} items should do, with luck: these were {finding.items:,}."
    return f"About {wanted.items:,} such items{seeds} would decide it, if the difference stays what it is."


def raises(evidence: Evidence) -> Claim:
    """The paper's first claim."""
    text = "injecting errors raises truthfulness by 5 to 10 points"
    row = evidence.row(evidence.main, UNTOUCHED, "dimension", "truthfulness")
    if row is None:
        return _not_tested("truthfulness", text, _missing(evidence, "truthfulness"))
    subject = f"{evidence.main} changes truthfulness against the untouched model"
    found = judge("truthfulness", text, subject, Finding.of(row, evidence.asking.confidence), POINTS, evidence.asking)
    if row.widest[0] > MOST_POINTS:
        return found.model_copy(
            update={"sentence": found.sentence + " It is more than the 10 points that are claimed."}
        )
    return found


def aim_untouched(evidence: Evidence) -> Claim:
    """The first half of the aim."""
    text = "mixed injection raises TruthfulQA MC2 by 5 points over the untouched model"
    row = evidence.row(evidence.main, UNTOUCHED, "benchmark", MC2)
    if row is None:
        return _not_tested("aim", text, _missing(evidence, "TruthfulQA MC2"))
    subject = f"{evidence.main} changes MC2 against the untouched model"
    return judge("aim", text, subject, Finding.of(row, evidence.asking.confidence), POINTS, evidence.asking)


def aim_original(evidence: Evidence) -> Claim:
    """The second half of the aim."""
    text = "mixed injection beats training on the data's own rejected answers, in TruthfulQA MC2"
    if evidence.original is None:
        return _not_tested("original", text, "no arm is trained on the data's own rejected answers")
    row = evidence.row(evidence.main, evidence.original, "benchmark", MC2)
    couple = (evidence.original, evidence.main)
    if any(evidence.main in arms and unpaired(arms, [couple]) for arms in evidence.scores.values()):
        return _not_tested("original", text, f"no seed was finished by both {evidence.main} and {evidence.original}")
    if row is None:
        return _not_tested("original", text, _missing(evidence, "TruthfulQA MC2"))
    subject = f"{evidence.main} differs in MC2 from {evidence.original}"
    return judge("original", text, subject, Finding.of(row, evidence.asking.confidence), 0.0, evidence.asking)


def helps_most(evidence: Evidence) -> Claim:
    """The paper's third claim: of the benchmarks, judged together, more than half gain."""
    text = "a mix of error types helps most tasks"
    rows = _table(evidence, "benchmark", evidence.main)
    if len(rows) < 2:
        return _not_tested("mix", text, _missing(evidence, "more than one task"))
    level = simultaneous_confidence(evidence.asking.confidence, len(rows))
    spans = {row.name: _at_level(row, evidence.asking.confidence, level) for row in rows}
    gains = [name for name, (low, _) in spans.items() if low > 0]
    others = [name for name, (_, high) in spans.items() if high <= 0]
    judgement: Judgement = "undecided"
    if 2 * len(gains) > len(rows):
        judgement = "supported"
    elif 2 * len(others) >= len(rows):
        judgement = "refuted"
    higher = sum(row.difference > 0 for row in rows)
    sentence = (
        f"{judgement.capitalize()}: of {len(rows)} tasks, by {ASKED_BY[rows[0].protocol]}, {evidence.main} scores "
        f"higher than the untouched model in {higher}; the interval, widened so that all hold together, lies above "
        f"zero in {_named(gains)} and below in {_named(others)}."
    )
    more = _majority(rows, evidence.asking.confidence, level) if judgement == "undecided" else ""
    return Claim(name="mix", text=text, judgement=judgement, sentence=sentence + more, protocol=rows[0].protocol)


def suffers(evidence: Evidence) -> Claim:
    """The paper's second claim: in the mean over dimensions, the type of most own errors against the other types."""
    text = "the error type that a task suffers from most helps that task most"
    if evidence.suffered is None:
        return _not_tested("type", text, "there is no diagnosis; set diagnose.enabled: true")
    if len(evidence.singles) < 2:
        return _not_tested("type", text, "fewer than two arms are trained against a single type")
    measured = [row.name for row in _table(evidence, "dimension", next(iter(evidence.singles.values())))]
    dims = {name: evidence.suffered[name] for name in measured if evidence.suffered.get(name) in evidence.singles}
    if not dims:
        return _not_tested("type", text, "no dimension was both diagnosed and measured, with one type ahead")
    protocol = _protocol(evidence, "dimension", next(iter(evidence.singles.values())))
    seeds = set.intersection(*(set(evidence.scores[protocol][name]) for name in evidence.singles.values()))
    if not seeds:
        return _not_tested("type", text, "no seed was finished by every arm of one type")
    rows = _most_against_others(evidence, dims, protocol, sorted(seeds))
    finding = _pooled(rows, evidence.asking.confidence)
    subject = f"over {len(rows)} dimensions, the type of most own errors differs from the mean of the others"
    found = judge("type", text, subject, finding, 0.0, evidence.asking)
    each = "; ".join(f"{row.name} ({dims[row.name]}) {100 * row.difference:+.1f}" for row in rows)
    return found.model_copy(update={"sentence": f"{found.sentence} Each: {each}."})


def _most_against_others(
    evidence: Evidence, dims: Mapping[str, str], protocol: Protocol, seeds: Sequence[int]
) -> list[Effect]:
    """For each dimension: the arm of its type against the mean of the other single arms."""
    arms = evidence.scores[protocol]
    most: dict[int, list[ItemScore]] = {}
    others: dict[int, list[ItemScore]] = {}
    for seed in seeds:
        by_type = {kind: {(s.task, s.id): s for s in arms[name][seed]} for kind, name in evidence.singles.items()}
        first = next(iter(by_type.values()))
        kept = [key for key, score in first.items() if score.dimension in dims]
        most[seed] = [by_type[dims[str(first[key].dimension)]][key] for key in kept]
        others[seed] = [
            first[key].model_copy(
                update={
                    "value": fmean(
                        scores[key].value for kind, scores in by_type.items() if kind != dims[str(first[key].dimension)]
                    )
                }
            )
            for key in kept
        ]
    rows = effects({"others": others, "most": most}, [("others", "most")], evidence.results, evidence.asking)
    return [row for row in rows if row.kind == "dimension"]


def _pooled(rows: Sequence[Effect], confidence: float) -> Finding:
    """The mean over dimensions, each counting the same."""
    count, z = len(rows), normal_quantile(confidence)
    difference = fmean(row.difference for row in rows)
    error = math.sqrt(sum(((row.interval[1] - row.interval[0]) / (2 * z)) ** 2 for row in rows)) / count
    by_seed = [fmean(each) for each in zip(*(row.by_seed for row in rows), strict=True)]
    items = sum(row.items for row in rows)
    interval = seeds_interval(difference, error, items, by_seed, confidence=confidence)
    spread = 0.0 if len(by_seed) < 2 else fmean((each - fmean(by_seed)) ** 2 for each in by_seed)
    return Finding(
        difference,
        interval or (difference - z * error, difference + z * error),
        items * error**2,
        spread * len(by_seed) / max(len(by_seed) - 1, 1),
        items,
        len(by_seed),
        rows[0].protocol,
    )


def _table(evidence: Evidence, kind: str, arm: str) -> list[Effect]:
    """The rows of an arm against the untouched model, of the protocol that has most of them."""
    protocol = _protocol(evidence, kind, arm)
    return [row for row in _rows(evidence, kind, arm) if row.protocol == protocol]


def _protocol(evidence: Evidence, kind: str, arm: str) -> Protocol:
    asked = [row.protocol for row in _rows(evidence, kind, arm)]
    return max(dict.fromkeys(asked), key=asked.count, default="")


def _rows(evidence: Evidence, kind: str, arm: str) -> list[Effect]:
    return [row for row in evidence.effects if (row.arm, row.base, row.kind) == (arm, UNTOUCHED, kind)]


def _at_level(row: Effect, confidence: float, level: float) -> Interval:
    """The row's interval at another level: Student's where there are seeds to tell, else widened as a normal one is."""
    error = standard_error(row.interval, confidence)
    seeded = seeds_interval(row.difference, error, row.items, row.by_seed, confidence=level)
    if seeded is not None:
        return seeded
    scale = normal_quantile(level) / normal_quantile(confidence)
    low, high = row.interval
    return row.difference - scale * (row.difference - low), row.difference + scale * (high - row.difference)


def _majority(rows: Sequence[Effect], confidence: float, level: float) -> str:
    """What would decide most tasks, as a sentence; empty where nothing does."""
    factors: list[tuple[float, int]] = []
    for row in rows:
        wanted = needed(
            row.item_variance(confidence), row.seed_variance, abs(row.difference), seeds=row.seeds, confidence=level
        )
        factors.append((math.inf if wanted.items is None else max(1.0, wanted.items / row.items), wanted.seeds))
    most = sorted(factors)[: len(rows) // 2 + 1]
    times = math.ceil(most[-1][0]) if math.isfinite(most[-1][0]) else None
    if times is None:
        return ""
    seeds = max(count for _, count in most)
    also = f" and {seeds} seeds" if seeds > max(row.seeds for row in rows) else ""
    return f" About {times} times as many items of each{also} would decide most of them."


def _zero(finding: Finding, threshold: float) -> str:
    """Whether a difference that is judged by a threshold is one at all."""
    if not threshold:
        return ""
    low, high = finding.interval
    return "; the interval leaves out zero" if low > 0 or high < 0 else "; the interval holds zero"


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"


def _missing(evidence: Evidence, what: str) -> str:
    if not any(row.arm == evidence.main for row in evidence.effects):
        return f"no arm {evidence.main!r} was trained and measured; experiment.main names another one"
    return f"the evaluation does not ask {what}; see evaluate.suites"


def _not_tested(name: str, text: str, why: str) -> Claim:
    return Claim(name=name, text=text, judgement="not tested", sentence=f"Not tested: {why}.")
