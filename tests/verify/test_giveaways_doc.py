"""The manual's page on giveaways: its example runs and its settings and limits are the code's."""

import re
from pathlib import Path

from seapo.recipe import VerifySection
from seapo.verify import audit, selection

PAGE = (Path(__file__).parents[2] / "docs" / "giveaways.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says(capsys) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "giveaways.md", "exec"), {})
    assert capsys.readouterr().out.strip() == example.rpartition("# ")[2].strip() == "1"


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    assert f"Fewer than {audit.FEWEST_PAIRS} pairs are *not judged*" in PAGE
    assert f"more than {audit.MOST_PAIRS} pairs" in PAGE
    assert f"`verify.giveaway_limit` ({VerifySection().giveaway_limit})" in PAGE
    assert f"a tolerance of {selection.TOLERANCE}" in PAGE
