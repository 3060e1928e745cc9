"""The plan of a forest: every token once where it can be, in rows that keep to their budget; and its scores."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.evaluate.forest import Become, Compute, plan_forest, score_forest
from seapo.evaluate.plain import PairEncoder, Request

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=12).map(tuple), min_size=1, max_size=30)


def few_shot(heads, questions, *, head_tokens=40, question_tokens=8, seed=0):
    """Two choices of each question after each head."""
    rng = random.Random(seed)

    def tokens(count):
        return tuple(rng.randrange(1000, 1_000_000) for _ in range(count))

    asked = []
    for _ in range(heads):
        head = tokens(head_tokens)
        for _ in range(questions):
            question = tokens(question_tokens)
            asked += [(*head, *question, 200), (*head, *question, 201)]
    return asked


def test_heads_and_questions_are_computed_once():
    plan = plan_forest(few_shot(heads=2, questions=30), tokens_per_row=100)
    assert plan.tokens == 2 * (40 + 30 * 8)  # no last token
    assert [step.length for step in plan.steps if isinstance(step, Become)] == [40, 0, 40]


def test_what_fits_into_a_row_needs_no_trunk():
    plan = plan_forest(few_shot(heads=1, questions=3), tokens_per_row=100)
    assert [sorted(step.places) for step in plan.steps] == [[0, 1, 2, 3, 4, 5]]
    assert plan.tokens == 40 + 3 * 8


def test_a_head_that_is_hardly_shared_is_repeated():
    plan = plan_forest(few_shot(heads=1, questions=30, head_tokens=9), tokens_per_row=100)
    assert all(isinstance(step, Compute) for step in plan.steps)
    assert plan.tokens > 9 + 30 * 8


@given(SEQUENCES, st.integers(4, 40))
@settings(max_examples=200, deadline=None)
def test_every_sequence_is_scored_once_with_the_trunk_as_its_beginning(sequences, budget):
    plan = plan_forest(sequences, tokens_per_row=budget)
    trunk, found = (), []
    for step in plan.steps:
        if isinstance(step, Become):
            trunk = sequences[step.like][: step.length]
        else:
            found += step.places
            assert all(sequences[place][: len(trunk)] == trunk for place in step.places)
    assert sorted(found) == list(range(len(sequences)))
    assert plan.tokens <= sum(len(sequence) - 1 for sequence in sequences)


@pytest.fixture(scope="module")
def requests(embedded):
    """Questions after two heads, longer than the rows of these tests; two of them again, scored from elsewhere."""
    encoder = PairEncoder(embedded[1])
    heads = (
        "Some facts about food, one a line.\nBread is baked.\n",
        "Of animals, one a line, we know this.\nCats purr.\n",
    )
    asked = [
        encoder.encode_pair(f"{head}{thing} is", f" {choice}")
        for head in heads
        for thing in ("Milk", "A very old cheese", "Salt")
        for choice in ("white", "yellow and hard", "a mineral")
    ]
    return [*asked, Request(asked[0].tokens, 4), Request(asked[5].tokens, 2)]


@torch.no_grad()
def forward_logprob(model, request):
    """Log-probability of a request by one plain, unpacked forward pass."""
    logits = model(torch.tensor([request.tokens])).logits[0].log_softmax(-1)
    places = range(request.start, len(request.tokens))
    return sum(float(logits[place - 1, request.tokens[place]]) for place in places)


@pytest.mark.parametrize("budget", [30, 1024])
def test_scores_equal_those_of_single_sequences(embedded, requests, budget):
    found = {}
    for scores in score_forest(embedded[0], requests, tokens_per_row=budget):
        found |= scores
    for place, request in enumerate(requests):
        assert found[place].logprob_nats == pytest.approx(forward_logprob(embedded[0], request), abs=1e-3)


def test_a_resumed_forest_gives_the_same_digits(embedded, requests):
    whole = {}
    rows = []
    for scores in score_forest(embedded[0], requests, tokens_per_row=30):
        rows.append(set(scores))
        whole |= scores
    done = rows[0] | rows[1] | rows[-1]
    rest = {}
    for scores in score_forest(embedded[0], requests, tokens_per_row=30, done=done):
        rest |= scores
    assert set(whole) - done <= set(rest) < set(whole)
    assert all(rest[place] == whole[place] for place in rest)
