"""The adapter: LoRA weights put on a model and taken off again, and the folder that they are handed on in."""

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peft
import transformers

from seapo.errors import TrainError
from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.store import write_json, write_text
from seapo.train.examples import Example


@contextmanager
def lora(loaded: LoadedModel, settings: TrainSection, *, seed: int) -> Iterator[Any]:
    """The model with a fresh LoRA adapter, its first weights drawn from the seed; the model is as before afterwards.

    The adapter's weights are float32 whatever the model's, since steps of 5e-6 vanish in bfloat16.
    Raises TrainError where the target modules do not fit the model.
    """
    with warnings.catch_warnings():
        # PEFT and the Trainer still ask transformers for `is_gradient_checkpointing`; no user can do anything about it.
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing.* is deprecated", category=FutureWarning)
        yield from _with_adapter(loaded, settings, seed)


def _with_adapter(loaded: LoadedModel, settings: TrainSection, seed: int) -> Iterator[Any]:
    model = loaded.model
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    use_cache = model.config.use_cache
    transformers.set_seed(seed)
    adapted = _put_on(model, settings)
    adapted.peft_config["default"].base_model_name_or_path = loaded.base_name
    try:
        yield adapted
    finally:
        adapted.unload()
        model.config.use_cache = use_cache
        model.eval()
        for name, weight in model.named_parameters():
            weight.requires_grad_(name in trainable)


def _put_on(model: Any, settings: TrainSection) -> Any:
    modules = settings.lora_target_modules
    config = peft.LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        task_type="CAUSAL_LM",
    )
    try:
        return peft.get_peft_model(model, config)
    except ValueError as problem:
        raise TrainError(
            f"train.lora_target_modules {modules!r} do not fit {type(model).__name__}: {str(problem).splitlines()[0]}"
        ) from problem


def save_adapter(adapted: Any, loaded: LoadedModel, folder: Path, *, card: str) -> None:
    """Write adapter, tokenizer and model card into a folder, whole or not at all; no file holds a time."""
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    adapted.save_pretrained(str(beside), save_embedding_layers=False)
    _sort_modules(beside / "adapter_config.json")
    loaded.tokenizer.save_pretrained(str(beside))
    write_text(beside / "README.md", card)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _sort_modules(path: Path) -> None:
    """PEFT writes its sets in the order of their hashes, which differs from process to process."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for name in ("target_modules", "exclude_modules"):
        if isinstance(config.get(name), list):
            config[name] = sorted(config[name])
    write_json(path, dict(sorted(config.items())))


CARD = """---
base_model: {base}
library_name: peft
pipeline_tag: text-generation
tags: [lora, preference-optimization, {method}, seapo]
---

# A LoRA adapter of {base}, trained with {method_name} on answers with one error put in

**This is a research adapter.** It was trained on pairs of a good answer and the same answer with one error put in on
purpose. It was not tested for safety, nor for any use beyond the evaluation in the run's report. Without the report,
expect nothing of it.

The weights were trained on top of `{name}` (fingerprint `{fingerprint}`, {dtype}). Other copies of that model, such as
one in another number type or without quantisation, will give slightly other numbers.

## Data

{samples} samples, {pairs} pairs, by error type: {by_type}.{set_aside}

The rejected answers are false on purpose. Nobody should train on them as if they were good.

## Recipe

```yaml
seed: {seed}
{recipe}```

## Use

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), "adapter")
tokenizer = AutoTokenizer.from_pretrained("adapter")
```
"""
METHOD_NAMES = {"kto": "KTO (arXiv:2402.01306)", "dpo": "DPO (arXiv:2305.18290)"}


def model_card(
    loaded: LoadedModel,
    settings: TrainSection,
    examples: Sequence[Example],
    set_aside: Mapping[str, int],
    *,
    seed: int,
) -> str:
    """The adapter's README: base model, data, recipe, and what it must not be used for."""
    counts = Counter(name for example in examples for name in example.error_types)
    aside = "; ".join(f"{count} {reason}" for reason, count in sorted(set_aside.items()))
    return CARD.format(
        base=loaded.base_name,
        name=loaded.name,
        fingerprint=loaded.fingerprint,
        dtype=str(loaded.model.dtype).removeprefix("torch."),
        method=settings.method,
        method_name=METHOD_NAMES[settings.method],
        samples=len(examples),
        pairs=counts.total(),
        by_type=", ".join(f"{name} {count}" for name, count in sorted(counts.items())),
        set_aside=f" Pairs set aside: {aside}." if aside else "",
        seed=seed,
        recipe="".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.model_dump(mode="json").items()),
    )
