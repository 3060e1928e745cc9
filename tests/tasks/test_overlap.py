"""No starter row restates a benchmark question, and whatever would is found."""

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seapo.errors import DataError
from seapo.tasks.ngrams import words
from seapo.tasks.overlap import (
    Neighbour,
    Passage,
    benchmark_passages,
    copies,
    exact_matches,
    most_covered,
    most_similar,
    shared_ngrams,
    starter_passages,
)

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_overlap.py"

SIMILARITY_LIMIT = 0.8
"""The nearest pairs below it were read and are no restatements: the first shares the word `beads` and little else."""

MOON = Passage("moon", "Why do we always see the same side of the Moon?", "It turns once in each orbit.")
PLUM = Passage("plum", "How many kilograms of plums does Vera pick in four days?", "36")


@pytest.fixture(scope="module")
def benchmarks(data_dir: Path) -> list[Passage]:
    return benchmark_passages(data_dir)


@pytest.fixture(scope="module")
def close_pairs(benchmarks: list[Passage]) -> list[Neighbour]:
    """Pairs over the limit among the starter rows and one planted row, a benchmark question with some words changed."""
    original = next(other for other in benchmarks if other.id == "gsm8k/test.jsonl.gz:1")
    changed = original.question.replace("eggs", "small eggs").replace("day", "morning")
    rows = [*starter_passages(), Passage("planted", changed, original.answer)]
    return [pair for pair in most_similar(rows, benchmarks) if pair.nearness > SIMILARITY_LIMIT]


# The starter set


def test_no_starter_row_is_a_copy_of_a_benchmark_question(benchmarks: list[Passage]) -> None:
    assert [(found.item.id, found.other.id, found.words) for found in copies(starter_passages(), benchmarks)] == []


def test_no_starter_row_is_close_to_a_benchmark_question(close_pairs: list[Neighbour]) -> None:
    assert [(pair.item.id, pair.other.id) for pair in close_pairs if pair.item.id != "planted"] == []


def test_no_test_row_is_a_copy_of_a_training_row() -> None:
    rows = starter_passages()
    train = [row for row in rows if "-train-" in row.id]
    test = [row for row in rows if "-test-" in row.id]
    assert train
    assert test
    assert [(found.item.id, found.other.id, found.words) for found in copies(test, train)] == []
    assert [pair.item.id for pair in most_similar(test, train) if pair.nearness > SIMILARITY_LIMIT] == []


# Controls: what would be a restatement is found


@pytest.mark.parametrize("benchmark", ["truthfulqa", "mmlu", "gsm8k", "math", "bbh", "humaneval", "mbpp"])
def test_a_planted_benchmark_question_is_found(benchmarks: list[Passage], benchmark: str) -> None:
    long = (other for other in benchmarks if other.id.startswith(benchmark) and len(other.question_words) > 9)
    original = next(long)
    planted = Passage("planted", original.question.upper().replace(" ", "  "))
    assert original.id in {found.other.id for found in exact_matches([planted], benchmarks)}
    cut = Passage("cut", " ".join(original.question_words[1:]))
    assert original.id in {found.other.id for found in shared_ngrams([cut], benchmarks)}


def test_a_planted_benchmark_question_with_changed_words_is_close(close_pairs: list[Neighbour]) -> None:
    assert [pair.other.id for pair in close_pairs if pair.item.id == "planted"] == ["gsm8k/test.jsonl.gz:1"]


def test_a_fact_of_a_benchmark_in_other_words_leads_the_coverage(benchmarks: list[Passage]) -> None:
    planted = Passage(
        "planted",
        "Would a collapsed star swallow its planets?",
        "no",
        "No. If the Sun became a black hole, the planet Earth would continue to orbit it as at present.",
    )
    nearest = most_covered([planted, *starter_passages()], benchmarks)[0]
    assert nearest.item is planted
    assert "black hole" in nearest.other.question
    assert "orbit" in nearest.other.answer


def test_two_questions_about_the_same_thing_in_other_words_are_no_copies() -> None:
    assert copies([MOON], [Passage("other", "What is the Moon made of?", "Rock.")]) == []


# The measures


def test_words_ignore_case_punctuation_and_width() -> None:
    assert words("“Don't” stop: 3.5 ＫＭ, please_now!") == ("don", "t", "stop", "3", "5", "km", "please", "now")


def test_equal_questions_match_whatever_their_punctuation() -> None:
    other = Passage("other", "why do we always see the SAME side of the moon")
    assert [found.words for found in exact_matches([MOON], [other, PLUM])] == [" ".join(MOON.question_words)]


def test_equal_long_answers_match_and_equal_short_ones_do_not() -> None:
    assert exact_matches([MOON], [Passage("other", "And now?", "it turns once in each orbit")])
    assert exact_matches([PLUM], [Passage("other", "And now?", "36")]) == []


@pytest.mark.parametrize(("n", "is_found"), [(7, True), (8, True), (9, False)])
def test_an_ngram_is_found_from_its_own_length_on(n: int, is_found: bool) -> None:
    other = Passage("other", "Tell me how many kilograms of plums does Vera pick")
    assert bool(shared_ngrams([PLUM], [other], n=n)) is is_found


def test_answers_and_explanations_count_only_when_the_whole_is_compared() -> None:
    hidden = "so she picks nine kilograms on each of the four days"
    item = Passage("item", "How much?", "36", hidden)
    other = Passage("other", hidden)
    assert shared_ngrams([item], [other]) == []
    assert shared_ngrams([item], [other], whole=True)


