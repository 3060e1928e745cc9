"""Load models and tokenizers of `transformers`, and the embedded one."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from seapo.errors import ModelError
from seapo.model.embedded import HUB_ID, NAME, cache_dir, embedded_gguf
from seapo.model.identity import dtype_name, model_fingerprint
from seapo.recipe import ModelSection
from seapo.store import file_sha256


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer and a name that changes with its weights."""

    model: Any
    tokenizer: Any
    name: str
    fingerprint: str
    """16 hex digits that stand for weights, configuration and chat template."""

    @property
    def base_name(self) -> str:
        """What an adapter names as the model that it belongs to: a hub id, or the local folder that was given."""
        return HUB_ID if self.name == NAME else self.name


def load_embedded(dtype: torch.dtype = torch.float32, *, attention: str | None = None) -> tuple[Any, Any]:
    """The embedded SmolLM2-135M-Instruct as (model, tokenizer), in eval mode, on the GPU where there is one.

    The 4-bit GGUF is dequantised once, to float32 safetensors in the cache folder, because that takes 20 s.
    Raises ModelError where the package is missing.
    """
    folder = embedded_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)
    return _on_device(model).eval(), tokenizer


def load_model(section: ModelSection, *, dtype: str | None = None) -> LoadedModel:
    """The model of a recipe; `dtype` overrides the recipe's. Raises ModelError where it cannot be loaded."""
    kind = getattr(torch, dtype_name(dtype or section.dtype))
    attention = None if section.attention == "auto" else section.attention
    if section.name == "embedded":
        model, tokenizer = load_embedded(kind, attention=attention)
        return LoadedModel(model, tokenizer, NAME, model_fingerprint(section))
    try:
        options = {"trust_remote_code": section.trust_remote_code}
        tokenizer = transformers.AutoTokenizer.from_pretrained(section.name, **options)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            section.name, dtype=kind, use_safetensors=True, attn_implementation=attention, **options
        )
    except (OSError, ValueError) as problem:
        raise ModelError(f"model {section.name!r} cannot be loaded: {_reason(section.name, problem)}") from problem
    return LoadedModel(_on_device(model).eval(), tokenizer, section.name, model_fingerprint(section))


def _reason(name: str, problem: Exception) -> str:
    if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
        return "the folder holds no model (no config.json)"
    return " ".join(str(problem).split())[:300]


def _on_device(model: Any) -> Any:
    return model.to("cuda") if torch.cuda.is_available() else model


def load_adapter(model: Any, folder: Path) -> Any:
    """The model with the LoRA adapter of a folder on it, as a PeftModel in eval mode; the model itself is changed.

    Only safetensors are read. Raises ModelError where the folder holds no adapter, or one of another model.
    """
    import peft

    if not all((folder / name).is_file() for name in ("adapter_config.json", "adapter_model.safetensors")):
        raise ModelError(f"{folder}: no adapter here (adapter_config.json and adapter_model.safetensors); train one")
    try:
        return peft.PeftModel.from_pretrained(model, str(folder)).eval()
    except (RuntimeError, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise ModelError(f"{folder}: the adapter does not fit {type(model).__name__}: {reason}") from problem


def embedded_folder() -> Path:
    """Folder with the embedded model as safetensors; made on first use, beside and renamed."""
    gguf = embedded_gguf()
    folder = cache_dir() / f"smollm2-135m-instruct-{file_sha256(gguf)[:12]}-t{transformers.__version__}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        _dequantise(gguf, beside)
        beside.replace(folder)
    except OSError:
        if not folder.is_dir():  # else another process made it meanwhile
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _dequantise(gguf: Path, folder: Path) -> None:
    source = {"gguf_file": gguf.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, **source)
    model = transformers.AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
    # The weights are plain now: with the marks of the quantised file left in, the copy could not be written or loaded.
    del model.config.quantization_config
    model.hf_quantizer = None
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
