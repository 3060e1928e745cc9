"""Is the good answer good? A sample whose chosen answer fails a proof itself is set aside, with the reason."""

from seapo.answer import agrees, false_equations, final_answer, number_value, python_code, stated_options
from seapo.recipe import VerifySection
from seapo.records import ChoiceTruth, NumberTruth, Sample, TextTruth, UnitTestTruth
from seapo.unit_tests import Runner


def chosen_problem(sample: Sample, settings: VerifySection, run: Runner) -> str | None:
    """What is wrong with the chosen answer, as a reason to set the sample aside; None where nothing was found."""
    for find in (_false_equation, _wrong_answer, _wrong_option):
        if (problem := find(sample)) is not None:
            return problem
    return _failing_tests(sample, settings, run)


def _false_equation(sample: Sample) -> str | None:
    return "the chosen answer holds a false equation" if false_equations(sample.chosen) else None


def _wrong_answer(sample: Sample) -> str | None:
    """Only a marked answer counts: the last number of an unmarked text may be another one."""
    stated = final_answer(sample.chosen)
    if stated is None or not stated.is_explicit or not isinstance(sample.truth, NumberTruth | TextTruth):
        return None
    is_comparable = not isinstance(sample.truth, NumberTruth) or number_value(stated.value) is not None
    if is_comparable and not agrees(stated.value, sample.truth.value):
        return "the chosen answer's final answer is not the known one"
    return None


def _wrong_option(sample: Sample) -> str | None:
    if not isinstance(sample.truth, ChoiceTruth):
        return None
    stated = stated_options(sample.chosen, (sample.truth.correct, *sample.truth.incorrect))
    if stated and sample.truth.correct not in stated:
        return "the chosen answer states a wrong option"
    return None


def _failing_tests(sample: Sample, settings: VerifySection, run: Runner) -> str | None:
    if not isinstance(sample.truth, UnitTestTruth):
        return None
    code = python_code(sample.chosen)
    if code is None:
        return "the chosen answer has unit tests and no Python code"
    outcome = run(code, sample.truth.tests, settings).outcome
    return "the chosen answer fails its unit tests" if outcome == "failed" else None
