"""Checks of the outward form: is it another text, about as long, and whole?"""

import ast
import re
from functools import lru_cache

from seapo.answer import CodeBlock, code_blocks, parses_as_python, python_code
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample, apply_edits
from seapo.verify.check import CHECKS, Check, failed, passed, shortened
from seapo.verify.difference import difference
from seapo.verify.findings import SMALL_NUMBERS

SIGNS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\w+|[^\w\s]")
COSMETIC = frozenset(".,;:?\"'`*_…“”‘’#~\\")
FINAL_MARKS = (".", "!", "?", "…", '"', "”", "’", "'", ")", "]", "}", "`", "*", "|", ":")
CONTRACTIONS = (
    (re.compile(r"\bcan['’]t\b"), "can not"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"\bwon['’]t\b"), "will not"),
    (re.compile(r"n['’]t\b"), " not"),
)
JOINED = re.compile(r"(?<=[^\W\d_])['’\-‐](?=[^\W\d_])")
EXCLAIMED = re.compile(r"!(?![\w(])")


@CHECKS.register("edits")
@Check
def edits(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where the candidate's edits do not turn the chosen answer into its text: the spans are used in training."""
    try:
        text = apply_edits(sample.chosen, candidate.edits)
    except ValueError as problem:
        return failed("edits", str(problem))
    if text != candidate.text:
        return failed("edits", "the edits, applied to the chosen answer, give another text")
    return passed("edits", "the edits, applied to the chosen answer, give the text")


@CHECKS.register("changed")
@Check
def changed(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where only case, punctuation, white space, or the way a number is written differs."""
    if says_the_same(sample.chosen, candidate.text):
        return failed("changed", "nothing but case, punctuation, spacing or the writing of a number differs")
    return passed("changed", "the words, numbers or signs differ")


def says_the_same(left: str, right: str) -> bool:
    """Whether two texts say the same; of prose, the lines that both begin or end with need not be read."""
    if _is_prose(left) and _is_prose(right):
        old, new = left.split("\n"), right.split("\n")
        while old and new and old[-1] == new[-1]:
            old.pop()
            new.pop()
        head = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
        return _signs("\n".join(old[head:])) == _signs("\n".join(new[head:]))
    return said(left) == said(right)


@lru_cache(maxsize=64)
def _is_prose(text: str) -> bool:
    return not code_blocks(text) and python_code(text) is None


def said(text: str) -> list[str]:
    """What a text says, without the ways to write it: its words and signs; of Python, the syntax tree."""
    blocks = code_blocks(text)
    if not blocks and python_code(text) is not None:
        return [ast.dump(ast.parse(text))]
    found, position = list[str](), 0
    for block in blocks:
        code = [ast.dump(ast.parse(block.code))] if _is_python(block) else block.code.split()
        found += [*_signs(text[position : block.start]), *code]
        position = block.end
    return found + _signs(text[position:])


def _is_python(block: CodeBlock) -> bool:
    return block.language in ("", "python", "py", "python3") and parses_as_python(block.code)


def _signs(prose: str) -> list[str]:
    text = prose.casefold()
    for pattern, written_out in CONTRACTIONS:
        text = pattern.sub(written_out, text)
    text = EXCLAIMED.sub(" ", JOINED.sub(" ", text))
    return [_plain_sign(sign) for sign in SIGNS.findall(text) if sign not in COSMETIC]


@lru_cache(maxsize=4096)
def _plain_sign(sign: str) -> str:
    if sign[0].isdigit():
        plain = sign.replace(",", "")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return {"an": "a", "×": "*", "÷": "/", "−": "-", "–": "-"}.get(sign, SMALL_NUMBERS.get(sign, sign))


@CHECKS.register("edit_ratio")
@Check
def edit_ratio(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where nothing differs, or more of the answer than `max_edit_ratio`."""
    ratio = edit_ratio_of(sample.chosen, candidate.text)
    if ratio == 0:
        return failed("edit_ratio", "no word differs")
    if ratio > settings.max_edit_ratio:
        return failed("edit_ratio", f"{ratio:.0%} of the answer differs, more than {settings.max_edit_ratio:.0%}")
    return passed("edit_ratio", f"{ratio:.1%} of the answer differs")


def edit_ratio_of(chosen: str, text: str) -> float:
    """Characters that went or that came, whichever are more, over the length of the chosen answer."""
    return difference(chosen, text).size / max(len(chosen), 1)


@CHECKS.register("length")
@Check
def length(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where the negative is much shorter or longer, which alone would tell it from the chosen answer."""
    ratio = len(candidate.text) / max(len(sample.chosen), 1)
    bounds = f"{settings.min_length_ratio:g} to {settings.max_length_ratio:g}"
    if not settings.min_length_ratio <= ratio <= settings.max_length_ratio:
        return failed("length", f"it is {ratio:.2f} times as long as the chosen answer, outside {bounds}")
    return passed("length", f"it is {ratio:.2f} times as long as the chosen answer")


@CHECKS.register("truncated")
@Check
def truncated(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where the text breaks off and the chosen answer does not: in a code fence, or in a sentence."""
    if _is_open(candidate.text) and not _is_open(sample.chosen):
        return failed("truncated", "a code fence is not closed")
    if _is_finished(sample.chosen) and not _is_finished(candidate.text):
        return failed("truncated", f"the last sentence has no end: {shortened(candidate.text[-60:])!r}")
    return passed("truncated", "it ends as the chosen answer does")


def _is_open(text: str) -> bool:
    return any(not block.is_closed for block in code_blocks(text))


def _is_finished(text: str) -> bool:
    return text.rstrip().endswith(FINAL_MARKS)
