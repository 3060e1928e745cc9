"""What a check is, and the registry that holds them; a package adds its own through the entry point `seapo.checks`.

@CHECKS.register("exclamation")  # or CHECKS.add(name, Check(...))
@Check
def exclamation(sample, candidate, settings): ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.registry import Registry

BUILT_IN_TYPES = ("correctness", "logic", "hallucination")

Judge = Callable[[Sample, Candidate, VerifySection], CheckResult]


@dataclass(frozen=True)
class Check:
    """A question that is put to every candidate: pass, fail (the candidate is dropped), or not judged."""

    judge: Judge
    is_proof: bool = False
    """Whether passing proves that the candidate is wrong, whatever its injector says."""
    proves: frozenset[str] = frozenset(BUILT_IN_TYPES)
    """The error types that it is a proof of. That an equation is false proves no error of style."""
    is_slow: bool = False
    """Slow checks are asked last, and only of candidates that all others let pass."""
    asks_model: bool = False
    """A check that asks a model comes after all others, and may be asked from several threads at once."""

    def __call__(self, sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
        """Ask it of one candidate."""
        return self.judge(sample, candidate, settings)


CHECKS: Registry[Check] = Registry("check", "seapo.checks")


# Most findings are said of every candidate in the same words, and a record may be shared.
@lru_cache(maxsize=256)
def passed(check: str, evidence: str) -> CheckResult:
    """The check passed: `evidence` says what was found, for a proof what is wrong."""
    return CheckResult(check=check, outcome="pass", evidence=evidence)


def failed(check: str, evidence: str) -> CheckResult:
    """The candidate must be dropped."""
    return CheckResult(check=check, outcome="fail", evidence=evidence)


@lru_cache(maxsize=256)
def not_judged(check: str, evidence: str) -> CheckResult:
    """The check says nothing about this candidate, and why."""
    return CheckResult(check=check, outcome="not_judged", evidence=evidence)


def shortened(text: str, length: int = 80) -> str:
    """The text on one line, cut to a length, for evidence."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
