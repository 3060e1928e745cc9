"""Where the questions come from, which of them are asked, and what is said of a file that does not fit."""

import json
import shutil

import pytest

from seapo.diagnose import load_questions
from seapo.diagnose.question import judge_answer
from seapo.errors import DataError, RecipeError, UnknownNameError
from seapo.recipe import DiagnoseSection
from seapo.records import ChoiceTruth, NumberTruth, TextTruth
from seapo.tasks import starter


def load(*names, seed=0, **options):
    return load_questions(DiagnoseSection(questions=names, limit=options.pop("limit", None), **options), seed=seed)


@pytest.fixture
def own(tmp_path):
    def write(*rows, name="mine.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    return write


def test_the_starter_set_is_asked_with_rows_that_are_not_evaluated():
    questions = load("starter")
    assert [each.id for each in questions] == [row.id for row in starter.training_rows()]
    scored = {row.question for row in starter.test_rows()}
    assert not [each.id for each in questions if each.question.split("\n")[0] in scored]


def test_long_options_are_shown_and_stand_in_another_order_for_each_question():
    shown = [each for each in load("starter") if each.options]
    assert shown
    assert len({each.options.index(each.truth.correct) for each in shown}) > 2
    for each in shown:
        assert set(each.options) == {each.truth.correct, *each.truth.incorrect}
        assert all(f"({'ABCDEFG'[place]}) {option}" in each.question for place, option in enumerate(each.options))


def test_a_right_answer_of_the_source_is_judged_right():
    """The worked answers of the starter set, which the model is not shown, against the same comparison."""
    asked = [each for each in load("starter") if each.dimension != "coding" and not each.options]
    missed = {each.id for each in asked if judge_answer(each, each.reference).outcome != "right"}
    assert missed == set()


def test_a_limit_takes_as_many_of_each_task_and_a_larger_one_takes_them_too():
    few, more = load("starter", limit=10), load("starter", limit=25)
    assert [sum(each.dimension == name for each in few) for name in ("mathematics", "coding", "knowledge")] == [2, 2, 2]
    assert {each.id for each in few} < {each.id for each in more}
    assert {each.id for each in few} != {each.id for each in load("starter", limit=10, seed=1)}


def test_rows_of_ones_own(own):
    path = own(
        {"question": "How much is 3 * 4?", "answer": "3 * 4 = 12\n#### 12", "dimension": "mathematics", "id": "a"},
        {"prompt": "Which colour has grass?", "target": "green"},
        {"problem": "One half of 3?", "solution": 1.5},
    )
    first, second, third = load(path)
    assert (first.id, first.task, first.dimension, first.truth) == ("a", "mine", "mathematics", NumberTruth(value="12"))
    assert (second.id, second.dimension, second.truth) == ("mine-2", None, TextTruth(value="green"))
    assert third.truth == NumberTruth(value="1.5")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Why?"}, "line 2: lacks answer (or solution, target, reference); its columns: question"),
        ({"answer": "4"}, "line 2: lacks question (or prompt, problem, input)"),
        ({"question": "Why?", "answer": "Because it is so, and it has always been so, as they say."}, "no program can"),
        ({"question": "Why?", "answer": "4", "dimension": "music"}, "dimension 'music' is none of mathematics"),
        ({"question": "Why?", "answer": "4", "id": "x"}, "the id 'x' stands in an earlier row"),
        ([1], "line 2: not an object"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(own, row, message):
    path = own({"question": "How much is 2 + 2?", "answer": "4", "id": "x"}, row)
    with pytest.raises(DataError) as problem:
        load(path)
    assert message in str(problem.value)


def test_sources_that_are_not_there(tmp_path, own):
    with pytest.raises(UnknownNameError, match="Did you mean 'gsm8k'"):
        load("gsm8")
    with pytest.raises(UnknownNameError, match="no such file"):
        load(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(RecipeError, match=r"diagnose\.data_dir is not set"):
        load("gsm8k")
    with pytest.raises(DataError, match=r"train\.jsonl\.gz is missing"):
        load("gsm8k", data_dir=str(tmp_path))
    with pytest.raises(DataError, match="names no source"):
        load()


@pytest.mark.parametrize(
    ("name", "dimension", "count"),
    [
        ("gsm8k", "mathematics", 7473),
        ("math", "mathematics", 7498),
        ("bbh", "reasoning", 6511),
        ("mmlu", "knowledge", 1531),
        ("truthfulqa", "truthfulness", 817),
    ],
)
def test_a_benchmark_of_a_data_folder(data_dir, name, dimension, count):
    questions = load(name, data_dir=str(data_dir))
    assert (len(questions), {each.dimension for each in questions}) == (count, {dimension})
    assert len({each.id for each in questions}) == count
    for each in questions[:: count // 50]:
        if isinstance(each.truth, ChoiceTruth):
            for option, outcome in ((each.truth.correct, "right"), (each.truth.incorrect[0], "wrong")):
                letter = "ABCDEFGHIJKLMNOP"[each.options.index(option)]
                assert judge_answer(each, f"The answer is ({letter}).").outcome == outcome
        else:
            boxed = f"\\boxed{{{each.truth.value}}}"
            assert (
                judge_answer(each, boxed if name == "math" else f"The answer is {each.truth.value}.").outcome == "right"
            )


def test_a_limited_benchmark_asks_all_its_tasks(data_dir):
    assert len({each.task for each in load("mmlu", data_dir=str(data_dir), limit=57)}) == 57


def test_a_file_of_another_version_is_refused(data_dir, tmp_path):
    (tmp_path / "gsm8k").mkdir()
    shutil.copy(data_dir / "gsm8k" / "test.jsonl.gz", tmp_path / "gsm8k" / "train.jsonl.gz")
    with pytest.raises(DataError, match="holds 1,319 rows, expected 7,473"):
        load("gsm8k", data_dir=str(tmp_path))
