"""What the strategies that ask a model have in common: the error that is wished for."""

from seapo.inject.instructions import Wish
from seapo.inject.proposal import Context


def wish_for(error_type: str, context: Context, strategy: str) -> Wish:
    """The error to ask for; its subtype is drawn among those that suit the sample, anew for each attempt."""
    found = context.error_type(error_type)
    suited = found.suited(context.domain)
    subtype = context.random(f"{strategy}:{error_type}:{context.attempt}").choice(suited)
    severity = context.settings.severity
    return Wish(
        found,
        subtype,
        others=tuple(kind.name for kind in suited if kind is not subtype),
        edits=context.settings.edits_per_answer,
        severity=None if severity == "any" else severity,
        feedback=context.feedback,
    )
