"""The model's replies: greedy, kept before they are used, and honest about what did not end, fit, or come out."""

import copy

import pytest
import torch

from seapo.diagnose import Answering, Question, engine_replies, model_replies
from seapo.diagnose.generation import encode_question, generate
from seapo.errors import ModelError
from seapo.journal import Journal
from seapo.records import NumberTruth


def question(text):
    return Question(id=text, task="t", dimension=None, question=text, reference="1", truth=NumberTruth(value="1"))


QUESTIONS = [question(f"How much is {number} and {number}?" + " Add them." * (number % 3)) for number in range(5)]


def answering(model, tokenizer, loads=None, **options):
    def load():
        if loads is not None:
            loads.append(1)
        return model, tokenizer

    return Answering(load, **{"fingerprint": "tiny", "max_completion_tokens": 6, "batch_size": 2, **options})


def test_what_the_journal_knows_is_not_generated_again(tiny, tmp_path):
    loads = []
    with Journal(tmp_path / "j.sqlite") as journal:
        first = model_replies(QUESTIONS, answering(*tiny, loads), journal=journal)
        again = model_replies(QUESTIONS, answering(*tiny, loads), journal=journal)
        model_replies(QUESTIONS[:3], answering(*tiny, loads), journal=journal)
        assert (first == again, len(loads)) == (True, 1)
        assert journal.counts() == {"answer": 5}
        model_replies(QUESTIONS[:1], answering(*tiny, loads, max_completion_tokens=7), journal=journal)
        model_replies(QUESTIONS[:1], answering(*tiny, loads, fingerprint="other"), journal=journal)
    assert len(loads) == 3


def test_a_stopped_call_repeats_no_batch_and_gives_the_same(tiny, tmp_path):
    with Journal(tmp_path / "a.sqlite") as journal:
        whole = model_replies(QUESTIONS, answering(*tiny), journal=journal)
    batches = []

    def stop(work):
        for batch in work:
            if batches:
                raise KeyboardInterrupt
            batches.append(batch)
            yield batch

    with Journal(tmp_path / "b.sqlite") as journal:
        with pytest.raises(KeyboardInterrupt):
            model_replies(QUESTIONS, answering(*tiny), journal=journal, progress=stop)
        assert journal.counts() == {"answer": 2}
        left = []
        resumed = model_replies(
            QUESTIONS, answering(*tiny), journal=journal, progress=lambda work: left.extend(work) or left
        )
    assert (resumed, len(left)) == (whole, 2)


def test_a_model_that_does_not_end_is_cut_and_says_so(tiny):
    model, tokenizer = tiny
    (reply,) = generate(model, tokenizer, [encode_question(tokenizer, "Hello?")], answering(model, tokenizer))
    assert reply.finish == "length"


def test_an_answer_ends_at_the_end_of_its_turn(tiny):
    model, tokenizer = tiny
    ended = copy.deepcopy(model)
    ended.generation_config.eos_token_id = list(range(len(tokenizer)))  # whatever is written first ends it
    replies = generate(ended, tokenizer, [encode_question(tokenizer, "Hello?")], answering(ended, tokenizer))
    assert [(reply.text, reply.finish) for reply in replies] == [("", "stop")]


def test_a_question_that_leaves_no_room_is_not_asked(tiny):
    model, tokenizer = tiny
    prompts = [encode_question(tokenizer, text) for text in ("One?", "word " * 200)]
    assert [reply.finish for reply in generate(model, tokenizer, prompts, answering(*tiny))] == ["length", "too_long"]


def test_company_in_a_batch_does_not_change_what_is_written(tiny):
    model, tokenizer = tiny
    prompts = [encode_question(tokenizer, text) for text in ("One?", "How many eggs are in a dozen, and in two?")]
    alone = [generate(model, tokenizer, [prompt], answering(*tiny))[0] for prompt in prompts]
    assert generate(model, tokenizer, prompts, answering(*tiny)) == alone


@pytest.mark.parametrize("damage", [float("nan"), float("inf")])
def test_a_model_that_gives_no_numbers_is_an_error(tiny, damage, tmp_path):
    model, tokenizer = copy.deepcopy(tiny[0]), tiny[1]
    with torch.no_grad():
        model.model.norm.weight.fill_(damage)
    with Journal(tmp_path / "j.sqlite") as journal:
        with pytest.raises(ModelError, match="no finite numbers"):
            model_replies(QUESTIONS, answering(model, tokenizer), journal=journal)
        assert journal.counts() == {}


def test_a_model_without_a_template_is_asked_in_plain_text(tiny):
    tokenizer = copy.deepcopy(tiny[1])
    tokenizer.chat_template = None
    assert tokenizer.decode(encode_question(tokenizer, "One?")).endswith("Question: One?\nAnswer:")
    assert generate(tiny[0], tokenizer, [encode_question(tokenizer, "One?")], answering(*tiny))[0].finish == "length"


def test_an_engine_answers_and_a_refused_question_is_counted(engine):
    with engine(lambda text: None if "2" in text else f"I heard: {text}") as found:
        replies = engine_replies(QUESTIONS, found, max_completion_tokens=50, threads=2)
        assert [reply.finish for reply in replies] == ["stop", "stop", "unanswered", "stop", "stop"]
        assert replies[0].text == "I heard: How much is 0 and 0?"
        assert {asked["max_tokens"] for asked in found.asked} == {50}
