"""Hallucination rules for running text: invented sources, people, things, events, figures, quotations, premises."""

import re
from collections.abc import Iterator
from random import Random

from seapo.inject.argument_rules import other_options, stated_answer
from seapo.inject.attribution import CONNECTED, PERSONAL, attributions, claims, inventor_for
from seapo.inject.draft import Draft, draft, is_part_of_a_name, replace, shuffled, whole_words
from seapo.inject.exchanges import can_exchange
from seapo.inject.inventions import Inventor
from seapo.inject.passage import Passage
from seapo.inject.people import known_people
from seapo.inject.source_forms import AFTER_AUTHORITY, ANSWER_TURNS, CLUES, QUOTATIONS, VERDICT_TURNS
from seapo.language import Change, Sentence, exchange, is_given_name, match_case
from seapo.lexicon import words
from seapo.records import NumberTruth, TextTruth, UnitTestTruth

_POINTING = re.compile(r"(?:This|That|These|Those|It|They|He|She|Its|Their|His|Her|There|One)\b")
_AUTHORITIES = re.compile(
    r"\b(?:[Ss]tudies|[Rr]esearch|[Rr]esearchers|[Ss]cientists|[Ee]xperts|[Hh]istorians|[Ss]urveys|"
    r"[Ee]xperiments|[Cc]ritics|"
    r"[Ee]conomists|[Aa]nalysts|[Dd]octors|[Ee]ngineers|[Ss]cholars|[Aa]rchaeologists|[Bb]iologists|[Tt]ests)"
    r"(?= (?:have|has|show|suggest|indicat|find|found|believe|say|agree|estimate|recommend|demonstrat|think|"
    r"argue|claim|consider|use|had|can|may)\w*\b)"
)
_VERB = (
    r"(?:are|were|have|had|can|could|do|did|may|might|will|would|use|prefer|believe|think|live|feel|need|say|eat|"
    r"[a-z]{3,}ed)"
)
_SHARES = re.compile(
    r"(?<!the )(?<!how )(?<!so )(?<!too )(?<!as )(?<!of )(?<!great )(?<!not )\b(?:[Mm]any|[Mm]ost|[Ss]ome|[Aa] "
    r"majority of)"
    rf"(?= (?:[a-z]+ )?(?:[a-z]+s|people|men|women|children) {_VERB}\b)"
)
_COUNTS = re.compile(
    r"(?<!the )(?<!these )\b(?:[Ss]everal|[Nn]umerous|[Aa] (?:large |wide )?number of|[Dd]ozens of|[Hh]undreds "
    r"of|[Cc]ountless)"
    r"(?= (?:[a-z]+ )?(?!reasons|ways|things|tips|options|steps|times|examples|purposes|days|years)[a-z]{3,}s\b)"
)
_CHANGES = re.compile(
    r"(?:\b(?:can|may|will|could|might|helps?) (?:also |even |greatly |significantly )?"
    r"(?:increase|reduce|improve|lower|boost|raise|decrease|enhance|shorten)"
    r"|(?<!\bto )(?<!, )(?<!\bor )"
    r"\b(?:increase|reduce|improve|lower|boost|raise|decrease|enhance|shorten|strengthen|weaken)(?:s|d|ed)) "
    r"(?:the |its |their |his |her |your )?(?:[a-z-]+ ){0,2}?[a-z-]{3,}(?=[.,;])"
)
_KIND_OF_THING = re.compile(
    r"\b[Aa]n? (?P<thing>tool|app|application|platform|website|program|library|framework|method|technique|theory|"
    r"book|organization|"
    r"organisation|magazine|company|museum|river|village|mountain|castle|bridge|treaty|battle|device|algorithm|"
    r"test|scale|"
    r"law|rule|custom|festival|monastery|harbour|telescope|king|scientist|painter|writer|philosopher|engineer|"
    r"architect|doctor|"
    r"physicist|chemist|historian|mathematician|merchant|monk|astronomer|inventor|surgeon|poet|navigator|general|"
    r"clerk)\b(?=[ ,.;])"
)
_PEOPLE = frozenset(
    words("""
        king scientist painter writer philosopher engineer architect doctor physicist chemist historian mathematician
        merchant monk astronomer inventor surgeon poet navigator general clerk
    """)
)
_PLACES = frozenset(
    words("museum river village mountain castle bridge treaty battle monastery harbour festival custom")
)
_SELDOM = 0.15
"""How often quotation marks or figures are brought in: they always come and never go."""
_SUCH_AS = re.compile(r"(?:(?<=such as )|(?<=including )|(?<=[a-z]s like ))[A-Z][a-z]+(?=,| and| or)")


