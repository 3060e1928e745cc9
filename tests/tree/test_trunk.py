"""A trunk's own scores, branches and alternatives on the embedded model; lengthening, cutting, faults, memory."""

import gc
import random
import shutil
import weakref

import pytest
import torch
import transformers

from seapo.tree import Branch, Group, Trunk, score_tokens
from seapo.tree.trunk import lay_branches

TOLERANCE_NATS = 1e-4
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="FlexAttention compiles C++ on a CPU: no g++")


@pytest.fixture(scope="module")
def chain(embedded):
    """Tokens of a text, the first 12 of them a prompt."""
    text = "The capital of France is Paris. It lies on the Seine, and about two million people live there."
    return embedded[1](text)["input_ids"]


@pytest.fixture(scope="module")
def trunk(embedded, chain):
    return Trunk(embedded[0], chain)


def whole(model, tokens, branch, **options):
    ((scores,),) = score_tokens(model, [Group(tokens[: branch.at], [branch.tokens])], **options)
    return scores


def assert_same(found, expected):
    assert torch.allclose(found.logprobs, expected.logprobs, atol=TOLERANCE_NATS)
    assert torch.equal(found.is_argmax, expected.is_argmax)
    if expected.alternatives is not None:
        assert torch.allclose(found.alternatives.logprobs, expected.alternatives.logprobs, atol=TOLERANCE_NATS)
        assert torch.equal(found.alternatives.ids, expected.alternatives.ids)


@torch.no_grad()
@pytest.mark.parametrize("alternatives", [0, 3])
def test_the_trunk_itself_is_scored_as_a_completion(embedded, trunk, chain, alternatives):
    expected = whole(embedded[0], chain, Branch(12, chain[12:]), alternatives=alternatives)
    assert_same(trunk.own_scores(12, alternatives=alternatives), expected)


@torch.no_grad()
def test_branches_are_scored_with_their_alternatives(embedded, trunk, chain):
    tokenize = embedded[1]
    branches = [
        Branch(5, tokenize(" London. It lies on the Seine")["input_ids"]),
        Branch(5, tokenize(" London. It lies on the Thames")["input_ids"]),
        Branch(9, tokenize(" stands beside a river")["input_ids"]),
        Branch(len(chain), tokenize(" Many of them are poets.")["input_ids"]),
        Branch(5, tokenize(" Rome")["input_ids"]),
    ]
    for branch, found in zip(branches, trunk.score(branches, alternatives=2), strict=True):
        assert_same(found, whole(embedded[0], chain, branch, alternatives=2))


@torch.no_grad()
def test_tokens_before_a_branchs_start_are_not_scored(trunk, chain, embedded):
    tokens = embedded[1](" London. It lies on the Thames")["input_ids"]
    branches = [Branch(5, tokens), Branch(5, tokens, 3), Branch(5, [*chain[5:9], 7, 8], 2), Branch(0, chain[:8], 4)]
    every, later, along, whole_chain = trunk.score(branches)
    assert torch.equal(later.logprobs, every.logprobs[3:])
    assert len(along.logprobs) == len(whole_chain.logprobs) == 4
    assert torch.allclose(along.logprobs[:2], trunk.own_scores(7).logprobs[:2], atol=TOLERANCE_NATS)
    assert torch.allclose(whole_chain.logprobs, trunk.own_scores(4).logprobs[:4], atol=TOLERANCE_NATS)


def test_shared_and_last_tokens_of_branches_are_not_computed():
    branches = [Branch(5, [1, 2, 3]), Branch(5, [1, 2, 4]), Branch(5, [1, 5, 6]), Branch(9, [7]), Branch(9, [])]
    (row,) = lay_branches(branches, 100)
    assert [(piece.tree.tokens, piece.tree.depths) for piece in row.pieces] == [([1, 2, 5], [5, 6, 6]), ([], [])]


