"""The section `experiment`: arms, seeds, and what is held out.

experiment:
  seeds: [0, 1, 2]
  arms:
    mixed: {mix.kind: mixed}
    dpo:   {train.method: dpo}
"""

import re
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from seapo.recipe.section import Section

UNTOUCHED = "untouched"
"""The model as it is before training: in every experiment, and evaluated only."""
ARM_NAME = r"^[A-Za-z][A-Za-z0-9_.-]*$"


class ExperimentSection(Section):
    """Which runs `seapo experiment` makes of the recipe, and what it holds against each other."""

    arms: dict[str, dict[str, Any]] | None = None
    """Name -> what differs from the recipe, as {train.method: dpo}. Left out: sft, the data's own rejected answers
    where it has any, each single type, mixed, all."""
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    """Of the mix and of training; each arm is trained once with each. Data and injection keep the recipe's seed."""
    main: str = "mixed"
    """The arm that the claims on a mix are judged by."""
    held_out: int = Field(default=50, ge=0)
    """Samples that no arm is trained on, to see what training does to other answers."""
    held_out_path: str | None = None
    """Data that they are drawn from, read as `data` is; left out, what `data.limit` leaves of the data."""
    answer_tokens: int = Field(default=128, ge=0)
    """Length to which each model answers the held-out prompts; 0 leaves the answers out."""

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds) or min(seeds, default=0) < 0:
            raise ValueError("each seed is 0 or more, and stands once in the list")
        return seeds

    @model_validator(mode="after")
    def _check_arms(self) -> Self:
        for name in self.arms or {}:
            if name == UNTOUCHED:
                raise ValueError(f"{UNTOUCHED!r} is always there: the model before training; leave it out of the arms")
            if not re.match(ARM_NAME, name):
                raise ValueError(f"{name!r} cannot name an arm's folder; use letters, digits, `.`, `-` and `_`")
        if self.arms is not None and not self.arms:
            raise ValueError("name an arm at least, or leave the arms out for the default ones")
        return self
