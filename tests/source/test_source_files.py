"""Rows of every kind of file, whatever its name ends in, and of files that are damaged."""

import csv
import gzip
import io
import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from seapo.errors import DataError
from seapo.reading.streams import CHUNK_BYTES
from seapo.recipe import DataSection
from seapo.source import SourceResult, read_source

ROWS = [
    {
        "prompt": f'What is {n} + {n}?\nSay "it", please; ünï😀',
        "chosen": f"It is {2 * n},\n\tof course.",
        "rejected": f"{n}{n}",
    }
    for n in range(1, 8)
]


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def as_arrow(rows: list[dict[str, Any]], new: Callable[..., Any]) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return sink.getvalue()


KINDS = {
    "json array": json.dumps(ROWS).encode(),
    "pretty json array": json.dumps(ROWS, indent=2, ensure_ascii=False).encode(),
    "json lines": as_lines(ROWS),
    "json lines of Windows": as_lines(ROWS).replace(b"\n", b"\r\n"),
    "json lines without the last line feed": as_lines(ROWS).rstrip(),
    "json lines with empty ones": as_lines(ROWS).replace(b"\n", b"\n\n"),
    "json values spread over lines": "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
    "with a byte-order mark": b"\xef\xbb\xbf" + as_lines(ROWS),
    "csv": as_csv(ROWS),
    "csv with tabs": as_csv(ROWS, "\t"),
    "csv with semicolons": as_csv(ROWS, ";"),
    "parquet": as_parquet(ROWS),
    "arrow file": as_arrow(ROWS, pa.ipc.new_file),
    "arrow stream": as_arrow(ROWS, pa.ipc.new_stream),
}


def read_bytes(folder: Path, data: bytes, name: str = "rows.jsonl", **settings: Any) -> SourceResult:
    (folder / name).write_bytes(data)
    return read_source(DataSection(path=str(folder / name), **settings), seed=0)


def triples(result: SourceResult) -> list[tuple[str, str, str]]:
    return [(sample.question, sample.chosen, sample.rejected[0]) for sample in result.samples]


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.csv", "rows.parquet", "rows.txt", "rows"])
def test_every_kind_of_file_gives_the_same_rows_whatever_its_name(
    tmp_path: Path, kind: str, name: str, is_packed: bool
) -> None:
    data = gzip.compress(KINDS[kind]) if is_packed else KINDS[kind]
    result = read_bytes(tmp_path, data, name)
    assert triples(result) == [(row["prompt"], row["chosen"], row["rejected"]) for row in ROWS]
    assert result.rejected == []
    assert {sample.source for sample in result.samples} == {name}
    spread = 2 if kind == "json lines with empty ones" else 1
    assert [sample.line for sample in result.samples] == list(range(1, spread * len(ROWS) + 1, spread))


