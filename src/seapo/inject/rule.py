"""The strategy `rule`: errors put in by hand-written rules, the same ones for the same seed and sample."""

from collections.abc import Iterator
from itertools import islice

from seapo.inject import (
    api_rules,
    argument_rules,
    aside_rules,
    code_rules,
    contradiction_rules,
    entity_rules,
    foreign_code_rules,
    name_rules,
    premise_rules,
    quantity_rules,
    source_rules,
    step_rules,
)
from seapo.inject.draft import Rule
from seapo.inject.proposal import STRATEGIES, Context, Proposal
from seapo.records import Sample

DRAFTS_PER_RULE = 3
"""How many drafts of one rule are looked at; each rule gives its own in random order."""

RULES: dict[str, tuple[Rule, ...]] = {
    "correctness": (
        step_rules.wrong_arithmetic,
        step_rules.wrong_last_results,
        step_rules.misread_numbers,
        quantity_rules.wrong_numbers,
        quantity_rules.wrong_number_words,
        quantity_rules.wrong_dates,
        quantity_rules.wrong_units,
        entity_rules.wrong_places,
        entity_rules.wrong_names,
        entity_rules.wrong_terms,
        entity_rules.opposite_terms,
        entity_rules.negated_facts,
        entity_rules.wrong_choices,
        code_rules.wrong_operators,
        code_rules.off_by_one,
        code_rules.wrong_variables,
        foreign_code_rules.wrong_foreign_operators,
    ),
    "logic": (
        step_rules.wrong_steps,
        step_rules.contradicted_results,
        step_rules.wrong_results,
        step_rules.missing_steps,
        step_rules.swapped_steps,
        argument_rules.wrong_connectives,
        argument_rules.reversed_conditions,
        argument_rules.reversed_order,
        argument_rules.reversed_causes,
        argument_rules.overgeneralisations,
        argument_rules.denied_conclusions,
        contradiction_rules.self_contradictions,
        argument_rules.contradicted_openings,
        argument_rules.wrong_conclusions,
        argument_rules.missing_premises,
        argument_rules.swapped_items,
        argument_rules.swapped_sentences,
        code_rules.wrong_conditions,
        code_rules.missing_guards,
        code_rules.swapped_statements,
        foreign_code_rules.wrong_foreign_conditions,
    ),
    "hallucination": (
        premise_rules.invented_premises,
        aside_rules.invented_circumstances,
        name_rules.invented_names,
        source_rules.invented_clues,
        source_rules.invented_sources,
        source_rules.invented_events,
        source_rules.invented_entities,
        source_rules.invented_statistics,
        source_rules.invented_quotations,
        api_rules.invented_calls,
        api_rules.invented_imports,
        api_rules.invented_calls_elsewhere,
    ),
}
"""Error type -> its rules. Other error types have none here; their strategies come with them."""


@STRATEGIES.register("rule")
def propose_by_rule(sample: Sample, error_type: str, context: Context) -> Iterator[Proposal]:
    """A few drafts of every rule of the type that applies to the answer."""
    for rule in RULES.get(error_type, ()):
        rng = context.random(f"rule:{rule.__name__}")
        for draft in islice(rule(context.passage, rng), DRAFTS_PER_RULE):
            yield Proposal(error_type, draft.subtype, "rule", rule.__name__, draft.edits)
