"""HumanEval and MBPP: their rows, from a folder or the hub, and the tests of each row.

A row of `humaneval/HumanEval.jsonl.gz`, `mbpp/mbpp.jsonl.gz` and `mbpp/sanitized-mbpp.json`:

    {"task_id": "HumanEval/0", "prompt": "from typing ...", "canonical_solution": "    for idx, elem in ...",
     "entry_point": "has_close_elements", "test": "... def check(candidate): ..."}
    {"task_id": 11, "text": "Write a python function to remove ...", "code": "def remove_Occ(...",
     "test_setup_code": "", "test_list": ["assert remove_Occ(...", ...], "challenge_test_list": ["assert ...", ...]}
    {"task_id": 11, "prompt": "Write a python function to remove ...", "code": "def remove_Occ(...",
     "test_imports": [], "test_list": ["assert remove_Occ(...", ...], "source_file": "Benchmark Questions ..."}

Sources: Chen et al. 2021, arXiv:2107.03374; Austin et al. 2021, arXiv:2108.07732.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seapo.errors import DataError
from seapo.tasks.local import BenchmarkFile, Row, read_rows

MBPP_TEST_IDS = range(11, 511)
"""Of 974 tasks, or 427 in the sanitized file; the others are examples, for tuning, and for validation."""


@dataclass(frozen=True)
class CodingBenchmark:
    """A set of programming tasks: where its rows come from, and how a row is tested."""

    name: str
    prompts: str
    """The benchmark whose prompts lm-evaluation-harness defines: the name of its folder and of its task files."""
    file: BenchmarkFile
    hub_id: str
    hub_config: str | None
    is_asked: Callable[[Row], bool]
    """Whether a row of the file belongs to the test split."""
    tests: Callable[[Row], str]
    """A program that raises an exception where the function of a row, defined before it, does not do what it should."""
    solution: Callable[[Row], str]
    """The program that the authors wrote."""
    asked: int
    """Rows of the test split."""
    question: str = "text"
    """The field that the prompts know as `text`."""


def read_items(benchmark: CodingBenchmark, data_dir: Path | None) -> list[Row]:
    """The rows to be asked, from a folder, or from the hub where none is given.

    Raises DataError that names a file that is missing or of another version, or that tells why the hub gives nothing.
    """
    rows = read_rows(data_dir, benchmark.file) if data_dir is not None else _hub_rows(benchmark)
    asked = [row | {"text": row[benchmark.question]} for row in rows if benchmark.is_asked(row)]
    if len(asked) != benchmark.asked:
        raise DataError(
            f"{benchmark.name}: {data_dir or benchmark.hub_id} gives {len(asked)} test items, expected "
            f"{benchmark.asked}; it is another version than {benchmark.file.origin}"
        )
    return asked


def _hub_rows(benchmark: CodingBenchmark) -> list[Row]:
    import datasets

    try:
        rows = datasets.load_dataset(benchmark.hub_id, benchmark.hub_config, split="test")
        rows = rows.select_columns([*benchmark.file.fields, *benchmark.file.optional])
    except (OSError, ValueError) as problem:
        raise DataError(
            f"{benchmark.name}: the data set {benchmark.hub_id} cannot be loaded from the hub: {problem}. To read it "
            f"from a folder, set evaluate.data_dir and put {benchmark.file.origin} there as {benchmark.file.path}"
        ) from problem
    return [dict(row) for row in rows]


def _is_mbpp_test(row: Row) -> bool:
    return row["task_id"] in MBPP_TEST_IDS


def _human_eval_tests(row: Row) -> str:
    return f"{row['test']}\ncheck({row['entry_point']})"


def _mbpp_tests(row: Row) -> str:
    setup = [row.get("test_setup_code") or "", *row.get("test_imports", ())]
    return "\n".join([*(line for line in setup if line), *row["test_list"]])


HUMAN_EVAL = CodingBenchmark(
    name="humaneval",
    prompts="humaneval",
    file=BenchmarkFile(
        "humaneval/HumanEval.jsonl.gz",
        164,
        ("task_id", "prompt", "entry_point", "canonical_solution", "test"),
        "data/HumanEval.jsonl.gz of github.com/openai/human-eval",
    ),
    hub_id="openai/openai_humaneval",
    hub_config=None,
    is_asked=lambda row: True,
    tests=_human_eval_tests,
    solution=lambda row: f"{row['prompt']}{row['canonical_solution']}",
    asked=164,
    question="prompt",
)
MBPP = CodingBenchmark(
    name="mbpp",
    prompts="mbpp",
    file=BenchmarkFile(
        "mbpp/mbpp.jsonl.gz",
        974,
        ("task_id", "text", "code", "test_list"),
        "mbpp/mbpp.jsonl of github.com/google-research/google-research",
        ("test_setup_code", "challenge_test_list"),
    ),
    hub_id="google-research-datasets/mbpp",
    hub_config="full",
    is_asked=_is_mbpp_test,
    tests=_mbpp_tests,
    solution=lambda row: str(row["code"]),
    asked=500,
)
MBPP_SANITIZED = CodingBenchmark(
    name="mbpp_sanitized",
    prompts="mbpp",
    file=BenchmarkFile(
        "mbpp/sanitized-mbpp.json",
        427,
        ("task_id", "prompt", "code", "test_list", "test_imports", "source_file"),
        "mbpp/sanitized-mbpp.json of github.com/google-research/google-research",
    ),
    hub_id="google-research-datasets/mbpp",
    hub_config="sanitized",
    is_asked=_is_mbpp_test,
    tests=_mbpp_tests,
    solution=lambda row: str(row["code"]),
    asked=257,
    question="prompt",
)
