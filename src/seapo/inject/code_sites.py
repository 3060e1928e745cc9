"""Places in Python code that can be changed, as offsets of the answer."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from seapo.inject.passage import PythonRegion
from seapo.records import Edit


@dataclass(frozen=True)
class Source:
    """A piece of Python code inside an answer."""

    region: PythonRegion

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(self.region.code)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for line in self.region.code.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All function definitions."""
        return [n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]

    def offset(self, line: int, byte: int) -> int:
        """Offset in the code of a 1-based line and a column in UTF-8 bytes."""
        start = self._line_starts[line - 1]
        row = self.region.code[start : self._line_starts[line]]
        return start + len(row.encode()[:byte].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node stands in the code."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def text(self, node: ast.expr | ast.stmt) -> str:
        """A node as it is written."""
        start, end = self.span(node)
        return self.region.code[start:end]

    def between(self, left: ast.expr, right: ast.expr) -> tuple[int, int, str]:
        """Start, end and text of what stands between two nodes: an operator with its spaces, perhaps brackets."""
        start, end = self.span(left)[1], self.span(right)[0]
        return start, end, self.region.code[start:end]

    def edit(self, start: int, end: int, replacement: str) -> Edit:
        """The edit of the answer that changes the code's `[start:end]`."""
        base = self.region.start
        return Edit(start=base + start, end=base + end, original=self.region.code[start:end], replacement=replacement)

    def operator_edit(self, left: ast.expr, right: ast.expr, old: str, new: str) -> Edit | None:
        """The edit that changes the operator between two nodes; None where a comment or the like is in the way."""
        start, _, text = self.between(left, right)
        if text.replace("(", " ").replace(")", " ").split() != old.split():
            return None
        at = start + text.index(old.split()[0])
        end = start + text.index(old.split()[-1], at - start) + len(old.split()[-1])
        return self.edit(at, end, new)

    def changes_program(self, edits: tuple[Edit, ...]) -> bool:
        """Whether the changed code still parses, and means something else."""
        code, shift = self.region.code, self.region.start
        for edit in reversed(edits):
            code = code[: edit.start - shift] + edit.replacement + code[edit.end - shift :]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                changed = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError):
            return False
        return ast.dump(changed) != ast.dump(self.tree)


def expressions(source: Source, kind: type[ast.expr]) -> Iterator[ast.expr]:
    """All expressions of a kind outside docstrings and annotations."""
    skipped = {id(n) for node in ast.walk(source.tree) for n in _annotations(node)}
    for node in ast.walk(source.tree):
        if isinstance(node, kind) and id(node) not in skipped:
            yield node


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    for name in ("annotation", "returns"):
        part = getattr(node, name, None)
        if isinstance(part, ast.AST):
            yield from ast.walk(part)
