"""The stage: questions, the model's replies, and perhaps a judge -> rows and a profile."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seapo.answer import python_code
from seapo.diagnose.classify import diagnose_question
from seapo.diagnose.generation import Reply
from seapo.diagnose.profile import AnswerRow, Profile, profile_dimensions, type_weights
from seapo.diagnose.question import Question
from seapo.engine.request import Engine
from seapo.journal import Journal
from seapo.parallel import in_order
from seapo.recipe import Recipe
from seapo.records import UnitTestTruth
from seapo.unit_tests import TestRun, remembered, run_tests

BUILT_IN = ("correctness", "logic", "hallucination")
MUCH_UNTOLD = 0.5
"""Share of wrong answers without a type from which on a warning is given."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]


def diagnose(
    questions: Sequence[Question],
    replies: Sequence[Reply],
    recipe: Recipe,
    *,
    model: str,
    judge: Engine | None = None,
    journal: Journal | None = None,
    progress: Progress = lambda work: work,
) -> tuple[list[AnswerRow], Profile]:
    """Sort every reply, and count.

    Unit tests run in the sandbox; where there is none, their answers are not judged. Raises EngineError where a judge
    answers nobody, StoppedError at its budget.
    """
    threads = 2 * recipe.judge.concurrency if judge is not None else 1
    pairs = list(zip(questions, replies, strict=True))
    with ThreadPoolExecutor(threads, thread_name_prefix="diagnose") as pool:
        work = in_order(pool, lambda pair: _row(*pair, recipe, judge, journal), pairs, ahead=2 * threads)
        rows = list(progress(work))
    return rows, _profile(rows, recipe, model, judge)


def _row(question: Question, reply: Reply, recipe: Recipe, judge: Engine | None, journal: Journal | None) -> AnswerRow:
    is_there = reply.finish in ("stop", "length")
    diagnosis = None
    if is_there:
        diagnosis = diagnose_question(
            question,
            reply.text,
            judge=judge,
            error_types=_types(recipe),
            types=recipe.inject.types,
            is_cut=reply.finish == "length",
            tests=_tests(question, reply.text, recipe, journal),
        )
    return AnswerRow(
        id=question.id,
        task=question.task,
        dimension=question.dimension,
        question=question.question,
        reference=question.reference,
        answer=reply.text,
        finish=reply.finish,
        diagnosis=diagnosis,
    )


def _types(recipe: Recipe) -> tuple[str, ...]:
    """The types that an error may have: those that a program tells, and those that the recipe injects."""
    return tuple(dict.fromkeys((*BUILT_IN, *recipe.inject.error_types)))


def _tests(question: Question, answer: str, recipe: Recipe, journal: Journal | None) -> TestRun | None:
    code = python_code(answer)
    if not isinstance(question.truth, UnitTestTruth) or code is None:
        return None
    return remembered(run_tests, journal)(code, question.truth.tests, recipe.verify)


def _profile(rows: Sequence[AnswerRow], recipe: Recipe, model: str, judge: Engine | None) -> Profile:
    settings, error_types = recipe.diagnose, recipe.inject.error_types
    dimensions = profile_dimensions(rows, _types(recipe), confidence=settings.confidence)
    weights = type_weights(rows, error_types, pseudo_count=settings.pseudo_count, confidence=settings.confidence)
    return Profile(
        model=model,
        answered_by=settings.answered_by,
        judge=None if judge is None else judge.name,
        questions=settings.questions,
        seed=recipe.seed,
        limit=settings.limit,
        confidence=settings.confidence,
        dimensions=dimensions,
        weights=weights,
        finish=dict(sorted(Counter(row.finish for row in rows).items())),
        warnings=tuple(_warnings(dimensions[0].wrong, sum(each.count for each in weights), recipe)),
    )


def _warnings(wrong: int, told: int, recipe: Recipe) -> Iterable[str]:
    if told == 0:
        yield f"none of {wrong} wrong answers has an error type, so all weights are alike; ask more, or set a judge"
    elif told < (1 - MUCH_UNTOLD) * wrong:
        yield f"{wrong - told} of {wrong} wrong answers have no error type; a judge (judge.kind) tells more of them"
    tuned = [name for name in recipe.diagnose.questions if name in ("bbh", "truthfulqa")]
    if tuned:
        yield (
            f"{' and '.join(tuned)} have no items beside those that are evaluated; weights that follow from them are "
            "tuned to that measurement"
        )
