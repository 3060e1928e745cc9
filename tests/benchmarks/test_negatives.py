"""The benchmark of yields and giveaways, on a few samples of the starter set and by the rules alone."""

from pathlib import Path
from typing import Any

import pytest

from seapo.recipe import parse_recipe


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))


def test_it_reports_yields_by_status_and_says_what_is_too_little_to_judge() -> None:
    import negatives

    values: dict[str, Any] = {"data": {"limit": 12}, "inject": {"strategies": ["rule"], "rank_by": "none"}}
    found = negatives.measure(parse_recipe(values))
    assert found["samples"] == 12
    for name in ("correctness", "logic", "hallucination"):
        shares = found["yield"][name]
        assert shares["any"] == pytest.approx(sum(v for key, v in shares.items() if key != "any"), abs=1e-3)
        assert "too few to tell" in found["giveaways"][name]["not_judged"]
    assert set(found["seconds"]) == {"inject", "verify", "audit"}
