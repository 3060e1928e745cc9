"""From samples with all their negatives to preference pairs: a mix is a view of the wide file, drawn by the seed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seapo.errors import DataError, UnknownNameError
from seapo.mix.caps import Caps
from seapo.mix.choosing import ORIGINAL, Draw, Option
from seapo.mix.order import with_order
from seapo.mix.view import View
from seapo.recipe import ErrorTypeSection, MixSection
from seapo.records import Message, Negative, PreferencePair, Sample
from seapo.summaries import MixSummary
from seapo.taxonomy import find_error_type
from seapo.wide import WideNegative, WideRow, wide_rows


@dataclass(frozen=True)
class MixResult:
    """The training set, and what the stage says of itself."""

    pairs: list[PreferencePair]
    """In the order of the samples, or that of `mix.order`; the pairs of one sample stand together."""
    summary: MixSummary


def mix_pairs(
    samples: Sequence[Sample],
    negatives: Iterable[Negative],
    settings: MixSection,
    *,
    seed: int,
    types: Sequence[ErrorTypeSection] = (),
    weights: Mapping[str, float] | None = None,
    epochs: int = 1,
) -> MixResult:
    """The same as `mix_rows` for samples and negatives at hand, in any order."""
    rows = wide_rows(samples, negatives)
    return mix_rows(rows, settings, seed=seed, types=types, weights=weights, epochs=epochs)


def mix_rows(
    rows: Iterable[WideRow],
    settings: MixSection,
    *,
    seed: int,
    types: Sequence[ErrorTypeSection] = (),
    weights: Mapping[str, float] | None = None,
    epochs: int = 1,
) -> MixResult:
    """Choose the negatives that each sample is trained with.

    `mixed` draws of the sample's types from (seed, sample id) alone, so that neither the other samples nor the order of
    the rows change it; with `weights` (left out: those of the settings) in their proportion among the types that the
    sample has a negative of. Where `draw` is `each_epoch`, it draws for each of so many `epochs`, and a pair says in
    which it is trained. Raises DataError where no pair is left, a negative belongs to no sample, the settings want the
    weights of a diagnosis and none are given, or the order goes by what was not measured; UnknownNameError for a type
    that is neither known nor among the recipe's own `types`, or for a source that no sample has.
    """
    weights = _weights(settings) if weights is None else weights
    rows = list(rows)
    _check_names(rows, settings, weights, types)
    is_drawn_anew = settings.draw == "each_epoch"
    view = View(rows, Draw(settings, weights, seed))
    view.draw(epochs if is_drawn_anew else 1)
    pairs = [_pair(row, option, epochs if is_drawn_anew else ()) for row, option, epochs in view.taken()]
    if not pairs:
        raise DataError(_nothing_left(rows, settings))
    pairs = with_order(pairs, settings, seed=seed)
    return MixResult(pairs, _summary(view, pairs))


def _summary(view: View, pairs: Sequence[PreferencePair]) -> MixSummary:
    settings, weights = view.how.settings, view.how.weights
    return MixSummary(
        kind=settings.kind,
        samples=len(view.rows),
        pairs=len(pairs),
        by_error_type=dict(sorted(Counter(pair.error_type for pair in pairs).items())),
        without_pair=view.without_option,
        weights=None if weights is None else dict(weights),
        order=settings.order,
        left_out={cap: dict(sorted(counts.items())) for cap, counts in view.left_out.items()},
        capped_samples=view.capped_samples,
        by_epoch=tuple(dict(sorted(one.items())) for one in view.by_epoch) if len(view.by_epoch) > 1 else (),
    )


def _weights(settings: MixSection) -> Mapping[str, float] | None:
    if settings.weights == "from_diagnosis":
        raise DataError("mix.weights is from_diagnosis, and no diagnosis is given; make one with `seapo diagnose RUN`")
    return settings.weights


def _check_names(
    rows: Sequence[WideRow],
    settings: MixSection,
    weights: Mapping[str, float] | None,
    types: Sequence[ErrorTypeSection],
) -> None:
    named = [*([settings.error_type] if settings.error_type else ()), *(weights or ()), *_names(settings.max_per_type)]
    for name in named:
        if name != ORIGINAL or settings.kind != ORIGINAL:
            find_error_type(name, types)
    sources = {row.source for row in rows}
    for name in _names(settings.max_per_source):
        if name not in sources:
            raise UnknownNameError("source", name, sources)


def _names(caps: Caps) -> Iterable[str]:
    return caps if isinstance(caps, Mapping) else ()


def _pair(row: WideRow, option: Option, epochs: tuple[int, ...]) -> PreferencePair:
    negative = option.negative
    taken: dict[str, Any] = {} if negative is None else {name: getattr(negative, name) for name in _TAKEN}
    return PreferencePair(
        id=row.id,
        prompt=row.prompt,
        chosen=_answer(row.chosen),
        rejected=_answer(option.answer if negative is None else row.text(negative)),
        source=row.source,
        dimension=row.dimension,
        error_type=option.error_type,
        mix_epochs=epochs,
        **taken,
    )


_TAKEN = tuple(
    name for name in WideNegative.model_fields if name in PreferencePair.model_fields.keys() - {"error_type"}
)


def _answer(text: str) -> tuple[Message, ...]:
    return (Message(role="assistant", content=text),)


def _nothing_left(rows: Sequence[WideRow], settings: MixSection) -> str:
    if settings.kind == ORIGINAL:
        return (
            f"mix.kind 'original' trains on the data's own rejected answers, and none of the {len(rows)} samples "
            "has one; choose mix.kind: mixed, or data with rejected answers"
        )
    counts = Counter(name for row in rows for name in {negative.error_type for negative in row.negatives})
    if settings.kind == "single" and counts:
        there = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        return (
            f"no verified negative has the type {settings.error_type!r} of mix.error_type; the {len(rows)} samples "
            f"have {there}; choose one of these types, or mix.kind: mixed"
        )
    return (
        f"no training pair is left: none of the {len(rows)} samples has a verified negative; the summaries of "
        "inject and verify say why; take more data (data.limit), or accept more (verify.accept)"
    )
