"""Small real components for the training tests: pairs, and a random-weight Llama with the embedded tokenizer."""

import os
import socket
import subprocess
import sys

import pytest
import torch
import transformers

from seapo.model.load import LoadedModel
from seapo.records import Message, PreferencePair

TYPES = ("correctness", "logic", "hallucination")


class KilledError(Exception):
    """Stands for a kill within the process."""


def dying_at(step):
    """Progress that raises when the bar moves past a step of the training."""

    def bar(description):
        def walk(items):
            for number, item in enumerate(items):
                if description == "train" and number == step:
                    raise KilledError
                yield item

        return walk

    return bar


def make_pair(name, question, chosen, rejected, error_type="correctness"):
    return PreferencePair(
        id=name,
        prompt=(Message(role="user", content=question),),
        chosen=(Message(role="assistant", content=chosen),),
        rejected=(Message(role="assistant", content=rejected),),
        source="test",
        error_type=error_type,
    )


def sum_pairs(count, negatives=1):
    """Pairs about sums: `count` samples with `negatives` wrong answers each, every one of another error type."""
    pairs = []
    for number in range(count):
        left, right = 3 + number, 11 + 2 * number
        answer = "First take {0}, then add {1}. That makes {2} in all."
        for error in range(negatives):
            pairs.append(
                make_pair(
                    f"sum-{number}",
                    f"What is {left} plus {right}?",
                    answer.format(left, right, left + right),
                    answer.format(left, right, left + right + 1 + error),
                    TYPES[(number + error) % 3],
                )
            )
    return pairs


def drawn_anew(pairs):
    """The same pairs, every other one for the first epoch and the rest for the second."""
    return [pair.model_copy(update={"mix_epochs": (1 + number % 2,)}) for number, pair in enumerate(pairs)]


@pytest.fixture(scope="session")
def anew():
    return drawn_anew


@pytest.fixture(scope="session")
def pair():
    return make_pair


@pytest.fixture(scope="session")
def sums():
    return sum_pairs


def tiny_builder(tokenizer):
    """Builds a LoadedModel: two layers of random weights, the embedded model's tokenizer and template."""

    def build(dtype=torch.float32):
        torch.manual_seed(0)
        config = transformers.LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=512, initializer_range=0.3,
            tie_word_embeddings=True,
        )  # fmt: skip
        model = transformers.LlamaForCausalLM(config).to(dtype).eval()
        return LoadedModel(model, tokenizer, "tiny", "0123456789abcdef")

    return build


@pytest.fixture(scope="session")
def tiny(embedded):
    return tiny_builder(embedded[1])


@pytest.fixture(scope="session")
def start_together():
    return start_processes


def start_processes(arguments, extra, count=2):
    """Start the same command in several processes that know of each other, as `accelerate launch` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {
        "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", **extra,
    }  # fmt: skip
    children = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(count)
    ]
    printed = [child.communicate(timeout=300)[0] for child in children]
    # The one that failed first is seldom the first one: the others lose their connection to it.
    assert not any(child.returncode for child in children), "\n\n".join(printed)
    return printed
