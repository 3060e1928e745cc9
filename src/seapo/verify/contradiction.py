"""Contradictions inside a text: a statement and its denial, or a last step and a final answer that disagree."""

import re
from functools import lru_cache

from seapo.answer import Equation, equations, final_answer, number_value, same_answer
from seapo.language import opposites
from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, not_judged, passed, shortened
from seapo.verify.findings import NEGATION, sentences_of

NAME = "contradiction"
LEADING = re.compile(
    r"\A(?:(?:therefore|thus|hence|so|however|but|and|in fact|in addition|moreover|also|yet|still|at the same time|"
    r"on the other hand|nevertheless|that said|in other words|of course|note that)\b[,:]? *)+"
)
AUXILIARIES = frozenset({"do", "does", "did"})
ORDERS = frozenset({
    "add", "choose", "click", "close", "decrease", "divide", "do", "don't", "go", "increase", "keep", "let", "move",
    "multiply", "never", "open", "place", "press", "put", "reduce", "remove", "select", "set", "start", "stop",
    "subtract", "switch", "take", "turn", "use",
})  # fmt: skip
"""Words that an order begins with; two steps of a recipe may well be opposites."""
MIN_WORDS = 4
"""Shorter sentences (`It is large.`) may speak of two things."""
MAX_SENTENCES = 200


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
    known = _denials(but_not)
    return (*(found for found in _denials(text) if found not in known), *_last_step(text, but_not))


@lru_cache(maxsize=64)
def _denials(text: str) -> tuple[str, ...]:
    """Pairs of sentences that differ by a negation, or by one word and its opposite, and by nothing else."""
    said: dict[tuple[tuple[str, ...], bool], str] = {}
    spoken = [each.text for each in sentences_of(text)[:MAX_SENTENCES] if not each.is_question and _claims(each.text)]
    for sentence in spoken:
        said.setdefault(_claim(sentence), sentence)
    found = []
    for sentence in spoken:
        stems, is_denied = _claim(sentence)
        denials = [(stems, not is_denied), *((other, is_denied) for other in _turned(sentence))]
        for denial in denials:
            if len(stems) >= MIN_WORDS and denial in said and said[denial] != sentence:
                pair = sorted((shortened(sentence), shortened(said[denial])))
                found.append(f"it says both {pair[0]!r} and {pair[1]!r}")
    return tuple(dict.fromkeys(found))


def _claims(sentence: str) -> bool:
    """Whether it may state something: a heading and an order (`Set it to true.`) do not."""
    first = sentence.split(maxsplit=1)[0].lower() if sentence.strip() else ""
    return first not in ORDERS and not sentence.rstrip().endswith(":")


@lru_cache(maxsize=2048)
def _claim(sentence: str) -> tuple[tuple[str, ...], bool]:
    """The stems of a sentence without negations, and whether it denies: `does not boil` is `boils`, denied."""
    words = _words(sentence)
    kept = tuple(_stem(word) for word in words if word not in NEGATION and word not in AUXILIARIES)
    return kept, sum(word in NEGATION for word in words) % 2 == 1


@lru_cache(maxsize=2048)
def _turned(sentence: str) -> tuple[tuple[str, ...], ...]:
    """The stems of a sentence with one word turned into its opposite."""
    words = [word for word in _words(sentence) if word not in NEGATION and word not in AUXILIARIES]
    stems = [_stem(word) for word in words]
    turns = [(place, _stem(other)) for place, word in enumerate(words) for other in opposites(word)]
    return tuple((*stems[:place], other, *stems[place + 1 :]) for place, other in turns)


def _words(sentence: str) -> list[str]:
    plain = LEADING.sub("", " ".join(sentence.lower().replace("’", "'").split()))
    plain = plain.replace("can't", "can not").replace("cannot", "can not").replace("won't", "will not")
    return re.findall(r"[\w$%]+(?:'\w+)?", plain.replace("n't", " not"))


def _stem(word: str) -> str:
    """The word without the s of the third person, which a denied verb has not: boils, boil."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


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
