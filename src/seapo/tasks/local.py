"""Benchmark data from a folder, as the data sets of the hub that lm-evaluation-harness reads.

`FILES` says what a folder holds and where each file is published. A name that ends in `.gz` may lack that ending, where
the file is not gzipped. A file of another version is refused, since its scores would not compare. One row of each:

    gsm8k/test.jsonl.gz         {"question": "Janet's ducks lay ...", "answer": "... 9 * 2 = $<<9*2=18>>18 ... #### 18"}
    math/math_test.jsonl.gz     {"problem": "...", "level": "Level 5", "type": "Algebra", "solution": "... \\boxed{2}"}
    bbh/navigate.json           {"examples": [{"input": "If you ...\\nOptions:\\n- Yes\\n- No", "target": "No"}, ...]}
    mmlu/mmlu.zip               data/test/anatomy_test.csv: question,A,B,C,D,letter of the answer; no header
    truthfulqa/mc_task.json.gz  {"question": "...", "mc1_targets": {"Nothing": 1, "You die": 0}, "mc2_targets": {...}}
"""

import csv
import functools
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from seapo.errors import DataError
from seapo.store import file_sha256
from seapo.tasks.benchmark import BBH_ITEMS, MATH_SUBJECTS, MMLU_SUBJECTS

Row: TypeAlias = dict[str, Any]
MMLU_ROWS = {"dev": 285, "val": 1531, "test": 14042}
MMLU_SPLITS = {"dev": "dev", "validation": "val", "test": "test"}
"""The hub's name of a split -> the zip file's."""
MAX_MEMBER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BenchmarkFile:
    """A file of a data folder: the version that is accepted, and where it is published."""

    path: str
    rows: int
    fields: tuple[str, ...]
    """What each row has."""
    origin: str
    optional: tuple[str, ...] = ()
    """What a row may have besides."""


GSM8K_ORIGIN = "grade_school_math/data of github.com/openai/grade-school-math"
FILES: dict[str, BenchmarkFile] = {
    file.path: file
    for file in (
        BenchmarkFile("gsm8k/train.jsonl.gz", 7473, ("question", "answer"), f"train.jsonl in {GSM8K_ORIGIN}"),
        BenchmarkFile("gsm8k/test.jsonl.gz", 1319, ("question", "answer"), f"test.jsonl in {GSM8K_ORIGIN}"),
        BenchmarkFile(
            "math/math_test.jsonl.gz",
            5000,
            ("problem", "level", "type", "solution"),
            "data/math/test.jsonl of github.com/ZubinGou/math-evaluation-harness",
            ("idx",),
        ),
        BenchmarkFile(
            "math/math500_test.jsonl.gz",
            500,
            ("problem", "solution", "answer", "subject", "level", "unique_id"),
            "data/math_oai/test.jsonl of github.com/ZubinGou/math-evaluation-harness",
        ),
        *(
            BenchmarkFile(
                f"bbh/{name}.json",
                rows,
                ("input", "target"),
                f"bbh/{name}.json of github.com/suzgunmirac/BIG-Bench-Hard",
            )
            for name, rows in BBH_ITEMS.items()
        ),
        BenchmarkFile(
            "mmlu/mmlu.zip",
            sum(MMLU_ROWS.values()),
            ("question", "A", "B", "C", "D", "answer"),
            "evaluation/mmlu/mmlu.zip of github.com/hiyouga/LLaMA-Factory",
        ),
        BenchmarkFile(
            "truthfulqa/mc_task.json.gz",
            817,
            ("question", "mc1_targets", "mc2_targets"),
            "data/mc_task.json of github.com/sylinrl/TruthfulQA",
        ),
    )
}
"""Path below the data folder -> the file."""


def find_file(data_dir: Path, file: BenchmarkFile) -> Path:
    """The file in a data folder, gzipped or not; raises DataError that says where to get a missing one."""
    path = data_dir / file.path
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    for candidate in (path, plain):
        if candidate.is_file():
            return candidate
    gzipped = ", gzipped or not" if path.suffix == ".gz" else ""
    raise DataError(f"{path} is missing: put {file.origin} there{gzipped} ({file.rows:,} rows of {_listed(file)})")


