"""The stages of a run: what the output of each follows from, and the function that writes it.

    source -> (diagnose ->) inject -> verify -> mix -> train -> evaluate -> report

A stage is reused when the fingerprint of its inputs still matches: its part of the recipe, the files of the stages
before it, the data's and the model's hash, and the version of its code. `STAGES` says which of these each stage has.
"""

import functools
import math
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seapo.diagnosing import PROFILE, diagnose_depends, diagnosed_weights, write_diagnose
from seapo.engine.request import Engine
from seapo.errors import RecipeError
from seapo.evaluating import evaluate_depends, write_evaluate
from seapo.injecting import inject_depends, ranking_model, write_inject
from seapo.journal import Journal
from seapo.recipe import DataSection, ModelSection, Recipe
from seapo.records import Candidate, Message, Negative, PreferencePair, Record, Skip, digest
from seapo.run import Run
from seapo.runfolder import MANIFEST, hash_files
from seapo.store import file_sha256, read_records, write_json, write_records
from seapo.summaries import TrainSummary
from seapo.trained import load_scorer, scorer_fingerprint
from seapo.wide import WIDE, WideRow, write_wide

if TYPE_CHECKING:
    from seapo.verify.audit import Scorer

HOW_NOT_WHAT = frozenset({"workers", "enabled"})
"""Settings that change whether or how a stage works, and nothing of what it writes."""
OPTIONAL = frozenset({"weights", "seed"})
"""Settings that count only where they are set, so that what was written before there were any is still reused."""
REPORTED = ("source", "diagnose", "inject", "verify", "mix", "train", "evaluate")


@dataclass(frozen=True)
class Stage:
    """One stage: what its output depends on, and the function that writes it."""

    name: str
    version: int
    """Raised when the stage's code gives other output for the same input."""
    sections: tuple[str, ...]
    """Sections of the recipe that it reads."""
    inputs: dict[str, tuple[str, ...]]
    """Stage -> files of it that it reads; no file named means all."""
    write: Callable[["Run", Path], None]
    depends: Callable[[Recipe], Any] | None = None
    """What else it depends on, as a JSON-like value: hashes of data and model, what the machine offers."""
    reads_what_is_there: bool = False
    """Whether it makes do with those of its inputs that have finished."""


def stage_fingerprint(run: Run, stage: Stage) -> str:
    """16 hex digits over everything that a stage's output follows from."""
    values = run.recipe.model_dump(mode="json")
    return digest(
        {
            "stage": [stage.name, stage.version],
            "seed": run.recipe.seed,
            "recipe": {section: _without(values[section], HOW_NOT_WHAT) for section in stage.sections},
            "inputs": {name: _input_hashes(run, name, files) for name, files in inputs_of(run, stage).items()},
            "depends": stage.depends(run.recipe) if stage.depends else None,
        }
    )


