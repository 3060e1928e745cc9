"""Preference pairs as token ids: what is grouped, marked, cut and set aside."""

import copy
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.model.encoding import encode_chat
from seapo.records import Edit, Message, apply_edits, edited_spans
from seapo.train.examples import (
    DIFFERENT_PROMPTS,
    EDIT_CUT_OFF,
    LABELLED_BOTH,
    NOT_ONE_MESSAGE,
    REPEATED,
    SAME_TOKENS,
    WRONG_EDITS,
    Answer,
    Example,
    Gathering,
    encode_pairs,
    touching_tokens,
)
from seapo.train.truncation import Truncation

LONG = "Take the first of them. Then take the second. Add both of them up. That makes {} in all."


@pytest.fixture(scope="module")
def tokenizer(embedded):
    return embedded[1]


def texts(tokenizer, example):
    return [tokenizer.decode(answer) for answer in example.completions]


def test_the_pairs_of_a_sample_form_one_example(tokenizer, sums):
    encoded = encode_pairs(tokenizer, sums(2, negatives=3), max_length=512)
    assert [(one.id, [answer.error_type for answer in one.answers]) for one in encoded.examples] == [
        ("sum-0", ["", "correctness", "logic", "hallucination"]),
        ("sum-1", ["", "logic", "hallucination", "correctness"]),
    ]
    assert all(one.has_pairs and one.chosen.is_desirable for one in encoded.examples)
    assert encoded.set_aside == {}
    assert encoded.boundary_shifted == encoded.cut == ()
    first = encoded.examples[0]
    assert tokenizer.decode(first.prompt).endswith("What is 3 plus 11?<|im_end|>\n<|im_start|>assistant\n")
    assert texts(tokenizer, first) == [
        f"First take 3, then add 11. That makes {total} in all.<|im_end|>" for total in (14, 15, 16, 17)
    ]


def test_same_id_with_another_prompt_is_another_example(tokenizer, pair):
    pairs = [pair("a", "One?", "Yes.", "No."), pair("a", "Two?", "Yes.", "No."), pair("a", "One?", "Yes.", "Never.")]
    assert [len(one.rejected) for one in encode_pairs(tokenizer, pairs, max_length=512).examples] == [2, 1]


def test_what_is_set_aside_is_counted_by_reason(tokenizer, pair):
    kept = pair("kept", "How are you?", "I am fine.", "I am five.")
    two = kept.model_copy(update={"chosen": (*kept.chosen, Message(role="user", content="And?"))})
    stale = kept.model_copy(update={"edits": (Edit(start=5, end=9, original="fine", replacement="well"),)})
    pairs = [
        kept,
        pair("same", "How are you?", "I am fine.", "I am fine."),
        pair("long", "How are you?", "I am fine.", "Oh " * 100),
        pair("long", "Who is it?" * 50, "I am fine.", "I am five."),
        pair("empty", "How are you?", "I am fine.", ""),
        two,
        stale,
    ]
    encoded = encode_pairs(tokenizer, pairs, max_length=90)
    assert [one.id for one in encoded.examples] == ["kept"]
    assert encoded.set_aside == {
        SAME_TOKENS: 1,
        "longer than train.max_length, 90 tokens": 2,
        "the answer is empty": 1,
        NOT_ONE_MESSAGE: 1,
        WRONG_EDITS: 1,
    }


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


