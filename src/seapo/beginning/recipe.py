"""A first recipe for a user's own data: every setting that data, model and machine decide, with the reason beside it.

    beginning = begin("my.jsonl", overrides=["train.method=dpo"], time_s=3600)
    Path("my.yaml").write_text(beginning.text)

What the user says counts as it is; the rest is chosen here, and the recipe runs as it is written.
"""

import math
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seapo.amounts import duration
from seapo.beginning.forecast import Forecast, forecast
from seapo.beginning.machine import Fit, measure_fit, quantile
from seapo.beginning.survey import Progress, Survey, Tried, survey_data
from seapo.errors import RecipeError
from seapo.inject.rounds import MAX_TOKENS
from seapo.recipe import Recipe, default_recipe, parse_recipe
from seapo.records import Record

GROWTH_TOKENS = 64
"""Room for a negative that is longer than its answer."""
SMALL_MODEL = 1_000_000_000
"""Parameters below which a model is trained as the embedded one is, and not as published."""
FEW_PAIRS = 100
MIN_LIMIT = 20
MIN_TRIED = 20
COVERED, COVERED_IN_HASTE = 0.95, 0.8
"""Share of the samples that lengths are chosen for; the second where time is short and the longest would take most."""
WIDTH = 100
_ENGINE_NOTE = """\
Errors are put in by rule and from the model's own likely mistakes (engine.kind is none). A model that follows \
instructions knows more kinds; where it is named, it makes the errors first (docs/engines.md):
engine: {kind: openai, base_url: "http://127.0.0.1:11434/v1", model: "qwen2.5:7b"}"""


class Choice(Record):
    """One setting, and why it is so."""

    key: str
    """As in an override: `train.max_length`."""
    value: Any
    why: str


class Beginning(Record):
    """A recipe as text, and what it follows from."""

    text: str
    """The recipe as YAML with comments."""
    choices: tuple[Choice, ...]
    survey: Survey
    fit: Fit
    forecast: Forecast
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Basis:
    """What choices are made from."""

    said: Recipe
    """What the user says, and the defaults."""
    is_said: Callable[[str], bool]
    survey: Survey
    fit: Fit
    time_s: float


def begin(path: str, *, overrides: Sequence[str], time_s: float, progress: Progress) -> Beginning:
    """Look at the data and the machine, and choose; `overrides` are what the user says, as `train.method=dpo`.

    Raises DataError where the data cannot be read or recognised, RecipeError for overrides that are none, ModelError
    where the model cannot be loaded.
    """
    from seapo.model.load import load_model

    said = default_recipe([f"data.path={yaml.safe_dump(path).strip()}", *overrides])
    surveyed = survey_data(said.data, said.inject, seed=said.seed, progress=progress)
    fit = measure_fit(load_model(said.model), surveyed.samples, progress=progress("measure speed"))
    basis = _Basis(said, _told(overrides), surveyed.survey, fit, time_s)
    choices = _choices(basis)
    text = _written(basis, choices)
    recipe = parse_recipe(yaml.safe_load(text))
    usable = _usable(basis, recipe.train.max_length, recipe.data.limit)
    rejected = surveyed.survey.with_rejected
    expected = forecast(recipe, fit, usable, _share_with_error(surveyed.survey), rejected=rejected)
    warnings = tuple(_warnings(basis, recipe, expected))
    return Beginning(
        text=_headed(basis, expected, text),
        choices=tuple(choices),
        survey=surveyed.survey,
        fit=fit,
        forecast=expected,
        warnings=warnings,
    )


