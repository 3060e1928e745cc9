"""Several models against a base, or each with each: what is compared, what is refused, and how often it errs."""

import random

import numpy as np
import pytest
from scipy import stats

from seapo.errors import DataError
from seapo.evaluate.clusters import Pair, cluster_of, extents
from seapo.evaluate.comparison import compare, compare_models
from seapo.evaluate.results import Evaluation
from seapo.evaluate.statistics import holm, mcnemar_p, tango_interval
from seapo.records import ItemScore
from seapo.summaries import EvaluationResults


def results(**changes):
    values = {
        "model": "m", "model_fingerprint": "f", "dtype": "float32", "protocol": "paper", "suites": ("s",), "seed": 0,
        "limit": None, "confidence": 0.95, "tasks": (),
    }  # fmt: skip
    return EvaluationResults(**(values | changes))


def item(number, value, **changes):
    values = {
        "id": str(number), "task": "gsm8k", "dimension": "mathematics", "metric": "exact_match", "value": value,
        "suite": "mathematics", "protocol": "paper", "prompt_hash": f"h{number}", "answer": f"answer {value:g}",
    }  # fmt: skip
    return ItemScore(**(values | changes))


def evaluation(scores, **changes):
    return Evaluation(results(**changes), tuple(scores))


def whole(values, **changes):
    return evaluation([item(number, value) for number, value in enumerate(values)], **changes)


def bbh(values, **changes):
    """Items of several tasks; values: task -> scores. Ids begin anew in each task, as lm-evaluation-harness's do."""
    names = {"dimension": "reasoning", "suite": "reasoning", "group": "bbh"} | changes
    return [
        item(number, value, task=task, prompt_hash=f"{task}{number}", **names)
        for task, found in values.items()
        for number, value in enumerate(found)
    ]


def coins(generator, share, count):
    return (generator.random(count) < share).astype(float)


def rows_of(comparison, kind, place=0):
    return {row.name: row for row in comparison.comparisons[place].rows if row.kind == kind}


# What a line is about


def test_ids_tell_an_item_within_its_task_only():
    first, second = bbh({"a": [1.0], "b": [1.0]})
    assert cluster_of(first) != cluster_of(second)
    mc1, mc2 = (item(f"q7#{name}", 1.0, task=name, suite="truthfulqa") for name in ("mc1", "mc2"))
    assert cluster_of(mc1) == cluster_of(mc2)


def test_a_benchmark_counts_its_items_and_a_dimension_its_benchmarks():
    reasoning = bbh({"big": [1.0] * 30 + [0.0] * 30, "small": [1.0] * 20})
    further = [item(number, 0.25, task="other", dimension="reasoning", suite="reasoning") for number in range(20)]
    comparison = compare_models({"a": evaluation([*reasoning, *further]), "b": evaluation([*reasoning, *further])})
    assert rows_of(comparison, "task")["big"].base == 0.5
    assert rows_of(comparison, "benchmark")["bbh"].base == 50 / 80
    assert rows_of(comparison, "benchmark")["bbh"].tasks == 2
    assert rows_of(comparison, "dimension")["reasoning"].base == pytest.approx((50 / 80 + 0.25) / 2)
    assert rows_of(comparison, "dimension")["reasoning"].metric == "mean"


def test_a_dimension_of_one_benchmark_has_its_numbers():
    generator = np.random.default_rng(0)
    scores = [bbh({f"t{n}": coins(generator, 0.5, 20) for n in range(12)}) for _ in range(2)]
    comparison = compare_models({"a": evaluation(scores[0]), "b": evaluation(scores[1])})
    (benchmark,), (dimension,) = (rows_of(comparison, kind).values() for kind in ("benchmark", "dimension"))
    assert dimension.model_copy(update={"kind": "benchmark", "name": "bbh"}) == benchmark
    low, high = benchmark.across_tasks_interval
    assert low < benchmark.difference < high


def test_only_the_first_suite_that_measures_a_dimension_makes_its_score():
    pairs = [
        Pair(score, score)
        for score in (item(0, 1.0, task="a", suite="starter"), item(0, 0.0, task="b", suite="mathematics"))
    ]
    (dimension,) = [extent for extent in extents(pairs) if extent.kind == "dimension"]
    assert [pair.base.task for pair in dimension.pairs] == ["a"]


# Figures


def test_a_row_holds_the_figures_of_its_tests():
    before = [1.0] * 10 + [0.0] * 30
    after = [1.0] * 9 + [0.0] + [1.0] * 12 + [0.0] * 18
    comparison = compare_models({"a": whole(before), "b": whole(after)})
    row = rows_of(comparison, "benchmark")["gsm8k"]
    assert (row.gained, row.lost, row.difference) == (12, 1, pytest.approx(11 / 40))
    assert row.difference_interval == row.simultaneous_interval == tango_interval(12, 1, 40, confidence=0.95)
    assert row.p_value == row.p_adjusted == mcnemar_p(12, 1)
    assert row.p_value == pytest.approx(stats.binomtest(1, 13).pvalue)
    assert row.across_tasks_interval is None
    assert row.verdict == "better"


