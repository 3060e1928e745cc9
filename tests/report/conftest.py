"""A made-up run's folder, written with the project's own records: 30 samples, three error types, all stages done."""

import json
import math
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seapo.interval import share, wilson_interval
from seapo.recipe import ReportSection, dump_recipe, parse_recipe
from seapo.records import CheckResult, Edit, Negative, RejectedRow, Sample, Skip, Verdict, apply_edits
from seapo.report import RunContents, read_run, render
from seapo.store import read_records, write_json, write_records, write_text
from seapo.summaries import (
    AuditRow,
    AuditSummary,
    DimensionProfile,
    Estimate,
    EvaluateSummary,
    EvaluationResults,
    InjectSummary,
    LogprobGap,
    MixSummary,
    Profile,
    ScoreRow,
    SourceSummary,
    TaskResult,
    TrainSummary,
    TypeShare,
    TypeWeight,
    VerifySummary,
)

HOSTILE = "</script><img src=x onerror=\"document.title='hacked'\"><svg onload=alert(1)>\u202e&lt;{{ 7 * 7 }}"
TYPES = ("correctness", "logic", "hallucination")
RECIPE = {"name": "made-up", "seed": 7, "train": {"method": "dpo", "learning_rate": 2e-4}, "data": {"limit": 30}}
FACTS = {
    "seapo": "0.1.0",
    "python": "3.11.9",
    "platform": "Linux-6.1-x86_64",
    "packages": {"torch": "2.13.0", "transformers": "5.23.0"},
    "data_sha256": {"train.jsonl": "3f" * 32},
    "model": {"name": "embedded", "sha256": "ab" * 32},
    "stages": {
        "source": {"seconds": 0.4, "fingerprint": "01"},
        "inject": {"seconds": 48.2, "fingerprint": "02"},
        "train": {"seconds": 131.0, "fingerprint": "03"},
    },
    "machine": {"cores": 2, "memory_gb": 24},
}


@dataclass(frozen=True)
class Error:
    """One replacement in an answer, and what the checks are to say of it."""

    error_type: str
    subtype: str
    original: str
    replacement: str
    proof: str | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Task:
    """A question with a good answer and two errors that fit it."""

    question: str
    answer: str
    errors: tuple[Error, Error]


def _apples(n: int) -> Task:
    total, left = 12 * n, 12 * n - 7
    wrong = f"{n} × 12 = {total + 6} is false: it is {total}"
    return Task(
        f"A shop buys {n} crates of 12 apples. 7 apples are bruised. How many can be sold?",
        f"Each crate holds 12 apples, so {n} crates hold {n} × 12 = {total} apples.\n\n"
        f"Since 7 of them are bruised, {total} − 7 = {left} apples can be sold.\n\nThe answer is {left}.",
        (
            Error("correctness", "wrong_arithmetic", f"= {total} apples", f"= {total + 6} apples", "arithmetic", wrong),
            Error(
                "logic", "wrong_conclusion", f"answer is {left}.", f"answer is {left + 7}.", "final_answer", "7 more"
            ),
        ),
    )


def _heights(n: int) -> Task:
    a, b, c = (("Ana", "Bo", "Cleo", "Dev")[(n + i) % 4] for i in range(3))
    wrong = f"the final answer is {c}, the sample's is {a}"
    return Task(
        f"{a} is taller than {b}. {b} is taller than {c}. Who is the tallest?",
        f"{a} is taller than {b}, and {b} is taller than {c}. Therefore {a} is the tallest of the three. Answer: {a}",
        (
            Error("correctness", "wrong_name", f"Answer: {a}", f"Answer: {c}", "final_answer", wrong),
            Error("logic", "wrong_connective", "Therefore", "Nevertheless"),
        ),
    )


def _code(n: int) -> Task:
    missing = "AttributeError: 'list' object has no attribute 'sum_where'"
    return Task(
        f"Write a Python function that sums the values above a limit (default {n}).",
        f'```python\ndef total_above(values, limit={n}):\n    """Sum of the values above a limit."""\n'
        "    return sum(value for value in values if value > limit)\n```\nIt walks the list once.",
        (
            Error("correctness", "wrong_operator", "value > limit", "value < limit", "unit_tests", "got 1, wanted 9"),
            Error("hallucination", "invented_api", "return sum(", "return values.sum_where(", "unit_tests", missing),
        ),
    )