def test_messages_in_cells_of_a_csv_file_are_read_as_messages(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": 'It\'s "so"?'}, {"role": "assistant", "content": "Yes, it's so."}]
    other = [turns[0], {"role": "assistant", "content": "No."}]
    for written in (json.dumps, repr):
        rows = [{"chosen": written(turns), "rejected": written(other)}]
        (sample,) = read_bytes(tmp_path, as_csv(rows), "turns.csv").samples
        assert (sample.question, sample.chosen, sample.rejected) == ('It\'s "so"?', "Yes, it's so.", ("No.",))


def test_a_cell_that_merely_looks_like_json_stays_text(tmp_path: Path) -> None:
    rows = [{"question": '{"a": 1}', "answer": '[{"b": 2}]'}, {"question": "{'a'", "answer": "[[1]]"}]
    result = read_bytes(tmp_path, as_csv(rows), "cells.csv")
    assert [(sample.question, sample.chosen) for sample in result.samples] == [
        (r["question"], r["answer"]) for r in rows
    ]


def test_a_cell_longer_than_the_csv_modules_limit_is_read_and_the_limit_left_as_it_was(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    (sample,) = read_bytes(tmp_path, as_csv([{"question": "Q", "answer": "a" * 3 * limit}]), "long.csv").samples
    assert len(sample.chosen) == 3 * limit
    assert csv.field_size_limit() == limit


def test_columns_named_twice_in_a_csv_file_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names the column 'answer' twice"):
        read_bytes(tmp_path, b"question,answer,answer\na,b,c\n", "twice.csv")


def test_a_table_of_many_batches_keeps_its_row_numbers(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}", "answer": "A"} for n in range(1700)]
    result = read_bytes(tmp_path, as_parquet(rows), "many.parquet")
    assert [sample.line for sample in result.samples] == list(range(1, 1701))


def cut_gzip(data: bytes, *, keep: float) -> bytes:
    packed = gzip.compress(data)
    return packed[: int(len(packed) * keep)]


def many_rows(count: int = 400) -> list[dict[str, Any]]:
    random_words = random.Random(0)
    return [
        {"question": f"Q{n}", "answer": " ".join(f"{random_words.random():.6f}" for _ in range(100))}
        for n in range(count)
    ]


@pytest.mark.parametrize("kind", ["lines", "array", "csv"])
def test_a_gzip_file_that_is_cut_off_keeps_the_rows_before_the_cut(tmp_path: Path, kind: str) -> None:
    rows = many_rows()
    data = {"lines": as_lines(rows), "array": json.dumps(rows).encode(), "csv": as_csv(rows)}[kind]
    result = read_bytes(tmp_path, cut_gzip(data, keep=0.6), "cut.gz")
    assert len(rows) * 0.5 < len(result.samples) < len(rows) * 0.65
    assert [sample.chosen for sample in result.samples] == [row["answer"] for row in rows[: len(result.samples)]]
    assert result.summary.set_aside == {"the gzip file is damaged or breaks off here": 1}
    assert result.rejected[0].line == len(result.samples) + 1
    assert f"Q{len(result.samples)}" in result.rejected[0].row


@pytest.mark.parametrize("kind", ["lines", "array", "csv"])
def test_a_gzip_file_that_is_damaged_keeps_the_rows_before_the_damage(tmp_path: Path, kind: str) -> None:
    rows = many_rows(2000)
    data = {"lines": as_lines(rows), "array": json.dumps(rows).encode(), "csv": as_csv(rows)}[kind]
    packed = bytearray(gzip.compress(data))
    packed[-8:-4] = b"\0\0\0\0"
    assert len(packed) > 4 * CHUNK_BYTES
    result = read_bytes(tmp_path, bytes(packed), "damaged.gz")
    assert len(result.samples) == len(rows)
    assert result.summary.set_aside == {"the gzip file is damaged or breaks off here": 1}


def test_members_and_padding_of_a_gzip_file_are_read_as_one(tmp_path: Path) -> None:
    first, second = ROWS[:3], ROWS[3:]
    data = gzip.compress(as_lines(first)) + gzip.compress(as_lines(second)) + b"\0" * 512
    result = read_bytes(tmp_path, data)
    assert len(result.samples) == len(ROWS)
    assert result.rejected == []


@pytest.mark.parametrize("kept", range(3, 40))
def test_a_json_array_that_is_cut_off_keeps_the_elements_before_the_cut(tmp_path: Path, kept: int) -> None:
    text = json.dumps([{"question": "Q1", "answer": "A"}, {"question": "Q2", "answer": "A"}])
    data = text[:-kept].encode()
    if data.count(b"}") == 0:
        with pytest.raises(DataError, match="the JSON breaks off here"):
            read_bytes(tmp_path, data, "cut.json")
        return
    result = read_bytes(tmp_path, data, "cut.json")
    assert len(result.samples) == data.count(b"}")
    assert result.summary.set_aside == {"the JSON breaks off here": 1}


@pytest.mark.parametrize("indent", [None, 0, 2], ids=["one line", "unindented", "pretty"])
def test_a_broken_element_of_an_array_costs_only_itself_where_elements_begin_lines(
    tmp_path: Path, indent: int | None
) -> None:
    rows = [{"question": f"Q{n}", "answer": f"A{n}"} for n in range(5)]
    text = json.dumps(rows, indent=indent).replace('"A2"', '"A2')
    result = read_bytes(tmp_path, text.encode(), "broken.json")
    if indent is None:
        assert [sample.chosen for sample in result.samples] == ["A0", "A1"]
        assert result.summary.set_aside == {"the JSON breaks off here": 1}
    else:
        assert [sample.chosen for sample in result.samples] == ["A0", "A1", "A3", "A4"]
        assert result.summary.set_aside == {"broken JSON": 1}
        assert result.rejected[0].line == 3


def test_missing_and_trailing_commas_of_an_array_are_forgiven(tmp_path: Path) -> None:
    text = '[{"question": "Q1", "answer": "A"} {"question": "Q2", "answer": "A"},]'
    result = read_bytes(tmp_path, text.encode(), "commas.json")
    assert (len(result.samples), result.rejected) == (2, [])


def test_text_behind_the_end_of_an_array_is_set_aside(tmp_path: Path) -> None:
    result = read_bytes(tmp_path, b'[{"question": "Q1", "answer": "A"}] and more', "more.json")
    assert [(row.reason, row.row) for row in result.rejected] == [
        ("broken JSON: text behind the end of the array", "and more")
    ]


def test_a_broken_first_line_does_not_hide_the_others(tmp_path: Path) -> None:
    result = read_bytes(tmp_path, b'{"prompt": "cut he\n' + as_lines(ROWS), "first.jsonl")
    assert len(result.samples) == len(ROWS)
    assert [(row.line, row.reason.split(":")[0]) for row in result.rejected] == [(1, "broken JSON")]


def test_a_thousand_broken_lines_do_not_hide_the_good_ones_behind_them(tmp_path: Path) -> None:
    result = read_bytes(tmp_path, b'{"prompt": \n' * 1500 + as_lines(ROWS), "late.jsonl")
    assert (len(result.samples), result.summary.set_aside) == (len(ROWS), {"broken JSON": 1500})


def test_the_nameless_index_column_of_a_csv_file_is_no_id(tmp_path: Path) -> None:
    (sample,) = read_bytes(tmp_path, b",question,answer\n0,Why?,So\n", "index.csv").samples
    assert len(sample.id) == 16


def test_a_line_broken_by_a_raw_line_feed_costs_only_itself(tmp_path: Path) -> None:
    data = b'{"prompt": "two\nlines", "chosen": "a", "rejected": "b"}\n' + as_lines(ROWS)
    result = read_bytes(tmp_path, data, "feed.jsonl")
    assert len(result.samples) == len(ROWS)
    assert {row.reason.split(":")[0] for row in result.rejected} == {"broken JSON"}


def test_elements_across_the_borders_of_what_is_read_at_once_are_whole(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}", "answer": "é" * size} for n, size in enumerate([1, 70_000, 3, 200_000, 64_000, 5])]
    for data in (json.dumps(rows).encode(), json.dumps(rows, ensure_ascii=False, indent=1).encode(), as_lines(rows)):
        result = read_bytes(tmp_path, data, "border.json")
        assert [len(sample.chosen) for sample in result.samples] == [1, 70_000, 3, 200_000, 64_000, 5]


def test_a_line_too_long_to_hold_is_set_aside_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(as_lines(ROWS[:1]) + b'{"prompt": "')
        for _ in range(160):
            file.write(b"a" * 2**20)
        file.write(b'"}\n' + as_lines(ROWS[1:]))
    tracemalloc.start()
    result = read_source(DataSection(path=str(path)), seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(result.samples) == len(ROWS)
    assert result.summary.set_aside == {"longer than 64 MiB": 1}
    assert len(result.rejected[0].row) == 2000
    assert peak < 300 * 2**20


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.jsonl", b"", "the file is empty"),
        ("blank.json", b" \n\n", "the file is empty"),
        ("empty.json.gz", gzip.compress(b"", mtime=0), "the file is empty"),
        ("none.json", b"[]", "there are no rows in it"),
        ("header.csv", b"question,answer\n", "there are no rows in it"),
        ("book.xlsx", b"PK\x03\x04rest", "a zip archive or a spreadsheet"),
        ("mac.csv", b"question,answer\ra,b\r", "the header cannot be read as CSV"),
        ("wide.csv", "question,answer\na,b\n".encode("utf-16"), "UTF-16 text"),
        ("prose.txt", b"Once upon a time", "no data file, as far as one can tell"),
        ("cut.parquet", KINDS["parquet"][:200], "cannot be read as Parquet"),
        ("cut.parquet.gz", gzip.compress(KINDS["parquet"], mtime=0)[:200], "cannot be unpacked"),
        ("cut.arrow", KINDS["arrow file"][:200], "cannot be read as Arrow"),
        ("numbers.json", b"[1, 2]", r"no row can be used: not an object with columns \(2\)"),
        ("broken.jsonl", b"{a\n{b\n", r"no row can be used: broken JSON \(2\); the first is line 1 of broken.jsonl"),
        ("blank.jsonl", b'{"question": "", "answer": "a"}\n', r"no row can be used: empty prompt \(1\)"),
    ],
)
def test_a_file_with_nothing_to_read_is_one_sentence(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_bytes(tmp_path, data, name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_sentence_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(as_lines(ROWS))
    with pytest.raises(DataError, match=r"no file or folder '.*trian.jsonl'\. Did you mean 'train.jsonl'\?"):
        read_source(DataSection(path=str(tmp_path / "trian.jsonl")), seed=0)
    with pytest.raises(DataError, match=r"nor the folder '.*elsewhere'"):
        read_source(DataSection(path=str(tmp_path / "elsewhere" / "train.jsonl")), seed=0)


@pytest.mark.parametrize("path", ["\0", "a" * 5000, "\ud800.jsonl"])
def test_a_path_that_no_file_can_have_is_one_sentence(path: str) -> None:
    with pytest.raises(DataError, match=r"^data\.path: "):
        read_source(
            DataSection.model_construct(path=path, format="auto", columns={}, split="train", limit=None), seed=0
        )


def test_a_damaged_table_keeps_the_batches_before_the_damage(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}", "answer": "A" * 50} for n in range(3000)]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), sink, row_group_size=1000, compression="none")
    data = bytearray(sink.getvalue())
    middle = data.index(b"Q2500") - 200
    data[middle : middle + 300] = b"\xff" * 300
    result = read_bytes(tmp_path, bytes(data), "damaged.parquet")
    assert 2000 <= len(result.samples) < 3000
    assert set(result.summary.set_aside) <= {"the table cannot be read from here on", "not valid UTF-8"}
    assert result.rejected


def folder_of(tmp_path: Path, **files: bytes) -> Path:
    folder = tmp_path / "folder"
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def one_row(question: str) -> bytes:
    return as_lines([{"question": question, "answer": "A"}])


def test_a_folder_gives_the_rows_of_all_its_data_files_each_in_its_own_format(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        b_dot_jsonl=one_row("B"),
        a__deep_dot_json_dot_gz=gzip.compress(json.dumps(ROWS).encode()),
        notes_dot_txt=b"not data",
        dataset_info_dot_json=b'{"a": 1}',
        _dot_hidden__c_dot_jsonl=one_row("C"),
    )
    result = read_source(DataSection(path=str(folder)), seed=0)
    assert [sample.source for sample in result.samples] == ["folder/a/deep.json.gz"] * len(ROWS) + ["folder/b.jsonl"]
    assert result.summary.format == "preference, plain"
    assert result.summary.columns["prompt"] == "prompt or question"
    assert [one.format for one in result.recognised] == ["preference", "plain"]


def test_of_a_folder_with_splits_only_the_wanted_one_is_read_and_the_rest_is_listed(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, train_dot_jsonl=one_row("train"), test_dot_jsonl=one_row("test"), other_dot_jsonl=one_row("other")
    )
    result = read_source(DataSection(path=str(folder)), seed=0)
    assert [sample.question for sample in result.samples] == ["train"]
    assert sorted(result.summary.files_left_out) == ["folder/other.jsonl", "folder/test.jsonl"]
    other = read_source(DataSection(path=str(folder), split="test"), seed=0)
    assert [sample.question for sample in other.samples] == ["test"]
    (folder / "other.jsonl").unlink()
    with pytest.raises(DataError, match="no file is of the split 'dev'"):
        read_source(DataSection(path=str(folder), split="dev"), seed=0)


def test_a_split_of_its_own_name_is_found_in_file_names(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, data__train_prefs_dot_jsonl=one_row("prefs"), data__train_sft_dot_jsonl=one_row("sft"))
    result = read_source(DataSection(path=str(folder), split="train_prefs"), seed=0)
    assert [sample.question for sample in result.samples] == ["prefs"]


def test_a_file_of_unknown_format_in_a_folder_is_set_aside_row_by_row(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, good_dot_jsonl=one_row("Q"), odd_dot_jsonl=as_lines([{"a": 1}, {"a": 2}]), void_dot_json=b""
    )
    result = read_source(DataSection(path=str(folder)), seed=0)
    assert result.summary.set_aside == {"the format of its file is not known": 2}
    assert list(result.summary.files_left_out) == ["folder/odd.jsonl", "folder/void.json"]
    assert "found the columns a (a number)" in result.summary.files_left_out["folder/odd.jsonl"]
    (folder / "good.jsonl").unlink()
    with pytest.raises(DataError, match=r"odd.jsonl: the format is not known; found the columns a \(a number\)"):
        read_source(DataSection(path=str(folder)), seed=0)


def test_a_folder_without_data_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no data file"):
        read_source(DataSection(path=str(folder_of(tmp_path, notes_dot_txt=b"x"))), seed=0)


def test_rows_pass_through_the_progress_bar(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(as_lines(ROWS))
    seen: list[Any] = []

    def watched(rows: Any) -> Any:
        for row in rows:
            seen.append(row)
            yield row

    read_source(DataSection(path=str(tmp_path / "rows.jsonl")), seed=0, progress=watched)
    assert len(seen) == len(ROWS)
