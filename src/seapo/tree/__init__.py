"""Token sequences -> packed prefix trees -> log-probabilities: the numeric core; it knows no stage."""

from seapo.tree.backbone import fill_tokens, open_model
from seapo.tree.fused import fused
from seapo.tree.pack import Group, Row, TokenTree, build_tree, pack_rows
from seapo.tree.score import Alternatives, CompletionScores, lay_rows, score, score_rows, score_tokens
from seapo.tree.slots import Slots
from seapo.tree.trunk import Branch, Trunk, keeps_keys, writing

__all__ = [
    "Alternatives",
    "Branch",
    "CompletionScores",
    "Group",
    "Row",
    "Slots",
    "TokenTree",
    "Trunk",
    "build_tree",
    "fill_tokens",
    "fused",
    "keeps_keys",
    "lay_rows",
    "open_model",
    "pack_rows",
    "score",
    "score_rows",
    "score_tokens",
    "writing",
]
