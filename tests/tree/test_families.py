"""Trees against the padded computation on small random-weight models of many families."""

import random
import warnings

import peft
import pytest
import torch
import transformers

from seapo.tree import Branch, Group, Trunk, fused, keeps_keys, lay_rows, score, score_rows, score_tokens
from seapo.tree.backbone import layer_windows, open_model

TOLERANCE_NATS = 1e-4
WINDOW = 5
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 24}
FAMILIES = {
    "Llama": (transformers.LlamaConfig, "sdpa", {}),
    "Qwen2": (transformers.Qwen2Config, "sdpa", {}),
    "Qwen2 with some windows": (
        transformers.Qwen2Config,
        "sdpa",
        {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": ["full_attention", "sliding_attention"]},
    ),
    "Qwen3": (transformers.Qwen3Config, "sdpa", {}),
    "Mistral with a window": (transformers.MistralConfig, "sdpa", {"sliding_window": WINDOW}),
    "Mistral without one": (transformers.MistralConfig, "sdpa", {"sliding_window": None}),
    "Gemma": (transformers.GemmaConfig, "sdpa", {}),
    "Gemma 2": (transformers.Gemma2Config, "eager", {"sliding_window": WINDOW, "query_pre_attn_scalar": 8}),
    "Gemma 3": (
        transformers.Gemma3TextConfig,
        "sdpa",
        {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "Phi-3": (transformers.Phi3Config, "sdpa", {"sliding_window": WINDOW}),
    "OLMo 2": (transformers.Olmo2Config, "sdpa", {}),
    "GPT-NeoX": (transformers.GPTNeoXConfig, "sdpa", {"rotary_pct": 0.5}),
    "SmolLM3": (transformers.SmolLM3Config, "sdpa", {"no_rope_layers": [1, 0]}),
    "Granite": (transformers.GraniteConfig, "sdpa", {"logits_scaling": 3.0, "embedding_multiplier": 2.0}),
    "Cohere": (transformers.CohereConfig, "sdpa", {"logit_scale": 0.3}),
    "Qwen3 mixture of experts": (transformers.Qwen3MoeConfig, "sdpa", {"num_experts": 4, **EXPERTS}),
    "GPT-2": (transformers.GPT2Config, "sdpa", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
}
DIFFERING_LAYERS = ("Qwen2 with some windows", "Gemma 2", "Gemma 3")


def groups_of(seed, count=2):
    rng = random.Random(seed)

    def tokens(least, most):
        return [rng.randrange(3, 9) for _ in range(rng.randint(least, most))]

    return [Group(tokens(3, 10), [tokens(1, 14) for _ in range(4)]) for _ in range(count)]


def build(make_tiny, family):
    kind, attention, options = FAMILIES[family]
    return make_tiny(kind, attention, **options)


def adapted(model):
    torch.manual_seed(1)
    targets = "all-linear" if not hasattr(model.config, "num_experts") else ["q_proj", "k_proj", "v_proj", "o_proj"]
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=targets, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    return model


def gradients(model, total):
    model.zero_grad()
    total.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_and_gradients_equal_those_of_the_padded_pass(make_tiny, plain, family):
    model = adapted(build(make_tiny, family))
    groups = groups_of(3)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*sequences are computed whole.*")
        assert len(lay_rows(model, groups, 4096)) == 1
        with fused(model):
            scores = score(model, groups)
            found = gradients(model, torch.cat(scores).square().sum())
    expected = [plain(model, group) for group in groups]
    for ours, theirs in zip(scores, expected, strict=True):
        assert (ours - theirs).abs().max() < TOLERANCE_NATS
    for name, gradient in gradients(model, torch.cat(expected).square().sum()).items():
        assert (found[name] - gradient).norm() <= 1e-3 * gradient.norm(), name


@pytest.mark.parametrize("family", ["Mistral with a window", "Phi-3", *DIFFERING_LAYERS])
def test_the_window_matters(make_tiny, plain, family):
    """Control: without the condition on depth, the numbers differ."""
    model = build(make_tiny, family)
    groups = groups_of(3)
    assert WINDOW in layer_windows(model.config).values()
    model.config.sliding_window = 1000
    with torch.no_grad():
        without = torch.cat(score(model, groups))
        model.config.sliding_window = WINDOW
        expected = torch.cat([plain(model, group) for group in groups])
    assert (without - expected).abs().max() > 1e-2


@pytest.mark.parametrize("family", DIFFERING_LAYERS)
def test_layers_that_differ_get_a_mask_each(make_tiny, family):
    model = build(make_tiny, family)
    (row,) = lay_rows(model, groups_of(5), 4096)
    mask = open_model(model)._mask(row)
    assert {name: int((one == 0).sum()) for name, one in mask.items()}.keys() == {"full_attention", "sliding_attention"}
    assert (mask["full_attention"] == 0).sum() > (mask["sliding_attention"] == 0).sum()


def recurrent(kind, **options):
    torch.manual_seed(0)
    config = kind(vocab_size=64, hidden_size=16, num_hidden_layers=2, initializer_range=0.3, **options)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def bloom():
    torch.manual_seed(0)
    return transformers.BloomForCausalLM(transformers.BloomConfig(vocab_size=64, hidden_size=16, n_layer=2, n_head=2))


FALLBACKS = {
    "Mamba": (
        lambda: recurrent(transformers.MambaConfig, state_size=4),
        "carries a recurrent state from token to token",
    ),
    "Bloom": (lambda: bloom().eval(), "does not document that it takes a ready attention mask"),
}


@pytest.mark.parametrize("family", FAMILIES | FALLBACKS)
def test_every_family_is_tree_or_padded_by_its_configuration(make_tiny, family):
    if family in FALLBACKS:
        with pytest.warns(UserWarning, match=f"{FALLBACKS[family][1]}: sequences are computed whole and padded"):
            assert not open_model(FALLBACKS[family][0]()).takes_tree_mask
    else:
        assert open_model(build(make_tiny, family)).takes_tree_mask


@pytest.mark.parametrize("family", FALLBACKS)
@pytest.mark.parametrize("budget", [4096, 30])
@pytest.mark.filterwarnings("ignore:.*computed whole and padded")
def test_the_fallback_gives_the_same_numbers(plain, family, budget):
    model = FALLBACKS[family][0]()
    groups = [*groups_of(7), Group([5], []), Group([4, 5], [[], [6]])]
    one_by_one = [
        torch.stack([plain(model, Group(group.prompt, [completion]))[0] for completion in group.completions])
        for group in groups
        if group.completions
    ]
    scores = [one for one in score(model, groups, max_tokens_per_row=budget) if len(one)]
    for ours, theirs in zip(scores, one_by_one, strict=True):
        assert (ours - theirs).abs().max() < TOLERANCE_NATS
    found = gradients(model, torch.cat(scores).square().sum())
    for name, gradient in gradients(model, torch.cat(one_by_one).square().sum()).items():
        assert (found[name] - gradient).norm() <= 1e-3 * gradient.norm() + 1e-6, name


@pytest.mark.filterwarnings("ignore:.*computed whole and padded")
def test_the_fallback_repeats_the_prompt_and_counts_it():
    model = FALLBACKS["Mamba"][0]()
    group = Group([1, 2, 3], [[4], [4, 5]])
    assert [len(row) for row in lay_rows(model, [group], 4096)] == [9]
    assert sorted(len(row) for row in lay_rows(model, [group], 6)) == [4, 5]


def test_the_reason_is_given_once_for_a_model(make_tiny):
    model = FALLBACKS["Bloom"][0]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = lay_rows(model, groups_of(1), 64)
        list(score_rows(model, rows))
    assert len([one for one in caught if "computed whole and padded" in str(one.message)]) == 1


def branches_of(seed, length):
    """Branches at several places of a trunk, some with the same beginning, one of them the trunk's own tokens."""
    rng = random.Random(seed)
    places = [rng.randint(1, length) for _ in range(4)]
    return [Branch(at, [rng.randrange(3, 6) for _ in range(rng.randint(1, 9))]) for at in places for _ in range(3)]


@pytest.mark.parametrize("budget", [1024, 20])
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_branches_of_a_trunk_are_scored_as_whole_sequences(make_tiny, family, budget):
    model = adapted(build(make_tiny, family))
    tokens = [random.Random(1).randrange(3, 9) for _ in range(21)]
    branches = [*branches_of(2, 21), Branch(4, tokens[4:9]), Branch(21, [])]
    assert keeps_keys(model)
    trunk = Trunk(model, tokens[:8])
    trunk.extend(tokens[8:])
    for branch, found in zip(branches, trunk.score(branches, max_tokens_per_row=budget), strict=True):
        ((expected,),) = score_tokens(model, [Group(tokens[: branch.at], [branch.tokens])])
        assert found.logprobs.shape == expected.logprobs.shape
        assert torch.allclose(found.logprobs, expected.logprobs, atol=TOLERANCE_NATS)
        assert torch.equal(found.is_argmax, expected.is_argmax)


@pytest.mark.parametrize("family", FALLBACKS)
@pytest.mark.filterwarnings("ignore:.*computed whole and padded")
@torch.no_grad()
def test_without_a_tree_mask_branches_are_computed_whole(family):
    model = FALLBACKS[family][0]()
    tokens = [random.Random(1).randrange(3, 9) for _ in range(12)]
    branches = branches_of(2, 12)
    assert not keeps_keys(model)
    for branch, found in zip(branches, Trunk(model, tokens).score(branches), strict=True):
        ((expected,),) = score_tokens(model, [Group(tokens[: branch.at], [branch.tokens])])
        assert torch.allclose(found.logprobs, expected.logprobs, atol=TOLERANCE_NATS)
