"""TruthfulQA MC1 and MC2: seapo's trees against lm-evaluation-harness, the same model, questions and process.

    python benchmarks/truthfulqa_vs_lm_eval.py --data-dir DIR --limit 40 --json

Both score the embedded model in float32. lm-evaluation-harness gets the batch size that is fastest on the first few
questions. The bound is what sharing can give at most: tokens that it computes over tokens in our trees. Where other
programs use the machine, run it with OMP_NUM_THREADS=1 and read `cpu_ratio`: waiting for a core costs no processor
time.
"""

import argparse
import copy
import json
import platform
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import lm_eval
import torch
import yaml
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from seapo.evaluate import evaluate, load_items
from seapo.evaluate.plain import batch_size, plan_batches
from seapo.model import ChatScorer, load_embedded
from seapo.recipe import EvaluateSection
from seapo.records import ChoiceItem, ItemScore
from seapo.tasks.truthfulqa import TruthfulQuestion, read_questions

TRIED_BATCH_SIZES = (1, 4, 8, 16, 32)
QUESTIONS_PER_TRIAL = 4
TASKS = ("mc1", "mc2")


@dataclass(frozen=True)
class HarnessScore:
    """What lm-evaluation-harness says of one question in one task."""

    value: float
    logprobs_nats: list[float]


@dataclass(frozen=True)
class Measurement:
    """Both on the same questions."""

    questions: int
    choices: int
    batch_size: int
    """Of lm-evaluation-harness."""
    lm_eval_s: float
    seapo_s: float
    ratio: float
    lm_eval_cpu_s: float
    seapo_cpu_s: float
    cpu_ratio: float
    bound: float
    mc1: tuple[float, float]
    """seapo, lm-evaluation-harness"""
    mc2: tuple[float, float]
    largest_difference_nats: float


