"""Checks for what gives a made-up answer away: talk about the error, refusals, and echoes of the prompt."""

import re
from collections.abc import Iterable
from functools import lru_cache

from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, failed, not_judged, passed, shortened
from seapo.verify.hunks import shared_ends

WRONG = r"(?:errors?|mistakes?|incorrect|wrong|inaccura\w+|false|flaw(?:s|ed)?|fallac\w+|hallucinat\w+|contradict\w*)"
ANSWER = r"(?:answers?|responses?|versions?|outputs?|texts?|solutions?|rewrites?|completions?|explanations?)"
MADE = r"(?:introduc\w+|inject\w+|insert\w+|add(?:ed|ing)|includ(?:ed|ing)|chang(?:ed|ing)|modif\w+|replac\w+|alter\w+)"
DISCLOSURES = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\bnote\b[^.\n]{{0,80}}\b{WRONG}\b",
        rf"\b{MADE}\b[^.\n]{{0,40}}\b{WRONG}\b",
        rf"\bI(?:['’]ve| have)? {MADE}\b",
        rf"\b(?:deliberate(?:ly)?|intentional(?:ly)?|on purpose|purposely)\b[^.\n]{{0,40}}\b{WRONG}\b",
        rf"\b{WRONG}\b[^.\n]{{0,40}}\b(?:deliberate(?:ly)?|intentional(?:ly)?|on purpose|purposely)\b",
        rf"\b(?:here(?:['’]s| is| are)|below is|this is|the following is)\b[^.\n]{{0,30}}\b{WRONG}\b",
        rf"\b{WRONG} {ANSWER}\b",
        rf"\b(?:modified|rewritten|altered|corrupted|negative|rejected|edited|revised|original|injected) {ANSWER}\b",
        rf"\b{ANSWER} (?:is|are|was|contains?|has|have) (?:deliberately |intentionally )?{WRONG}\b",
        rf"\b(?:correctness|logic(?:al)?|hallucination) {WRONG}\b",
        r"\[(?:error|wrong|incorrect|sic|injected|false)\b[^\]\n]{0,40}\]|\((?:incorrect|wrong|error|false|sic)\)",
        r"\A\W*(?:sure|certainly|of course|absolutely|okay|ok)\b[,!. ][^\n]{0,60}\b(?:here|below)\b",
        r"^\W*(?:rewritten|modified|revised|corrected|wrong|incorrect|error)\b[^:\n]{0,30}:",
        r"^#{0,4} *(?:instruction|response|input|user|assistant|system)\s*:|<\|[a-z_]{2,20}\|>|\[/?INST\]",
        r"\bas (?:requested|instructed|you asked)\b",
    )
)
REFUSALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bI(?:['’]m| am) (?:very |so |really )?sorry\b",
        r"\bI (?:cannot|can['’]t|can not|won['’]t|will not|am unable to|am not able to)(?: \w+)? "
        r"(?:help|assist|comply|provide|answer|fulfil+|generate|create|write|rewrite|continue)\b",
        r"\bI['’]m (?:unable|not able) to\b",
        r"\bas an? (?:AI|artificial intelligence|language model|large language model|assistant)\b",
        r"\b(?:against|violates?) (?:my|the) (?:guidelines|policy|policies|programming)\b",
    )
)
ECHO_WORDS = 12
"""So many words in a row, taken from the prompt and not in the chosen answer, are an echo."""
ECHO_CHARACTERS = 200
"""So far around what changed is an echo looked for."""
MIN_ECHO_WORDS = 6
"""A question of fewer words may well be repeated by an honest answer."""


@CHECKS.register("disclosure")
@Check
def disclosure(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where the text talks about its error or its making, unless prompt or chosen answer use the same words."""
    if mark := _unfamiliar(DISCLOSURES, candidate.text, sample):
        return failed("disclosure", f"it says {shortened(mark)!r}")
    return passed("disclosure", "it does not talk about its error")


def _unfamiliar(patterns: Iterable[re.Pattern[str]], text: str, sample: Sample) -> str | None:
    """The first match in a line of its own whose words are not in the prompt or the chosen answer."""
    fresh = _fresh_lines(text, sample.chosen)
    matches = (match[0] for pattern in patterns for match in pattern.finditer(fresh))
    return next((match for match in matches if " ".join(_words(match)) not in _known_words(sample)), None)


def _fresh_lines(text: str, chosen: str) -> str:
    """The lines that the chosen answer has not, behind a dot where the text begins as the chosen answer does."""
    old, lines = _lines(chosen), text.split("\n")
    fresh = [line for line in lines if line not in old]
    return "\n".join(fresh if lines[0] not in old else [".", *fresh])


@lru_cache(maxsize=16)
def _lines(text: str) -> frozenset[str]:
    return frozenset(text.split("\n"))


def _known_words(sample: Sample) -> str:
    return _joined_words((*(message.content for message in sample.prompt), sample.chosen))


@lru_cache(maxsize=16)
def _joined_words(texts: tuple[str, ...]) -> str:
    return " ".join(_words("\n".join(texts)))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|<\||\[/?|\]", text.casefold())


@CHECKS.register("refusal")
@Check
def refusal(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where the text refuses, or talks of itself as a model, and the chosen answer does not."""
    if _is_refusal(sample.chosen):
        return not_judged("refusal", "the chosen answer is itself a refusal, or sounds like one")
    fresh = _fresh_lines(candidate.text, sample.chosen)
    for pattern in REFUSALS:
        if match := pattern.search(fresh):
            return failed("refusal", f"it says {shortened(match[0])!r}")
    return passed("refusal", "it is no refusal")


@lru_cache(maxsize=16)
def _is_refusal(text: str) -> bool:
    return any(pattern.search(text) for pattern in REFUSALS)


@CHECKS.register("prompt_echo")
@Check
def prompt_echo(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Fail where the text repeats the prompt at length, and the chosen answer does not."""
    asked = _spoken(sample.question)
    size = min(ECHO_WORDS, len(asked))
    if size < MIN_ECHO_WORDS:
        return not_judged("prompt_echo", "the question is too short to tell an echo")
    head, tail = shared_ends(sample.chosen, candidate.text)
    changed = candidate.text[max(0, head - ECHO_CHARACTERS) : len(candidate.text) - max(0, tail - ECHO_CHARACTERS)]
    echoed = [run for run in _runs(changed, size) if run in _line_of(sample.question)]
    echoed = [run for run in echoed if run not in _line_of(sample.chosen)]
    if echoed:
        return failed("prompt_echo", f"it repeats the prompt: {shortened(min(echoed))!r}")
    return passed("prompt_echo", "it does not repeat the prompt")


def _runs(text: str, size: int) -> list[str]:
    """Each run of so many words, between spaces."""
    found = _spoken(text)
    return [f" {' '.join(found[start : start + size])} " for start in range(len(found) - size + 1)]


@lru_cache(maxsize=16)
def _line_of(text: str) -> str:
    """The words of a text between spaces, so that a run of words can be looked for in it."""
    return f" {' '.join(_spoken(text))} "


@lru_cache(maxsize=16)
def _spoken(text: str) -> tuple[str, ...]:
    return tuple(word for word in _words(text) if word[0].isalnum())
