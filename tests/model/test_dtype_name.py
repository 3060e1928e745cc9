"""What `auto` stands for, told without importing torch where that is possible."""

import pytest
import torch

from seapo.model import identity
from seapo.model.identity import dtype_name


def torch_says():
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def test_it_is_what_torch_says():
    assert dtype_name("auto") == torch_says()


@pytest.mark.parametrize(("flags", "expected"), [({"avx512_bf16", "avx2"}, "bfloat16"), ({"avx2"}, "float32")])
def test_a_build_without_gpu_asks_the_processor(monkeypatch, flags, expected):
    monkeypatch.setattr(identity.importlib.metadata, "version", lambda name: "2.13.0+cpu")
    monkeypatch.setattr(identity, "_processor_flags", lambda: frozenset(flags))
    assert dtype_name("auto") == expected


@pytest.mark.parametrize(("version", "flags"), [("2.13.0+cu128", {"avx512_bf16"}), ("2.13.0+cpu", set())])
def test_else_torch_is_asked(monkeypatch, version, flags):
    """A build with GPU support may find one; and what the processor can do is not told on every system."""
    monkeypatch.setattr(identity.importlib.metadata, "version", lambda name: version)
    monkeypatch.setattr(identity, "_processor_flags", lambda: frozenset(flags))
    assert dtype_name("auto") == torch_says()


def test_a_name_is_itself():
    assert dtype_name("float16") == "float16"