def test_similarity_is_one_for_equal_texts_and_zero_for_strangers() -> None:
    pairs = most_similar([MOON, PLUM], [MOON, Passage("stranger", "Wer hat gebellt?", "niemand")], count=2)
    nearness = {(pair.item.id, pair.other.id): pair.nearness for pair in pairs}
    assert nearness["moon", "moon"] == pytest.approx(1.0)
    assert nearness["moon", "stranger"] == nearness["plum", "stranger"] == 0.0


def test_similarity_is_the_cosine_worked_out_by_hand() -> None:
    """N = 2 texts; `red` is in both: ln(3/3) + 1 = 1; `car` and `bus` in one: ln(3/2) + 1 = 1.405465.

    The cosine of (red 1, car 1.405465) and (red 1, bus 1.405465) is 1 / (1 + 1.405465 ** 2) = 0.336094.
    """
    pair = most_similar([Passage("item", "red car")], [Passage("other", "red bus")])[0]
    assert pair.nearness == pytest.approx(0.336094, abs=1e-5)


def test_coverage_finds_a_short_question_in_a_long_answer() -> None:
    filler = [Passage(f"filler{i}", f"Filler{i} text{i} alone{i}") for i in range(3000)]
    asked = Passage("asked", "What pulls the ocean tides?", "lunar gravity")
    told = Passage("told", "Why is the harbour dry?", "ebb", "The ocean falls, as lunar gravity pulls on the tide.")
    assert most_covered([told], [*filler, asked])[0].other is asked
    assert most_covered([told], [asked])[0].nearness < most_covered([told], [*filler, asked])[0].nearness


def test_nothing_to_compare_gives_nothing() -> None:
    assert most_similar([], [MOON]) == most_similar([MOON], []) == most_covered([], []) == copies([], []) == []


@given(st.lists(st.text(alphabet="ab ", max_size=12), min_size=1, max_size=6), st.integers(1, 4))
def test_neighbours_come_nearest_first_and_stay_between_0_and_1(texts: list[str], count: int) -> None:
    passages = [Passage(str(number), text) for number, text in enumerate(texts)]
    for measure in (most_similar, most_covered):
        pairs = measure(passages, passages, count=count)
        assert len(pairs) == len(texts) * min(count, len(texts))
        nearness = [pair.nearness for pair in pairs]
        assert nearness == sorted(nearness, reverse=True)
        assert all(-1e-5 <= value <= 1 + 1e-5 for value in nearness)


# The data folder


def test_all_benchmarks_are_read(benchmarks: list[Passage]) -> None:
    counts = {name: sum(other.id.startswith(name) for other in benchmarks) for name in ("truthfulqa", "mmlu", "gsm8k")}
    assert counts == {"truthfulqa": 817, "mmlu": 15858, "gsm8k": 7473 + 1319}
    assert len({other.id for other in benchmarks}) == len(benchmarks)


def test_a_missing_benchmark_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no truthfulqa/TruthfulQA\.csv\.gz; docs/starter\.md tells"):
        benchmark_passages(tmp_path)


def test_a_broken_benchmark_is_named(tmp_path: Path) -> None:
    (tmp_path / "truthfulqa").mkdir()
    (tmp_path / "truthfulqa" / "TruthfulQA.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match=r"TruthfulQA\.csv\.gz: cannot be read as benchmark questions \(BadGzipFile"):
        benchmark_passages(tmp_path)


# The script


def run_script(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--data-dir", str(data_dir), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def small_data(folder: Path, question: str) -> Path:
    """A data folder in the benchmarks' formats, with one question each; `question` is the one of BBH."""

    def pack(name: str, text: str) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()))

    header = "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source"
    pack("truthfulqa/TruthfulQA.csv.gz", f"{header}\nA,B,Do cows lay eggs?,No,No,Yes,none\n")
    for name in ("train", "test"):
        pack(f"gsm8k/{name}.jsonl.gz", json.dumps({"question": "1 + 1?", "answer": "2\n#### 2"}))
    pack("math/math_test.jsonl.gz", json.dumps({"problem": "What is 2 + 2?", "solution": "4"}))
    pack("humaneval/HumanEval.jsonl.gz", json.dumps({"prompt": "def f():", "canonical_solution": "pass"}))
    pack("mbpp/mbpp.jsonl.gz", json.dumps({"text": "Write nothing.", "code": "pass"}))
    (folder / "mmlu").mkdir()
    with zipfile.ZipFile(folder / "mmlu" / "mmlu.zip", "w") as archive:
        archive.writestr("data/test/farming_test.csv", "Who milks?,The cook,The farmer,The cow,The cat,B\n")
    (folder / "bbh").mkdir()
    (folder / "bbh" / "task.json").write_text(json.dumps({"examples": [{"input": question, "target": "no"}]}))
    return folder


def test_the_script_lists_neighbours_and_passes_where_there_is_no_copy(tmp_path: Path) -> None:
    done = run_script(small_data(tmp_path, "Is it raining?"), "--top", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nearest by similarity" in done.stdout
    assert "Nearest by coverage" in done.stdout
    assert done.stdout.rstrip().endswith(f"{len(starter_passages())} starter rows, 8 benchmark questions, 0 copies")


def test_the_script_fails_on_a_copy(tmp_path: Path) -> None:
    row = next(row for row in starter_passages() if row.id == "starter-knowledge-train-001")
    done = run_script(small_data(tmp_path, row.question), "--dimension", "knowledge")
    assert done.returncode == 1
    assert f"COPY {row.id} and bbh/task.json:1 share:" in done.stdout


def test_the_script_says_what_is_missing(tmp_path: Path) -> None:
    done = run_script(tmp_path)
    assert done.returncode == 2
    assert "there is no truthfulqa/TruthfulQA.csv.gz" in done.stderr
