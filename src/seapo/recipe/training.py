"""The section `train`; its defaults are the published setting.

KTO, beta 0.1, LoRA rank 8 and alpha 16 on all linear layers, 5e-6 cosine, 3 epochs, 2 x 8 samples a step
(arXiv:2509.24781).
"""

from typing import Literal

from pydantic import Field

from seapo.recipe.section import Section

Method = Literal[
    "dpo", "ipo", "hinge", "robust", "apo_zero", "apo_down", "sigmoid_norm", "simpo", "orpo", "dpop",
    "kto", "apo_zero_unpaired", "sft",
]  # fmt: skip
"""What `seapo train` can minimise; the formulas stand in `train/objective.py`."""


class TrainSection(Section):
    """How to train. Names and meanings as in TRL and transformers."""

    method: Method = "kto"
    beta: float = Field(default=0.1, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Of `dpo` and `robust`: the share of pairs that are taken to be the wrong way round."""
    negatives: Literal["mean", "listwise"] = "mean"
    """Several negatives of one answer: the mean over the pairs, or one choice among all (Plackett-Luce)."""
    simpo_gamma: float = Field(default=0.5, ge=0)
    """Margin that `simpo` asks for, in nats per token after scaling by beta."""
    dpop_lambda: float = Field(default=50.0, ge=0)
    """Weight of `dpop`'s penalty on a falling chosen log-probability."""
    sft_weight: float = Field(default=0.0, ge=0)
    """Weight of the chosen answers' negative log-likelihood per token, added to the loss."""
    edit_weight: float = Field(default=1.0, gt=0)
    """How often a token inside an edit counts. 1 is the plain loss."""
    desirable_weight: float | None = Field(default=None, ge=0)
    """Of KTO and `apo_zero_unpaired`; left out, both labels weigh the same in sum."""
    undesirable_weight: float | None = Field(default=None, ge=0)
    kl: Literal["mismatched", "none"] = "mismatched"
    """KTO's KL term: estimated on prompts with the answers of other ones, or left out."""
    reference: str | None = None
    """The reference model: a folder or hub id; left out, the model as it is before training."""
    learning_rate: float = Field(default=5e-6, gt=0)
    lr_scheduler_type: str = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    num_train_epochs: float = Field(default=3.0, gt=0)
    per_device_train_batch_size: int = Field(default=2, gt=0)
    """Samples; the negatives of a sample travel with it."""
    gradient_accumulation_steps: int = Field(default=8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    tuning: Literal["lora", "full"] = "lora"
    """Train an adapter, or all weights."""
    lora_r: int = Field(default=8, gt=0)
    lora_alpha: int = Field(default=16, gt=0)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    lora_target_modules: str | tuple[str, ...] = "all-linear"
    use_dora: bool = False
    use_rslora: bool = False
    merge: bool = False
    """Write the whole model with the adapter merged into it, too."""
    gradient_checkpointing: bool = False
    """Recompute each layer in the backward pass: about a third more time, far less memory."""
    max_length: int = Field(default=2048, gt=0)
    """Tokens of prompt and completion."""
    truncation: Literal["set_aside", "keep_start", "keep_end"] = "set_aside"
    """Samples over `max_length`: counted and left out; the answers cut at their end; or the prompt at its start."""
    max_tokens_per_row: int = Field(default=2048, gt=0)
    """Tokens that one packed forward pass may hold."""
    logging_steps: int = Field(default=1, gt=0)
    save_steps: int = Field(default=10, gt=0)
    report_to: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ()
    deepspeed: str | None = None
    """Path of a DeepSpeed configuration (JSON), ZeRO stage 0, 1 or 2; "auto" stands for what the recipe says."""
    seed: int | None = None
    """Of the order of the samples and of all that is drawn in training; left out, the recipe's own seed."""
    data_path: str | None = None
    """Preference data to train on in place of the run's own pairs: a file or folder with TRL's columns."""

    @property
    def samples_per_step(self) -> int:
        """Samples of one optimiser step and process."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps
