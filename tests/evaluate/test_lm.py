"""TreeLM with a journal, in `simple_evaluate`, and on bad models and requests."""

import pytest
import torch

pytest.importorskip("lm_eval", reason="needs the package lm-eval")

import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

from seapo.errors import DataError, ModelError
from seapo.evaluate.lm import TreeLM
from seapo.journal import Journal

GREEDY = {"until": ["\n"], "max_gen_toks": 6}
SAMPLED = GREEDY | {"do_sample": True, "temperature": 1.5}
TASK = """
task: fruit
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{path}"}}, cache_dir: "{cache}"}}
test_split: test
doc_to_text: "Q: {{{{question}}}}\\nA:"
doc_to_target: "{{{{label}}}}"
doc_to_choice: "{{{{choices}}}}"
output_type: multiple_choice
metric_list: [{{metric: acc}}]
"""


def requests(kind, *arguments):
    return [Instance(kind, {}, each, number, ("sums", number, 1)) for number, each in enumerate(arguments)]


def quiet(work):
    return work


def make(embedded, **options):
    return TreeLM(*embedded, name="small", fingerprint="f", progress=quiet, **options)


class Refusing(torch.nn.Module):
    """Stands in for a model's parts, to show that nothing is computed."""

    def forward(self, *_, **__):
        raise AssertionError("the model was asked")


PAIRS = (("The sky is", " blue"), ("The sky is", " green"), ("Snow", " is"), ("The sky is", " blue"))


def test_what_the_journal_knows_is_not_asked_again(tmp_path, embedded, monkeypatch):
    asked = requests("loglikelihood", *PAIRS)
    written = requests("generate_until", ("Two and two are", GREEDY), ("Snow is", GREEDY))
    with Journal(tmp_path / "journal.sqlite") as journal:
        first = make(embedded, journal=journal)
        scores, texts = first.loglikelihood(asked), first.generate_until(written)
        assert journal.counts() == {"evaluate": 5}
        monkeypatch.setattr(embedded[0].model, "forward", Refusing().forward)
        again = make(embedded, journal=journal)
        assert (again.loglikelihood(asked), again.generate_until(written)) == (scores, texts)
        with pytest.raises(AssertionError, match="the model was asked"):
            make(embedded, journal=journal, max_length=64).loglikelihood(asked)


def test_what_was_cut_is_counted_from_the_journal_too(tmp_path, embedded):
    asked = requests("loglikelihood", ("one two three four five six seven", " eight"), ("Snow", " is"))
    with Journal(tmp_path / "journal.sqlite") as journal:
        for _ in range(2):
            lm = make(embedded, journal=journal, max_length=5)
            lm.loglikelihood(asked)
            assert lm.truncated == {"sums": 1}


