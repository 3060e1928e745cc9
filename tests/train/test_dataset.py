"""A user's own preference data: formats, what shares a tree, what is set aside, and what is refused."""

import copy
import gzip
import json

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from seapo.errors import DataError, ModelError, TrainError
from seapo.reading import rows as reasons
from seapo.recipe import TrainSection
from seapo.train.dataset import read_dataset
from seapo.train.examples import REPEATED, SAME_TOKENS, WRONG_EDITS, encode_pairs
from seapo.train.remarks import remarks

DPO, KTO = TrainSection(method="dpo"), TrainSection(method="kto")
USER, YES, NO = {"role": "user", "content": "Is it?"}, [{"role": "assistant", "content": "Yes."}], [
    {"role": "assistant", "content": "No."}
]  # fmt: skip
TALK = {"prompt": [USER], "chosen": YES, "rejected": NO}
PLAIN = {"prompt": "Two and two make", "chosen": " four.", "rejected": " five."}


@pytest.fixture(scope="module")
def tokenizer(embedded):
    return embedded[1]


def written(folder, rows, name="data.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def shown(tokenizer, example):
    """(prompt, [(answer, is it desirable)]) as texts; of conversations only what the user said last."""
    prompt = tokenizer.decode(example.prompt).split("<|im_start|>user\n")[-1].split("<|im_end|>")[0]
    return prompt, [
        (tokenizer.decode(one.tokens).removesuffix("<|im_end|>"), one.is_desirable) for one in example.answers
    ]


IS_IT = ("Is it?", [("Yes.", True), ("No.", False)])
MAKE = ("Two and two make", [(" four.", True), (" five.", False)])
SHAPES = {
    "messages": (TALK, IS_IT),
    "messages that repeat the prompt": ({"prompt": "Is it?", "chosen": [USER, *YES], "rejected": [USER, *NO]}, IS_IT),
    "messages with the prompt in them": ({"chosen": [USER, *YES], "rejected": [USER, *NO]}, IS_IT),
    "no prompt at all in its column": ({"prompt": None, "chosen": [USER, *YES], "rejected": [USER, *NO]}, IS_IT),
    "texts": (PLAIN, MAKE),
    "texts with the prompt in them": (
        {"chosen": "Two and two make four.", "rejected": "Two and two make five."}, MAKE,
    ),
    "transcripts": (
        {"chosen": "\n\nHuman: Is it?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Is it?\n\nAssistant: No."},
        ("\n\nHuman: Is it?\n\nAssistant:", [(" Yes.", True), (" No.", False)]),
    ),
    "several rejected texts": ({**PLAIN, "rejected": [" five.", " six."]}, (MAKE[0], [*MAKE[1], (" six.", False)])),
    "several rejected messages": ({**TALK, "rejected": [NO]}, IS_IT),
    "several rejected messages and texts": (
        {**TALK, "rejected": [NO, "Never."]}, (IS_IT[0], [*IS_IT[1], ("Never.", False)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_a_pair_is_read(tokenizer, tmp_path, name):
    row, expected = SHAPES[name]
    encoded = read_dataset(written(tmp_path, [row]), tokenizer, DPO)
    assert [shown(tokenizer, one) for one in encoded.examples] == [expected]
    assert (encoded.set_aside, encoded.examples[0].id) == ({}, "data.jsonl:1")


def test_conversations_go_through_the_template_and_texts_do_not(tokenizer, tmp_path):
    talk, plain = read_dataset(written(tmp_path, [TALK, PLAIN]), tokenizer, DPO).examples
    assert tokenizer.decode(talk.prompt).endswith("<|im_start|>user\nIs it?<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(plain.prompt) == "Two and two make"
    assert tokenizer.decode(plain.chosen.tokens) == " four.<|im_end|>"


def test_texts_need_no_template_and_conversations_say_that_they_do(tokenizer, tmp_path):
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = bare.pad_token = None
    assert shown(bare, read_dataset(written(tmp_path, [PLAIN]), bare, DPO).examples[0]) == MAKE
    with pytest.raises(ModelError, match="has no chat template, which conversations need"):
        read_dataset(written(tmp_path, [TALK]), bare, DPO)


def test_texts_are_the_tokens_of_trl(tokenizer, tmp_path):
    trl = pytest.importorskip("trl")
    rows = [PLAIN, {**PLAIN, "chosen": " 4, of course"}]
    ours = read_dataset(written(tmp_path, rows), tokenizer, DPO).examples
    for row, example in zip(rows, ours, strict=True):
        joint = [tokenizer(row["prompt"] + row[name] + "<|im_end|>")["input_ids"] for name in ("chosen", "rejected")]
        assert [[*example.prompt, *answer] for answer in example.completions] == joint
    shared = trl.extract_prompt({"chosen": "Two and two make four.", "rejected": "Two and two make seven."})
    assert shared["prompt"] == PLAIN["prompt"]


@pytest.mark.parametrize("kind", ["jsonl.gz", "json", "parquet", "csv", "csv.gz", "folder", "datasets", "splits"])
def test_every_kind_of_file_gives_the_same_examples(tokenizer, tmp_path, kind):
    rows = [{**PLAIN, "id": "a"}, {**PLAIN, "prompt": "2 + 2 =", "id": "b"}]
    expected = read_dataset(written(tmp_path, rows), tokenizer, DPO).examples
    path = tmp_path / f"other.{kind}"
    table = pyarrow.Table.from_pylist(rows)
    text = "id,prompt,chosen,rejected\n" + "".join(f"{row['id']},{','.join(list(row.values())[:3])}\n" for row in rows)
    if kind == "jsonl.gz":
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    elif kind == "json":
        path.write_text(json.dumps(rows, indent=1))
    elif kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    elif kind.startswith("csv"):
        path.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    elif kind == "folder":
        path.mkdir()
        for number, row in enumerate(rows):
            written(path, [row], f"train-{number}.jsonl")
        written(path, [{"chosen": "no", "rejected": "yes", "prompt": "held out"}], "test.jsonl")
    elif kind == "datasets":
        datasets.Dataset.from_list(rows).save_to_disk(path)
    else:
        parts = {"train": datasets.Dataset.from_list(rows), "test": datasets.Dataset.from_list(rows[:1])}
        datasets.DatasetDict(parts).save_to_disk(path)
    assert read_dataset(str(path), tokenizer, DPO).examples == expected


def test_rows_with_the_same_prompt_and_chosen_answer_share_a_tree(tokenizer, tmp_path):
    rows = [PLAIN, TALK, {**PLAIN, "rejected": " six."}, {**PLAIN, "chosen": " 4."}]
    encoded = read_dataset(written(tmp_path, rows), tokenizer, DPO)
    assert [(one.id, len(one.rejected)) for one in encoded.examples] == [
        ("data.jsonl:1", 2), ("data.jsonl:2", 1), ("data.jsonl:4", 1),
    ]  # fmt: skip
    named = [{**row, "id": name} for row, name in zip(rows, [7, "b", "c", " "], strict=True)]
    assert [one.id for one in read_dataset(written(tmp_path, named), tokenizer, DPO).examples] == [
        "7",
        "b",
        "c",
        "data.jsonl:4",
    ]


def test_pairs_of_a_run_come_out_as_in_the_run(tokenizer, tmp_path, sums, pair):
    made = pair("edited", "What?", "It is 5.", "It is 6.")
    edits = [{"start": 6, "end": 7, "original": "5", "replacement": "6"}]
    pairs = [*sums(3, negatives=2), type(made).model_validate({**made.model_dump(), "edits": edits})]
    path = written(tmp_path, [one.model_dump(mode="json") for one in pairs])
    assert read_dataset(path, tokenizer, DPO) == encode_pairs(tokenizer, pairs, max_length=DPO.max_length)
    assert read_dataset(path, tokenizer, DPO).examples[-1].rejected[0].edited


SINGLES = [
    {"prompt": "Is it?", "completion": "Never.", "label": False},
    {"prompt": "Was it?", "completion": "Yes.", "label": 1},
    {"prompt": "Is it?", "completion": "Yes.", "label": "true"},
    {"prompt": [USER], "completion": YES, "label": True},
]


def test_single_answers_to_one_prompt_share_a_tree(tokenizer, tmp_path):
    encoded = read_dataset(written(tmp_path, SINGLES), tokenizer, KTO)
    assert [shown(tokenizer, one) for one in encoded.examples] == [
        ("Is it?", [("Yes.", True), ("Never.", False)]),
        ("Was it?", [("Yes.", True)]),
        ("Is it?", [("Yes.", True)]),
    ]
    assert encoded.set_aside == {}


def test_a_method_that_needs_pairs_refuses_single_answers(tokenizer, tmp_path):
    with pytest.raises(TrainError) as problem:
        read_dataset(written(tmp_path, SINGLES), tokenizer, DPO)
    message = str(problem.value)
    assert message.startswith("train.method: dpo compares a good answer with bad ones to the same prompt, and ")
    assert "itself: apo_zero_unpaired, kto, sft; or write pairs" in message
    assert message.endswith("(prompt, chosen, rejected), such as from the 1 prompt here with answers of both labels")


BAD_ROWS = [
    ({**PLAIN, "chosen": ""}, reasons.EMPTY_ANSWER),
    ({**PLAIN, "rejected": " \n"}, reasons.EMPTY_REJECTED),
    ({**PLAIN, "prompt": " "}, reasons.EMPTY_PROMPT),
    ({**PLAIN, "prompt": 5}, reasons.WRONG_TYPE),
    ({**PLAIN, "rejected": None}, reasons.WRONG_TYPE),
    ({**TALK, "rejected": {"no": "role"}}, reasons.BAD_MESSAGE),
    ({"prompt": "Is it?", "chosen": " Yes."}, reasons.MISSING_COLUMN),
    ({**TALK, "rejected": [{"role": "user", "content": "Was it?"}, *NO]}, reasons.DIFFERENT_PROMPTS),
    ({**TALK, "chosen": [USER]}, reasons.NO_ANSWER),
    ({**TALK, "prompt": [USER, *YES]}, reasons.NOT_FROM_USER),
    ({**TALK, "images": ["a.png"]}, reasons.BEYOND_TEXT),
    ({**PLAIN, "chosen": " \ud83d"}, reasons.NOT_ENCODABLE),
    ({**PLAIN, "edits": [{"start": 1}]}, reasons.WRONG_TYPE),
    ({**PLAIN, "edits": [{"start": 1, "end": 2, "original": "f", "replacement": "F"}]}, WRONG_EDITS),
    ({"chosen": "One way.", "rejected": "Other way."}, reasons.EMPTY_PROMPT),
    ({"prompt": [], "chosen": YES, "rejected": NO}, reasons.EMPTY_PROMPT),
    ([1, 2], reasons.NOT_OBJECT),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_is_set_aside_with_line_and_reason(tokenizer, tmp_path, row, reason):
    encoded = read_dataset(written(tmp_path, [TALK, row, PLAIN]), tokenizer, DPO)
    assert [one.id for one in encoded.examples] == ["data.jsonl:1", "data.jsonl:3"]
    assert encoded.set_aside == {reason: 1}
    (rejected,) = encoded.rejected_rows
    assert (rejected.line, rejected.reason.partition(": ")[0]) == (2, reason)


def test_bad_labels_and_repeated_answers_are_set_aside(tokenizer, tmp_path):
    rows = [*SINGLES, {**SINGLES[0], "label": 0.5}, SINGLES[1], {**SINGLES[0], "completion": ""}]
    encoded = read_dataset(written(tmp_path, rows), tokenizer, KTO)
    assert encoded.set_aside == {reasons.BAD_LABEL: 1, REPEATED: 1, "the answer is empty": 1}
    assert [row.line for row in encoded.rejected_rows] == [5, 7]


def test_a_bad_negative_leaves_its_row_the_other_ones(tokenizer, tmp_path):
    rows = [{**PLAIN, "rejected": [" four.", " five."]}]
    encoded = read_dataset(written(tmp_path, rows), tokenizer, DPO)
    assert shown(tokenizer, encoded.examples[0]) == MAKE
    assert encoded.set_aside == {SAME_TOKENS: 1}


def test_broken_lines_are_set_aside(tokenizer, tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(PLAIN) + '\n{"prompt": "cut o\n' + json.dumps(TALK) + "\n")
    encoded = read_dataset(str(path), tokenizer, DPO)
    assert len(encoded.examples) == 2
    assert encoded.set_aside == {reasons.BROKEN_JSON: 1}


def refused(path, tokenizer, settings=DPO, error=DataError):
    with pytest.raises(error) as problem:
        read_dataset(str(path), tokenizer, settings)
    return str(problem.value)


def test_what_is_no_preference_data_is_refused_with_what_was_found(tokenizer, tmp_path):
    message = refused(written(tmp_path, [{"question": "Is it?", "answer": "Yes."}]), tokenizer)
    assert "these are not the columns of preference data: question (text), answer (text);" in message
    assert "pairs: chosen, rejected; single answers: prompt, completion, label" in message


def test_empty_and_unreadable_data_is_refused(tokenizer, tmp_path):
    assert "the file is empty" in refused(written(tmp_path, []), tokenizer)
    (tmp_path / "none.json").write_text("[]")
    assert "there are no rows in it" in refused(tmp_path / "none.json", tokenizer)
    (tmp_path / "cut.jsonl").write_text('{"prompt": \n')
    assert "no row can be read; the first is line 1" in refused(tmp_path / "cut.jsonl", tokenizer)
    message = refused(tmp_path / "nonne.json", tokenizer)
    assert message.startswith("train.data_path: there is no file or folder")
    assert "Did you mean 'none.json'?" in message
    splits = tmp_path / "splits"
    datasets.DatasetDict({name: datasets.Dataset.from_list([PLAIN]) for name in ("a", "b")}).save_to_disk(splits)
    assert "there is no split 'train'; give the path of one of: a, b" in refused(splits, tokenizer)


def test_pairs_beside_single_answers_are_refused(tokenizer, tmp_path):
    folder = tmp_path / "both"
    folder.mkdir()
    written(folder, [PLAIN], "a.jsonl")
    written(folder, SINGLES, "b.jsonl")
    assert "holds both pairs (" in refused(folder, tokenizer)


def test_where_every_row_is_set_aside_the_error_counts_the_reasons(tokenizer, tmp_path):
    path = written(tmp_path, [{**PLAIN, "chosen": ""}, {**PLAIN, "rejected": " four."}])
    message = refused(path, tokenizer, error=TrainError)
    assert f"1 {SAME_TOKENS}; 1 {reasons.EMPTY_ANSWER}; the first such row is line 1 of data.jsonl (empty" in message
    other = [{"conversations": [USER], "chosen": YES[0], "rejected": NO[0]}]
    message = refused(written(tmp_path, other), tokenizer, error=TrainError)
    assert "1 empty prompt; " in message
    assert "there is no column `prompt`, and the answers do not begin with one that they share" in message


def test_remarks_say_what_the_data_lacks(tokenizer, tmp_path):
    talk = [{"prompt": [USER], "completion": YES, "label": True}, {"prompt": [USER], "completion": NO, "label": False}]
    assert remarks(read_dataset(written(tmp_path, talk), tokenizer, KTO), KTO) == ()
    encoded = read_dataset(written(tmp_path, talk[:1]), tokenizer, KTO)
    assert remarks(encoded, KTO) == (
        "all answers are desirable, so the weights of the labels cannot be balanced, and train.method: kto learns from "
        "one side only; add undesirable answers",
    )
    assert remarks(encoded, TrainSection(method="sft")) == ()
    pairs = read_dataset(written(tmp_path, [TALK]), tokenizer, DPO)
    (sentence,) = remarks(pairs, TrainSection(method="ipo", edit_weight=2))
    assert sentence.startswith("train.edit_weight: 2 changes nothing: no pair says what was edited")


def test_remarks_tell_that_plain_texts_go_around_the_template(tokenizer, tmp_path):
    path = written(tmp_path, [PLAIN, TALK])
    (sentence,) = remarks(read_dataset(path, tokenizer, DPO), DPO)
    assert sentence.startswith("1 row has plain texts, so prompt and answer are put together as they stand")
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    assert remarks(read_dataset(written(tmp_path, [PLAIN]), bare, DPO), DPO) == ()


def test_remarks_name_shifted_and_cut_samples(tokenizer, tmp_path):
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    rows = [{**PLAIN, "id": f"s{n}", "chosen": "\n\n four.", "prompt": f"{n} Two\n"} for n in range(6)]
    cut = TrainSection(method="dpo", max_length=6, truncation="keep_start")
    first, second = remarks(read_dataset(written(tmp_path, rows), bare, cut), cut)
    assert first.startswith("6 samples (s0, s1, s2, s3, s4 and 1 more): the prompt's tokens are not the first tokens")
    assert "answers lost their end over train.max_length, 6 tokens, by train.truncation: keep_start" in second
    cut = TrainSection(method="dpo", max_length=6, truncation="keep_end")
    assert "prompts lost their start" in remarks(read_dataset(written(tmp_path, rows[:1]), bare, cut), cut)[1]
