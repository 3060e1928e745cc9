"""Errors in a chain of calculations: a false equation, an amount from nowhere, an end that the chain does not reach."""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from seapo.answer import Equation, agrees, equations, final_answer, number_value, numbers, same_answer
from seapo.arithmetic import value_of
from seapo.diagnose.finding import Finding, shortened
from seapo.lexicon import NUMBER_WORDS

CONSTANTS = frozenset(
    Fraction(value)
    for value in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 24, 30, 52, 60, 100, 365, 1000, "0.01", "0.05", "0.1", "0.25")
)
"""What every reader knows: small counts, the parts of a day, week and year, a dozen, powers of ten, coins."""
SHARES = {
    "half": Fraction(1, 2), "halves": Fraction(1, 2), "twice": Fraction(2), "double": Fraction(2),
    "third": Fraction(1, 3), "thirds": Fraction(1, 3), "triple": Fraction(3), "quarter": Fraction(1, 4),
    "quarters": Fraction(1, 4), "dozen": Fraction(12), "hundred": Fraction(100), "thousand": Fraction(1000),
}  # fmt: skip
WORD_VALUES = dict(zip(NUMBER_WORDS, (*range(2, 21), *range(30, 100, 10)), strict=True))
MAX_KNOWN = 60
"""Amounts whose sums, differences, products and quotients are taken for known as well."""


def sum_findings(question: str, reference: str, answer: str) -> tuple[Finding, ...]:
    """The errors of a chain that can be read off it, in the order of their places."""
    chain = _chain(answer)
    found = [*_false(chain, question, reference), *_invented(chain, question, reference)]
    found += _broken_end(chain, answer)
    return tuple(sorted(found, key=lambda finding: finding.start))


def strange_step(reference: str, answer: str) -> Finding | None:
    """Of a chain without a false equation: the first step whose result the reference never comes to, else the last.

    None where the chain holds a false equation, or none at all.
    """
    chain = _chain(answer)
    if not chain or any(each.holds is False for each in chain):
        return None
    known = {*_amounts(reference), *_shares(reference)}
    strange = next((each for each in chain if (value_of(each.right)) not in known), None)
    step = chain[-1] if strange is None else strange
    where = "the last one is" if strange is None else "the reference never comes to"
    evidence = f"every equation holds, and the result is wrong; {where} {_told(step)}"
    return Finding(
        error_type="logic", kind="wrong_step", start=step.start, end=step.end, evidence=evidence, is_proof=False
    )


def _chain(answer: str) -> list[Equation]:
    """The equations that say whether they hold."""
    return [each for each in equations(answer) if each.holds is not None]


def _told(equation: Equation) -> str:
    return shortened(f"{equation.left} = {equation.right}")


def _false(chain: Iterable[Equation], question: str, reference: str) -> Iterator[Finding]:
    known = {(each.left, each.right) for text in (question, reference) for each in equations(text)}
    for each in chain:
        if each.holds is False and (each.left, each.right) not in known:
            yield Finding(
                error_type="correctness",
                kind="wrong_arithmetic",
                start=each.start,
                end=each.end,
                evidence=f"{_told(each)} is false",
                is_proof=True,
            )


def _invented(chain: Iterable[Equation], question: str, reference: str) -> Iterator[Finding]:
    """Operands that are neither given nor computed before, nor found in one's head from what is."""
    given, shares = set(_amounts(question)), set(_shares(question))
    known = {*given, *shares, *_amounts(reference), *_shares(reference), *CONSTANTS}
    for each in chain:
        for span in numbers(each.left):
            value = abs(Fraction(span.value))
            if value in known or _is_reachable(value, given):
                continue
            known.add(value)
            yield Finding(
                error_type="hallucination",
                kind="invented_premise",
                start=each.start + span.start,
                end=each.start + span.end,
                evidence=f"the amount {span.text} in {_told(each)} is neither given nor computed",
                is_proof=False,
            )
        new = {*_amounts(each.left), *_amounts(each.right)}
        given, known = given | new, known | new


def _amounts(text: str) -> Iterator[Fraction]:
    """The numbers of a text, those in words among them."""
    yield from (abs(Fraction(span.value)) for span in numbers(text))
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in WORD_VALUES:
            yield Fraction(WORD_VALUES[word])
        elif word in SHARES:
            yield SHARES[word]


def _shares(text: str) -> Iterator[Fraction]:
    """What a text's numbers are as percentages: the share, what is left of the whole, and the whole with it added."""
    for value in _amounts(text):
        if value <= 100:
            yield from (value / 100, 1 - value / 100, 1 + value / 100)


def _is_reachable(value: Fraction, given: set[Fraction]) -> bool:
    """Whether one operation gives it: on two amounts that are given, or on one and a known constant by which it is
    multiplied or divided, as hours and minutes are."""
    amounts = sorted(given)[:MAX_KNOWN]
    return any(_one_step(value, first, second) for first in amounts for second in amounts) or any(
        value == amount * constant or value * constant == amount for amount in amounts for constant in CONSTANTS
    )


def _one_step(value: Fraction, first: Fraction, second: Fraction) -> bool:
    is_sum = value in (first + second, first - second, first * second)
    return is_sum or (second != 0 and value == first / second)


def _broken_end(chain: list[Equation], answer: str) -> Iterator[Finding]:
    """A stated, numeric final answer that the last equation does not give and that no line before it holds.

    No proof: in 20 of 406 right solutions of competition mathematics the last equation is a step aside.
    """
    stated = final_answer(answer)
    if stated is None or not stated.is_explicit or number_value(stated.value) is None:
        return
    before = [each for each in chain if each.end <= stated.start]
    if not before or same_answer(before[-1].right, stated.value) or _stands_in(stated.value, answer[: stated.start]):
        return
    yield Finding(
        error_type="logic",
        kind="wrong_conclusion",
        start=stated.start,
        end=stated.end,
        evidence=f"its last step gives {_told(before[-1])}, and its final answer is {shortened(stated.value)}",
        is_proof=False,
    )


def _stands_in(value: str, text: str) -> bool:
    """Whether a number was written before: then it may have been found another way than by the last equation."""
    return any(agrees(span.text, value) for span in numbers(text))
