"""Hand-written operators against the model's own: outputs, gradients, and when they stay away."""

import sys

import peft
import pytest
import torch
import transformers

from seapo.tree import fused

IDS = torch.tensor([[5, 3, 8, 8, 2, 9, 4]])


def adapted(model, **options):
    torch.manual_seed(1)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", **options)
    model = peft.get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    return model


def outputs(model):
    logits = model(input_ids=IDS).logits
    model.zero_grad()
    logits.float().square().mean().backward()
    return logits.detach(), {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def replaced(model):
    return {type(one).__name__ for one in model.modules() if "forward" in vars(one)}


@pytest.mark.parametrize("kind", [transformers.LlamaConfig, transformers.Qwen2Config, transformers.GemmaConfig])
def test_outputs_and_gradients_are_the_models_own(make_tiny, kind):
    model = adapted(make_tiny(kind))
    expected, gradients = outputs(model)
    with fused(model):
        assert "Linear" in replaced(model)
        found, ours = outputs(model)
    assert torch.allclose(found, expected, atol=1e-4)
    assert ours.keys() == gradients.keys() != set()
    for name, gradient in gradients.items():
        assert (ours[name] - gradient).norm() < 1e-4 * gradient.norm(), name


@pytest.mark.parametrize("without", [["gate_proj"], ["down_proj", "q_proj"], ["gate_proj", "up_proj", "down_proj"]])
def test_layers_without_an_adapter_are_computed_beside_those_with_one(make_tiny, without):
    model = adapted(make_tiny(transformers.LlamaConfig), exclude_modules=without)
    expected, gradients = outputs(model)
    with fused(model):
        assert "LlamaMLP" in replaced(model)
        found, ours = outputs(model)
    assert torch.allclose(found, expected, atol=1e-4)
    assert ours.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert (ours[name] - gradient).norm() < 1e-4 * gradient.norm(), name


def kept_numbers(model):
    """How many activations the layers keep for the backward pass."""
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states = model.get_base_model().model(input_ids=IDS, use_cache=False).last_hidden_state
    assert states.requires_grad
    return sum(one.untyped_storage().nbytes() // one.itemsize for place, one in kept.items() if place not in weights)


def test_what_is_kept_for_the_backward_pass(make_tiny):
    model = adapted(make_tiny(transformers.LlamaConfig))
    config = model.config
    layers, tokens, size, inner = config.num_hidden_layers, IDS.numel(), config.hidden_size, config.intermediate_size
    own = kept_numbers(model)
    with fused(model):
        found = kept_numbers(model)
    # Two residuals, q, k, v and the heads' outputs; gate and up; the adapters' low ranks and a few numbers a token.
    # What a norm gave would be two widths more.
    assert found < layers * tokens * (6.5 * size + 2 * inner + 7 * 4 + 3 * tokens) < own


def test_full_weights_get_their_gradients(make_tiny):
    model = make_tiny(transformers.LlamaConfig)
    expected, gradients = outputs(model)
    with fused(model):
        found, ours = outputs(model)
    assert torch.allclose(found, expected, atol=1e-4)
    for name, gradient in gradients.items():
        assert (ours[name] - gradient).norm() < 1e-4 * gradient.norm(), name


def test_everything_is_as_before_afterwards(make_tiny):
    model = adapted(make_tiny(transformers.LlamaConfig))
    with fused(model), fused(model):
        assert replaced(model) == {"Linear", "LlamaRMSNorm", "LlamaMLP"}
        assert model.config._attn_implementation == "seapo_tree"
    with pytest.raises(RuntimeError, match="stop"), fused(model):
        raise RuntimeError("stop")
    assert replaced(model) == set()
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("kind", "is_ours"),
    [(transformers.LlamaConfig, True), (transformers.Olmo2Config, True), (transformers.CohereConfig, False)],
)
def test_rotations_by_halves_are_replaced_and_others_are_not(make_tiny, kind, is_ours):
    model = adapted(make_tiny(kind))
    source = sys.modules[type(model.get_base_model()).__module__]
    own, (expected, _) = source.apply_rotary_pos_emb, outputs(model)
    with fused(model):
        assert (source.apply_rotary_pos_emb is not own) == is_ours
        found, _ = outputs(model)
    assert source.apply_rotary_pos_emb is own
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_rotation_of_a_part_of_each_head_is_the_models_own(make_tiny):
    model = make_tiny(transformers.GPTNeoXConfig, rope_parameters={"rope_theta": 1e4, "partial_rotary_factor": 0.5})
    source = sys.modules[type(model).__module__]
    q, k = torch.randn(1, 4, 3, 8), torch.randn(1, 4, 3, 8)
    angles = torch.linspace(0, 2, 12).view(1, 3, 4)
    expected = source.apply_rotary_pos_emb(q, k, angles.cos(), angles.sin())
    with fused(model):
        found = source.apply_rotary_pos_emb(q, k, angles.cos(), angles.sin())
    torch.testing.assert_close(found, expected)


def test_a_norm_that_counts_its_weight_from_one_is_left_alone(make_tiny):
    model = make_tiny(transformers.GemmaConfig)
    with fused(model):
        assert replaced(model) == set()


@pytest.mark.parametrize("options", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}], ids=str)
def test_variants_of_lora_that_it_does_not_know_are_left_alone(make_tiny, options):
    model = adapted(make_tiny(transformers.LlamaConfig), **options)
    with fused(model):
        assert replaced(model) == {"LlamaRMSNorm"}


def test_with_the_adapter_off_the_model_is_the_base(make_tiny):
    base = make_tiny(transformers.LlamaConfig)
    expected = base(input_ids=IDS).logits
    model = adapted(base)
    with fused(model), model.disable_adapter():
        assert torch.allclose(model(input_ids=IDS).logits, expected, atol=1e-4)
    with fused(model):
        assert not torch.allclose(model(input_ids=IDS).logits, expected, atol=1e-2)


def test_bfloat16_gradients_stay_near_the_models_own(make_tiny):
    model = adapted(make_tiny(transformers.LlamaConfig).bfloat16())
    _, gradients = outputs(model)
    with fused(model):
        _, ours = outputs(model)
    for name, gradient in gradients.items():
        assert ours[name].dtype == gradient.dtype
        assert (ours[name] - gradient).norm() < 0.05 * gradient.norm(), name


@torch.no_grad()
def test_bfloat16_stays_near_the_models_own(make_tiny):
    model = adapted(make_tiny(transformers.LlamaConfig).bfloat16())
    expected = model(input_ids=IDS).logits
    with fused(model):
        found = model(input_ids=IDS).logits
    assert found.dtype == expected.dtype
    assert (found.float() - expected.float()).abs().max() < 0.05 * expected.float().abs().max()
