"""Arms x seeds -> differences, intervals and claims, on made scores whose truth is known."""

import math

import numpy as np
import pytest

from seapo.errors import DataError
from seapo.evaluate.comparison import compare_models
from seapo.evaluate.results import Evaluation
from seapo.experiment.claims import Evidence, aim_original, aim_untouched, claims, helps_most, raises, suffers
from seapo.experiment.effects import Asking, effects, mean_scores, of_protocol, protocols_of, seeds_interval, unpaired
from seapo.records import ItemScore
from seapo.summaries import EvaluationResults

RESULTS = EvaluationResults(
    model="made",
    model_fingerprint="0",
    dtype="float32",
    protocol="paper",
    suites=("truthfulness",),
    seed=0,
    limit=None,
    confidence=0.95,
    tasks=(),
)
TASKS = {
    "truthfulqa_mc2": ("truthfulness", "paper"),
    "gsm8k": ("mathematics", "paper"),
    "bbh_a": ("reasoning", "paper"),
    "humaneval": ("coding", "paper"),
    "mmlu_a": ("knowledge", "paper"),
}
ASKING = Asking(confidence=0.95, seed=0)


def scores(values, *, task="truthfulqa_mc2", protocol=None, suite="made"):
    """One item for each value."""
    dimension, usual = TASKS[task]
    return tuple(
        ItemScore(
            id=f"q{place}",
            task=task,
            dimension=dimension,
            metric="acc",
            value=float(value),
            suite=suite,
            protocol=usual if protocol is None else protocol,
            prompt_hash=f"{task}{place}",
        )
        for place, value in enumerate(values)
    )


def drawn(seeds, items, *, effect=0.0, seed_sd=0.0, item_sd=0.05, task="truthfulqa_mc2", rng=0):
    """Baseline scores around one half, and those of an arm: seed -> items, with a true effect and spreads."""
    generator = np.random.default_rng(rng)
    base = generator.uniform(0.4, 0.6, size=items)
    shared = generator.normal(0, item_sd, size=items)
    arm = {
        seed: scores(
            np.clip(base + effect + shared + generator.normal(0, seed_sd) + generator.normal(0, 0.03, items), 0, 1),
            task=task,
        )
        for seed in seeds
    }
    return {0: scores(base, task=task)}, arm


def test_one_seed_gives_what_seapo_compare_gives():
    base, arm = scores([1, 0, 1, 0] * 10), scores([1, 1, 1, 0] * 10)
    arms = {"untouched": {0: base}, "mixed": {7: arm}}
    (row,) = [r for r in effects(arms, [("untouched", "mixed")], RESULTS, ASKING) if r.kind == "dimension"]
    both = {name: Evaluation(RESULTS, found) for name, found in (("untouched", base), ("mixed", arm))}
    expected = next(r for r in compare_models(both).comparisons[0].rows if r.kind == "dimension")
    assert (row.difference, row.interval) == (expected.difference, expected.difference_interval)
    assert (row.p_value, row.p_adjusted, row.verdict) == (expected.p_value, expected.p_adjusted, "better")
    assert (row.seed_sd, row.seeds_interval, row.by_seed) == (None, None, (0.25,))


def test_an_items_score_is_its_mean_over_the_seeds():
    means = mean_scores({0: scores([1, 0, 0]), 1: scores([1, 1, 0])})
    assert [score.value for score in means] == [1.0, 0.5, 0.0]


def test_seeds_that_were_asked_other_items_are_refused():
    with pytest.raises(DataError, match="were not asked the same items"):
        mean_scores({0: scores([1, 0, 0]), 1: scores([1, 1])})


def test_a_seed_is_paired_with_the_baselines_model_of_the_same_seed():
    sft = {0: scores([0, 0, 0, 0]), 1: scores([1, 1, 0, 0])}
    mixed = {0: scores([1, 0, 0, 0]), 1: scores([1, 1, 1, 1])}
    row = effects({"sft": sft, "mixed": mixed}, [("sft", "mixed")], RESULTS, ASKING)[0]
    assert row.by_seed == (0.25, 0.5)
    assert row.difference == pytest.approx(0.375)
    assert row.seed_sd == pytest.approx(math.sqrt(2 * 0.125**2))


