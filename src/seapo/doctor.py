"""What a machine offers to seapo, and what mends what is missing."""

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec

from seapo.engine.servers import INSTALL
from seapo.errors import ModelError


@dataclass(frozen=True)
class Finding:
    """One thing that seapo uses."""

    name: str
    is_there: bool
    detail: str
    """Its version or place, or what goes without it."""
    mend: str = ""
    """The command that installs it."""
    is_required: bool = False


def examine() -> list[Finding]:
    """Look at everything that a run, an optional feature or a test uses; loads torch."""
    return [
        _python(),
        _torch(),
        _package("transformers", "loads and trains models", is_required=True),
        _package("peft", "LoRA adapters", is_required=True),
        _embedded_model(),
        _gpu(),
        _memory(),
        _sandbox(),
        _package("datasets", "reads hub data sets and saved folders", "pip install 'seapo[datasets]'"),
        _package("lm-eval", "published benchmarks", "pip install 'seapo[evaluate]'"),
        _package("deepspeed", "shares out Adam's moments between processes, train.deepspeed"),
        _text_engine(),
        _package("vllm", "engine.kind: vllm; servers that run already need nothing", "pip install vllm"),
        _program("chromium", "looks at reports in the tests", "apt-get install chromium chromium-driver"),
    ]


def _python() -> Finding:
    return Finding(
        "python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer", True
    )


def _torch() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("torch", False, "the numeric core", "pip install torch==2.13.0", True)
    from seapo.model.identity import dtype_name

    detail = f"{torch.__version__}, {torch.get_num_threads()} threads, model.dtype auto = {dtype_name('auto')}"
    return Finding("torch", True, detail, is_required=True)


def _package(name: str, purpose: str, mend: str = "", *, is_required: bool = False) -> Finding:
    try:
        return Finding(name, True, f"{importlib.metadata.version(name)} ({purpose})", is_required=is_required)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, purpose, mend or f"pip install {name}", is_required)


def _embedded_model() -> Finding:
    from seapo.model.embedded import INSTALL, embedded_gguf

    try:
        path = embedded_gguf()
    except ModelError:
        return Finding("embedded model", False, "SmolLM2-135M-Instruct, the default of model.name", INSTALL, True)
    return Finding("embedded model", True, f"{path.name}, {path.stat().st_size / 1e6:.0f} MB", is_required=True)


def _text_engine() -> Finding:
    name, purpose, mend = (
        "embedded text engine",
        "llama.cpp through xllamacpp, engine.kind: embedded",
        INSTALL["embedded"],
    )
    try:
        import xllamacpp
    except ImportError as problem:
        is_installed = find_spec("xllamacpp") is not None
        return Finding(name, False, f"{purpose}; {problem}" if is_installed else purpose, mend)
    return Finding(name, True, f"xllamacpp {xllamacpp.__version__} ({purpose})")


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        memory_gb = torch.cuda.get_device_properties(0).total_memory / 1e9
        return Finding(
            "GPU", True, f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}, {memory_gb:.0f} GB"
        )
    return Finding("GPU", False, "none that torch can use; everything runs on the processor")


def _memory() -> Finding:
    total_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return Finding(
        "memory", total_gb >= 8, f"{total_gb:.0f} GB, {os.cpu_count()} cores (8 GB are enough for the embedded model)"
    )


def _sandbox() -> Finding:
    from seapo.sandbox import why_unavailable

    reason = why_unavailable()
    purpose = "runs unit tests on generated code"
    detail = purpose if reason is None else f"{purpose}; without it code negatives are not proved ({reason})"
    return Finding("bubblewrap", reason is None, detail, "apt-get install bubblewrap")


def _program(name: str, purpose: str, mend: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, path is not None, path or purpose, mend)