def test_a_killed_run_keeps_what_was_finished_and_ends_with_the_same(tmp_path, embedded):
    written = requests("generate_until", *((f"Count {number}:", GREEDY) for number in range(4)))

    def stop_after_two(work):
        for number, part in enumerate(work):
            if number == 2:
                raise KeyboardInterrupt
            yield part

    with Journal(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(KeyboardInterrupt):
            TreeLM(*embedded, fingerprint="f", journal=journal, progress=stop_after_two, batch_size=2).generate_until(
                written
            )
        assert journal.counts() == {"evaluate": 2}
        resumed = make(embedded, journal=journal).generate_until(written)
    assert resumed == make(embedded).generate_until(written)
    assert embedded[0].config._attn_implementation == "sdpa"


def test_equal_requests_are_samples_where_sampling_is_asked_for(tmp_path, embedded):
    (request,) = requests("generate_until", ("My favourite colour is", SAMPLED))
    with Journal(tmp_path / "journal.sqlite") as journal:
        texts = make(embedded, journal=journal).generate_until([request] * 5)
        assert len(set(texts)) > 1
        assert make(embedded, journal=journal).generate_until([request] * 5) == texts
    assert make(embedded).generate_until([request] * 2) == texts[:2]
    assert make(embedded, seed=1).generate_until([request] * 5) != texts
    assert len(set(make(embedded).generate_until(requests("generate_until", *[("Red,", GREEDY)] * 3)))) == 1


def test_the_bar_counts_different_requests(embedded):
    bars = []

    def progress(work):
        bars.append(len(work))
        return work

    lm = TreeLM(*embedded, progress=progress)
    lm.loglikelihood(requests("loglikelihood", *PAIRS))
    lm.generate_until(requests("generate_until", ("Snow is", GREEDY), ("Rain is", GREEDY)))
    assert bars == [3, 2]


def test_simple_evaluate_takes_it_as_a_model(tmp_path, embedded):
    rows = ['{"question": "Where do apples grow?", "choices": ["On trees.", "In seas."], "label": 0}'] * 2
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    (tmp_path / "fruit.yaml").write_text(TASK.format(path=tmp_path / "rows.jsonl", cache=tmp_path / "cache"))
    found = lm_eval.simple_evaluate(
        model=make(embedded),
        tasks=["fruit"],
        task_manager=TaskManager(include_path=str(tmp_path), include_defaults=False),
        bootstrap_iters=0,
    )
    assert found["results"]["fruit"]["acc,none"] == 1


def test_a_model_without_finite_numbers_is_an_error_that_names_the_item(embedded):
    config = type(embedded[0].config)(
        vocab_size=len(embedded[1]), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, attn_implementation="sdpa",
    )  # fmt: skip
    broken = type(embedded[0])(config).eval()
    torch.nn.init.constant_(broken.get_output_embeddings().weight, float("nan"))
    lm = TreeLM(broken, embedded[1], name="broken", progress=quiet)
    with pytest.raises(ModelError, match="broken gives item 0 of the task 'sums' no finite log-probability"):
        lm.loglikelihood(requests("loglikelihood", PAIRS[0]))
    with pytest.raises(
        ModelError,
        match=r"broken gives no finite numbers .* for the next token of item 0 of the task 'sums'",
    ):
        lm.generate_until(requests("generate_until", ("Snow is", GREEDY)))


def test_prompts_longer_than_the_context_are_cut_and_counted(embedded):
    lm = make(embedded, max_length=16)
    long, short = lm.generate_until(
        requests(
            "generate_until", ("one two three four five six seven eight nine ten eleven", GREEDY), ("Snow", GREEDY)
        )
    )
    assert lm.truncated == {"sums": 1}
    assert (
        long
        == lm.generate_until(
            requests("generate_until", (" two three four five six seven eight nine ten eleven", GREEDY))
        )[0]
    )
    assert isinstance(short, str)


def test_an_empty_prompt_is_answered_from_the_token_that_texts_begin_with(embedded):
    prefix = embedded[1].decode(embedded[1].bos_token_id)
    empty, same = make(embedded).generate_until(requests("generate_until", ("", GREEDY), (prefix, GREEDY)))
    assert empty == same


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (
            "loglikelihood",
            ("Snow is", ""),
            "item 0 of the task 'sums': its context and its continuation '' need a token",
        ),
        (
            "loglikelihood",
            ("Snow", " is white" * 9),
            r"a continuation of 18 tokens \(item 0 of the task 'sums'\) does not fit .* context of 16",
        ),
        ("generate_until", ("Snow", {"max_gen_toks": 16}), "asks for up to 16 tokens, and the model's context has 16"),
        ("generate_until", ("Snow", {"num_beams": 3}), "item 0 of the task 'sums' asks to generate with num_beams"),
    ],
)
def test_requests_that_cannot_be_asked_are_errors(embedded, kind, arguments, message):
    lm = make(embedded, max_length=16)
    with pytest.raises(DataError, match=message):
        getattr(lm, kind)(requests(kind, arguments))


def test_a_journal_needs_a_fingerprint(tmp_path, embedded):
    with Journal(tmp_path / "journal.sqlite") as journal, pytest.raises(ModelError, match="none was given"):
        TreeLM(*embedded, journal=journal)
