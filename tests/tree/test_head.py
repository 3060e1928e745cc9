"""The head with a gradient written by hand against autograd through the whole logits."""

from types import SimpleNamespace

import pytest
import torch

from seapo.tree import head as head_module
from seapo.tree.head import Edges, Head, score_edges

PARENTS, TOKENS = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([3, 7, 1, 0, 9, 3])


def make(bias=False, trained=False, **options):
    torch.manual_seed(0)
    linear = torch.nn.Linear(5, 11, bias=bias).double().requires_grad_(trained)
    return Head(linear, **options)


def expected_logprobs(head, hidden):
    return head.logits(hidden).float().log_softmax(-1)[PARENTS, TOKENS]


@pytest.mark.parametrize("tile", [(1, 11), (2, 1), (3, 4), (100, 100)], ids=str)
@pytest.mark.parametrize(
    "head",
    [make(), make(bias=True), make(scale=0.3), make(cap=2.0), make(trained=True)],
    ids=lambda head: str(head)[:60],
)
def test_scores_and_gradients(monkeypatch, head, tile):
    monkeypatch.setattr(head_module, "TILE", tile)
    monkeypatch.setattr(head_module, "CHUNK_BYTES", tile[0] * 11 * 4)
    hidden = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    upstream = torch.tensor([1.0, -2.0, 0.5, 1.5, 3.0, -1.0])
    variables = [hidden, *(one for one in head.linear.parameters() if one.requires_grad)]
    expected = expected_logprobs(head, hidden)
    scores = score_edges(head, hidden, Edges(PARENTS, TOKENS))
    assert torch.allclose(scores.logprobs, expected, atol=1e-6)
    assert scores.logprobs.dtype == torch.float32
    for ours, theirs in zip(
        torch.autograd.grad(scores.logprobs, variables, upstream),
        torch.autograd.grad(expected, variables, upstream),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, atol=1e-5)
    best = head.logits(hidden).argmax(-1)[PARENTS]
    assert scores.is_argmax.tolist() == (best == TOKENS).tolist()
    with torch.no_grad():
        alone = score_edges(head, hidden, Edges(PARENTS, TOKENS))
    assert torch.allclose(alone.logprobs, expected, atol=1e-6)
    assert alone.is_argmax.tolist() == scores.is_argmax.tolist()


def test_a_frozen_head_keeps_no_logits():
    head, sizes = make(), []
    hidden = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda one: sizes.append(one.shape) or one, lambda one: one):
        score_edges(head, hidden, Edges(PARENTS, TOKENS))
    assert (3, 11) not in sizes
    assert (3, 5) in sizes


def test_tiles_of_very_unlike_size_add_up(monkeypatch):
    """Logits hundreds of nats apart, the largest in the first, the middle or the last tile."""
    monkeypatch.setattr(head_module, "TILE", (2, 3))
    for best in (0, 5, 10):
        head = make()
        with torch.no_grad():
            head.linear.weight[best] = 200.0
        hidden = torch.rand(3, 5, dtype=torch.float64, requires_grad=True)
        scores = score_edges(head, hidden, Edges(PARENTS, TOKENS))
        expected = head.logits(hidden).log_softmax(-1)[PARENTS, TOKENS]
        assert torch.allclose(scores.logprobs.double(), expected, rtol=1e-6, atol=1e-6)
        ours, theirs = (torch.autograd.grad(one.sum(), hidden)[0] for one in (scores.logprobs, expected))
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tile", [(1, 11), (2, 1), (3, 4), (100, 100)], ids=str)
def test_the_best_tokens(monkeypatch, tile):
    """Whatever the tiles, though one has fewer tokens than are asked for."""
    monkeypatch.setattr(head_module, "TILE", tile)
    head = make()
    hidden = torch.randn(3, 5, dtype=torch.float64)
    scores = score_edges(head, hidden, Edges(PARENTS, TOKENS), k=2)
    assert torch.allclose(scores.logprobs, expected_logprobs(head, hidden), atol=1e-6)
    best = head.logits(hidden).float().log_softmax(-1).topk(2)
    assert scores.best_ids.tolist() == best.indices[PARENTS].tolist()
    assert torch.allclose(scores.best_logprobs, best.values[PARENTS], atol=1e-6)


def test_without_edges_there_is_nothing():
    empty = Edges(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))
    scores = score_edges(make(), torch.zeros(0, 5), empty, k=2)
    assert scores.logprobs.shape == (0,)
    assert scores.best_ids.shape == (0, 2)


def test_what_a_configuration_does_to_logits():
    def of(**config):
        text = SimpleNamespace(**config)
        return Head.of(
            SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: text), get_output_embeddings=lambda: None)
        )

    assert (of().scale, of().cap) == (1.0, None)
    assert of(logit_scale=0.25).scale == 0.25
    assert of(logits_scaling=4.0).scale == 0.25
    assert of(final_logit_softcapping=30.0).cap == 30.0