def _without(section: dict[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    is_unset = {key for key in OPTIONAL if section.get(key) is None}
    return {key: value for key, value in section.items() if key not in keys | is_unset}


def data_sha256(data: DataSection) -> dict[str, str]:
    """File -> SHA-256 of what the recipe's data path stands for; the starter set has a digest, a hub id is itself."""
    if data.path == "starter":
        from seapo.tasks.starter import training_samples

        return {"starter": digest(list(training_samples()))}
    path = Path(data.path)
    if path.is_file():
        return {path.name: file_sha256(path)}
    return hash_files(path) if path.is_dir() else {"hub": data.path}


def _source_depends(recipe: Recipe) -> Any:
    """The data, and the benchmarks that are kept out of it."""
    from seapo.tasks.local import data_hashes

    folder = recipe.data.decontaminate.data_dir
    data = data_sha256(recipe.data)
    return data if folder is None else [data, data_hashes(Path(folder).expanduser())]


def inputs_of(run: Run, stage: Stage) -> dict[str, tuple[str, ...]]:
    """What a stage reads of others: nothing, where training is given data of its own; mix perhaps the diagnosis."""
    if stage.reads_what_is_there:
        return {name: files for name, files in stage.inputs.items() if run.folder.fingerprint(name)}
    if stage.name == "train" and run.recipe.train.data_path:
        return {}
    if stage.name == "mix" and run.recipe.mix.weights == "from_diagnosis":
        return {**stage.inputs, "diagnose": (PROFILE,)}
    return stage.inputs


def _input_hashes(run: Run, stage: str, files: tuple[str, ...]) -> dict[str, str]:
    outputs = run.folder.outputs(stage)
    return {name: sha for name, sha in outputs.items() if not files or name in files}


def model_hash(recipe: Recipe) -> list[str]:
    from seapo.model.identity import dtype_name, model_fingerprint

    return [model_fingerprint(recipe.model), dtype_name(recipe.model.dtype)]


def _train_hash(recipe: Recipe) -> list[Any]:
    from seapo.model.identity import model_fingerprint

    reference, data = recipe.train.reference, recipe.train.data_path
    return [
        model_hash(recipe),
        None if reference is None else model_fingerprint(ModelSection(name=reference)),
        None if data is None else data_sha256(DataSection(path=data)),
    ]


def _verify_hash(recipe: Recipe) -> list[Any]:
    """What the verdicts follow from; raises RecipeError where a judge is wanted and none is configured.

    Unit tests prove nothing where no code may run, so a sandbox that was installed since makes a difference.
    """
    from seapo.engine.identity import engine_fingerprint
    from seapo.sandbox import is_available

    judge = None
    if recipe.verify.use_judge:
        if recipe.judge.kind == "none":
            raise RecipeError("verify.use_judge needs a model: set judge.kind to embedded, vllm or openai")
        judge = [engine_fingerprint(recipe.judge), recipe.judge.max_tokens]
    return [
        recipe.verify.model_dump(mode="json", exclude={"workers"}),
        recipe.inject.error_types,
        recipe.inject.types,
        judge,
        ranking_model(recipe) if recipe.verify.rejected_scored else None,
        is_available() or recipe.verify.allow_unsandboxed_code,
    ]


def _write_source(run: Run, folder: Path) -> None:
    from seapo.source import read_source

    result = read_source(run.recipe.data, seed=run.recipe.seed)
    write_records(folder / "samples.jsonl", result.samples)
    write_records(folder / "rejected_rows.jsonl", result.rejected)
    if run.recipe.data.decontaminate.data_dir is not None:
        write_records(folder / "decontaminated.jsonl", result.contaminations)
    _write_summary(folder, result.summary)
    run.say(f"  {result.summary.path}: format {result.summary.format}, {len(result.samples)} samples")


def _write_verify(run: Run, folder: Path) -> None:
    from seapo.verify import verify_to

    recipe = run.recipe
    with run.journal() as journal, open_judge(run, journal) as judge:
        summary = verify_to(
            folder,
            run.samples(),
            run.stream("inject", "candidates.jsonl", Candidate),
            run.stream("inject", "skipped.jsonl", Skip),
            recipe.verify,
            error_types=recipe.inject.error_types,
            types=recipe.inject.types,
            seed=recipe.seed,
            journal=journal,
            judge=judge,
            judge_threads=2 * recipe.judge.concurrency,
            scorer=_rejected_scorer(recipe, journal) if ranking_model(recipe) else None,
            progress=run.progress("verify"),
            warn=run.warn,
        )
    write_wide(folder / WIDE, run.samples(), read_records(folder / "negatives.jsonl", Negative))
    _write_summary(folder, summary)


def _rejected_scorer(recipe: Recipe, journal: Journal) -> "Scorer":
    """Log-probabilities of answers under the model that ranks candidates, which is loaded for those not yet known."""
    mark = scorer_fingerprint(recipe, dtype=recipe.model.dtype)
    model = functools.cache(functools.partial(load_scorer, recipe, dtype=recipe.model.dtype))

    def logprobs(prompt: tuple[Message, ...], answers: Sequence[str]) -> list[float]:
        key = digest(["verify", mark, [message.model_dump(mode="json") for message in prompt], list(answers)])
        if (known := journal.get(key)) is None:
            journal.put(key, "verify", known := model().logprobs(prompt, answers))
        found: list[float] = known
        return found

    return logprobs


def open_judge(run: Run, journal: Journal) -> AbstractContextManager[Engine | None]:
    """The model of the section `judge`, or None where the recipe asks for no judge."""
    return run.engine(run.recipe.judge, journal) if run.recipe.verify.use_judge else nullcontext()


def _mix_depends(recipe: Recipe) -> Any:
    """The number of epochs, where each has a draw of its own."""
    return math.ceil(recipe.train.num_train_epochs) if recipe.mix.draw == "each_epoch" else None


def _write_mix(run: Run, folder: Path) -> None:
    from seapo.mix import mix_rows

    recipe, settings = run.recipe, run.recipe.mix
    result = mix_rows(
        run.stream("verify", WIDE, WideRow),
        settings,
        seed=recipe.mix_seed,
        types=recipe.inject.types,
        weights=diagnosed_weights(run) if settings.weights == "from_diagnosis" else settings.weights,
        epochs=math.ceil(recipe.train.num_train_epochs),
    )
    write_records(folder / "pairs.jsonl", result.pairs)
    _write_summary(folder, result.summary)


def _write_train(run: Run, folder: Path) -> None:
    from seapo.train import processes

    if _take_over(run, folder):
        return
    with run.journal() as journal:
        if processes.count() > 1:
            run.has_called = True
            processes.tell(str(folder))
        _write_summary(folder, train_here(run, folder, journal))


def train_here(run: Run, folder: Path, journal: Journal) -> TrainSummary:
    from seapo.model.load import load_model
    from seapo.train import processes, train

    processes.join()  # before the model is loaded: each process has a device of its own
    summary: TrainSummary = train(
        [] if run.recipe.train.data_path else run.records("mix", "pairs.jsonl", PreferencePair),
        run.recipe.train,
        model=load_model(run.recipe.model),
        out_dir=folder,
        seed=run.recipe.train_seed,
        journal=journal,
        progress=run.progress,
        warn=run.warn,
    )
    return summary


def _take_over(run: Run, folder: Path) -> bool:
    """Take what a finished training wrote that differs in `train.merge` alone; merge it, in place of training again."""
    from seapo.model.load import load_model
    from seapo.train.saving import merge_saved

    settings = run.recipe.train
    before = run.recipe.model_copy(update={"train": settings.model_copy(update={"merge": not settings.merge})})
    finished = run.folder.stage("train")
    if run.folder.fingerprint("train") != stage_fingerprint(Run(before), STAGES["train"]):
        return False
    shutil.copytree(finished, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST, "merged"))
    if settings.merge and settings.tuning == "lora":
        merge_saved(load_model(run.recipe.model), folder)
    return True


def _write_report(run: Run, folder: Path) -> None:
    from seapo.report import write_report

    write_report(run.folder.path, folder, settings=run.recipe.report)


def _write_summary(folder: Path, summary: Record) -> None:
    write_json(folder / "summary.json", summary.model_dump(mode="json"))


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("source", 1, ("data",), {}, _write_source, _source_depends),
        Stage("diagnose", 1, ("diagnose", "model"), {}, write_diagnose, diagnose_depends),
        Stage("inject", 2, ("inject", "model"), {"source": ("samples.jsonl",)}, write_inject, inject_depends),
        Stage(
            "verify",
            3,
            (),
            {"source": ("samples.jsonl",), "inject": ("candidates.jsonl", "skipped.jsonl")},
            _write_verify,
            _verify_hash,
        ),
        Stage("mix", 2, ("mix",), {"verify": (WIDE,)}, _write_mix, _mix_depends),
        Stage("train", 2, ("train", "model"), {"mix": ("pairs.jsonl",)}, _write_train, _train_hash),
        Stage("evaluate", 2, ("evaluate", "model"), {"train": ()}, write_evaluate, evaluate_depends),
        Stage("report", 3, ("report",), dict.fromkeys(REPORTED, ()), _write_report, reads_what_is_there=True),
    )
}
