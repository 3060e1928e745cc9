"""LLaMA-Factory, axolotl and OpenRLHF: data as their loaders read it, and the entry or command that trains on it.

Checked against LLaMA-Factory 0.9.5, axolotl 0.19.0 and OpenRLHF 0.11.2 (docs/export.md tells how).
"""

import json
import shlex
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import yaml

from seapo.errors import DataError
from seapo.export.pairs import EXTRAS, Row
from seapo.export.settings import DPO_LOSSES, SingleAnswers, differences, dpo_method, kto_method, model_name
from seapo.export.tables import write_jsonl
from seapo.export.trl import ordered_answers
from seapo.export.written import Job, Written, named_notes
from seapo.recipe import Recipe

ASKING, ANSWERING = ("user", "tool"), ("assistant",)
TEMPLATE_TEXTS = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n[[dummy_message]]<|im_end|>\n<|im_start|>assistant\n",
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
    "Today Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n[[dummy_message]]<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "<s>[INST] [[dummy_message]] [/INST]",
)
"""What common chat templates write before an answer. axolotl looks an answer up in the rendered text, and would take a
short one (`2023`, `AI`) from here."""


def write_llamafactory(job: Job) -> Written:
    """Both kinds of data, `dataset_info.json` with their entries, and a training YAML for each."""
    job, aside = _keep(job, _llamafactory_problem)
    answers, plan = ordered_answers(job)
    write_jsonl(job.folder / "seapo_dpo.jsonl", (_ranking(row) for row in job.rows))
    write_jsonl(job.folder / "seapo_kto.jsonl", (_labelled(row) for row in answers))
    entries = {
        "seapo_dpo": {
            "file_name": "seapo_dpo.jsonl",
            "formatting": "sharegpt",
            "ranking": True,
            "columns": {"messages": "messages", "chosen": "chosen", "rejected": "rejected"},
            "tags": SHAREGPT_TAGS,
        },
        "seapo_kto": {
            "file_name": "seapo_kto.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "kto_tag": "label"},
            "tags": SHAREGPT_TAGS,
        },
    }
    text = json.dumps(entries, indent=2) + "\n"
    (job.folder / "dataset_info.json").write_text(text, encoding="utf-8")
    pairs, single = _differences(job.recipe, LLAMAFACTORY_DPO)
    _write_yaml(job, "train_dpo.yaml", _llamafactory_dpo(job.recipe), TEMPLATE_NOTE, *pairs)
    _write_yaml(job, "train_kto.yaml", _llamafactory_kto(job.recipe, plan), TEMPLATE_NOTE, ORDER_NOTE, *single)
    notes = named_notes("train_dpo.yaml", pairs) + named_notes("train_kto.yaml", single)
    return Written(len(job.rows), use=USE_LLAMAFACTORY, set_aside=aside, kept=job.rows, notes=notes)


LLAMAFACTORY_DPO = ("dpo", "hinge", "ipo")
SHAREGPT_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "system_tag": "system",
}
TEMPLATE_NOTE = (
    "The chat template is the tokenizer's; name one of LLaMA-Factory's with `template:` if you want another."
)
ORDER_NOTE = (
    "preprocessing_batch_size keeps the estimate of the divergence within rows that have different prompts; leave it."
)
USE_LLAMAFACTORY = """```bash
llamafactory-cli train train_dpo.yaml    # in this folder; or train_kto.yaml
```

To use the data with a configuration of your own, copy the entries of `dataset_info.json` into your own."""


def _llamafactory_dpo(recipe: Recipe) -> dict[str, Any]:
    settings = recipe.train
    return {
        **_llamafactory_common(recipe, "dpo"),
        "pref_beta": settings.beta,
        "pref_loss": DPO_LOSSES[dpo_method(recipe, LLAMAFACTORY_DPO)],
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
    }


def _llamafactory_kto(recipe: Recipe, plan: SingleAnswers) -> dict[str, Any]:
    return {
        **_llamafactory_common(recipe, "kto"),
        "pref_beta": recipe.train.beta,
        "kto_chosen_weight": plan.desirable_weight,
        "kto_rejected_weight": plan.undesirable_weight,
        "preprocessing_batch_size": plan.micro_batch_size,
        "per_device_train_batch_size": plan.micro_batch_size,
        "gradient_accumulation_steps": plan.accumulation_steps,
    }


