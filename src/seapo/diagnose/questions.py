"""Questions whose right answers are known, to ask the model: the starter set, benchmarks of a data folder, a file.

A source is asked with items that `seapo evaluate` does not score, wherever it has such items: weights that are drawn
from the items of the later measurement would be tuned to them.

    starter      the training rows (the suite `starter` scores the test rows)
    gsm8k        gsm8k/train.jsonl.gz                                (train; evaluated is the test split)
    math         math/math_train_answers.jsonl.gz                    (train; evaluated is the test split)
    mmlu         mmlu/mmlu.zip, the validation split                 (evaluated is the test split)
    bbh          bbh/*.json                                          (there is no other split)
    truthfulqa   truthfulqa/mc_task.json.gz, MC1                     (there is no other split)
    FILE         rows of any readable kind: {"question": "How many ...?", "answer": "#### 42"}
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seapo.answer import final_answer, number_value
from seapo.diagnose.question import Question, truth_of
from seapo.errors import DataError, RecipeError, UnknownNameError
from seapo.reading.files import read_rows
from seapo.recipe import DiagnoseSection
from seapo.records import DIMENSIONS, ChoiceTruth, Dimension, NumberTruth, RejectedRow, TextTruth, UnitTestTruth
from seapo.tasks import local, starter
from seapo.tasks.benchmark import BBH_ITEMS, MMLU_SUBJECTS

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_OPEN_WORDS = 3
"""Where an option is longer, the options are shown and a letter is asked for: free text would not be recognised."""
MATH_TRAIN = local.BenchmarkFile(
    "math/math_train_answers.jsonl.gz",
    7500,
    ("problem", "subject", "level", "unique_id"),
    "the train split of MATH, with the final answers alone,",
    ("answer",),
)
DEDUCTIONS = frozenset({
    "boolean_expressions", "formal_fallacies", "logical_deduction_five_objects", "logical_deduction_seven_objects",
    "logical_deduction_three_objects", "navigate", "temporal_sequences", "tracking_shuffled_objects_five_objects",
    "tracking_shuffled_objects_seven_objects", "tracking_shuffled_objects_three_objects", "web_of_lies",
})  # fmt: skip
"""Tasks of BBH that are decided by what stands in the question and by nothing else."""
NUMBER_HINT = "Think step by step, and end with: The answer is NUMBER."
TEXT_HINT = "Think step by step, and end with: The answer is ANSWER."
LETTER_HINT = "End with: The answer is (LETTER)."
CODE_HINT = "Write it in Python, in one block of code."
QUESTION_COLUMNS = ("question", "prompt", "problem", "input")
ANSWER_COLUMNS = ("answer", "solution", "target", "reference")


def load_questions(settings: DiagnoseSection, *, seed: int) -> list[Question]:
    """The questions of all sources, in order; with a limit, that many of each source, spread over its tasks.

    Loads no model. Raises UnknownNameError for a source that is neither known nor a file, RecipeError where a source
    needs a data folder and none is set, DataError where a file is missing or holds no usable row.
    """
    found = [each for name in dict.fromkeys(settings.questions) for each in _of_source(name, settings, seed)]
    if not found:
        raise DataError("diagnose.questions names no source; name some, as [starter]")
    return found


def _of_source(name: str, settings: DiagnoseSection, seed: int) -> list[Question]:
    if name == "starter":
        found = list(_starter(seed))
    elif name in READERS:
        if settings.data_dir is None:
            raise RecipeError(
                f"the questions of {name!r} are read from a data folder, and diagnose.data_dir is not set"
            )
        found = list(READERS[name](Path(settings.data_dir).expanduser(), seed))
    elif Path(name).expanduser().is_file():
        found = _own(Path(name).expanduser())
    else:
        raise UnknownNameError("source of questions, and no such file,", name, ["starter", *READERS])
    return found if settings.limit is None else _drawn(found, settings.limit, seed)


def _drawn(questions: list[Question], limit: int, seed: int) -> list[Question]:
    """As many of each task as of the others, drawn by the seed, in their old order."""
    lots = {each.id: random.Random(f"{seed}:{each.id}:diagnose").random() for each in questions}
    ranks: dict[str, int] = {}
    place = {}
    for each in sorted(questions, key=lambda one: lots[one.id]):
        place[each.id] = (ranks.setdefault(each.task, 0), lots[each.id])
        ranks[each.task] += 1
    kept = set(sorted(place, key=lambda one: place[one])[:limit])
    return [each for each in questions if each.id in kept]


def _starter(seed: int) -> Iterator[Question]:
    for row in starter.training_rows():
        asked: dict[str, Any] = {"question": row.question, "truth": row.truth}
        if isinstance(row.truth, ChoiceTruth):
            asked = _choice(row.id, row.question, row.truth.correct, row.truth.incorrect, seed)
        elif isinstance(row.truth, UnitTestTruth):
            asked["question"] = f"{row.question}\n{CODE_HINT}"
        else:
            hint = NUMBER_HINT if isinstance(row.truth, NumberTruth) else TEXT_HINT
            asked["question"] = f"{row.question}\n{hint}"
        yield Question(
            id=row.id,
            task=f"starter_{row.dimension}",
            dimension=row.dimension,
            reference=row.answer,
            is_closed=row.dimension in ("mathematics", "reasoning") and not isinstance(row.check, starter.CycleCheck),
            **asked,
        )


def _choice(name: str, question: str, right: str, wrong: tuple[str, ...], seed: int) -> dict[str, Any]:
    """How a question with known right and wrong answers is asked: short ones freely, longer ones with their letters."""
    truth = ChoiceTruth(correct=right, incorrect=wrong)
    options = [right, *wrong]
    if all(len(option.split()) <= MAX_OPEN_WORDS for option in options):
        return {"question": question, "truth": truth}
    random.Random(f"{seed}:{name}:options").shuffle(options)
    return {"question": _lettered(question, options), "truth": truth, "options": tuple(options)}


def _lettered(question: str, options: list[str]) -> str:
    lines = [f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return "\n".join([question, *lines, LETTER_HINT])


def _gsm8k(data_dir: Path, seed: int) -> Iterator[Question]:
    del seed
    for number, row in enumerate(local.read_rows(data_dir, local.FILES["gsm8k/train.jsonl.gz"])):
        stated = final_answer(row["answer"])
        assert stated is not None
        yield Question(
            id=f"gsm8k-train-{number:04d}",
            task="gsm8k",
            dimension="mathematics",
            question=f"{row['question']}\n{NUMBER_HINT}",
            reference=row["answer"],
            truth=NumberTruth(value=stated.value.replace(",", "")),
            is_closed=True,
        )


def _math(data_dir: Path, seed: int) -> Iterator[Question]:
    del seed
    for number, row in enumerate(local.read_rows(data_dir, MATH_TRAIN)):
        value = str(row.get("answer") or "")
        if not value:
            continue  # a few rows have no final answer
        is_number = number_value(value) is not None
        yield Question(
            id=f"math-train-{number:04d}",
            task=f"math_{row['subject'].lower().replace(' ', '_').replace('&', 'and')}",
            dimension="mathematics",
            question=f"{row['problem']}\nThink step by step, and put the final answer into \\boxed{{}}.",
            reference=value,
            truth=NumberTruth(value=value) if is_number else TextTruth(value=value),
            is_closed=True,
        )


def _bbh(data_dir: Path, seed: int) -> Iterator[Question]:
    del seed
    for task in BBH_ITEMS:
        for number, row in enumerate(local.read_rows(data_dir, local.FILES[f"bbh/{task}.json"])):
            target = row["target"].strip()
            is_letter = len(target) == 3 and target[0] + target[2] == "()"
            is_number = number_value(target) is not None
            hint = "The answer is (LETTER)." if is_letter else "The answer is ANSWER."
            yield Question(
                id=f"bbh-{task}-{number:03d}",
                task=f"bbh_{task}",
                dimension="reasoning",
                question=f"{row['input']}\nThink step by step, and end with: {hint}",
                reference=f"The answer is {target}.",
                truth=NumberTruth(value=target) if is_number else TextTruth(value=target.strip("()")),
                is_closed=task in DEDUCTIONS,
            )


def _mmlu(data_dir: Path, seed: int) -> Iterator[Question]:
    del seed
    for subject in MMLU_SUBJECTS:
        splits = local.local_splits(data_dir, "cais/mmlu", subject)
        assert splits is not None
        for number, row in enumerate(splits.readers["validation"]()):
            options = [str(option) for option in row["choices"]]
            right = options[row["answer"]]
            wrong = tuple(option for place, option in enumerate(options) if place != row["answer"])
            yield Question(
                id=f"mmlu-{subject}-{number:03d}",
                task=f"mmlu_{subject}",
                dimension="knowledge",
                question=_lettered(row["question"], options),
                reference=right,
                truth=ChoiceTruth(correct=right, incorrect=wrong),
                options=tuple(options),
            )


def _truthfulqa(data_dir: Path, seed: int) -> Iterator[Question]:
    for number, row in enumerate(local.read_rows(data_dir, local.FILES["truthfulqa/mc_task.json.gz"])):
        name = f"truthfulqa-{number:03d}"
        right = next(option for option, label in row["mc1_targets"].items() if label)
        options = list(row["mc1_targets"])[: len(LETTERS)]
        random.Random(f"{seed}:{name}:options").shuffle(options)
        yield Question(
            id=name,
            task="truthfulqa",
            dimension="truthfulness",
            question=_lettered(row["question"], options),
            reference=right,
            truth=ChoiceTruth(correct=right, incorrect=tuple(option for option in options if option != right)),
            options=tuple(options),
        )


READERS: dict[str, Callable[[Path, int], Iterator[Question]]] = {
    "gsm8k": _gsm8k,
    "math": _math,
    "bbh": _bbh,
    "mmlu": _mmlu,
    "truthfulqa": _truthfulqa,
}


def _own(path: Path) -> list[Question]:
    """The rows of a user's file; raises DataError that names the first row that cannot be used."""
    found, seen = list[Question](), set[str]()
    for row in read_rows(path, path.name):
        where = f"{path}, line {row.line}"
        if isinstance(row, RejectedRow):
            raise DataError(f"{where}: {row.reason}")
        if not isinstance(row.value, dict):
            raise DataError(f"{where}: not an object with columns")
        question = _own_row(row.value, where, f"{path.name.split('.')[0]}-{row.line}", path)
        if question.id in seen:
            raise DataError(f"{where}: the id {question.id!r} stands in an earlier row, too")
        seen.add(question.id)
        found.append(question)
    if not found:
        raise DataError(f"{path}: holds no row")
    return found


def _own_row(row: dict[str, Any], where: str, name: str, path: Path) -> Question:
    text, answer = (_column(row, names, where) for names in (QUESTION_COLUMNS, ANSWER_COLUMNS))
    dimension: Dimension | None = row.get("dimension")
    if dimension is not None and dimension not in DIMENSIONS:
        raise DataError(f"{where}: dimension {dimension!r} is none of {', '.join(DIMENSIONS)}")
    truth = truth_of(answer)
    if truth is None:
        raise DataError(
            f"{where}: no program can compare this answer: {answer[:80]!r}; end it with a marked one (#### 42, or: The "
            "answer is 42), or give a number or a few words"
        )
    hint = NUMBER_HINT if isinstance(truth, NumberTruth) else TEXT_HINT
    return Question(
        id=str(row.get("id", name)),
        task=path.name.split(".")[0],
        dimension=dimension,
        question=f"{text}\n{hint}",
        reference=answer,
        truth=truth,
    )


def _column(row: dict[str, Any], names: tuple[str, ...], where: str) -> str:
    value = next((row[name] for name in names if row.get(name) is not None), None)
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise DataError(f"{where}: lacks {names[0]} (or {', '.join(names[1:])}); its columns: {', '.join(row)}")
    return str(value)
