"""FlexAttention with a BlockMask of the tree: its forward pass, compared on the CPU (its backward pass needs a GPU)."""

import random
import shutil

import pytest
import torch
import transformers

from seapo.tree import Group, lay_rows, score
from seapo.tree.backbone import open_model
from seapo.tree.masks import Layout, additive_mask, block_mask

TOLERANCE_NATS = 1e-4
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="FlexAttention compiles C++ on a CPU: no g++")


def groups():
    rng = random.Random(9)

    def tokens(least, most):
        return [rng.randrange(3, 9) for _ in range(rng.randint(least, most))]

    return [Group(tokens(20, 60), [tokens(1, 30) for _ in range(4)]) for _ in range(3)]


@pytest.mark.parametrize("window", [None, 7])
def test_the_block_mask_allows_what_the_dense_mask_allows(make_tiny, window):
    (row,) = lay_rows(make_tiny(transformers.LlamaConfig), groups(), 4096)
    dense = additive_mask(Layout.of(row), torch.float32, window=window)[0, 0] == 0
    mask_mod = block_mask(Layout.of(row), window=window).mask_mod
    places = torch.arange(len(row))
    zero = torch.tensor(0)
    allowed = mask_mod(zero, zero, places[:, None], places[None, :])
    assert torch.equal(allowed, dense)
    assert 0 < dense.sum() < len(row) * (len(row) + 1) / 2


@needs_compiler
@torch.no_grad()
def test_flex_attention_gives_the_scores_of_the_padded_pass(make_tiny, plain):
    options = {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"]}
    flexible = make_tiny(transformers.Gemma3TextConfig, "flex_attention", **options)
    usual = make_tiny(transformers.Gemma3TextConfig, "sdpa", **options)
    assert open_model(flexible).takes_tree_mask
    for group, scores in zip(groups(), score(flexible, groups()), strict=True):
        assert (scores - plain(usual, group)).abs().max() < TOLERANCE_NATS
