"""Proofs that a text is wrong: a false equation, another final answer, a wrong option.

Each is read off the text and what is known of the sample. That the chosen answer passes the same tests is made sure
before any candidate is looked at (`seapo.verify.chosen`).
"""

from seapo.answer import (
    FinalAnswer,
    agrees,
    equations,
    false_equations,
    final_answer,
    number_value,
    stated_options,
)
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, ChoiceTruth, NumberTruth, Sample, TextTruth
from seapo.verify.check import CHECKS, Check, failed, not_judged, passed, shortened
from seapo.verify.difference import difference

MAX_TEXT_ANSWER_WORDS = 3
"""Of answers that are no numbers and whose truth is not known, only such short ones are compared."""


@CHECKS.register("arithmetic")
@lambda judge: Check(judge, is_proof=True)
def arithmetic(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Proof by an equation that does not hold, where those of the chosen answer do."""
    wrong = false_equations(candidate.text, but_not=sample.chosen)
    if wrong:
        return passed("arithmetic", f"{shortened(wrong[0])} is false")
    return not_judged("arithmetic", "it holds no equation that is false")


@CHECKS.register("final_answer")
@lambda judge: Check(judge, is_proof=True)
def wrong_final_answer(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Proof by a final answer that is not the true one, or, where no truth is known, not the chosen answer's."""
    right, chosen, answer = true_answer(sample), final_answer(sample.chosen), final_answer(candidate.text)
    if right is None or chosen is None:
        return not_judged("final_answer", "no final answer is known, nor plainly stated in the chosen answer")
    if not agrees(chosen.value, right):
        return not_judged("final_answer", "the chosen answer's final answer could not be read")
    if answer is None or answer.how != chosen.how:
        return not_judged("final_answer", "the negative states no final answer in the way the chosen answer does")
    if not agrees(answer.value, right):
        return passed("final_answer", f"its final answer is {shortened(answer.value)}, the right one is {right}")
    return _same_final_answer(sample, candidate, answer)


def _same_final_answer(sample: Sample, candidate: Candidate, answer: FinalAnswer) -> CheckResult:
    """In a calculation, changed numbers that neither break an equation nor reach the result are no error of fact.

    A wrong unit or name is one though the number is right; a flawed argument may reach a right result; and what is
    invented need not touch it.
    """
    evidence = f"its final answer is still {shortened(answer.value)}"
    change = difference(sample.chosen, candidate.text)
    is_only_numbers = bool(change.findings) and len(change.of("number", "conclusion")) == len(change.findings)
    is_computed = number_value(answer.value) is not None and any(each.holds for each in equations(sample.chosen))
    has_error = not (is_only_numbers and is_computed) or bool(false_equations(candidate.text))
    if candidate.error_type == "correctness" and not has_error:
        return failed("final_answer", f"{evidence}, and no equation is false")
    return not_judged("final_answer", evidence)


def true_answer(sample: Sample) -> str | None:
    """The known final answer; without one, the chosen answer's, where that is marked and short enough to compare."""
    if isinstance(sample.truth, NumberTruth | TextTruth):
        return sample.truth.value
    stated = final_answer(sample.chosen)
    if sample.truth is not None or stated is None or not stated.is_explicit:
        return None
    is_short = number_value(stated.value) is not None or len(stated.value.split()) <= MAX_TEXT_ANSWER_WORDS
    return stated.value if is_short else None


@CHECKS.register("choice")
@lambda judge: Check(judge, is_proof=True)
def choice(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Proof by the text: it states a wrong option, and no longer the right one."""
    if not isinstance(sample.truth, ChoiceTruth):
        return not_judged("choice", "the sample has no options")
    options = (sample.truth.correct, *sample.truth.incorrect)
    before, after = stated_options(sample.chosen, options), stated_options(candidate.text, options)
    if sample.truth.correct not in before:
        return not_judged("choice", "the chosen answer does not state the right option word for word")
    wrong = [option for option in sample.truth.incorrect if option in after and option not in before]
    if wrong and sample.truth.correct not in after:
        return passed(
            "choice", f"it states {shortened(wrong[0])!r}, the right option is {shortened(sample.truth.correct)!r}"
        )
    return not_judged("choice", "it states no other option instead of the right one")
