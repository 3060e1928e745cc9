"""What the benchmarks' test items say, question and answers, to be looked for in training data.

The starter set's test rows ship with seapo; the others are read from a folder, as far as it holds them, in the versions
that `local.FILES` names. Only test splits: training on a benchmark's training split is what it is there for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seapo.errors import DataError
from seapo.tasks import starter
from seapo.tasks.benchmark import BBH_ITEMS, MMLU_SUBJECTS
from seapo.tasks.coding_data import HUMAN_EVAL, MBPP, MBPP_SANITIZED, CodingBenchmark, read_items
from seapo.tasks.local import FILES, Row, local_splits, read_rows


@dataclass(frozen=True)
class BenchmarkText:
    """A test item's texts."""

    benchmark: str
    id: str
    """Names the file, or the task, and the number of the item in it."""
    questions: tuple[str, ...]
    """The question in the forms that it is asked in: alone, and with its choices."""
    answers: tuple[str, ...]
    """Right and wrong ones, and worked solutions."""


def benchmark_texts(data_dir: Path | None) -> dict[str, list[BenchmarkText]]:
    """Benchmark -> its test items; those of which the folder has no file are not in it.

    Raises DataError where the folder holds no benchmark at all, or a file of another version.
    """
    found = {"starter": list(_starter())}
    if data_dir is None:
        return found
    for path, read in _READERS.items():
        if _is_there(data_dir, path):
            for item in read(data_dir):
                found.setdefault(item.benchmark, []).append(item)
    if len(found) == 1:
        raise DataError(f"{data_dir}: holds no benchmark to compare with; it may hold {', '.join(_READERS)}")
    return found


def _is_there(data_dir: Path, path: str) -> bool:
    return (data_dir / path).exists() or (data_dir / path.removesuffix(".gz")).exists()


def _starter() -> Iterator[BenchmarkText]:
    for row in starter.test_rows():
        yield _item("starter", row.id, row.question, *row.choices)


def _gsm8k(data_dir: Path) -> Iterator[BenchmarkText]:
    for number, row in enumerate(_rows(data_dir, "gsm8k", "main", "test"), start=1):
        yield _item("gsm8k", f"gsm8k-{number}", row["question"], row["answer"])


def _math(data_dir: Path) -> Iterator[BenchmarkText]:
    for number, row in enumerate(read_rows(data_dir, FILES["math/math_test.jsonl.gz"]), start=1):
        yield _item("math", f"math-{number}", row["problem"], row["solution"])


def _math500(data_dir: Path) -> Iterator[BenchmarkText]:
    for number, row in enumerate(read_rows(data_dir, FILES["math/math500_test.jsonl.gz"]), start=1):
        yield _item("math500", f"math500-{number}", row["problem"], row["solution"])


def _bbh(data_dir: Path) -> Iterator[BenchmarkText]:
    for name in BBH_ITEMS:
        if _is_there(data_dir, f"bbh/{name}.json"):
            for number, row in enumerate(read_rows(data_dir, FILES[f"bbh/{name}.json"]), start=1):
                yield _item("bbh", f"{name}-{number}", row["input"])  # an answer is a word or a letter


def _mmlu(data_dir: Path) -> Iterator[BenchmarkText]:
    for subject in MMLU_SUBJECTS:
        for number, row in enumerate(_rows(data_dir, "cais/mmlu", subject, "test"), start=1):
            choices = row["choices"]
            lettered = [f"{letter}. {choice}" for letter, choice in zip("ABCD", choices, strict=True)]
            asked = tuple("\n".join([row["question"], *listed]) for listed in (choices, lettered))
            yield BenchmarkText("mmlu", f"{subject}-{number}", (row["question"], *asked), tuple(choices))


def _truthfulqa(data_dir: Path) -> Iterator[BenchmarkText]:
    for number, row in enumerate(_rows(data_dir, "truthfulqa/truthful_qa", "multiple_choice", "validation"), start=1):
        answers = dict.fromkeys([*row["mc1_targets"]["choices"], *row["mc2_targets"]["choices"]])
        yield _item("truthfulqa", f"truthfulqa-{number}", row["question"], *answers)


def _humaneval(data_dir: Path) -> Iterator[BenchmarkText]:
    yield from _coding(HUMAN_EVAL, data_dir)


def _mbpp(data_dir: Path) -> Iterator[BenchmarkText]:
    yield from _coding(MBPP, data_dir)


def _mbpp_sanitized(data_dir: Path) -> Iterator[BenchmarkText]:
    yield from _coding(MBPP_SANITIZED, data_dir)


def _coding(benchmark: CodingBenchmark, data_dir: Path) -> Iterator[BenchmarkText]:
    for row in read_items(benchmark, data_dir):
        yield _item(benchmark.name, f"{benchmark.name}-{row['task_id']}", row["text"], benchmark.solution(row))


def _rows(data_dir: Path, hub_id: str, name: str, split: str) -> list[Row]:
    splits = local_splits(data_dir, hub_id, name)
    assert splits is not None
    return splits.readers[split]()


def _item(benchmark: str, item_id: str, question: str, *answers: str) -> BenchmarkText:
    return BenchmarkText(benchmark, item_id, (question,), answers)


_READERS: dict[str, Callable[[Path], Iterator[BenchmarkText]]] = {
    "gsm8k/test.jsonl.gz": _gsm8k,
    "math/math_test.jsonl.gz": _math,
    "math/math500_test.jsonl.gz": _math500,
    "bbh": _bbh,
    "mmlu/mmlu.zip": _mmlu,
    "truthfulqa/mc_task.json.gz": _truthfulqa,
    "humaneval/HumanEval.jsonl.gz": _humaneval,
    "mbpp/mbpp.jsonl.gz": _mbpp,
    "mbpp/sanitized-mbpp.json": _mbpp_sanitized,
}
"""A file of a data folder, or a folder of files of which some may be missing -> reads its test items."""
