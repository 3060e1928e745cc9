"""Whatever a file holds: only DataError is raised, every row is accounted for, and a draw depends on ids alone."""

import gzip
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.errors import DataError
from seapo.reading.files import read_rows
from seapo.reading.places import HUB_ID
from seapo.reading.rows import stable_reason
from seapo.recipe import DataSection
from seapo.records import RejectedRow, Sample
from seapo.source import SourceResult, read_source
from seapo.store import read_records, write_records

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COLUMNS = [
    "prompt",
    "chosen",
    "rejected",
    "label",
    "completion",
    "messages",
    "conversations",
    "instruction",
    "output",
    "id",
]
TEXTS = st.one_of(
    st.sampled_from(["", "a", "b", " A ", "Human: x\n\nAssistant: y", "\ud800", "x\n#### 3"]), st.text(max_size=8)
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "tool", "?"]), "content": TEXTS}),
    max_size=4,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
ROWS = st.lists(
    st.one_of(
        JSON,
        st.dictionaries(st.sampled_from(COLUMNS), st.one_of(TEXTS, MESSAGES, st.booleans(), JSON), max_size=5),
        st.fixed_dictionaries({"prompt": TEXTS, "completion": TEXTS, "label": st.booleans()}),
    ),
    max_size=12,
)


def as_lines(rows: Sequence[object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read(path: Path, **options: Any) -> SourceResult | None:
    """What comes of a file, or None where that is the one error which a user may see."""
    try:
        return read_source(DataSection(path=str(path), **options), seed=0)
    except DataError as problem:
        message = str(problem)
    assert "\n" not in message
    message.encode()
    return None


def check_account(result: SourceResult, path: Path) -> None:
    """Every row that the file gives is in exactly one place, and all can be written."""
    summary = result.summary
    assert summary.rows == sum(1 for _ in read_rows(path, "x"))
    assert summary.rows == summary.samples + summary.beyond_limit + summary.merged + sum(summary.set_aside.values())
    assert summary.samples == len(result.samples) == sum(summary.by_dimension.values())
    assert len(result.rejected) == sum(summary.set_aside.values())
    lines = [record.line for record in (*result.samples, *result.rejected)]
    assert len(set(lines)) == len(lines) == summary.rows - summary.beyond_limit - summary.merged
    assert len({sample.id for sample in result.samples}) == len(result.samples)
    for name, records, kind in (("samples", result.samples, Sample), ("rejected", result.rejected, RejectedRow)):
        write_records(path.with_name(name), records)
        assert list(read_records(path.with_name(name), kind)) == list(records)


@QUICK
@given(rows=ROWS, is_array=st.booleans(), limit=st.one_of(st.none(), st.integers(1, 5)))
def test_any_json_values_are_accounted_for_row_by_row(
    tmp_path: Path, rows: list[object], is_array: bool, limit: int | None
) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(json.dumps(rows).encode() if is_array else as_lines(rows))
    result = read(path, limit=limit)
    if result is not None:
        assert result.summary.rows == len(rows)
        check_account(result, path)


@QUICK
@given(
    data=st.one_of(st.binary(max_size=80), st.text('[]{}",:\\ \nprome1chsen', max_size=80).map(str.encode)),
    ending=st.sampled_from(["jsonl", "csv", "parquet", "gz"]),
)
def test_any_bytes_are_read_or_refused_in_one_sentence(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(data)
    result = read(path, format="plain", columns={})
    if result is not None:
        check_account(result, path)


@QUICK
@given(data=st.data(), is_array=st.booleans(), is_packed=st.booleans())
def test_a_damaged_file_is_accounted_for_too(
    tmp_path: Path, data: st.DataObject, is_array: bool, is_packed: bool
) -> None:
    rows = [{"prompt": f"Q{n}", "response": "A"} for n in range(20)]
    whole = json.dumps(rows, indent=data.draw(st.sampled_from([None, 1]))).encode() if is_array else as_lines(rows)
    whole = gzip.compress(whole) if is_packed else whole
    start = data.draw(st.integers(10, len(whole) - 1))
    path = tmp_path / "rows.json"
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=6)) + whole[start + data.draw(st.integers(0, 40)) :])
    result = read(path)
    if result is not None:
        check_account(result, path)


