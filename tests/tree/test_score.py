"""`score` against the plain, padded computation: one prompt with many completions, packed, split, with gradients."""

import importlib
import random
import warnings

import peft
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.errors import ModelError
from seapo.tree import Group, score, score_tokens, short_row_attention
from seapo.tree import backbone as backbone_module

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
            logprobs = model(ids).logits.float().log_softmax(-1)[0]
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
def test_a_mask_that_lets_siblings_see_each_other_would_be_caught(embedded, baker, expected, monkeypatch):
    def causal_only(ends, dtype):
        return real(torch.full_like(ends, len(ends)), dtype)

    real = backbone_module.additive_mask
    monkeypatch.setattr(backbone_module, "additive_mask", causal_only)
    (scores,) = score(embedded[0], [baker])
    assert largest_gap(scores, expected) > 1


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


def test_many_places_go_through_the_head_in_chunks(tiny_llama, plain, monkeypatch):
    monkeypatch.setattr(importlib.import_module("seapo.tree.score"), "HEAD_CHUNK", 3)
    group = random_groups(random.Random(5), 1)[0]
    (scores,) = score(tiny_llama, [group])
    assert largest_gap(scores, plain(tiny_llama, group)) < TOLERANCE_NATS


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


def test_short_rows_attend_by_matrix_products_in_bfloat16(make_tiny):
    model = make_tiny(transformers.LlamaConfig).bfloat16()
    group = random_groups(random.Random(23), 1)[0]

    def attention():
        return model.config._attn_implementation

    with torch.no_grad(), short_row_attention(model, 40):
        assert attention() == "eager"
        (short,) = score(model, [group])
    with torch.no_grad(), short_row_attention(model, 4000):
        assert attention() == "sdpa"
        (long,) = score(model, [group])
    assert largest_gap(short, long) < 1
    with short_row_attention(make_tiny(transformers.LlamaConfig), 40):
        assert attention() == "sdpa"


FALLBACKS = {
    "Gemma 2": (transformers.Gemma2Config, "eager", "mixes layers of the types full_attention, sliding_attention"),
    "Mistral": (transformers.MistralConfig, "sdpa", "attends in a sliding window"),
}


@pytest.mark.parametrize("family", FALLBACKS)
def test_models_that_take_no_tree_mask_fall_back_and_say_so(make_tiny, plain, family):
    config, attention, reason = FALLBACKS[family]
    model = with_adapter(make_tiny(config, attention, sliding_window=4))
    groups = [*random_groups(random.Random(13), 2), Group([5], [])]
    with pytest.warns(UserWarning, match=rf"{reason}.*: sequences are computed one by one"):
        scores = score(model, groups, max_tokens_per_row=30)
    expected = [plain(model, group) for group in groups[:2]]
    assert largest_gap(torch.cat(scores), torch.cat(expected)) < TOLERANCE_NATS
    tree = gradients(model, torch.cat(scores).sum())
    assert largest_relative_gap(tree, gradients(model, torch.cat(expected).sum())) < 1e-3


def test_a_recurrent_model_falls_back(plain):
    torch.manual_seed(0)
    config = transformers.MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=2, state_size=4)
    model = transformers.MambaForCausalLM(config).eval()
    group = random_groups(random.Random(17), 1)[0]
    with torch.no_grad(), pytest.warns(UserWarning, match="carries a recurrent state from token to token"):
        (scores,) = score(model, [group])
    for completion, value in zip(group.completions, scores, strict=True):
        assert largest_gap(value, plain(model, Group(group.prompt, [completion]))[0]) < TOLERANCE_NATS


def test_a_mistral_without_a_window_takes_the_tree(make_tiny, plain):
    model = make_tiny(transformers.MistralConfig, sliding_window=None)
    group = random_groups(random.Random(19), 1)[0]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")
        (scores,) = score(model, [group])
        assert largest_gap(scores, plain(model, group)) < TOLERANCE_NATS


def test_what_is_no_causal_language_model_is_refused(make_tiny):
    body = make_tiny(transformers.LlamaConfig).base_model
    with pytest.raises(ModelError, match="LlamaModel is no causal language model: it has no LM head"):
        score(body, [Group([1], [[2]])])
    config = transformers.T5Config(vocab_size=16, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    with pytest.raises(ModelError, match="it has an encoder of its own"):
        score(transformers.T5ForConditionalGeneration(config), [Group([1], [[2]])])
