"""Plug-ins: strategies, checks, suites and error types, each registered by one decorator or call.

A package adds its own by an entry point of the group `seapo.strategies`, `seapo.checks`, `seapo.suites` or
`seapo.error_types`, whose name is the plug-in's name and whose object is the plug-in; it is loaded on the first
look-up.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from seapo.errors import SeapoError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named plug-ins of one kind, in the order in which they were registered."""

    def __init__(self, kind: str, group: str) -> None:
        self._kind = kind
        self._group = group
        self._known: dict[str, T] = {}
        self._has_loaded_entry_points = False

    def add(self, name: str, plugin: T) -> T:
        """Register a plug-in; a name that is taken raises SeapoError."""
        if name in self._known:
            raise SeapoError(f"there is a {self._kind} named {name!r} already")
        self._known[name] = plugin
        return plugin

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of `add`."""
        return lambda plugin: self.add(name, plugin)

    def __getitem__(self, name: str) -> T:
        self._load_entry_points()
        if name not in self._known:
            raise UnknownNameError(self._kind, name, self._known)
        return self._known[name]

    def __contains__(self, name: str) -> bool:
        self._load_entry_points()
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        self._load_entry_points()
        return iter(tuple(self._known))

    def _load_entry_points(self) -> None:
        if not self._has_loaded_entry_points:
            self._has_loaded_entry_points = True
            for point in entry_points(group=self._group):
                self.add(point.name, point.load())
