"""Stage 5: choose which negatives to train on, how many, and in which order: a view of the wide file."""

from seapo.mix.pairs import MixResult, mix_pairs, mix_rows

__all__ = ["MixResult", "mix_pairs", "mix_rows"]
