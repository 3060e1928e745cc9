"""Every format is recognised, read, and agrees with what the documentation says of it."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from seapo.errors import DataError, UnknownNameError
from seapo.recipe import DataSection, parse_recipe
from seapo.records import NumberTruth, Sample
from seapo.source import FIELDS, FORMATS, SourceResult, read_source, recognise

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "data-formats.md"
EXAMPLE = re.compile(
    r"^### `([\w-]+)`\n(.*?)```json\n(.*?)```\n\nbecomes\n\n```json\n(.*?)```", re.MULTILINE | re.DOTALL
)
EXAMPLES = [(name, rows, sample) for name, _, rows, sample in EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))]


def write_rows(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(tmp_path: Path, rows: Sequence[Any], **settings: Any) -> SourceResult:
    return read_source(DataSection(path=str(write_rows(tmp_path / "rows.jsonl", rows)), **settings), seed=0)


def only_sample(tmp_path: Path, *rows: dict[str, Any], **settings: Any) -> Sample:
    result = read_rows(tmp_path, rows, **settings)
    assert not result.rejected
    (sample,) = result.samples
    return sample


def texts(sample: Sample) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in sample.prompt]


@pytest.mark.parametrize(("name", "rows", "expected"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_the_documented_example_of_a_format_becomes_what_the_page_says(
    tmp_path: Path, name: str, rows: str, expected: str
) -> None:
    path = tmp_path / "example.jsonl"
    path.write_text(rows, encoding="utf-8")
    result = read_source(DataSection(path=str(path)), seed=0)
    assert result.summary.format == name
    assert not result.rejected
    (sample,) = result.samples
    wanted = json.loads(expected)
    unsaid = {"source", "line"} | ({"id"} - wanted.keys())
    read = json.loads(sample.model_dump_json(exclude=unsaid))
    assert {field: value for field, value in read.items() if value not in (None, [])} == wanted


def test_the_page_has_an_example_of_every_format_and_lists_them_in_the_order_in_which_they_are_tried() -> None:
    assert [name for name, _, _ in EXAMPLES] == list(FORMATS)
    table = DOCUMENT.read_text(encoding="utf-8").split("## Formats")[1].split("What holds for all")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(FORMATS)


def test_the_page_lists_the_fields_of_a_column_map_as_the_code_knows_them() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").split("## Other columns")[1].split("## Rows")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)) == dict(FIELDS)


def test_the_column_map_on_the_page_reads_such_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = re.search(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert snippet is not None
    recipe = parse_recipe(yaml.safe_load(snippet.group(1)))
    (tmp_path / "quiz.csv").write_text("no,my_q,my_a,my_r\n1,Who?,Me,You\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (sample,) = read_source(recipe.data, seed=0).samples
    assert (sample.question, sample.chosen, sample.rejected) == ("Who?", "Me", ("You",))


def test_an_example_of_one_format_forced_into_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"'gsm8k' does not fit; found the columns prompt \(text\), completion \(text\)"
    ):
        read_rows(tmp_path, [{"prompt": "a", "completion": "b"}], format="gsm8k")


QUESTION = {"role": "user", "content": "Why?"}
EARLIER = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is it so?"},
    {"role": "assistant", "content": "It is."},
]
EARLIER_TEXTS = [("system", "Be brief."), ("user", "Is it so?"), ("assistant", "It is."), ("user", "Why?")]


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    "row",
    [
        {
            "prompt": "Why?",
            "chosen": [*EARLIER, QUESTION, answer("So")],
            "rejected": [*EARLIER, QUESTION, answer("No")],
        },
        {"prompt": [*EARLIER, QUESTION], "chosen": [answer("So")], "rejected": [answer("No")]},
        {"prompt": [*EARLIER, QUESTION], "chosen": "So", "rejected": "No"},
        {"chosen": [*EARLIER, QUESTION, answer("So")], "rejected": [*EARLIER, QUESTION, answer("No")]},
        {"conversations": [*EARLIER, QUESTION], "chosen": answer("So"), "rejected": answer("No")},
        {"messages": [*EARLIER, QUESTION], "chosen": "So", "rejected": ["No"]},
        {
            "prompt": [*EARLIER[:2]],
            "chosen": [EARLIER[2], QUESTION, answer("So")],
            "rejected": [EARLIER[2], QUESTION, answer("No")],
        },
        {
            "system": "Be brief.",
            "history": [["Is it so?", "It is."]],
            "instruction": "Why?",
            "chosen": "So",
            "rejected": "No",
        },
    ],
    ids=["ultrafeedback", "explicit", "mixed", "implicit", "ranking", "messages", "continued", "alpaca"],
)
def test_system_messages_and_earlier_turns_are_kept_in_every_layout(tmp_path: Path, row: dict[str, Any]) -> None:
    sample = only_sample(tmp_path, row)
    assert texts(sample) == EARLIER_TEXTS
    assert (sample.chosen, sample.rejected) == ("So", ("No",))


def test_a_whole_conversation_beside_chosen_and_rejected_is_not_taken_for_their_prompt(tmp_path: Path) -> None:
    whole = [QUESTION, answer("So")]
    result = read_rows(tmp_path, [{"messages": whole, "chosen": whole, "rejected": [QUESTION, answer("No")]}])
    assert (result.summary.format, result.summary.samples) == ("implicit", 1)


@pytest.mark.parametrize(
    ("message", "role"),
    [
        ({"from": "human", "value": "x"}, "user"),
        ({"role": "User", "content": "x"}, "user"),
        ({"from": "observation", "value": "x"}, "tool"),
        ({"role": "tool", "content": "x"}, "tool"),
        ({"role": "user", "content": [{"type": "text", "text": "x"}]}, "user"),
    ],
)
def test_speakers_of_other_tools_are_known(tmp_path: Path, message: dict[str, Any], role: str) -> None:
    sample = only_sample(tmp_path, {"conversations": [QUESTION, message, answer("So")]})
    assert texts(sample)[-1] == (role, "x")


def test_a_list_of_messages_stored_as_columns_is_read(tmp_path: Path) -> None:
    messages = {"role": ["user", "assistant"], "content": ["Why?", "So"]}
    assert only_sample(tmp_path, {"messages": messages}).chosen == "So"


def test_several_rejected_answers_of_a_row_are_kept_in_order(tmp_path: Path) -> None:
    rejected = [[QUESTION, answer("No")], [QUESTION, answer("Never")]]
    assert only_sample(tmp_path, {"prompt": "Why?", "chosen": "So", "rejected": rejected}).rejected == ("No", "Never")


@pytest.mark.parametrize("missing", [None, []])
def test_a_row_without_a_rejected_answer_is_kept(tmp_path: Path, missing: object) -> None:
    assert only_sample(tmp_path, {"prompt": "Why?", "chosen": "So", "rejected": missing}).rejected == ()


@pytest.mark.parametrize(
    ("prompt_column", "answer_column"),
    [
        ("question", "answer"),
        ("prompt", "response"),
        ("instruction", "output"),
        ("query", "response"),
        ("problem", "solution"),
    ],
)
def test_usual_names_of_question_and_answer_are_known(tmp_path: Path, prompt_column: str, answer_column: str) -> None:
    sample = only_sample(tmp_path, {prompt_column: "Why?", answer_column: "So"})
    assert (sample.question, sample.chosen) == ("Why?", "So")


@pytest.mark.parametrize(("good", "bad"), [(True, False), (1, 0), (1.0, 0.0), ("True", "False")])
def test_labels_are_read_in_every_spelling(tmp_path: Path, good: object, bad: object) -> None:
    rows = [{"prompt": "Why?", "completion": text, "label": label} for text, label in (("No", bad), ("So", good))]
    result = read_rows(tmp_path, rows)
    assert (result.summary.format, result.summary.merged) == ("unpaired", 1)
    assert [(sample.chosen, sample.rejected) for sample in result.samples] == [("So", ("No",))]


def test_bad_answers_are_dealt_out_among_the_good_ones_of_their_prompt(tmp_path: Path) -> None:
    answers = [("A", True), ("B", True), ("x", False), ("y", False), ("z", False)]
    result = read_rows(tmp_path, [{"prompt": "Q", "completion": text, "label": label} for text, label in answers])
    assert [sample.rejected for sample in result.samples] == [("x", "z"), ("y",)]
    assert result.summary.merged == 3


def trl_prompt(row: dict[str, Any]) -> Any:
    """What TRL takes for the prompt of a row that does not name it."""
    from trl.data_utils import extract_prompt

    return extract_prompt(row)["prompt"]


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ("The sky is blue.", "The sky is green."),
        ("It was warm and dry", "It was warm and wet"),
        ("On foot we go", "On foot we go now"),
    ],
)
def test_two_texts_part_where_trl_parts_them_but_for_white_space_and_split_words(
    tmp_path: Path, chosen: str, rejected: str
) -> None:
    sample = only_sample(tmp_path, {"chosen": chosen, "rejected": rejected})
    assert sample.question + sample.chosen == chosen
    assert sample.question + sample.rejected[0] == rejected
    theirs = trl_prompt({"chosen": chosen, "rejected": rejected})
    assert theirs.startswith(sample.question.rstrip())
    assert " " not in theirs[len(sample.question.rstrip()) :].strip()


def test_two_conversations_part_where_trl_parts_them(tmp_path: Path) -> None:
    row = {"chosen": [*EARLIER, QUESTION, answer("So")], "rejected": [*EARLIER, QUESTION, answer("No")]}
    theirs = [(turn["role"], turn["content"]) for turn in trl_prompt(row)]
    assert texts(only_sample(tmp_path, row)) == theirs


def test_transcripts_part_at_their_last_answer(tmp_path: Path) -> None:
    head = "\n\nHuman: Is it so?\n\nAssistant: It is.\n\nHuman: Why?\n\nAssistant:"
    sample = only_sample(tmp_path, {"chosen": f"{head} So it goes.", "rejected": f"{head} So what."})
    assert texts(sample) == [("user", "Is it so?"), ("assistant", "It is."), ("user", "Why?")]
    assert (sample.chosen, sample.rejected) == ("So it goes.", ("So what.",))


@pytest.mark.parametrize(
    ("final", "number"),
    [("72", "72"), ("-3", "-3"), ("1,250", "1250"), ("3.5", "3.5"), ("$40", "40"), ("18.", "18"), ("ten", None)],
)
def test_the_truth_of_a_gsm8k_row_is_its_final_number(tmp_path: Path, final: str, number: str | None) -> None:
    sample = only_sample(tmp_path, {"question": "How many?", "answer": f"See <<1+1=2>>2.\n#### {final}"})
    assert sample.truth == (None if number is None else NumberTruth(value=number))
    assert sample.chosen == f"See 2.\n#### {final}"
    assert sample.dimension == "mathematics"


def test_a_gsm8k_row_without_a_final_line_is_kept_without_a_truth(tmp_path: Path) -> None:
    rows = [{"question": f"How many {n}?", "answer": "Two.\n#### 2" if n else "Two."} for n in range(3)]
    result = read_rows(tmp_path, rows)
    assert result.summary.format == "gsm8k"
    assert [sample.truth is None for sample in result.samples] == [True, False, False]


def test_one_odd_row_does_not_change_the_format(tmp_path: Path) -> None:
    rows = [{"prompt": f"Q{n}", "chosen": "So", "rejected": "No"} for n in range(9)]
    result = read_rows(tmp_path, [{"question": "Q", "answer": "A"}, *rows])
    assert result.summary.format == "preference"
    assert result.summary.set_aside == {"lacks a column of the format": 1}


def test_a_few_good_rows_among_many_foreign_ones_are_read(tmp_path: Path) -> None:
    result = read_rows(tmp_path, [*[{"foo": n} for n in range(9)], {"question": "Q", "answer": "A"}])
    assert (result.summary.format, result.summary.samples) == ("plain", 1)


def test_an_optional_column_that_comes_late_is_still_read(tmp_path: Path) -> None:
    rows = [{"instruction": f"Q{n}", "output": "A"} for n in range(1200)]
    result = read_rows(tmp_path, [*rows, {"instruction": "Q", "output": "A", "system": "Be brief."}])
    assert texts(result.samples[-1]) == [("system", "Be brief."), ("user", "Q")]


def test_a_column_map_overrides_what_would_be_recognised(tmp_path: Path) -> None:
    row = {"prompt": "not this", "my_q": "Why?", "chosen": "not this", "my_a": "So", "my_r": "No", "lead": "Be brief."}
    columns = {"prompt": "my_q", "chosen": "my_a", "rejected": "my_r", "system": "lead"}
    result = read_rows(tmp_path, [row], columns=columns)
    (sample,) = result.samples
    assert texts(sample) == [("system", "Be brief."), ("user", "Why?")]
    assert (sample.chosen, sample.rejected) == ("So", ("No",))
    assert result.summary.columns == columns


def test_what_a_column_map_leaves_out_is_recognised(tmp_path: Path) -> None:
    sample = only_sample(tmp_path, {"q": "Why?", "chosen": "So", "rejected": "No"}, columns={"prompt": "q"})
    assert (sample.question, sample.chosen, sample.rejected) == ("Why?", "So", ("No",))


def test_a_mapped_prompt_is_the_whole_question_unless_the_map_says_more(tmp_path: Path) -> None:
    row = {"q": "Why?", "a": "So", "input": "x", "context": "y", "history": [["z", "z"]]}
    columns = {"prompt": "q", "chosen": "a"}
    assert read_rows(tmp_path, [row], columns=columns).summary.format == "plain"
    assert texts(only_sample(tmp_path, row, columns=columns)) == [("user", "Why?")]
    columns |= {"input": "context", "history": "history"}
    assert texts(only_sample(tmp_path, row, columns=columns)) == [
        ("user", "z"),
        ("assistant", "z"),
        ("user", "Why?\ny"),
    ]


def test_rows_whose_columns_are_all_mapped_have_a_general_format_unless_another_is_named(tmp_path: Path) -> None:
    rows, columns = [{"q": "How many?", "a": "Two.\n#### 2"}], {"prompt": "q", "chosen": "a"}
    assert read_rows(tmp_path, rows, columns=columns).summary.format == "plain"
    named = read_rows(tmp_path, rows, columns=columns, format="gsm8k")
    assert (named.summary.format, named.samples[0].truth) == ("gsm8k", NumberTruth(value="2"))


def test_a_mapped_conversation_is_read(tmp_path: Path) -> None:
    row = {"turns": [QUESTION, answer("So")], "good": True}
    assert only_sample(tmp_path, row, columns={"messages": "turns"}).chosen == "So"
    labelled = read_rows(tmp_path, [row], columns={"messages": "turns", "label": "good"})
    assert labelled.summary.format == "sharegpt-kto"


def test_a_mapped_column_serves_no_other_field(tmp_path: Path) -> None:
    row = {"instruction": "unused", "input": "Why?", "output": "So"}
    assert only_sample(tmp_path, row, columns={"prompt": "input"}).question == "Why?"


def test_a_label_and_an_id_can_be_mapped(tmp_path: Path) -> None:
    rows = [{"q": "Why?", "a": text, "ok": ok, "n": n} for n, (text, ok) in enumerate([("So", 1), ("No", 0)])]
    result = read_rows(tmp_path, rows, columns={"prompt": "q", "chosen": "a", "label": "ok", "id": "n"})
    assert [(sample.id, sample.chosen, sample.rejected) for sample in result.samples] == [("0", "So", ("No",))]


def test_an_unknown_field_of_a_column_map_is_one_sentence_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no field 'promt'\. Did you mean 'prompt'\? Known: prompt, input, system, history"
    ):
        read_rows(tmp_path, [{"q": "a"}], columns={"promt": "q"})


def test_a_mapped_column_that_is_absent_is_one_sentence_with_the_columns_there(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"rows.jsonl: .* prompt is in the column 'my_w'.* Did you mean 'my_q'\? Columns: my_q, my_a"
    ):
        read_rows(tmp_path, [{"my_q": "a", "my_a": "b"}], columns={"prompt": "my_w", "chosen": "my_a"})


def test_an_unknown_format_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no format named 'alpace'\. Did you mean 'alpaca'\?"):
        read_rows(tmp_path, [{"instruction": "a", "output": "b"}], format="alpace")


def test_columns_of_no_known_format_are_one_sentence_with_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_rows(tmp_path, [{"headline": "a", "score": 1, "tags": ["x"]}])
    message = str(caught.value)
    assert (
        "rows.jsonl: the format is not known; found the columns headline (text), score (a number), tags (a list)"
        in message
    )
    assert "accepted are the formats ultrafeedback, preference" in message
    assert "data.columns='{prompt: my_question, chosen: my_answer}'" in message
    assert "\n" not in message


def test_a_format_and_its_columns_are_told_in_a_sentence() -> None:
    recognised = recognise([{"Question": "Why?", "answer": "So"}], {}, where="quiz.json")
    assert recognised.format == "plain"
    assert recognised.columns == {"prompt": "Question", "chosen": "answer"}
    assert recognised.sentence == f"quiz.json: plain ({FORMATS['plain']}); prompt from 'Question', chosen from 'answer'"


def test_own_ids_are_used_where_all_differ_and_else_hashes(tmp_path: Path) -> None:
    rows = [{"id": name, "prompt": f"Q {name}", "response": "A"} for name in "abc"]
    assert [sample.id for sample in read_rows(tmp_path, rows).samples] == ["a", "b", "c"]
    hashed = read_rows(tmp_path, [*rows, {"id": "a", "prompt": "Q", "response": "A"}]).samples
    assert all(re.fullmatch("[0-9a-f]{16}", sample.id) for sample in hashed)
    assert len({sample.id for sample in hashed}) == 4


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'pyarrow', 'datasets', 'transformers', 'pandas', 'numpy'}"
    program = f"import sys, seapo.source; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"
    control = subprocess.run(
        [sys.executable, "-c", f"import pyarrow; {program}"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "pyarrow" in control.stdout


def test_a_column_named_label_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    result = read_rows(tmp_path, [{"question": f"Q{n}", "answer": "A", "label": "history"} for n in range(3)])
    assert (result.summary.format, result.summary.samples) == ("plain", 3)


@pytest.mark.parametrize(
    "row", [{"prompt": "Q", "completion": "A", "label": "bad"}, {"instruction": "Q", "output": "A", "kto_tag": "bad"}]
)
def test_a_label_that_cannot_be_read_never_passes_a_bad_answer_for_a_good_one(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match="the label is neither true nor false"):
        read_rows(tmp_path, [row])


def test_several_files_of_rows_in_one_object_are_not_mistaken_for_a_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found the columns version \(text\), data \(a list\)"):
        read_rows(tmp_path, [{"version": "1", "data": [["a"]]}])