def _capital(n: int) -> Task:
    cities = (("Norway", "Oslo", "Bergen"), ("Canada", "Ottawa", "Toronto"), ("Kenya", "Nairobi", "Mombasa"))
    country, capital, other = cities[n % len(cities)]
    wrong = f"the final answer is {other}, the sample's is {capital}"
    seat = "It is the seat of the government"
    source = f"According to the {1950 + n} Atlas of Capitals by R. Hallgrim, it is the seat of the government"
    return Task(
        f"What is the capital of {country}? (Question {n})",
        f"The capital of {country} is {capital}. {seat}, and most ministries stand there.",
        (
            Error("correctness", "wrong_place", capital, other, "final_answer", wrong),
            Error("hallucination", "invented_source", seat, source),
        ),
    )


def _myth(n: int) -> Task:
    relief, recovery = "The discomfort goes away after a rest", "the eye muscles recover"
    invented = "a survey of 4,812 readers found lasting damage in 37% of them"
    return Task(
        f"Does reading in dim light for {n + 1} hours ruin your eyes?",
        f"No. Reading in dim light for {n + 1} hours tires the eyes, but studies have found no lasting damage. "
        f"{relief}, because {recovery}.",
        (
            Error("logic", "reversed_cause", f"{relief}, because {recovery}", f"T{recovery[1:]}, because {relief}"),
            Error("hallucination", "invented_statistic", "studies have found no lasting damage", invented),
        ),
    )


MAKERS: dict[str, Callable[[int], Task]] = {
    "mathematics": _apples,
    "reasoning": _heights,
    "coding": _code,
    "knowledge": _capital,
    "truthfulness": _myth,
}


def _negative(sample: Sample, error: Error) -> Negative:
    draw = random.Random(f"{sample.id}:{error.error_type}")
    start = sample.chosen.index(error.original)
    edit = Edit(start=start, end=start + len(error.original), original=error.original, replacement=error.replacement)
    checks = [
        CheckResult(check="length", outcome="pass", evidence="1.02 times as long as the chosen answer"),
        CheckResult(check="disclosure", outcome="pass", evidence="no talk of errors"),
    ]
    if error.proof:
        checks.append(CheckResult(check=error.proof, outcome="pass", evidence=error.evidence))
    chosen_logprob = -draw.uniform(30, 90)
    return Negative(
        sample_id=sample.id,
        error_type=error.error_type,
        subtype=error.subtype,
        strategy=draw.choice(("rule", "pivot")),
        injector=f"{error.subtype} rule",
        rank=0,
        text=apply_edits(sample.chosen, (edit,)),
        edits=(edit,),
        logprob_nats=chosen_logprob - draw.gauss(7, 3),
        chosen_logprob_nats=chosen_logprob,
        severity=draw.choice(("subtle", "moderate", "gross")),
        edit_ratio=max(len(error.original), len(error.replacement)) / len(sample.chosen),
        verdict=Verdict(
            status="proved" if error.proof else "constructed",
            proofs=(error.proof,) if error.proof else (),
            checks=tuple(checks),
        ),
    )


def _make_samples() -> tuple[list[Sample], list[Negative]]:
    """30 samples, six of each dimension, and two negatives of each."""
    samples, negatives = [], []
    for n in range(6):
        for dimension, make in MAKERS.items():
            task, line = make(n + 3), len(samples) + 1
            system = [{"role": "system", "content": "You are a careful assistant."}] if n == 0 else []
            values = {
                "id": f"starter-{line:03d}",
                "source": "train.jsonl",
                "line": line,
                "prompt": [*system, {"role": "user", "content": task.question}],
                "chosen": task.answer,
                "rejected": ["I am not sure, sorry."] if dimension == "knowledge" else [],
                "dimension": dimension,
            }
            samples.append(Sample.model_validate(values))
            negatives += [_negative(samples[-1], error) for error in task.errors]
    return samples, negatives


def _metrics(steps: int) -> list[dict[str, float]]:
    draw, rows = random.Random("metrics"), []
    for step in range(1, steps + 1):
        progress = 1 - math.exp(-3 * step / steps)
        row: dict[str, float] = {"step": step, "epoch": 3 * step / steps, "grad_norm": 1.1}
        row["loss"] = 0.5 - 0.22 * progress + draw.gauss(0, 0.015)
        row["rewards/chosen"] = -0.35 * progress + draw.gauss(0, 0.04)
        for name, height in (("", 0.9), ("/correctness", 1.2), ("/logic", 0.6), ("/hallucination", 0.9)):
            row[f"rewards/margins{name}"] = height * progress + draw.gauss(0, 0.1)
            row[f"rewards/accuracies{name}"] = min(1.0, 0.5 + 0.4 * height * progress + draw.gauss(0, 0.04))
        rows.append(row)
    return rows


