"""The error types: what each one is, which kinds of error belong to it, and how users add their own.

A type of one's own stands in the recipe (`inject.types`), or comes with a package through the entry point group
`seapo.error_types`, whose object is an `ErrorType`. Source of the three built-in ones: SeaPO, arXiv:2509.24781, Section
3; definitions and examples are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seapo.errors import RecipeError, UnknownNameError
from seapo.recipe import ErrorTypeSection
from seapo.records import Dimension
from seapo.registry import Registry

Domain = Dimension | Literal["any"]
ANY: tuple[Domain, ...] = ("any",)
_FACTS: tuple[Domain, ...] = ("knowledge", "truthfulness", "reasoning")
_CALCULATIONS: tuple[Domain, ...] = ("mathematics", "reasoning")


@dataclass(frozen=True)
class Subtype:
    """One kind of error of a type."""

    name: str
    definition: str = ""
    """In one line, for a model or a person."""
    before: str = ""
    """A short passage that is right."""
    after: str = ""
    """The same passage with this error in it."""
    domains: tuple[Domain, ...] = ANY
    """Where it can stand; `any` for everywhere."""

    @property
    def example(self) -> str:
        """Before and after on one line; empty where there is none."""
        return f'"{self.before}" becomes "{self.after}"' if self.before or self.after else ""

    def suits(self, domain: Dimension | None) -> bool:
        """Whether it can stand in an answer of this domain; where that is not known, code and sums are ruled out."""
        if domain is None:
            return "any" in self.domains or "knowledge" in self.domains
        return "any" in self.domains or domain in self.domains


@dataclass(frozen=True)
class ErrorType:
    """One type of error that can be put into an answer."""

    name: str
    definition: str
    """In one or two sentences that a model or a person can follow."""
    kinds: tuple[Subtype, ...] = ()
    examples: tuple[str, ...] = ()
    """Of the type as a whole; the subtypes have their own."""

    @property
    def subtypes(self) -> tuple[str, ...]:
        """Names of the subtypes."""
        return tuple(kind.name for kind in self.kinds)

    def suited(self, domain: Dimension | None) -> tuple[Subtype, ...]:
        """The subtypes that can stand in an answer of a domain; the type itself where it has none."""
        kinds = tuple(kind for kind in self.kinds if kind.suits(domain))
        return kinds or (Subtype(self.name, self.definition),)


ERROR_TYPES: Registry[ErrorType] = Registry("error type", "seapo.error_types")


def find_error_type(name: str, own: Sequence[ErrorTypeSection] = ()) -> ErrorType:
    """The type of a name, among a recipe's own and the registered ones.

    Raises UnknownNameError where there is none, and RecipeError where an own type takes the name of another.
    """
    _check_names(own)
    for section in own:
        if section.name == name:
            kinds = tuple(Subtype(each) for each in section.subtypes)
            return ErrorType(section.name, section.definition, kinds, section.examples)
    if name not in ERROR_TYPES:
        raise UnknownNameError("error type", name, [*ERROR_TYPES, *(section.name for section in own)])
    return ERROR_TYPES[name]


def _check_names(own: Sequence[ErrorTypeSection]) -> None:
    names = [section.name for section in own]
    for name in names:
        if name in ERROR_TYPES or names.count(name) > 1:
            raise RecipeError(f"inject.types: there is an error type named {name!r} already; choose another name")


CORRECTNESS = ERROR_TYPES.add(
    "correctness",
    ErrorType(
        "correctness",
        "A statement of the answer that can be looked up or computed is wrong: a number, unit, date, name, place, "
        "formula, translation, or the behaviour of a piece of code.",
        (
            Subtype(
                "wrong_number", "A number is another one.", "A violin has 4 strings.", "A violin has 5 strings."
            ),
            Subtype(
                "wrong_arithmetic",
                "One step is computed wrongly, and what follows is computed with its wrong result.",
                "12 * 4 = 48 pens. 48 + 2 = 50.",
                "12 * 4 = 46 pens. 46 + 2 = 48.",
                _CALCULATIONS,
            ),
            Subtype(
                "wrong_unit",
                "A quantity has a unit that makes it wrong.",
                "The wall is 3 metres high.",
                "The wall is 3 kilometres high.",
                ("mathematics", *_FACTS),
            ),
            Subtype(
                "wrong_date",
                "A year, date or weekday is another one.",
                "The Berlin Wall fell in 1989.",
                "The Berlin Wall fell in 1979.",
                _FACTS,
            ),
            Subtype(
                "wrong_name",
                "A person, work or thing is named that it was not.",
                "Marie Curie discovered radium.",
                "Lise Meitner discovered radium.",
            ),
            Subtype(
                "wrong_place",
                "A place is another one.",
                "The Danube flows into the Black Sea.",
                "The Danube flows into the Baltic Sea.",
                _FACTS,
            ),
            Subtype(
                "wrong_formula",
                "A formula, law or rule is stated or applied in a wrong form.",
                "A circle's area is pi * r^2.",
                "A circle's area is 2 * pi * r.",
                ("mathematics", "knowledge", "reasoning"),
            ),
            Subtype(
                "wrong_translation",
                "A word or sentence is rendered in another language with another meaning.",
                "The German word 'Hund' means dog.",
                "The German word 'Hund' means hand.",
                ("knowledge", "truthfulness"),
            ),
            Subtype(
                "negated_fact",
                "A true statement is denied, or a false one asserted.",
                "Whales are mammals.",
                "Whales are not mammals.",
                _FACTS,
            ),
            Subtype(
                "wrong_term",
                "A term is exchanged for a related one, or its opposite, that does not fit.",
                "Plants take in carbon dioxide.",
                "Plants give off carbon dioxide.",
            ),
            Subtype(
                "wrong_choice",
                "A wrong option is given in the place of the right one.",
                "The answer is (B) copper.",
                "The answer is (C) rubber.",
                ("knowledge", "truthfulness", "reasoning"),
            ),
            Subtype(
                "wrong_operator",
                "An operator or function of the code is one that computes something else.",
                "if age >= 18:",
                "if age > 18:",
                ("coding",),
            ),
            Subtype(
                "off_by_one",
                "A range, index or bound is one too far or one too short.",
                "for i in range(len(items)):",
                "for i in range(len(items) - 1):",
                ("coding",),
            ),
            Subtype(
                "wrong_variable",
                "The code uses another variable than the one that is meant.",
                "total += price",
                "total += index",
                ("coding",),
            ),
        ),
    ),
)  # fmt: skip

LOGIC = ERROR_TYPES.add(
    "logic",
    ErrorType(
        "logic",
        "Every single statement may be fine, but they do not hang together: a contradiction, a step that is "
        "missing, out of order, circular or unsupported, a cause exchanged with its effect, a conclusion that does "
        "not follow.",
        (
            Subtype(
                "contradiction",
                "Two passages of the answer cannot both be true.",
                "The shop is closed on Sundays. So come on Monday.",
                "The shop is closed on Sundays. So come on Sunday.",
            ),
            Subtype(
                "unsupported_step",
                "A step is taken for which the answer gives no ground.",
                "Both lamps use the same bulb, so the spare one fits.",
                "Both lamps were bought in May, so the spare one fits.",
            ),
            Subtype(
                "circular_step",
                "A claim is given as the reason for itself.",
                "The ice melts because the sun warms it.",
                "The ice melts because it turns from solid to liquid.",
                _FACTS,
            ),
            Subtype(
                "wrong_conclusion",
                "The conclusion does not follow from what was said before it.",
                "All three tests failed, so the part is faulty.",
                "All three tests failed, so the part is sound.",
            ),
            Subtype(
                "swapped_steps",
                "Two steps stand in an order in which one needs what comes only later.",
                "Beat the eggs, then fold them in.",
                "Fold the eggs in, then beat them.",
            ),
            Subtype("missing_step", "A step is left out that a later one needs."),
            Subtype(
                "reversed_cause",
                "Cause and effect are exchanged.",
                "The roads were icy because it froze.",
                "It froze because the roads were icy.",
                _FACTS,
            ),
            Subtype(
                "wrong_connective",
                "Two statements are joined by a relation that does not hold between them.",
                "He was tired, so he slept.",
                "He was tired, although he slept.",
                _FACTS,
            ),
            Subtype(
                "wrong_condition",
                "A condition is turned round, or asks for the wrong thing.",
                "If the light is red, stop.",
                "If the light is not red, stop.",
            ),
            Subtype(
                "wrong_step",
                "A step does the wrong operation, and does it rightly.",
                "She shares 12 among 3: 12 / 3 = 4.",
                "She shares 12 among 3: 12 * 3 = 36.",
                _CALCULATIONS,
            ),
            Subtype(
                "overgeneralisation",
                "What holds for some is claimed of all.",
                "Some mushrooms are poisonous.",
                "All mushrooms are poisonous.",
                _FACTS,
            ),
        ),
    ),
)  # fmt: skip

HALLUCINATION = ERROR_TYPES.add(
    "hallucination",
    ErrorType(
        "hallucination",
        "The answer brings in something that neither the question nor the facts contain: an invented source, "
        "person, event, statistic, quotation, or programming interface.",
        (
            Subtype(
                "invented_source",
                "A study, book, report or expert is cited that does not exist.",
                "Cats sleep much of the day.",
                "Cats sleep much of the day, as the Halden Report of 2009 found.",
            ),
            Subtype(
                "invented_entity",
                "A person, place, firm or thing is brought in that does not exist.",
                "The mill was rebuilt after the fire.",
                "The mill was rebuilt after the fire by the Orrin Vesterly Trust.",
                ("any",),
            ),
            Subtype(
                "invented_statistic",
                "A figure is given that nobody measured.",
                "Many people prefer tea.",
                "About 63.4% of all people prefer tea.",
                _FACTS,
            ),
            Subtype(
                "invented_event",
                "Something is told that never happened.",
                "The bridge is made of steel.",
                "The bridge is made of steel since its collapse in 1931.",
                _FACTS,
            ),
            Subtype(
                "invented_quotation",
                "Words are quoted that nobody said.",
                "Practice matters more than talent.",
                'As Edvard Holm put it, "practice is talent\'s elder sister".',
                _FACTS,
            ),
            Subtype(
                "invented_api",
                "The code uses a function, method, argument or module that does not exist.",
                "names = sorted(names)",
                "names = names.sorted_copy()",
                ("coding",),
            ),
            Subtype(
                "invented_premise",
                "The answer counts with an amount or a clue that the question never gave.",
                "The tickets cost 3 * 8 = 24 euros.",
                "The tickets cost 3 * 8 = 24 euros, and the booking fee of 5 euros makes 29.",
                _CALCULATIONS,
            ),
        ),
    ),
)  # fmt: skip
