"""What a user's data holds, told before a recipe for it is written: format, turns, languages, which errors fit in.

survey = survey_data(DataSection(path="my.jsonl"), seed=0)
survey.data.samples, survey.several_turns, survey.errors["logic"].share
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from seapo.answer import code_blocks, python_code
from seapo.arithmetic import equations
from seapo.errors import DataError, SeapoError
from seapo.inject import inject
from seapo.progress import Counted
from seapo.reading.conversation import has_messages
from seapo.reading.places import Wanted, find_place
from seapo.reading.rows import Row
from seapo.recipe import DataSection, InjectSection
from seapo.records import NumberTruth, Record, Sample
from seapo.source import FORMATS, read_source
from seapo.source.clean import draw
from seapo.summaries import SourceSummary
from seapo.verify.language import MAX_CHARACTERS, MIN_CONFIDENCE, MIN_LETTERS, chances

LOOKED_AT = 1000
"""Samples, drawn by the seed, whose texts are looked into."""
TRIED = 40
"""Of these, so many get errors by rule, to see which types the data has room for."""
READ_BY_LANGUAGE = 200
HEAD_ROWS = 50
UNKNOWN_LANGUAGE, UNCLEAR_LANGUAGE = "too short to tell", "unclear"
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
Progress = Callable[[str], Callable[[Iterable[Any]], Iterable[Any]]]


class Tried(Record):
    """How often an error of a type can be put in by rule."""

    samples: int
    with_candidate: int

    @property
    def share(self) -> float:
        """Of the samples that were tried."""
        return self.with_candidate / self.samples


class Survey(Record):
    """What a data file, folder or data set holds."""

    data: SourceSummary
    """Format, columns, rows, and what is set aside and why, as the stage source will find it."""
    formats: tuple[str, ...]
    """Each format with what it is, in words."""
    with_system: int
    """Samples, of all, whose conversation begins with a system message; the next ones are of all, too."""
    several_turns: int
    """Those in which the user speaks more than once."""
    most_turns: int
    """How often the user speaks in the longest conversation."""
    with_rejected: int
    """Those with rejected answers of the data's own."""
    looked_at: int
    """Samples that the following counts are of."""
    with_code: int
    with_python: int
    with_mathematics: int
    with_emoji: int
    languages: dict[str, int]
    """ISO 639 code of the answer's language -> samples, the most frequent first."""
    errors: dict[str, Tried]
    """Error type -> how often a rule finds something to change; a model that ranks or writes finds more."""


@dataclass(frozen=True)
class Surveyed:
    """A survey with the samples that it looked at."""

    survey: Survey
    samples: tuple[Sample, ...]


def survey_data(data: DataSection, inject_section: InjectSection, *, seed: int, progress: Progress) -> Surveyed:
    """Read all rows and look into some of them; raises DataError that says what to write where they aren't known."""
    try:
        result = read_source(data.model_copy(update={"limit": None}), seed=seed, progress=progress("read"))
    except DataError as problem:
        raise DataError(f"{problem}{_suggestion(data)}") from problem
    samples, looked = result.samples, draw(result.samples, LOOKED_AT, seed=seed)
    turns = [sum(message.role == "user" for message in sample.prompt) for sample in samples]
    survey = Survey(
        data=result.summary,
        formats=tuple(f"{name} ({FORMATS[name]})" for name in dict.fromkeys(one.format for one in result.recognised)),
        with_system=sum(sample.prompt[0].role == "system" for sample in samples),
        several_turns=sum(count > 1 for count in turns),
        most_turns=max(turns),
        with_rejected=sum(bool(sample.rejected) for sample in samples),
        looked_at=len(looked),
        with_code=sum(bool(code_blocks(sample.chosen)) for sample in looked),
        with_python=sum(python_code(sample.chosen) is not None for sample in looked),
        with_mathematics=sum(_is_mathematics(sample) for sample in looked),
        with_emoji=sum(_EMOJI.search(sample.chosen) is not None for sample in looked),
        languages=dict(Counter(map(_language, looked[:READ_BY_LANGUAGE])).most_common()),
        errors=_tried(draw(samples, TRIED, seed=seed), inject_section, seed, progress),
    )
    return Surveyed(survey, tuple(looked))


def _is_mathematics(sample: Sample) -> bool:
    """Whether a program finds something to compute in the answer."""
    return isinstance(sample.truth, NumberTruth) or bool(equations(sample.chosen))


def _language(sample: Sample) -> str:
    text = sample.chosen[:MAX_CHARACTERS]
    if sum(map(str.isalpha, text)) < MIN_LETTERS and text.isascii():
        return UNKNOWN_LANGUAGE
    found = chances(text)
    likeliest = max(found, key=found.__getitem__)
    return likeliest if found[likeliest] >= MIN_CONFIDENCE else UNCLEAR_LANGUAGE


def _tried(samples: Sequence[Sample], section: InjectSection, seed: int, progress: Progress) -> dict[str, Tried]:
    """What rules alone find to change; own error types, which only a model can put in, are left out."""
    own = {one.name for one in section.types}
    types = tuple(name for name in section.error_types if name not in own)
    found = Counter[str]()
    if types:
        rules = InjectSection(error_types=types, strategies=("rule",), rank_by="none", candidates_per_type=1)
        for result in progress("try errors")(Counted(inject(samples, rules, seed=seed), len(samples))):
            found.update({candidate.error_type for candidate in result.candidates})
    return {name: Tried(samples=len(samples), with_candidate=found[name]) for name in types}


def _suggestion(data: DataSection) -> str:
    """A column map for this very data, where its rows have two columns of text; nothing where they have not."""
    if data.columns or data.path == "starter":
        return ""
    try:
        (part, *_) = find_place(Wanted(data.path, data.split)).parts
        rows = [row.value for row in islice(part.rows(), HEAD_ROWS) if isinstance(row, Row)]
    except SeapoError:
        return ""
    lengths = Counter[str]()
    for row in rows:
        if isinstance(row, dict):
            lengths.update({str(name): _length(value) for name, value in row.items()})
    texts = [name for name in lengths if lengths[name] > 0]
    if len(texts) < 2:
        return ""
    first, second = [name for name in texts if name in dict(lengths.most_common(2))]
    return f". Of these columns, perhaps: data.columns='{{prompt: {first}, chosen: {second}}}'"


def _length(value: object) -> int:
    """Characters of a column that may hold a question or an answer."""
    return len(value) if isinstance(value, str) else len(str(value)) if has_messages(value) else 0
