"""Stage 3: proposes errors for good answers and ranks them by how plausible a model finds them. Imports no torch."""

from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.inject.stage import INJECT_VERSION, InjectResult, inject, propose

__all__ = ["INJECT_VERSION", "STRATEGIES", "Context", "InjectResult", "Proposal", "inject", "propose"]