def _llamafactory_common(recipe: Recipe, stage: str) -> dict[str, Any]:
    settings = recipe.train
    lora: dict[str, Any] = {
        "lora_rank": settings.lora_r,
        "lora_alpha": settings.lora_alpha,
        "lora_dropout": settings.lora_dropout,
    }
    targets = settings.lora_target_modules
    lora["lora_target"] = "all" if targets == "all-linear" else _joined(targets)
    return {
        "model_name_or_path": model_name(recipe),
        "stage": stage,
        "do_train": True,
        "finetuning_type": settings.tuning,
        **(lora if settings.tuning == "lora" else {}),
        "dataset_dir": ".",
        "dataset": f"seapo_{stage}",
        "cutoff_len": settings.max_length,
        "output_dir": "trained",
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler_type,
        "num_train_epochs": settings.num_train_epochs,
        "logging_steps": 1,
        "report_to": "none",
        "seed": recipe.seed,
    }


def _joined(names: str | tuple[str, ...]) -> str:
    return names if isinstance(names, str) else ",".join(names)


def _ranking(row: Row) -> Row:
    return {"messages": row["prompt"], "chosen": row["chosen"][0], "rejected": row["rejected"][0], **_extras(row)}


def _labelled(row: Row) -> Row:
    return {"messages": [*row["prompt"], *row["completion"]], "label": row["label"], **_extras(row)}


def _extras(row: Row) -> Row:
    return {name: row[name] for name in EXTRAS}


def _llamafactory_problem(row: Row) -> str | None:
    """Its loader wants an optional system message, then user (or tool) and assistant in turns, the user first."""
    roles = [message["role"] for message in row["prompt"]]
    turns = roles[1:] if roles[0] == "system" else roles
    expected = (ASKING, ANSWERING)
    if all(role in expected[place % 2] for place, role in enumerate(turns)) and len(turns) % 2 == 1:
        return None
    return "the prompt's messages are not user and assistant in turns"


def write_axolotl(job: Job) -> Written:
    """Both kinds of data and a configuration for each."""
    job, aside = _keep(job, _axolotl_problem)
    answers, plan = ordered_answers(job)
    write_jsonl(job.folder / "dpo.jsonl", (_ranking(row) for row in job.rows))
    conversations = ({"completion": [*row["prompt"], *row["completion"]], "label": row["label"]} for row in answers)
    write_jsonl(job.folder / "kto.jsonl", conversations)
    pairs, single = _differences(job.recipe, AXOLOTL_DPO)
    _write_yaml(job, "dpo.yaml", _axolotl_dpo(job.recipe), *pairs)
    _write_yaml(job, "kto.yaml", _axolotl_kto(job.recipe, plan), CHATML_NOTE, SHUFFLE_NOTE, *single)
    notes = named_notes("dpo.yaml", pairs) + named_notes("kto.yaml", single)
    return Written(len(job.rows), use=USE_AXOLOTL, set_aside=aside, kept=job.rows, notes=notes)


AXOLOTL_DPO = ("dpo", "ipo")
CHATML_NOTE = "chatml.argilla_chat is for models with ChatML turns (Qwen, SmolLM2); llama3.argilla_chat for Llama 3."
SHUFFLE_NOTE = "The order of the rows keeps answers to one prompt out of a micro-batch: leave shuffle_merged_datasets."
USE_AXOLOTL = """```bash
axolotl train dpo.yaml    # in this folder; or kto.yaml
```"""


def _axolotl_dpo(recipe: Recipe) -> dict[str, Any]:
    data = {
        "path": "dpo.jsonl",
        "ds_type": "json",
        "split": "train",
        "type": "chat_template.default",
        "field_messages": "messages",
        "field_chosen": "chosen",
        "field_rejected": "rejected",
    }
    return {
        **_axolotl_common(recipe, data),
        "rl": dpo_method(recipe, AXOLOTL_DPO),
        "rl_beta": recipe.train.beta,
        "chat_template": "tokenizer_default",
        "micro_batch_size": recipe.train.per_device_train_batch_size,
        "gradient_accumulation_steps": recipe.train.gradient_accumulation_steps,
    }


def _axolotl_kto(recipe: Recipe, plan: SingleAnswers) -> dict[str, Any]:
    data = {"path": "kto.jsonl", "ds_type": "json", "split": "train", "type": "chatml.argilla_chat"}
    return {
        **_axolotl_common(recipe, data),
        "rl": "kto",
        "rl_beta": recipe.train.beta,
        "kto_desirable_weight": plan.desirable_weight,
        "kto_undesirable_weight": plan.undesirable_weight,
        "remove_unused_columns": False,
        "shuffle_merged_datasets": False,
        "micro_batch_size": plan.micro_batch_size,
        "gradient_accumulation_steps": plan.accumulation_steps,
    }


