"""What the reference model thinks of the change: evidence beside the proofs, never one of them.

A model that was not trained on the pair prefers the original where the change is implausible or wrong, but a shorter
text is likelier than a longer one whatever it says, and a small model knows little.
"""

from seapo.recipe import VerifySection
from seapo.records import Candidate, CheckResult, Sample
from seapo.verify.check import CHECKS, Check, not_judged, passed

NAME = "reference"


@CHECKS.register(NAME)
@Check
def reference(sample: Sample, candidate: Candidate, settings: VerifySection) -> CheckResult:
    """Pass where the reference prefers the chosen answer by `min_reference_margin_nats`; it never fails."""
    if candidate.logprob_nats is None or candidate.chosen_logprob_nats is None:
        return not_judged(NAME, "no reference model has scored it")
    margin = candidate.chosen_logprob_nats - candidate.logprob_nats
    if margin < settings.min_reference_margin_nats:
        wanted = f"less than {settings.min_reference_margin_nats:g}"
        return not_judged(NAME, f"the reference prefers the chosen answer by {margin:.1f} nats, {wanted}")
    return passed(NAME, f"the reference prefers the chosen answer by {margin:.1f} nats")
