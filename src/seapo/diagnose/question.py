"""A question whose right answer is known, and whether an answer is right, as far as a program can tell."""

import re
from typing import Literal

from seapo.answer import (
    FinalAnswer,
    agrees,
    final_answer,
    last_sentence,
    number_value,
    python_code,
    same_answer,
    stated_options,
)
from seapo.diagnose.finding import shortened
from seapo.records import ChoiceTruth, Dimension, NumberTruth, Record, TextTruth, Truth, UnitTestTruth
from seapo.unit_tests import TestRun

Outcome = Literal["right", "wrong", "not_judged"]
MAX_TRUTH_WORDS = 8
"""A right answer of more words, with no marked final answer in it, is not compared."""
MAX_SHORT_WORDS = 30
"""An answer of no more words than this that does not hold the right one is wrong; a longer one may say it otherwise."""
VERDICTS = frozenset({"yes", "no", "unknown", "true", "false", "valid", "invalid"})
"""Answers that questions offer for choice; who repeats the offer chooses none."""
OPTION_LETTER = re.compile(r"\(?([A-Z])\)?[.:]?(?:\s|$)")
ARTICLE = re.compile(r"^(?:the|an?) ", re.IGNORECASE)


class Question(Record):
    """What the model is asked, and what is right."""

    id: str
    task: str
    dimension: Dimension | None
    question: str
    """As it is asked, with its options and how the answer shall end."""
    reference: str
    """A right answer; worked out where the source has the way as well."""
    truth: Truth
    options: tuple[str, ...] = ()
    """The statements behind the letters (A), (B), ...; empty where none are shown."""
    is_closed: bool = False
    """Whether all that decides the answer stands in the question."""


class Judgement(Record):
    """Whether an answer is right."""

    outcome: Outcome
    evidence: str
    start: int = 0
    end: int = 0
    """Where the answer states what was compared."""
    stated: str = ""


def truth_of(reference: str) -> Truth | None:
    """What can be compared of a right answer: its marked result, a number, or a few words; None for a long one."""
    stated = final_answer(reference)
    value = stated.value if stated is not None and stated.is_explicit else reference.strip()
    if number_value(value) is not None:
        return NumberTruth(value=value.replace(",", ""))
    return TextTruth(value=value) if value and len(value.split()) <= MAX_TRUTH_WORDS else None


def judge_answer(question: Question, answer: str, *, is_cut: bool = False, tests: TestRun | None = None) -> Judgement:
    """Whether an answer is right; `tests` is what became of its unit tests, where the truth are such.

    An answer that was cut counts by what it states as its answer, and by nothing else.
    """
    truth = question.truth
    if isinstance(truth, UnitTestTruth):
        return _by_tests(answer, tests)
    if not answer.strip():
        return Judgement(outcome="wrong", evidence="the answer is empty")
    if isinstance(truth, ChoiceTruth):
        return _by_letter(question, truth, answer) if question.options else _by_option(truth, answer, is_cut=is_cut)
    stated = final_answer(answer)
    if stated is not None and (stated.is_explicit or (isinstance(truth, NumberTruth) and not is_cut)):
        return _by_value(truth, stated)
    if is_cut:
        return Judgement(outcome="wrong", evidence="the answer is cut before it states a result")
    return _by_words(truth, answer)


def _by_value(truth: NumberTruth | TextTruth, stated: FinalAnswer) -> Judgement:
    is_right = agrees(stated.value, truth.value)
    is_told = isinstance(truth, NumberTruth) or "\\" not in truth.value + stated.value
    evidence = f"its answer is {shortened(stated.value)}"
    return Judgement(
        outcome="right" if is_right else "wrong" if is_told else "not_judged",
        evidence=evidence if is_right else f"{evidence}, the right one is {shortened(truth.value)}",
        start=stated.start,
        end=stated.end,
        stated=stated.value,
    )


