"""Rules for Python code, through its syntax tree: small slips (correctness) and reversed or lost conditions (logic)."""

import ast
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from random import Random

from seapo.inject.code_sites import Source, expressions
from seapo.inject.draft import Draft, shuffled
from seapo.inject.passage import Passage
from seapo.records import Edit

_BOUNDARIES: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}
_REVERSALS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">"),
    ast.LtE: ("<=", ">="),
    ast.Gt: (">", "<"),
    ast.GtE: (">=", "<="),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_OPERATORS: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("+", "**")),
    ast.Div: ("/", ("//", "*")),
    ast.FloorDiv: ("//", ("/", "%")),
    ast.Mod: ("%", ("//",)),
    ast.Pow: ("**", ("*",)),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
    ast.BitAnd: ("&", ("|",)),
    ast.BitOr: ("|", ("&",)),
}
_PARTNERS = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "upper": "lower",
    "lower": "upper",
    "startswith": "endswith",
    "endswith": "startswith",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
    "keys": "values",
    "values": "keys",
    "find": "rfind",
    "ceil": "floor",
    "floor": "ceil",
    "append": "extend",
    "isdigit": "isalpha",
    "isalpha": "isdigit",
    "isupper": "islower",
    "islower": "isupper",
    "union": "intersection",
    "intersection": "union",
    "popleft": "pop",
    "sin": "cos",
    "cos": "sin",
    "heappush": "heappop",
    "removeprefix": "removesuffix",
    "removesuffix": "removeprefix",
    "ljust": "rjust",
    "rjust": "ljust",
    "index": "count",
    "count": "index",
}
"""Functions and methods that take the same arguments and do something else."""


