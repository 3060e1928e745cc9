"""docs/evaluation.md, the section on lm-evaluation-harness: its program runs on a task in a local folder."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lm_eval", reason="needs the package lm-eval")

from seapo.evaluate.forest import TOKENS_PER_ROW
from seapo.evaluate.generation import KNOWN
from seapo.evaluate.scoring import DECIMALS
from seapo.model.writing import BATCH_SIZE, TOP_K
from seapo.tree.head import TIE_NATS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"
TASK = """
task: fruit
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{folder}/rows.jsonl"}}, cache_dir: "{folder}/cache"}}
test_split: test
doc_to_text: "Q: {{{{question}}}}\\nA:"
doc_to_target: "{{{{label}}}}"
doc_to_choice: "{{{{choices}}}}"
output_type: multiple_choice
metric_list: [{{metric: acc}}]
"""


def test_its_program_runs(tmp_path):
    (program,) = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    folder = tmp_path / "my_tasks"
    folder.mkdir()
    row = {"question": "Where do apples grow?", "choices": ["On trees.", "In seas."], "label": 0}
    (folder / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (folder / "fruit.yaml").write_text(TASK.format(folder=folder), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["1.0", "{}"]


def test_its_figures_are_those_of_the_code():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"(`tokens_per_row`, {TOKENS_PER_ROW:,})" in page
    assert f"Up to `batch_size` answers ({BATCH_SIZE})" in page
    assert f"sets `top_k`, it is {TOP_K}" in page
    assert f"Log-probabilities are rounded to {DECIMALS} decimals; a token within {TIE_NATS:.5f} nats" in page
    for option in KNOWN:
        assert f"`{option}`" in page