def _score(name: str, before: float, after: float, half_width: float) -> dict[str, Any]:
    difference = after - before
    low, high = difference - half_width, difference + half_width
    return {
        "name": name,
        "dimension": name,
        "metric": "acc",
        "items": 40,
        "before": before,
        "before_interval": (before - 0.12, before + 0.12),
        "after": after,
        "after_interval": (after - 0.12, after + 0.12),
        "difference": difference,
        "difference_interval": (low, high),
        "verdict": "better" if low > 0 else "worse" if high < 0 else "undecided",
    }


def build_run(folder: Path) -> Path:
    """Write the folder of a finished run."""
    samples, negatives = _make_samples()
    for stage in ("source", "inject", "verify", "mix", "train", "evaluate"):
        (folder / stage).mkdir(parents=True)
    write_text(folder / "recipe.yaml", dump_recipe(parse_recipe(RECIPE)))
    write_json(folder / "run.json", FACTS)
    _write_source(folder / "source", samples)
    _write_inject(folder / "inject", negatives)
    _write_verify(folder / "verify", negatives)
    _write_mix_and_train(folder)
    _write_evaluate(folder / "evaluate")
    return folder


def _write_source(folder: Path, samples: list[Sample]) -> None:
    rows = [
        RejectedRow(file="train.jsonl", line=41, reason="empty answer", row='{"prompt": "2 + 2?", "chosen": ""}'),
        RejectedRow(file="train.jsonl", line=57, reason="duplicate of line 12", row='{"prompt": "Who wrote it?"}'),
        RejectedRow(file="train.jsonl", line=58, reason="not JSON: Expecting value", row="<<<<<<< HEAD"),
    ]
    write_records(folder / "samples.jsonl", samples)
    write_records(folder / "rejected_rows.jsonl", rows)
    summary = SourceSummary(
        path="train.jsonl",
        format="prompt-response",
        columns={"prompt": "prompt", "chosen": "chosen"},
        rows=60,
        samples=30,
        beyond_limit=27,
        set_aside={"empty answer": 1, "duplicate": 1, "not JSON": 1},
        by_dimension=dict.fromkeys(MAKERS, 6),
    )
    write_json(folder / "summary.json", summary.model_dump(mode="json"))


def _write_inject(folder: Path, negatives: list[Negative]) -> None:
    made = Counter(negative.error_type for negative in negatives)
    summary = InjectSummary(
        asked=dict.fromkeys(TYPES, 30),
        candidates={name: 5 * made[name] for name in TYPES},
        by_strategy={name: {"rule": 3 * made[name], "pivot": 2 * made[name]} for name in TYPES},
        skipped={
            "correctness": {"no number, name or place in the answer": 4},
            "logic": {"no step or connective": 9},
            "hallucination": {"no claim to attribute": 8},
        },
        injector="SmolLM2-135M-Instruct",
    )
    write_json(folder / "summary.json", summary.model_dump(mode="json"))


def _write_verify(folder: Path, negatives: list[Negative]) -> None:
    own = "its own unit tests fail on the chosen answer"
    write_records(folder / "negatives.jsonl", negatives)
    write_records(
        folder / "set_aside.jsonl",
        [Skip(sample_id="starter-003", error_type="correctness", stage="verify", reason=own)],
    )
    statuses: dict[str, Counter[str]] = {name: Counter() for name in TYPES}
    proofs: dict[str, Counter[str]] = {name: Counter() for name in TYPES}
    for negative in negatives:
        statuses[negative.error_type][negative.verdict.status] += 1
        proofs[negative.error_type].update(negative.verdict.proofs)
    values = {
        "asked": dict.fromkeys(TYPES, 30),
        "accepted": {name: statuses[name].total() for name in TYPES},
        "status": statuses,
        "proofs": proofs,
        "dropped_candidates": {"correctness": {"final_answer": 21, "length": 2}, "logic": {"edit_ratio": 14}},
        "without_negative": {"correctness": {"every candidate failed": 2}, "logic": {"every candidate failed": 7}},
        "set_aside_samples": {own: 1},
    }
    write_json(folder / "summary.json", VerifySummary.model_validate(values).model_dump(mode="json"))


def _write_mix_and_train(folder: Path) -> None:
    pairs = {"correctness": 11, "logic": 9, "hallucination": 9}
    mix = MixSummary(kind="mixed", samples=30, pairs=29, by_error_type=pairs, without_pair=1)
    write_json(folder / "mix" / "summary.json", mix.model_dump(mode="json"))
    write_text(folder / "train" / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in _metrics(24)))
    train = TrainSummary(
        method="dpo",
        model="embedded",
        samples=29,
        pairs=29,
        set_aside={},
        steps=24,
        trainable_parameters=2_442_240,
        tokens_computed=18_431,
        tokens_padded=60_120,
        final={"loss": 0.291, "rewards/margins": 0.88, "rewards/margins/correctness": 1.13},
        warnings=("the chosen answers became less likely throughout, by 3.4 nats at the end",),
    )
    write_json(folder / "train" / "summary.json", train.model_dump(mode="json"))