def test_seeds_that_only_one_side_finished_are_in_no_difference():
    sft = {0: scores([1, 1, 1, 1]), 1: scores([1, 0, 0, 0])}
    mixed, logic = {1: scores([1, 1, 0, 0])}, {0: scores([1, 1, 1, 0]), 1: scores([1, 1, 0, 0])}
    untouched = {0: scores([0, 0, 0, 0])}
    couples = [("untouched", "sft"), ("untouched", "mixed"), ("sft", "mixed"), ("sft", "logic")]
    arms = {"untouched": untouched, "sft": sft, "mixed": mixed, "logic": logic}
    rows = {(r.base, r.arm): r for r in effects(arms, couples, RESULTS, ASKING) if r.kind == "dimension"}
    assert list(rows) == couples
    for row in rows.values():
        assert row.difference == pytest.approx(sum(row.by_seed) / row.seeds)
        assert row.difference == pytest.approx(row.arm_score - row.base_score)
    assert rows["sft", "mixed"].by_seed == (0.25,)
    assert rows["sft", "logic"].by_seed == (-0.25, 0.25)
    assert rows["untouched", "sft"].by_seed == (1.0, 0.25)


def test_a_couple_without_a_common_seed_is_named_and_in_no_table():
    arms = {"untouched": {0: scores([0, 1])}, "sft": {0: scores([1, 1])}, "mixed": {1: scores([1, 1])}}
    couples = [("untouched", "sft"), ("untouched", "mixed"), ("sft", "mixed")]
    assert unpaired(arms, couples) == [("sft", "mixed")]
    assert {(r.base, r.arm) for r in effects(arms, couples, RESULTS, ASKING)} == set(couples[:2])
    assert effects(arms, couples[2:], RESULTS, ASKING) == []
    trained = {"original": arms["sft"], "mixed": arms["mixed"]}
    claim = aim_original(evidence(trained, base=arms["untouched"], original="original"))
    assert (claim.judgement, "no seed was finished by both" in claim.sentence) == ("not tested", True)


def test_a_table_of_two_protocols_cannot_be_made():
    mixed = {0: scores([1, 0]) + scores([1, 0], task="gsm8k", protocol="chat")}
    assert protocols_of(mixed[0]) == ("paper", "chat")
    with pytest.raises(ValueError, match="too many values"):
        effects({"untouched": mixed, "mixed": mixed}, [("untouched", "mixed")], RESULTS, ASKING)


def test_holms_family_is_all_arms_and_baselines():
    base, arm = {0: scores([0, 1] * 20)}, {0: scores([1, 1, 0, 1] * 10)}
    alone = effects({"untouched": base, "a": arm}, [("untouched", "a")], RESULTS, ASKING)[0]
    names = {"untouched": base, **dict.fromkeys("abcd", arm)}
    both = effects(names, [("untouched", name) for name in "abcd"], RESULTS, ASKING)
    assert min(row.p_adjusted for row in both) == pytest.approx(min(1.0, 4 * alone.p_value))


def test_the_interval_with_seeds_is_the_wider_one_and_grows_with_their_spread():
    narrow = seeds_interval(0.1, 0.01, 500, [0.099, 0.1, 0.101], confidence=0.95)
    wide = seeds_interval(0.1, 0.01, 500, [0.05, 0.1, 0.15], confidence=0.95)
    assert narrow[0] <= 0.1 - 1.96 * 0.01
    assert wide[0] < narrow[0] < 0.1 < narrow[1] < wide[1]
    assert seeds_interval(0.1, 0.01, 500, [0.1], confidence=0.95) is None


def test_without_item_error_it_is_students_interval_of_the_seeds():
    values = [0.02, 0.04, 0.09]
    low, high = seeds_interval(0.05, 0.0, 500, values, confidence=0.95)
    assert (high - low) / 2 == pytest.approx(4.302653 * np.std(values, ddof=1) / math.sqrt(3), rel=1e-5)


