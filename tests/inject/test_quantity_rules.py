"""Numbers, years, dates, number words and units in running text."""

import pytest

from seapo.inject.quantity_rules import ordinal, wrong_dates, wrong_number_words, wrong_numbers, wrong_units


def test_a_number_changes_and_nothing_else(outcomes):
    found = outcomes(wrong_numbers, "The tower is 62 metres high.")
    assert found
    for text in found:
        assert text.startswith("The tower is ")
        assert text.endswith(" metres high.")
        assert "62" not in text


@pytest.mark.parametrize(
    "answer",
    [
        "See step 2 of the list.",
        "1. Cut the wood.\n2. Glue it.",
        "COVID-19 spread fast.",
        "Type `x = 42` there.",
        "It lasts 3-5 days.",
        "They sang in the '60s.",
        "It is 3 + 4 = 7 pieces.",
        "No number stands here.",
    ],
)
def test_numbers_that_state_no_quantity_of_their_own_stay(outcomes, answer):
    assert outcomes(wrong_numbers, answer) == set()


def test_a_rough_number_changes_by_more_than_its_roughness(outcomes):
    for text in outcomes(wrong_numbers, "It holds about 150 litres."):
        value = int(text.split()[3])
        assert abs(value - 150) >= 0.2 * max(value, 150)


def test_a_long_number_changes_wherever_it_counts_the_same(outcomes):
    for text in outcomes(wrong_numbers, "Of 512 pages 12 are blank. The 512 pages cost nothing."):
        assert ("512" in text) == ("12 are" not in text)


def test_the_article_follows_the_number(outcomes):
    found = outcomes(wrong_numbers, "It is an 8 hour trip.")
    assert "It is a 9 hour trip." in found
    assert all(("an 8" in t) or ("an 1" in t) or "a " in t for t in found)


def test_number_words_change_and_enumerations_stay(outcomes):
    assert "The neck has six bones." in outcomes(wrong_number_words, "The neck has seven bones.")
    assert outcomes(wrong_number_words, "First, open it. Then close it.") == set()
    assert outcomes(wrong_number_words, "One or two of them came.") == set()


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ("It began in 1914 there.", "It began in "),
        ("It rose in the 1920s again.", "It rose in the "),
        ("It fell in the 16th century.", "It fell in the "),
        ("It is open on Monday.", "It is open on "),
        ("It starts on 12 May 1980.", "It starts on "),
    ],
)
def test_dates_become_other_dates(outcomes, answer, same):
    found = outcomes(wrong_dates, answer)
    assert found
    assert answer not in found
    assert all(text.startswith(same) for text in found)


def test_words_that_are_months_elsewhere_stay(outcomes):
    assert outcomes(wrong_dates, "You may march on. May I come?") == set()


def test_a_unit_becomes_one_of_the_same_measure(outcomes):
    assert outcomes(wrong_units, "It takes 20 minutes.") <= {"It takes 20 seconds.", "It takes 20 hours."}
    assert outcomes(wrong_units, "It takes 20 minutes.")
    assert outcomes(wrong_units, "The second minutes of the meeting.") == set()


def test_made_up_texts_keep_their_own_details_and_may_lose_those_of_the_request(outcomes):
    question = "Write a short story about a town with 40 houses."
    assert outcomes(wrong_numbers, "There were 12 men in it.", question) == set()
    assert outcomes(wrong_numbers, "It had 40 houses.", question)


def test_ordinals_end_as_they_should():
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
    ]
