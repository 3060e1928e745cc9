"""The README's first command, run as a reader would; in a file of its own, since it takes longest."""

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.timeout(2400)
def test_make_quickstart_ends_with_scores_negatives_and_paths():
    assert "make quickstart" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    done = subprocess.run(["make", "quickstart"], cwd=REPOSITORY, capture_output=True, text=True, timeout=2300)
    assert done.returncode == 0, done.stderr
    for dimension in ("mathematics", "reasoning", "coding", "knowledge", "truthfulness"):
        assert dimension in done.stdout
    for name in ("dataset", "adapter", "report"):
        (path,) = re.findall(rf"^{name} +(\S+)$", done.stdout, flags=re.MULTILINE)
        assert (REPOSITORY / path).exists()
    assert re.search(r"^correctness +64 +\d+ +\d+ +\d+", done.stdout, flags=re.MULTILINE)
