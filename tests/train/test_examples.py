"""Pairs as token ids: what is grouped, what is set aside, and that nothing is cut."""

import copy

import pytest

from seapo.records import Message
from seapo.train.examples import NOT_ONE_MESSAGE, SAME_TOKENS, Example, encode_pairs


@pytest.fixture(scope="module")
def tokenizer(embedded):
    return embedded[1]


def test_the_pairs_of_a_sample_form_one_example(tokenizer, sums):
    encoded = encode_pairs(tokenizer, sums(2, negatives=3), max_length=512)
    assert [(one.id, one.error_types) for one in encoded.examples] == [
        ("sum-0", ("correctness", "logic", "hallucination")),
        ("sum-1", ("logic", "hallucination", "correctness")),
    ]
    assert encoded.set_aside == {}
    first = encoded.examples[0]
    assert tokenizer.decode(first.prompt).endswith("What is 3 plus 11?<|im_end|>\n<|im_start|>assistant\n")
    assert [tokenizer.decode(answer) for answer in first.completions] == [
        f"First take 3, then add 11. That makes {total} in all.<|im_end|>" for total in (14, 15, 16, 17)
    ]


def test_same_id_with_another_prompt_is_another_example(tokenizer, pair):
    pairs = [pair("a", "One?", "Yes.", "No."), pair("a", "Two?", "Yes.", "No."), pair("a", "One?", "Yes.", "Never.")]
    assert [len(one.rejected) for one in encode_pairs(tokenizer, pairs, max_length=512).examples] == [2, 1]


def test_what_is_set_aside_is_counted_by_reason(tokenizer, pair):
    kept = pair("kept", "How are you?", "I am fine.", "I am five.")
    two = kept.model_copy(update={"chosen": (*kept.chosen, Message(role="user", content="And?"))})
    pairs = [
        kept,
        pair("same", "How are you?", "I am fine.", "I am fine."),
        pair("long", "How are you?", "I am fine.", "Oh " * 100),
        pair("long", "Who is it?" * 50, "I am fine.", "I am five."),
        two,
    ]
    encoded = encode_pairs(tokenizer, pairs, max_length=90)
    assert [one.id for one in encoded.examples] == ["kept"]
    assert encoded.set_aside == {SAME_TOKENS: 1, "longer than train.max_length, 90 tokens": 2, NOT_ONE_MESSAGE: 1}


def test_the_longest_allowed_pair_is_kept_whole(tokenizer, sums):
    (example,) = encode_pairs(tokenizer, sums(1), max_length=512).examples
    length = len(example.prompt) + max(map(len, example.completions))
    assert encode_pairs(tokenizer, sums(1), max_length=length).examples == [example]
    assert encode_pairs(tokenizer, sums(1), max_length=length - 1).examples == []


def test_a_template_that_refuses_a_conversation_sets_the_pair_aside(tokenizer, sums, pair):
    strict = copy.deepcopy(tokenizer)
    strict.chat_template = (
        "{% for m in messages %}{% if 'sum' in m.content or 'First' in m.content %}"
        "{{ raise_exception('no sums here') }}{% endif %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    encoded = encode_pairs(strict, [*sums(2), pair("other", "Who?", "Me.", "You.")], max_length=512)
    assert [one.id for one in encoded.examples] == ["other"]
    assert encoded.set_aside == {"the chat template refuses this conversation: no sums here": 2}


def test_an_example_needs_a_negative_with_its_type():
    with pytest.raises(ValueError, match="needs rejected answers, each with its error type"):
        Example("a", (1,), (2,), (), ())