def read_rows(data_dir: Path, file: BenchmarkFile) -> list[Row]:
    """All rows of a JSON or JSON lines file; raises DataError that says what does not fit."""
    path = find_file(data_dir, file)
    rows = _parse(path, is_lines=".jsonl" in file.path)
    if isinstance(rows, dict) and file.path.startswith("bbh/"):
        rows = rows.get("examples")
    if not isinstance(rows, list):
        raise DataError(f"{path}: holds a JSON {type(rows).__name__}, expected {file.rows:,} rows of {_listed(file)}")
    _check_count(path, len(rows), file)
    for number, row in enumerate(rows, start=1):
        _check_row(f"{path}, row {number}", row, file)
    return rows


def check_file(data_dir: Path, path: str) -> None:
    """Read one of `FILES` whole; raises DataError where it is missing or of another version."""
    if path == "mmlu/mmlu.zip":
        for split in MMLU_SPLITS.values():
            _mmlu_rows(data_dir, MMLU_SUBJECTS[0], split)
    elif path == "truthfulqa/mc_task.json.gz":
        _truthfulqa_rows(data_dir)
    else:
        read_rows(data_dir, FILES[path])


def data_hashes(data_dir: Path) -> dict[str, str]:
    """File -> SHA-256 of the benchmark files that a folder holds."""
    folders = {path.partition("/")[0] for path in FILES} | {"humaneval", "mbpp"}
    found = [path for folder in folders for path in (data_dir / folder).glob("*") if path.is_file()]
    return {path.relative_to(data_dir).as_posix(): file_sha256(path) for path in sorted(found)}


@dataclass(frozen=True)
class LocalSplits(Mapping[str, Any]):
    """The splits of one data set, each read and turned into a `datasets.Dataset` when it is asked for."""

    readers: Mapping[str, Callable[[], list[Row]]]

    def __getitem__(self, split: str) -> Any:
        import datasets

        return datasets.Dataset.from_list(self.readers[split]())

    def __iter__(self) -> Iterator[str]:
        return iter(self.readers)

    def __len__(self) -> int:
        return len(self.readers)


def local_splits(data_dir: Path, hub_id: str, name: str | None) -> LocalSplits | None:
    """The data set that lm-evaluation-harness knows under a hub id and configuration; None where no file stands for it.

    Reads nothing yet; a split that is asked for raises DataError where its file is missing or of another version.
    """
    if hub_id in ("openai/gsm8k", "gsm8k") and name == "main":
        return LocalSplits({split: _whole(data_dir, f"gsm8k/{split}.jsonl.gz") for split in ("train", "test")})
    if hub_id == "EleutherAI/hendrycks_math" and name in HUB_SUBJECTS:
        return LocalSplits({"test": functools.partial(_math_rows, data_dir, HUB_SUBJECTS[name])})
    if hub_id == "HuggingFaceH4/MATH-500":
        return LocalSplits({"test": _whole(data_dir, "math/math500_test.jsonl.gz")})
    if hub_id == "SaylorTwift/bbh" and name in BBH_ITEMS:
        return LocalSplits({"test": _whole(data_dir, f"bbh/{name}.json")})
    if hub_id == "cais/mmlu" and name in MMLU_SUBJECTS:
        return LocalSplits(
            {hub: functools.partial(_mmlu_rows, data_dir, name, own) for hub, own in MMLU_SPLITS.items()}
        )
    if hub_id == "truthfulqa/truthful_qa" and name == "multiple_choice":
        return LocalSplits({"validation": functools.partial(_truthfulqa_rows, data_dir)})
    return None


HUB_SUBJECTS = {
    {"counting_and_prob": "counting_and_probability", "num_theory": "number_theory", "precalc": "precalculus"}.get(
        name, name
    ): subject
    for name, subject in MATH_SUBJECTS.items()
}
"""Configuration of the hub's MATH -> subject as the data has it."""


def _whole(data_dir: Path, path: str) -> Callable[[], list[Row]]:
    return functools.partial(read_rows, data_dir, FILES[path])


def _math_rows(data_dir: Path, subject: str) -> list[Row]:
    rows = read_rows(data_dir, FILES["math/math_test.jsonl.gz"])
    return [
        {key: row[key] for key in ("problem", "level", "type", "solution")} for row in rows if row["type"] == subject
    ]


