"""Strategies that ask a model, against a real server that answers from a script: turns, attempts, steps, threads."""

import json

import pytest

from seapo.errors import EngineError
from seapo.inject import Context, InjectTally, inject, propose, steps_of
from seapo.inject.outlook import first_requests
from seapo.journal import Journal
from seapo.recipe import ErrorTypeSection, InjectSection
from seapo.records import apply_edits, digest

ANSWER = "The tower was built in 1889 by Gustave Eiffel. It is 300 metres high. It is made of iron."
QUESTION = "Tell me about the tower."
CORRECTNESS = InjectSection(error_types=("correctness",), strategies=("edit",), rank_by="none")


def edits(*pairs, subtype="wrong_date"):
    return json.dumps({"subtype": subtype, "edits": [{"search": a, "replace": b} for a, b in pairs]})


GOOD = edits(("in 1889", "in 1879"))


def run(samples, settings, engine, **arguments):
    return list(inject(samples, settings, seed=0, engine=engine, **arguments))


def by_turn(*answers):
    """Answers in the order of the requests, the last one again and again."""
    rest = list(answers)
    return lambda messages: rest.pop(0) if len(rest) > 1 else rest[0]


def test_edits_are_made_and_told(served, make_sample):
    with served(by_turn(GOOD)) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine)
    (candidate,) = result.candidates
    assert candidate.text == ANSWER.replace("1889", "1879")
    assert (candidate.strategy, candidate.injector, candidate.subtype) == ("edit", "scripted", "wrong_date")
    assert [(edit.original, edit.replacement) for edit in candidate.edits] == [("1889", "1879")]
    (ask,) = result.asks
    assert (ask.sample_id, ask.error_type, ask.strategy, ask.attempt) == ("s1", "correctness", "edit", 0)
    assert ask.completion_tokens == len(GOOD.split())
    (body,) = script.asked
    assert body["max_tokens"] < 128, "a reply that does not end costs little"
    assert "wrong_date" in body["response_format"]["json_schema"]["schema"]["properties"]["subtype"]["enum"]


def test_a_subtype_that_nobody_knows_is_the_drawn_one(served, make_sample):
    with served(by_turn(edits(("iron", "wood"), subtype="nonsense"))) as (_, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine)
    assert result.candidates[0].subtype in Context(make_sample(ANSWER), 0).error_type("correctness").subtypes


@pytest.mark.parametrize(
    ("search", "reason"), [("in 1989", "does not occur in the answer"), ("It is", "occurs 2 times in the answer")]
)
def test_a_search_text_that_cannot_be_placed_is_answered_back_once(served, make_sample, search, reason):
    with served(by_turn(edits((search, "x")), GOOD)) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine)
    assert result.candidates[0].text == ANSWER.replace("1889", "1879")
    assert result.candidates[0].attempt == 0, "a correction is no new attempt"
    first, second = script.asked
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][0] == first["messages"][0]
    assert reason in script.prompts()[1]


def test_it_is_dropped_when_it_is_no_better_then(served, make_sample):
    bad = edits(("in 1989", "x"), ("iron", "wood"))
    with served(by_turn(bad)) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine)
    assert len(script.asked) == 2
    assert result.candidates[0].text == ANSWER.replace("iron", "wood")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (edits(("iron", "iron")), "No edit changed anything."),
        ("I will not do that.", "The reply was not the JSON that was asked for."),
        ((GOOD, "length"), "The reply was too long."),
    ],
)
def test_a_useless_reply_is_a_failure_and_the_next_attempt_is_told(served, make_sample, reply, reason):
    with served(by_turn(reply, GOOD)) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine)
    assert [candidate.attempt for candidate in result.candidates] == [1]
    assert len(script.asked[1]["messages"]) == 1
    assert f"Your last attempt was refused: {reason}" in script.prompts()[1]


def test_attempts_end_and_the_sample_is_skipped(served, make_sample):
    settings = CORRECTNESS.model_copy(update={"max_attempts": 2})
    with served(by_turn("no")) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], settings, engine)
    assert len(script.asked) == 2
    assert [skip.reason for skip in result.skips] == ["no answer of the model could be used"]


def test_the_model_is_told_what_the_checks_found(served, make_sample):
    def examine(sample, candidate):
        return () if "wood" in candidate.text else ("The year is not certain.",)

    with served(by_turn(GOOD, edits(("iron", "wood"), subtype="wrong_term"))) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine, examine=examine)
    assert [(c.rank, c.attempt, c.subtype) for c in result.candidates] == [(0, 0, "wrong_date"), (1, 1, "wrong_term")]
    assert "Your last attempt was refused: The year is not certain. Do it in another way." in script.prompts()[1]


def test_the_same_text_again_is_told_and_kept_once(served, make_sample):
    with served(by_turn(GOOD)) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], CORRECTNESS, engine, examine=lambda *_: ("No.",))
    assert len(result.candidates) == 1
    assert len(script.asked) == 3
    assert "It was the same text as before." in script.prompts()[2]


def test_the_next_step_is_for_what_the_last_one_left_open(served, make_sample):
    def answer(messages):
        return edits(("iron", "wood")) if '"correctness"' in messages[0]["content"] else "no"

    settings = InjectSection(
        error_types=("correctness", "hallucination"), chain=(("edit",), ("rule",)), rank_by="none", max_attempts=2
    )
    with served(answer) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], settings, engine, examine=lambda *_: ())
    strategies = {(c.error_type, c.strategy) for c in result.candidates}
    assert strategies == {("correctness", "edit"), ("hallucination", "rule")}
    assert sum('"hallucination"' in prompt for prompt in script.prompts()) == 2


