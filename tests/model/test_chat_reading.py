"""An answer read once must say of other answers what a tree of its own for each of them says."""

import pytest

from seapo.model import ChatScorer
from seapo.records import Message

PROMPT = (Message(role="user", content="How many clips did Natalia sell in April and May?"),)
ANSWER = "Natalia sold 48/2 = 24 clips in May. Altogether she sold 48 + 24 = 72 clips in April and May."
OTHERS = [
    ANSWER.replace("24", "25").replace("72", "73"),
    ANSWER.replace("72", "74"),
    ANSWER.replace("Natalia", "Maria"),
    ANSWER + " Everybody knows it.",
    ANSWER.removesuffix(" in April and May."),
    "No.",
]


@pytest.fixture(scope="module")
def scorer(embedded):
    return ChatScorer(*embedded, "SmolLM2-135M-Instruct", "a fingerprint")


@pytest.fixture(scope="module")
def reading(scorer):
    return scorer.read(PROMPT, ANSWER)


def test_scores_are_those_of_one_tree(scorer, reading):
    own, *others = scorer.scores(PROMPT, [ANSWER, *OTHERS])
    found = reading.scores(OTHERS)
    assert [one.tokens for one in found] == [one.tokens for one in others]
    assert [one.logprob_nats for one in found] == pytest.approx([one.logprob_nats for one in others], abs=5e-4)
    assert reading.score().tokens == own.tokens
    assert reading.score().logprob_nats == pytest.approx(own.logprob_nats, abs=5e-4)
    assert len({round(one.logprob_nats) for one in others}) > 3  # else nothing was compared


def test_a_score_depends_on_nothing_else_that_is_scored(reading):
    alone = [reading.scores([other])[0].logprob_nats for other in OTHERS]
    assert [one.logprob_nats for one in reading.scores(OTHERS[::-1])][::-1] == pytest.approx(alone, abs=2e-4)


def test_the_answer_scored_before_its_alternatives_are_asked_for_is_the_same(scorer, reading):
    fresh = scorer.read(PROMPT, ANSWER)
    before = fresh.score()
    fresh.alternatives(2)
    assert fresh.score() == before == reading.score()


def test_a_glance_is_the_log_probability_of_the_first_token_that_differs(reading):
    places = {choice.start: dict(choice.alternatives) for choice in reading.alternatives(8)}
    start = ANSWER.index("72")
    digits = {text: value for text, value in places[start].items() if text.isdigit() and text != "7"}
    others = [ANSWER[:start] + digit + ANSWER[start + 1 :] for digit in digits]
    assert len(digits) > 1
    assert reading.glances(others) == pytest.approx(list(digits.values()), abs=2e-4)


def test_the_cost_is_what_stands_behind_the_first_difference(scorer, reading):
    late, early, at_once = reading.costs([ANSWER + " Yes", ANSWER.replace("48/2", "49/2"), "No."])
    assert late == 2  # the word and the end of turn
    assert at_once == scorer.count_tokens("No.") + 1
    assert late < early < scorer.count_tokens(ANSWER)
