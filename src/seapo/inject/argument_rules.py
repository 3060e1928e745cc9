"""Logic rules for running text: connectives, causes, conclusions, order and omission of steps, generalisations."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random

from seapo.inject.draft import Draft, draft, replace, shuffled, whole_words
from seapo.inject.passage import Passage
from seapo.inject.step_rules import moved
from seapo.language import Change, Sentence, alike, is_given_name, match_case, opposites
from seapo.lexicon import words
from seapo.records import TextTruth

_POLITE = re.compile(
    r"\b(?:please|feel free|let me know|let us know|you would like|you'd like|happy to|sorry|apologize)\b", re.I
)
_CONCLUSION = re.compile(
    r"^(?:therefore|thus|hence|consequently|so|as a result|this means|this shows|this implies|it follows|accordingly|"
    r"that is why)\b",
    re.IGNORECASE,
)
_OPENERS = frozenset(
    words("""
        the a an they he she we you many some most people these those there in on at only all no one each every when
        both its their his her such if as with by for from after before two three several few not water light air
    """)
)
_NEEDS_A_REASON = re.compile(
    r"(?:Therefore|Thus|Hence|Consequently|As a result|It follows|This means|This shows|So)\b(?! (?:come|let|go|"
    r"if|far|please)\b)"
)
_CONSEQUENCE = re.compile(
    r"(?:, so |; thus |; therefore,? |, which means (?:that )?|, therefore,? |, hence )", re.IGNORECASE
)
_IN_ORDER = re.compile(
    r"\b(?:recipe|cook|bake|instructions?|procedure|install|assemble|set up|setup|protocol)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"^(?P<mark>[ \t]*(?:\*\*)?(?:Step )?(?P<number>\d{1,2})(?:[.):])(?:\*\*)?[ \t]+)(?P<content>\S.*)$", re.MULTILINE
)
_LINE_OPTION = re.compile(
    r"^[ \t]*(?:[-*]|\(?[A-Ja-j][).]|\[[A-J]\])[ \t]*([A-Za-z0-9][^\n]{0,60}?)[ \t]*$", re.MULTILINE
)
_ANSWER_LIST = re.compile(r"\b[Aa]nswer (?:with |only |either )*((?:[\w ]+, )*[\w ]+?,? or [\w ]+)[.?!)]?")
_TWINS = (
    ("yes", "no"), ("true", "false"), ("left", "right"), ("top", "bottom"), ("front", "back"), ("correct", "incorrect"),
    ("positive", "negative", "neutral"), ("entailment", "contradiction", "neutral"), ("possible", "impossible"),
    ("north", "south", "east", "west"), ("valid", "invalid"), ("first", "second", "third", "last"),
)  # fmt: skip
"""Labels that exclude each other, besides the kinds that the language module knows."""

_CONNECTIVES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), replacements)
    for pattern, replacements in (
        (r"\bbecause of\b", ("despite", "in spite of")),
        (r"\b(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )due to\b(?! be\b)", ("despite", "in spite of")),
        (r"\bthanks to\b", ("in spite of", "despite")),
        (r"\bbecause\b(?! of\b)", ("although", "even though")),
        (r"^Because\b(?! of\b)", ("Although", "Even though")),
        (r"^Since\b(?= (?!then\b|the \w+ century|\d)[^,]{6,80}, )", ("Although", "Even though")),
        (r", since\b(?! (?:then|the|early|late|\d))", (", although", ", even though")),
        (r"^(?:Therefore|Thus|Hence|Consequently|As a result)\b(?=,? )", ("Nevertheless", "Even so", "However")),
        (r"\b(?<=; )(?:therefore|thus|hence|consequently)\b", ("nevertheless", "however")),
        (r"(?<=, )so\b(?! (?:that|far|much|many|called|as)\b)", ("but", "yet", "although")),
        (r"(?<=, )therefore\b(?!,)", ("but", "yet")),
        (r"^However\b(?=, )", ("Therefore", "Consequently", "As a result")),
        (r"^(?:Nevertheless|Nonetheless)\b(?=, )", ("Therefore", "Consequently")),
        (r"(?<=, )but\b(?! (?:also|not|rather|only)\b)", ("so", "because")),
        (r"\b(?:although|even though)\b", ("because", "since")),
        (r"^(?:Although|Even though)\b(?= [^,]{6,90}, )", ("Because", "Since")),
        (r"\b(?:despite|in spite of)\b", ("because of", "due to")),
        (r"^(?:Despite|In spite of)\b", ("Because of", "Due to")),
    )
)  # fmt: skip
_NO_CONDITION = (
    r"(?:you haven|"
    r"(?:not|you have|you need|you're|necessary|possible|any|required|needed|desired|applicable|available|so)\b)"
)
_NO_QUESTION = "".join(
    f"(?<!{word} )" for word in words("even as only what tell know see check determine sure ask decide wonder")
)
_CONDITIONS = (
    (
        re.compile(
            r"(?<!even )(?<!as )(?<!only )(?<!what )\bif\b(?! (?:not|you have|you need|you're|necessary|possible|"
            r"any|required|needed|desired|applicable|available|so)\b)(?! you haven)"
        ),
        "unless",
    ),
    (
        re.compile(
            r"^If\b(?! (?:not|you have|you need|you're|necessary|possible|any|required|needed|desired|applicable|"
            r"available|so)\b)(?! you haven)"
        ),
        "Unless",
    ),
    (re.compile(r"\bunless\b"), "if"),
    (re.compile(r"^Unless\b"), "If"),
    (re.compile(r"\bonly if\b"), "even if"),
    (re.compile(r"\bif and only if\b"), "only if"),
)
_ORDER = (
    (re.compile(r"(?<!the day )(?<!than )\bbefore\b(?= \w)"), "after"),
    (
        re.compile(
            r"(?<!look )(?<!looks )(?<!looked )(?<!looking )(?<!named )(?<!sought )(?<!take )(?<!takes )(?<!one )"
            r"(?<!day )(?<!year )(?<!time )(?<!shortly )\bafter\b(?= \w)(?! all\b)"
        ),
        "before",
    ),
    (re.compile(r"^Before\b"), "After"),
    (re.compile(r"^After\b(?! all\b)"), "Before"),
)
_CAUSES = (
    (re.compile(r"\bis caused by\b"), "causes"),
    (re.compile(r"\bare caused by\b"), "cause"),
    (re.compile(r"\bwas caused by\b|\bwere caused by\b"), "caused"),
    (re.compile(r"\bis due to\b"), "leads to"),
    (re.compile(r"\bare due to\b"), "lead to"),
    (re.compile(r"\bwas due to\b"), "led to"),
    (re.compile(r"\bresults from\b|\bstems from\b|\barises from\b"), "results in"),
    (re.compile(r"\bresults in\b|\bleads to\b"), "results from"),
    (re.compile(r"\bresult from\b"), "result in"),
    (re.compile(r"\b(?:result in|lead to)\b"), "result from"),
    (re.compile(r"\b(?:resulted in|led to)\b"), "resulted from"),
    (re.compile(r"\bresulted from\b"), "resulted in"),
    (re.compile(r"\b(?:resulting in|leading to)\b"), "resulting from"),
    (re.compile(r"\bdepends on\b"), "determines"),
    (re.compile(r"\bdepend on\b"), "determine"),
    (
        re.compile(
            r"(?<=\w )(?<!the )(?<!main )(?<!of )(?<!other )(?<!possible )(?<!common )\bcauses (?=(?:an?|the|its) )"
        ),
        "is caused by ",
    ),
)
_VAGUE = (
    r"(?:of|more|kinds?|ways|tips|ideas|steps|examples|options|things|points|highlights|suggestions|reasons|"
    r"details|others|"
    r"assumptions|adjustments|insights|recommendations|questions|thoughts|features|factors|minutes|hours|days|seconds|weeks|years|times)"
)
_GENERALISATIONS = (
    (re.compile(rf"\b(?:[Ss]ome|[Mm]ost) (?=(?!{_VAGUE}\b)[a-z]+s\b)"), "all "),
    (re.compile(r"\b(?:most|some) of (?=the\b|these\b|them\b)"), "all of "),
    (re.compile(r"(?<!as )(?<!how )(?<!more )\b(?:usually|often|sometimes|typically|generally)\b(?= [a-z])"), "always"),
    (re.compile(r"(?<=is )likely to\b|(?<=are )likely to\b"), "certain to"),
    (re.compile(r"\bsuggests that\b"), "proves that"),
    (re.compile(r"(?<!\bto )\bsuggest that\b"), "prove that"),
    (re.compile(r"\brarely\b"), "never"),
)


def wrong_connectives(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The relation between two clauses becomes another: a reason is given as an objection, an objection as a reason."""
    found = [
        Change(s.start + match.start(), s.start + match.end(), _spelled(match[0], rng.choice(others)))
        for s in _arguing(passage)
        for pattern, others in _CONNECTIVES
        for match in pattern.finditer(s.text)
    ]
    yield from _drafts(passage, rng, "wrong_connective", found)