def _axolotl_common(recipe: Recipe, data: dict[str, Any]) -> dict[str, Any]:
    settings = recipe.train
    targets = settings.lora_target_modules
    linear = {"lora_target_linear": True} if targets == "all-linear" else {"lora_target_modules": _listed(targets)}
    lora = {
        "adapter": "lora",
        "lora_r": settings.lora_r,
        "lora_alpha": settings.lora_alpha,
        "lora_dropout": settings.lora_dropout,
        **linear,
    }
    return {
        "base_model": model_name(recipe),
        "datasets": [data],
        "dataset_prepared_path": "prepared",
        "output_dir": "trained",
        **(lora if settings.tuning == "lora" else {}),
        "sequence_len": settings.max_length,
        "num_epochs": settings.num_train_epochs,
        "learning_rate": settings.learning_rate,
        "lr_scheduler": settings.lr_scheduler_type,
        "optimizer": "adamw_torch",
        "bf16": "auto",
        "logging_steps": 1,
        "seed": recipe.seed,
    }


def _listed(names: str | tuple[str, ...]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _axolotl_problem(row: Row) -> str | None:
    answers = [row[name][0]["content"] for name in ("chosen", "rejected")]
    if any(answer != answer.strip() for answer in answers):
        return "an answer begins or ends with white space, which chat templates cut off"
    if any(answer in text for answer in answers for text in TEMPLATE_TEXTS):
        return "an answer is so short that it stands in chat templates, too, where axolotl would find it"
    return None


def write_openrlhf(job: Job) -> Written:
    """Pairs, and the command that trains on them."""
    write_jsonl(job.folder / "train.jsonl", job.rows)
    settings = job.recipe.train
    options = {
        "--model.model_name_or_path": model_name(job.recipe),
        "--data.dataset": "train.jsonl",
        "--data.prompt_key": "prompt",
        "--data.chosen_key": "chosen",
        "--data.rejected_key": "rejected",
        "--data.max_len": settings.max_length,
        "--model.beta": settings.beta,
        "--adam.lr": settings.learning_rate,
        "--train.max_epochs": max(round(settings.num_train_epochs), 1),
        "--train.micro_batch_size": settings.per_device_train_batch_size,
        "--train.batch_size": settings.samples_per_step,
        "--train.seed": job.recipe.seed,
        "--ckpt.output_dir": "trained",
    }
    if settings.tuning == "lora":
        options |= {"--ds.lora.rank": settings.lora_r, "--ds.lora.alpha": settings.lora_alpha}
        options |= {"--ds.lora.dropout": settings.lora_dropout}
    lines = ["--data.apply_chat_template", *(f"{key} {shlex.quote(str(value))}" for key, value in options.items())]
    command = "deepspeed --module openrlhf.cli.train_dpo \\\n  " + " \\\n  ".join(lines)
    notes = differences(job.recipe, dpo_method(job.recipe, ("dpo",)))
    comments = "".join(f"# {note}\n" for note in notes)
    (job.folder / "train_dpo.sh").write_text(f"#!/bin/sh\n{comments}set -eu\n{command}\n", encoding="utf-8")
    use = "```bash\nsh train_dpo.sh    # in this folder\n```\n\nOpenRLHF 0.11.2 trains with DPO, not with KTO."
    return Written(len(job.rows), use=use, data_files="train.jsonl", notes=named_notes("train_dpo.sh", notes))


def _differences(recipe: Recipe, known: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How training on pairs, and on single answers, differs from the recipe's in a tool with these objectives."""
    return differences(recipe, dpo_method(recipe, known)), differences(recipe, kto_method(recipe))


def _keep(job: Job, problem_of: Callable[[Row], str | None]) -> tuple[Job, dict[str, int]]:
    """The job without the rows that the tool cannot take, and why these were left out."""
    problems = [problem_of(row) for row in job.rows]
    kept = tuple(row for row, problem in zip(job.rows, problems, strict=True) if problem is None)
    aside = dict(Counter(problem for problem in problems if problem is not None))
    if not kept:
        raise DataError(f"the tool can take none of the {len(job.rows)} pairs: {'; '.join(aside)}; choose --to trl-dpo")
    return replace(job, rows=kept), aside


def _write_yaml(job: Job, name: str, values: dict[str, Any], *notes: str) -> None:
    head = "".join(f"# {note}\n" for note in notes)
    text = head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    (job.folder / name).write_text(text, encoding="utf-8")
