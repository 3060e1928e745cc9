"""Does the difference between the chosen answer and the negative fit the error type that the negative claims?

The evidence is the difference of the two texts alone; a candidate's own subtype and edits are never asked.
"""

import re

from seapo.answer import false_equations
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, Judge, failed, not_judged, passed, shortened
from seapo.verify.code import invented_names
from seapo.verify.contradiction import contradictions
from seapo.verify.difference import Difference, difference
from seapo.verify.difference import steps as steps_of
from seapo.verify.findings import CONCLUDING, INFERRING, Finding
from seapo.verify.invention import inserted_passages, inventions
from seapo.verify.proofs import arithmetic, choice, wrong_final_answer

TYPE_APPLIES = "type_applies"
FACTS = ("number", "term", "opposite", "negation", "operator", "condition", "identifier", "name", "exchanged")
REASONING = ("connective", "cause", "quantifier", "condition", "exchanged", "repeated", "conclusion", "opening")
ORDER_WORDS = re.compile(
    r"\b(?:then|next|first|second|third|finally|after|before|once|therefore|thus|hence|so|because|since|if|this|that|these|"
    r"those|it|they|which|same|result|answer|now|already|also|again)\b|=",
    re.IGNORECASE,
)
"""Marks of a step that leans on another one."""


@CHECKS.register(TYPE_APPLIES)
@Check
def type_applies(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Pass where the difference is plainly an error of the claimed type; not judged where it may be one."""
    judge = JUDGES.get(candidate.error_type)
    if judge is None:
        return not_judged(TYPE_APPLIES, f"no rule tells what an error of type {candidate.error_type!r} looks like")
    return judge(sample, candidate, settings)


def _correctness(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    change = difference(sample.chosen, candidate.text)
    if facts := change.of(*FACTS):
        return passed(TYPE_APPLIES, _told(facts))
    for proof in (arithmetic, wrong_final_answer, choice):
        if (result := proof(sample, candidate, settings)).outcome == "pass":
            return passed(TYPE_APPLIES, result.evidence)
    if code := change.of("code"):
        return not_judged(TYPE_APPLIES, f"code was changed, which may or may not matter: {_told(code)}")
    if change.of("dropped", "repeated", "swapped"):
        return failed(TYPE_APPLIES, "steps were moved, dropped or repeated, and no statement was changed")
    if inserted_passages(change):
        return failed(TYPE_APPLIES, "something was added, and no statement was changed")
    if (changed := change.of("word", "phrase")) and change.of("word") == changed:
        return failed(TYPE_APPLIES, f"it may be a synonym: {_told(changed)}")
    if changed:
        return not_judged(TYPE_APPLIES, f"it may be another way to say the same: {_told(changed)}")
    return failed(TYPE_APPLIES, "no statement was changed")


def _logic(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    change = difference(sample.chosen, candidate.text)
    if found := change.of(*REASONING) or _wrong_step(change):
        return passed(TYPE_APPLIES, _told(found))
    if clash := contradictions(change.after, but_not=change.before):
        return passed(TYPE_APPLIES, clash[0])
    if steps := change.of("swapped", "dropped"):
        leaning = [step for step in steps if ORDER_WORDS.search(step.evidence) or _is_premise(step, change)]
        verdict = passed if leaning else not_judged
        return verdict(TYPE_APPLIES, f"{steps[0].kind}: {_told(leaning or steps)}")
    if change.of(*FACTS):
        return failed(TYPE_APPLIES, f"a statement was changed, which is an error of fact: {_told(change.of(*FACTS))}")
    if change.of("code"):
        return not_judged(TYPE_APPLIES, f"code was changed, which may or may not matter: {_told(change.of('code'))}")
    if inserted_passages(change):
        return not_judged(TYPE_APPLIES, "something was added that contradicts nothing found here")
    return failed(
        TYPE_APPLIES, f"no step, connective or conclusion was changed: {_told(change.findings) or 'no difference'}"
    )


def _is_premise(step: Finding, change: Difference) -> bool:
    """Whether a dropped step stood before a conclusion."""
    before = steps_of(change.before)
    behind = before[before.index(step.evidence) + 1 :] if step.evidence in before else ()
    return any(CONCLUDING.match(each) or INFERRING.search(each) for each in behind)


def _wrong_step(change: Difference) -> tuple[Finding, ...]:
    """Another operation whose result is computed rightly: the step does not follow, though its equation holds."""
    return () if false_equations(change.after, but_not=change.before) else change.of("operator")


def _hallucination(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    change = difference(sample.chosen, candidate.text)
    if found := inventions(sample, change):
        things = ", ".join(f"{each.kind} {shortened(each.text, 60)!r}" for each in found[:3])
        return passed(TYPE_APPLIES, f"neither the question nor the chosen answer has the {things}")
    if names := invented_names(sample, change.after):
        return passed(TYPE_APPLIES, f"neither the question nor the chosen answer has {', '.join(names[:3])}")
    if code := change.of("code"):
        return not_judged(TYPE_APPLIES, f"code was changed, which may or may not be made up: {_told(code)}")
    if inserted_passages(change):
        return not_judged(TYPE_APPLIES, "something was added, and it names no new source, person, figure or quotation")
    if facts := change.of(*FACTS):
        return failed(TYPE_APPLIES, f"nothing was brought in, a statement was changed: {_told(facts)}")
    return failed(TYPE_APPLIES, "nothing was brought in")


JUDGES: dict[str, Judge] = {
    "correctness": _correctness,
    "logic": _logic,
    "hallucination": _hallucination,
}


def _told(findings: tuple[Finding, ...] | list[Finding]) -> str:
    return "; ".join(shortened(finding.evidence, 160) for finding in findings[:2])
