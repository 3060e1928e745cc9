"""What docs/training.md says is run and compared with the code."""

import re
from pathlib import Path
from typing import get_args

from seapo.recipe import Method, TrainSection
from seapo.train.loss import SOURCES

DOCS = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_example_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"^```python\n(.*?)^```", DOCS, flags=re.MULTILINE | re.DOTALL)
    exec(compile(example, "docs/training.md", "exec"), {})
    steps, margin = capsys.readouterr().out.split()
    assert int(steps) == 6
    assert float(margin) > 0
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
    assert (tmp_path / "out" / "metrics.jsonl").is_file()


def test_the_table_names_every_method_with_its_source():
    table = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCS, flags=re.MULTILINE))
    assert table == dict(SOURCES)
    assert set(table) == set(get_args(Method))


def test_every_option_that_is_named_is_there():
    named = set(re.findall(r"train\.(\w+)=", DOCS)) | set(re.findall(r"`(\w+): [\w\[]", DOCS))
    assert named - {"fsdp_version"} <= set(TrainSection.model_fields)
    assert len(named) > 5
