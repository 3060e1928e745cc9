"""A model that costs little to ask: the embedded one behind a scorer, and items of our own."""

import pytest

from seapo.model import ChatScorer
from seapo.records import ChoiceItem, Message

FRUIT = ("Apples grow on trees.", "Apples grow under water.", "Apples grow in caves.")


@pytest.fixture(scope="session")
def scorer(embedded):
    """The embedded model as the stage gets it."""
    return ChatScorer(*embedded, "SmolLM2-135M-Instruct", "embedded-float32")


@pytest.fixture
def chat_item():
    """An item that goes through the chat template."""
    return ChoiceItem(
        id="fruit-1",
        task="fruit_growth",
        dimension="knowledge",
        prompt=(Message(role="user", content="Where do apples grow?"),),
        choices=FRUIT,
        correct=(0,),
        suite="fruit",
    )


@pytest.fixture
def plain_items():
    """Four questions after the same two examples, the first one in two forms."""
    head = "Q: Is snow cold?\nA: Yes, snow is cold.\n\nQ: Is fire cold?\nA: No, fire is hot.\n\n"
    asked = {
        "salt": ("is a mineral", "is a bird"),
        "wool": ("is warm", "is a metal", "is blue"),
        "rain": ("falls",) * 2,
    }
    items = [
        ChoiceItem(
            id=f"plain-{name}#mc1",
            task="plain_mc1",
            dimension="truthfulness",
            context=f"{head}Q: What about {name}?\nA:",
            choices=tuple(f" It {choice}." for choice in choices),
            correct=(0,),
            suite="plain",
        )
        for name, choices in asked.items()
    ]
    twin = items[0].model_copy(update={"id": "plain-salt#mc2", "task": "plain_mc2", "metric": "mc2"})
    return [*items, twin]


@pytest.fixture(scope="session")
def tiny_model(embedded, tmp_path_factory):
    """Folder of a model that answers at once: random weights, with the embedded one's tokenizer and template."""
    import torch
    import transformers

    tokenizer, folder = embedded[1], tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