def wrong_operators(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A comparison includes its boundary or no more, an arithmetic operator is another, a function its partner."""
    yield from _mutants(passage, rng, "wrong_operator", (_boundaries, _arithmetic, _augmented, _partners))


def off_by_one(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A range, slice, index or constant is one too far or one too short."""
    yield from _mutants(passage, rng, "off_by_one", (_ranges, _slices, _constants))


def wrong_variables(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Another variable of the same function is used, or two arguments are exchanged."""
    yield from _mutants(passage, rng, "wrong_variable", (_variables, _arguments))


def wrong_conditions(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A condition is reversed, or `and` and `or` are exchanged."""
    yield from _mutants(passage, rng, "wrong_condition", (_reversed_tests, _connectives, _booleans))


def missing_guards(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A guard (`if not items: return 0`), a `break` or a statement that later ones need is left out."""
    yield from _mutants(passage, rng, "missing_step", (_guards, _updates))


def swapped_statements(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Two neighbouring statements change places where the second needs the first, or a `return` slips into the loop."""
    yield from _mutants(passage, rng, "swapped_steps", (_dependent_statements, _early_returns))


Mutator = Callable[[Source, Random], Iterable[tuple[Edit | None, ...]]]


def _mutants(passage: Passage, rng: Random, subtype: str, mutators: tuple[Mutator, ...]) -> Iterator[Draft]:
    for region in shuffled(rng, passage.python):
        source = Source(region)
        found = [edits for mutator in mutators for edits in mutator(source, rng)]
        for edits in shuffled(rng, found):
            real = tuple(sorted((e for e in edits if e is not None), key=lambda e: e.start))
            if len(real) == len(edits) and source.changes_program(real):
                yield Draft(subtype, real)


def _boundaries(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.Compare):
        assert isinstance(node, ast.Compare)
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            if type(operator) in _BOUNDARIES:
                yield (source.operator_edit(left, right, *_BOUNDARIES[type(operator)]),)


def _arithmetic(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.BinOp):
        assert isinstance(node, ast.BinOp)
        if type(node.op) not in _OPERATORS or _is_text(node.left) or _is_text(node.right) or _is_identity(node):
            continue
        old, others = _OPERATORS[type(node.op)]
        yield (source.operator_edit(node.left, node.right, old, rng.choice(others)),)


def _augmented(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS and not _is_text(node.value):
            old, others = _OPERATORS[type(node.op)]
            yield (source.operator_edit(node.target, node.value, f"{old}=", f"{rng.choice(others)}="),)


def _partners(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.Call):
        assert isinstance(node, ast.Call)
        name = node.func
        if isinstance(name, ast.Name) and name.id in ("min", "max", "any", "all"):
            yield (source.edit(*source.span(name), _PARTNERS[name.id]),)
        elif isinstance(name, ast.Attribute) and name.attr in _PARTNERS:
            end = source.span(name)[1]
            yield (source.edit(end - len(name.attr), end, _PARTNERS[name.attr]),)
        for word in node.keywords:
            if word.arg == "reverse" and isinstance(word.value, ast.Constant):
                yield (source.edit(*source.span(word.value), str(not word.value.value)),)


def _ranges(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.Call):
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "range" and 1 <= len(node.args) <= 2:
            end = node.args[-1]
            yield (source.edit(*source.span(end), _shifted(source, end, rng)),)
            if len(node.args) == 1:
                start = source.span(end)[0]
                yield (source.edit(start, start, "1, "),)


def _slices(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.Subscript):
        assert isinstance(node, ast.Subscript)
        bounds = [node.slice.lower, node.slice.upper] if isinstance(node.slice, ast.Slice) else [node.slice]
        for bound in bounds:
            is_name = isinstance(bound, ast.Name) and isinstance(node.slice, ast.Slice)
            if bound is not None and (is_name or isinstance(bound, ast.BinOp)):
                yield (source.edit(*source.span(bound), _shifted(source, bound, rng)),)


def _constants(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.Constant):
        assert isinstance(node, ast.Constant)
        if type(node.value) is int and node.value < 10_000:
            shift = rng.choice((1, -1)) if node.value > 0 else 1
            yield (source.edit(*source.span(node), str(node.value + shift)),)


def _variables(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for function in source.functions:
        names = {a.arg for a in function.args.args if a.arg not in ("self", "cls")}
        names |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        called = {id(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Load)
                and node.id in names
                and id(node) not in called
            ):
                others = sorted(name for name in names - {node.id} if _is_known_before(function, name, node.lineno))
                if others:
                    yield (source.edit(*source.span(node), rng.choice(others)),)


def _arguments(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.Call):
        assert isinstance(node, ast.Call)
        is_symmetric = isinstance(node.func, ast.Name) and node.func.id in ("min", "max", "print", "gcd", "set", "zip")
        texts = [source.text(argument) for argument in node.args]
        if len(texts) == 2 and texts[0] != texts[1] and not is_symmetric and "*" not in (texts[0][:1], texts[1][:1]):
            yield tuple(source.edit(*source.span(a), t) for a, t in zip(node.args, reversed(texts), strict=True))


def _reversed_tests(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.If | ast.While | ast.IfExp) or _is_main_guard(node.test):
            continue
        test = node.test
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yield (source.edit(source.span(test)[0], source.span(test.operand)[0], ""),)
        elif isinstance(test, ast.Compare) and len(test.ops) == 1:
            yield (source.operator_edit(test.left, test.comparators[0], *_REVERSALS[type(test.ops[0])]),)
        elif isinstance(test, ast.Name | ast.Call | ast.Attribute):
            start = source.span(test)[0]
            yield (source.edit(start, start, "not "),)


def _connectives(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in expressions(source, ast.BoolOp):
        assert isinstance(node, ast.BoolOp)
        if len(node.values) == 2:
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            yield (source.operator_edit(node.values[0], node.values[1], old, new),)


def _booleans(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
            yield (source.edit(*source.span(node.value), str(not node.value.value)),)


def _guards(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    for body in _bodies(source.tree):
        for node in body[:-1]:
            leaves = isinstance(node, ast.If) and isinstance(
                node.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break
            )
            if leaves and isinstance(node, ast.If) and not node.orelse and not _is_main_guard(node.test):
                yield (_removed(source, node),)


def _updates(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    """Statements that change what a later one reads: `total += x`, `items.sort()`."""
    for body in _bodies(source.tree):
        for node in body if len(body) > 1 else []:
            is_call = (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Call)
                and isinstance(node.value.func, ast.Attribute)
            )
            if isinstance(node, ast.AugAssign) or is_call:
                yield (_removed(source, node),)


def _dependent_statements(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    simple = (ast.Assign, ast.AugAssign, ast.Expr)
    for body in _bodies(source.tree):
        for first, second in pairwise(body):
            is_simple = isinstance(first, simple) and isinstance(second, simple) and first.end_lineno != second.lineno
            if is_simple and _changed_names(first) & _read_names(second) and not _is_docstring(first):
                yield (
                    source.edit(*source.span(first), source.text(second)),
                    source.edit(*source.span(second), source.text(first)),
                )


def _early_returns(source: Source, rng: Random) -> Iterator[tuple[Edit | None, ...]]:
    """A `return` behind a loop is indented into it, so that it leaves in the first round."""
    for body in _bodies(source.tree):
        for loop, node in pairwise(body):
            if isinstance(loop, ast.For | ast.While) and isinstance(node, ast.Return) and not loop.orelse:
                start, column = source.span(node)[0], loop.body[0].col_offset
                if node.lineno == (loop.end_lineno or 0) + 1 and column > node.col_offset:
                    yield (source.edit(start, start, " " * (column - node.col_offset)),)


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body and not isinstance(node, ast.Module | ast.ClassDef):
                yield body


def _removed(source: Source, node: ast.stmt) -> Edit | None:
    """The edit that takes a statement's whole lines away; None where they hold something else."""
    start, end = source.span(node)
    code = source.region.code
    line_start = code.rfind("\n", 0, start) + 1
    line_end = code.find("\n", end)
    rest = code[end : line_end if line_end >= 0 else len(code)]
    if code[line_start:start].strip() or (rest.strip() and not rest.strip().startswith("#")):
        return None
    return source.edit(line_start, line_end + 1 if line_end >= 0 else len(code), "")


def _shifted(source: Source, node: ast.expr, rng: Random) -> str:
    """An expression plus or minus one, in the shortest way."""
    text = source.text(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and _is_one(node.right):
        return source.text(node.left)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return str(node.value + rng.choice((1, -1)))
    return text + rng.choice((" - 1", " + 1"))


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _is_text(node: ast.expr) -> bool:
    is_constant = isinstance(node, ast.Constant) and not isinstance(node.value, int | float)
    return is_constant or isinstance(node, ast.JoinedStr | ast.List | ast.ListComp | ast.Tuple | ast.Dict)


def _is_identity(node: ast.BinOp) -> bool:
    """`2 * 2`: the product and the sum agree."""
    return ast.dump(node.left) == ast.dump(node.right) and isinstance(node.op, ast.Mult)


def _is_main_guard(test: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(test))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_known_before(function: ast.AST, name: str, line: int) -> bool:
    """Whether a name is a parameter or is stored on an earlier line."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.arg == name:
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name and node.lineno < line:
            return True
    return False


def _changed_names(node: ast.stmt) -> set[str]:
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        stored |= {n.id for n in ast.walk(node.value.func.value) if isinstance(n, ast.Name)}
    return stored


def _read_names(node: ast.stmt) -> set[str]:
    read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        read.add(node.target.id)
    return read
