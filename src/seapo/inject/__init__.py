"""Stage 3: proposes errors for good answers and ranks them by how plausible a model finds them. Imports no torch."""

from seapo.inject.chain import follows_instructions, may_ask, needs_model, steps_of, uses_rules_alone
from seapo.inject.outlook import first_requests
from seapo.inject.proposal import STRATEGIES, Ask, Context, Proposal
from seapo.inject.rounds import INJECT_VERSION, Injected, propose
from seapo.inject.stage import InjectTally, inject

__all__ = [
    "INJECT_VERSION",
    "STRATEGIES",
    "Ask",
    "Context",
    "InjectTally",
    "Injected",
    "Proposal",
    "first_requests",
    "follows_instructions",
    "inject",
    "may_ask",
    "needs_model",
    "propose",
    "steps_of",
    "uses_rules_alone",
]
