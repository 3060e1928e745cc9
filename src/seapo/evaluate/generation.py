"""How a task of lm-evaluation-harness wants answers written, read as its own class `HFLM` reads it (version 0.4.13)."""

import logging
from typing import Any

from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs

from seapo.errors import DataError
from seapo.model.writing import Settings

KNOWN = ("until", "max_gen_toks", "do_sample", "temperature", "top_k", "top_p", "min_p")


def read_settings(options: dict[str, Any], tokenizer: Any, *, where: str, default_tokens: int) -> Settings:
    """A task's generation options; raises DataError for one that isn't known."""
    logger = logging.getLogger("lm_eval.models.utils")
    level = logger.level
    logger.setLevel(logging.ERROR)  # a task's `do_sample: false, temperature: 0.0` is no reason to warn of anything
    try:
        found = dict(normalize_gen_kwargs(options, default_tokens))
    finally:
        logger.setLevel(level)
    if unknown := sorted(set(found) - set(KNOWN)):
        raise DataError(f"{where} asks to generate with {', '.join(unknown)}; known are {', '.join(KNOWN)}")
    stops = handle_stop_sequences(found["until"], eos=tokenizer.decode(tokenizer.eos_token_id))
    temperature = float(options.get("temperature", 1.0)) if found["do_sample"] else 0.0
    picked = {name: found.get(name) for name in ("top_k", "top_p", "min_p")} if temperature else {}
    return Settings(tuple(stop for stop in stops if stop), found["max_gen_toks"], temperature, **picked)
