"""The stage diagnose of a run: what its output follows from, and what writes it, with the model and judge it needs."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from seapo.errors import DataError, RecipeError, RunError
from seapo.journal import Journal
from seapo.progress import Counted
from seapo.recipe import EngineSection, Recipe
from seapo.records import digest
from seapo.run import Run
from seapo.store import read_json, write_json, write_records

if TYPE_CHECKING:
    from seapo.diagnose import Question
    from seapo.diagnose.generation import Reply

PROFILE = "profile.json"


def diagnose_depends(recipe: Recipe) -> list[Any]:
    """The questions themselves, the model that answers, the judge, and whether code may run."""
    from seapo.diagnose import load_questions
    from seapo.model.identity import dtype_name, model_fingerprint
    from seapo.sandbox import is_available

    settings = recipe.diagnose
    if settings.answered_by == "engine":
        if recipe.engine.kind == "none":
            raise RecipeError("diagnose.answered_by: engine needs one: set engine.kind to embedded, vllm or openai")
        answering: Any = _engine_mark(recipe.engine)
    else:
        answering = [model_fingerprint(recipe.model), dtype_name(recipe.model.dtype)]
    return [
        digest(load_questions(settings, seed=recipe.seed)),
        answering,
        _engine_mark(recipe.judge) if has_judge(recipe) else None,
        [recipe.inject.error_types, recipe.inject.types],
        [is_available() or recipe.verify.allow_unsandboxed_code, recipe.verify.test_timeout_s],
    ]


def has_judge(recipe: Recipe) -> bool:
    """Whether a judge is asked."""
    return recipe.diagnose.use_judge and recipe.judge.kind != "none"


def _engine_mark(section: EngineSection) -> list[Any]:
    from seapo.engine.identity import engine_fingerprint

    return [engine_fingerprint(section), section.max_tokens, section.context_tokens]


def write_diagnose(run: Run, folder: Path) -> None:
    """Write what the model answered and what was made of it (`answers.jsonl`), and the profile (`profile.json`)."""
    from seapo.diagnose import diagnose, load_questions

    recipe = run.recipe
    questions = load_questions(recipe.diagnose, seed=recipe.seed)
    with run.journal() as journal, ExitStack() as stack:
        name, replies = _replies(run, questions, journal, stack)
        judge = stack.enter_context(run.engine(recipe.judge, journal)) if has_judge(recipe) else None
        rows, profile = diagnose(
            questions,
            replies,
            recipe,
            model=name,
            judge=judge,
            journal=journal,
            progress=lambda work: run.progress("diagnose: sort")(Counted(work, len(questions))),
        )
    write_records(folder / "answers.jsonl", rows)
    write_json(folder / PROFILE, profile.model_dump(mode="json"))
    for warning in profile.warnings:
        run.warn(warning)


def _replies(run: Run, questions: "list[Question]", journal: Journal, stack: ExitStack) -> "tuple[str, list[Reply]]":
    """The name of what answers, and its replies."""
    from seapo.diagnose import Answering, engine_replies, model_replies
    from seapo.model.identity import dtype_name, model_fingerprint

    recipe, settings = run.recipe, run.recipe.diagnose
    if settings.answered_by == "engine":
        engine = stack.enter_context(run.engine(recipe.engine, journal))
        replies = engine_replies(
            questions,
            engine,
            max_completion_tokens=settings.max_completion_tokens,
            threads=2 * recipe.engine.concurrency,
            progress=lambda work: run.progress("diagnose: ask")(Counted(work, len(questions))),
        )
        return engine.name, replies
    how = Answering(
        partial(_load, recipe),
        fingerprint=digest([model_fingerprint(recipe.model), dtype_name(recipe.model.dtype)]),
        max_completion_tokens=settings.max_completion_tokens,
        batch_size=settings.batch_size,
    )
    return recipe.model.name, model_replies(questions, how, journal=journal, progress=run.progress("diagnose: ask"))


def _load(recipe: Recipe) -> tuple[Any, Any]:
    from seapo.model.load import load_model

    loaded = load_model(recipe.model)
    return loaded.model, loaded.tokenizer


def diagnosed_weights(run: Run) -> dict[str, float]:
    """Error type -> its weight, from the finished diagnosis of the run.

    Raises RunError where there is none, DataError where it is of another version.
    """
    from seapo.diagnose import Profile

    path = run.folder.stage("diagnose") / PROFILE
    if not path.is_file():
        raise RunError(f"mix.weights is from_diagnosis, and there is none; run: seapo diagnose {run.folder.path}")
    try:
        profile = Profile.model_validate(read_json(path))
    except ValidationError as problem:
        first = problem.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path}: is no diagnosis that this version of seapo can read ({where}: {first['msg']}); make it anew with "
            f"`seapo diagnose {run.folder.path}`"
        ) from problem
    return {each.error_type: each.weight for each in profile.weights}
