"""The training curves: which metrics are shown, as series over the steps, thinned to what an eye can see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from seapo.report.contents import RunContents
from seapo.report.tables import ALL_PAIRS

MOST_POINTS: Final = 60
"""Points of one curve; more steps are averaged in groups of equal size."""

Metrics = dict[str, float]


@dataclass(frozen=True)
class Series:
    """One curve."""

    name: str
    """`all pairs`, or an error type."""
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """Curves that share an axis."""

    title: str
    """What the vertical axis shows, with its unit."""
    series: tuple[Series, ...]
    reference: float | None = None
    """Where a thin line helps: no margin, a coin's accuracy, no change."""


def training_panels(contents: RunContents) -> tuple[Panel, ...]:
    """The panels for which the run logged something: loss, margins, accuracies, change of the chosen answers."""
    rows, types = contents.metrics, contents.error_types
    panels = (
        Panel("Loss", _with_types(rows, "loss", types)),
        Panel("Reward margin (β × nats)", _with_types(rows, "rewards/margins", types), reference=0.0),
        Panel("Pairs ranked right (share)", _with_types(rows, "rewards/accuracies", types), reference=0.5),
        Panel("Chosen log-prob. change (nats)", _chosen_change(contents), reference=0.0),
    )
    return tuple(panel for panel in panels if panel.series)


def group_size(rows: Sequence[Metrics]) -> int:
    """How many logged steps one point of the curves stands for."""
    return -(-len(rows) // MOST_POINTS) or 1


def _with_types(rows: Sequence[Metrics], metric: str, types: Sequence[str]) -> tuple[Series, ...]:
    """The metric over all pairs, and per error type where the run logged it."""
    logged = {name.removeprefix(f"{metric}/") for row in rows for name in row if name.startswith(f"{metric}/")}
    order = [*(name for name in types if name in logged), *sorted(logged.difference(types))]
    named = [(ALL_PAIRS, metric), *((name, f"{metric}/{name}") for name in order)]
    series = (_series(rows, name, lambda row, key=key: row.get(key)) for name, key in named)  # type: ignore[misc]
    return tuple(one for one in series if one.steps)


def _chosen_change(contents: RunContents) -> tuple[Series, ...]:
    """Mean log p(chosen) under the trained model minus under the untouched one.

    Where it was not logged itself, it is the chosen answers' reward over beta.
    """
    if logged := _with_types(contents.metrics, "logps/chosen_change", contents.error_types):
        return logged
    beta = contents.recipe.train.beta
    return tuple(
        Series(one.name, one.steps, tuple(value / beta for value in one.values))
        for one in _with_types(contents.metrics, "rewards/chosen", contents.error_types)
    )


def _series(rows: Sequence[Metrics], name: str, value_of: Callable[[Metrics], float | None]) -> Series:
    found = [(row["step"], value) for row in rows if "step" in row and (value := value_of(row)) is not None]
    size = group_size(rows)
    groups = [found[start : start + size] for start in range(0, len(found), size)]
    return Series(
        name,
        tuple(sum(step for step, _ in group) / len(group) for group in groups),
        tuple(sum(value for _, value in group) / len(group) for group in groups),
    )
