"""Errors in what an answer says: sentences that deny each other, sources that are cited, people from nowhere."""

import re
from collections.abc import Iterator

from seapo.denial import denials, denying_sentences
from seapo.diagnose.finding import ErrorKind, Finding, shortened
from seapo.language import is_given_name

CITATION = re.compile(
    r"\([A-Z][\w.&,\s-]{1,60}\b(?:1[5-9]|20)\d\d[a-z]?\)|\b[A-Z]\w+ et al\b|https?://[^\s)>\]]+|\bdoi:\s*\S+|\bISBN\b[\s\d-]*|"
    r"\b[Aa]ccording to (?:an?|the|this|recent)\s+(?!(?:\w+ )?(?:given|question|problem|puzzle|text|passage|"
    r"conditions?|information|statements?|clues?|facts?|rules?|definition|premises?|options?)\b)[^.,;\n]{3,60}|"
    r"\b(?:[Aa]|[Oo]ne|[Rr]ecent|[12]\d{3}) (?:study|survey|report|paper)\b[^.,;\n]{0,40}"
)
"""Marks of a source that is cited; the bare word `study` is none, and neither is `according to the question`."""


def contradiction_findings(question: str, reference: str, answer: str) -> Iterator[Finding]:
    """The first pair of sentences that cannot both be true, unless question or reference hold such a pair as well."""
    known = {*denials(question), *denials(reference)}
    told = [each for each in denials(answer) if each not in known]
    if not told:
        return
    later = min(
        (max(pair, key=lambda each: each.start) for pair in denying_sentences(answer)), key=lambda one: one.start
    )
    yield Finding(
        error_type="logic",
        kind="contradiction",
        start=later.start,
        end=later.end,
        evidence=told[0],
        is_proof=True,
    )


def citation_findings(question: str, reference: str, answer: str) -> Iterator[Finding]:
    """Sources that neither the question nor the reference cites; each may still exist."""
    known = f"{question}\n{reference}".casefold()
    for match in CITATION.finditer(answer):
        if match[0].casefold() not in known:
            yield _invention("invented_source", *match.span(), answer)


def stranger_findings(question: str, reference: str, answer: str) -> Iterator[Finding]:
    """People whom a question that holds all that is needed does not name; found by a table of given names."""
    known = set(re.findall(r"\w+", f"{question}\n{reference}".casefold()))
    for match in re.finditer(r"[^\W\d_]+", answer):
        if is_given_name(match[0]) and match[0].casefold() not in known:
            yield _invention("invented_entity", *match.span(), answer)


def _invention(kind: ErrorKind, start: int, end: int, answer: str) -> Finding:
    return Finding(
        error_type="hallucination",
        kind=kind,
        start=start,
        end=end,
        evidence=f"{shortened(answer[start:end])!r} is neither in the question nor in the reference",
        is_proof=False,
    )
