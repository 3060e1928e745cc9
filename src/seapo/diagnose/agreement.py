"""How well the program's diagnosis agrees with what people have marked; each source is used for what it labels alone.

MR-GSM8K            a sentence on the first error: its type, where the sentence names one; and its place
ProcessBench        the place of the first wrong step, or that there is none
BIG-Bench Mistake   the same
HaluEval            whether a text makes something up, and the passages
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from seapo.diagnose.classify import diagnose_question
from seapo.diagnose.finding import Finding
from seapo.diagnose.question import Question
from seapo.diagnose.sums import sum_findings
from seapo.diagnose.words import citation_findings, contradiction_findings
from seapo.interval import Interval, Share, normal_quantile, share
from seapo.records import NumberTruth, Record
from seapo.tasks.labelled import Labelled

CONFIDENCE = 0.95
NOT_JUDGED = "not judged"
REASONS = {
    "correctness": re.compile(
        r"calculation (?:result |process )?(?:error|mistake|(?:is|was) (?:incorrect|wrong|erroneous))|"
        r"miscalculat|arithmetic|计算(?:结果)?错误|计算有误|"
        r"(?:summation|addition|subtraction|multiplication|division) (?:result )?is (?:incorrect|wrong)",
        re.IGNORECASE,
    ),
    "logic": re.compile(
        r"misunderst|understanding (?:is )?(?:incorrect|wrong|error)|"
        r"(?:thought process|reasoning|logic) (?:is )?(?:incorrect|wrong|flawed|error)|logical error|misread|"
        r"missed|missing (?:the|step)|omit|wrong order|ignores? the condition|did not consider|forg[eo]t|"
        r"理解错误|理解有误|逻辑错误|思路错误|推理错误|忘记",
        re.IGNORECASE,
    ),
    "hallucination": re.compile(r"not mentioned|from nowhere|没有提到", re.IGNORECASE),
}
"""Words in which a person's sentence names the type of the error; the first one decides."""


class TypeScore(Record):
    """One error type, as the program tells it and as people do."""

    error_type: str
    precision: Share
    recall: Share


class TypeAgreement(Record):
    """The program's error types against those that people name."""

    source: str
    solutions: int
    """Those whose label names a type and whose final answer is wrong."""
    told: Share
    """Those that the program gives a type."""
    agreed: Share
    """Of these, those with the same one."""
    kappa: float
    """Cohen's, over those that the program gives a type."""
    kappa_interval: Interval
    types: tuple[TypeScore, ...]
    table: dict[str, dict[str, int]]
    """What people say -> what the program says -> solutions."""


class PlaceAgreement(Record):
    """The place of the first error that the program proves against the one that people marked."""

    source: str
    wrong: int
    right: int
    found: Share
    """Wrong solutions in which the program proves an error."""
    at_place: Share
    """Of these, those where it stands in the step that people marked."""
    later: int
    """Those where it stands in a later step."""
    earlier: int
    alarms: Share
    """Right solutions in which the program claims to prove an error."""


class FactAgreement(Record):
    """Texts that the program says make something up against those that people say do."""

    source: str
    texts: int
    made_up: int
    precision: Share
    recall: Share
    kappa: float
    kappa_interval: Interval
    in_passage: Share
    """Of the texts that both call made up and whose passage is marked, those where the finding overlaps it."""


def reason_type(reason: str) -> str | None:
    """The error type that a person's sentence names; None where it names none."""
    found = [(match.start(), name) for name, words in REASONS.items() if (match := words.search(reason))]
    return min(found)[1] if found else None


def type_agreement(items: Iterable[Labelled]) -> TypeAgreement:
    """Error types, on solutions whose label names one."""
    pairs, source = list[tuple[str, str]](), ""
    for item in items:
        source, named = item.source, reason_type(item.reason)
        if named is None or item.truth is None:
            continue
        question = Question(
            id="", task="", dimension="mathematics", question=item.question, reference=item.right_solution or "",
            truth=NumberTruth(value=item.truth), is_closed=True,
        )  # fmt: skip
        found = diagnose_question(question, item.text)
        if found.outcome == "wrong":
            pairs.append((named, found.error_type or NOT_JUDGED))
    return score_types(source, pairs)


