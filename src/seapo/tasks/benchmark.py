"""The benchmarks of the five dimensions, as tasks of lm-evaluation-harness under the names that it gives them.

A suite names what it asks by `BenchmarkTask`s. Most stand for a task that the installed package `lm_eval` defines: its
prompts, filters and metrics, with its data or the same data from a folder (`tasks/local.py`). A task of our own brings
`build`, which makes an object of `lm_eval.api.task.Task`; the programming tasks are of that kind. Importing this loads
neither `lm_eval` nor torch.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seapo.records import Dimension, Protocol

MATH_SUBJECTS = {
    "algebra": "Algebra",
    "counting_and_prob": "Counting & Probability",
    "geometry": "Geometry",
    "intermediate_algebra": "Intermediate Algebra",
    "num_theory": "Number Theory",
    "prealgebra": "Prealgebra",
    "precalc": "Precalculus",
}
"""The subjects of MATH: as the task's name has it, and as the data has it."""

BBH_ITEMS = dict.fromkeys(
    (
        "boolean_expressions", "causal_judgement", "date_understanding", "disambiguation_qa", "dyck_languages",
        "formal_fallacies", "geometric_shapes", "hyperbaton", "logical_deduction_five_objects",
        "logical_deduction_seven_objects", "logical_deduction_three_objects", "movie_recommendation",
        "multistep_arithmetic_two", "navigate", "object_counting", "penguins_in_a_table",
        "reasoning_about_colored_objects", "ruin_names", "salient_translation_error_detection", "snarks",
        "sports_understanding", "temporal_sequences", "tracking_shuffled_objects_five_objects",
        "tracking_shuffled_objects_seven_objects", "tracking_shuffled_objects_three_objects", "web_of_lies",
        "word_sorting",
    ),
    250,
) | {"causal_judgement": 187, "penguins_in_a_table": 146, "snarks": 178}  # fmt: skip
"""The 27 tasks of BIG-Bench Hard, and how many items each has."""

MMLU_SUBJECTS = (
    "abstract_algebra", "anatomy", "astronomy", "business_ethics", "clinical_knowledge", "college_biology",
    "college_chemistry", "college_computer_science", "college_mathematics", "college_medicine", "college_physics",
    "computer_security", "conceptual_physics", "econometrics", "electrical_engineering", "elementary_mathematics",
    "formal_logic", "global_facts", "high_school_biology", "high_school_chemistry", "high_school_computer_science",
    "high_school_european_history", "high_school_geography", "high_school_government_and_politics",
    "high_school_macroeconomics", "high_school_mathematics", "high_school_microeconomics", "high_school_physics",
    "high_school_psychology", "high_school_statistics", "high_school_us_history", "high_school_world_history",
    "human_aging", "human_sexuality", "international_law", "jurisprudence", "logical_fallacies", "machine_learning",
    "management", "marketing", "medical_genetics", "miscellaneous", "moral_disputes", "moral_scenarios", "nutrition",
    "philosophy", "prehistory", "professional_accounting", "professional_law", "professional_medicine",
    "professional_psychology", "public_relations", "security_studies", "sociology", "us_foreign_policy", "virology",
    "world_religions",
)  # fmt: skip
"""The 57 subjects of MMLU."""


@dataclass(frozen=True)
class BenchmarkTask:
    """A task that a suite asks."""

    name: str
    """Of lm-evaluation-harness, or of our own; unique in an evaluation."""
    dimension: Dimension | None = None
    """None for a task that counts towards none of the five."""
    group: str = ""
    """The benchmark of which it is a part, as `mmlu`; empty for one that is whole."""
    num_fewshot: int | None = None
    """Examples before the question; None for what the task itself says."""
    questions: str = ""
    """A name that tasks over the same questions share: with a limit, they get the same ones. Left out: the task's."""
    files: tuple[str, ...] = ()
    """What it reads of a data folder, as `tasks/local.py` names it; with them it can be checked without being made."""
    build: Callable[[Path | None, Protocol], Any] | None = None
    """Makes the `lm_eval` Task of one of our own from the data folder (None: the hub's data) and the protocol."""
    suite: str = ""
    """The suite that asks it; set by the one who asks."""
    limit: int | None = None
    """Items to be drawn, where it has a limit of its own; set by the one who asks."""


def _mathematics(name: str, file: str, group: str = "") -> BenchmarkTask:
    return BenchmarkTask(name, "mathematics", group, files=(file,))


GSM8K = _mathematics("gsm8k_cot", "gsm8k/test.jsonl.gz")
MINERVA_MATH = tuple(
    _mathematics(f"minerva_math_{subject}", "math/math_test.jsonl.gz", "minerva_math") for subject in MATH_SUBJECTS
)
MATH_500 = _mathematics("minerva_math500", "math/math500_test.jsonl.gz")
BBH = tuple(
    BenchmarkTask(f"bbh_cot_fewshot_{name}", "reasoning", "bbh", files=(f"bbh/{name}.json",)) for name in BBH_ITEMS
)
MMLU = tuple(
    BenchmarkTask(f"mmlu_{name}", "knowledge", "mmlu", num_fewshot=5, files=("mmlu/mmlu.zip",))
    for name in MMLU_SUBJECTS
)
TRUTHFULQA = tuple(
    BenchmarkTask(f"truthfulqa_{metric}", "truthfulness", questions="truthfulqa", files=("truthfulqa/mc_task.json.gz",))
    for metric in ("mc1", "mc2")
)

BENCHMARKS: dict[str, tuple[BenchmarkTask, ...]] = {
    "gsm8k_cot": (GSM8K,),
    "minerva_math": MINERVA_MATH,
    "minerva_math500": (MATH_500,),
    "bbh": BBH,
    "bbh_cot_fewshot": BBH,
    "mmlu": MMLU,
    **{task.name: (task,) for task in (*MINERVA_MATH, *BBH, *MMLU, *TRUTHFULQA)},
}
"""Names that stand for one or more of the known tasks; any other name is looked up in lm-evaluation-harness."""


def mathematics() -> tuple[BenchmarkTask, ...]:
    """GSM8K, 8 examples with their reasoning; MATH, 4 examples; MATH-500.

    MATH-500 is a part of MATH: it has a row of its own, and does not count twice in the dimension.
    """
    return GSM8K, *MINERVA_MATH, replace(MATH_500, dimension=None)


def named(names: Iterable[str], own: Mapping[str, BenchmarkTask]) -> tuple[BenchmarkTask, ...]:
    """The tasks that names stand for, each once, `own` ones among them; other names are lm-evaluation-harness's."""
    known = BENCHMARKS | {name: (task,) for name, task in own.items()}
    return tuple(dict.fromkeys(task for name in names for task in known.get(name, (BenchmarkTask(name),))))
