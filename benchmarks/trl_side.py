"""TRL's side of the comparison: its DPOTrainer and KTOTrainer, in their default setting or a given one."""

import tempfile
import time
from collections.abc import Sequence
from typing import Any

import datasets
import peft
import torch
import trl
from preference_samples import Drawn
from timed_child import Job, Measured, StepClock, peak_mb

from seapo.model import load_embedded
from seapo.records import Message, PreferencePair

DEFAULT_ROWS = 8
"""TRL's default `per_device_train_batch_size`."""


class CountingCollator:
    """A trainer's collator that also counts the tokens it gives out, padding included."""

    def __init__(self, collator: Any) -> None:
        self.collator = collator
        self.counts: list[int] = []

    def __call__(self, rows: Any) -> Any:
        """The batch as the trainer wants it."""
        batch = self.collator(rows)
        # TRL's DPO collator stacks the chosen rows over the rejected ones.
        self.counts.append(batch["input_ids"].numel())
        return batch


def measure_trl(job: Job, drawn: Drawn) -> Measured:
    """Time TRL's steps over the samples; the first step has the warm-up's, each further one all timed ones."""
    torch.set_num_threads(job.threads)
    model, tokenizer = load_embedded(getattr(torch, job.dtype))
    rows = [*trl_rows(drawn.warm_up, job.method), *trl_rows(drawn.timed, job.method)]
    per_step = job.samples * job.rows_per_sample
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        trainer = make_trainer(job, model, tokenizer, rows, folder)
        preparation_s = time.perf_counter() - start
        order = [*range(per_step), *list(range(per_step, 2 * per_step)) * job.repeats]
        trainer.train_dataset = trainer.train_dataset.select(order)
        trainer.data_collator = collator = CountingCollator(trainer.data_collator)
        clock = StepClock(job.seconds)
        trainer.add_callback(clock)
        trainer.train()
    batches = trainer.args.gradient_accumulation_steps
    return Measured(
        steps_s=clock.steps_s,
        steps_cpu_s=clock.steps_cpu_s,
        samples=job.samples,
        preparation_s=preparation_s,
        before_mb=clock.before_mb,
        peak_mb=peak_mb(),
        computed_tokens=sum(collator.counts[batches : 2 * batches]),
        more={"rows_per_batch": trainer.args.per_device_train_batch_size, "accumulation": batches},
    )


def trl_rows(pairs: Sequence[PreferencePair], method: str) -> list[dict[str, Any]]:
    """The pairs as TRL's conversational rows: pairs for DPO; for KTO each chosen answer once and then its negatives."""
    if method == "dpo":
        names = ("prompt", "chosen", "rejected")
        return [{name: _plain(getattr(pair, name)) for name in names} for pair in pairs]
    rows: list[dict[str, Any]] = []
    for index, pair in enumerate(pairs):
        prompt = _plain(pair.prompt)
        if index == 0 or pairs[index - 1].id != pair.id:
            rows.append({"prompt": prompt, "completion": _plain(pair.chosen), "label": True})
        rows.append({"prompt": prompt, "completion": _plain(pair.rejected), "label": False})
    return rows


def make_trainer(job: Job, model: Any, tokenizer: Any, rows: list[dict[str, Any]], folder: str) -> Any:
    """A trainer of TRL, its data tokenised; in the `best` setting the reference's log-probabilities stored."""
    config, kind = (trl.DPOConfig, trl.DPOTrainer) if job.method == "dpo" else (trl.KTOConfig, trl.KTOTrainer)
    is_best = job.side == "trl-best"
    batch = rows_per_batch(job)
    setting: dict[str, Any] = {"precompute_ref_log_probs": True, "gradient_checkpointing": False} if is_best else {}
    arguments = config(
        output_dir=folder,
        use_cpu=True,
        bf16=job.dtype == "bfloat16",
        max_length=job.max_length,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=job.samples * job.rows_per_sample // batch,
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=job.seed,
        **setting,
    )
    lora = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    return kind(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora,
    )


def rows_per_batch(job: Job) -> int:
    """TRL's micro-batch: the rows of `micro_batch` samples, or by default as many as divide a step, at most eight."""
    if job.side == "trl-best":
        return job.micro_batch * job.rows_per_sample
    per_step = job.samples * job.rows_per_sample
    return max(rows for rows in range(1, DEFAULT_ROWS + 1) if per_step % rows == 0)


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
