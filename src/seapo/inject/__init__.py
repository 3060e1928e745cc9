"""Stage 3: propose errors for good answers, rank them by how plausible the model finds them. Importing this loads no torch."""

from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.inject.stage import INJECT_VERSION, InjectResult, inject, propose

__all__ = ["INJECT_VERSION", "STRATEGIES", "Context", "InjectResult", "Proposal", "inject", "propose"]
