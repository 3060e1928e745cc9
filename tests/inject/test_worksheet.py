"""What changes with a number, and where nobody can tell."""

import pytest

from seapo.inject.passage import Passage

PLAIN = "There are 4 * 5 = 20 pens. So 20 * 7 = 140 pens in all. #### 140"
UNREAD = "There are 4 * 5 = 20 pens a day. So 20 pens/day * 7 days/week * x = 140 pens/week. #### 140"
DEFINED = "There are 4 * 5 = 20 pens. So y = 20. And 20 + 1 = 21. #### 21"
BEHIND = "There are 4 * 5 = 20 pens. So 20 are there. Let x = 3. Then 20 + 1 = 21. #### 21"


def carried(passage: Passage) -> dict[int, str] | None:
    """The first step's result as 22, and what follows from it."""
    sheet = passage.worksheet
    step = sheet.main_steps[0]
    return sheet.carry(sheet.restated(step, "22"), {"20": "22"})


@pytest.mark.parametrize("answer", [PLAIN, BEHIND])
def test_what_follows_is_computed_anew(make_sample, answer):
    passage = Passage(make_sample(answer))
    new = carried(passage)
    assert new is not None
    assert {passage.worksheet.slots[index].written: text for index, text in new.items()}["20"] == "22"


@pytest.mark.parametrize("answer", [UNREAD, DEFINED])
def test_a_number_in_an_equation_that_nobody_can_read_is_left_alone(make_sample, answer):
    assert carried(Passage(make_sample(answer))) is None
