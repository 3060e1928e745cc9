"""What docs/verification.md says of the checks is what is registered."""

import re
import subprocess
import sys
from pathlib import Path

from seapo.verify import CHECKS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "verification.md").read_text(encoding="utf-8")


def test_the_table_lists_every_check_and_every_proof():
    rows = re.findall(r"^\| `(\w+)` \| (yes|) *\|", PAGE, re.MULTILINE)
    assert {name: mark == "yes" for name, mark in rows} == {name: CHECKS[name].is_proof for name in CHECKS}


def test_the_example_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert "'arithmetic'" in done.stdout


def test_the_benchmark_that_the_figures_come_from_is_there():
    (script,) = re.findall(r"python (benchmarks/\w+\.py) DATA_DIR", PAGE)
    assert (Path(__file__).resolve().parents[2] / script).is_file()