@dataclass(frozen=True)
class Clock:
    """A moment, on the wall and by the processor time that this process had used."""

    wall_s: float
    cpu_s: float

    @classmethod
    def read(cls) -> Self:
        """Now."""
        return cls(time.perf_counter(), time.process_time())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds truthfulqa/mc_task.json.gz")
    parser.add_argument("--limit", type=int, help="number of questions, drawn by the seed; all 817 by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    scorer = ChatScorer(*load_embedded(), "SmolLM2-135M-Instruct", "embedded-float32")
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(scorer, arguments.data_dir, Path(folder), limit=arguments.limit, seed=arguments.seed)
    print(json.dumps(asdict(measured) | environment()) if arguments.json else describe(measured))


def measure(
    scorer: ChatScorer,
    data_dir: Path,
    folder: Path,
    *,
    limit: int | None,
    seed: int = 0,
    batch_sizes: Sequence[int] = TRIED_BATCH_SIZES,
) -> Measurement:
    """Time both; files for lm-evaluation-harness are written into `folder`."""
    section = EvaluateSection(suites=("truthfulqa",), data_dir=str(data_dir), limit=limit)
    items = load_items(section, seed=seed)
    questions = asked_questions(data_dir, items)
    best = fastest_batch_size(scorer, questions[:QUESTIONS_PER_TRIAL], folder, batch_sizes)
    start = Clock.read()
    theirs = harness_scores(harness_model(scorer, best), questions, folder)
    middle = Clock.read()
    ours = by_task(evaluate(items, lambda: scorer, fingerprint=scorer.fingerprint))
    end = Clock.read()
    return Measurement(
        questions=len(questions),
        choices=sum(len(item.choices) for item in items),
        batch_size=best,
        lm_eval_s=round(middle.wall_s - start.wall_s, 2),
        seapo_s=round(end.wall_s - middle.wall_s, 2),
        ratio=round((middle.wall_s - start.wall_s) / (end.wall_s - middle.wall_s), 2),
        lm_eval_cpu_s=round(middle.cpu_s - start.cpu_s, 2),
        seapo_cpu_s=round(end.cpu_s - middle.cpu_s, 2),
        cpu_ratio=round((middle.cpu_s - start.cpu_s) / (end.cpu_s - middle.cpu_s), 2),
        bound=round(sharing_bound(scorer, items), 2),
        mc1=(mean(score.value for score in ours["mc1"]), mean(score.value for score in theirs["mc1"])),
        mc2=(mean(score.value for score in ours["mc2"]), mean(score.value for score in theirs["mc2"])),
        largest_difference_nats=largest_difference(ours, theirs),
    )


def asked_questions(data_dir: Path, items: Sequence[ChoiceItem]) -> list[TruthfulQuestion]:
    """The rows that the items of MC1 were made of, in their order."""
    rows = read_questions(data_dir)
    numbers = [int(item.id.removesuffix("#mc1").removeprefix("truthfulqa-")) for item in items if "#mc1" in item.id]
    return [rows[number] for number in numbers]


def fastest_batch_size(
    scorer: ChatScorer, questions: Sequence[TruthfulQuestion], folder: Path, batch_sizes: Sequence[int]
) -> int:
    """The batch size at which lm-evaluation-harness is fastest."""
    if len(batch_sizes) == 1:
        return batch_sizes[0]
    seconds = {}
    for size in batch_sizes:
        start = Clock.read()
        harness_scores(harness_model(scorer, size), questions, folder)
        seconds[size] = Clock.read().cpu_s - start.cpu_s
    return min(seconds, key=lambda size: seconds[size])


def harness_model(scorer: ChatScorer, batch_size: int) -> Any:
    """The scorer's model behind lm-evaluation-harness's class for models of transformers."""
    tokenizer = copy.deepcopy(scorer.tokenizer)  # it gets a padding side, and a padding token where it had none
    return HFLM(pretrained=scorer.model, tokenizer=tokenizer, batch_size=batch_size)


def harness_scores(model: Any, questions: Sequence[TruthfulQuestion], folder: Path) -> dict[str, list[HarnessScore]]:
    """Task (`mc1`, `mc2`) -> what lm-evaluation-harness says of each question, by its own tasks on local data."""
    write_tasks(folder, questions)
    result = lm_eval.simple_evaluate(
        model=model,
        tasks=[f"local_{name}" for name in TASKS],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        bootstrap_iters=0,
        log_samples=True,
    )
    return {name: [_harness_score(sample) for sample in _in_order(result, name)] for name in TASKS}


def write_tasks(folder: Path, questions: Sequence[TruthfulQuestion]) -> None:
    """Task files that take all but the data from those that lm-evaluation-harness ships, and the data in its form."""
    shipped = Path(str(lm_eval.__file__)).parent / "tasks" / "truthfulqa"
    data = folder / "questions.jsonl"
    data.write_text("".join(json.dumps(_hub_row(question)) + "\n" for question in questions), encoding="utf-8")
    for name in TASKS:
        config = {
            "include": str(shipped / f"truthfulqa_{name}.yaml"),
            "task": f"local_{name}",
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": {"validation": str(data)}, "cache_dir": str(folder / "cache")},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def by_task(scores: Sequence[ItemScore]) -> dict[str, list[ItemScore]]:
    """Our scores by `mc1` and `mc2`."""
    return {name: [score for score in scores if score.task == f"truthfulqa_{name}"] for name in TASKS}


def largest_difference(ours: dict[str, list[ItemScore]], theirs: dict[str, list[HarnessScore]]) -> float:
    """Between two log-probabilities of the same choice, in nats."""
    return max(
        abs(left - right)
        for name in TASKS
        for score, other in zip(ours[name], theirs[name], strict=True)
        for left, right in zip(score.choice_logprobs_nats, other.logprobs_nats, strict=True)
    )


def sharing_bound(scorer: ChatScorer, items: Sequence[ChoiceItem]) -> float:
    """Tokens of all sequences written out, over tokens in our trees."""
    batches = plan_batches(scorer.tokenizer, items, range(len(items)))
    written_out = sum(len(request.tokens) for batch in batches for choices in batch.requests for request in choices)
    return written_out / sum(batch_size(batch) for batch in batches)


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean, to 6 decimals."""
    listed = list(values)
    return round(sum(listed) / len(listed), 6)


def environment() -> dict[str, Any]:
    """What the figures depend on."""
    packages = {name: version(name) for name in ("lm-eval", "torch", "transformers")}
    return {"packages": packages, "threads": torch.get_num_threads(), "platform": platform.platform()}


def describe(measured: Measurement) -> str:
    """The figures in words."""
    return (
        f"{measured.questions} questions, {measured.choices} choices, float32, {torch.get_num_threads()} threads\n"
        f"lm-evaluation-harness {version('lm-eval')}, batches of {measured.batch_size}: {measured.lm_eval_s:.1f} s, "
        f"MC1 {measured.mc1[1]:.4f}, MC2 {measured.mc2[1]:.4f}\n"
        f"seapo: {measured.seapo_s:.1f} s, MC1 {measured.mc1[0]:.4f}, MC2 {measured.mc2[0]:.4f}\n"
        f"{measured.ratio:.1f} times as fast, {measured.cpu_ratio:.1f} in processor time "
        f"(shared tokens allow {measured.bound:.1f}); "
        f"log-probabilities differ by at most {measured.largest_difference_nats:.5f} nats"
    )


def _hub_row(question: TruthfulQuestion) -> dict[str, Any]:
    targets = {"mc1_targets": question.mc1_targets, "mc2_targets": question.mc2_targets}
    columns = {name: {"choices": list(found), "labels": list(found.values())} for name, found in targets.items()}
    return {"question": question.question, **columns}


def _in_order(result: Any, name: str) -> list[Any]:
    return sorted(result["samples"][f"local_{name}"], key=lambda sample: sample["doc_id"])


def _harness_score(sample: Any) -> HarnessScore:
    return HarnessScore(float(sample["acc"]), [logprob for logprob, _ in sample["filtered_resps"]])


if __name__ == "__main__":
    main()
