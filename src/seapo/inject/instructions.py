"""What a model is told when it is asked to put an error into an answer.

The sample comes first, so that a server which keeps the beginnings of its prompts reads it once for all types.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seapo.records import Sample, Severity
from seapo.taxonomy import ErrorType, Subtype

SEVERITIES: dict[str, str] = {
    "subtle": "The error must be subtle: small, and plausible at first sight.",
    "moderate": "The error must be moderate: an attentive reader notices it.",
    "gross": "The error must be gross: far off, and plain to any reader.",
}
SAMPLE = """\
<question>
{question}
</question>

<answer>
{answer}
</answer>

"""
TASK = """\
This answer is good. {action} {amount} of the type "{type}": {definition}
Kind of error: {subtype}.
The error must be false or broken for a reader who knows the matter, not another way to say the same. \
Never hint that there is an error.
"""
REWRITE = """\
Keep the rest as it is: wording, format, language and length. Reply with the whole rewritten answer and nothing else."""
EDIT = """\
Reply with JSON: {{"subtype": "{name}", "edits": [{{"search": "...", "replace": "..."}}]}}
"search": a few words copied exactly from the answer, which occur in it only once. \
"replace": what stands there instead. As few and short as possible; more edits only where other words must follow \
from the error."""


@dataclass(frozen=True)
class Wish:
    """The error that is wanted."""

    error_type: ErrorType
    subtype: Subtype
    others: tuple[str, ...] = ()
    """Names of other subtypes that suit the sample, for where this one does not fit."""
    edits: int = 1
    """How many of them."""
    severity: Severity | None = None
    feedback: tuple[str, ...] = ()
    """What the last attempt failed, in sentences."""


def rewrite_instruction(sample: Sample, wish: Wish) -> str:
    """Ask for the whole answer with the error in it."""
    return _sample(sample) + _task("Rewrite it with", wish) + REWRITE


def edit_instruction(sample: Sample, wish: Wish) -> str:
    """Ask for the few words that change."""
    choice = f"If no such error fits this answer, take another kind: {', '.join(wish.others)}.\n" if wish.others else ""
    return _sample(sample) + _task("Put in", wish) + choice + EDIT.format(name=wish.subtype.name)


def correction(problems: Sequence[str]) -> str:
    """Tell a model which of its edits could not be made."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return f"These edits cannot be made:\n{listed}\nReply with the whole JSON again, with all edits corrected."


def _sample(sample: Sample) -> str:
    turns = [f"{message.role}: {message.content}" for message in sample.prompt]
    question = sample.question if len(turns) == 1 else "\n\n".join(turns)
    return SAMPLE.format(question=question, answer=sample.chosen)


def _task(action: str, wish: Wish) -> str:
    amount = "exactly one error" if wish.edits == 1 else f"{wish.edits} separate errors"
    lines = [
        TASK.format(
            action=action,
            amount=amount,
            type=wish.error_type.name,
            definition=wish.error_type.definition,
            subtype=_told(wish.subtype),
        )
    ]
    if example := wish.subtype.example or "; ".join(wish.error_type.examples[:2]):
        lines.append(f"Example: {example}\n")
    if wish.severity is not None:
        lines.append(f"{SEVERITIES[wish.severity]}\n")
    if wish.feedback:
        lines.append(f"Your last attempt was refused: {' '.join(wish.feedback)} Do it in another way.\n")
    return "".join(lines)


def _told(subtype: Subtype) -> str:
    definition = subtype.definition.rstrip(".")
    return f"{subtype.name}: {definition[:1].lower()}{definition[1:]}" if definition else subtype.name
