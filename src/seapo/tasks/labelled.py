"""Solutions that people have marked, to measure verify and diagnose against: rows of five published formats.

A source is used for what it labels alone: `step` (a step of the solution is wrong), `answer` (its final answer is
wrong) or `fact` (it states something made up).

    {"problem": ..., "steps": ["...", ...], "label": 3, "final_answer_correct": false}                ProcessBench
    {"question": ..., "model_output_steps": [...], "model_output_solution_correctness": "wrong", ...} MR-GSM8K
    {"input": ..., "steps": [...], "target": "(A)", "answer": "(B)", "mistake_index": 2}              BIG-Bench Mistake
    {"question": ..., "ground_truth": ..., "6b_finetuning": {"is_correct": ..., "solution": ...}, ...}GSM8K solutions
    {"user_query": ..., "chatgpt_response": ..., "hallucination": "yes", ...}                         HaluEval
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from seapo.answer import final_answer
from seapo.errors import DataError
from seapo.reading.files import data_ending, read_rows
from seapo.records import RejectedRow

Label = Literal["step", "answer", "fact"]


@dataclass(frozen=True)
class Labelled:
    """One solution with what is known of it."""

    source: str
    question: str
    text: str
    labels: tuple[tuple[Label, bool], ...]
    """What was judged, and whether it is wrong."""
    truth: str | None = None
    """The right final answer."""
    right_solution: str | None = None
    """A solution of the same question that is right."""
    wrong_step: str | None = None
    """The first wrong step, where it is known."""
    steps: tuple[str, ...] = ()
    """The text's steps, which stand in it one after the other; empty where it is not parted."""
    first_wrong: int | None = None
    """Index of the first wrong step; None where there is none, or it is not known."""
    reason: str = field(default="", compare=False)
    """What a person wrote about the first error; a solution that comes with two wordings of it counts once."""
    spans: tuple[str, ...] = ()
    """Passages that a person marked as made up."""


Row = Mapping[str, Any]


def read_labelled(paths: Iterable[Path]) -> list[Labelled]:
    """The solutions of files, or of all data files below folders; one that several files hold counts once.

    Raises DataError where a file has none of the five formats.
    """
    files = list(chain.from_iterable(_files(path) for path in paths))
    found = dict.fromkeys(item for file in files for item in _read(file))
    return list(found)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(each for each in path.rglob("*") if each.is_file() and data_ending(each) is not None)
    if not files:
        raise DataError(f"{path}: the folder holds no data file")
    return files


def _read(path: Path) -> Iterator[Labelled]:
    name = path.name.split(".")[0]
    for row in read_rows(path, path.name):
        if isinstance(row, RejectedRow):
            raise DataError(f"{path}, line {row.line}: {row.reason}")
        if not isinstance(row.value, dict):
            raise DataError(f"{path}, line {row.line}: not an object with columns")
        try:
            yield from _reader(row.value, path)(row.value, name)
        except (KeyError, TypeError, AttributeError, IndexError) as problem:
            raise DataError(f"{path}, line {row.line}: a column of the format is missing or odd: {problem!r}") from None


def _reader(row: Row, path: Path) -> Callable[[Row, str], Iterable[Labelled]]:
    for columns, read in READERS:
        if columns <= row.keys():
            return read
    known = "; ".join(", ".join(sorted(columns)) for columns, _ in READERS)
    raise DataError(
        f"{path}: no labelled solutions, columns: {', '.join(row)}. Known are files with the columns: {known}"
    )


def _processbench(row: Row, name: str) -> Iterable[Labelled]:
    first, steps = int(row["label"]), [str(step) for step in row["steps"]]
    yield Labelled(
        f"processbench {name}",
        row["problem"],
        "\n\n".join(steps),
        (("step", first >= 0),),
        wrong_step=steps[first] if first >= 0 else None,
        steps=tuple(steps),
        first_wrong=first if first >= 0 else None,
    )


def _mr_gsm8k(row: Row, name: str) -> Iterable[Labelled]:
    del name  # the files hold what one and the same set of solutions was made of by several readers
    steps = [str(step) for step in row["model_output_steps"]]
    first = str(row["model_output_solution_first_error_step"])
    is_known = first.isdigit() and 0 < int(first) <= len(steps)
    yield Labelled(
        "mr_gsm8k",
        row["question"],
        "\n".join(steps),
        (
            ("step", row["model_output_solution_correctness"] != "correct"),
            ("answer", row["model_output_answer_correctness"] != "correct"),
        ),
        truth=str(row["ground_truth_answer"]),
        right_solution=row["ground_truth_solution"],
        wrong_step=steps[int(first) - 1] if is_known else None,
        steps=tuple(steps),
        first_wrong=int(first) - 1 if is_known else None,
        reason=str(row.get("model_output_solution_first_error_reason", "")),
    )


def _bigbench_mistake(row: Row, name: str) -> Iterable[Labelled]:
    steps, first, target = [str(step) for step in row["steps"]], row["mistake_index"], str(row["target"])
    yield Labelled(
        f"bigbench_mistake {name}",
        row["input"],
        "\n".join(steps),
        (("step", first is not None), ("answer", str(row["answer"]).strip() != target.strip())),
        truth=target,
        wrong_step=None if first is None else steps[int(first)],
        steps=tuple(steps),
        first_wrong=None if first is None else int(first),
    )


def _gsm8k_solutions(row: Row, name: str) -> Iterable[Labelled]:
    del name
    truth = final_answer(row["ground_truth"])
    for solution in row.values():
        if isinstance(solution, dict):
            yield Labelled(
                "gsm8k solutions",
                row["question"],
                solution["solution"],
                (("answer", not solution["is_correct"]),),
                truth=None if truth is None else truth.value,
                right_solution=row["ground_truth"],
            )


def _halueval(row: Row, name: str) -> Iterable[Labelled]:
    del name
    spans = tuple(str(span) for span in row.get("hallucination_spans") or ())
    labels: tuple[tuple[Label, bool], ...] = (("fact", row["hallucination"] == "yes"),)
    yield Labelled("halueval", row["user_query"], row["chatgpt_response"], labels, spans=spans)


READERS: Sequence[tuple[frozenset[str], Callable[[Row, str], Iterable[Labelled]]]] = (
    (frozenset({"problem", "steps", "label"}), _processbench),
    (frozenset({"question", "model_output_steps", "model_output_solution_correctness"}), _mr_gsm8k),
    (frozenset({"input", "steps", "target", "answer", "mistake_index"}), _bigbench_mistake),
    (frozenset({"question", "ground_truth"}), _gsm8k_solutions),
    (frozenset({"user_query", "chatgpt_response", "hallucination"}), _halueval),
)
"""Columns -> reader, the most telling ones first."""
