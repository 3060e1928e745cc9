"""Answers written side by side: the same as one by one, by sampling too; bad models and prompts."""

import random

import peft
import pytest
import torch
import transformers

from seapo.errors import ModelError
from seapo.model.writing import Asked, Settings, generate, plan_heads, warpers

FAMILIES = {
    "Llama": (transformers.LlamaConfig, "sdpa", {}),
    "Llama, eager": (transformers.LlamaConfig, "eager", {}),
    "Mistral with a window": (transformers.MistralConfig, "sdpa", {"sliding_window": 5}),
    "Gemma 2": (transformers.Gemma2Config, "eager", {"sliding_window": 5, "query_pre_attn_scalar": 8}),
    "GPT-2": (transformers.GPT2Config, "sdpa", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}),
}


class Letters:
    """A tokenizer of 64 letters, for models of random weights; the token 2 ends a text."""

    eos_token_id = 2
    bos_token_id = None

    def decode(self, tokens, skip_special_tokens=False):
        tokens = [tokens] if isinstance(tokens, int) else tokens
        return "".join("" if skip_special_tokens and token == 2 else chr(48 + int(token)) for token in tokens)


def tiny(kind, attention="sdpa", **options):
    torch.manual_seed(0)
    config = kind(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=256, initializer_range=0.3, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, **options,
    )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()


def prompts(seed=0):
    """Two heads with some prompts each, the same prompt twice, and prompts of their own."""
    rng = random.Random(seed)

    def tokens(count):
        return tuple(rng.randrange(3, 9) for _ in range(count))

    heads = tokens(20), tokens(24)
    asked = [(*head, *tokens(rng.randint(1, 6))) for head in heads for _ in range(4)]
    return [*asked, asked[1], heads[0], tokens(3), tokens(2)]


def ask(model, asked, **options):
    return {place: answer.text for place, answer in generate(model, Letters(), asked, name="tiny", **options)}


@torch.no_grad()
def greedy(model, tokens, count):
    """The plain way: the whole sequence again for each token."""
    found = []
    for _ in range(count):
        token = int(model(torch.tensor([[*tokens, *found]])).logits[0, -1].argmax())
        found.append(token)
        if token == 2:
            break
    return Letters().decode(found, skip_special_tokens=True)


@pytest.mark.parametrize("batch_size", [3, 24])
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_those_of_one_prompt_alone(family, batch_size):
    kind, attention, options = FAMILIES[family]
    model = tiny(kind, attention, **options)
    limits = [3 + place % 5 * 8 for place in range(len(prompts()))]
    asked = [
        Asked(tokens, Settings((), limit), str(place), "")
        for place, (tokens, limit) in enumerate(zip(prompts(), limits, strict=True))
    ]
    found = ask(model, asked, batch_size=batch_size)
    assert [found[place] for place in range(len(asked))] == [
        greedy(model, each.tokens, each.settings.max_tokens) for each in asked
    ]
    assert model.config._attn_implementation == attention


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_with_an_adapter_answers_through_it(dtype):
    model = tiny(transformers.LlamaConfig)
    asked = [Asked(tokens, Settings((), 8), "", "") for tokens in prompts()]
    before = ask(model, asked)
    config = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    found = ask(adapted.to(dtype), asked)
    assert found != before
    if dtype == torch.float32:
        assert [found[place] for place in range(len(asked))] == [greedy(adapted, each.tokens, 8) for each in asked]


@pytest.mark.filterwarnings("ignore:.*computed whole and padded")
def test_a_model_without_a_tree_mask_answers_too():
    torch.manual_seed(0)
    config = transformers.BloomConfig(vocab_size=64, hidden_size=16, n_layer=2, n_head=2, initializer_range=0.3)
    model = transformers.BloomForCausalLM(config).eval()
    asked = [Asked(tokens, Settings((), 6), "", "") for tokens in prompts()[:3]]
    found = ask(model, asked)
    assert [found[place] for place in range(3)] == [greedy(model, each.tokens, 6) for each in asked]


