"""Write docs/api.md, the reference of the public names, from the modules that have them.

    python scripts/api_reference.py            # print it
    python scripts/api_reference.py --write    # write docs/api.md and tests/public_names.txt

A name is public where a module of MODULES lists it in `__all__`, or, without one, defines it without an underscore.
tests/test_api_reference.py holds that both files are up to date, so that no public name comes, goes or changes unseen.
"""

import argparse
import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from seapo.recipe import Section
from seapo.registry import Registry

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "api.md"
NAMES = REPOSITORY / "tests" / "public_names.txt"
MODULES = (
    "seapo.records",
    "seapo.errors",
    "seapo.recipe",
    "seapo.registry",
    "seapo.taxonomy",
    "seapo.tree",
    "seapo.model",
    "seapo.engine",
    "seapo.journal",
    "seapo.reading",
    "seapo.source",
    "seapo.diagnose",
    "seapo.inject",
    "seapo.verify",
    "seapo.verify.check",
    "seapo.verify.surface",
    "seapo.wide",
    "seapo.mix",
    "seapo.sibling_order",
    "seapo.train",
    "seapo.tasks.benchmark",
    "seapo.evaluate",
    "seapo.evaluate.lm",
    "seapo.report",
    "seapo.export",
    "seapo.importing",
    "seapo.experiment",
    "seapo.run",
    "seapo.pipeline",
)
HEAD = """\
# The API

<!-- Written by scripts/api_reference.py from the modules themselves; after a change there: make docs -->

Every public name, by module; a test pins the names. The keys of a recipe's sections stand in [recipe.md](recipe.md);
how to add to the registries is told in [extending.md](extending.md).
"""


def public_names(module: ModuleType) -> list[str]:
    """Names that a module offers, in its own order."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [name for name in _defined(module) if not name.startswith("_")]


def _defined(module: ModuleType) -> Iterator[str]:
    """Functions, classes and registries that a module defines itself, in order."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(getattr(module, ast.unparse(node.target), None), Registry):
            yield ast.unparse(node.target)


def entry(module: ModuleType, name: str) -> list[str]:
    """The lines of one name."""
    thing = getattr(module, name)
    if inspect.isclass(thing):
        return _class(name, thing)
    if inspect.isfunction(thing):
        return [f"### `{name}{_signature(thing)}`", "", *_told(thing), ""]
    return [f"### `{name}`", "", _constant(thing), ""]


def _constant(thing: Any) -> str:
    if isinstance(thing, Registry):
        return f"A registry, which holds {', '.join(f'`{name}`' for name in thing)}."
    if isinstance(thing, int | float | str) and not isinstance(thing, bool):
        return f"`{thing!r}`"
    doc = "" if type(thing).__doc__ == thing.__doc__ else (thing.__doc__ or "")
    names = (
        [str(getattr(part, "name", part)) for part in thing]
        if isinstance(thing, dict | list | tuple | frozenset)
        else []
    )
    return doc or (", ".join(f"`{one}`" for one in names) if names else f"A type: `{_type(thing)}`.")


def _type(thing: Any) -> str:
    return str(thing).replace("typing.", "").replace("collections.abc.", "").replace("seapo.", "")


def _class(name: str, kind: type) -> list[str]:
    title = [f"### `{name}`", "", *_told(kind), ""]
    if issubclass(kind, Section) or issubclass(kind, Exception):
        return title
    members = [*_fields(kind), *_methods(kind)]
    return [*title, *members, ""] if members else title


def _told(thing: Any) -> list[str]:
    """The docstring, paragraphs kept; what is set in by blanks, an example or a list, stays as it is."""
    doc = inspect.getdoc(thing) if thing.__doc__ else ""
    lines = (doc or "").splitlines()
    return [f"    {line}".rstrip() if line.startswith(" ") else line for line in lines]


def _node(thing: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


def _signature(function: Any) -> str:
    """As it is written, `self` left out."""
    node = _node(function)
    arguments = node.args
    own = [*arguments.posonlyargs, *arguments.args]
    if own and own[0].arg in ("self", "cls"):
        (arguments.posonlyargs or arguments.args).pop(0)
    returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    return f"({ast.unparse(arguments)}){returns}".replace("'", "").replace('"', "")


def _fields(kind: type) -> Iterator[str]:
    """A line for each field of a dataclass, record or protocol, with the docstring behind it."""
    body = _node(kind).body
    for line, behind in zip(body, [*body[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and not line.target.id.startswith("_"):
            value = behind.value if isinstance(behind, ast.Expr) else None
            told = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
            yield f"* `{line.target.id}: {ast.unparse(line.annotation)}`" + (
                f": {' '.join(told.split())}" if told else ""
            )


def _methods(kind: type) -> Iterator[str]:
    """A line for each public method and property that the class has of its own."""
    for name, thing in vars(kind).items():
        is_property = isinstance(thing, property)
        function = thing.fget if is_property else getattr(thing, "__func__", thing)
        if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != kind.__module__:
            continue
        doc = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
        signature = "" if is_property else _signature(function)
        yield f"* `{name}{signature}`" + (f": {doc}" if doc else "")


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        doc = (inspect.getdoc(module) or "").split("\n\n")[0]
        parts += [f"## `{module_name}`", "", " ".join(doc.split()), ""]
        for name in public_names(module):
            parts += entry(module, name)
    return "\n".join(parts).rstrip() + "\n"


def names() -> str:
    """Every public name, a line each."""
    every = [f"{each}.{name}" for each in MODULES for name in public_names(importlib.import_module(each))]
    return "".join(f"{name}\n" for name in every)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page, or write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/api.md and tests/public_names.txt")
    if parser.parse_args(arguments).write:
        PAGE.write_text(page(), encoding="utf-8")
        NAMES.write_text(names(), encoding="utf-8")
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()
