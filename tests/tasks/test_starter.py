"""The starter set as a whole: rows, loader, balance, and the script that writes three of its dimensions."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from seapo.records import DIMENSIONS, UnitTestTruth
from seapo.tasks import starter
from seapo.tasks.starter import StarterTestRow, StarterTrainRow

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "scripts" / "make_starter.py"
TRAIN = tuple(starter.training_rows())
TEST = tuple(starter.test_rows())
GENERATED = ("mathematics", "reasoning", "coding")


# Amounts and identity


def test_there_are_enough_rows() -> None:
    assert len(TRAIN) >= 300
    assert len(TEST) >= 200
    assert set(Counter(row.dimension for row in TRAIN)) == set(DIMENSIONS)
    for dimension in DIMENSIONS:
        assert sum(row.dimension == dimension for row in TRAIN) >= 50, dimension
        assert sum(row.dimension == dimension for row in TEST) >= 40, dimension


def test_ids_are_unique_and_say_where_the_row_stands() -> None:
    ids = [row.id for row in (*TRAIN, *TEST)]
    assert len(set(ids)) == len(ids)
    assert [row.id for row in TRAIN if not row.id.startswith(f"starter-{row.dimension}-train-")] == []
    assert [row.id for row in TEST if not row.id.startswith(f"starter-{row.dimension}-test-")] == []


def frames_of(questions: Sequence[str]) -> Counter[str]:
    """How often each question stands there when numbers and capitalised words, names among them, are left out."""
    return Counter(re.sub(r"\d+|\b[A-Z]\w*", "#", question).casefold() for question in questions)


def test_no_two_questions_differ_only_by_numbers_and_names() -> None:
    frames = frames_of([row.question for row in (*TRAIN, *TEST) if row.dimension in GENERATED])
    assert {frame: count for frame, count in frames.items() if count > 1} == {}
    assert len({row.question for row in (*TRAIN, *TEST)}) == len(TRAIN) + len(TEST)


def test_questions_that_differ_only_by_numbers_and_names_are_found() -> None:
    assert max(frames_of(["Ann has 3 figs.", "Bob has 14 figs."]).values()) == 2
    assert max(frames_of(["Ann has 3 figs.", "Bob ate 14 figs."]).values()) == 1


# Rows


def test_a_row_with_a_place_that_does_not_exist_is_refused() -> None:
    row = TEST[0].model_dump()
    with pytest.raises(ValidationError, match="not among"):
        StarterTestRow.model_validate(row | {"correct": [len(row["choices"])]})


def test_a_row_with_two_equal_choices_is_refused() -> None:
    row = TEST[0].model_dump()
    with pytest.raises(ValidationError, match="two choices are the same"):
        StarterTestRow.model_validate(row | {"choices": ["A fig.", "A fig."], "correct": [0]})


@pytest.mark.parametrize(
    "change", [{"id": "mathematics-1"}, {"check": {"kind": "guess"}}, {"hint": "none"}, {"answer": ""}]
)
def test_a_row_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StarterTrainRow.model_validate(TRAIN[0].model_dump() | change)


@pytest.mark.parametrize("row", [TRAIN[0], TRAIN[-1], TEST[0], TEST[-1]], ids=lambda row: row.id)
def test_a_row_survives_a_round_trip(row: StarterTrainRow | StarterTestRow) -> None:
    assert type(row).model_validate_json(row.model_dump_json(exclude_none=True)) == row


def test_the_rows_that_the_module_shows_are_rows() -> None:
    assert starter.__doc__ is not None
    train, test = re.findall(r"^    (\{.*?\})\n\n", starter.__doc__, re.DOTALL | re.MULTILINE)
    assert StarterTrainRow.model_validate_json(train).check is not None
    assert StarterTestRow.model_validate_json(test) in TEST


def test_code_is_the_truth_of_coding_only() -> None:
    assert {row.dimension for row in (*TRAIN, *TEST) if isinstance(row.truth, UnitTestTruth)} == {"coding"}


# Lengths, so that two cores can train on it


@pytest.mark.parametrize("dimension", GENERATED)
def test_training_rows_are_short(dimension: str) -> None:
    rows = [row for row in TRAIN if row.dimension == dimension]
    assert [(row.id, len(row.answer)) for row in rows if not 100 <= len(row.answer) <= 450] == []
    assert [(row.id, len(row.question)) for row in rows if len(row.question) > 300] == []


@pytest.mark.parametrize("dimension", GENERATED)
def test_choices_are_short_and_of_about_the_same_length(dimension: str) -> None:
    limit = 200 if dimension == "coding" else 60
    for row in TEST:
        if row.dimension == dimension:
            lengths = [len(choice) for choice in row.choices]
            assert max(lengths) <= limit, row.id
            assert max(lengths) - min(lengths) <= 12, row.id
            assert 3 <= len(row.choices) <= 4, row.id


# Balance, so that neither place nor length gives the right choice away


def share_of_longest(rows: Sequence[StarterTestRow]) -> tuple[float, float, float]:
    """How often the right choice is the longest, how often chance makes it so, and the standard deviation of that.

    Where n choices are equally long, each counts as 1/n. The deviation is that of independent draws.
    """
    observed = expected = variance = 0.0
    for row in rows:
        lengths = [len(choice) for choice in row.choices]
        longest = [index for index, length in enumerate(lengths) if length == max(lengths)]
        observed += len(set(longest) & set(row.correct)) / len(longest)
        chance = len(row.correct) / len(row.choices)
        expected += chance
        variance += chance * (1 - chance)
    return observed, expected, variance**0.5


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_length_does_not_give_the_right_choice_away(dimension: str) -> None:
    observed, expected, deviation = share_of_longest([row for row in TEST if row.dimension == dimension])
    assert abs(observed - expected) <= 2 * deviation


def test_a_right_choice_that_is_always_the_longest_is_found() -> None:
    row = TEST[0].model_copy(update={"choices": ("long one", "short", "tiny"), "correct": (0,)})
    observed, expected, deviation = share_of_longest([row] * 40)
    assert observed > expected + 2 * deviation


def place_problems(rows: Sequence[StarterTestRow]) -> list[str]:
    """Places that the right choice takes more than one time too often or too rarely."""
    problems = []
    for size in {len(row.choices) for row in rows}:
        places = Counter(row.correct[0] for row in rows if len(row.choices) == size)
        mean = places.total() / size
        problems += [
            f"{place + 1} of {size}: {places[place]}" for place in range(size) if abs(places[place] - mean) >= 1
        ]
    return problems


@pytest.mark.parametrize("dimension", GENERATED)
def test_every_place_is_right_equally_often(dimension: str) -> None:
    assert place_problems([row for row in TEST if row.dimension == dimension]) == []


def test_places_out_of_balance_are_found() -> None:
    rows = [row for row in TEST if row.dimension == "mathematics"]
    assert place_problems([row.model_copy(update={"correct": (0,)}) for row in rows])


# The loader


def test_samples_are_the_training_rows() -> None:
    samples = tuple(starter.training_samples())
    assert [sample.line for sample in samples] == list(range(1, len(TRAIN) + 1))
    for sample, row in zip(samples, TRAIN, strict=True):
        assert (sample.id, sample.question, sample.chosen) == (row.id, row.question, row.answer)
        assert (sample.source, sample.dimension, sample.truth) == ("starter", row.dimension, row.truth)


def test_items_are_the_test_rows() -> None:
    for item, row in zip(starter.test_items(), TEST, strict=True):
        assert item.prompt is not None
        assert [message.content for message in item.prompt] == [row.question]
        assert (item.id, item.choices, item.correct) == (row.id, row.choices, row.correct)
        assert item.task == f"starter_{row.dimension}"


def loaded_by(statement: str) -> str:
    program = f"import sys\n{statement}\nprint('torch' in sys.modules)"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_loader_loads_no_torch() -> None:
    assert loaded_by("import seapo.tasks.starter; list(seapo.tasks.starter.test_items())") == "False"
    assert loaded_by("sys.modules['torch'] = sys") == "True"


# The script


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60)


def test_the_shipped_files_are_what_the_script_writes(tmp_path: Path) -> None:
    checked = run_script("--check")
    assert (checked.returncode, checked.stdout) == (0, "all files are what the frames give\n"), checked.stderr
    written = run_script("--out", str(tmp_path))
    assert written.returncode == 0, written.stderr
    shipped = REPOSITORY / "src" / "seapo" / "tasks" / "starter_data"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(f"{dimension}.{split}.jsonl" for dimension in GENERATED for split in ("train", "test"))
    assert [name for name in names if (tmp_path / name).read_bytes() != (shipped / name).read_bytes()] == []


def test_a_file_that_differs_is_found(tmp_path: Path) -> None:
    assert run_script("--out", str(tmp_path)).returncode == 0
    path = tmp_path / "reasoning.test.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("older", "taller"), encoding="utf-8")
    checked = run_script("--check", "--out", str(tmp_path))
    assert checked.returncode == 1
    assert checked.stdout == "differ from the frames: reasoning.test.jsonl\n"


def test_the_script_says_what_it_does() -> None:
    shown = run_script("--help")
    assert shown.returncode == 0
    for option in ("--out", "--seed", "--check"):
        assert option in shown.stdout
