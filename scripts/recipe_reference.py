"""Write docs/recipe.md, the reference of all keys of a recipe, from the types of `seapo.recipe` and their docstrings.

    python scripts/recipe_reference.py            # print it
    python scripts/recipe_reference.py --write    # write docs/recipe.md

tests/test_recipe_reference.py holds that the page is up to date.
"""

import argparse
import ast
import inspect
import json
import textwrap
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from seapo.recipe import Recipe, Section

PAGE = Path(__file__).resolve().parents[1] / "docs" / "recipe.md"
HEAD = """\
# The recipe

<!-- Written by scripts/recipe_reference.py from the types in src/seapo/recipe; after a change there: make docs -->

One YAML file describes a run. Every key has a default, so that a recipe names only what differs; an empty file is a
whole recipe. Unknown keys, values out of range and sections that contradict each other are refused before anything
runs, all of them at once, with the nearest key that there is.

```yaml
name: mine                      # the run's folder is runs/mine
data: {path: my.jsonl, limit: 60}
train:
  method: dpo
  learning_rate: 1.0e-4
```

On the command line `key=value` goes over what the file says, read as YAML, with a dot before each inner key:

```bash
seapo run recipes/ultrafeedback.yaml name=mine data.path=my.jsonl data.limit=60 inject.error_types=[logic] mix.kind=all
```

The resolved recipe, every default written out, lies in the run's folder as `recipe.yaml`. `recipes/` holds whole ones
that are ready to run. From Python:

```python
from pathlib import Path

from seapo.recipe import load_recipe

print(load_recipe(Path("recipes/dpo.yaml"), ["train.beta=0.2"]).train.beta)  # 0.2
```
"""
SIGNS = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))


def sections(kind: type[Section] = Recipe, name: str = "") -> Iterator[tuple[str, type[Section]]]:
    """(name, type) of every section, inner ones behind those that they stand in; the recipe itself has no name."""
    yield name, kind
    for key, field in kind.model_fields.items():
        inner = section_of(field.annotation)
        if inner is not None:
            is_list = field.annotation is not inner and Ellipsis in get_args(field.annotation)
            yield from sections(inner, f"{name}.{key}".lstrip(".") + ("[]" if is_list else ""))


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a key holds, alone, in a list or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = [section_of(part) for part in get_args(annotation) if part is not Ellipsis]
    return next((one for one in found if one is not None), None)


def field_docs(kind: type[Section]) -> dict[str, str]:
    """Docstring of each key: the string that stands behind it in the class, of parent classes too."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if not (isinstance(each, type) and issubclass(each, Section)) or each is Section:
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(tree, ast.ClassDef)
        for line, behind in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and _is_text(behind):
                found[line.target.id] = " ".join(ast.literal_eval(behind.value).split())  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def accepted(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """What a key takes, in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        constraints = [each for field in annotation.__metadata__ for each in getattr(field, "metadata", [field])]
        return accepted(parts[0], constraints)
    if origin is Literal:
        return (
            " or ".join(f"`{part}`" for part in parts) if len(parts) < 3 else ", ".join(f"`{part}`" for part in parts)
        )
    if origin in (Union, types.UnionType):
        rest = [accepted(part, metadata) for part in parts if part is not type(None)]
        return " or ".join(rest) + (", or nothing" if type(None) in parts else "")
    if origin in (tuple, list):
        return f"list of {_several(accepted(parts[0]))}"
    if origin is dict:
        return f"mapping of {_several(accepted(parts[0]))} to {_several(accepted(parts[1]))}"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "section"
    limits = [f"{word} {_limit(each, sign)}" for each in metadata for sign, word in SIGNS if hasattr(each, sign)]
    names = {Any: "any value", bool: "true or false", int: "whole number", float: "number", str: "text"}
    return " ".join(
        [names.get(annotation, getattr(annotation, "__name__", str(annotation))), " and ".join(limits)]
    ).strip()


def _limit(constraint: Any, sign: str) -> str:
    return f"{getattr(constraint, sign):g}"


def _several(words: str) -> str:
    plural = {
        **{"text": "texts", "number": "numbers", "whole number": "whole numbers", "section": "sections"},
        **{"list": "lists", "mapping": "mappings", "any value": "any values"},
    }
    for one, several in plural.items():
        if words == one or words.startswith(f"{one} "):
            return several + words.removeprefix(one)
    return words


def default(field: FieldInfo) -> str:
    """The default as it would stand in YAML."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Section):
        return ""
    if value is None:
        return "left out"
    if isinstance(value, tuple):
        value = list(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if text else '`""`'


def rows(kind: type[Section], name: str) -> Iterator[str]:
    """A line of the table for each key that is no section of its own."""
    docs = field_docs(kind)
    for key, field in kind.model_fields.items():
        inner = section_of(field.annotation)
        where = f"{name}.{key}".lstrip(".")
        if inner is not None and inner is field.annotation:
            continue
        words = accepted(field.annotation, field.metadata)
        told = docs.get(key, "")
        if inner is not None:
            told = f"{told} See `{where}[]`.".strip()
        yield f"| `{key}` | {words} | {default(field)} | {told} |".replace("|  |", "| |")


def page() -> str:
    """The whole page; a type that two sections share is told once."""
    parts = [HEAD]
    known: dict[type[Section], str] = {}
    for name, kind in sections():
        title = f"## `{name}`" if name else "## At the top"
        if kind in known:
            parts.append(f"{title}\n\nThe same keys as `{known[kind]}`.\n")
            continue
        known[kind] = name
        doc = " ".join((inspect.getdoc(kind) or "").split())
        parts.append(
            "\n".join([title, "", doc, "", "| key | takes | default | |", "|---|---|---|---|", *rows(kind, name), ""])
        )
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    if parser.parse_args(arguments).write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()
