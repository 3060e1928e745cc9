"""TreeLM against lm-evaluation-harness's own class for models of transformers, on the same requests and tasks."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seapo.evaluate.plain import PairEncoder

pytest.importorskip("lm_eval", reason="needs the package lm-eval")

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from seapo.evaluate.harness import load_tasks, run_tasks
from seapo.evaluate.lm import TreeLM
from seapo.tasks.benchmark import named

HEAD = "Sums, one a line.\nQ: 2 + 3?\nA: 2 + 3 is 5.\n\nQ: 4 + 4?\nA: 4 + 4 is 8.\n\n"


def asked(kind, *arguments):
    return [Instance(kind, {}, each, number, ("sums", number, 1)) for number, each in enumerate(arguments)]


@pytest.fixture(scope="module")
def harness(embedded):
    """The embedded model behind lm-evaluation-harness's class."""
    return HFLM(pretrained=embedded[0], tokenizer=copy.deepcopy(embedded[1]), batch_size=4)


@pytest.fixture(scope="module")
def own(scorer):
    return TreeLM.from_scorer(scorer, progress=lambda work: work)


def test_log_likelihoods_agree(harness, own):
    choices = (" 7", " 7 is the sum.", " 9", "")
    pairs = [(f"{HEAD}Q: {left} + {right}?\nA:", choice) for left, right in ((3, 4), (5, 4)) for choice in choices[:3]]
    requests = asked("loglikelihood", *pairs, ("", "Snow is white."), ("The sky is ", "blue"), pairs[0])
    for ours, theirs in zip(own.loglikelihood(requests), harness.loglikelihood(requests), strict=True):
        assert ours[0] == pytest.approx(theirs[0], abs=1e-3)
        assert ours[1] == theirs[1]


@pytest.mark.parametrize("max_length", [12, 7])
def test_requests_longer_than_the_context_are_cut_on_the_left_alike(harness, embedded, max_length):
    requests = asked("loglikelihood", (HEAD, " 4 + 5"), ("Snow", " is"), (f"{HEAD}Q: 1", " + 1"))
    short = HFLM(pretrained=embedded[0], tokenizer=copy.deepcopy(embedded[1]), batch_size=1, max_length=max_length)
    lm = TreeLM(*embedded, max_length=max_length, progress=lambda work: work)
    for ours, theirs in zip(lm.loglikelihood(requests), short.loglikelihood(requests), strict=True):
        assert ours[0] == pytest.approx(theirs[0], abs=1e-3)
    assert lm.truncated == {"sums": 2}


def test_rolling_log_likelihoods_agree(harness, embedded):
    texts = asked("loglikelihood_rolling", (HEAD,), ("Snow is white.",))
    short = HFLM(pretrained=embedded[0], tokenizer=copy.deepcopy(embedded[1]), batch_size=2, max_length=16)
    lm = TreeLM(*embedded, max_length=16, progress=lambda work: work)
    for ours, theirs in zip(lm.loglikelihood_rolling(texts), short.loglikelihood_rolling(texts), strict=True):
        assert ours == pytest.approx(theirs, abs=3e-3)


def test_answers_agree(harness, own):
    options = {"until": ["\n\n", "Q:"], "max_gen_toks": 20, "do_sample": False}
    prompts = [f"{HEAD}Q: {sum_}?\nA:" for sum_ in ("1 + 1", "6 + 2", "30 + 12", "What grows on trees")]
    requests = asked("generate_until", *((prompt, dict(options)) for prompt in [*prompts, "The sky is", prompts[0]]))
    assert own.generate_until(requests) == harness.generate_until(requests)


def test_a_chat_template_is_applied_alike(harness, own):
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert own.apply_chat_template(turns) == harness.apply_chat_template(turns)
    opened = [*turns, {"role": "assistant", "content": "Hel"}]
    assert own.apply_chat_template(opened, False) == harness.apply_chat_template(opened, False)
    assert own.chat_template(True) == harness.chat_template(True)
    assert own.tokenizer_name == harness.tokenizer_name


def test_real_questions_get_the_same_scores(harness, own, data_dir):
    """TruthfulQA, one question in two forms."""
    loaded = load_tasks(
        named(["truthfulqa_mc1", "truthfulqa_mc2"], {}), data_dir=data_dir, protocol="paper", limit=1, seed=0
    )
    ours, theirs = (run_tasks(lm, loaded, protocol="paper").scores for lm in (own, harness))
    assert len(ours) == len(theirs) == 2
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.value == pytest.approx(other.value, abs=1e-4)
        assert mine.choice_logprobs_nats == pytest.approx(other.choice_logprobs_nats, abs=1e-3)


TEXTS = st.text(alphabet=st.sampled_from("ab .,:\n'é|<>_19"), max_size=12)


@given(context=TEXTS, continuation=TEXTS.filter(lambda text: text.strip()))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pairs_are_encoded_alike(harness, embedded, context, continuation):
    if context.strip() == "" != context:
        return  # nothing but spaces: lm-evaluation-harness stops there, as no context is left
    request = PairEncoder(embedded[1]).encode_pair(context, continuation)
    if context == "":
        expected = ([harness.prefix_token_id], harness.tok_encode(continuation, add_special_tokens=False))
    else:
        expected = harness._encode_pair(context, continuation)
    assert (list(request.tokens[: request.start]), list(request.tokens[request.start :])) == expected


@pytest.mark.parametrize("bos", [None, "<s>"])
def test_special_tokens_follow_the_tokenizer_as_in_the_harness(embedded, bos):
    from tokenizers.processors import TemplateProcessing

    tokenizer = copy.deepcopy(embedded[1])
    if bos:
        tokenizer.add_special_tokens({"bos_token": bos})
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
        )
    harness = HFLM(pretrained=embedded[0], tokenizer=tokenizer, batch_size=1)
    encoder = PairEncoder(tokenizer)
    for context in ("A crate", f"{bos}A crate"):
        request = encoder.encode_pair(context, " is heavy")
        expected = harness._encode_pair(context, " is heavy")
        assert (list(request.tokens[: request.start]), list(request.tokens[request.start :])) == expected
    first = encoder.encode_pair("A crate", " is heavy").tokens[0]
    assert (first == tokenizer.bos_token_id) == (bos is not None)
