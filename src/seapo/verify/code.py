"""Checks on Python: do the unit tests pass, and does the standard library have what the code asks of it?"""

import ast
import builtins
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType

from seapo.answer import code_blocks, python_code
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample, UnitTestTruth
from seapo.unit_tests import Runner, run_tests
from seapo.verify.check import CHECKS, Check, failed, not_judged, passed

UNIT_TESTS = "unit_tests"
INVENTED_API = "invented_api"
SAFE_MODULES = frozenset({
    "abc", "argparse", "array", "base64", "bisect", "calendar", "cmath", "collections", "contextlib", "copy", "csv",
    "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "glob", "hashlib", "heapq",
    "html", "io", "itertools", "json", "keyword", "logging", "math", "numbers", "operator", "os", "pathlib", "pprint",
    "queue", "random", "re", "secrets", "shutil", "statistics", "string", "struct", "sys", "tempfile", "textwrap",
    "threading", "time", "timeit", "types", "typing", "unicodedata", "urllib", "urllib.parse", "uuid", "weakref",
    "zlib",
})  # fmt: skip
"""Modules whose names are looked up; importing them does nothing that a user would notice."""
BUILTIN_TYPES: tuple[type, ...] = (str, bytes, list, dict, set, frozenset, tuple, int, float, complex, type(iter([])))


def unit_tests_check(run: Runner) -> Check:
    """The check that runs the unit tests of a sample's truth by a given runner."""

    def unit_tests(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
        """Proof by a test that fails on the negative; the same tests pass on the chosen answer."""
        if not isinstance(sample.truth, UnitTestTruth):
            return not_judged(UNIT_TESTS, "the sample has no unit tests")
        code, chosen_code = python_code(candidate.text), python_code(sample.chosen)
        if code is None or chosen_code is None:
            return not_judged(UNIT_TESTS, "there is no Python in the answer")
        if _behaviour(code) == _behaviour(chosen_code):
            return not_judged(UNIT_TESTS, "the code is the same but for comments")
        result = run(code, sample.truth.tests, settings)
        if result.outcome == "failed":
            return passed(UNIT_TESTS, result.evidence)
        if result.outcome == "not_run":
            return not_judged(UNIT_TESTS, result.evidence)
        if candidate.error_type in ("correctness", "logic"):
            return failed(UNIT_TESTS, "all unit tests still pass")
        return not_judged(UNIT_TESTS, "all unit tests still pass")

    return Check(unit_tests, is_proof=True, is_slow=True)


CHECKS.add(UNIT_TESTS, unit_tests_check(run_tests))


def _behaviour(code: str) -> str:
    """The syntax tree without comments and docstrings; the text itself where it does not parse."""
    tree = _tree(code)
    if tree is None:
        return code
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                first.value.value = ""
    return ast.dump(tree)


def _tree(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@CHECKS.register(INVENTED_API)
@lambda judge: Check(judge, is_proof=True)
def invented_api(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Proof by a name of the standard library that does not exist; looked up, never run."""
    code = python_code(candidate.text)
    if code is None:
        return not_judged(INVENTED_API, "there is no Python in the answer")
    known = missing_names(python_code(sample.chosen) or "")
    missing = [name for name in missing_names(code) if name not in known]
    if missing:
        return passed(INVENTED_API, f"the standard library has no {missing[0]}")
    return not_judged(INVENTED_API, "every name of the standard library that was looked up exists")


@lru_cache(maxsize=64)
def missing_names(code: str) -> tuple[str, ...]:
    """Dotted names that the code asks of standard modules and that those do not have."""
    tree = _tree(code)
    if tree is None:
        return ()
    aliases = dict(_imported(tree))
    rebound = _defined(tree)
    asked = [name for name in aliases.values() if "." in name]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)) is not None:
            root, _, rest = dotted.partition(".")
            if root in aliases and root not in rebound:
                asked.append(f"{aliases[root]}.{rest}")
    return tuple(name for name in dict.fromkeys(asked) if _is_missing(name))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name in the code, dotted name that it stands for) of every import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.name != "*":
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr) -> str | None:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _is_missing(name: str) -> bool:
    """Whether a dotted name leads out of a module or class that is known in full."""
    root, *rest = name.split(".")
    if root not in SAFE_MODULES:
        return False
    place: object = importlib.import_module(root)
    path = root
    for part in rest:
        path = f"{path}.{part}"
        if path in SAFE_MODULES:
            place = importlib.import_module(path)
        elif not hasattr(place, part):
            # A submodule that nobody has imported yet is no attribute.
            return not hasattr(place, "__path__") or importlib.util.find_spec(path) is None
        else:
            place = getattr(place, part)
        if not isinstance(place, ModuleType | type):
            return False
    return False


def invented_names(sample: Sample, text: str) -> tuple[str, ...]:
    """Modules, functions and methods that code calls on and that nothing defines.

    Known are those of the question, the chosen answer and the code itself, Python's builtins, and the methods of its
    builtin types.
    """
    code, chosen = python_code(text), python_code(sample.chosen)
    if code is None or chosen is None:
        return _foreign_calls(sample, text)
    if (tree := _tree(code)) is None or (chosen_tree := _tree(chosen)) is None:
        return ()
    question = "\n".join(message.content for message in sample.prompt)
    calls = {name for pair in re.findall(r"(\w+)\(|`([\w.]+)[(`]", question) for name in pair}
    own = _defined(tree) | {name for name, _ in _imported(tree)}
    known = {
        "module": set(sys.stdlib_module_names) | set(re.findall(r"\w+", question)),
        "function": own | calls | set(dir(builtins)),
        "method": own | set(re.findall(r"\.(\w+)", question)) | {name for kind in BUILTIN_TYPES for name in dir(kind)},
    }
    for kind, name in _used(chosen_tree):
        known[kind].add(name)
    new = [name for kind, name in _used(tree) if name not in known[kind]]
    lacking = [name for name in missing_names(code) if name not in missing_names(chosen)]
    return tuple(dict.fromkeys([*lacking, *new]))


def _foreign_calls(sample: Sample, text: str) -> tuple[str, ...]:
    """Functions that code of another language calls, and whose names neither question nor chosen answer holds."""
    known = set(re.findall(r"\w+", "\n".join([*(message.content for message in sample.prompt), sample.chosen])))
    called = (name for block in code_blocks(text) for name in re.findall(r"([A-Za-z_]\w*)\(", block.code))
    return tuple(dict.fromkeys(name for name in called if name not in known))


def _defined(tree: ast.Module) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def _used(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Modules that are imported, and functions and methods that are called, each with its kind.

    What is called on a module is left out: `missing_names` looks that up.
    """
    imported = {name for name, _ in _imported(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (("module", alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield "module", node.module.split(".")[0]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "function", node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_on_module = (_dotted(node.func) or "").partition(".")[0] in imported
            yield from () if is_on_module else [("method", node.func.attr)]
