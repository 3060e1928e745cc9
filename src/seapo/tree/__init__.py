"""Token sequences -> packed prefix trees -> log-probabilities: the numeric core; it knows no stage."""

from seapo.tree.backbone import fill_tokens, short_row_attention
from seapo.tree.pack import Group, Row, TokenTree, build_tree, pack_rows
from seapo.tree.score import Alternatives, CompletionScores, score, score_rows, score_tokens

__all__ = [
    "Alternatives",
    "CompletionScores",
    "Group",
    "Row",
    "TokenTree",
    "build_tree",
    "fill_tokens",
    "pack_rows",
    "score",
    "score_rows",
    "score_tokens",
    "short_row_attention",
]
