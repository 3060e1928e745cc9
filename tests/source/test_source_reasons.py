"""Every reason to set a row aside: a row that it must catch, and one beside it that must be kept."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from seapo.reading import rows
from seapo.recipe import DataSection
from seapo.records import RejectedRow, Sample
from seapo.source import SourceResult, read_source
from seapo.store import read_records, write_records

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "data-formats.md"
REASONS = {value for name, value in vars(rows).items() if name.isupper() and isinstance(value, str)}
USER = {"role": "user", "content": "Why?"}
SYSTEM = {"role": "system", "content": "Be brief."}


def says(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def labelled(prompt: str, completion: str, label: object) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion, "label": label}


PLAIN = {"prompt": "P", "response": "R"}
PAIR = {"prompt": "P", "chosen": "C", "rejected": "R"}
TURNS = {"messages": [USER, says("So")]}

CASES: list[tuple[str, Any, Any]] = [
    (rows.BROKEN_JSON, '{"prompt": "a", "response": "b"', {"prompt": "a", "response": "b"}),
    (
        rows.BROKEN_JSON,
        '{"prompt": "a", "response": "b", "n": ' + "9" * 5000 + "}",
        '{"prompt": "a", "response": "b", "n": 9}',
    ),
    (rows.BROKEN_JSON, "[" * 100_000, PLAIN | {"extra": [[[[]]]]}),
    (rows.NOT_OBJECT, ["prompt", "response"], PLAIN),
    (rows.NOT_OBJECT, None, PLAIN),
    (rows.MISSING_COLUMN, {"prompt": "a"}, PLAIN),
    (rows.WRONG_TYPE, {"prompt": "a", "response": 42}, {"prompt": "a", "response": "42"}),
    (rows.WRONG_TYPE, {"prompt": True, "response": "a"}, {"prompt": "True", "response": "a"}),
    (rows.WRONG_TYPE, PLAIN | {"system": ["a"]}, PLAIN | {"system": "a"}),
    (
        rows.WRONG_TYPE,
        {"instruction": "a", "output": "b", "history": [["c"]]},
        {"instruction": "a", "output": "b", "history": [["c", "d"]]},
    ),
    (
        rows.WRONG_TYPE,
        {"instruction": "a", "output": "b", "input": 3},
        {"instruction": "a", "output": "b", "input": None},
    ),
    (rows.BAD_MESSAGE, {"messages": [{"role": "narrator", "content": "a"}, says("b")]}, TURNS),
    (rows.BAD_MESSAGE, {"messages": [{"role": 3, "content": "a"}, says("b")]}, TURNS),
    (rows.BAD_MESSAGE, {"messages": [USER, says(None)]}, TURNS),
    (rows.BAD_MESSAGE, {"messages": ["Why?", says("So")]}, TURNS),
    (
        rows.BAD_MESSAGE,
        {"messages": [USER, says("So") | {"tool_calls": [{"id": 1}]}]},
        {"messages": [USER, says("So") | {"tool_calls": None}]},
    ),
    (
        rows.BAD_MESSAGE,
        {"messages": [{"role": "user", "content": [{"type": "image"}]}, says("So")]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, says("So")]},
    ),
    (rows.BEYOND_TEXT, PLAIN | {"images": ["a.png"]}, PLAIN | {"images": []}),
    (rows.BEYOND_TEXT, PLAIN | {"tools": '[{"name": "search"}]'}, PLAIN | {"tools": "[]"}),
    (rows.NO_ANSWER, {"messages": [USER]}, TURNS),
    (rows.NO_ANSWER, PAIR | {"chosen": [USER]}, PAIR | {"chosen": [says("So")]}),
    (
        rows.DIFFERENT_PROMPTS,
        {"chosen": [USER, says("So")], "rejected": [SYSTEM, USER, says("No")]},
        {"chosen": [USER, says("So")], "rejected": [USER, says("No")]},
    ),
    (
        rows.DIFFERENT_PROMPTS,
        PAIR | {"prompt": "What?", "chosen": [USER, says("So")], "rejected": [USER, says("No")]},
        PAIR | {"prompt": " why? ", "chosen": [USER, says("So")], "rejected": [USER, says("No")]},
    ),
    (rows.NOT_FROM_USER, {"messages": [says("So"), SYSTEM, says("b")]}, TURNS),
    (
        rows.NOT_FROM_USER,
        {"messages": [USER, says("So"), says("Well")]},
        {"messages": [USER, {"role": "tool", "content": "4"}, says("So")]},
    ),
    (rows.EMPTY_PROMPT, {"prompt": " \n\u00a0", "response": "R"}, PLAIN),
    (rows.EMPTY_PROMPT, {"prompt": None, "response": "R"}, PLAIN),
    (rows.EMPTY_PROMPT, {"prompt": [], "response": "R"}, PLAIN),
    (rows.EMPTY_PROMPT, '{"prompt": NaN, "response": "R"}', '{"prompt": "NaN", "response": "R", "score": NaN}'),
    (rows.EMPTY_PROMPT, {"chosen": "Lima", "rejected": "Quito"}, {"chosen": "It is Lima", "rejected": "It is Quito"}),
    (rows.EMPTY_PROMPT, {"messages": [says("So")]}, TURNS),
    (rows.EMPTY_ANSWER, {"prompt": "P", "response": " "}, PLAIN),
    (rows.EMPTY_ANSWER, {"prompt": "P", "response": None}, PLAIN),
    (rows.EMPTY_ANSWER, '{"prompt": "P", "response": NaN}', PLAIN),
    (rows.EMPTY_REJECTED, PAIR | {"rejected": ""}, PAIR | {"rejected": None}),
    (rows.EMPTY_REJECTED, PAIR | {"rejected": ["x", " "]}, PAIR | {"rejected": ["x", "y"]}),
    (
        rows.NOT_ENCODABLE,
        '{"prompt": "\\ud83d", "response": "R"}',
        '{"prompt": "\\ud83d\\ude00", "response": "R\\u0000"}',
    ),
    (rows.NOT_ENCODABLE, PAIR | {"rejected": "\udfff"}, PAIR | {"rejected": "\uffff"}),
    (rows.SAME_ANSWERS, PAIR | {"rejected": "c "}, PAIR | {"rejected": "c!"}),
    (
        rows.SAME_ANSWERS,
        PAIR | {"chosen": "ﬁne  ²", "rejected": ["x", "FINE 2"]},
        PAIR | {"chosen": "fine", "rejected": ["x", "fire"]},
    ),
]


def read(tmp_path: Path, lines: list[Any], **settings: Any) -> SourceResult:
    """What comes of rows, given as values or as lines of text."""
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8"
    )
    return read_source(DataSection(path=str(path), **settings), seed=0)


def reasons(result: SourceResult) -> list[str]:
    return [rows.stable_reason(row.reason) for row in result.rejected]


@pytest.mark.parametrize(("reason", "bad", "good"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_a_bad_row_is_set_aside_with_its_reason_and_the_like_of_it_is_kept(
    tmp_path: Path, reason: str, bad: Any, good: Any
) -> None:
    result = read(tmp_path, [good, bad])
    assert [(row.file, row.line, rows.stable_reason(row.reason)) for row in result.rejected] == [
        ("rows.jsonl", 2, reason)
    ]
    assert [sample.line for sample in result.samples] == [1]
    assert result.summary.set_aside == {reason: 1}
    written = tmp_path / "rejected_rows.jsonl"
    write_records(written, result.rejected)
    assert list(read_records(written, RejectedRow)) == result.rejected


def test_a_duplicate_is_set_aside_with_the_line_that_it_repeats(tmp_path: Path) -> None:
    lines = [
        PLAIN,
        {"prompt": "P", "response": "other"},
        {"prompt": "Q", "response": "R"},
        {"prompt": " ｐ\n", "response": "r"},
    ]
    result = read(tmp_path, lines)
    assert [(row.line, row.reason) for row in result.rejected] == [(4, f"{rows.DUPLICATE}: line 1 of rows.jsonl")]
    assert [sample.line for sample in result.samples] == [1, 2, 3]


def test_the_same_words_said_by_another_speaker_are_no_duplicate(tmp_path: Path) -> None:
    other = {"messages": [SYSTEM | {"role": "user"}, USER, says("So")]}
    assert reasons(read(tmp_path, [{"messages": [SYSTEM, USER, says("So")]}, other])) == []


def test_texts_that_only_join_to_the_same_are_no_duplicates(tmp_path: Path) -> None:
    assert reasons(read(tmp_path, [{"prompt": "ab", "response": "c"}, {"prompt": "a", "response": "bc"}])) == []


def test_labels_that_are_none_are_set_aside(tmp_path: Path) -> None:
    lines = [labelled("P", str(n), label) for n, label in enumerate([True, "maybe", None, 2, "TRUE "])]
    result = read(tmp_path, lines)
    assert [(row.line, row.reason) for row in result.rejected] == [
        (line, f"{rows.BAD_LABEL}: {label}") for line, label in ((2, "'maybe'"), (3, "None"), (4, "2"))
    ]
    assert [sample.line for sample in result.samples] == [1, 5]


def test_bad_answers_without_a_good_one_or_equal_to_it_or_given_twice_are_set_aside(tmp_path: Path) -> None:
    lines = [
        labelled("P", "good", True),
        labelled("Q", "bad", False),
        labelled("P", "GOOD", False),
        labelled("P", "bad", False),
        labelled("P", "Bad", False),
    ]
    result = read(tmp_path, lines)
    assert [(row.line, rows.stable_reason(row.reason)) for row in result.rejected] == [
        (2, rows.UNPAIRED),
        (3, rows.SAME_ANSWERS),
        (5, rows.DUPLICATE),
    ]
    assert [(sample.chosen, sample.rejected) for sample in result.samples] == [("good", ("bad",))]
    assert result.summary.merged == 1


def test_rows_without_an_id_or_with_a_used_one_are_set_aside_where_the_map_names_the_column(tmp_path: Path) -> None:
    lines = [PLAIN | {"prompt": str(n), "key": key} for n, key in enumerate(["a", None, "a", 7, "", True, "7"])]
    result = read(tmp_path, lines, columns={"id": "key"})
    assert [(row.line, row.reason) for row in result.rejected] == [
        (2, rows.NO_ID),
        (3, f"{rows.REPEATED_ID}: line 1 of rows.jsonl"),
        (5, rows.NO_ID),
        (6, rows.NO_ID),
        (7, f"{rows.REPEATED_ID}: line 4 of rows.jsonl"),
    ]
    assert [sample.id for sample in result.samples] == ["a", "7"]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_bytes_that_are_no_utf8_are_set_aside_and_umlauts_are_kept(tmp_path: Path, name: str) -> None:
    lines = (
        ["prompt,response", "für,ü", "für dich,ü"]
        if name.endswith("csv")
        else [json.dumps(PLAIN, ensure_ascii=False)] * 2
    )
    text = (
        "\n".join(lines)
        if name.endswith("csv")
        else '[{"prompt":"für","response":"ü"},\n{"prompt":"für dich","response":"ü"}]'
    )
    if name == "rows.jsonl":
        text = text.strip("[]").replace("},", "}")
    data = text.encode().replace("für dich".encode(), "für dich".encode("latin-1"))
    (tmp_path / name).write_bytes(data)
    result = read_source(DataSection(path=str(tmp_path / name)), seed=0)
    assert [sample.question for sample in result.samples] == ["für"]
    assert reasons(result) == [rows.NOT_UTF8]
    assert "xfc" in result.rejected[0].row or "udcfc" in result.rejected[0].row


def test_arrow_text_that_is_no_utf8_is_set_aside(tmp_path: Path) -> None:
    broken = pa.array([b"a", b"\xff", b"c"]).cast(pa.binary()).view(pa.string())
    table = pa.table({"prompt": broken, "response": ["x", "y", "z"]})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    result = read_source(DataSection(path=str(tmp_path / "rows.parquet")), seed=0)
    assert [(row.line, rows.stable_reason(row.reason)) for row in result.rejected] == [(2, rows.NOT_UTF8)]
    assert [sample.line for sample in result.samples] == [1, 3]


@pytest.mark.parametrize(
    ("record", "reason"),
    [('"open,b', rows.BROKEN_CSV), ("a,b,c", rows.BROKEN_CSV), ("a", rows.BROKEN_CSV), ('"a"b,c', rows.BROKEN_CSV)],
)
def test_a_broken_csv_record_is_set_aside_and_quoted_ones_are_kept(tmp_path: Path, record: str, reason: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f'prompt,response\n"say ""a"",\nor",b\n{record}\n', encoding="utf-8")
    result = read_source(DataSection(path=str(path)), seed=0)
    assert [sample.question for sample in result.samples] == ['say "a",\nor']
    assert reasons(result) == [reason]
    assert result.rejected[0].row.rstrip() == record


def test_a_row_set_aside_is_cut_to_2000_characters(tmp_path: Path) -> None:
    long = {"prompt": "", "response": "a" * 5000}
    (row,) = read(tmp_path, [PLAIN, long]).rejected
    assert row.row == json.dumps(long)[:2000]


def test_control_characters_and_emoji_survive_writing_and_reading(tmp_path: Path) -> None:
    text = "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u202e\ufeff😀\U0010ffff\x00."
    result = read(tmp_path, [{"prompt": text, "response": text[::-1], "rejected": text * 2}])
    write_records(tmp_path / "samples.jsonl", result.samples)
    assert list(read_records(tmp_path / "samples.jsonl", Sample)) == result.samples
    (sample,) = result.samples
    assert (sample.question, sample.chosen, sample.rejected) == (text, text[::-1], (text * 2,))


def test_the_page_lists_every_reason_and_no_other() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").split("## Rows that are set aside")[1]
    listed = re.findall(r"^\| (.*?) \| .* \|$", table, re.MULTILINE)
    assert [reason for reason in listed if reason not in ("reason", "---")] == [
        value for name, value in vars(rows).items() if name.isupper() and isinstance(value, str)
    ]


def test_no_reason_holds_the_colon_that_parts_it_from_its_details() -> None:
    assert all(rows.stable_reason(reason) == reason for reason in REASONS)
    assert rows.stable_reason(f"{rows.DUPLICATE}: line 3 of a: b.jsonl") == rows.DUPLICATE


def test_every_reason_has_a_case_in_the_tests() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_source_*.py"))
    names = {name for name, value in vars(rows).items() if name.isupper() and isinstance(value, str)}
    assert {name for name in names if f"rows.{name}" not in tests and vars(rows)[name] not in tests} == set()
