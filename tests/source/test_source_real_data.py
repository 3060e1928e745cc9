"""All of the real preference and GSM8K files, counted: what is a sample, what is set aside, and why."""

import re
from collections import Counter
from pathlib import Path

import pytest

from seapo.reading import rows
from seapo.recipe import DataSection
from seapo.records import NumberTruth
from seapo.source import SourceResult, read_source


def read(data_dir: Path, name: str) -> SourceResult:
    result = read_source(DataSection(path=str(data_dir / name)), seed=0)
    summary = result.summary
    assert summary.rows == summary.samples + summary.merged + sum(summary.set_aside.values())
    assert len({sample.id for sample in result.samples}) == len(result.samples)
    return result


def test_ultrafeedback(data_dir: Path) -> None:
    result = read(data_dir, "ultrafeedback/train_clean_1000.jsonl.gz")
    assert (result.summary.format, result.summary.rows, result.summary.samples) == ("preference", 1000, 994)
    assert result.summary.set_aside == {rows.SAME_ANSWERS: 4, rows.EMPTY_ANSWER: 1, rows.EMPTY_REJECTED: 1}
    assert all(len(sample.rejected) == 1 for sample in result.samples)


def test_llamafactory_alpaca(data_dir: Path) -> None:
    result = read(data_dir, "llamafactory_demo/alpaca_en_demo.json.gz")
    assert (result.summary.format, result.summary.rows, result.summary.samples) == ("alpaca", 999, 985)
    assert result.summary.set_aside == {rows.DUPLICATE: 14}
    by_line = {sample.line: sample for sample in result.samples}
    for row in result.rejected:
        earlier = re.fullmatch(rf"{rows.DUPLICATE}: line (\d+) of alpaca_en_demo\.json\.gz", row.reason)
        assert earlier is not None
        assert by_line[int(earlier.group(1))].question.split("\n")[0].casefold()[:20] in row.row.casefold()


def test_llamafactory_ranking_keeps_turns_and_system_messages(data_dir: Path) -> None:
    result = read(data_dir, "llamafactory_demo/dpo_en_demo.json.gz")
    assert (result.summary.format, result.summary.rows, result.summary.samples) == ("sharegpt-ranking", 300, 295)
    assert result.summary.set_aside == {rows.DUPLICATE: 5}
    shapes = Counter(tuple(message.role[0] for message in sample.prompt) for sample in result.samples)
    assert shapes[("s", "u")] > 70
    assert sum(count for shape, count in shapes.items() if len(shape) >= 3) > 95
    assert all(len(sample.rejected) == 1 for sample in result.samples)


def test_llamafactory_kto_conversations_have_few_prompts_with_both_labels(data_dir: Path) -> None:
    result = read(data_dir, "llamafactory_demo/kto_en_demo.json.gz")
    summary = result.summary
    assert (summary.format, summary.rows, summary.samples, summary.merged) == ("sharegpt-kto", 300, 150, 1)
    assert summary.set_aside == {rows.UNPAIRED: 149}


def test_llamafactory_kto_pairs_find_each_other(data_dir: Path) -> None:
    result = read(data_dir, "llamafactory_demo/kto-mix-test.json.gz")
    summary = result.summary
    assert (summary.format, summary.rows, summary.samples, summary.merged) == ("alpaca-kto", 1092, 546, 545)
    assert summary.set_aside == {rows.SAME_ANSWERS: 1}
    assert summary.columns["label"] == "tag"


@pytest.mark.parametrize(("name", "count"), [("train", 7473), ("test", 1319)])
def test_gsm8k(data_dir: Path, name: str, count: int) -> None:
    result = read(data_dir, f"gsm8k/{name}.jsonl.gz")
    assert (result.summary.format, result.summary.samples) == ("gsm8k", count)
    assert result.summary.by_dimension == {"mathematics": count}
    for sample in result.samples:
        assert "<<" not in sample.chosen
        assert isinstance(sample.truth, NumberTruth)
        assert re.fullmatch(r"-?\d+(\.\d+)?", sample.truth.value)
        assert sample.chosen.replace(",", "").endswith(f"#### {sample.truth.value}")


def test_gsm8k_example_solutions_have_the_models_wrong_ones_as_rejected(data_dir: Path) -> None:
    result = read(data_dir, "gsm8k/example_model_solutions.jsonl.gz")
    assert (result.summary.format, result.summary.samples) == ("gsm8k-solutions", 1319)
    assert Counter(len(sample.rejected) for sample in result.samples) == {0: 156, 1: 205, 2: 236, 3: 290, 4: 432}
    assert all(isinstance(sample.truth, NumberTruth) for sample in result.samples)


def test_a_folder_of_gsm8k_gives_its_training_split_alone(data_dir: Path) -> None:
    result = read(data_dir, "gsm8k")
    assert result.summary.samples == 7473
    assert sorted(result.summary.files_left_out) == ["gsm8k/example_model_solutions.jsonl.gz", "gsm8k/test.jsonl.gz"]


def test_a_folder_of_several_formats_is_read_file_by_file(data_dir: Path) -> None:
    result = read(data_dir, "llamafactory_demo")
    assert result.summary.format == "alpaca, sharegpt-ranking, sharegpt-kto"
    assert result.summary.rows == 999 + 300 + 300
    assert list(result.summary.files_left_out) == ["llamafactory_demo/kto-mix-test.json.gz"]