def test_a_template_with_two_prompts_for_one_question_sets_the_pair_aside(tokenizer, pair):
    odd = copy.deepcopy(tokenizer)
    odd.chat_template = (
        "{% for m in messages %}{% if m.role == 'assistant' %}<assistant>"
        "{% if 'thought' not in m.content %}<quick/>{% endif %}{{ m.content }}{% else %}{{ m.content }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    encoded = encode_pairs(odd, [pair("a", "Who?", "Me.", "I thought you.")], max_length=512)
    assert encoded.set_aside == {DIFFERENT_PROMPTS: 1}


def test_samples_whose_boundary_is_shifted_are_named(tokenizer, pair):
    pairs = [pair("plain", "Who?", "Me.", "You."), pair("lines", "Who?", "Me.", "\n\nYou.")]
    encoded = encode_pairs(tokenizer, pairs, max_length=512)
    assert encoded.boundary_shifted == ("lines",)
    assert texts(tokenizer, encoded.examples[1])[1] == "\n\nYou.<|im_end|>"


def test_an_example_needs_an_answer():
    with pytest.raises(ValueError, match="needs an answer"):
        Example("a", (1,), ())


def test_weights_of_tokens():
    answer = Answer((5, 6, 7), True, edited=(1,))
    assert answer.weights(3.0) == [1, 3, 1]
    assert answer.weight(3.0) == 5
    assert answer.weight(1.0) == 3


# What an edit touches


def edited_pair(pair, name, chosen, *edits):
    """A pair whose rejected answer is the chosen one with the edits (start, end, replacement) made."""
    made = tuple(Edit(start=a, end=b, original=chosen[a:b], replacement=text) for a, b, text in edits)
    return pair(name, "What?", chosen, apply_edits(chosen, made)).model_copy(update={"edits": made})


def marked(tokenizer, answer):
    return [tokenizer.decode([answer.tokens[place]]) for place in answer.edited]


def test_tokens_of_an_edit_are_marked_in_both_answers(tokenizer, pair):
    text = "It costs 25 dollars, says Ada."
    pairs = [
        edited_pair(pair, "a", text, (9, 11, "26")),
        edited_pair(pair, "a", text, (26, 29, "Grace")),
        edited_pair(pair, "a", text, (11, 11, " Canadian")),
        edited_pair(pair, "a", text, (11, 19, "")),
    ]
    (example,) = encode_pairs(tokenizer, pairs, max_length=512).examples
    assert marked(tokenizer, example.chosen) == ["2", "5", " dollars", " Ada"]
    assert [marked(tokenizer, answer) for answer in example.rejected] == [["2", "6"], [" Grace"], [" Canadian"], []]


@st.composite
def edits(draw):
    """A text and edits of it, in order and without overlap."""
    alphabet = st.sampled_from("abcé數🤯 .\n12")
    text = draw(st.text(alphabet, min_size=1, max_size=30)) + "!"
    places = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6, unique=True)))
    spans = list(zip(places[::2], places[1::2], strict=False))
    return text, [(start, end, draw(st.text(alphabet, max_size=6))) for start, end in spans]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits())
def test_marked_tokens_cover_the_edit_and_touch_it(embedded, text_and_edits):
    tokenizer, (text, changes) = embedded[1], text_and_edits
    made = tuple(Edit(start=a, end=b, original=text[a:b], replacement=new) for a, b, new in changes)
    prompt = (Message(role="user", content="What?"),)
    for answer, spans in (
        (text, [(edit.start, edit.end) for edit in made]),
        (apply_edits(text, made), edited_spans(made)),
    ):
        if not answer.strip():
            continue
        encoded = encode_chat(tokenizer, prompt, answer)
        touched = touching_tokens(encoded.offsets, spans)
        inside = {place for start, end in spans for place in range(start, end)}
        covered = {place for token in touched for place in range(*encoded.offsets[token])}
        assert covered >= inside
        for token, (left, right) in enumerate(encoded.offsets):
            assert (token in touched) == bool(inside & set(range(left, right)))


def test_white_space_that_offsets_leave_out_belongs_to_the_next_token():
    offsets = [(0, 3), (5, 8), (8, 9)]
    assert touching_tokens(offsets, [(3, 4)]) == (1,)
    assert touching_tokens(offsets, [(2, 3)]) == (0,)
    assert touching_tokens(offsets, [(9, 12), (4, 4)]) == ()


# What is too long


def lengths(example):
    return len(example.prompt), [len(answer) for answer in example.completions]


def test_answers_cut_at_their_end_keep_early_edits_and_lose_late_ones(tokenizer, pair):
    chosen = LONG.format(14)
    late = chosen.index("14")
    pairs = [edited_pair(pair, "a", chosen, (9, 14, "last")), edited_pair(pair, "a", chosen, (late, late + 2, "15"))]
    (whole,) = encode_pairs(tokenizer, pairs, max_length=512).examples
    prompt, (longest, *_) = lengths(whole)
    limit = prompt + longest - 10
    encoded = encode_pairs(tokenizer, pairs, max_length=limit, truncation="keep_start")
    assert encoded.set_aside == {EDIT_CUT_OFF: 1}
    assert encoded.cut == ("a",)
    (example,) = encoded.examples
    assert lengths(example) == (prompt, [longest - 10, longest - 10])
    assert example.chosen.tokens == whole.chosen.tokens[:-10]
    assert (marked(tokenizer, example.chosen), marked(tokenizer, example.rejected[0])) == ([" first"], [" last"])
    assert marked(tokenizer, whole.chosen) == [" first", "1", "4"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 99),
    max_length=st.integers(30, 75),
    rule=st.sampled_from(["keep_start", "keep_end", "set_aside"]),
)
def test_no_edit_is_ever_lost_silently(embedded, pair, seed, max_length, rule):
    draw, words, pairs = random.Random(seed), LONG.format(14).split(), []
    for number in range(6):
        place = draw.randrange(len(words))
        wrong = " ".join([*words[:place], "never", *words[place + 1 :]])
        pairs.append(pair(f"s{number}", "What? " * draw.randrange(1, 8), " ".join(words), wrong))
    encoded = encode_pairs(embedded[1], pairs, max_length=max_length, truncation=rule)
    kept = [(one.chosen, answer) for one in encoded.examples for answer in one.rejected]
    assert len(kept) + sum(encoded.set_aside.values()) == len(pairs)
    assert all(chosen.tokens != rejected.tokens for chosen, rejected in kept)
    for one in encoded.examples:
        prompt, answers = lengths(one)
        assert 0 < prompt <= prompt + max(answers) <= max_length
        assert min(answers) > 0
    if rule == "set_aside":
        assert encoded.cut == ()


