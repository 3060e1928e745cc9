"""TRL: JSON lines with conversations, and a script that trains on them."""

from collections.abc import Sequence
from pathlib import Path

from seapo.export.pairs import Row, single_answers
from seapo.export.settings import (
    DPO_LOSSES,
    SingleAnswers,
    differences,
    dpo_method,
    kto_method,
    model_name,
    plan_single_answers,
)
from seapo.export.tables import write_jsonl
from seapo.export.written import Job, Written, named_notes
from seapo.recipe import Recipe
from seapo.sibling_order import order_for_kto

DATA = "train.jsonl"
KTO_LOSSES = ("kto", "apo_zero_unpaired")
"""Our methods on single answers that TRL's KTOTrainer has, under the same names."""
SCRIPT = '''"""Train a model on {data} with TRL's {kind}Trainer: python {script} [MODEL]{notes}"""

import sys
from pathlib import Path

import torch
from datasets import load_dataset
{peft_import}from trl import {kind}Config, {kind}Trainer

HERE = Path(__file__).parent

trainer = {kind}Trainer(
    model=sys.argv[1] if len(sys.argv) > 1 else {model!r},
    args={kind}Config(
        output_dir=str(HERE / "trained"),
{options}
        bf16=torch.cuda.is_available(),
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=load_dataset("json", data_files=str(HERE / "{data}"), split="train"),
{peft})
trainer.train()
trainer.save_model()
'''
PEFT = """    peft_config=LoraConfig(
        r={r}, lora_alpha={alpha}, lora_dropout={dropout}, target_modules={targets!r}, task_type="CAUSAL_LM"
    ),
"""


def write_dpo(job: Job) -> Written:
    """Pairs for DPOTrainer."""
    write_jsonl(job.folder / DATA, job.rows)
    settings = job.recipe.train
    method = dpo_method(job.recipe)
    notes = differences(job.recipe, method, carried=("label_smoothing",))
    options = {
        "loss_type": DPO_LOSSES[method],
        "beta": settings.beta,
        "label_smoothing": settings.label_smoothing,
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        **_common(job.recipe),
    }
    _write_script(job, "DPO", "train_dpo.py", options, notes)
    use = "```bash\npip install trl peft\npython train_dpo.py\n```"
    return Written(len(job.rows), use=use, data_files=DATA, notes=named_notes("train_dpo.py", notes))


def write_kto(job: Job) -> Written:
    """Single answers for KTOTrainer, in an order that is safe for its estimate of the divergence."""
    rows, plan = ordered_answers(job)
    write_jsonl(job.folder / DATA, rows)
    method = kto_method(job.recipe, KTO_LOSSES)
    notes = differences(job.recipe, method)
    options = {
        "loss_type": method,
        "beta": job.recipe.train.beta,
        "desirable_weight": plan.desirable_weight,
        "undesirable_weight": plan.undesirable_weight,
        "per_device_train_batch_size": plan.micro_batch_size,
        "gradient_accumulation_steps": plan.accumulation_steps,
        **({"dataloader_drop_last": True} if plan.drops_last else {}),
        **_common(job.recipe),
    }
    _write_script(job, "KTO", "train_kto.py", options, notes)
    use = USE_KTO.format(size=plan.micro_batch_size)
    return Written(len(rows), use=use, data_files=DATA, notes=named_notes("train_kto.py", notes))


USE_KTO = """```bash
pip install trl peft
python train_kto.py
```

Keep the order of the rows, and `per_device_train_batch_size` at {size} or less: `KTOTrainer` estimates the divergence
by putting each prompt together with the answer of the row before it in the micro-batch, and in this order that is never
an answer to the same prompt."""


def ordered_answers(job: Job) -> tuple[list[Row], SingleAnswers]:
    """The job's rows as single answers, siblings apart, and how to train on them."""
    rows = single_answers(job.rows)
    plan = plan_single_answers(rows, job.recipe, job.micro_batch_size)
    return order_for_kto(rows, plan.micro_batch_size), plan


def _common(recipe: Recipe) -> dict[str, object]:
    settings = recipe.train
    return {
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler_type,
        "warmup_steps": settings.warmup_steps,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "num_train_epochs": settings.num_train_epochs,
        "max_length": settings.max_length,
        "seed": recipe.seed,
    }


def _write_script(job: Job, kind: str, name: str, options: dict[str, object], notes: Sequence[str]) -> None:
    settings = job.recipe.train
    is_lora = settings.tuning == "lora"
    targets = settings.lora_target_modules
    peft = PEFT.format(
        r=settings.lora_r,
        alpha=settings.lora_alpha,
        dropout=settings.lora_dropout,
        targets=targets if isinstance(targets, str) else list(targets),
    )
    text = SCRIPT.format(
        kind=kind,
        script=name,
        notes="\n".join(("\n", *notes, "")) if notes else "",
        data=DATA,
        model=model_name(job.recipe),
        options="\n".join(f"        {key}={value!r}," for key, value in options.items()),
        peft=peft if is_lora else "",
        peft_import="from peft import LoraConfig\n" if is_lora else "",
    )
    Path(job.folder / name).write_text(text, encoding="utf-8")
