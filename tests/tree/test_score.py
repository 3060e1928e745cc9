"""`score` against the plain, padded computation: one prompt with many completions, packed, split, with gradients."""

import importlib
import random
from dataclasses import replace

import peft
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.errors import ModelError
from seapo.tree import Group, lay_rows, score, score_rows, score_tokens
from seapo.tree import backbone as backbone_module
from seapo.tree.masks import Segment, additive_mask

TOLERANCE_NATS = 1e-4
QUESTION = "A baker fills 12 trays with 8 rolls each and sells 30 rolls. How many rolls are left?"
ANSWERS = (
    "There are 12 x 8 = 96 rolls. 96 - 30 = 66 rolls are left.",
    "There are 12 x 8 = 98 rolls. 98 - 30 = 68 rolls are left.",
    "There are 12 x 8 = 96 rolls. 96 - 30 = 56 rolls are left.",
    "There are 12 x 8 = 96 rolls.",
    "There are 12 x 8 = 96 rolls. 96 - 30 = 66 rolls are left.",
    "",
    "Nobody can know.",
    "There are 12",
)


@pytest.fixture(scope="module")
def baker(embedded):
    _, tokenizer = embedded
    return Group(tokenizer(QUESTION)["input_ids"], [tokenizer(answer)["input_ids"] for answer in ANSWERS])


@pytest.fixture(scope="module")
def expected(embedded, baker):
    from_conftest = padded(embedded[0], baker)
    assert len(set(from_conftest.tolist())) == len(ANSWERS) - 1  # two answers are equal, all others differ
    return from_conftest


def padded(model, group):
    """The plain numbers, for the embedded model: one forward pass a completion."""
    sums = []
    for completion in group.completions:
        ids = torch.tensor([[*group.prompt, *completion]])
        with torch.no_grad():
            logprobs = model(ids).logits.double().log_softmax(-1)[0]
        places = range(len(group.prompt), ids.shape[1])
        sums.append(sum((logprobs[place - 1, ids[0, place]] for place in places), torch.zeros(())))
    return torch.stack(sums)


def largest_gap(left, right):
    return (left - right).abs().max().item()


@torch.no_grad()
@pytest.mark.parametrize("count", range(1, 9))
def test_one_prompt_with_1_to_8_completions(embedded, baker, expected, count):
    (scores,) = score(embedded[0], [Group(baker.prompt, baker.completions[:count])])
    assert scores.shape == (count,)
    assert scores.dtype == torch.float32
    assert largest_gap(scores, expected[:count]) < TOLERANCE_NATS


@torch.no_grad()
@pytest.mark.parametrize("budget", [4096, 160, 64, 8])
def test_groups_in_one_row_and_split_over_rows(embedded, baker, expected, budget):
    head = Group(baker.prompt[:9], [baker.completions[6], [], baker.completions[7]])
    groups = [baker, head, Group(baker.prompt[:1], []), Group(baker.prompt, baker.completions[2:5])]
    scores = score(embedded[0], groups, max_tokens_per_row=budget)
    assert [len(group) for group in scores] == [8, 3, 0, 3]
    assert largest_gap(scores[0], expected) < TOLERANCE_NATS
    assert largest_gap(scores[1], padded(embedded[0], head)) < TOLERANCE_NATS
    assert largest_gap(scores[3], expected[2:5]) < TOLERANCE_NATS


@torch.no_grad()
@pytest.mark.parametrize("name", ["additive_mask", "segments"])
def test_a_mask_that_lets_siblings_see_each_other_would_be_caught(tiny_llama, plain, monkeypatch, name):
    def causal_only(layout, dtype, **options):
        return additive_mask(replace(layout, ends=torch.full_like(layout.ends, len(layout.ends))), dtype)

    def one_segment(row, **options):
        return [Segment(0, len(row), ())]

    group = Group([3, 4, 5], [[5, 6, 7, 8], [6, 7, 8, 3], [5, 6, 3, 4]])
    expected = plain(tiny_llama, group)
    is_used = (name == "segments") == (tiny_llama.config._attn_implementation == "sdpa")
    monkeypatch.setattr(backbone_module, name, causal_only if name == "additive_mask" else one_segment)
    (scores,) = score(tiny_llama, [group])
    assert (largest_gap(scores, expected) > 1) == is_used


@torch.no_grad()
def test_tokens_with_their_alternatives(embedded, baker):
    model, _ = embedded
    ((scores, *_),) = score_tokens(model, [baker], alternatives=3)
    tokens = baker.completions[0]
    logprobs = model(torch.tensor([[*baker.prompt, *tokens]])).logits[0].log_softmax(-1)[len(baker.prompt) - 1 : -1]
    assert largest_gap(scores.logprobs, logprobs[range(len(tokens)), tokens]) < TOLERANCE_NATS
    assert scores.is_argmax.tolist() == (logprobs.argmax(-1) == torch.tensor(tokens)).tolist()
    assert 0 < scores.is_argmax.sum() < len(tokens)
    best = logprobs.topk(3)
    assert scores.alternatives.ids.tolist() == best.indices.tolist()
    assert largest_gap(scores.alternatives.logprobs, best.values) < TOLERANCE_NATS


