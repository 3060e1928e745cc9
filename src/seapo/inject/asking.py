"""What the strategies that ask a model have in common: the error that is wished for."""

from seapo.inject.instructions import Wish
from seapo.inject.proposal import Context


def wish_for(error_type: str, context: Context, strategy: str) -> Wish:
    """The error to ask for; its subtype is drawn among those that suit the sample, anew for each attempt."""
    found = context.error_type(error_type)
    subtype = context.random(f"{strategy}:{error_type}:{context.attempt}").choice(found.suited(context.domain))
    severity = context.settings.severity
    return Wish(
        found,
        subtype,
        edits=context.settings.edits_per_answer,
        severity=None if severity == "any" else severity,
        feedback=context.feedback,
    )
