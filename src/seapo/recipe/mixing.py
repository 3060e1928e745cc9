"""The section `mix`: which negatives to train on, how many of a sample, in which order."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seapo.recipe.section import Section

Cap = Annotated[int, Field(gt=0)]
Order = Literal["shuffled", "severity", "severity_hardest_first", "gap", "gap_hardest_first"]
"""In which order a training sees the samples of an epoch."""


class MixSection(Section):
    """Which negatives to train on."""

    kind: Literal["mixed", "single", "all", "original"] = "mixed"
    """One of the types at random per sample; one type; every type; or the data's own rejected answers."""
    error_type: str | None = None
    """The type, for `single`."""
    weights: Literal["from_diagnosis"] | dict[str, float] | None = None
    """How often `mixed` draws each type, as {correctness: 0.5, logic: 0.3, hallucination: 0.2}; a type that is left out
    is not drawn. `from_diagnosis`: as often as the model makes such errors. Left out: all alike."""
    negatives_per_sample: int | None = Field(default=None, gt=0)
    """So many negatives of a sample: with `mixed` of so many types, with `single` and `all` so many of each type, as
    far as verify kept them (`verify.keep_per_type`). Left out: one (of each type), and every answer of `original`."""
    draw: Literal["once", "each_epoch"] = "once"
    """Whether `mixed` draws the types once for the whole training, or anew in each epoch."""
    order: Order = "shuffled"
    """The samples of an epoch in an order drawn anew each time, or by how hard their negatives are to tell: from gross
    to subtle (`severity`), from the largest gap of log-probability to the smallest (`gap`), or the other way round
    (`severity_hardest_first`, `gap_hardest_first`)."""
    max_per_type: Cap | dict[str, Cap] | None = None
    """Pairs of an error type at most, in each epoch: for every type, or as {hallucination: 500} for those named."""
    max_per_source: Cap | dict[str, Cap] | None = None
    """Samples of a source (the file they were read from) at most: for every one, or as {web.jsonl: 1000}."""
    seed: int | None = None
    """Of the draw; left out, the recipe's own seed."""

    @model_validator(mode="after")
    def _check_single(self) -> Self:
        if (self.kind == "single") != (self.error_type is not None):
            raise ValueError("error_type belongs to kind: single, which needs it (as error_type: correctness)")
        return self

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.weights is not None and self.kind != "mixed":
            raise ValueError(f"weights belong to kind: mixed, not to {self.kind}")
        if isinstance(self.weights, dict):
            values = self.weights.values()
            if not all(math.isfinite(value) and value >= 0 for value in values) or not sum(values) > 0:
                raise ValueError("weights are numbers of 0 or more, at least one above 0")
        return self

    @model_validator(mode="after")
    def _check_draw(self) -> Self:
        if self.draw == "each_epoch" and self.kind != "mixed":
            raise ValueError(f"draw: each_epoch belongs to kind: mixed; {self.kind} draws nothing")
        if self.order != "shuffled" and self.kind == "original":
            raise ValueError(
                f"order: {self.order} needs negatives whose {self.order_by} was measured, which the data's own "
                "rejected answers (kind: original) do not have; leave the order out"
            )
        return self

    @property
    def order_by(self) -> str:
        """What the order goes by: `severity`, `gap`, or `shuffled`."""
        return self.order.removesuffix("_hardest_first")
