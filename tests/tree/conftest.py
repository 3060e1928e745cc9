"""What the tree is compared with: the same numbers computed the plain way, one padded row per completion."""

import pytest
import torch
import transformers

VOCABULARY = 64


def padded_logprobs(model, group):
    """Log-probability of each completion of a group, shape (completions,), from one padded batch of whole sequences."""
    sequences = [torch.tensor([*group.prompt, *completion]) for completion in group.completions]
    ids = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(s) for s in sequences], batch_first=True)
    logprobs = model(input_ids=ids, attention_mask=mask).logits.double().log_softmax(-1)
    taken = logprobs[:, :-1].gather(-1, ids[:, 1:, None])[..., 0] * mask[:, 1:]
    return taken[:, len(group.prompt) - 1 :].sum(-1)


@pytest.fixture
def plain():
    return padded_logprobs


def tiny(kind, attention="sdpa", **options):
    """A random-weight model of two layers, in eval mode, its logits wide enough to tell tokens apart."""
    torch.manual_seed(0)
    config = kind(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=256, initializer_range=0.3, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, **options,
    )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()


@pytest.fixture(params=["sdpa", "eager"])
def tiny_llama(request):
    return tiny(transformers.LlamaConfig, request.param)


@pytest.fixture
def make_tiny():
    return tiny