def _write_evaluate(folder: Path) -> None:
    rows = [
        ScoreRow.model_validate(_score(*values))
        for values in (
            ("mathematics", 0.325, 0.350, 0.061),
            ("reasoning", 0.475, 0.450, 0.055),
            ("coding", 0.55, 0.55, 0.043),
            ("knowledge", 0.50, 0.425, 0.068),
            ("truthfulness", 0.40, 0.525, 0.089),
        )
    ]
    summary = EvaluateSummary(
        model="embedded",
        confidence=0.95,
        method="Student's t over the paired differences",
        tasks=tuple(rows),
        dimensions=tuple(rows),
        not_measured={"truthfulqa": "it needs a data folder (evaluate.data_dir)"},
    )
    write_json(folder / "summary.json", summary.model_dump(mode="json"))


@pytest.fixture
def made_run(tmp_path: Path) -> Path:
    """Folder of a finished, made-up run."""
    return build_run(tmp_path / "made-up")


AUDIT = AuditSummary(
    limit=0.7,
    rows=(
        AuditRow(
            error_type="correctness",
            pairs=140,
            pairs_used=140,
            auc=Estimate(value=0.51, low=0.48, high=0.54),
            paired_accuracy=Estimate(value=0.53, low=0.46, high=0.6),
            telltales=("piece 00 -0.10",),
        ),
        AuditRow(
            error_type="logic",
            pairs=130,
            pairs_used=130,
            auc=Estimate(value=0.6, low=0.57, high=0.63),
            paired_accuracy=Estimate(value=0.84, low=0.79, high=0.89),
            telltales=("word not +0.31", "<b>word</b> +0.20"),
        ),
        AuditRow(error_type="hallucination", pairs=40, not_judged="40 pairs are too few to tell; 100 are needed"),
    ),
    gaps=(
        LogprobGap(
            of="rejected",
            pairs=90,
            mean_nats=Estimate(value=31.26, low=25.0, high=37.5),
            median_nats=28.0,
            prefers_chosen=0.8,
        ),
        LogprobGap(
            of="logic",
            pairs=18,
            mean_nats=Estimate(value=1.8, low=-1.5, high=4.5),
            median_nats=4.5,
            prefers_chosen=0.82,
        ),
    ),
    warnings=("logic negatives can be told by their surface: paired accuracy 0.84 (0.79-0.89), over 0.70",),
)


def make_profile() -> Profile:
    """A diagnosis of 50 answers, 40 of them wrong."""
    counts = {"correctness": 24, "logic": 8, "hallucination": 0, "other": 4}
    types = tuple(
        TypeShare(
            error_type=name,
            of_wrong=share(number, 40, confidence=0.95),
            of_all=share(number, 48, confidence=0.95),
            proved=number // 2,
        )
        for name, number in counts.items()
    )
    whole = DimensionProfile(
        name="all",
        answers=50,
        not_judged=2,
        accuracy=share(8, 48, confidence=0.95),
        wrong=40,
        types=types,
        type_not_judged=share(4, 40, confidence=0.95),
    )
    weights = tuple(
        TypeWeight(
            error_type=name,
            count=counts[name],
            weight=round((counts[name] + 1) / 35, 6),
            interval=wilson_interval(counts[name], 32, confidence=0.9833),
        )
        for name in TYPES
    )
    return Profile(
        model="SmolLM2-135M-Instruct",
        answered_by="model",
        judge=None,
        questions=("starter", "gsm8k"),
        seed=7,
        limit=25,
        confidence=0.95,
        dimensions=(whole, whole.model_copy(update={"name": "mathematics"})),
        weights=weights,
    )


def _evaluation(name: str, value: float) -> EvaluationResults:
    def result(task: str, metric: str, group: str = "") -> TaskResult:
        return TaskResult(
            name=task, dimension="mathematics", metric=metric, items=40, value=value, stderr=0.07,
            interval=(value - 0.1, value + 0.1), group=group,
        )  # fmt: skip

    return EvaluationResults(
        model=name,
        model_fingerprint="ab" * 8,
        dtype="float32",
        protocol="paper",
        suites=("starter", "mathematics"),
        seed=7,
        limit=40,
        confidence=0.95,
        tasks=(result("gsm8k", "exact_match"), result("math_algebra", "exact_match", "math")),
        further=(result("gsm8k", "exact_match,flexible-extract"),),
        truncated={"gsm8k": 3},
    )


