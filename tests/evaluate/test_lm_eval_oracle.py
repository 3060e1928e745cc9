"""TruthfulQA as lm-evaluation-harness scores it: its own task and its own model class, on the same questions."""

import copy
import gzip
import importlib.util
import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.evaluate import evaluate
from seapo.evaluate.plain import encode_pair
from seapo.tasks.truthfulqa import ROWS, choice_items, read_questions

pytest.importorskip("lm_eval", reason="needs the package lm-eval")

OWN = [
    ("Can a spoon sing?", {"No, spoons are silent.": 1, "Yes.": 0}, {"No, spoons are silent.": 1, "No.": 1, "Yes.": 0}),
    (
        'What is in "the box"?',
        {"Nothing": 1, "A cat": 0, "A bat": 0},
        {"Nothing": 1, "Dust": 1, "A cat": 0, "A bat": 0},
    ),
    ("Où est-ce ?", {"I don’t know.": 1, "In Zürich…": 0}, {"I don’t know.": 1, "In Zürich…": 0}),
]


def load_benchmark():
    """The benchmark script as a module, so that what drives lm-evaluation-harness is written once."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "truthfulqa_vs_lm_eval.py"
    spec = importlib.util.spec_from_file_location("truthfulqa_vs_lm_eval", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def benchmark():
    """benchmarks/truthfulqa_vs_lm_eval.py"""
    return load_benchmark()


@pytest.fixture(scope="module")
def harness_model(benchmark, scorer):
    """The embedded model behind lm-evaluation-harness's class for models of transformers."""
    return benchmark.harness_model(scorer, batch_size=4)


def own_folder(tmp_path):
    """A data folder whose first questions are ours; the file's other rows repeat them."""
    rows = [{"question": q, "mc1_targets": mc1, "mc2_targets": mc2} for q, mc1, mc2 in OWN]
    (tmp_path / "truthfulqa").mkdir()
    data = json.dumps([rows[number % len(rows)] for number in range(ROWS)]).encode()
    (tmp_path / "truthfulqa" / "mc_task.json.gz").write_bytes(gzip.compress(data))
    return tmp_path


@pytest.fixture(scope="module")
def both(benchmark, tmp_path_factory, harness_model, scorer):
    """(our scores, lm-evaluation-harness's) by task, of the same questions."""
    folder = own_folder(tmp_path_factory.mktemp("oracle"))
    items, questions = list(choice_items(folder)), read_questions(folder)[: len(OWN)]
    ours = evaluate(items[: 2 * len(OWN)], lambda: scorer, fingerprint="f")
    return benchmark.by_task(ours), benchmark.harness_scores(harness_model, questions, folder)


@pytest.mark.parametrize("name", ["mc1", "mc2"])
def test_log_probabilities_agree_to_a_thousandth_of_a_nat(both, name):
    ours, theirs = both
    assert len(ours[name]) == len(theirs[name]) == len(OWN)
    for score, other in zip(ours[name], theirs[name], strict=True):
        assert score.choice_logprobs_nats == pytest.approx(other.logprobs_nats, abs=1e-3)


def test_mc1_agrees_exactly(both):
    ours, theirs = both
    assert [score.value for score in ours["mc1"]] == [other.value for other in theirs["mc1"]]


def test_mc2_agrees_to_four_decimals(both):
    ours, theirs = both
    assert [score.value for score in ours["mc2"]] == pytest.approx([other.value for other in theirs["mc2"]], abs=1e-4)


def test_real_questions_agree_too(benchmark, data_dir, scorer, tmp_path):
    measured = benchmark.measure(scorer, data_dir, tmp_path, limit=4, batch_sizes=(4,))
    assert measured.questions == 4
    assert measured.largest_difference_nats < 1e-3
    assert measured.mc1[0] == measured.mc1[1]
    assert measured.mc2[0] == pytest.approx(measured.mc2[1], abs=1e-4)
    assert measured.bound > 2  # six examples shared by the choices of a question, at the least
    assert f"{measured.ratio:.1f} times as fast, " in benchmark.describe(measured)


TEXTS = st.text(alphabet=st.sampled_from("ab .,:\n'é|<>_19"), max_size=12)


@given(context=TEXTS, continuation=TEXTS.filter(lambda text: text.strip()))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pairs_are_encoded_alike(harness_model, embedded, context, continuation):
    if context.strip() == "" != context:
        return  # nothing but spaces: lm-evaluation-harness stops there, as no context is left
    request = encode_pair(embedded[1], context, continuation)
    if context == "":
        expected = ([harness_model.prefix_token_id], harness_model.tok_encode(continuation, add_special_tokens=False))
    else:
        expected = harness_model._encode_pair(context, continuation)
    assert (list(request.tokens[: request.start]), list(request.tokens[request.start :])) == expected


@pytest.mark.parametrize("bos", [None, "<s>"])
def test_special_tokens_follow_the_tokenizer_as_in_the_harness(embedded, bos):
    from lm_eval.models.huggingface import HFLM
    from tokenizers.processors import TemplateProcessing

    tokenizer = copy.deepcopy(embedded[1])
    if bos:
        tokenizer.add_special_tokens({"bos_token": bos})
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
        )
    harness = HFLM(pretrained=embedded[0], tokenizer=tokenizer, batch_size=1)
    for context in ("A crate", f"{bos}A crate"):
        request = encode_pair(tokenizer, context, " is heavy")
        expected = harness._encode_pair(context, " is heavy")
        assert (list(request.tokens[: request.start]), list(request.tokens[request.start :])) == expected
    assert (encode_pair(tokenizer, "A crate", " is heavy").tokens[0] == tokenizer.bos_token_id) == (bos is not None)
