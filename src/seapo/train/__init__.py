"""Stage 6: KTO and DPO on prefix trees, with LoRA, checkpoints and an exact resume. Importing this loads no torch.

encode (examples)  ->  plan the steps (batches)  ->  reference log-probabilities  ->  step by step  ->  adapter
"""

from typing import Any

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    if name == "train":
        from seapo.train.stage import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
