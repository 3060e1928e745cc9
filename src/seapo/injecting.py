"""The stage inject of a run: what its output follows from, and what writes it, with the engine and checks it needs."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seapo.errors import RequestError
from seapo.journal import Journal
from seapo.progress import Counted, gain
from seapo.recipe import EngineSection, Recipe
from seapo.records import Candidate, Sample, digest
from seapo.run import Run
from seapo.store import record_files, write_json
from seapo.trained import load_scorer, scorer_fingerprint

if TYPE_CHECKING:
    from seapo.engine import ServedEngine

PROBED_SAMPLES = 4
"""An engine's speed is measured on the first request of each error type for so many samples, which then are known."""


def inject_depends(recipe: Recipe) -> list[Any]:
    """The engine's model counts, not where and how fast it is asked; the checks do where they decide what is next."""
    from seapo.taxonomy import find_error_type

    inject = recipe.inject
    types = [asdict(find_error_type(name, inject.types)) for name in inject.error_types]
    return [
        ranking_model(recipe),
        types,
        inject_steps(recipe),
        _engine_hash(recipe.engine) if asks_engine(recipe) else None,
        _checks_hash(recipe) if is_checked(recipe) else None,
    ]


def ranking_model(recipe: Recipe) -> str | None:
    """Stands for the model that judges plausibility; None where none is asked."""
    from seapo.inject import needs_model

    is_needed = needs_model(inject_steps(recipe), recipe.inject)
    return scorer_fingerprint(recipe, dtype=recipe.model.dtype) if is_needed else None


def _engine_hash(section: EngineSection) -> list[Any]:
    from seapo.engine.identity import engine_fingerprint

    if section.kind == "none":
        return []
    return [engine_fingerprint(section), section.max_tokens, section.context_tokens, section.response_format]


def _checks_hash(recipe: Recipe) -> list[Any]:
    """What the checks say of one candidate follows from this; how one of several is chosen does not."""
    from seapo.sandbox import is_available

    settings = recipe.verify
    return [
        settings.model_dump(mode="json", exclude={"workers", "balance", "giveaway_limit", "rejected_scored"}),
        is_available() or settings.allow_unsandboxed_code,
        _engine_hash(recipe.judge) if settings.use_judge else None,
    ]


def inject_steps(recipe: Recipe) -> tuple[tuple[str, ...], ...]:
    """The strategies that inject tries, step by step."""
    from seapo.inject import follows_instructions, steps_of

    return steps_of(recipe.inject, has_engine=recipe.engine.kind != "none", is_able=follows_instructions(recipe.engine))


def asks_engine(recipe: Recipe) -> bool:
    """Whether inject may ask the engine."""
    from seapo.inject import may_ask

    return recipe.engine.kind != "none" and may_ask(inject_steps(recipe))


def is_checked(recipe: Recipe) -> bool:
    """Whether what the checks say of a candidate decides what inject does next."""
    return asks_engine(recipe) or len(inject_steps(recipe)) > 1


def write_inject(run: Run, folder: Path) -> None:
    """Write what becomes of each sample as it comes, so that no more than a few are held."""
    from seapo.inject import InjectTally

    tally = InjectTally(run.recipe.inject.error_types)
    files = [folder / name for name in ("candidates.jsonl", "skipped.jsonl", "asked.jsonl")]
    with run.journal() as journal, ExitStack() as stack, record_files(*files) as writers:
        bar = run.progress("inject")(_injected(run, journal, stack))
        for result in bar:
            tally.add(result)
            found = {candidate.error_type for candidate in result.candidates}
            gain(bar, asked=len(run.recipe.inject.error_types), accepted=len(found))
            for write, records in zip(writers, (result.candidates, result.skips, result.asks), strict=True):
                for record in records:
                    write(record)
    write_json(folder / "summary.json", tally.summary().model_dump(mode="json"))


def _injected(run: Run, journal: Journal, stack: ExitStack) -> Counted[Any]:
    """The results of all samples, as they come; the stack closes the engines."""
    from seapo.inject import inject

    recipe, mark = run.recipe, ranking_model(run.recipe)
    samples = run.samples()
    engine = stack.enter_context(run.engine(recipe.engine, journal)) if asks_engine(recipe) else None
    if engine is not None:
        _say_estimate(run, engine, len(samples))
    results = inject(
        samples,
        recipe.inject,
        steps=inject_steps(recipe),
        scorer=None if mark is None else partial(load_scorer, recipe, dtype=recipe.model.dtype),
        fingerprint=digest([mark, engine and _engine_hash(recipe.engine)]),
        seed=recipe.seed,
        engine=engine,
        threads=2 * recipe.engine.concurrency if engine else 1,
        journal=journal,
        examine=_examiner(run, journal, stack) if is_checked(recipe) else None,
    )
    return Counted(results, len(samples))


def _say_estimate(run: Run, engine: "ServedEngine", count: int) -> None:
    """What the run will ask and take, from a short probe of its first samples."""
    from seapo.engine import estimate
    from seapo.inject import first_requests

    recipe, steps = run.recipe, inject_steps(run.recipe)
    samples = list(islice(run.stream("source", "samples.jsonl", Sample), PROBED_SAMPLES))
    probes = first_requests(samples, recipe.inject, steps, seed=recipe.seed)
    if probes:
        total = round(count * len(probes) / len(samples))
        try:
            run.say(f"  {estimate(engine, probes, total)}")
        except RequestError as problem:
            run.warn(str(problem))


def _examiner(run: Run, journal: Journal, stack: ExitStack) -> Callable[[Sample, Candidate], tuple[str, ...]]:
    """The checks of verify, put to one candidate."""
    from seapo.verify import examiner

    settings = run.recipe.verify
    judge = stack.enter_context(run.engine(run.recipe.judge, journal)) if settings.use_judge else None
    return examiner(settings, journal=journal, judge=judge, types=run.recipe.inject.types)
