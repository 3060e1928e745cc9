"""Stage 5: preference training on prefix trees, in one process or several. Importing this loads no torch.

encode (examples, dataset)  ->  order the steps, ask the reference (plan)  ->  step by step (trainer)  ->  save (saving)
"""

from typing import Any

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    if name == "train":
        from seapo.train.stage import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
