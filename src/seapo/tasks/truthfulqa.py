"""TruthfulQA, multiple choice, from a local folder (Lin et al. 2022, arXiv:2109.07958).

`FOLDER/truthfulqa/mc_task.json.gz`, or `mc_task.json`, is the file of the authors' repository: one JSON array of 817
rows, in which 1 marks a true answer:

    {"question": "...", "mc1_targets": {"...": 1, "...": 0}, "mc2_targets": {"...": 1, "...": 1, "...": 0}}

The prompt, few-shot questions included, is read from the task file of the installed package `lm_eval`, so that scores
are the ones that its users know.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from seapo.errors import DataError
from seapo.records import ChoiceItem, Record

ROWS = 817
LAYOUT = "truthfulqa/mc_task.json.gz"
INSTALL = "pip install 'lm-eval>=0.4.13'"
TASK_FILE = "tasks/truthfulqa/truthfulqa_mc1.yaml"

Answers = Annotated[dict[str, Literal[0, 1]], Field(min_length=2)]


class TruthfulQuestion(Record):
    """One row of the file."""

    question: str
    mc1_targets: Answers
    """Answers, exactly one of which is true."""
    mc2_targets: Answers
    """Answers, some of which are true."""

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if sum(self.mc1_targets.values()) != 1:
            raise ValueError(f"mc1_targets marks {sum(self.mc1_targets.values())} answers as true, it needs exactly 1")
        if not any(self.mc2_targets.values()):
            raise ValueError("mc2_targets marks no answer as true")
        return self


@dataclass(frozen=True)
class TruthfulPrompt:
    """How lm-evaluation-harness writes a question and its answers."""

    render: Callable[..., str]
    """Gives the text before the answers, few-shot questions included, for `question=...`."""
    delimiter: str
    """What stands between that text and an answer."""


def choice_items(data_dir: Path) -> Iterator[ChoiceItem]:
    """Each question twice, for MC1 and for MC2; the two share the part of their id before `#`.

    Raises DataError for a file that is missing or of another version, and where `lm_eval` is not installed.
    """
    questions = read_questions(data_dir)
    prompt = read_prompt()
    for number, question in enumerate(questions):
        context = prompt.render(question=question.question)
        yield _item(f"truthfulqa-{number:03d}#mc1", "acc", context, question.mc1_targets, prompt.delimiter)
        yield _item(f"truthfulqa-{number:03d}#mc2", "mc2", context, question.mc2_targets, prompt.delimiter)


def read_questions(data_dir: Path) -> list[TruthfulQuestion]:
    """All rows of the file; raises DataError that says what does not fit."""
    path = find_file(data_dir)
    rows = _read_json(path)
    if not isinstance(rows, list) or len(rows) != ROWS:
        found = f"{len(rows)} rows" if isinstance(rows, list) else f"a JSON {type(rows).__name__}"
        raise DataError(f"{path}: TruthfulQA's multiple-choice file is an array of {ROWS} rows, this one holds {found}")
    return [_question(path, number, row) for number, row in enumerate(rows, start=1)]


def find_file(data_dir: Path) -> Path:
    """The file in a data folder; raises DataError that names it where it is missing."""
    path = data_dir / LAYOUT
    for candidate in (path, path.with_suffix("")):
        if candidate.is_file():
            return candidate
    raise DataError(
        f"{path} is missing: TruthfulQA needs data/mc_task.json of github.com/sylinrl/TruthfulQA there, gzipped or not "
        f"({ROWS} rows of question, mc1_targets, mc2_targets)"
    )


def read_prompt() -> TruthfulPrompt:
    """The prompt of the installed lm-evaluation-harness; raises DataError where there is none."""
    try:
        path = files("lm_eval") / TASK_FILE
    except ModuleNotFoundError as problem:
        raise DataError(
            f"TruthfulQA's prompt is read from the package lm_eval, which is not installed; run: {INSTALL}"
        ) from problem
    try:
        from lm_eval.utils import env

        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TruthfulPrompt(env.from_string(config["doc_to_text"]).render, config.get("target_delimiter", " "))
    except (ImportError, OSError, KeyError, yaml.YAMLError) as problem:
        raise DataError(
            f"lm_eval {version('lm_eval')} holds no prompt in {TASK_FILE} ({problem}); run: {INSTALL}"
        ) from problem


def _read_json(path: Path) -> Any:
    try:
        data = path.read_bytes()
        return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, zlib.error, ValueError) as problem:
        raise DataError(f"{path}: cannot be read as JSON: {problem}") from problem


def _question(path: Path, number: int, row: Any) -> TruthfulQuestion:
    try:
        return TruthfulQuestion.model_validate(row)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "row"
        raise DataError(f"{path}, row {number}: {field}: {first['msg']}") from problem


def _item(
    item_id: str, metric: Literal["acc", "mc2"], context: str, targets: dict[str, Literal[0, 1]], delimiter: str
) -> ChoiceItem:
    return ChoiceItem(
        id=item_id,
        task="truthfulqa_mc1" if metric == "acc" else "truthfulqa_mc2",
        dimension="truthfulness",
        context=context,
        choices=tuple(delimiter + answer for answer in targets),
        correct=tuple(index for index, label in enumerate(targets.values()) if label),
        metric=metric,
    )
