"""The stage on the embedded model: order, journal, faults."""

import subprocess
import sys

import pytest
import torch

from seapo.errors import ModelError
from seapo.evaluate import evaluate
from seapo.journal import Journal
from seapo.model import ChatScorer


def refuse():
    raise AssertionError("a model was asked for")


@pytest.fixture
def items(chat_item, plain_items):
    """A chat item between plain ones."""
    return [*plain_items[:2], chat_item, *plain_items[2:]]


def test_scores_come_in_the_order_of_the_items(items, scorer):
    scores = evaluate(items, lambda: scorer, fingerprint="f")
    assert [(score.id, score.task, score.metric, score.suite) for score in scores] == [
        (item.id, item.task, item.metric, item.suite) for item in items
    ]
    assert [len(score.choice_logprobs_nats) for score in scores] == [len(item.choices) for item in items]
    assert scores[2].value == 1  # apples grow on trees
    assert 0 < scores[4].value < 1  # the share of probability of an MC2 item
    assert scores[0].choice_logprobs_nats == scores[4].choice_logprobs_nats  # the same question twice


def test_equal_choices_are_a_tie_that_the_first_one_wins(items, scorer):
    (twice,) = [item for item in items if item.id == "plain-rain#mc1"]
    first, second = evaluate(
        [twice, twice.model_copy(update={"id": "other", "correct": (1,)})], lambda: scorer, fingerprint="f"
    )
    assert first.choice_logprobs_nats[0] == first.choice_logprobs_nats[1]
    assert (first.value, second.value) == (1, 0)


def test_what_the_journal_knows_is_not_computed_again(tmp_path, items, scorer):
    bars = []

    def progress(work):
        bars.append(len(work))
        return work

    with Journal(tmp_path / "journal.sqlite") as journal:
        first = evaluate(items, lambda: scorer, fingerprint="f", journal=journal, progress=progress)
        assert evaluate(items, refuse, fingerprint="f", journal=journal, progress=progress) == first
        assert journal.counts() == {"evaluate": 4}  # MC1 and MC2 of a question with the same choices share an entry
        with pytest.raises(AssertionError, match="a model was asked for"):
            evaluate(items, refuse, fingerprint="other weights", journal=journal)
    assert bars == [4]  # different questions


def test_another_right_choice_is_scored_from_the_journal(tmp_path, chat_item, scorer):
    with Journal(tmp_path / "journal.sqlite") as journal:
        evaluate([chat_item], lambda: scorer, fingerprint="f", journal=journal)
        mended = chat_item.model_copy(update={"correct": (1,)})
        assert evaluate([mended], refuse, fingerprint="f", journal=journal)[0].value == 0


def test_a_run_that_was_cut_off_goes_on_to_the_same_scores(tmp_path, items, scorer):
    def stop_after_one(work):
        yield next(iter(work))
        raise KeyboardInterrupt

    with Journal(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(KeyboardInterrupt):
            evaluate(items, lambda: scorer, fingerprint="f", journal=journal, progress=stop_after_one)
        assert journal.counts() == {"evaluate": 1}
        resumed = evaluate(items, lambda: scorer, fingerprint="f", journal=journal)
    assert resumed == evaluate(items, lambda: scorer, fingerprint="f")


def test_a_model_without_finite_probabilities_is_an_error(tmp_path, items, embedded):
    config = type(embedded[0].config)(
        vocab_size=len(embedded[1]), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, attn_implementation="sdpa",
    )  # fmt: skip
    broken = type(embedded[0])(config).eval()
    torch.nn.init.constant_(broken.get_output_embeddings().weight, float("nan"))
    scorer = ChatScorer(broken, embedded[1], "broken", "f")
    with (
        Journal(tmp_path / "journal.sqlite") as journal,
        pytest.raises(ModelError, match="broken gives the choices of item 'fruit-1' no finite probability"),
    ):
        evaluate(items, lambda: scorer, fingerprint="f", journal=journal)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.counts() == {}


def test_a_journalled_run_loads_no_torch(tmp_path, chat_item, scorer):
    with Journal(tmp_path / "journal.sqlite") as journal:
        evaluate([chat_item], lambda: scorer, fingerprint="f", journal=journal)
    code = f"""
import sys
from pathlib import Path
from seapo.evaluate import evaluate
from seapo.journal import Journal
from seapo.records import ChoiceItem
item = ChoiceItem.model_validate_json({chat_item.model_dump_json()!r})
with Journal(Path({str(tmp_path / "journal.sqlite")!r})) as journal:
    evaluate([item], None, fingerprint="f", journal=journal)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