def test_rewriting_gives_the_difference_as_edits(served, make_sample):
    text = "The tower was built in 1879 by Gustave Eiffel. It is 300 metres high. It is made of wood."
    settings = CORRECTNESS.model_copy(update={"strategies": ("rewrite",)})
    with served(by_turn(f"<answer>\n{text}\n</answer>")) as (script, engine):
        (result,) = run([make_sample(f"{ANSWER}\n", QUESTION)], settings, engine)
    (candidate,) = result.candidates
    assert candidate.text == f"{text}\n", "the tags are ours, and the white space the answer's"
    assert [(edit.original, edit.replacement) for edit in candidate.edits] == [("1889", "1879"), ("iron", "wood")]
    assert apply_edits(f"{ANSWER}\n", candidate.edits) == candidate.text
    assert "response_format" not in script.asked[0]


@pytest.mark.parametrize("reply", [ANSWER, (ANSWER.replace("1889", "1879"), "length")])
def test_a_rewrite_that_is_cut_or_unchanged_is_none(served, make_sample, reply):
    settings = CORRECTNESS.model_copy(update={"strategies": ("rewrite",), "max_attempts": 1})
    with served(by_turn(reply)) as (_, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], settings, engine)
    assert result.candidates == ()


def test_several_errors_and_a_severity_are_asked_for(served, make_sample):
    settings = CORRECTNESS.model_copy(update={"edits_per_answer": 2, "severity": "subtle"})
    with served(by_turn(edits(("1889", "1879"), ("iron", "wood")))) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], settings, engine)
    assert "2 separate errors" in script.prompts()[0]
    assert "must be subtle" in script.prompts()[0]
    assert len(result.candidates[0].edits) == 2


def test_a_type_of_the_recipe_is_asked_for(served, make_sample):
    style = ErrorTypeSection(name="style", definition="The tone breaks with the request.", subtypes=("slang",))
    settings = CORRECTNESS.model_copy(update={"error_types": ("style",), "types": (style,)})
    with served(by_turn(edits(("It is made", "It's like totally made"), subtype="slang"))) as (script, engine):
        (result,) = run([make_sample(ANSWER, QUESTION)], settings, engine)
    assert (result.candidates[0].error_type, result.candidates[0].subtype) == ("style", "slang")
    assert "The tone breaks with the request." in script.prompts()[0]


def samples_of(make_sample, count=12):
    return [make_sample(f"{ANSWER} It has {number + 10} rooms.", QUESTION, id=f"s{number}") for number in range(count)]


def test_threads_change_nothing_and_the_order_is_the_samples(served, make_sample):
    samples = samples_of(make_sample)
    with served(by_turn(GOOD)) as (_, engine):
        alone = run(samples, CORRECTNESS, engine)
        together = run(samples, CORRECTNESS, engine, threads=6)
    assert [result.sample_id for result in together] == [sample.id for sample in samples]
    assert together == alone


def test_a_second_call_asks_nothing(served, make_sample, tmp_path):
    samples = samples_of(make_sample, 3)
    with Journal(tmp_path / "journal.sqlite") as journal, served(by_turn(GOOD), journal) as (script, engine):
        first = run(samples, CORRECTNESS, engine, journal=journal)
        assert len(script.asked) == 3
        assert run(samples, CORRECTNESS, engine, journal=journal, threads=4) == first
        assert len(script.asked) == 3


def test_one_refused_request_costs_one_sample_at_most_and_is_made_again(served, make_sample, tmp_path):
    settings = InjectSection(error_types=("correctness",), chain=(("edit",), ("rule",)), rank_by="none")
    refused = [True]

    def answer(messages):
        return 400 if refused[0] and "11 rooms" in messages[0]["content"] else GOOD

    samples = samples_of(make_sample, 3)
    with Journal(tmp_path / "journal.sqlite") as journal, served(answer, journal) as (_, engine):
        results = run(samples, settings, engine, journal=journal, examine=lambda *_: ())
        tally = InjectTally(settings.error_types)
        assert [tally.add(result).candidates[0].strategy for result in results] == ["edit", "rule", "edit"]
        assert tally.summary().unanswered == 1
        refused[0] = False
        again = run(samples, settings, engine, journal=journal, examine=lambda *_: ())
        assert [result.candidates[0].strategy for result in again] == ["edit", "edit", "edit"]


def test_the_first_requests_are_those_that_will_be_made(served, make_sample):
    settings = InjectSection(chain=(("edit",), ("rule",)), rank_by="none")
    samples = samples_of(make_sample, 2)
    requests = first_requests(samples, settings, steps_of(settings, has_engine=True), seed=0)
    assert len(requests) == 6
    with served(lambda messages: edits(("iron", digest(messages[0]["content"])))) as (script, engine):
        run(samples, settings, engine)
    assert {request.messages[0].content for request in requests} == set(script.prompts())
    assert first_requests(samples, settings, (("rule",),), seed=0) == []


def test_without_an_engine_a_strategy_says_what_to_set(make_sample):
    sample = make_sample(ANSWER)
    with pytest.raises(EngineError, match=r"there is no model to ask: set engine\.kind to `openai`"):
        propose(sample, ("logic",), ("edit",), Context(sample, 0))
