"""The folder of one model's evaluation, and its table."""

import pytest

from seapo.errors import DataError
from seapo.evaluate import format_results, read_evaluation, write_evaluation
from seapo.evaluate.tally import tally
from seapo.records import ItemScore
from seapo.summaries import EvaluationResults

SCORES = (
    ItemScore(
        id="m-1", task="m_a", dimension="knowledge", metric="acc", value=1.0, choice_logprobs_nats=(-0.25, -3.5),
        suite="exams", group="m", protocol="chat", prompt_hash="0f", answer=" A",
    ),
    ItemScore(id="m-2", task="m_a", dimension="knowledge", metric="acc", value=0.0, suite="exams", group="m"),
    ItemScore(id="m-1", task="m_b", dimension="knowledge", metric="acc", value=1.0, suite="exams", group="m"),
    ItemScore(id="w-1", task="w", dimension=None, metric="exact_match,strict", value=0.5, answer="Zürich\u2028…"),
)  # fmt: skip


def results(**changes):
    lines = tally(SCORES, confidence=0.95, seed=0)
    settings = {
        "model": "tiny",
        "model_fingerprint": "00",
        "dtype": "float32",
        "protocol": "chat",
        "suites": ("exams",),
        "seed": 0,
        "limit": None,
        "confidence": 0.95,
        "tasks": lines.tasks,
        "groups": lines.groups,
        "dimensions": lines.dimensions,
        "not_measured": {"coding": "no suite or task of this call measures it"},
        "truncated": {"w": 1},
    }
    return EvaluationResults(**(settings | changes))


def test_what_is_written_is_read_again(tmp_path):
    write_evaluation(tmp_path / "new" / "folder", results(), SCORES)
    found = read_evaluation(tmp_path / "new" / "folder")
    assert (found.results, found.scores) == (results(), SCORES)


def test_the_same_evaluation_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_evaluation(tmp_path / name, results(), SCORES)
    for file in ("results.json", "samples.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_evaluation_without_items_is_written_too(tmp_path):
    write_evaluation(tmp_path, results(tasks=(), groups=(), dimensions=()), ())
    assert read_evaluation(tmp_path).scores == ()


@pytest.mark.parametrize(
    ("file", "content"),
    [("results.json", None), ("samples.parquet", None), ("results.json", b"{}"), ("samples.parquet", b"PAR1 broken")],
)
def test_a_folder_that_cannot_be_read_is_named(tmp_path, file, content):
    write_evaluation(tmp_path, results(), SCORES)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=str(tmp_path)):
        read_evaluation(tmp_path)


def test_the_table_tells_score_error_and_interval_of_every_line():
    assert (
        format_results(results(), width=100)
        == """\
tiny, float32, all items, in percent, with 95% intervals; benchmarks through the chat template
(protocol chat)

           metric              items  score  stderr       interval
------------------------------------------------------------------
knowledge  acc                     3   66.7    40.8   [20.8, 93.9]
m          acc                     3   66.7    40.8   [20.8, 93.9]
w          exact_match,strict      1   50.0     N/A   [0.0, 100.0]
m_a        acc                     2   50.0    50.0    [9.5, 90.5]
m_b        acc                     1  100.0     N/A  [20.7, 100.0]

coding: no suite or task of this call measures it
w: 1 request cut from the left to fit the model's context"""
    )


def test_a_narrow_table_keeps_within_its_width():
    for width in (60, 40, 30):
        lines = format_results(results(), width=width).splitlines()
        assert max(map(len, lines)) <= width
        assert any("66.7" in line for line in lines)


def test_further_metrics_stand_below():
    text = format_results(results(further=tally(SCORES[3:], confidence=0.95, seed=0).tasks), width=100)
    below = text.split("The same items by other metrics and filters:")[1]
    assert "exact_match,strict" in below