def default_name(path: str) -> str:
    """A name for the run and its recipe, from the data's: letters, digits, dots and dashes."""
    stem = re.sub(r"(\.(jsonl?|ndjson|csv|tsv|parquet|arrow|gz))+$", "", Path(path).name, flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    return name or "mine"


def _told(overrides: Sequence[str]) -> Callable[[str], bool]:
    """Whether a key, or the section that it is in, is among the user's words."""
    keys = [override.partition("=")[0] for override in overrides]
    return lambda key: any(one == key or key.startswith(f"{one}.") or one.startswith(f"{key}.") for one in keys)


def _choices(basis: _Basis) -> list[Choice]:
    """All choices, in the order of the recipe; what the user said comes in the place of ours."""
    name = default_name(basis.said.data.path)
    ours = [Choice(key="name", value=name, why=f"What comes of it goes to {basis.said.runs_dir}/{name}.")]
    ours += _about_model(basis)
    lengths = _about_lengths(basis)
    ours += [*_about_data(basis, lengths), *_about_errors(basis, lengths)]
    ours += [*_about_training(basis, lengths), *_about_evaluation()]
    found = [choice for choice in ours if not basis.is_said(choice.key)]
    return found + [choice for choice in _said(basis) if choice.key not in {one.key for one in found}]


def _said(basis: _Basis) -> Iterator[Choice]:
    """What the user said, value by value."""
    values = basis.said.model_dump(mode="json")
    defaults = Recipe().model_dump(mode="json")
    for section, value in values.items():
        if not isinstance(value, dict):
            if basis.is_said(section):
                yield Choice(key=section, value=value, why="As you said.")
            continue
        for key, inner in value.items():
            if basis.is_said(f"{section}.{key}") and (inner != defaults[section][key] or key in ("kind", "limit")):
                yield Choice(key=f"{section}.{key}", value=inner, why="As you said.")


def _about_model(basis: _Basis) -> list[Choice]:
    if basis.said.model.name != "embedded":
        return []
    why = f"{basis.fit.model}, which comes with seapo; a folder or hub id names any instruct model."
    return [Choice(key="model.name", value="embedded", why=why)]


@dataclass(frozen=True)
class _Lengths:
    """How long samples may be."""

    whole: int
    """Prompt and answer."""
    answer: int
    kept: float
    """Share of the samples that are no longer."""
    why: str


def _about_lengths(basis: _Basis) -> _Lengths:
    """As long as nearly all samples need; as most of them need, where without a GPU there's no time for all."""
    lengths = _lengths_for(basis, COVERED)
    if basis.fit.machine.gpu is None and _seconds(basis, lengths, _usable(basis, lengths.whole)) > basis.time_s:
        return _lengths_for(basis, COVERED_IN_HASTE)
    return lengths


def _lengths_for(basis: _Basis, share: float) -> _Lengths:
    """As long as that share of the samples needs, within what ranking, the model's context and memory take."""
    fit = basis.fit
    needed = _up(quantile(sorted(fit.wholes), share) + GROWTH_TOKENS, 128)
    caps = {f"seapo inject reads at most {MAX_TOKENS:,} tokens": MAX_TOKENS}
    if fit.context is not None:
        caps[f"the model was made for {fit.context:,} tokens"] = fit.context
    if fit.row_tokens is not None:
        caps[f"there is memory for rows of {fit.row_tokens:,} tokens"] = fit.row_tokens // 2
    reason, cap = min(caps.items(), key=lambda item: item[1])
    whole = max(128, min(needed, cap // 128 * 128))
    if basis.is_said("train.max_length"):
        whole, reason = basis.said.train.max_length, "as you said"
    fitting = [index for index, length in enumerate(fit.wholes) if length + GROWTH_TOKENS <= whole]
    kept = len(fitting) / len(fit.wholes)
    answer = _up(max((fit.answers[index] for index in fitting), default=whole), 64)
    bound = f"; {reason}" if whole < needed else ""
    why = (
        f"Tokens of prompt and answer: room for {kept:.0%} of the samples{bound}. Longer ones are counted and left out."
    )
    return _Lengths(whole, answer, kept, why)


def _about_data(basis: _Basis, lengths: _Lengths) -> list[Choice]:
    said, survey = basis.said.data, basis.survey.data
    rejected = "; ".join(f"{count} x {reason}" for reason, count in survey.set_aside.items())
    aside = f" Set aside: {rejected}." if rejected else ""
    read = ", ".join(f"{ours} from {theirs!r}" for ours, theirs in survey.columns.items())
    recognised = (
        f"{survey.rows:,} rows, format {survey.format}{f' ({read})' if read else ''}; {survey.samples:,} samples."
    )
    found = [Choice(key="data.path", value=said.path, why=f"{recognised}{aside}")]
    limit = _limit(basis, lengths)
    if limit is not None:
        reason = f"as {duration(basis.time_s)} are enough for" if limit > MIN_LIMIT else "the fewest that show anything"
        why = f"So many of {survey.samples:,}, drawn by the seed: {reason}. Without this line, all are taken."
        found.append(Choice(key="data.limit", value=limit, why=why))
    return found


def _limit(basis: _Basis, lengths: _Lengths) -> int | None:
    """Samples that the time is enough for; None where it is enough for all."""
    low, high = 0, _usable(basis, lengths.whole)
    if _seconds(basis, lengths, high) <= basis.time_s:
        return None
    while low < high:  # the most that fit: the forecast grows with them
        middle = (low + high + 1) // 2
        fits = _seconds(basis, lengths, middle) <= basis.time_s
        low, high = (middle, high) if fits else (low, middle - 1)
    wanted = max(MIN_LIMIT, math.floor(low / max(lengths.kept, 0.01)))
    digits = 10 ** max(0, len(str(wanted)) - 2)
    limit = wanted // digits * digits
    return limit if limit < basis.survey.data.samples else None


def _seconds(basis: _Basis, lengths: _Lengths, usable: int) -> float:
    """What so many samples that are short enough would take."""
    train = basis.said.train.model_copy(update={**_epochs_and_rate(basis), "max_length": lengths.whole})
    recipe = basis.said.model_copy(update={"train": train})
    share, rejected = _share_with_error(basis.survey), basis.survey.with_rejected
    return forecast(recipe, basis.fit, usable, share, rejected=rejected).seconds


def _usable(basis: _Basis, max_length: int, limit: int | None = None) -> int:
    """Samples that are short enough and that the template takes: of all, or of a limit."""
    fit = basis.fit
    fitting = sum(length + GROWTH_TOKENS <= max_length for length in fit.wholes)
    limits = [one for one in (limit, basis.said.data.limit, basis.survey.data.samples) if one is not None]
    return round(min(limits) * fitting / (len(fit.wholes) + fit.not_written))


def _share_with_error(survey: Survey) -> float:
    """Of the samples, those that at least the type that fits best can be put in; 1 where none was tried."""
    return max((tried.share for tried in survey.errors.values()), default=1.0)


def _about_errors(basis: _Basis, lengths: _Lengths) -> list[Choice]:
    errors = basis.survey.errors
    told = ", ".join(f"{name} in {tried.share:.0%}" for name, tried in errors.items())
    tried = next(iter(errors.values())).samples if errors else 0
    kept = [name for name in basis.said.inject.error_types if name not in errors or _may_fit(errors[name])]
    found = []
    if kept and errors:
        left_out = "" if len(kept) == len(basis.said.inject.error_types) else " What fits in none is left out."
        why = f"Of {tried} answers tried, rules alone change {told}; the model finds more.{left_out}"
        found.append(Choice(key="inject.error_types", value=kept, why=why))
    why = "Tokens of an answer: as long as the longest one that train.max_length leaves room for."
    found.append(Choice(key="inject.max_completion_tokens", value=lengths.answer, why=why))
    if basis.fit.machine.gpu is None:
        why = "Candidates of each sample and type that the checks choose from; fewer are faster without a GPU."
        found.append(Choice(key="inject.candidates_per_type", value=4, why=why))
    workers = min(basis.fit.machine.cores, 8)
    if workers > 1 and basis.survey.data.samples >= 500:
        found.append(
            Choice(key="verify.workers", value=workers, why=f"This machine has {basis.fit.machine.cores} cores.")
        )
    return found


def _may_fit(tried: Tried) -> bool:
    """Whether there may be room for a type: few trials without any are no sign."""
    return tried.with_candidate > 0 or tried.samples < MIN_TRIED


def _about_training(basis: _Basis, lengths: _Lengths) -> list[Choice]:
    fit, settings = basis.fit, _epochs_and_rate(basis)
    is_small = fit.parameters < SMALL_MODEL
    size = f"{fit.parameters / 1e6:,.0f} million parameters"
    why = f"For {size}, as in recipes/ultrafeedback.yaml; published is 5e-6." if is_small else "As published."
    rate = Choice(key="train.learning_rate", value=settings["learning_rate"], why=why)
    why = "As in recipes/ultrafeedback.yaml; published are 3." if is_small else "As published."
    epochs = Choice(key="train.num_train_epochs", value=settings["num_train_epochs"], why=why)
    samples = min(_limit(basis, lengths) or basis.survey.data.samples, basis.said.data.limit or 10**9)
    pairs = max(1, round(samples * lengths.kept * _share_with_error(basis.survey)))
    batch, accumulation = _batch(pairs)
    why = f"Samples a step: about {math.ceil(pairs / (batch * accumulation))} steps an epoch from some {pairs:,} pairs."
    found = [
        Choice(
            key="train.method", value=basis.said.train.method, why="The published method; docs/training.md has others."
        ),
        rate,
        epochs,
        Choice(key="train.per_device_train_batch_size", value=batch, why=why),
        Choice(
            key="train.gradient_accumulation_steps",
            value=accumulation,
            why="Steps of 16 samples are the published ones.",
        ),
        Choice(key="train.max_length", value=lengths.whole, why=lengths.why),
    ]
    return found + _about_memory(fit, lengths)


def _about_memory(fit: Fit, lengths: _Lengths) -> list[Choice]:
    """Rows that memory is enough for."""
    if fit.row_tokens is None or fit.bytes_per_token is None:
        return []
    free = f"{fit.machine.free_bytes / 1e9:.0f} GB are free{' on the GPU' if fit.machine.gpu else ''}"
    tokens = max(lengths.whole, min(2048, fit.row_tokens // 128 * 128))
    why = f"Tokens of a packed row. {free}, and a token takes about {fit.bytes_per_token / 1e6:.1f} MB."
    found = [Choice(key="train.max_tokens_per_row", value=tokens, why=why)]
    if fit.row_tokens < 2 * lengths.whole:
        why = "An answer and its negative do not fit into memory otherwise; a third slower."
        found.append(Choice(key="train.gradient_checkpointing", value=True, why=why))
    return found


def _epochs_and_rate(basis: _Basis) -> dict[str, float]:
    is_small = basis.fit.parameters < SMALL_MODEL
    ours = {"learning_rate": 1e-4 if is_small else 5e-6, "num_train_epochs": 2 if is_small else 3}
    return {key: getattr(basis.said.train, key) if basis.is_said(f"train.{key}") else ours[key] for key in ours}


def _batch(pairs: int) -> tuple[int, int]:
    """Samples of a pass and passes of a step: enough steps for few pairs, the published 16 samples for many."""
    if pairs >= 1000:
        return 8, 2
    return (8 if pairs >= 64 else 4 if pairs >= 16 else 2), 1


def _about_evaluation() -> list[Choice]:
    why = (
        "Before and after, 246 items in five dimensions that come with seapo. Published benchmarks are added by their "
        "dimension, as [starter, truthfulness], with evaluate.data_dir (docs/evaluation.md)."
    )
    return [Choice(key="evaluate.suites", value=["starter"], why=why)]


def _warnings(basis: _Basis, recipe: Recipe, expected: Forecast) -> Iterator[str]:
    survey, fit = basis.survey, basis.fit
    if expected.pairs < FEW_PAIRS:
        yield (
            f"pairs to train on: about {expected.pairs}. That is enough to see that all works, and too few to change "
            "a model measurably; some thousand are a beginning"
        )
    kept = sum(length + GROWTH_TOKENS <= recipe.train.max_length for length in fit.wholes) / len(fit.wholes)
    if kept < 0.8:
        yield f"only {kept:.0%} of the samples are short enough (train.max_length is {recipe.train.max_length})"
    if fit.not_written:
        yield f"the model's chat template takes {fit.not_written} of {fit.not_written + len(fit.wholes)} samples not"
    told = {name: count for name, count in survey.languages.items() if len(name) == 2}
    foreign = 1 - told.get("en", 0) / sum(told.values()) if told else 0.0
    if foreign > 0.2 and recipe.engine.kind == "none":
        yield (
            f"{foreign:.0%} of the answers are not in English, the only language that the rules know; of these, "
            "numbers and code alone get errors. A model that follows instructions (engine.kind) knows more"
        )
    if survey.errors and not any(tried.with_candidate for tried in survey.errors.values()):
        yield "rules find nothing to change in these answers; name a model that follows instructions (engine.kind)"


def _written(basis: _Basis, choices: Sequence[Choice]) -> str:
    """The recipe as YAML, each setting below its reason."""
    lines: list[str] = []
    sections = dict.fromkeys(choice.key.partition(".")[0] for choice in choices)
    order = [name for name in Recipe.model_fields if name in sections]
    for section in order:
        own = [choice for choice in choices if choice.key.partition(".")[0] == section]
        if own[0].key == section:
            lines += [*_comment(own[0].why, ""), f"{section}: {_flow(own[0].value)}"]
            continue
        if section == "inject" and basis.said.engine.kind == "none":
            lines += [*_comment(_ENGINE_NOTE, "")]
        lines.append(f"{section}:")
        for choice in own:
            lines += [*_comment(choice.why, "  "), f"  {choice.key.partition('.')[2]}: {_flow(choice.value)}"]
    return "\n".join(lines) + "\n"


def _headed(basis: _Basis, expected: Forecast, text: str) -> str:
    """The recipe below what it is for and what it will take."""
    fit = basis.fit
    place = fit.machine.gpu or f"{fit.machine.cores} cores"
    stages = ", ".join(f"{name} {duration(seconds)}" for name, seconds in expected.by_stage.items())
    head = (
        f"Written by `seapo init` for {basis.said.data.path}. Each setting stands below its reason; what is left out "
        f"has its default.\nIt will take roughly {duration(expected.seconds)} on this machine ({place}, "
        f"{fit.tokens_per_s:,.0f} tokens a second): {stages}."
    )
    return "\n".join(_comment(head, "")) + "\n" + text


def _comment(text: str, indent: str) -> Iterable[str]:
    start = f"{indent}# "
    for paragraph in text.splitlines():
        plain = "".join(character if character.isprintable() else " " for character in paragraph)
        yield from textwrap.wrap(
            plain, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False, break_on_hyphens=False
        )


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def write_beginning(path: Path, text: str, *, overwrite: bool) -> None:
    """Write the recipe; raises RecipeError where a file is there already and may not be overwritten."""
    from seapo.store import write_text

    refuse_to_overwrite(path, overwrite=overwrite)
    write_text(path, text)


def refuse_to_overwrite(path: Path, *, overwrite: bool) -> None:
    """Raise RecipeError where a recipe cannot be written to a path."""
    if path.is_dir():
        raise RecipeError(f"{path} is a folder; name a file with --out, as --out {path}/recipe.yaml")
    if path.exists() and not overwrite:
        raise RecipeError(f"{path} is there already; choose another --out, or say --overwrite")
    if not path.parent.is_dir():
        raise RecipeError(f"{path}: there is no folder {str(path.parent)!r}; make it, or choose another --out")
