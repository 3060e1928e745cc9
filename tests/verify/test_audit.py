"""The audit against planted giveaways, none at all, and the two traps: ungrouped folds, and a small shift of length."""

import warnings
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from seapo.records import Edit, Message, Negative, Sample, Verdict
from seapo.summaries import AuditRow
from seapo.verify import audit as audit_module
from seapo.verify.audit import audit

NOUNS = [
    "lamp",
    "river",
    "stone",
    "garden",
    "engine",
    "letter",
    "window",
    "harbour",
    "lantern",
    "valley",
    "market",
    "teacher",
    "winter",
    "ladder",
    "bottle",
    "carpet",
    "forest",
    "bridge",
    "candle",
    "doctor",
    "farmer",
    "island",
    "jacket",
    "kettle",
    "mirror",
    "needle",
    "office",
    "pencil",
    "rocket",
    "saddle",
    "temple",
    "wagon",
]
VERBS = [
    "stands",
    "waits",
    "rests",
    "belongs",
    "ends",
    "begins",
    "stays",
    "remains",
    "turns",
    "leads",
    "opens",
    "closes",
    "falls",
    "moves",
]
PAIRS = 160


def text(rng: Random, sentences: int = 6) -> str:
    return " ".join(
        f"The {rng.choice(NOUNS)} {rng.choice(VERBS)} near the {rng.choice(NOUNS)} and the {rng.choice(NOUNS)}."
        for _ in range(sentences)
    )


def made(change: Callable[[str, Random], str], number: int = PAIRS) -> tuple[list[Sample], list[Negative]]:
    """Samples of random text, and the negatives that a way of changing them makes."""
    samples, negatives = [], []
    for n in range(number):
        rng = Random(n)
        chosen = text(rng)
        wrong = change(chosen, rng)
        prompt = (Message(role="user", content="Tell me."),)
        samples.append(Sample(id=f"s{n}", source="made", line=n + 1, prompt=prompt, chosen=chosen, rejected=("No.",)))
        negatives.append(
            Negative(
                sample_id=f"s{n}",
                error_type="logic",
                subtype="made",
                strategy="rule" if n % 2 else "pivot",
                injector="made",
                rank=0,
                text=wrong,
                edits=(Edit(start=0, end=len(chosen), original=chosen, replacement=wrong),),
                logprob_nats=-12.0,
                chosen_logprob_nats=-10.0,
                edit_ratio=0.1,
                verdict=Verdict(status="constructed"),
            )
        )
    return samples, negatives


def exchanged(chosen: str, rng: Random) -> str:
    """One noun becomes another, both drawn alike: nothing on the surface tells."""
    words = chosen.split(" ")
    places = [place for place, word in enumerate(words) if word in NOUNS]
    words[rng.choice(places)] = rng.choice(NOUNS)
    return " ".join(words)


def denied(chosen: str, rng: Random) -> str:
    return exchanged(chosen, rng).replace(" near", " not near", 1)


def lengthened(chosen: str, rng: Random) -> str:
    """About 3% longer, by a word drawn from those that are there anyway."""
    place = chosen.rindex(" ")
    return f"{chosen[:place]} {rng.choice(NOUNS)}{chosen[place:]}"


def measured(change: Callable[[str, Random], str], number: int = PAIRS) -> AuditRow:
    samples, negatives = made(change, number)
    return audit(samples, negatives, seed=0).rows[0]


def test_a_planted_giveaway_is_found_and_named() -> None:
    row = measured(denied)
    assert row.paired_accuracy is not None
    assert row.paired_accuracy.value > 0.97
    assert any("not" in telltale for telltale in row.telltales)
    assert row.auc is not None
    assert row.auc.value > 0.9


def test_without_a_giveaway_both_figures_are_one_half() -> None:
    """The control: nothing is found where nothing is."""
    row = measured(exchanged)
    for estimate in (row.auc, row.paired_accuracy):
        assert estimate is not None
        assert estimate.low < 0.5 < estimate.high
        assert 0.4 < estimate.value < 0.6


