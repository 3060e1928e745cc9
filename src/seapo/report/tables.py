"""The report's tables: what is counted per error type, over all its stages."""

from dataclasses import dataclass

from seapo.records import Status
from seapo.report.contents import RunContents
from seapo.taxonomy import ERROR_TYPES

ALL_PAIRS = "all pairs"


@dataclass(frozen=True)
class TypeRow:
    """One error type in the table of negatives."""

    name: str
    definition: str
    wanted: int
    kept: int
    status: dict[Status, int]
    proofs: dict[str, int]
    pairs: int | None
    """Training pairs of this type; None before the mix."""


def type_rows(contents: RunContents) -> list[TypeRow]:
    """A row for each error type of the recipe; none before verify has finished."""
    verify = contents.verify
    if verify is None:
        return []
    definitions = {section.name: section.definition for section in contents.recipe.inject.types}
    definitions |= {name: ERROR_TYPES[name].definition for name in contents.error_types if name in ERROR_TYPES}
    return [
        TypeRow(
            name=name,
            definition=definitions.get(name, ""),
            wanted=verify.asked.get(name, 0),
            kept=verify.accepted.get(name, 0),
            status=verify.status.get(name, {}),
            proofs=verify.proofs.get(name, {}),
            pairs=contents.mix.by_error_type.get(name, 0) if contents.mix else None,
        )
        for name in contents.error_types
    ]


def dropped_checks(contents: RunContents) -> dict[str, int]:
    """Check -> candidates that failed it, over all types, most first."""
    totals: dict[str, int] = {}
    for checks in contents.verify.dropped_candidates.values() if contents.verify else ():
        for check, number in checks.items():
            totals[check] = totals.get(check, 0) + number
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def final_metrics(contents: RunContents) -> dict[str, dict[str, float]]:
    """Metric -> series (`all pairs`, or an error type) -> mean over the last tenth of the steps."""
    table: dict[str, dict[str, float]] = {}
    for name, value in contents.train.final.items() if contents.train else ():
        metric, _, kind = name.rpartition("/")
        is_typed = kind in contents.error_types or kind == "original"
        table.setdefault(metric if is_typed else name, {})[kind if is_typed else ALL_PAIRS] = value
    return table
