"""What a recipe costs on paper: operations, GPU hours, memory and tokens, from formulas over shapes and means.

    python scripts/cost.py                                  # the table of docs/cost.md: every paper recipe
    python scripts/cost.py --recipe recipes/dpo.yaml --gpu a100
    python scripts/cost.py --recipe recipes/paper-7b.yaml --samples 20000 --json

The formulas stand in the docstrings, and docs/cost.md explains them. `scripts/cost_check.py` counts the operations of
real training steps of the embedded model and compares them with these formulas; it also measures `Tokens` on a run's
own pairs. Nothing here loads a model.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from seapo.recipe import Recipe, TrainSection, load_recipe

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
PAPER = ("paper-1.5b", "paper-3b", "paper-7b", "paper-14b", "paper-32b")
NEEDS_KL = ("kto",)
WITHOUT_REFERENCE = ("simpo", "orpo", "sft")


@dataclass(frozen=True)
class Shape:
    """A decoder of the Llama or Qwen2 kind."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    is_tied: bool
    """Whether the LM head is the embedding."""
    has_bias: bool
    """Whether q, k and v have a bias, as in Qwen2."""

    @property
    def sides(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of the linear layers of one decoder layer: q, k, v, o, gate, up, down."""
        heads, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        h, i = self.hidden, self.intermediate
        return ((h, heads), (h, keys), (h, keys), (heads, h), (h, i), (h, i), (i, h))

    @property
    def layer_weights(self) -> int:
        """N: weights of all linear layers, which each token is multiplied with."""
        return self.layers * sum(a * b for a, b in self.sides)

    @property
    def weights(self) -> int:
        """All weights: N, embedding, LM head where it is not tied, norms, biases."""
        h = self.hidden
        biases = sum(b for _, b in self.sides[:3]) if self.has_bias else 0
        embeddings = self.vocabulary * h * (1 if self.is_tied else 2)
        return self.layer_weights + embeddings + self.layers * (2 * h + biases) + h

    def lora_weights(self, r: int) -> int:
        """a: weights of an adapter of rank r on all linear layers, r (in + out) each."""
        return self.layers * sum(r * (a + b) for a, b in self.sides)

    @property
    def kept_per_token(self) -> int:
        """Numbers that one layer with LoRA keeps of a token for its backward pass.

        Two residuals, q, k, v, the heads' outputs, gate and up (docs/design.md); what a norm or SiLU gave is computed
        again.
        """
        heads, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return 2 * self.hidden + heads + 2 * keys + heads + 2 * self.intermediate


def qwen(hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, *, is_tied: bool) -> Shape:
    """A Qwen2.5 model, whose heads have 128 dimensions; the vocabulary is padded further in the larger ones."""
    vocabulary = 151_936 if is_tied else 152_064
    return Shape(hidden, layers, heads, kv_heads, 128, intermediate, vocabulary, is_tied, True)


# From the models' config.json; tests/test_cost.py compares the sums with the published numbers of parameters.
SHAPES = {
    "embedded": Shape(576, 30, 9, 3, 64, 1536, 49_152, True, False),
    "Qwen/Qwen2.5-1.5B-Instruct": qwen(1536, 28, 12, 2, 8960, is_tied=True),
    "Qwen/Qwen2.5-3B-Instruct": qwen(2048, 36, 16, 2, 11_008, is_tied=True),
    "Qwen/Qwen2.5-7B-Instruct": qwen(3584, 28, 28, 4, 18_944, is_tied=False),
    "Qwen/Qwen2.5-14B-Instruct": qwen(5120, 48, 40, 8, 13_824, is_tied=False),
    "Qwen/Qwen2.5-32B-Instruct": qwen(5120, 64, 40, 8, 27_648, is_tied=False),
}


@dataclass(frozen=True)
class Tokens:
    """Means over the samples of a training set, each with one negative."""

    tree: float
    """Tokens of a sample's tree: what prompt, answer and negative share is there once."""
    whole: float
    """Tokens of the same sequences one by one, without padding."""
    parents: float
    """Tokens after which one is scored; they go through the LM head."""
    attended: float
    """Tokens that those of the tree attend to: the sum of depth + 1 over its nodes."""
    kl: float
    """Tokens of the prompt with an answer of another one, for KTO's KL term."""
    kl_parents: float
    kl_attended: float
    prompt: float
    chosen: float


# `python scripts/cost_check.py --pairs runs/uf/mix/pairs.jsonl --json`, 2026-11-22: 817 pairs of 994 samples of
# UltraFeedback binarized, negatives by rules, one a sample, tokenizer of SmolLM2-135M (49,152 words; Qwen's has three
# times as many and makes somewhat fewer tokens of the same text).
ULTRAFEEDBACK = Tokens(
    tree=659.2,
    whole=1004.3,
    parents=471.3,
    attended=253_693.2,
    kl=501.5,
    kl_parents=314.7,
    kl_attended=184_997.2,
    prompt=186.9,
    chosen=315.1,
)
PUBLISHED_SAMPLES = 61_135
"""Rows of `train_prefs`."""
KEPT = 817 / 994
"""Share of the samples that got a negative of the drawn mix; by rules alone, so a model's edits can only raise it."""


@dataclass(frozen=True)
class Gpu:
    """What a data sheet says of a GPU."""

    name: str
    tflops: float
    """Dense bfloat16 matrix products, 10^12 operations a second."""
    bandwidth_tb_s: float
    memory_gb: float


GPUS = {"h100": Gpu("H100 SXM", 989, 3.35, 80), "a100": Gpu("A100 80GB", 312, 2.04, 80)}


@dataclass(frozen=True)
class Assumed:
    """What was not measured, since no GPU has run these recipes; each is an option of the command line."""

    utilisation: float = 0.4
    """Share of the data sheet's matrix rate that training and reading reach."""
    bandwidth_share: float = 0.6
    """Share of the data sheet's bandwidth at which weights are read while answers are written."""
    requests_per_type: float = 1.3
    """Requests to the injector for one sample and type: one, and for some of them another after a failed check."""
    instruction_tokens: int = 450
    """Tokens of a request besides question and answer."""
    reply_tokens: int = 120
    """Tokens of a reply of short edits."""
    answer_tokens: int = 200
    """Tokens of a worked answer to a benchmark's question."""
    answers: int = 1_319 + 5_000 + 500 + 6_511 + 164 + 500 + 20 * 164
    """GSM8K, MATH, MATH-500, BBH, HumanEval, MBPP, and 20 samples of each HumanEval item."""
    read_tokens: float = 6.0e6
    """Tokens of prompts and choices of all five dimensions, heads of examples counted once."""
    answers_at_a_time: int = 16
    runtime_gb: float = 2.0
    """CUDA's context, libraries, and what the allocator holds without using it."""


@dataclass(frozen=True)
class Cost:
    """A recipe's cost."""

    recipe: str
    model: str
    samples: int
    training_tokens: float
    """Through the model, reference and KL passes included."""
    training_flop: float
    train_hours: float
    train_gb: float
    weights_gb: float
    inject_tokens: float
    """Read and written by the injector."""
    inject_hours: float
    evaluate_hours: float
    """Before and after."""
    shared: float
    """Tokens of whole sequences for one of the tree."""

    @property
    def hours(self) -> float:
        """Of one GPU, all stages."""
        return self.train_hours + self.inject_hours + self.evaluate_hours


def forward_flop(shape: Shape, tokens: float, attended: float) -> float:
    """2 N tokens for the linear layers, 4 L heads head_dim attended for scores and values."""
    return 2 * shape.layer_weights * tokens + attention_flop(shape, attended)


def attention_flop(shape: Shape, attended: float) -> float:
    """Queries times keys and probabilities times values, 2 operations each, in every layer."""
    return 4 * shape.layers * shape.heads * shape.head_dim * attended


def head_flop(shape: Shape, parents: float) -> float:
    """2 V h a parent."""
    return 2 * shape.vocabulary * shape.hidden * parents


def policy_flop(shape: Shape, means: Tokens, settings: TrainSection) -> float:
    """Forward and backward pass over a sample's tree.

    LoRA:  2 N forward, 2 N backward (gradients of what goes in; frozen weights have none), 6 a for the adapter.
    full:  2 N forward, 4 N backward.
    attention: as much as forward, and 2.5 times that backward, since the probabilities are computed again.
    head:  2 V h, and as much again for its gradient, which is found in the forward pass; full: and for its weights.
    gradient_checkpointing: the layers' forward pass once more.
    """
    is_lora = settings.tuning == "lora"
    adapter = shape.lora_weights(settings.lora_r) if is_lora else 0
    forward = forward_flop(shape, means.tree, means.attended) + 2 * adapter * means.tree
    backward = (2 if is_lora else 4) * shape.layer_weights * means.tree + 4 * adapter * means.tree
    backward += 2.5 * attention_flop(shape, means.attended)
    again = forward if settings.gradient_checkpointing else 0.0
    return forward + backward + again + (2 if is_lora else 3) * head_flop(shape, means.parents)


def kl_flop(shape: Shape, means: Tokens, settings: TrainSection, *, has_adapter: bool = True) -> float:
    """The forward pass of KTO's KL term; 0 for other methods."""
    if settings.method not in NEEDS_KL or settings.kl == "none":
        return 0.0
    adapter = shape.lora_weights(settings.lora_r) if has_adapter and settings.tuning == "lora" else 0
    layers = forward_flop(shape, means.kl, means.kl_attended) + 2 * adapter * means.kl
    return layers + head_flop(shape, means.kl_parents)


def reference_flop(shape: Shape, means: Tokens, settings: TrainSection) -> float:
    """The reference's pass over a sample, once for the whole training, KL term included."""
    if settings.method in WITHOUT_REFERENCE:
        return 0.0
    own = forward_flop(shape, means.tree, means.attended) + head_flop(shape, means.parents)
    return own + kl_flop(shape, means, settings, has_adapter=False)


def sample_tokens(means: Tokens, settings: TrainSection) -> tuple[float, float]:
    """Tokens of a sample through the model: in each epoch, and once for the reference."""
    kl = means.kl if settings.method in NEEDS_KL and settings.kl != "none" else 0.0
    each = means.tree + kl
    return each, 0.0 if settings.method in WITHOUT_REFERENCE else each


def adapter_bytes(shape: Shape, settings: TrainSection) -> float:
    """16 bytes a trained weight: float32 weight, gradient and Adam's two moments."""
    return 16 * (shape.lora_weights(settings.lora_r) if settings.tuning == "lora" else shape.weights)


def row_bytes(shape: Shape, tokens: int, settings: TrainSection, *, bytes_each: int) -> float:
    """What a row of so many tokens keeps for its backward pass, LM head and dense mask included.

    Each layer keeps `kept_per_token` numbers a token; with gradient checkpointing its input alone, and one layer at a
    time all of it. The head keeps one vector (h numbers) a parent in float32, at most as many as tokens.
    """
    layer = shape.kept_per_token * tokens * bytes_each
    if settings.gradient_checkpointing:
        layers = shape.layers * shape.hidden * tokens * bytes_each + layer
    else:
        layers = shape.layers * layer
    return layers + 4 * shape.hidden * tokens + bytes_each * tokens**2


def train_bytes(shape: Shape, settings: TrainSection, *, bytes_each: int = 2) -> float:
    """Weights in the model's number type, the adapter with its moments, and the longest row."""
    frozen = bytes_each * shape.weights if settings.tuning == "lora" else 0
    row = max(settings.max_tokens_per_row, settings.max_length)
    return frozen + adapter_bytes(shape, settings) + row_bytes(shape, row, settings, bytes_each=bytes_each)


def inject_cost(
    shape: Shape, means: Tokens, *, samples: int, types: int, at_a_time: int, gpu: Gpu, assumed: Assumed
) -> tuple[float, float]:
    """(tokens, seconds) of an injector that is asked for short edits.

    Reading: 2 N a token; question and answer stand first and are read once for all types. Writing: `at_a_time` replies
    side by side, for each token of theirs all weights are read from memory once.
    """
    requests = samples * types * assumed.requests_per_type
    read = samples * (means.prompt + means.chosen) + requests * assumed.instruction_tokens
    written = requests * assumed.reply_tokens
    reading_s = 2 * shape.layer_weights * read / (1e12 * gpu.tflops * assumed.utilisation)
    return read + written, reading_s + _writing_s(shape, written, at_a_time, gpu, assumed)


def evaluate_seconds(shape: Shape, gpu: Gpu, assumed: Assumed) -> float:
    """One model over all five dimensions: 2 N for each token that is read, and the writing of all answers."""
    reading_s = 2 * shape.layer_weights * assumed.read_tokens / (1e12 * gpu.tflops * assumed.utilisation)
    written = assumed.answers * assumed.answer_tokens
    return reading_s + _writing_s(shape, written, assumed.answers_at_a_time, gpu, assumed)


def _writing_s(shape: Shape, tokens: float, at_a_time: int, gpu: Gpu, assumed: Assumed) -> float:
    return tokens / at_a_time * 2 * shape.weights / (1e12 * gpu.bandwidth_tb_s * assumed.bandwidth_share)


def cost(
    name: str, recipe: Recipe, *, samples: int, gpu: Gpu, means: Tokens = ULTRAFEEDBACK, assumed: Assumed | None = None
) -> Cost:
    """The cost of a recipe on one GPU; raises SystemExit where a model's shape is not known."""
    assumed = assumed or Assumed()
    shape, settings = find_shape(recipe.model.name), recipe.train
    trained = round(samples * KEPT)
    each, once = sample_tokens(means, settings)
    flop_each = policy_flop(shape, means, settings) + kl_flop(shape, means, settings)
    flop = trained * (settings.num_train_epochs * flop_each + reference_flop(shape, means, settings))
    tokens, seconds = 0.0, 0.0
    if recipe.engine.model is not None and recipe.engine.kind == "vllm":
        injector = find_shape(recipe.engine.model)
        tokens, seconds = inject_cost(
            injector,
            means,
            samples=samples,
            types=len(recipe.inject.error_types),
            at_a_time=recipe.engine.concurrency,
            gpu=gpu,
            assumed=assumed,
        )
    return Cost(
        recipe=name,
        model=recipe.model.name,
        samples=trained,
        training_tokens=trained * (settings.num_train_epochs * each + once),
        training_flop=flop,
        train_hours=flop / (1e12 * gpu.tflops * assumed.utilisation) / 3600,
        train_gb=train_bytes(shape, settings) / 1e9 + assumed.runtime_gb,
        weights_gb=2 * shape.weights / 1e9,
        inject_tokens=tokens,
        inject_hours=seconds / 3600,
        evaluate_hours=2 * evaluate_seconds(shape, gpu, assumed) / 3600,
        shared=means.whole / means.tree,
    )


def find_shape(name: str) -> Shape:
    """The shape of a model that is known, or of a folder with a config.json."""
    if name in SHAPES:
        return SHAPES[name]
    config = Path(name) / "config.json"
    if not config.is_file():
        raise SystemExit(
            f"the shape of {name!r} is not known; give a folder with its config.json, or one of {[*SHAPES]}"
        )
    return read_shape(json.loads(config.read_text(encoding="utf-8")))


def read_shape(config: dict[str, Any]) -> Shape:
    """The shape that a config.json of transformers describes."""
    heads = config["num_attention_heads"]
    return Shape(
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_dim=config.get("head_dim") or config["hidden_size"] // heads,
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        is_tied=bool(config.get("tie_word_embeddings", False)),
        has_bias=config.get("model_type") == "qwen2",
    )


def table(costs: Sequence[Cost]) -> str:
    """The costs as the Markdown table of docs/cost.md."""
    head = (
        "| recipe | training | tokens, 10^6 | operations, 10^18 | memory to train | inject | evaluate, twice | all |",
        "|---|---|---|---|---|---|---|---|",
    )
    return "\n".join((*head, *map(_row, costs)))


def _row(one: Cost) -> str:
    cells = (
        f"`{one.recipe}`",
        f"{one.train_hours:.1f} h",
        f"{one.training_tokens / 1e6:.0f}",
        f"{one.training_flop / 1e18:.1f}",
        f"{one.train_gb:.0f} GB, {one.weights_gb:.0f} of them weights",
        f"{one.inject_hours:.1f} h, {one.inject_tokens / 1e6:.0f} x 10^6 tokens",
        f"{one.evaluate_hours:.1f} h",
        f"{one.hours:.0f} h",
    )
    return f"| {' | '.join(cells)} |"


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", nargs="+", type=Path, default=[RECIPES / f"{name}.yaml" for name in PAPER])
    parser.add_argument("--samples", type=int, default=PUBLISHED_SAMPLES, help="rows of the data")
    parser.add_argument("--gpu", choices=[*GPUS], default="h100")
    parser.add_argument("--tokens", type=Path, help="means of your own data: what `cost_check.py --pairs` printed")
    for each in fields(Assumed):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(each.default), default=each.default)
    parser.add_argument("--json", action="store_true", help="print one JSON document in the place of the table")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute, and print."""
    options = parse_options(arguments)
    assumed = replace(Assumed(), **{each.name: getattr(options, each.name) for each in fields(Assumed)})
    means = ULTRAFEEDBACK
    if options.tokens is not None:
        means = Tokens(**json.loads(options.tokens.read_text(encoding="utf-8"))["tokens"])
    costs = [
        cost(path.stem, load_recipe(path), samples=options.samples, gpu=GPUS[options.gpu], means=means, assumed=assumed)
        for path in options.recipe
    ]
    found = {"gpu": asdict(GPUS[options.gpu]), "assumed": asdict(assumed), "tokens": asdict(means)}
    print(json.dumps(found | {"costs": [asdict(one) for one in costs]}, indent=2) if options.json else table(costs))


if __name__ == "__main__":
    main()