def test_a_cut_that_looked_at_no_edit_would_be_found_out(tokenizer, pair):
    (example,) = encode_pairs(
        tokenizer, [pair("a", "What?", LONG.format(14), LONG.format(15))], max_length=512
    ).examples
    naive = [answer[:10] for answer in example.completions]
    assert naive[0] == naive[1]


def test_prompts_cut_at_their_start_keep_the_answers_whole(tokenizer, pair):
    question = "Here are many words before the question. " * 10 + "What?"
    pairs = [pair("a", question, "Yes.", "No, never at all."), pair("b", question, "Yes.", "No.")]
    whole = encode_pairs(tokenizer, pairs, max_length=512).examples
    encoded = encode_pairs(tokenizer, pairs, max_length=40, truncation="keep_end")
    assert encoded.cut == ("a", "b")
    assert encoded.set_aside == {}
    for one, full in zip(encoded.examples, whole, strict=True):
        assert one.answers == full.answers
        assert one.prompt == full.prompt[-len(one.prompt) :]
    assert lengths(encoded.examples[0]) == (33, [3, 7])
    assert encoded.examples[0].prompt == encoded.examples[1].prompt  # they stay siblings


@pytest.mark.parametrize(
    ("rule", "question", "answer", "reason"),
    [
        ("keep_start", "What? " * 50, "No.", "the prompt leaves no room for an answer in train.max_length, 60 tokens"),
        ("keep_end", "What?", "No. " * 50, "the answer leaves no room for a prompt in train.max_length, 60 tokens"),
        ("set_aside", "What? " * 50, "No.", "longer than train.max_length, 60 tokens"),
    ],
)
def test_what_no_cut_can_fit_is_set_aside(tokenizer, pair, rule, question, answer, reason):
    encoded = encode_pairs(tokenizer, [pair("a", question, "Yes.", answer)], max_length=60, truncation=rule)
    assert encoded.examples == []
    assert encoded.set_aside == {reason: 1}


# Single answers


def gather(tokenizer, rows, max_length=512, rule="set_aside"):
    gathering = Gathering(Truncation(max_length, rule))
    for name, question, answer, is_good in rows:
        encoded = encode_chat(tokenizer, (Message(role="user", content=question),), answer)
        gathering.add_answer(name, encoded, is_desirable=is_good)
    return gathering.result()


def test_single_answers_to_a_prompt_form_one_example_good_ones_first(tokenizer):
    rows = [
        ("a", "One?", "No.", False),
        ("b", "Two?", "No.", False),
        ("c", "One?", "Yes.", True),
        ("d", "One?", "Hm.", False),
    ]
    encoded = gather(tokenizer, rows)
    assert [one.id for one in encoded.examples] == ["a", "b"]
    assert texts(tokenizer, encoded.examples[0]) == ["Yes.<|im_end|>", "No.<|im_end|>", "Hm.<|im_end|>"]
    assert [answer.is_desirable for answer in encoded.examples[0].answers] == [True, False, False]


def test_repeated_and_contradicting_answers_are_set_aside(tokenizer):
    rows = [("a", "One?", "No.", False), ("b", "One?", "No.", False), ("c", "One?", "No.", True)]
    assert gather(tokenizer, rows).set_aside == {REPEATED: 1, LABELLED_BOTH: 1}
    cut = [("a", "One?", LONG.format(14), True), ("b", "One?", LONG.format(15), False)]
    encoded = gather(tokenizer, cut, max_length=45, rule="keep_start")
    assert encoded.set_aside == {EDIT_CUT_OFF: 1}
    assert encoded.cut == ("a",)