@pytest.mark.parametrize("seed_sd", [0.0, 0.02, 0.08])
def test_it_holds_the_truth_of_other_seeds_and_items(seed_sd):
    generator = np.random.default_rng(0)
    held, only_items, count, items = 0, 0, 2000, 100
    for _ in range(count):
        own = generator.normal(0, 0.1, size=items) + generator.normal(0, 0.1, size=(3, items))
        by_seed = own + generator.normal(0.05, seed_sd, size=(3, 1))
        error = by_seed.mean(axis=0).std(ddof=1) / math.sqrt(items)
        difference = by_seed.mean()
        low, high = seeds_interval(difference, error, items, list(by_seed.mean(axis=1)), confidence=0.95)
        held += low <= 0.05 <= high
        only_items += abs(difference - 0.05) <= 1.984 * error
    assert 0.92 * count <= held <= 0.995 * count
    if seed_sd == 0.08:
        assert only_items < 0.6 * count  # which is why there are two


def evidence(arms, *, base, original=None, singles=None, suffered=None, main="mixed"):
    """Evidence on made scores; arms: name -> seed -> scores."""
    seeded = {"untouched": base, **arms}
    couples = [("untouched", name) for name in arms]
    couples += [(original, name) for name in arms if original and name != original]
    protocols = protocols_of(base[0])
    by_protocol = {p: {name: of_protocol(each, p) for name, each in seeded.items()} for p in protocols}
    rows = [row for each in by_protocol.values() for row in effects(each, couples, RESULTS, ASKING)]
    return Evidence(rows, by_protocol, RESULTS, main, original, singles or {}, suffered, ASKING)


def mixed(effect, *, items=200, seeds=(0, 1, 2), seed_sd=0.001, **more):
    base, arm = drawn(seeds, items, effect=effect, seed_sd=seed_sd, **more)
    return evidence({"mixed": arm}, base=base)


@pytest.mark.parametrize(
    ("effect", "items", "judgement"),
    [(0.08, 200, "supported"), (0.02, 200, "refuted"), (0.055, 40, "undecided"), (-0.03, 200, "refuted")],
)
def test_a_rise_by_five_points(effect, items, judgement):
    found = mixed(effect, items=items)
    for claim in (raises(found), aim_untouched(found)):
        assert claim.judgement == judgement
        assert claim.sentence.startswith(judgement.capitalize())
        assert f"{items} items, 3 seeds, the paper's protocol" in claim.sentence
        assert (claim.needed is not None) == (judgement == "undecided")


def test_an_undecided_claim_names_the_items_that_would_decide_it():
    claim = aim_untouched(mixed(0.055, items=40))
    assert claim.judgement == "undecided"
    assert claim.needed.items > 40
    assert f"About {claim.needed.items:,} such items" in claim.sentence
    assert "the interval leaves out zero" in claim.sentence


def test_seeds_that_disagree_leave_undecided_what_items_alone_would_support():
    assert aim_untouched(mixed(0.08, seed_sd=0.001)).judgement == "supported"
    assert aim_untouched(mixed(0.08, seed_sd=0.05, rng=3)).judgement == "undecided"


def test_a_rise_of_more_than_ten_points_says_so():
    assert "more than the 10 points" in raises(mixed(0.15)).sentence


@pytest.mark.parametrize(("gain", "judgement"), [(0.05, "supported"), (-0.05, "refuted"), (0.0, "undecided")])
def test_against_the_datas_own_rejected_answers(gain, judgement):
    base, arm = drawn((0, 1), 200, effect=0.1 + gain, rng=1)
    _, own = drawn((0, 1), 200, effect=0.1, rng=1)
    own = {seed: own[seed] for seed in own}
    claim = aim_original(evidence({"mixed": arm, "original": own}, base=base, original="original"))
    assert claim.judgement == judgement


def all_tasks(effects_by_task, *, items=80, rng=0):
    """Untouched model and an arm with an effect of its own in each task."""
    base, arm = (), ()
    for place, (task, effect) in enumerate(effects_by_task.items()):
        own, other = drawn((0,), items, effect=effect, task=task, rng=rng + place)
        base, arm = base + own[0], arm + other[0]
    return {0: base}, {0: arm}