def test_the_table_of_a_run_and_the_comparison_of_models_agree():
    generator = np.random.default_rng(1)
    made = [
        [
            *bbh({f"t{n}": coins(generator, 0.5, 20) for n in range(11)}),
            *(item(n, generator.random()) for n in range(30)),
        ]
        for _ in range(2)
    ]
    summary = compare(made[0], made[1], model="m", confidence=0.95, seed=3)
    comparison = compare_models({"a": evaluation(made[0]), "b": evaluation(made[1])}, seed=3)
    assert [row.name for row in summary.tasks] == [*(f"t{n}" for n in range(11)), "gsm8k"]
    assert [row.name for row in summary.groups] == ["bbh"]
    assert [row.name for row in summary.dimensions] == list(rows_of(comparison, "dimension"))
    for kind, told in (("task", summary.tasks[:11]), ("benchmark", summary.groups + summary.tasks[11:])):
        found = rows_of(comparison, kind)
        assert [row.name for row in told] == list(found)
        for row in told:
            assert row.difference_interval == found[row.name].difference_interval
            assert (row.before_interval, row.after_interval) == (
                found[row.name].base_interval,
                found[row.name].other_interval,
            )


def test_p_values_are_corrected_over_all_models_and_rows_of_a_kind():
    generator = np.random.default_rng(2)
    tasks = {f"t{n}": coins(generator, 0.5, 40) for n in range(3)}
    models = {"base": evaluation(bbh(tasks))}
    for name in ("x", "y"):
        changed = {task: np.where(generator.random(40) < 0.2, 1 - values, values) for task, values in tasks.items()}
        models[name] = evaluation(bbh(changed))
    comparison = compare_models(models)
    assert comparison.families == {"dimension": 2, "benchmark": 2, "task": 6}
    rows = [row for each in comparison.comparisons for row in each.rows if row.kind == "task"]
    assert [row.p_adjusted for row in rows] == holm([row.p_value for row in rows])
    for row in rows:
        assert row.simultaneous_interval == tango_interval(row.gained, row.lost, 40, confidence=1 - 0.05 / 6)


def test_each_with_the_first_or_each_with_each():
    models = {name: whole([1.0, 0.0] * 10) for name in "abc"}
    assert [(c.base, c.other) for c in compare_models(models).comparisons] == [("a", "b"), ("a", "c")]
    every = compare_models(models, all_pairs=True).comparisons
    assert [(c.base, c.other) for c in every] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_the_order_of_the_other_models_items_changes_nothing():
    scores = [item(number, number % 3 / 2) for number in range(40)]
    other = [item(number, number % 2) for number in range(40)]
    straight = compare_models({"a": evaluation(scores), "b": evaluation(other)})
    assert compare_models({"a": evaluation(scores), "b": evaluation(reversed(other))}) == straight


def test_swapping_two_models_mirrors_the_row():
    first, second = whole([1.0] * 20 + [0.0] * 20), whole([1.0] * 12 + [0.0] * 28)
    (row,) = rows_of(compare_models({"a": first, "b": second}), "benchmark").values()
    (mirrored,) = rows_of(compare_models({"b": second, "a": first}), "benchmark").values()
    assert (row.gained, row.lost, row.p_value) == (mirrored.lost, mirrored.gained, mirrored.p_value)
    assert row.difference == -mirrored.difference
    assert (row.verdict, mirrored.verdict) == ("worse", "better")


# Flips


def test_the_items_that_flipped_are_listed_with_both_answers():
    comparison = compare_models({"a": whole([1.0, 0.0, 1.0, 0.3]), "b": whole([1.0, 1.0, 0.0, 0.4])})
    flips = comparison.comparisons[0].flips
    assert [(flip.id, flip.change) for flip in flips] == [("1", "gained"), ("2", "lost")]
    assert (flips[0].base_answer, flips[0].other_answer) == ("answer 0", "answer 1")


# What does not compare


def refusal(first, second, **options):
    with pytest.raises(DataError) as problem:
        compare_models({"one": first, "two": second}, **options)
    return str(problem.value)


def test_other_items_are_refused_unless_the_common_ones_are_asked_for():
    first, second = whole([1.0, 0.0, 1.0]), evaluation([item(1, 1.0), item(2, 1.0), item(9, 1.0), item(8, 1.0)])
    assert refusal(first, second) == (
        "one and two were not asked the same items: 1 of one alone (the first: item '0' of task 'gsm8k'), 2 of two "
        "alone (the first: item '9' of task 'gsm8k'), 2 of both; evaluate both with the same tasks, limit and seed, or "
        "compare the 2 items of both with --common"
    )
    comparison = compare_models({"one": first, "two": second}, common=True)
    assert (comparison.items, comparison.left_out) == (2, {"one": 1, "two": 2})
    assert rows_of(comparison, "benchmark")["gsm8k"].items == 2


def test_no_common_item_is_refused():
    other = evaluation([item(0, 1.0, task="other")])
    assert "were asked no item in common" in refusal(whole([1.0]), other, common=True)
    assert refusal(whole([1.0]), other).endswith("evaluate both with the same tasks, limit and seed")