def invented_sources(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A claim is put down to somebody, something or some event that does not exist; vague authorities first."""
    if passage.is_fiction or can_exchange(passage):
        return
    yield from _particular_authorities(passage, rng)
    yield from attributions(passage, rng, "invented_source")


def invented_events(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A claim is tied to an event that never was."""
    if not passage.is_fiction and not can_exchange(passage):
        yield from attributions(passage, rng, "invented_event")


def invented_entities(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A name that is there becomes one that does not exist, a thing without a name gets one, or a law is invoked."""
    if passage.is_fiction:
        return
    inventor = inventor_for(passage, rng)
    replaced = [
        *_renamed_places(passage, inventor),
        *_renamed_people(passage, inventor),
        *(_named_things(passage, inventor) if not can_exchange(passage) else ()),
    ]
    yield from shuffled(rng, replaced)
    if not can_exchange(passage):
        yield from attributions(passage, rng, "invented_entity")


def invented_statistics(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A vague amount becomes an exact one, or a change gets a size, that nobody ever measured."""
    if passage.is_fiction or can_exchange(passage) or rng.random() > _SELDOM:
        return
    inventor = inventor_for(passage, rng)
    for match in shuffled(rng, [m for pattern in (_SHARES, _COUNTS, _CHANGES) for m in pattern.finditer(passage.text)]):
        sentence = passage.sentence_at(match.start())
        if sentence is None or sentence.is_question or passage.is_protected(*match.span()) or _has_number(sentence):
            continue
        if match.re is _CHANGES:
            change = Change(match.end(), match.end(), f" by {inventor.draw('percentage')}")
        elif match.re is _COUNTS:
            change = Change(*match.span(), inventor.draw("count"))
        else:
            change = Change(*match.span(), match_case(match[0], f"{inventor.draw('percentage')} of"))
        yield draft("invented_statistic", passage.text, [change])


def invented_quotations(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A sentence of the answer becomes the saying of somebody who never lived."""
    truth = passage.sample.truth
    if passage.is_fiction or can_exchange(passage) or isinstance(truth, TextTruth | NumberTruth | UnitTestTruth):
        return
    if rng.random() > _SELDOM:
        return
    inventor = inventor_for(passage, rng)
    for sentence in shuffled(rng, claims(passage)):
        is_pointing = CONNECTED.match(sentence.text) or _POINTING.match(sentence.text)
        if (
            is_pointing
            or len(sentence.text) > min(140, 0.7 * len(passage.text))
            or any(mark in sentence.text for mark in '"“”`*(:')
        ):
            continue
        before, after = (inventor.fill(part) for part in rng.choice(QUOTATIONS).split("{sentence}"))
        changes = [Change(sentence.start, sentence.start, before[:1].upper() + before[1:])]
        if len(after) > 1:  # the quotation is followed by its source: its full stop becomes a comma, or goes behind it
            stop = "," if after[2:3].isalpha() else ""
            changes.append(Change(sentence.end - 1, sentence.end, stop + after))
        else:
            changes.append(Change(sentence.end, sentence.end, after))
        yield draft("invented_quotation", passage.text, changes)


def invented_clues(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A clue that the puzzle never gave leads to another answer, or is slipped in beside the others."""
    if not isinstance(passage.sample.truth, TextTruth) or passage.is_calculation or len(passage.sentences) < 2:
        return
    span = stated_answer(passage)
    home = passage.sentence_at(span[0]) if span else None
    answer = passage.text[span[0] : span[1]] if span else ""
    for other in shuffled(rng, other_options(passage, answer)) if span and home else []:
        assert span is not None
        assert home is not None
        forms = VERDICT_TURNS if answer.lower() in ("yes", "no", "unknown") else ANSWER_TURNS
        clue = rng.choice(forms).format(answer=answer, other=other)
        before = passage.sentences[-2]
        # In the place of the conclusion where there is one to spare, so that the answer does not grow.
        is_spare = len(passage.sentences) > 2 and before.end + 1 == home.start and rng.random() < 0.7
        start, end = (before.start, before.end) if is_spare else (home.start, home.start)
        turn = replace(passage.text, start, end, clue if is_spare else f"{clue} ")
        yield draft("invented_premise", passage.text, [turn, replace(passage.text, *span, other)])
    names = list(dict.fromkeys(n for n in re.findall(r"\b[A-Z][a-z]+\b", passage.question) if is_given_name(n)))
    for sentence in (
        shuffled(rng, (s for s in passage.sentences[:-1] if s.text.endswith("."))) if len(names) > 1 else []
    ):
        a, b = rng.sample(names, 2)
        clue = rng.choice(CLUES).format(a=a, b=b)
        yield draft("invented_premise", passage.text, [Change(sentence.end, sentence.end, f" {clue}")])


def _particular_authorities(passage: Passage, rng: Random) -> Iterator[Draft]:
    inventor = inventor_for(passage, rng)
    for match in shuffled(rng, _AUTHORITIES.finditer(passage.text)):
        if not passage.is_protected(*match.span()):
            form = inventor.fill(rng.choice(AFTER_AUTHORITY))
            yield draft("invented_source", passage.text, [Change(match.end(), match.end(), form)])


def _renamed_places(passage: Passage, inventor: Inventor) -> Iterator[Draft]:
    """A city becomes a town that is on no map."""
    for mention in passage.mentions:
        if mention.kinds[0].startswith(("city:", "capital:")) and not is_part_of_a_name(passage, mention):
            change = exchange(passage.text, mention.start, mention.end, inventor.draw("town"))
            yield draft("invented_entity", passage.text, [change])


def _renamed_people(passage: Passage, inventor: Inventor) -> Iterator[Draft]:
    """A well-known person becomes one that nobody knows."""
    for name in known_people(passage.text):
        places = [p for p in whole_words(passage.text, name) if not passage.is_protected(p, p + len(name))]
        other = inventor.draw("full_name") if " " in name else inventor.draw("surname")
        edits = [replace(passage.text, p, p + len(name), other) for p in places]
        if edits:
            yield draft("invented_entity", passage.text, edits)


def _named_things(passage: Passage, inventor: Inventor) -> Iterator[Draft]:
    """`a bridge` becomes `the Harwick bridge`, `an engineer` `the engineer Ilse Brandfeldt`, and in lists likewise."""
    for match in _KIND_OF_THING.finditer(passage.text):
        sentence = passage.sentence_at(match.start())
        if sentence is None or passage.is_protected(*match.span()) or PERSONAL.search(sentence.text):
            continue
        thing = match["thing"]
        if thing in _PEOPLE:
            named = f"the {thing} {inventor.draw('full_name')}"
        elif thing in _PLACES:
            named = f"the {inventor.draw('town')} {thing}"
        else:
            named = f"the {inventor.rng.choice((inventor.draw('product'), inventor.draw('surname')))} {thing}"
        yield draft("invented_entity", passage.text, [Change(*match.span(), match_case(match[0], named))])
    for match in _SUCH_AS.finditer(passage.text):
        if passage.sentence_at(match.start()) and not passage.is_protected(*match.span()):
            yield draft("invented_entity", passage.text, [Change(*match.span(), inventor.draw("product"))])


def _has_number(sentence: Sentence) -> bool:
    return re.search(r"\d", sentence.text) is not None