def test_an_answer_ends_before_its_stop_sequence_and_may_be_empty():
    model = tiny(transformers.LlamaConfig)
    tokens = prompts()[0]
    whole = ask(model, [Asked(tokens, Settings((), 30), "", "")])[0]
    cut = ask(model, [Asked(tokens, Settings((whole[4:6],), 30), "", "")])[0]
    assert cut == whole[: whole.index(whole[4:6])]
    assert ask(model, [Asked(tokens, Settings((whole[0],), 30), "", "")]) == {0: ""}


def test_an_endless_answer_ends_at_its_limit():
    model = tiny(transformers.LlamaConfig)
    with torch.no_grad():
        model.lm_head.weight[2] = 0  # never the likeliest
    asked = [Asked(prompts()[0], Settings((), 150), "", "")]
    ((_, found),) = generate(model, Letters(), asked, name="tiny")
    assert (len(found.text), found.finish) == (150, "length")


def test_what_ends_an_answer_is_told_and_is_no_part_of_it():
    model = tiny(transformers.LlamaConfig)
    tokens = prompts()[0]
    whole = ask(model, [Asked(tokens, Settings((), 30), "", "")])[0]
    ((_, stopped),) = generate(model, Letters(), [Asked(tokens, Settings((whole[3],), 30), "", "")], name="tiny")
    assert stopped.finish == "stop"
    model.generation_config.eos_token_id = [2, ord(whole[0]) - 48]  # not a special token of the tokenizer
    ((_, ended),) = generate(model, Letters(), [Asked(tokens, Settings((), 30), "", "")], name="tiny")
    assert (ended.text, ended.finish) == ("", "stop")


def test_samples_follow_from_their_seed_alone():
    model = tiny(transformers.LlamaConfig)
    sampled = Settings((), 12, temperature=1.0, top_p=0.95)
    asked = [Asked(prompts()[0], sampled, f"seed {number}", "") for number in range(6)]
    together, alone = ask(model, asked), [ask(model, [each])[0] for each in asked]
    assert [together[place] for place in range(6)] == alone
    assert len(set(alone)) > 1


def test_tokens_are_drawn_as_often_as_they_are_probable():
    model = tiny(transformers.LlamaConfig)
    settings = Settings((), 1, temperature=0.8, top_k=5)
    tokens = prompts()[0]
    asked = [Asked(tokens, settings, str(number), "") for number in range(400)]
    found = ask(model, asked, batch_size=400)
    with torch.no_grad():
        shares = warpers(settings)(None, model(torch.tensor([tokens])).logits[:, -1]).softmax(-1)[0]
    counts = torch.zeros(64)
    for text in found.values():
        counts[ord(text) - 48 if text else 2] += 1
    assert (counts > 0).sum() <= 5
    spread = (shares * (1 - shares) / 400).sqrt()
    assert ((counts / 400 - shares).abs() <= 4 * spread + 1e-9).all()


@pytest.mark.filterwarnings("ignore:.*computed whole and padded")
@pytest.mark.parametrize("kind", ["Llama", "Bloom"])
def test_a_model_that_gives_no_numbers_is_an_error_that_names_the_item(kind):
    if kind == "Llama":
        model = tiny(transformers.LlamaConfig)
    else:
        model = transformers.BloomForCausalLM(transformers.BloomConfig(vocab_size=64, hidden_size=16, n_head=2)).eval()
    torch.nn.init.constant_(model.get_output_embeddings().weight, float("nan"))
    asked = [Asked(prompts()[0], Settings((), 5), "", "item 7 of the task 'sums'")]
    with pytest.raises(
        ModelError,
        match=r"tiny gives no finite numbers .* for the next token of item 7 of the task 'sums'",
    ):
        ask(model, asked)


def test_prompts_share_the_heads_that_save_most():
    asked = prompts()
    heads = plan_heads(asked)
    assert sorted(place for head in heads for place in head.places) == list(range(len(asked)))
    assert sorted(head.length for head in heads) == [0, 20, 24] or len(heads) >= 3
    (samples,) = plan_heads([asked[0]] * 20)
    assert samples.length == len(asked[0])