@pytest.mark.parametrize("is_frozen", [False, True])
def test_many_places_go_through_the_head_in_chunks(tiny_llama, plain, monkeypatch, is_frozen):
    head = importlib.import_module("seapo.tree.head")
    monkeypatch.setattr(head, "CHUNK_BYTES", 3 * 64 * 4)
    monkeypatch.setattr(head, "TILE", (5, 17))
    group = random_groups(random.Random(5), 1)[0]
    model = with_adapter(tiny_llama) if is_frozen else tiny_llama
    (scores,) = score(model, [group])
    expected = plain(model, group)
    assert largest_gap(scores, expected) < TOLERANCE_NATS
    assert largest_relative_gap(gradients(model, scores.sum()), gradients(model, expected.sum())) < 1e-3


def test_what_all_completions_share_cancels_in_a_margin(tiny_llama):
    model = with_adapter(tiny_llama)
    group = Group([4, 5, 6], [[7, 8, 3, 4], [7, 8, 5], [7, 8, 6, 6]])

    def margins(detach_shared, weights):
        (row,) = lay_rows(model, [group], 4096)
        (scores,) = score_rows(model, [row], detach_shared=detach_shared)
        sums = [scores[0, place].logprobs.sum() for place in range(3)]
        return sums, gradients(model, sum(w * s for w, s in zip(weights, sums, strict=True)))

    cancelling, lone = (2.0, -1.5, -0.5), (1.0, 0.0, 0.0)
    plain_sums, plain_gradients = margins(False, cancelling)
    sums, found = margins(True, cancelling)
    assert [one.item() for one in sums] == pytest.approx([one.item() for one in plain_sums], abs=1e-5)
    assert largest_relative_gap(found, plain_gradients) < 1e-3
    # Control: in a loss where they do not cancel, leaving them out shows.
    assert largest_relative_gap(margins(True, lone)[1], margins(False, lone)[1]) > 0.1


def random_groups(rng, count):
    def tokens(least, most):
        return [rng.randrange(3, 9) for _ in range(rng.randint(least, most))]

    return [Group(tokens(1, 12), [tokens(0, 12) for _ in range(rng.randint(1, 6))]) for _ in range(count)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), budget=st.integers(4, 120))
def test_random_trees_of_a_random_model(tiny_llama, plain, seed, budget):
    groups = random_groups(random.Random(seed), 4)
    with torch.no_grad():
        for group, scores in zip(groups, score(tiny_llama, groups, max_tokens_per_row=budget), strict=True):
            assert largest_gap(scores, plain(tiny_llama, group)) < TOLERANCE_NATS


def with_adapter(model):
    torch.manual_seed(1)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    return adapted


def gradients(model, total):
    """Gradient of each trainable weight, by name."""
    model.zero_grad()
    total.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


def largest_relative_gap(left, right):
    assert left.keys() == right.keys() != set()
    return max(((left[name] - right[name]).norm() / right[name].norm()).item() for name in left)


@pytest.mark.parametrize("budget", [4096, 20])
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_adapter_gradients_equal_those_of_the_padded_pass(tiny_llama, plain, budget, gradient_checkpointing):
    model = with_adapter(tiny_llama)
    if gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train()
    groups = random_groups(random.Random(7), 3)
    weights = [torch.linspace(-1, 2, len(group.completions)) for group in groups]

    def loss(scores):
        return sum((w * s.tanh()).sum() + (w * s).sum() for w, s in zip(weights, scores, strict=True))

    tree = gradients(model, loss(score(model, groups, max_tokens_per_row=budget)))
    padded_pass = gradients(model, loss([plain(model, group) for group in groups]))
    assert largest_relative_gap(tree, padded_pass) < 1e-3


def test_adapter_gradients_of_the_embedded_model(embedded, baker, plain):
    group = Group(baker.prompt, baker.completions[:3])
    model = with_adapter(embedded[0])
    try:
        (scores,) = score(model, [group])
        tree = gradients(model, scores[0] - scores[1] + 2 * scores[2])
        scores = plain(model, group)
        padded_pass = gradients(model, scores[0] - scores[1] + 2 * scores[2])
        assert largest_relative_gap(tree, padded_pass) < 1e-3
    finally:
        model.unload()


def test_without_gradients_nothing_is_kept(tiny_llama):
    groups = random_groups(random.Random(3), 2)
    assert all(scores.requires_grad for scores in score(tiny_llama, groups))
    with torch.no_grad():
        assert not any(scores.requires_grad for scores in score(tiny_llama, groups))
    with torch.inference_mode():
        assert not any(scores.requires_grad for scores in score(tiny_llama, groups))


def test_bfloat16_stays_near_float32(tiny_llama):
    groups = random_groups(random.Random(11), 3)
    with torch.no_grad():
        exact = score(tiny_llama, groups)
        rounded = score(tiny_llama.bfloat16(), groups)
    for left, right in zip(exact, rounded, strict=True):
        assert right.dtype == torch.float32
        assert 0 < largest_gap(left, right) < 1


def test_what_is_no_causal_language_model_is_refused(make_tiny):
    body = make_tiny(transformers.LlamaConfig).base_model
    with pytest.raises(ModelError, match="LlamaModel is no causal language model: it has no LM head"):
        score(body, [Group([1], [[2]])])
    config = transformers.T5Config(vocab_size=16, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    with pytest.raises(ModelError, match="it has an encoder of its own"):
        score(transformers.T5ForConditionalGeneration(config), [Group([1], [[2]])])
