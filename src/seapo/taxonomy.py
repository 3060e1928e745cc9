"""The error types: what each one is, and how users add their own.

Source of the three types: SeaPO, arXiv:2509.24781, Section 3; the definitions are this project's own words.
"""

from dataclasses import dataclass

from seapo.registry import Registry


@dataclass(frozen=True)
class ErrorType:
    """One kind of error that can be put into an answer."""

    name: str
    definition: str
    subtypes: tuple[str, ...]


ERROR_TYPES: Registry[ErrorType] = Registry("error type", "seapo.error_types")

CORRECTNESS = ERROR_TYPES.add(
    "correctness",
    ErrorType(
        name="correctness",
        definition=(
            "A statement of the answer that can be looked up or computed is wrong: a number, unit, date, name, place, "
            "formula, or the behaviour of a piece of code."
        ),
        subtypes=(
            "wrong_number", "wrong_arithmetic", "wrong_unit", "wrong_date", "wrong_name", "wrong_place",
            "negated_fact", "wrong_operator", "wrong_term", "wrong_choice", "off_by_one", "wrong_variable",
        ),
    ),
)  # fmt: skip

LOGIC = ERROR_TYPES.add(
    "logic",
    ErrorType(
        name="logic",
        definition=(
            "Every single statement may be fine, but they do not hang together: a contradiction, a step that is "
            "missing, out of order or unsupported, a cause exchanged with its effect, a conclusion that does "
            "not follow."
        ),
        subtypes=(
            "contradiction", "wrong_conclusion", "swapped_steps", "missing_step", "reversed_cause", "wrong_connective",
            "wrong_condition", "wrong_step", "overgeneralisation",
        ),
    ),
)  # fmt: skip

HALLUCINATION = ERROR_TYPES.add(
    "hallucination",
    ErrorType(
        name="hallucination",
        definition=(
            "The answer brings in something that neither the question nor the facts contain: an invented source, "
            "person, event, statistic, quotation, or programming interface."
        ),
        subtypes=(
            "invented_source", "invented_entity", "invented_statistic", "invented_event", "invented_quotation",
            "invented_api", "invented_premise",
        ),
    ),
)  # fmt: skip
