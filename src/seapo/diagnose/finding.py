"""What a program finds wrong in an answer: each finding names its error type, its place, and whether it is a proof."""

from typing import Literal

from seapo.records import Record

ErrorKind = Literal[
    "wrong_arithmetic", "wrong_fact", "wrong_choice", "contradiction", "wrong_conclusion", "wrong_step",
    "invented_premise", "invented_source", "invented_entity", "invented_quotation", "invented_api",
    "no_answer", "cut", "repetition",
]  # fmt: skip
"""Names of the taxonomy's subtypes, and three ways to give no answer."""
OTHER = "other"
"""A wrong answer that holds none of the errors that seapo puts in: none at all, a cut or a repeating one."""


class Finding(Record):
    """One thing that is wrong in an answer, or that looks so."""

    error_type: str
    """correctness, logic, hallucination, or other."""
    kind: ErrorKind
    start: int
    """Offsets in the answer."""
    end: int
    evidence: str
    """In words: the false equation, the two sentences, the name."""
    is_proof: bool
    """False for a candidate: what is not in the question may still be true."""


def shortened(text: str, length: int = 80) -> str:
    """The text on one line, cut to a length."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