def test_a_small_shift_of_length_hides_from_single_texts_and_not_from_pairs() -> None:
    row = measured(lengthened)
    assert row.auc is not None
    assert row.auc.value < 0.85 < row.paired_accuracy.value
    assert row.paired_accuracy is not None
    assert row.paired_accuracy.value > 0.97


def test_folds_that_part_a_sample_would_turn_the_auc_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why folds are by sample: a model that saw the chosen answer takes its near copy for a chosen answer too."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import KFold, cross_val_predict

    samples, negatives = made(exchanged)
    surfaces = audit_module._Surfaces()
    texts = [t for s, n in zip(samples, negatives, strict=True) for t in (s.chosen, n.text)]
    matrix, _ = audit_module._matrix([surfaces.of(each) for each in texts])
    labels = np.tile([0, 1], len(samples))
    model = LogisticRegression(C=audit_module.STRENGTH * 1000, max_iter=300)
    folds = KFold(5, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = cross_val_predict(model, matrix, labels, cv=folds, method="decision_function")
    assert roc_auc_score(labels, scores) < 0.3
    row = audit(samples, negatives, seed=0).rows[0]
    assert row.auc is not None
    assert row.auc.value > 0.4


def test_few_pairs_are_not_judged_and_the_row_says_how_many_it_takes() -> None:
    row = measured(denied, 40)
    assert row.auc is None
    assert row.paired_accuracy is None
    assert row.not_judged == "40 pairs are too few to tell; 100 are needed"


def test_each_strategy_has_a_row_where_there_are_several() -> None:
    samples, negatives = made(denied, 220)
    rows = audit(samples, negatives, seed=0).rows
    assert [(row.strategy, row.pairs) for row in rows] == [(None, 220), ("pivot", 110), ("rule", 110)]
    assert all(row.paired_accuracy is not None for row in rows)


def test_a_giveaway_over_the_limit_is_a_warning_and_one_below_it_is_none() -> None:
    samples, negatives = made(denied)
    high, low = audit(samples, negatives, seed=0, limit=0.7), audit(samples, negatives, seed=0, limit=1.0)
    assert "logic negatives can be told by their surface: paired accuracy" in " ".join(high.warnings)
    assert low.warnings == ()


def test_the_gap_before_is_the_scorers_and_the_gap_after_is_the_candidates() -> None:
    samples, negatives = made(exchanged, 20)
    asked = []

    def scorer(prompt: tuple[Message, ...], texts: list[str]) -> list[float]:
        asked.append(texts)
        return [-3.0, -4.5]

    found = audit(samples, negatives, seed=0, scorer=scorer)
    gaps = {gap.of: gap for gap in found.gaps}
    assert gaps["rejected"].mean_nats.value == pytest.approx(1.5)
    assert gaps["logic"].mean_nats.value == pytest.approx(2.0)
    assert gaps["logic"].prefers_chosen == 1.0
    assert len(asked) == 20
    assert [gap.of for gap in audit(samples, negatives, seed=0).gaps] == ["logic"]


def test_the_weighted_auc_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, labels = np.round(rng.normal(size=60), 1), rng.integers(0, 2, 60)
        weights = rng.integers(0, 4, 60).astype(float)
        expected = roc_auc_score(labels, scores, sample_weight=weights)
        assert audit_module._weighted_auc(scores, labels, weights) == pytest.approx(expected)


def test_the_same_seed_gives_the_same_figures() -> None:
    samples, negatives = made(exchanged, 110)
    assert audit(samples, negatives, seed=1) == audit(samples, negatives, seed=1)


def test_the_strategies_of_a_type_stand_beneath_it() -> None:
    samples, logic = made(denied, 8)
    correctness = [each.model_copy(update={"error_type": "correctness"}) for each in logic]
    found = audit(samples, [*correctness, *logic], seed=0)
    expected = [(name, strategy) for name in ("correctness", "logic") for strategy in (None, "pivot", "rule")]
    assert [(row.error_type, row.strategy) for row in found.rows] == expected
