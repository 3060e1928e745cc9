"""Generation options of lm-evaluation-harness's tasks."""

import pytest

pytest.importorskip("lm_eval", reason="needs the package lm-eval")

from seapo.errors import DataError
from seapo.evaluate.generation import read_settings
from seapo.model.writing import Settings


class Letters:
    """A tokenizer whose end of text is written `2`."""

    eos_token_id = 2

    def decode(self, tokens):
        return chr(48 + tokens)


def test_options_are_read_as_the_harness_reads_them():
    settings = read_settings({"until": "Q", "max_new_tokens": 7}, Letters(), where="x", default_tokens=256)
    assert settings == Settings(("Q", "2"), 7)
    sampled = {"until": [], "do_sample": True, "temperature": 0.8, "top_p": 0.9, "max_gen_toks": 9}
    assert read_settings(sampled, Letters(), where="x", default_tokens=256) == Settings(("2",), 9, 0.8, None, 0.9)
    assert not read_settings(
        {"do_sample": False, "temperature": 0.8}, Letters(), where="x", default_tokens=1
    ).is_sampled
    with pytest.raises(DataError, match="x asks to generate with num_beams; known are until, max_gen_toks"):
        read_settings({"num_beams": 4}, Letters(), where="x", default_tokens=256)
