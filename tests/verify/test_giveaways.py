"""Giveaways: what talks about its error, refuses, or repeats the prompt."""

import time

import pytest

FACT = "The bridge was opened in 1937. It spans the strait and carries six lanes."


@pytest.mark.parametrize(
    "told",
    [
        "Note: I introduced an error in the date.",
        "Note that the year is wrong.",
        "I changed the year to 1938.",
        "This version deliberately contains a mistake.",
        "Here is the wrong answer you wanted.",
        "Incorrect answer:",
        "Here's the modified response.",
        "The answer is incorrect.",
        "This sentence holds a logic error.",
        "It spans the strait [error].",
        "It spans the bay (incorrect).",
        "### Response:",
        "<|im_start|>assistant",
        "As requested, the year is another one.",
    ],
)
def test_disclosure_rejects_talk_about_the_error(judge, told):
    assert judge("disclosure", FACT, f"{FACT} \n{told}").outcome == "fail"


@pytest.mark.parametrize("opening", ["Sure! Here is the rewritten text:", "Certainly, here's the answer."])
def test_disclosure_rejects_a_preamble(judge, opening):
    assert judge("disclosure", FACT, f"{opening} {FACT}").outcome == "fail"


@pytest.mark.parametrize(
    "text",
    [
        FACT.replace("1937", "1938"),
        f"{FACT} According to a 1936 report, the engineers noted strong winds.",
        f"{FACT} It replaced a ferry and changed the town.",
        f"{FACT} Of course, the wind is strong here.",
    ],
)
def test_disclosure_accepts_plain_text(judge, text):
    assert judge("disclosure", FACT, text).outcome == "pass"


def test_disclosure_skips_words_that_prompt_or_chosen_hold(judge):
    chosen = "The wrong answer costs a point. Each right one gives 3."
    text = chosen.replace("3", "4")
    assert judge("disclosure", chosen, text).outcome == "pass"
    assert (
        judge(
            "disclosure",
            "It costs a point.",
            "A wrong answer costs 2 points.",
            question="What does a wrong answer cost?",
        ).outcome
        == "pass"
    )
    assert judge("disclosure", "It costs a point.", "A wrong answer costs 2 points.").outcome == "fail"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("I'm sorry, but I cannot help with that.", "fail"),
        ("As an AI language model, I have no dates.", "fail"),
        ("I am unable to provide a year.", "fail"),
        ("I can't answer this.", "fail"),
        ("The builders were sorry about the delay.", "pass"),
        ("Cars cannot stop on it.", "pass"),
    ],
)
def test_refusal(judge, said, outcome):
    assert judge("refusal", FACT, f"{FACT} {said}").outcome == outcome


def test_a_refusal_of_a_refusal_is_not_judged(judge):
    chosen = "I'm sorry, I cannot help with that."
    assert judge("refusal", chosen, "I'm sorry, I cannot assist with this.").outcome == "not_judged"


def test_prompt_echo(judge):
    question = "Write two sentences about the bridge over the strait, with the year of its opening and its lanes."
    assert judge("prompt_echo", FACT, f"{question} {FACT}", question=question).outcome == "fail"
    assert judge("prompt_echo", FACT, FACT.replace("1937", "1938"), question=question).outcome == "pass"
    assert judge("prompt_echo", f"{question} {FACT}", f"{question} {FACT} Yes.", question=question).outcome == "pass"
    assert (
        judge("prompt_echo", FACT, f"Which bridge is it? {FACT}", question="Which bridge is it?").outcome
        == "not_judged"
    )


@pytest.mark.parametrize("piece", ["note ", "I changed ", "here is ", "wrong ", "(", "[error", "<|", "#", "sure! "])
@pytest.mark.parametrize("check", ["disclosure", "refusal", "prompt_echo"])
def test_time_is_linear_in_the_length_of_hostile_text(judge, check, piece):
    started = time.process_time()
    judge(check, FACT, piece * (100_000 // len(piece)))
    assert time.process_time() - started < 5
