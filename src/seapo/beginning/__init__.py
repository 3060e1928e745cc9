"""A first recipe for a user's own data: what it holds, what the machine can do, how long that takes, what follows."""

from seapo.beginning.recipe import Beginning, begin, default_name, refuse_to_overwrite, write_beginning

__all__ = ["Beginning", "begin", "default_name", "refuse_to_overwrite", "write_beginning"]