def score_types(source: str, pairs: Sequence[tuple[str, str]]) -> TypeAgreement:
    """Count pairs of (what people say, what the program says)."""
    told = [pair for pair in pairs if pair[1] != NOT_JUDGED]
    kappa, interval = cohen_kappa(told)
    table: dict[str, dict[str, int]] = {}
    for (named, found), count in sorted(Counter(pairs).items()):
        table.setdefault(named, {})[found] = count
    return TypeAgreement(
        source=source,
        solutions=len(pairs),
        told=share(len(told), len(pairs), confidence=CONFIDENCE),
        agreed=share(sum(named == found for named, found in told), len(told), confidence=CONFIDENCE),
        kappa=kappa,
        kappa_interval=interval,
        types=tuple(_type_score(name, pairs) for name in REASONS),
        table=table,
    )


def _type_score(name: str, pairs: Sequence[tuple[str, str]]) -> TypeScore:
    hits = sum(named == found == name for named, found in pairs)
    return TypeScore(
        error_type=name,
        precision=share(hits, sum(found == name for _, found in pairs), confidence=CONFIDENCE),
        recall=share(hits, sum(named == name for named, _ in pairs), confidence=CONFIDENCE),
    )


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> tuple[float, Interval]:
    """Agreement of two raters beyond chance, with its 95% interval; 0 where there is nothing to agree on.

    Source: Cohen 1960, Educational and Psychological Measurement 20:37-46, with its large-sample standard error.
    """
    n = len(pairs)
    if n == 0:
        return 0.0, (0.0, 0.0)
    left, right = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    observed = sum(a == b for a, b in pairs) / n
    expected = sum(left[name] * right[name] for name in left) / n**2
    if expected == 1:
        return 0.0, (0.0, 0.0)
    kappa = (observed - expected) / (1 - expected)
    half = normal_quantile(CONFIDENCE) * math.sqrt(observed * (1 - observed) / n) / (1 - expected)
    return kappa, (kappa - half, kappa + half)


def place_agreement(source: str, items: Sequence[Labelled]) -> PlaceAgreement:
    """Places, on solutions that are parted into steps and are right, or whose first wrong step is known."""
    parted = [item for item in items if item.steps and dict(item.labels).get("step") is (item.first_wrong is not None)]
    wrong = [item for item in parted if item.first_wrong is not None]
    right = [item for item in parted if item.first_wrong is None]
    shifts = [step - (item.first_wrong or 0) for item in wrong if (step := proved_step(item)) is not None]
    alarms = sum(proved_step(item) is not None for item in right)
    return PlaceAgreement(
        source=source,
        wrong=len(wrong),
        right=len(right),
        found=share(len(shifts), len(wrong), confidence=CONFIDENCE),
        at_place=share(shifts.count(0), len(shifts), confidence=CONFIDENCE),
        later=sum(shift > 0 for shift in shifts),
        earlier=sum(shift < 0 for shift in shifts),
        alarms=share(alarms, len(right), confidence=CONFIDENCE),
    )


def proved_step(item: Labelled) -> int | None:
    """Index of the step with the first error that the program proves; None where it proves none."""
    texts = (item.question, "", item.text)
    found = [each for each in (*sum_findings(*texts), *contradiction_findings(*texts)) if each.is_proof]
    return None if not found else _step_at(item, min(each.start for each in found))


def _step_at(item: Labelled, place: int) -> int:
    position = 0
    for index, step in enumerate(item.steps):
        position = item.text.find(step, position) + len(step)
        if place < position:
            return index
    return len(item.steps) - 1


def fact_agreement(source: str, items: Sequence[Labelled]) -> FactAgreement:
    """Hallucination, yes or no, on texts without a reference."""
    pairs, overlaps = list[tuple[str, str]](), list[bool]()
    for item in items:
        found = _inventions(item)
        is_made_up = dict(item.labels)["fact"]
        pairs.append((str(is_made_up), str(bool(found))))
        spans = [(place, place + len(span)) for span in item.spans if span and (place := item.text.find(span)) >= 0]
        if is_made_up and found and spans:
            overlaps.append(any(each.start < last and first < each.end for each in found for first, last in spans))
    kappa, interval = cohen_kappa(pairs)
    counts = Counter(pairs)
    hits, missed, alarms = counts["True", "True"], counts["True", "False"], counts["False", "True"]
    return FactAgreement(
        source=source,
        texts=len(pairs),
        made_up=hits + missed,
        precision=share(hits, hits + alarms, confidence=CONFIDENCE),
        recall=share(hits, hits + missed, confidence=CONFIDENCE),
        kappa=kappa,
        kappa_interval=interval,
        in_passage=share(sum(overlaps), len(overlaps), confidence=CONFIDENCE),
    )


def _inventions(item: Labelled) -> list[Finding]:
    found = (*sum_findings(item.question, "", item.text), *citation_findings(item.question, "", item.text))
    return [each for each in found if each.error_type == "hallucination"]