@pytest.mark.parametrize(
    ("gaining", "losing", "judgement"), [(4, 1, "supported"), (1, 4, "refuted"), (2, 0, "undecided")]
)
def test_a_mix_helps_most_tasks(gaining, losing, judgement):
    gains = [0.05] * gaining + [-0.05] * losing + [0.0] * (5 - gaining - losing)
    base, arm = all_tasks(dict(zip(TASKS, gains, strict=True)))
    claim = helps_most(evidence({"mixed": arm}, base=base))
    assert claim.judgement == judgement
    assert "of 5 tasks" in claim.sentence


@pytest.mark.parametrize(("spread", "judgement"), [(0.01, "supported"), (0.02, "undecided")])
def test_tasks_that_hold_together_over_three_seeds_need_students_width(spread, judgement):
    # Of five tasks at 99% each: 9.92 standard errors with 2 degrees of freedom. A normal interval, widened from 95%,
    # would have 5.66, which 0.08 / (0.02 / sqrt(3)) = 6.9 exceeds.
    base = {0: tuple(one for task in TASKS for one in scores([0.4, 0.5, 0.6] * 10, task=task))}
    arm = {
        seed: tuple(one.model_copy(update={"value": one.value + 0.08 + (seed - 1) * spread}) for one in base[0])
        for seed in (0, 1, 2)
    }
    assert helps_most(evidence({"mixed": arm}, base=base)).judgement == judgement


@pytest.mark.parametrize(("gain", "judgement"), [(0.04, "supported"), (-0.04, "refuted"), (0.0, "undecided")])
def test_the_type_of_most_own_errors_helps_most(gain, judgement):
    suffered = {"truthfulness": "hallucination", "mathematics": "correctness", "reasoning": "logic"}
    tasks = {"truthfulness": "truthfulqa_mc2", "mathematics": "gsm8k", "reasoning": "bbh_a"}
    arms, base = {}, {}
    for place, kind in enumerate(("correctness", "hallucination", "logic")):
        effect = {tasks[name]: gain if own == kind else 0.0 for name, own in suffered.items()}
        base, arms[kind] = all_tasks(effect)
        noise = np.random.default_rng(place).normal(0, 0.02, size=len(arms[kind][0]))
        arms[kind] = {0: tuple(s.model_copy(update={"value": min(1.0, max(0.0, s.value + e))})
                               for s, e in zip(arms[kind][0], noise, strict=True))}  # fmt: skip
    claim = suffers(evidence(arms, base=base, singles={k: k for k in arms}, suffered=suffered, main="logic"))
    assert claim.judgement == judgement
    assert "over 3 dimensions" in claim.sentence


def test_types_that_share_no_finished_seed_are_not_compared():
    base, arm = drawn((0, 1), 40, effect=0.05)
    arms = {"logic": {0: arm[0]}, "hallucination": {1: arm[1]}}
    suffered = {"truthfulness": "logic"}
    claim = suffers(evidence(arms, base=base, singles={k: k for k in arms}, suffered=suffered, main="logic"))
    assert claim.judgement == "not tested"
    assert "no seed was finished by every arm of one type" in claim.sentence
    arms["hallucination"][0] = arm[0]
    claim = suffers(evidence(arms, base=base, singles={k: k for k in arms}, suffered=suffered, main="logic"))
    assert "one seed" in claim.sentence


def test_what_was_not_measured_is_not_tested():
    base = {0: scores([1, 0] * 20, task="gsm8k")}
    found = {claim.name: claim for claim in claims(evidence({"mixed": base}, base=base))}
    assert {claim.judgement for claim in found.values()} == {"not tested"}
    assert "diagnose.enabled" in found["type"].sentence
    assert "the evaluation does not ask TruthfulQA MC2" in found["aim"].sentence
    assert "own rejected answers" in found["original"].sentence
    absent = claims(evidence({"a": base}, base=base))
    assert "no arm 'mixed'" in absent[0].sentence


def test_tasks_of_two_protocols_are_never_counted_together():
    base, arm = all_tasks(dict.fromkeys(TASKS, 0.05))

    def asked(found):
        return {
            0: tuple(s.model_copy(update={"protocol": "chat"}) if s.task in ("gsm8k", "bbh_a") else s for s in found[0])
        }

    claim = helps_most(evidence({"mixed": asked(arm)}, base=asked(base)))
    assert claim.protocol == "paper"
    assert "of 3 tasks, by the paper's protocol" in claim.sentence
