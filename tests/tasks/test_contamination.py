"""Texts of test items are found in other texts, whatever case and punctuation, and what everybody writes is not."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.errors import DataError
from seapo.recipe import DataSection
from seapo.source import read_source
from seapo.tasks.benchmark_texts import BenchmarkText, benchmark_texts
from seapo.tasks.contamination import MOST_ITEMS, Contaminants
from seapo.tasks.ngrams import NgramIndex, words
from seapo.tasks.starter import training_samples

PLUMS = (
    "Vera picks nine kilograms of plums on each of the first four days of August, gives a third of them to her "
    "neighbour, and cooks jam of the rest. How many kilograms does she cook?"
)
WORKED = "She picks 4 * 9 = <<4*9=36>>36 kilograms, gives away 36 / 3 = <<36/3=12>>12, and cooks the other 24 of them."
CAPITAL = "What is the capital of the Faroe Islands?"
BEFORE = "I found this in an old notebook and wonder about it."
BEHIND = "Please explain each step, and say which one people get wrong."


def item(name, *questions, answers=()):
    return BenchmarkText("made", name, tuple(questions), tuple(answers))


@pytest.fixture(scope="module")
def contaminants():
    """Two items: one long, with a worked answer; one short, with choices."""
    items = [item("plums", PLUMS, answers=(WORKED,)), item("capital", CAPITAL, answers=("Tórshavn", "Nuuk"))]
    return Contaminants({"made": items}, n=13)


def found(contaminants, text):
    return [(trace.item, trace.part, trace.kind) for trace in contaminants.traces(text)]


# Planted


@pytest.mark.parametrize(
    ("before", "behind"), [("", ""), ("", f"\n{BEHIND}"), (f"{BEFORE} ", f" {BEHIND}"), (f"{BEFORE}\n\n", "")]
)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        str.upper,
        lambda text: text.replace(" ", "\n\t "),
        lambda text: text.replace(",", " -").replace("?", "").replace(".", "..."),
        lambda text: " ".join(f"*{word}*" for word in text.split()),
        lambda text: " ".join(text.split()[5:-6]),
    ],
    ids=["as it is", "upper case", "white space", "punctuation", "marks", "cut at both ends"],
)
def test_a_planted_question_is_found_wherever_it_stands_and_however_it_is_set(contaminants, before, behind, change):
    ((name, part, kind),) = found(contaminants, f"{before}{change(PLUMS)}{behind}")
    assert (name, part) == ("plums", "question")
    assert kind == "ngram" or not (before or behind)


def test_a_planted_answer_is_found_with_or_without_calculator_marks(contaminants):
    assert found(contaminants, f"Sure! {WORKED}") == [("plums", "answer", "ngram")]
    assert found(contaminants, f"Sure! {WORKED.replace('<<4*9=36>>', '').replace('<<36/3=12>>', '')}") == [
        ("plums", "answer", "ngram")
    ]


@pytest.mark.parametrize(("length", "is_found"), [(12, False), (13, True)])
def test_a_run_is_found_from_its_length_on(contaminants, length, is_found):
    run = " ".join(PLUMS.split()[2 : 2 + length])
    assert bool(found(contaminants, f"We say {run} or so")) is is_found


def test_the_longest_run_is_told(contaminants):
    (trace,) = contaminants.traces(f"{BEFORE} {PLUMS[: PLUMS.index(' How')]} {BEHIND}")
    assert trace.words == words(PLUMS[: PLUMS.index(" How")])


def test_one_changed_word_in_every_thirteen_hides_a_copy_and_one_alone_does_not(contaminants):
    """What the method cannot do is a part of what it says."""
    told = PLUMS.split()
    changed = " ".join("x" if place % 12 == 6 else word for place, word in enumerate(told))
    assert found(contaminants, changed) == []
    assert found(contaminants, PLUMS.replace("neighbour", "sister"))


# Short texts


def test_a_short_question_is_found_as_a_whole_alone(contaminants):
    assert found(contaminants, CAPITAL.lower().rstrip("?")) == [("capital", "question", "exact")]
    assert found(contaminants, f"Tell me: {CAPITAL}") == []


def test_a_short_question_with_its_choices_is_long_enough():
    asked = f"{CAPITAL}\nA. Nuuk\nB. Tórshavn\nC. Reykjavík\nD. Stornoway"
    contaminants = Contaminants({"made": [item("capital", CAPITAL, asked)]}, n=13)
    assert found(contaminants, f"Answer with a letter. {asked}\nAnswer:") == [("capital", "question", "ngram")]


def test_short_answers_are_no_copies(contaminants):
    assert found(contaminants, "Tórshavn") == found(contaminants, "Nuuk") == []


def test_a_whole_answer_of_five_words_is():
    contaminants = Contaminants({"made": [item("q", "Why?", answers=("Nothing happens to your stomach",))]}, n=13)
    assert found(contaminants, "Nothing happens to your stomach.") == [("q", "answer", "exact")]
    assert found(contaminants, "Why?") == []  # one word


# What everybody writes


@pytest.mark.parametrize(("items", "is_found"), [(MOST_ITEMS, True), (MOST_ITEMS + 1, False)])
def test_the_frame_of_many_items_is_no_sign(items, is_found):
    frame = "Read the passage below with care, and then say in one word which of the people in it is right:"
    asked = [item(str(number), f"{frame} {name} {name}") for number, name in enumerate("abcdefghijklmnop"[:items])]
    contaminants = Contaminants({"made": asked}, n=13)
    assert bool(found(contaminants, f"{frame} Anna or Bob?")) is is_found


def test_what_is_special_to_an_item_beside_its_frame_still_is():
    frame = "Read the passage below with care, and then say in one word which of the people in it is right:"
    asked = [item(str(number), f"{frame} person {number} is right") for number in range(20)]
    contaminants = Contaminants({"made": [*asked, item("plums", f"{frame} {PLUMS}")]}, n=13)
    assert [name for name, *_ in found(contaminants, f"{frame} {PLUMS}")] == ["plums"]


def test_the_exact_text_of_many_items_is_no_sign():
    same = [item(str(number), "Which one of these is true?") for number in range(MOST_ITEMS + 1)]
    assert found(Contaminants({"made": same}, n=13), "Which one of these is true?") == []


def test_counting_and_formulas_are_no_sign():
    numbers = " ".join(map(str, range(1, 30)))
    contaminants = Contaminants({"made": [item("count", f"What follows {numbers}?")]}, n=13)
    assert found(contaminants, f"Here are the numbers: {numbers}") == []


# The index


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=12), max_size=6),
    st.lists(st.sampled_from("abcd"), max_size=20),
    st.integers(1, 5),
)
def test_the_index_finds_the_runs_that_a_plain_search_finds(texts, text, n):
    texts = [tuple(each) for each in texts]
    expected = {
        (place, number)
        for place in range(len(text) - n + 1)
        for number, other in enumerate(texts)
        for there in range(len(other) - n + 1)
        if tuple(text[place : place + n]) == other[there : there + n]
    }
    index = NgramIndex(texts, n=n)
    hits = [(shared.place, shared.text) for shared in index.shared(tuple(text))]
    assert set(hits) == expected
    assert [place for place, _ in hits] == sorted(place for place, _ in hits)
    assert len(index) == sum(max(len(each) - n + 1, 0) for each in texts)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("ab"), max_size=8), min_size=1, max_size=8), st.integers(1, 3))
def test_frequent_runs_are_counted_by_owner(texts, most):
    owners = [number // 2 for number in range(len(texts))]
    texts = [tuple(each) for each in texts]
    index = NgramIndex(texts, n=2)
    index.leave_out_frequent(owners, most=most)
    for run in {text[place : place + 2] for text in texts for place in range(len(text) - 1)}:
        holders = {
            owner for owner, text in zip(owners, texts, strict=True) for p in range(len(text)) if text[p : p + 2] == run
        }
        assert bool(list(index.shared(run))) is (len(holders) <= most)


def test_words_are_compared_without_regard_to_width_and_case() -> None:
    assert words("“Don’t” stop: 3.5 ＫＭ, please_now!") == ("don", "t", "stop", "3", "5", "km", "please", "now")


# The benchmarks


@pytest.fixture(scope="module")
def benchmarks(data_dir: Path):
    return benchmark_texts(data_dir)


@pytest.fixture(scope="module")
def real(benchmarks):
    return Contaminants(benchmarks, n=13)


def test_all_test_items_are_read(benchmarks):
    assert {name: len(items) for name, items in benchmarks.items()} == {
        "starter": 246, "gsm8k": 1319, "math": 5000, "math500": 500, "bbh": 6511, "mmlu": 14042, "truthfulqa": 817,
        "humaneval": 164, "mbpp": 500, "mbpp_sanitized": 257,
    }  # fmt: skip
    for items in benchmarks.values():
        assert len({each.id for each in items}) == len(items)


@pytest.mark.parametrize(
    "name", ["starter", "gsm8k", "math", "math500", "bbh", "mmlu", "truthfulqa", "humaneval", "mbpp", "mbpp_sanitized"]
)
def test_planted_test_items_are_found(benchmarks, real, name):
    """Long questions inside of other text, all questions alone; as far as words tell items apart."""
    drawn = random.Random(0).sample(benchmarks[name], min(60, len(benchmarks[name])))
    long = [each for each in drawn if len(words(each.questions[0])) >= 20]
    inside = [
        each for each in long if any(t.item == each.id for t in real.traces(f"{BEFORE} {each.questions[0]} {BEHIND}"))
    ]
    alone = [each for each in drawn if any(t.item == each.id for t in real.traces(each.questions[0].upper()))]
    assert len(inside) >= 0.85 * len(long)
    assert len(alone) >= 0.9 * len(drawn)


def test_an_answer_that_was_copied_is_found(benchmarks, real):
    for name in ("gsm8k", "math", "humaneval"):
        copied = next(each for each in benchmarks[name] if len(words(each.answers[0])) > 40)
        assert any(trace.item == copied.id for trace in real.traces(f"Let us see.\n{copied.answers[0]}\nDone."))


def test_a_folder_with_some_benchmarks_is_compared_with_these(tmp_path, data_dir):
    (tmp_path / "gsm8k").symlink_to(data_dir / "gsm8k")
    assert set(benchmark_texts(tmp_path)) == {"starter", "gsm8k"}
    assert set(benchmark_texts(None)) == {"starter"}


def test_a_folder_without_any_is_told(tmp_path):
    with pytest.raises(
        DataError, match=r"holds no benchmark to compare with; it may hold gsm8k/test\.jsonl\.gz, math/"
    ):
        benchmark_texts(tmp_path)


def dropped(real, samples):
    """Ids of the samples that hold something of a test item."""
    texts = {
        sample.id: (*(message.content for message in sample.prompt), sample.chosen, *sample.rejected)
        for sample in samples
    }
    return [name for name, found in texts.items() if any(real.traces(text) for text in found)]


def test_the_starter_set_holds_nothing_of_any_benchmark(real):
    assert dropped(real, training_samples()) == []


def test_real_training_data_loses_next_to_nothing(real, data_dir):
    """None of 994 and 8 of 7,473 when it was written; the 8 were read, see docs/data-formats.md."""
    read = {
        name: read_source(DataSection(path=str(data_dir / name)), seed=0).samples
        for name in ("ultrafeedback/train_clean_1000.jsonl.gz", "gsm8k/train.jsonl.gz")
    }
    found = {name: dropped(real, samples) for name, samples in read.items()}
    assert found["ultrafeedback/train_clean_1000.jsonl.gz"] == []
    assert len(found["gsm8k/train.jsonl.gz"]) <= 10