def test_rows_keep_to_their_budget_and_hold_every_branch():
    rng = random.Random(0)
    branches = [Branch(rng.randint(1, 5), [rng.randrange(3) for _ in range(rng.randint(0, 9))]) for _ in range(60)]
    rows = lay_branches(branches, 12)
    assert sorted(index for row in rows for piece in row.pieces for index in piece.completions) == list(range(60))
    assert all(len(row) <= 12 for row in rows)
    assert len(lay_branches(branches, 10_000)) == 1
    assert [len(row) for row in lay_branches([Branch(1, [4] * 30), Branch(1, [5] * 3)], 12)] == [29, 2]


@torch.no_grad()
def test_a_trunk_that_is_cut_and_lengthened_again_is_a_new_one(embedded, chain):
    tokenize = embedded[1]
    trunk = Trunk(embedded[0], chain)
    trunk.cut(7)
    trunk.extend(tokenize(" and of much else")["input_ids"])
    assert trunk.tokens[:7] == chain[:7]
    assert_same(trunk.own_scores(4), whole(embedded[0], trunk.tokens, Branch(4, trunk.tokens[4:])))
    branch = Branch(9, tokenize(" it seems")["input_ids"])
    assert_same(trunk.score([branch])[0], whole(embedded[0], trunk.tokens, branch))


@torch.no_grad()
def test_a_long_trunk_is_computed_in_pieces(embedded, chain, monkeypatch):
    monkeypatch.setattr("seapo.tree.trunk.CHAIN_TOKENS", 7)
    assert_same(Trunk(embedded[0], chain).own_scores(3), whole(embedded[0], chain, Branch(3, chain[3:])))


@torch.no_grad()
def test_keys_of_another_trunk_would_show(trunk, embedded, chain):
    """Control: the numbers do depend on what is kept."""
    other = Trunk(embedded[0], [*chain[:3], chain[4], *chain[4:]])
    branch = Branch(9, embedded[1](" lies")["input_ids"])
    (found,), (different,) = trunk.score([branch]), other.score([branch])
    assert (found.logprobs - different.logprobs).abs().max() > 1e-2


@pytest.mark.parametrize("at", [0, 99])  # nothing stands before the first token of a branch that leaves at 0
def test_a_branch_that_leaves_beside_the_trunk_is_refused(trunk, at):
    with pytest.raises(ValueError, match=f"a branch leaves at {at}, and the trunk has {len(trunk)} tokens"):
        trunk.score([Branch(at, [1])])


def test_its_memory_is_freed_with_it(embedded, chain):
    trunk = Trunk(embedded[0], chain)
    keys = weakref.ref(trunk._keys.of_layer(0)[0])
    assert keys().shape[2] == len(chain)
    del trunk
    gc.collect()
    assert keys() is None


@torch.no_grad()
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_model_in_bfloat16_agrees_about_as_well_as_bfloat16_can(make_tiny, attention):
    model = make_tiny(transformers.LlamaConfig, attention).to(torch.bfloat16)
    tokens = [random.Random(2).randrange(3, 9) for _ in range(15)]
    branch = Branch(11, [4, 5, 6])
    (found,) = Trunk(model, tokens).score([branch])
    assert (found.logprobs - whole(model, tokens, branch).logprobs).abs().max() < 0.2


@needs_compiler
@torch.no_grad()
def test_flex_attention_looks_back_to_the_trunk(make_tiny):
    options = {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"]}
    flexible = make_tiny(transformers.Gemma3TextConfig, "flex_attention", **options)
    usual = make_tiny(transformers.Gemma3TextConfig, "sdpa", **options)
    tokens = [random.Random(2).randrange(3, 9) for _ in range(40)]
    branches = [Branch(11, [4, 5, 6]), Branch(30, [4, 5]), Branch(30, [4, 7, 7])]
    for branch, found in zip(branches, Trunk(flexible, tokens).score(branches), strict=True):
        assert (found.logprobs - whole(usual, tokens, branch).logprobs).abs().max() < TOLERANCE_NATS
