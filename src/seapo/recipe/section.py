"""What all sections of a recipe have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of the recipe and its sections: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
