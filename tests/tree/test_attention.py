"""Segment attention against softmax(q k') v with the dense mask: outputs and gradients."""

import math
import random

import pytest
import torch

from seapo.tree import Group, attention, pack_rows
from seapo.tree.attention import TreeAttention, tree_attention_forward
from seapo.tree.masks import Layout, Segment, additive_mask, segments


def random_row(seed):
    rng = random.Random(seed)
    groups = [
        Group([rng.randrange(3) for _ in range(5)], [[rng.randrange(3) for _ in range(9)] for _ in range(4)])
        for _ in range(2)
    ]
    (row,) = pack_rows(groups, 1000)
    return row


def dense(q, k, v, mask, scaling):
    repeats = len(q) // len(k)
    scores = q @ k.repeat_interleave(repeats, 0).transpose(1, 2) * scaling + mask
    return (scores.softmax(-1) @ v.repeat_interleave(repeats, 0)).transpose(0, 1)


@pytest.mark.parametrize("longest", [3, 256])
@pytest.mark.parametrize("kept", [0, 1 << 18], ids=["computed again", "kept"])
def test_outputs_and_gradients_are_those_of_the_dense_mask(monkeypatch, longest, kept):
    monkeypatch.setattr(attention, "KEPT_SCORES", kept)
    row = random_row(1)
    torch.manual_seed(0)
    shapes = ((4, len(row), 6), (2, len(row), 6), (2, len(row), 5))
    inputs = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    mask = additive_mask(Layout.of(row), torch.float64)[0]
    upstream = torch.randn(len(row), 4, 5, dtype=torch.float64)
    expected = dense(*inputs, mask, 0.3)
    gradients = torch.autograd.grad(expected, inputs, upstream)
    found = TreeAttention.apply(*inputs, segments(row, longest=longest), 0.3)
    assert torch.allclose(found, expected, atol=1e-12)
    for ours, theirs in zip(torch.autograd.grad(found, inputs, upstream), gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-12)


def test_a_wrong_segment_shows():
    row = random_row(1)
    q = torch.randn(1, len(row), 4)
    mask = additive_mask(Layout.of(row), torch.float32)[0]
    wrong = TreeAttention.apply(q, q, q, [Segment(0, len(row), ())], 1.0)
    assert (wrong - dense(q, q, q, mask, 1.0)).abs().max() > 0.1


@pytest.mark.parametrize("option", [{"tree_segments": None}, {"position_bias": torch.zeros(1, 1, 6, 6)}])
def test_what_it_does_not_know_runs_with_the_dense_mask(option):
    class Module:
        num_key_value_groups, is_causal = 1, True

    row = pack_rows([Group([1, 2], [[1, 2], [3, 4]])], 100)[0]
    q = torch.randn(1, 1, len(row), 4)
    mask = additive_mask(Layout.of(row), torch.float32)
    nonsense = {"tree_segments": [Segment(0, 1, ())]}
    out, _ = tree_attention_forward(Module(), q, q, q, mask, **{**nonsense, **option})
    assert torch.allclose(out[0], dense(q[0], q[0], q[0], mask[0], 1 / math.sqrt(4)), atol=1e-6)
