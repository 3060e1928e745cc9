"""The order by how hard a negative is to tell from the chosen answer: from easy to hard, or the other way round."""

from collections.abc import Sequence
from statistics import fmean

from seapo.errors import DataError
from seapo.mix.caps import ticket_of
from seapo.recipe import MixSection
from seapo.records import PreferencePair, Severity

HARDNESS: dict[Severity, float] = {"gross": 0.0, "moderate": 1.0, "subtle": 2.0}


def with_order(pairs: Sequence[PreferencePair], settings: MixSection, *, seed: int) -> list[PreferencePair]:
    """The pairs with their `mix_order` and in it, sample by sample; as they are, where nothing orders them.

    The mean over a sample's pairs decides, and between equals a draw. Raises DataError where what the order goes by was
    not measured.
    """
    if settings.order == "shuffled":
        return list(pairs)
    unmeasured = [pair for pair in pairs if _hardness(pair, settings) is None]
    if unmeasured:
        raise DataError(_not_measured(unmeasured, len(pairs), settings))
    sign = -1.0 if settings.order.endswith("_hardest_first") else 1.0
    placed = [pair.model_copy(update={"mix_order": sign * (_hardness(pair, settings) or 0.0) + 0.0}) for pair in pairs]
    return _sorted(placed, seed)


def _sorted(pairs: Sequence[PreferencePair], seed: int) -> list[PreferencePair]:
    by_sample: dict[str, list[PreferencePair]] = {}
    for pair in pairs:
        by_sample.setdefault(pair.id, []).append(pair)
    means = {name: fmean(pair.mix_order or 0.0 for pair in own) for name, own in by_sample.items()}
    names = sorted(by_sample, key=lambda name: (means[name], ticket_of(seed, name)))
    return [pair for name in names for pair in by_sample[name]]


def _hardness(pair: PreferencePair, settings: MixSection) -> float | None:
    if settings.order_by == "severity":
        return None if pair.severity is None else HARDNESS[pair.severity]
    return None if pair.gap_nats is None else -pair.gap_nats


def _not_measured(pairs: Sequence[PreferencePair], whole: int, settings: MixSection) -> str:
    which = "no pair has" if len(pairs) == whole else f"{len(pairs)} of {whole} pairs (as of {pairs[0].id}) have no"
    which = which if len(pairs) < whole else f"{which} a"
    return (
        f"mix.order: {settings.order} goes by the {settings.order_by} of the negatives, and {which} measured one: "
        "inject measures it where a model ranks the candidates; set inject.rank_by: model and repeat inject and "
        "verify, or set mix.order: shuffled"
    )