def reversed_conditions(passage: Passage, rng: Random) -> Iterator[Draft]:
    """`if` becomes `unless`, and the reverse."""
    yield from _drafts(passage, rng, "wrong_condition", _replacements(passage, _CONDITIONS))


def reversed_order(passage: Passage, rng: Random) -> Iterator[Draft]:
    """What comes before is said to come after."""
    yield from _drafts(passage, rng, "swapped_steps", _replacements(passage, _ORDER))


def reversed_causes(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Cause and effect change places: by the verb (`leads to`, `results from`), or around `because`."""
    verbs = _drafts(passage, rng, "reversed_cause", _replacements(passage, _CAUSES))
    clauses = (_around_because(passage, s) for s in shuffled(rng, _arguing(passage)))
    yield from shuffled(rng, [*verbs, *(found for found in clauses if found is not None)])


def overgeneralisations(passage: Passage, rng: Random) -> Iterator[Draft]:
    """What holds for some is claimed of all, what may be is claimed to be."""
    if not passage.is_fiction:
        yield from _drafts(passage, rng, "overgeneralisation", _replacements(passage, _GENERALISATIONS))


def denied_conclusions(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A conclusion is denied or turned into its opposite, while what leads to it stays."""
    if passage.is_fiction:
        return
    changes = denied_conclusions_of(passage)
    for sentence in passage.sentences:
        for match in re.finditer(r"[A-Za-z]+", sentence.text):
            others = opposites(match[0])
            start = sentence.start + match.start()
            end = start + len(match[0])
            is_part = (match[0][:1].isupper() and match.start() > 0) or passage.text.startswith("-", end)
            if others and not is_part and concludes(passage, start):
                changes.append(Change(start, end, others[0]))
    yield from _drafts(passage, rng, "contradiction", changes)


def denied_conclusions_of(passage: Passage) -> list[Change]:
    """The changes that deny a conclusion."""
    return [change for change in passage.negations if concludes(passage, change.start)]


def contradicted_openings(passage: Passage, rng: Random) -> Iterator[Draft]:
    """`Yes, ...` becomes `No, ...`, while the explanation stays."""
    match = re.match(r"\W{0,3}(Yes|No|True|False|Correct|Incorrect)\b(?=[,.:!;]\s+(?!I\b)\S)", passage.text)
    if match and len(passage.sentences) > 1:
        (other,) = (
            o
            for twins in _TWINS[:2] + _TWINS[5:6]
            for o in twins
            if match[1].lower() in twins and o != match[1].lower()
        )
        yield draft("contradiction", passage.text, [Change(*match.span(1), match_case(match[1], other))])


def wrong_conclusions(passage: Passage, rng: Random) -> Iterator[Draft]:
    """The stated answer is another option of the question than the one that the argument leads to."""
    if len(passage.sentences) < 2:
        return
    span = stated_answer(passage)
    if span is not None:
        for other in shuffled(rng, other_options(passage, passage.text[span[0] : span[1]])):
            yield draft("wrong_conclusion", passage.text, [replace(passage.text, *span, other)])


def missing_premises(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A sentence that a conclusion rests on is left out."""
    triples = pairwise(passage.sentences)
    for premise, conclusion in shuffled(rng, triples):
        is_needed = _NEEDS_A_REASON.match(conclusion.text) is not None and not passage.is_fiction
        gap = passage.text[premise.end : conclusion.start]
        is_short = len(premise.text) < 0.4 * len(passage.text) and len(passage.sentences) > 2
        if (
            is_needed
            and is_short
            and gap == " "
            and not passage.is_calculation
            and not _opens_item(passage.text, premise)
        ):
            yield draft("missing_step", passage.text, [replace(passage.text, premise.start, conclusion.start, "")])


def swapped_items(passage: Passage, rng: Random) -> Iterator[Draft]:
    """Two neighbouring steps of numbered instructions change places; their numbers stay."""
    for first, second in shuffled(rng, _neighbouring_items(passage)):
        texts = first["content"], second["content"]
        if max(map(len, texts)) < 0.3 * len(passage.text) and min(len(text.split()) for text in texts) > 3:
            edits = [
                replace(passage.text, *first.span("content"), texts[1]),
                replace(passage.text, *second.span("content"), texts[0]),
            ]
            yield draft("swapped_steps", passage.text, edits)


def swapped_sentences(passage: Passage, rng: Random) -> Iterator[Draft]:
    """A conclusion is stated before the sentence that it rests on."""
    for first, second in shuffled(rng, pairwise(passage.sentences)):
        is_conclusion = _NEEDS_A_REASON.match(second.text) is not None and not second.text.startswith("This")
        is_ordered = re.match(r"(?:Then|Next|After that|Finally)\b", second.text) is not None
        gap = passage.text[first.end : second.start]
        if (
            (is_conclusion or is_ordered)
            and gap == " "
            and not passage.is_calculation
            and not _opens_item(passage.text, first)
        ):
            yield draft("swapped_steps", passage.text, moved(passage.text, first, second))


def _arguing(passage: Passage) -> list[Sentence]:
    return [s for s in passage.sentences if not s.is_question and _POLITE.search(s.text) is None and len(s.text) > 20]


def _replacements(passage: Passage, table: Iterable[tuple[re.Pattern[str], str]]) -> list[Change]:
    return [
        Change(s.start + match.start(), s.start + match.end(), _spelled(match[0], other))
        for s in _arguing(passage)
        for pattern, other in table
        for match in pattern.finditer(s.text)
    ]


def _drafts(passage: Passage, rng: Random, subtype: str, changes: Iterable[Change]) -> Iterator[Draft]:
    for change in shuffled(rng, changes):
        span = (change.start, change.end)
        if not passage.is_protected(*span) and not passage.is_quoted(*span):
            yield draft(subtype, passage.text, [change])


def _spelled(original: str, other: str) -> str:
    return match_case(original, other) if original[:1].isalpha() else other


def concludes(passage: Passage, position: int) -> bool:
    """Whether a character stands in a conclusion: a sentence that begins like one, or the part behind `, so`."""
    sentence = passage.sentence_at(position)
    if sentence is None or sentence.is_question or re.search(r"\b(?:I|my|you|we)\b", sentence.text):
        return False
    if re.match(r"(?:the |so the |therefore,? the )?(?:final )?answer\b", sentence.text, re.IGNORECASE):
        return False
    if any(e.start < sentence.end and sentence.start < e.end for e in passage.equations):
        return False
    behind = _CONSEQUENCE.search(sentence.text)
    return _CONCLUSION.match(sentence.text) is not None or (
        behind is not None and sentence.start + behind.end() <= position
    )


def _around_because(passage: Passage, sentence: Sentence) -> Draft | None:
    match = re.fullmatch(r"([A-Z][^,;:()\"]{8,100}?),? because ((?!of\b)[^,;:()\"]{8,100})([.!])", sentence.text)
    if match is None or len(re.findall(r"\bbecause\b", sentence.text)) > 1:
        return None
    effect, cause, stop = match.groups()
    if (
        _CONCLUSION.match(effect)
        or re.match(r"(?:But|And|This|That|It)\b", effect)
        or " so " in cause
        or cause.startswith("then ")
    ):
        return None
    first = effect.split()[0].lower()
    if first not in _OPENERS and not whole_words(passage.text, first):
        return None  # perhaps a name, which keeps its capital
    lowered = effect[:1].lower() + effect[1:]
    text = f"{cause[:1].upper()}{cause[1:]} because {lowered}{stop}"
    return draft("reversed_cause", passage.text, [replace(passage.text, sentence.start, sentence.end, text)])


def stated_answer(passage: Passage) -> tuple[int, int] | None:
    """Where the final word of the answer stands: the last mention of the known one, or the one marked as the answer."""
    truth = passage.sample.truth
    if isinstance(truth, TextTruth):
        places = whole_words(passage.text, truth.value)
        return (places[-1], places[-1] + len(truth.value)) if places else None
    final = passage.final_answer
    if final is None or not final.is_explicit or any(c.isdigit() for c in final.value) or len(final.value.split()) > 3:
        return None
    return final.start, final.end


def other_options(passage: Passage, answer: str) -> list[str]:
    """Answers that could stand in the place of the stated one: the options that the question lists, else its like."""
    listed = [
        o.strip() for match in _ANSWER_LIST.finditer(passage.question) for o in re.split(r", or |, | or ", match[1])
    ]
    for options in (listed, _LINE_OPTION.findall(passage.question)):
        if answer.lower() in (option.lower() for option in options):
            return [match_case(answer, option) for option in dict.fromkeys(options) if option.lower() != answer.lower()]
    letter = re.fullmatch(r"((?:\w+ )?)([A-J])", answer)
    if letter:
        letters = set(re.findall(rf"(?:^|\n|\s|\(){letter[1]}([A-J])[).:]", passage.question))
        return [letter[1] + other for other in sorted(letters - {letter[2]})]
    for twins in _TWINS:
        if answer.lower() in twins:
            return [match_case(answer, other) for other in twins if other != answer.lower()]
    return _same_kind(passage, answer) if passage.sample.truth is not None else []


def _same_kind(passage: Passage, answer: str) -> list[str]:
    """Things like the answer that the question names, else things like it at all."""
    beside = _listed_beside(passage.question, answer)
    if beside or is_given_name(answer):
        names = [name for name in re.findall(r"\b[A-Z][a-z]+\b", passage.question) if is_given_name(name)]
        return beside or [name for name in dict.fromkeys(names) if name != answer]
    others = [other for _, group in alike(answer) for other in group[:6]]
    named = [other for other in others if whole_words(passage.question, other)]
    if named or others or not answer[:1].isupper():
        return named or others
    capitals = re.findall(r"(?<=[a-z,] )[A-Z][a-z]+\b", passage.question)
    return [name for name in dict.fromkeys(capitals) if name != answer]


def _listed_beside(question: str, answer: str) -> list[str]:
    """Members of a list (`tea, juice and soup`) in the question that holds the answer."""
    for match in re.finditer(r"(\w+(?:, \w+)+),? (?:and|or) (\w+)", question):
        members = [*match[1].split(", "), match[2]]
        if answer in members:
            return [member for member in members if member != answer]
    return []


def _opens_item(text: str, sentence: Sentence) -> bool:
    """Whether a marker (`1.`, `-`, `**Note:**`) stands before a sentence on its line."""
    return bool(text[text.rfind("\n", 0, sentence.start) + 1 : sentence.start].strip()) and not re.search(
        r"[.!?][\"'”)]*\s+$", text[: sentence.start]
    )


def _neighbouring_items(passage: Passage) -> list[tuple[re.Match[str], re.Match[str]]]:
    if not _IN_ORDER.search(passage.question):
        return []
    items = [m for m in _ITEM.finditer(passage.text) if not passage.is_protected(*m.span())]
    return [
        (first, second)
        for first, second in pairwise(items)
        if int(second["number"]) == int(first["number"]) + 1 and not passage.text[first.end() : second.start()].strip()
    ]