def _by_words(truth: NumberTruth | TextTruth, answer: str) -> Judgement:
    """Of an answer that marks no result, its last sentence, and the whole of a short one."""
    start, end = last_sentence(answer)
    said = VERDICTS.intersection(re.findall(r"[a-z]+", answer[start:end].lower()))
    if truth.value.lower() in VERDICTS and len(said) > 1:
        return Judgement(outcome="not_judged", evidence=f"it says {' and '.join(sorted(said))} at once")
    if agrees(answer[start:end], truth.value):
        return Judgement(outcome="right", evidence=f"it ends with {shortened(truth.value)}", start=start, end=end)
    if len(answer.split()) > MAX_SHORT_WORDS and isinstance(truth, TextTruth):
        return Judgement(outcome="not_judged", evidence="it marks no result")
    evidence = f"it does not say {shortened(truth.value)}"
    return Judgement(outcome="wrong", evidence=evidence, start=start, end=end, stated=answer[start:end])


def _by_letter(question: Question, truth: ChoiceTruth, answer: str) -> Judgement:
    """The option that is stated word for word and alone, whatever letter stands before it; else the one of the letter.

    Small models often write the letter of one option and the words of another.
    """
    named = stated_options(answer, question.options)
    if len(named) == 1:
        return _chosen(next(iter(named)), truth, 0, len(answer))
    stated = final_answer(answer)
    if stated is not None and stated.is_explicit:
        letter = OPTION_LETTER.match(stated.value.upper())
        same = [option for option in question.options if same_answer(stated.value, option)]
        if letter is not None and ord(letter[1]) - ord("A") < len(question.options):
            same = [question.options[ord(letter[1]) - ord("A")]]
        if len(same) == 1:
            return _chosen(same[0], truth, stated.start, stated.end)
    return Judgement(outcome="not_judged", evidence="it names no option, or several")


def _chosen(option: str, truth: ChoiceTruth, start: int, end: int) -> Judgement:
    is_right = option == truth.correct
    evidence = f"it chooses {shortened(option)!r}"
    if not is_right:
        evidence += f", right is {shortened(truth.correct)!r}"
    return Judgement(outcome="right" if is_right else "wrong", evidence=evidence, start=start, end=end, stated=option)


def _by_option(truth: ChoiceTruth, answer: str, *, is_cut: bool) -> Judgement:
    """A short right answer must be said, and none of the known wrong ones beside it."""
    bare = {ARTICLE.sub("", option): option for option in (truth.correct, *truth.incorrect)}
    said = {bare[option] for option in stated_options(answer, bare)}
    stated = final_answer(answer)  # a wrong number of one or two digits may stand anywhere; it counts at the end alone
    said |= {bare[option] for option in bare if stated is not None and same_answer(stated.value, option)}
    if re.search(rf"(?<!\w){re.escape(ARTICLE.sub('', truth.correct))}(?!\w)", answer, re.IGNORECASE):
        said.add(truth.correct)
    if said == {truth.correct}:
        return Judgement(outcome="right", evidence=f"it says {truth.correct!r}")
    if truth.correct in said:
        return Judgement(outcome="not_judged", evidence=f"it says {truth.correct!r} and other options as well")
    if said:
        return Judgement(outcome="wrong", evidence=f"it says {sorted(said)[0]!r}, right is {truth.correct!r}",
                         end=len(answer), stated=sorted(said)[0])  # fmt: skip
    if is_cut:
        return Judgement(outcome="not_judged", evidence="the answer is cut, and says none of the known answers")
    return Judgement(outcome="wrong", evidence=f"it does not say {truth.correct!r}", end=len(answer))


def _by_tests(answer: str, tests: TestRun | None) -> Judgement:
    if python_code(answer) is None:
        return Judgement(outcome="wrong", evidence="there is no Python in the answer")
    if tests is None or tests.outcome == "not_run":
        return Judgement(
            outcome="not_judged", evidence="its unit tests were not run" if tests is None else tests.evidence
        )
    outcome: Outcome = "right" if tests.outcome == "passed" else "wrong"
    return Judgement(outcome=outcome, evidence=tests.evidence)
