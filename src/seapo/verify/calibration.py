"""How far the checks can be trusted: measured on solutions that people have marked (`seapo verify --calibrate FILE`).

The proofs read one solution and say whether it is wrong. The judge compares: it is shown a wrong solution beside a
right one of the same question, in both orders.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from seapo.answer import agrees, false_equations, final_answer
from seapo.engine.request import Engine
from seapo.interval import Share, share
from seapo.records import Candidate, Edit, Message, Record, Sample
from seapo.tasks.labelled import Label, Labelled, read_labelled
from seapo.verify.contradiction import contradictions
from seapo.verify.judge import Opinion, ask, quotes

CONFIDENCE = 0.95
JUDGE_THREADS = 16


class ProofScore(Record):
    """What one proof made of one source."""

    source: str
    check: str
    label: Label
    """What the source labels: `step`, `answer` or `fact`."""
    solutions: int
    """Solutions that the check could judge."""
    wrong: int
    """Those of them that are labelled wrong."""
    precision: Share
    """Of the solutions that the check calls wrong, those that are."""
    recall: Share
    """Of the solutions that are wrong, those that the check calls so."""


class JudgeScore(Record):
    """What the judge made of pairs of a right and a wrong solution of one source."""

    source: str
    judge: str
    found: Share
    """Pairs whose right solution it preferred in both orders."""
    mistaken: Share
    """Pairs whose wrong solution it preferred in both orders."""
    undecided: Share
    """Pairs where the order decided."""
    unreadable: Share
    """Pairs with a reply that was cut or could not be read."""
    place: Share
    """Of the pairs that it found and whose first wrong step is known, those where it quoted from that step."""


class Calibration(Record):
    """The checks against labelled data."""

    proofs: tuple[ProofScore, ...]
    judge: tuple[JudgeScore, ...] = ()


Verdict = Callable[[Labelled], bool | None]
"""Whether a solution is called wrong; None where the check has nothing to judge."""


def calibrate(
    paths: Sequence[Path], *, judge: Engine | None = None, limit: int | None = None, seed: int = 0
) -> Calibration:
    """Measure proofs, and a judge where one is given, against labelled solutions.

    `paths` are files, or folders with files; `limit` is the number of pairs of each source that the judge is asked
    about, drawn by the seed. Raises DataError where a file is of no known format.
    """
    sources: dict[str, list[Labelled]] = {}
    for item in read_labelled(paths):
        sources.setdefault(item.source, []).append(item)
    proofs = [score for items in sources.values() for score in _proof_scores(items)]
    judged = [_judge_score(pairs, judge) for pairs in _pairs(sources, limit, seed) if judge is not None]
    return Calibration(proofs=tuple(proofs), judge=tuple(judged))


def _arithmetic(item: Labelled) -> bool:
    return bool(false_equations(item.text, but_not=item.question))


def _contradiction(item: Labelled) -> bool:
    return bool(contradictions(item.text, but_not=item.question))


def _final_answer(item: Labelled) -> bool | None:
    stated = final_answer(item.text)
    return None if stated is None or item.truth is None else not agrees(stated.value, item.truth)


PROOFS: tuple[tuple[str, tuple[Label, ...], Verdict], ...] = (
    ("arithmetic", ("step", "fact"), _arithmetic),
    ("contradiction", ("step", "fact"), _contradiction),
    ("final_answer", ("answer",), _final_answer),
)
"""Check, the labels that say whether it is right, and how it is asked of a single solution."""


def _proof_scores(items: Sequence[Labelled]) -> Iterable[ProofScore]:
    for check, labels, verdict in PROOFS:
        for label in labels:
            known = [(verdict(item), dict(item.labels)[label]) for item in items if label in dict(item.labels)]
            judged = [(is_called, is_wrong) for is_called, is_wrong in known if is_called is not None]
            if judged:
                yield _proof_score(items[0].source, check, label, judged)


def _proof_score(source: str, check: str, label: Label, judged: Sequence[tuple[bool, bool]]) -> ProofScore:
    hits = sum(is_called and is_wrong for is_called, is_wrong in judged)
    wrong = sum(is_wrong for _, is_wrong in judged)
    return ProofScore(
        source=source,
        check=check,
        label=label,
        solutions=len(judged),
        wrong=wrong,
        precision=share(hits, sum(is_called for is_called, _ in judged), confidence=CONFIDENCE),
        recall=share(hits, wrong, confidence=CONFIDENCE),
    )


def _pairs(sources: dict[str, list[Labelled]], limit: int | None, seed: int) -> Iterable[list[Labelled]]:
    """For each source the wrong solutions that have a right one beside them."""
    for source, items in sources.items():
        wrong = [item for item in items if item.right_solution is not None and dict(item.labels)["answer"]]
        drawn = Random(f"{seed}:{source}").sample(wrong, min(limit or len(wrong), len(wrong)))
        if drawn:
            yield drawn


def _judge_score(wrong: Sequence[Labelled], judge: Engine) -> JudgeScore:
    with ThreadPoolExecutor(JUDGE_THREADS, thread_name_prefix="judge") as pool:
        opinions = list(pool.map(lambda item: _opinions(item, judge), wrong))
    kinds = [_kind(pair) for pair in opinions]
    found = [(item, pair) for item, pair, kind in zip(wrong, opinions, kinds, strict=True) if kind == "found"]
    placed = [item.wrong_step is not None and _is_placed(pair, item.wrong_step) for item, pair in found]
    names = ("found", "mistaken", "undecided", "unreadable")
    counts = {name: share(kinds.count(name), len(kinds), confidence=CONFIDENCE) for name in names}
    whole = sum(item.wrong_step is not None for item, _ in found)
    place = share(sum(placed), whole, confidence=CONFIDENCE)
    return JudgeScore(source=wrong[0].source, judge=judge.name, place=place, **counts)


Opinions = tuple[Opinion | None, Opinion | None]


def _opinions(item: Labelled, judge: Engine) -> Opinions:
    sample, candidate = _as_pair(item)
    return (
        ask(judge, sample, candidate, chosen_first=True),
        ask(judge, sample, candidate, chosen_first=False),
    )


def _as_pair(item: Labelled) -> tuple[Sample, Candidate]:
    """The right solution as the chosen answer, and the wrong one as its negative."""
    right = item.right_solution or ""
    prompt = (Message(role="user", content=item.question),)
    sample = Sample(id="0", source=item.source, line=1, prompt=prompt, chosen=right)
    candidate = Candidate(
        sample_id="0",
        error_type="correctness",
        subtype="",
        strategy="",
        injector=item.source,
        rank=0,
        text=item.text,
        edits=(Edit(start=0, end=len(right), original=right, replacement=item.text),),
    )
    return sample, candidate


def _kind(pair: Opinions) -> str:
    if pair[0] is None or pair[1] is None:
        return "unreadable"
    if pair[0].better != pair[1].better:
        return "undecided"
    return "found" if pair[0].better == "chosen" else "mistaken"


def _is_placed(pair: Opinions, step: str) -> bool:
    return any(opinion is not None and quotes(opinion.quote, step) for opinion in pair)
