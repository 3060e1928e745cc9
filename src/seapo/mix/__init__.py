"""Stage 5: choose which negatives to train on: one type, one of the types at random, all, or the data's own."""

from seapo.mix.pairs import MixResult, mix_pairs

__all__ = ["MixResult", "mix_pairs"]
