"""What an evaluation follows from, and what it would ask."""

import gzip
import json
import subprocess
import sys

import pytest

from seapo.errors import DataError
from seapo.evaluate.measurement import depends, workload
from seapo.recipe import EvaluateSection
from seapo.tasks.local import FILES

pytest.importorskip("lm_eval", reason="needs the package lm-eval")


def folder(tmp_path, name, answer="#### 1", rows=FILES["gsm8k/test.jsonl.gz"].rows):
    (tmp_path / name / "gsm8k").mkdir(parents=True)
    lines = [json.dumps({"question": f"What is {n}?", "answer": answer}) for n in range(rows)]
    (tmp_path / name / "gsm8k" / "test.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return EvaluateSection(suites=(), tasks=("gsm8k_cot",), data_dir=str(tmp_path / name), limit=3)


def test_the_data_counts_and_not_where_it_lies(tmp_path):
    one, same, other = folder(tmp_path, "one"), folder(tmp_path, "same"), folder(tmp_path, "other", answer="#### 2")
    assert depends(one, 0) == depends(same, 0) != depends(other, 0)
    assert depends(EvaluateSection(), 0) != depends(EvaluateSection(limit=1), 0)


def test_a_file_of_another_version_shows_before_anything_is_asked(tmp_path):
    with pytest.raises(DataError, match="holds 1,000 rows, expected 1,319"):
        depends(folder(tmp_path, "short", rows=1000), 0)


def test_the_work_is_counted_without_a_model(tmp_path):
    found = workload(folder(tmp_path, "one").model_copy(update={"suites": ("starter",)}), seed=0)
    assert found.items == {
        "starter_mathematics": 3,
        "starter_reasoning": 3,
        "starter_coding": 3,
        "starter_knowledge": 3,
        "starter_truthfulness": 3,
        "gsm8k_cot": 3,
    }
    assert found.requests["gsm8k_cot"] == 3
    assert all(found.requests[name] >= 6 for name in found.requests if name != "gsm8k_cot")


def test_looking_at_the_files_loads_no_lm_eval(tmp_path):
    settings = folder(tmp_path, "one")
    code = (
        "import sys; from seapo.evaluate.measurement import depends; from seapo.recipe import EvaluateSection\n"
        f"depends(EvaluateSection.model_validate({settings.model_dump()!r}), 0)\n"
        "sys.exit(bool({'torch', 'lm_eval', 'datasets'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import datasets\n{code}"], check=False).returncode == 1
