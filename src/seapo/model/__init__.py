"""Weights, tokenizer and chat template; the embedded model. Importing this loads no torch."""

from typing import Any

__all__ = ["ChatScorer", "encode_chat", "load_adapter", "load_embedded", "load_model"]


def __getattr__(name: str) -> Any:
    if name in ("load_adapter", "load_embedded", "load_model"):
        from seapo.model import load

        return getattr(load, name)
    if name == "encode_chat":
        from seapo.model.encoding import encode_chat

        return encode_chat
    if name == "ChatScorer":
        from seapo.model.chat import ChatScorer

        return ChatScorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
