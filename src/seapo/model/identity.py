"""What stands for a model in a hash: its weights' fingerprint and the number type that it runs in. Loads no weights."""

import hashlib
import importlib.metadata
import json
from pathlib import Path

from seapo.errors import ModelError
from seapo.model.embedded import embedded_gguf
from seapo.recipe import ModelSection
from seapo.store import file_sha256

NATIVE_BFLOAT16 = "avx512_bf16"
WEIGHT_FILES = (".safetensors", ".json", ".jinja", ".model")


def model_fingerprint(section: ModelSection) -> str:
    """16 hex digits that change with the weights, tokenizer or template that a recipe's model name stands for."""
    if section.name == "embedded":
        return file_sha256(embedded_gguf())[:16]
    folder = _local_folder(section.name)
    files = sorted(path for path in folder.iterdir() if path.suffix in WEIGHT_FILES)
    return hashlib.sha256(json.dumps([[file.name, file_sha256(file)] for file in files]).encode()).hexdigest()[:16]


def dtype_name(name: str) -> str:
    """`auto` as what it stands for on this machine: bfloat16 where the processor multiplies it natively."""
    if name != "auto":
        return name
    if importlib.metadata.version("torch").endswith("+cpu") and (flags := _processor_flags()):
        return "bfloat16" if NATIVE_BFLOAT16 in flags else "float32"  # importing torch takes seconds
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def _processor_flags() -> frozenset[str]:
    """What an x86 processor can do, as Linux tells it; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = next((line for line in lines if line.split(":")[0].strip() == "flags"), "")
    return frozenset(found.partition(":")[2].split())


def _local_folder(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        patterns = [f"*{suffix}" for suffix in WEIGHT_FILES]
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as problem:
        reason = str(problem).splitlines()[0]
        raise ModelError(
            f"model {name!r} is neither 'embedded', nor a local folder, nor a hub id that can be reached: {reason}"
        ) from problem