def _truthfulqa_rows(data_dir: Path) -> list[Row]:
    """Rows with `choices` and `labels`, as the hub has them; lm-evaluation-harness takes MC1's first one as true."""
    file = FILES["truthfulqa/mc_task.json.gz"]
    path, rows = find_file(data_dir, file), read_rows(data_dir, file)
    for number, row in enumerate(rows, start=1):
        for field in ("mc1_targets", "mc2_targets"):
            _check_labels(f"{path}, row {number}: {field}", row[field], is_first_alone=field == "mc1_targets")
    return [
        {"question": row["question"]}
        | {
            field: {"choices": list(row[field]), "labels": list(row[field].values())}
            for field in ("mc1_targets", "mc2_targets")
        }
        for row in rows
    ]


def _check_labels(where: str, targets: Any, *, is_first_alone: bool) -> None:
    labels = list(targets.values()) if isinstance(targets, dict) else []
    if len(labels) < 2 or any(label not in (0, 1) for label in labels):
        raise DataError(f"{where} is no mapping of two or more answers to 0 or 1")
    if is_first_alone and labels != [1] + [0] * (len(labels) - 1):
        raise DataError(f"{where} has to mark its first answer as true, and no other one")
    if 1 not in labels:
        raise DataError(f"{where} marks no answer as true")


def _mmlu_rows(data_dir: Path, subject: str, split: str) -> list[Row]:
    path = find_file(data_dir, FILES["mmlu/mmlu.zip"])
    stat = path.stat()
    tables = _mmlu_tables(path, split, (stat.st_mtime_ns, stat.st_size))
    return [
        {"question": question, "subject": subject, "choices": choices, "answer": "ABCD".index(answer)}
        for question, *choices, answer in tables[subject]
    ]


@functools.lru_cache(maxsize=4)
def _mmlu_tables(path: Path, split: str, version: tuple[int, int]) -> dict[str, list[list[str]]]:
    """Subject -> rows of a split; all subjects are read at once, since only their sum tells another version."""
    del version  # a changed file is another entry of the cache
    try:
        with zipfile.ZipFile(path) as archive:
            tables = {subject: _mmlu_table(archive, path, subject, split) for subject in MMLU_SUBJECTS}
    except (OSError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(f"{path}: cannot be read as a zip file of CSV files: {problem}") from problem
    found = sum(map(len, tables.values()))
    if found != MMLU_ROWS[split]:
        raise DataError(f"{path}: {split} holds {found:,} rows, expected {MMLU_ROWS[split]:,}; it is another version")
    return tables


def _mmlu_table(archive: zipfile.ZipFile, path: Path, subject: str, split: str) -> list[list[str]]:
    ending = f"{split}/{subject}_{split}.csv"
    names = [name for name in archive.namelist() if name == ending or name.endswith(f"/{ending}")]
    if not names or archive.getinfo(names[0]).file_size > MAX_MEMBER_BYTES:
        raise DataError(f"{path}: holds no table {ending}; it needs dev, val and test of {len(MMLU_SUBJECTS)} subjects")
    rows = list(csv.reader(io.StringIO(archive.read(names[0]).decode("utf-8"), newline="")))
    for number, row in enumerate(rows, start=1):
        if len(row) != 6 or row[5] not in ("A", "B", "C", "D"):
            raise DataError(
                f"{path}: {names[0]}, row {number}: has {len(row)} fields and ends in {row[-1:]!r}; expected question, "
                "four choices, and A, B, C or D, without a header"
            )
    return rows


def _parse(path: Path, *, is_lines: bool) -> Any:
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        return [json.loads(line) for line in text.split("\n") if line.strip()] if is_lines else json.loads(text)
    except (OSError, EOFError, zlib.error, ValueError) as problem:
        raise DataError(f"{path}: cannot be read as JSON{' lines' if is_lines else ''}: {problem}") from problem


def _check_count(path: Path, found: int, file: BenchmarkFile) -> None:
    if found != file.rows:
        raise DataError(
            f"{path}: holds {found:,} rows, expected {file.rows:,}; it is another version than {file.origin}"
        )


def _check_row(where: str, row: Any, file: BenchmarkFile) -> None:
    keys = set(row) if isinstance(row, dict) else set()
    missing, unknown = set(file.fields) - keys, keys - {*file.fields, *file.optional}
    if missing or unknown:
        told = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        told += [f"has {', '.join(sorted(unknown))}"] if unknown else []
        raise DataError(f"{where}: {' and '.join(told)}; expected {_listed(file)}")
    for field in file.fields:
        if row[field] is None or row[field] == "":
            raise DataError(f"{where}: {field} is empty")


def _listed(file: BenchmarkFile) -> str:
    return ", ".join(file.fields)
