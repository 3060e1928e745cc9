"""How far worse answers are from good ones, and what each strategy gave."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.report import read_run
from seapo.report.quality import MOST_COMPARED, REJECTED, changed_share, distances, spread
from seapo.report.yields import strategy_yields


def test_the_changed_share_by_hand() -> None:
    assert changed_share("four red apples", "four green apples") == 5 / 15
    assert changed_share("four apples", "four apples") == 0
    assert changed_share("ab", "xyz") == 3 / 2


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_the_changed_share_is_zero_for_equal_texts_alone(chosen: str, other: str) -> None:
    assert (changed_share(chosen, other) == 0) == (chosen == other)


def test_the_changed_share_is_the_edit_ratio_where_whole_words_change(made_run: Path) -> None:
    contents = read_run(made_run)
    [negative] = [
        one
        for one in contents.negatives
        if one.subtype == "wrong_place" and contents.samples[one.sample_id].line == 4  # Oslo, or Ottawa, or Nairobi
    ]
    chosen = contents.samples[negative.sample_id].chosen
    assert changed_share(chosen, negative.text) == pytest.approx(negative.edit_ratio)


def test_quantiles_by_hand() -> None:
    found = spread([float(value) for value in range(101)])
    assert found
    assert (found.values, found.low, found.quarter, found.median, found.three_quarters, found.high) == (
        101, 5.0, 25.0, 50.0, 75.0, 95.0,
    )  # fmt: skip
    assert spread([3.0]) == found.model_copy(
        update=dict(values=1, **dict.fromkeys(("low", "quarter", "median", "three_quarters", "high"), 3.0))
    )
    assert spread([]) is None


def test_the_datas_own_rejected_stand_first_and_are_measured_alike(made_run: Path) -> None:
    found = distances(read_run(made_run))
    assert [one.of for one in found] == [REJECTED, "correctness", "logic", "hallucination"]
    assert [one.pairs for one in found] == [6, 24, 18, 18]
    own, made = found[0], found[1]
    assert own.edit_ratio.median > 0.8 > made.edit_ratio.median
    assert own.gap_nats is None
    assert made.gap_nats
    assert sum(made.severity.values()) == 24


def test_without_negatives_and_rejected_answers_there_is_nothing(made_run: Path) -> None:
    contents = read_run(made_run)
    bare = {key: sample.model_copy(update={"rejected": ()}) for key, sample in contents.samples.items()}
    assert distances(replace(contents, samples=bare, negatives=())) == ()


def test_unscored_negatives_have_no_gap_and_no_made_up_severity(made_run: Path) -> None:
    contents = read_run(made_run)
    plain = tuple(one.model_copy(update={"logprob_nats": None, "severity": None}) for one in contents.negatives)
    made = distances(replace(contents, negatives=plain))[1]
    assert made.gap_nats is None
    assert made.severity == {"not scored": 24}


def test_of_many_rejected_answers_some_are_compared_by_the_seed(made_run: Path) -> None:
    contents = read_run(made_run)
    [(key, sample), *_] = contents.samples.items()
    many = {
        f"{key}-{n}": sample.model_copy(update={"id": f"{key}-{n}", "rejected": ("no " * n,)}) for n in range(1, 151)
    }
    first, again = (distances(replace(contents, samples=many, negatives=()))[0] for _ in range(2))
    assert first == again
    assert (first.pairs, first.edit_ratio.values, first.length_ratio.values) == (150, MOST_COMPARED, 150)


def test_the_yields_add_up_to_the_negatives_and_candidates(made_run: Path) -> None:
    contents = read_run(made_run)
    rows = strategy_yields(contents)
    assert [(row.error_type, row.strategy) for row in rows] == [
        (name, strategy) for name in ("correctness", "logic", "hallucination") for strategy in ("pivot", "rule")
    ]
    assert sum(row.negatives for row in rows) == 60
    assert sum(row.candidates or 0 for row in rows) == 300
    assert all(sum(row.status.values()) == sum(row.subtypes.values()) == row.negatives for row in rows)


def test_a_strategy_that_inject_did_not_count_has_no_number_of_candidates(made_run: Path) -> None:
    rows = strategy_yields(replace(read_run(made_run), inject=None))
    assert {row.candidates for row in rows} == {None}
