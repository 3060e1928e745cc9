"""Contradictions inside a text: a statement and its denial, or a last step and a final answer that disagree."""

from seapo.answer import Equation, equations, final_answer, number_value, same_answer
from seapo.denial import denials
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, not_judged, passed

NAME = "contradiction"


@CHECKS.register(NAME)
@lambda judge: Check(judge, is_proof=True)
def contradiction(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Proof by the text against itself; a contradiction that the chosen answer has too does not count."""
    found = contradictions(candidate.text, but_not=sample.chosen)
    if found:
        return passed(NAME, found[0])
    return not_judged(NAME, "the text does not contradict itself in a way that can be read off it")


def contradictions(text: str, *, but_not: str) -> tuple[str, ...]:
    """Each contradiction of a text in words, without what another text (the chosen answer) holds as well."""
    known = denials(but_not)
    return (*(found for found in denials(text) if found not in known), *_last_step(text, but_not))


def _last_step(text: str, chosen: str) -> list[str]:
    """The last equation and the stated final answer, where they disagree though they agree in the chosen answer.

    The last step must be the same one, so that a dropped or moved step is not taken for a contradiction.
    """
    (steps, answer), (chosen_steps, chosen_answer) = _steps_and_answer(text), _steps_and_answer(chosen)
    if not steps or not chosen_steps or answer is None or chosen_answer is None:
        return []
    last, chosen_last = steps[-1], chosen_steps[-1]
    lefts, chosen_lefts = [step.left for step in steps], [step.left for step in chosen_steps]
    is_same_step = last.left == chosen_last.left or lefts[:-1] == chosen_lefts[:-1]
    if len(steps) != len(chosen_steps) or not is_same_step:
        return []
    if not same_answer(chosen_last.right, chosen_answer) or same_answer(last.right, answer):
        return []
    return [f"its last step gives {last.left} = {last.right}, and its final answer is {answer}"]


def _steps_and_answer(text: str) -> tuple[tuple[Equation, ...], str | None]:
    """The equations before an explicit, numeric final answer, and that answer."""
    answer = final_answer(text)
    if answer is None or not answer.is_explicit or number_value(answer.value) is None:
        return (), None
    before = (equation for equation in equations(text) if equation.end <= answer.start and equation.holds is not None)
    return tuple(before), answer.value
