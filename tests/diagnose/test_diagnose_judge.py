"""The judge is asked about what no program proves, and only a quotation from the answer counts."""

import json

import pytest

from seapo.diagnose import diagnose_answer
from seapo.diagnose.judge import read_opinion

QUESTION, REFERENCE = "Who wrote Faust?", "Goethe"
WRONG = "The answer is a man named Schiller, says everybody."
NAMES = ("correctness", "logic", "hallucination", "other")


def reply(error_type="correctness", quote="a man named Schiller"):
    return json.dumps({"error_type": error_type, "quote": quote})


@pytest.mark.parametrize(
    ("said", "error_type", "by"),
    [
        (reply(), "correctness", "judge"),
        (reply("hallucination", "named SCHILLER"), "hallucination", "judge"),
        (reply("other", ""), "other", "judge"),
        (reply(quote="the poet Lessing"), None, None),
        (reply("style"), None, None),
        ("It is wrong.", None, None),
        (None, None, None),
    ],
)
def test_what_counts_of_a_reply(engine, said, error_type, by):
    with engine(lambda text: said) as judge:
        found = diagnose_answer(QUESTION, REFERENCE, WRONG, judge=judge)
    assert (found.outcome, found.error_type, found.by, found.is_proved) == ("wrong", error_type, by, False)


def test_it_is_asked_neither_about_right_answers_nor_where_there_is_a_proof(engine):
    with engine(lambda text: reply("logic", "3 = 7")) as judge:
        diagnose_answer("How much is 3 and 3?", "6", "The answer is 6.", judge=judge)
        found = diagnose_answer("How much is 3 and 3?", "6", "3 + 3 = 7. The answer is 7.", judge=judge)
        assert (found.by, judge.asked) == ("program", [])
        found = diagnose_answer("How much is 3 and 3?", "6", "3 * 3 = 9. The answer is 9.", judge=judge)
        (asked,) = judge.asked
    assert found.by == "program"  # the quotation does not stand in this answer
    shown = asked["messages"][1]["content"]
    assert all(part in shown for part in ("How much is 3 and 3?", "RIGHT ANSWER\n6", "3 * 3 = 9."))
    assert "wrong_" not in asked["messages"][0]["content"]


def test_the_last_object_that_names_a_known_type_is_read():
    text = f'I think {{"error_type": "logic", "quote": "a"}} or rather ```{reply()}``` {{"note": 1}}'
    assert read_opinion(text, NAMES).error_type == "correctness"
    assert read_opinion("{" * 50, NAMES) is None
