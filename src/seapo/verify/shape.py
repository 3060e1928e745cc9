"""Does the negative keep the shape of the chosen answer? Code, JSON, lists, formulas, markers and brackets.

Only what the chosen answer itself has in order is asked of the negative.
"""

import json
import re
from collections import Counter
from collections.abc import Callable

from seapo.answer import code_blocks, parses_as_python, python_code
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, failed, passed

NAME = "format_kept"
PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("“", "”"))
MARKERS = ("####", "\\boxed")
LIST_ITEM = re.compile(
    r"^[ \t]*(?:(?P<bullet>[-*+•])|(?P<number>\d{1,3}[.)])|(?P<letter>\(?[a-zA-Z][.)]))[ \t]+\S", re.M
)
TABLE_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.M)
MIN_ITEMS = 3
"""Of fewer, one that was dropped leaves hardly a list."""
ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+\*?)\}")
LATEX_PAIRS = ((r"\(", r"\)"), (r"\[", r"\]"), (r"\left", r"\right"))
LATEX_COMMAND = re.compile(r"\\(?:left|right)(?![A-Za-z])|\\[()\[\]]|\\\\|\$\$|\\\$|\$")
MONEY = re.compile(r"\$ ?\d[\d,.]*(?![\d,.]*\s*[$\\^_={}+*/]|\w)")
"""A dollar sign before a number is money, unless the number is the start of a formula."""


@CHECKS.register(NAME)
@Check
def format_kept(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where code or JSON no longer parses, a list or formula is broken, or markers or brackets are gone."""
    for find in FINDERS:
        if problem := find(sample.chosen, candidate.text):
            return failed(NAME, problem)
    return passed(NAME, "code, JSON, lists, formulas, markers and brackets are as in the chosen answer")


def _code(chosen: str, text: str) -> str | None:
    if _languages(chosen) != _languages(text):
        return "the code blocks are not those of the chosen answer"
    code = python_code(chosen)
    if code is not None and parses_as_python(code) and not parses_as_python(python_code(text) or text):
        return "the Python code no longer parses"
    return None


def _languages(text: str) -> list[str]:
    return [block.language for block in code_blocks(text)] if "```" in text or "~~~" in text else []


def _json(chosen: str, text: str) -> str | None:
    """JSON is what fills the whole answer, or a block that is marked as such or begins as an object or array."""
    if _is_json(chosen) and not _is_json(text):
        return "the answer is no longer JSON"
    if "```" not in chosen:
        return None
    for before, after in zip(code_blocks(chosen), code_blocks(text), strict=False):
        if before.language in ("json", "") and _is_json(before.code) and not _is_json(after.code):
            return "a block of JSON no longer parses"
    return None


def _is_json(text: str) -> bool:
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        return False
    try:
        json.loads(stripped)
    except (ValueError, RecursionError):
        return False
    return True


def _lists(chosen: str, text: str) -> str | None:
    before, after = _list_kinds(chosen), _list_kinds(text)
    for kind, count in before.items():
        if count >= MIN_ITEMS and after[kind] < count / 2:
            return f"a list of {count} items with a {kind} has {after[kind]} now"
    rows = len(TABLE_ROW.findall(chosen))
    if rows >= MIN_ITEMS and len(TABLE_ROW.findall(text)) < rows / 2:
        return "a table is gone"
    return None


def _list_kinds(text: str) -> Counter[str]:
    return Counter(match.lastgroup or "" for match in LIST_ITEM.finditer(text))


def _formulas(chosen: str, text: str) -> str | None:
    """LaTeX whose delimiters and environments close in the chosen answer must close in the negative."""
    if "\\" not in chosen and "$" not in chosen:
        return None
    problem = _open_formula(text)
    return problem if problem and _open_formula(chosen) is None else None


def _open_formula(text: str) -> str | None:
    counts = Counter(match[0] for match in LATEX_COMMAND.finditer(text))
    for left, right in LATEX_PAIRS:
        if counts[left] != counts[right]:
            return f"a {left} has no {right}"
    if counts["$$"] % 2:
        return "a $$ has no partner"
    if counts["$"] % 2 and MONEY.search(text) is None:
        return "a $ has no partner"
    is_open: list[str] = []
    for match in ENVIRONMENT.finditer(text):
        if match[1] == "begin":
            is_open.append(match[2])
        elif not is_open or is_open.pop() != match[2]:
            return f"an \\end{{{match[2]}}} has no \\begin"
    return f"a \\begin{{{is_open[-1]}}} has no \\end" if is_open else None


def _markers(chosen: str, text: str) -> str | None:
    return next((f"the marker {each} is gone" for each in MARKERS if each in chosen and each not in text), None)


def _brackets(chosen: str, text: str) -> str | None:
    for left, right in PAIRS:
        if text.count(left) != text.count(right) and chosen.count(left) == chosen.count(right):
            return f"a {left} has no {right}"
    if text.count('"') % 2 and chosen.count('"') % 2 == 0:
        return "a quotation mark has no partner"
    return None


FINDERS: tuple[Callable[[str, str], str | None], ...] = (_code, _json, _lists, _formulas, _markers, _brackets)
