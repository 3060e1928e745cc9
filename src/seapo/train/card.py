"""The model card: what the weights are, from which base, data and recipe, and what they must not be used for."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from seapo.model.load import LoadedModel
from seapo.recipe import TrainSection
from seapo.train.examples import Example
from seapo.train.loss import SOURCES

CARD = """---
base_model: {base}
library_name: {library}
pipeline_tag: text-generation
tags: [{kind}, preference-optimization, {method}, seapo]
---

# {title}, trained with {method_name} on answers with one error put in

**This is a research {noun}.** It was trained on pairs of a good answer and the same answer with one error put in on
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
{use}```
"""
USE_ADAPTER = """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), "adapter")
tokenizer = AutoTokenizer.from_pretrained("adapter")
"""
USE_MODEL = """from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{folder}")
tokenizer = AutoTokenizer.from_pretrained("{folder}")
"""


def model_card(
    loaded: LoadedModel,
    settings: TrainSection,
    examples: Sequence[Example],
    set_aside: Mapping[str, int],
    *,
    seed: int,
) -> str:
    """The README of an adapter, or of a whole model where all weights were trained."""
    counts = Counter(answer.error_type or "not told" for example in examples for answer in example.rejected)
    aside = "; ".join(f"{count} {reason}" for reason, count in sorted(set_aside.items()))
    is_adapter = settings.tuning == "lora"
    return CARD.format(
        base=loaded.base_name,
        library="peft" if is_adapter else "transformers",
        kind="lora" if settings.tuning == "lora" else "full",
        title=f"A LoRA adapter of {loaded.base_name}" if is_adapter else loaded.base_name,
        noun="adapter" if is_adapter else "model",
        name=loaded.name,
        fingerprint=loaded.fingerprint,
        dtype=str(loaded.model.dtype).removeprefix("torch."),
        method=settings.method,
        method_name=SOURCES[settings.method],
        samples=len(examples),
        pairs=counts.total(),
        by_type=", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none",
        set_aside=f" Pairs set aside: {aside}." if aside else "",
        seed=seed,
        recipe="".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.model_dump(mode="json").items()),
        use=(USE_ADAPTER if is_adapter else USE_MODEL).format(base=loaded.base_name, folder="model"),
    )


def merged_card(adapter_card: str, base: str) -> str:
    """The README of a model with an adapter merged into it, from the adapter's."""
    text = adapter_card.replace("library_name: peft", "library_name: transformers", 1)
    text = text.replace(f"# A LoRA adapter of {base}", f"# {base} with a LoRA adapter merged in", 1)
    text = text.replace("This is a research adapter.", "This is a research model.", 1)
    return text.replace(USE_ADAPTER.format(base=base), USE_MODEL.format(folder="merged"), 1)