def test_the_common_items_are_those_of_all_models():
    models = {name: evaluation([item(number, 1.0) for number in numbers]) for name, numbers in
              {"a": range(10), "b": range(2, 12), "c": range(4, 9)}.items()}  # fmt: skip
    comparison = compare_models(models, common=True, all_pairs=True)
    assert comparison.items == 5
    assert {row.items for each in comparison.comparisons for row in each.rows} == {5}


def test_two_protocols_are_refused():
    chat = evaluation([item(0, 1.0, protocol="chat")])
    assert refusal(whole([1.0]), chat, common=True) == (
        "one was asked by the protocol 'paper' and two by 'chat': scores of two ways of asking do not compare; "
        "evaluate both by the same protocol"
    )


def test_other_prompts_of_the_same_items_are_refused_with_their_number():
    scores = [item(number, 1.0, prompt_hash="other" if number > 3 else f"h{number}") for number in range(10)]
    assert refusal(whole([1.0] * 10), evaluation(scores), common=True).startswith(
        "6 of 10 items were put to two with another prompt than to one, the first of them item '4' of task 'gsm8k': "
    )


def test_another_metric_a_repeated_item_and_an_impossible_score_are_refused():
    assert "scored as 'exact_match' in one and as 'acc' in two" in refusal(
        whole([1.0]), evaluation([item(0, 1.0, metric="acc")])
    )
    assert "two: item '0' of task 'gsm8k' is scored twice" in refusal(
        whole([1.0]), evaluation([item(0, 1.0), item(0, 0.0)])
    )
    for value in (1.5, float("nan")):
        assert "scores are between 0 and 1" in refusal(whole([1.0]), whole([value]))


def test_one_evaluation_is_no_comparison():
    with pytest.raises(DataError, match="needs two evaluations"):
        compare_models({"one": whole([1.0])})


def test_what_may_explain_a_difference_is_noted():
    first = whole([1.0], versions={"lm_eval": "0.4.13"}, truncated={"gsm8k": 3})
    comparison = compare_models({"a": first, "b": whole([1.0], dtype="bfloat16", versions={"lm_eval": "0.4.9"})})
    assert comparison.notes == (
        "number types differ: a float32, b bfloat16",
        "versions of lm_eval differ: a 0.4.13, b 0.4.9",
        "a: 3 prompts of gsm8k were cut to fit the model's context",
    )


# How often it errs


def null_models(generator, *, tasks=4, items=50, models=3):
    """Models that differ from the base in a tenth of the items, up as often as down."""
    scores = [bbh({f"t{n}": coins(generator, 0.5, items) for n in range(tasks)})]
    for _ in range(models):
        flipped = [s.model_copy(update={"value": 1 - s.value}) if generator.random() < 0.1 else s for s in scores[0]]
        scores.append(flipped)
    return {str(place): evaluation(found) for place, found in enumerate(scores)}


@pytest.fixture(scope="module")
def null_verdicts():
    """Share of 100 families of models without any true difference in which a task tells one: uncorrected, corrected."""
    generator = np.random.default_rng(3)
    found = []
    for _ in range(100):
        comparison = compare_models(null_models(generator, tasks=3, items=100))
        rows = [row for each in comparison.comparisons for row in each.rows if row.kind == "task"]
        found.append((any(row.p_value <= 0.05 for row in rows), any(row.verdict != "undecided" for row in rows)))
    return np.mean(found, axis=0)


def test_at_most_5_percent_of_families_without_a_difference_are_told_to_have_one(null_verdicts):
    assert null_verdicts[1] <= 0.05 + 2 * (0.05 * 0.95 / 100) ** 0.5


def test_without_the_correction_they_would_be_more(null_verdicts):
    """The control of the test above: nine tests at 5 percent."""
    assert null_verdicts[0] > 0.12


def test_a_planted_difference_is_found_and_the_models_beside_it_stay_undecided():
    generator = np.random.default_rng(4)
    models = null_models(generator, items=100)
    better = [
        score.model_copy(update={"value": 1.0}) if score.task == "t2" and random.Random(n).random() < 0.6 else score
        for n, score in enumerate(models["0"].scores)
    ]
    comparison = compare_models({**models, "planted": evaluation(better)})
    verdicts = {(each.other, row.name): row.verdict for each in comparison.comparisons for row in each.rows}
    assert {key for key, verdict in verdicts.items() if verdict != "undecided"} >= {
        ("planted", "t2"),
        ("planted", "bbh"),
    }
    assert all(verdict == "undecided" for (other, name), verdict in verdicts.items() if other != "planted")


def test_a_planted_difference_of_scores_between_0_and_1_is_found():
    generator = np.random.default_rng(5)
    base = generator.beta(2, 2, size=60)
    noise = generator.normal(0, 0.1, size=60)
    comparison = compare_models(
        {"a": whole(base), "null": whole(np.clip(base + noise, 0, 1)), "b": whole(np.clip(base + noise + 0.1, 0, 1))}
    )
    assert [rows_of(comparison, "benchmark", place)["gsm8k"].verdict for place in (0, 1)] == ["undecided", "better"]