@pytest.fixture
def full_run(made_run: Path) -> Path:
    """The made-up run with an audit, a diagnosis, and both models' own evaluations by several benchmarks."""
    verify = made_run / "verify" / "summary.json"
    values = json.loads(verify.read_text(encoding="utf-8"))
    write_json(verify, values | {"audit": AUDIT.model_dump(mode="json")})
    (made_run / "diagnose").mkdir()
    write_json(made_run / "diagnose" / "profile.json", make_profile().model_dump(mode="json"))
    for when, value in (("before", 0.3), ("after", 0.4)):
        (made_run / "evaluate" / when).mkdir()
        found = _evaluation(when, value).model_dump(mode="json")
        write_json(made_run / "evaluate" / when / "results.json", found)
    _add_benchmarks(made_run / "evaluate" / "summary.json")
    return made_run


def _add_benchmarks(path: Path) -> None:
    """Two benchmarks behind the dimension mathematics, one of them in two parts."""
    values = json.loads(path.read_text(encoding="utf-8"))
    rows = {name: _score(name, 0.3, 0.4, 0.05) for name in ("gsm8k", "math_algebra", "math")}
    for row in rows.values():
        row["dimension"] = "mathematics"
    values["tasks"] += [rows["gsm8k"], rows["math_algebra"]]
    values["groups"] = [rows["math"]]
    write_json(path, values)


@pytest.fixture(scope="session")
def made_contents(tmp_path_factory: pytest.TempPathFactory) -> RunContents:
    """What the made-up run holds; to be replaced in parts, never changed."""
    return read_run(build_run(tmp_path_factory.mktemp("contents") / "made-up"))


@pytest.fixture(scope="session")
def made_html(made_contents: RunContents) -> str:
    """The page of the made-up run."""
    return render(made_contents, settings=ReportSection())


FIXED = {
    "role", "dimension", "status", "outcome", "kind", "verdict", "sample_id", "id", "error_type", "original", "tuning",
    "protocol", "severity",
}  # fmt: skip
"""Keys whose strings are not free: names that the records know, and what the edits must fit."""


def poison(value: Any) -> Any:
    """The JSON value with hostile text behind every string that data, a model or a plug-in may have written."""
    if isinstance(value, dict):
        return {
            key: inner if key in FIXED and isinstance(inner, str) else poison(inner) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [poison(inner) for inner in value]
    return value + HOSTILE if isinstance(value, str) else value


@pytest.fixture(scope="session")
def hostile_text() -> str:
    """Markup that would run a script if it were not escaped, an override of the reading direction, a template."""
    return HOSTILE


@pytest.fixture
def hostile_run(full_run: Path) -> Path:
    """A run in which every free text ends in markup, a script, and a bidirectional override."""
    made_run = full_run
    for path in made_run.rglob("*.json"):
        values = poison(json.loads(path.read_text()))
        for key in {"set_aside", "not_measured", "packages"} & values.keys():
            values[key] = {f"{name}{HOSTILE}": inner for name, inner in values[key].items()}
        path.write_text(json.dumps(values))
    for path in (made_run / "source" / "rejected_rows.jsonl", made_run / "verify" / "set_aside.jsonl"):
        path.write_text("".join(json.dumps(poison(json.loads(line))) + "\n" for line in path.read_text().splitlines()))
    _poison_answers(made_run / "source" / "samples.jsonl", made_run / "verify" / "negatives.jsonl")
    recipe = made_run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("path: starter", f"path: {json.dumps(HOSTILE)}"))
    return made_run


def _poison_answers(samples: Path, negatives: Path) -> None:
    poisoned = [
        Sample.model_validate(poison(sample.model_dump(mode="json"))) for sample in read_records(samples, Sample)
    ]
    chosen = {sample.id: sample.chosen for sample in poisoned}
    worse = [Negative.model_validate(poison(one.model_dump(mode="json"))) for one in read_records(negatives, Negative)]
    fitting = [one.model_copy(update={"text": apply_edits(chosen[one.sample_id], one.edits)}) for one in worse]
    write_records(samples, poisoned)
    write_records(negatives, fitting)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real headless Chromium with an empty profile, its console and its network log switched on."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    switches = (
        "headless=new no-sandbox disable-gpu disable-quic disable-dev-shm-usage disable-background-networking "
        "disable-component-update disable-sync no-first-run hide-scrollbars"
    )
    for switch in [*switches.split(), f"user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()