@QUICK
@given(kept=st.integers(1, 400))
def test_a_file_cut_anywhere_keeps_every_whole_row(tmp_path: Path, kept: int) -> None:
    rows = [{"prompt": f"Q{n}", "response": "A"} for n in range(10)]
    data = as_lines(rows)[:kept]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    result = read(path)
    assert (len(result.samples) if result else 0) == data.count(b"}")
    if result is not None:
        check_account(result, path)


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    path = tmp_path / "hundred.jsonl"
    path.write_bytes(as_lines([{"prompt": f"Q{n}", "response": "A"} for n in range(100)]))
    return path


def drawn(path: Path, limit: int | None, seed: int = 0) -> list[str]:
    result = read_source(DataSection(path=str(path), limit=limit), seed=seed)
    assert result.summary.beyond_limit == 100 - len(result.samples)
    return [sample.question for sample in result.samples]


def test_smaller_limits_are_subsets_of_larger_ones_in_the_order_of_the_file(hundred: Path) -> None:
    everything = drawn(hundred, None)
    assert everything == drawn(hundred, 100) == drawn(hundred, 1000)
    larger = everything
    for limit in (60, 59, 7, 1):
        smaller = drawn(hundred, limit)
        assert len(smaller) == limit
        assert smaller == [question for question in larger if question in set(smaller)]
        larger = smaller


def test_a_draw_depends_on_the_seed_and_not_on_the_order_of_the_file(hundred: Path) -> None:
    first = drawn(hundred, 20)
    assert first == drawn(hundred, 20)
    assert set(first) != set(drawn(hundred, 20, seed=1))
    lines = hundred.read_text(encoding="utf-8").splitlines()
    hundred.write_text("\n".join(reversed(lines)), encoding="utf-8")
    assert drawn(hundred, 20) == first[::-1]


def test_a_draw_prefers_no_part_of_the_file(hundred: Path) -> None:
    counts = [sum(int(question[1:]) < 50 for question in drawn(hundred, 20, seed=seed)) for seed in range(40)]
    assert 350 < sum(counts) < 450


def test_the_starter_set_is_read_whole_or_drawn() -> None:
    everything = read_source(DataSection(path="starter"), seed=0)
    assert everything.summary.rows == len(everything.samples) >= 300
    assert set(everything.summary.by_dimension) == {"mathematics", "reasoning", "coding", "knowledge", "truthfulness"}
    some = read_source(DataSection(path="starter", limit=100), seed=0)
    assert len(some.samples) == 100
    assert {sample.id for sample in some.samples} < {sample.id for sample in everything.samples}
    with pytest.raises(DataError, match=r"leave data\.columns and data\.format out"):
        read_source(DataSection(path="starter", format="plain"), seed=0)


def test_many_labelled_answers_to_one_prompt_take_no_square_of_their_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(as_lines([{"prompt": "Q", "completion": f"A{n}", "label": n % 2} for n in range(20_000)]))
    start = time.monotonic()
    result = read(path)
    assert time.monotonic() - start < 20
    assert result is not None
    assert (result.summary.samples, result.summary.merged) == (10_000, 10_000)
    assert {len(sample.rejected) for sample in result.samples} == {1}


def test_reasons_are_counted_without_their_details(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(as_lines([{"prompt": "Q", "response": "A"}] * 3))
    result = read(path)
    assert result is not None
    assert {stable_reason(row.reason) for row in result.rejected} == set(result.summary.set_aside)
    assert result.summary.set_aside == {"duplicate of an earlier row": 2}


@pytest.mark.parametrize(
    ("path", "is_id"),
    [
        ("owner/name", True),
        ("openai/gsm8k:main", True),
        ("a/b/c", False),
        ("name", False),
        ("../up", False),
        ("/abs/path", False),
    ],
)
def test_ids_of_the_hub_are_told_from_paths(path: str, is_id: bool) -> None:
    assert (HUB_ID.fullmatch(path) is not None) == is_id
