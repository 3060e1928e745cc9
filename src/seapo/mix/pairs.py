"""From samples and their negatives to preference pairs."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seapo.errors import DataError
from seapo.recipe import ErrorTypeSection, MixSection
from seapo.records import Message, Negative, PreferencePair, Sample
from seapo.summaries import MixSummary
from seapo.taxonomy import find_error_type

ORIGINAL = "original"
"""Error type of a pair whose rejected answer came with the data."""


@dataclass(frozen=True)
class MixResult:
    """The training set, and what the stage says of itself."""

    pairs: list[PreferencePair]
    """In the order of the samples; the pairs of one sample stand together."""
    summary: MixSummary


def mix_pairs(
    samples: Sequence[Sample],
    negatives: Iterable[Negative],
    settings: MixSection,
    *,
    seed: int,
    types: Sequence[ErrorTypeSection] = (),
    weights: Mapping[str, float] | None = None,
) -> MixResult:
    """Choose the negatives that each sample is trained with.

    `mixed` draws one of the sample's types from (seed, sample id) alone, so that neither the other samples nor the
    order of the rows change it; with `weights` (left out: those of the settings) in their proportion among the types
    that the sample has a negative of. Raises DataError where no pair is left, a negative belongs to no sample, or the
    settings want the weights of a diagnosis and none are given; UnknownNameError for a `single` or weighted type that
    is neither known nor among the recipe's own `types`.
    """
    weights = _weights(settings) if weights is None else weights
    for name in (*([settings.error_type] if settings.error_type else ()), *(weights or ())):
        find_error_type(name, types)
    by_sample = _best_by_type(samples, negatives)
    pairs = [pair for sample in samples for pair in _pairs(sample, by_sample[sample.id], settings, weights, seed)]
    if not pairs:
        raise DataError(_nothing_left(samples, by_sample, settings))
    summary = MixSummary(
        kind=settings.kind,
        samples=len(samples),
        pairs=len(pairs),
        by_error_type=dict(sorted(Counter(pair.error_type for pair in pairs).items())),
        without_pair=len(samples) - len({pair.id for pair in pairs}),
        weights=None if weights is None else dict(weights),
    )
    return MixResult(pairs, summary)


def _weights(settings: MixSection) -> Mapping[str, float] | None:
    if settings.weights == "from_diagnosis":
        raise DataError("mix.weights is from_diagnosis, and no diagnosis is given; make one with `seapo diagnose RUN`")
    return settings.weights


def _best_by_type(samples: Sequence[Sample], negatives: Iterable[Negative]) -> dict[str, dict[str, Negative]]:
    """For each sample, its most plausible negative of each type; types in the order of their names."""
    found: dict[str, dict[str, Negative]] = {sample.id: {} for sample in samples}
    for negative in sorted(negatives, key=lambda one: (one.error_type, one.rank, one.text)):
        if negative.sample_id not in found:
            raise DataError(
                f"there is a negative of the sample {negative.sample_id!r}, which is not among the {len(samples)} "
                "samples; repeat the stages from source on with `seapo run`"
            )
        found[negative.sample_id].setdefault(negative.error_type, negative)
    return found


def _pairs(
    sample: Sample,
    by_type: dict[str, Negative],
    settings: MixSection,
    weights: Mapping[str, float] | None,
    seed: int,
) -> list[PreferencePair]:
    if settings.kind == ORIGINAL:
        answers = dict.fromkeys(answer for answer in sample.rejected if answer != sample.chosen)
        return [_original_pair(sample, answer) for answer in answers]
    types = list(by_type)
    if settings.kind == "single":
        types = [name for name in types if name == settings.error_type]
    elif settings.kind == "mixed":
        types = _drawn(types, weights, random.Random(f"{seed}:{sample.id}:mix"))
    return [_injected_pair(sample, by_type[name]) for name in types]


def _drawn(types: list[str], weights: Mapping[str, float] | None, lot: random.Random) -> list[str]:
    """One of the types, or none where none has a weight."""
    if weights is None:
        return [lot.choice(types)] if types else []
    types = [name for name in types if weights.get(name, 0) > 0]
    return lot.choices(types, [weights[name] for name in types]) if types else []


def _injected_pair(sample: Sample, negative: Negative) -> PreferencePair:
    return PreferencePair(
        id=sample.id,
        prompt=sample.prompt,
        chosen=_answer(sample.chosen),
        rejected=_answer(negative.text),
        source=sample.source,
        dimension=sample.dimension,
        error_type=negative.error_type,
        subtype=negative.subtype,
        strategy=negative.strategy,
        injector=negative.injector,
        edits=negative.edits,
        edit_ratio=negative.edit_ratio,
        status=negative.verdict.status,
        proofs=negative.verdict.proofs,
    )


def _original_pair(sample: Sample, answer: str) -> PreferencePair:
    return PreferencePair(
        id=sample.id,
        prompt=sample.prompt,
        chosen=_answer(sample.chosen),
        rejected=_answer(answer),
        source=sample.source,
        dimension=sample.dimension,
        error_type=ORIGINAL,
    )


def _answer(text: str) -> tuple[Message, ...]:
    return (Message(role="assistant", content=text),)


def _nothing_left(samples: Sequence[Sample], by_sample: dict[str, dict[str, Negative]], settings: MixSection) -> str:
    if settings.kind == ORIGINAL:
        return (
            f"mix.kind 'original' trains on the data's own rejected answers, and none of the {len(samples)} samples "
            "has one; choose mix.kind: mixed, or data with rejected answers"
        )
    counts = Counter(name for by_type in by_sample.values() for name in by_type)
    if settings.kind == "single" and counts:
        there = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        return (
            f"no verified negative has the type {settings.error_type!r} of mix.error_type; the {len(samples)} samples "
            f"have {there}; choose one of these types, or mix.kind: mixed"
        )
    return (
        f"no training pair is left: none of the {len(samples)} samples has a verified negative; the summaries of "
        "inject and verify say why; take more data (data.limit), or accept more (verify.accept)"
    )
