"""The strategy `rule`: errors put in by hand-written rules, the same ones for the same seed and sample."""

from collections.abc import Iterator
from itertools import islice

from seapo.inject import (
    api_rules,
    argument_rules,
    code_rules,
    coined_rules,
    contradiction_rules,
    entity_rules,
    foreign_code_rules,
    name_rules,
    premise_rules,
    quantity_rules,
    source_rules,
    step_rules,
    thing_rules,
)
from seapo.inject.draft import Rule
from seapo.inject.proposal import STRATEGIES, Context, Offer, Proposal
from seapo.records import Sample

DRAFTS_PER_RULE = 3
"""How many drafts of one rule are looked at; each rule gives its own in random order."""

RULES: dict[str, dict[str, tuple[Rule, ...]]] = {
    "correctness": {
        "wrong_arithmetic": (step_rules.wrong_arithmetic, step_rules.wrong_last_results),
        "wrong_number": (
            step_rules.misread_numbers,
            quantity_rules.wrong_numbers,
            quantity_rules.wrong_number_words,
        ),
        "wrong_date": (quantity_rules.wrong_dates,),
        "wrong_unit": (quantity_rules.wrong_units,),
        "wrong_place": (entity_rules.wrong_places,),
        "wrong_name": (entity_rules.wrong_names,),
        "wrong_term": (entity_rules.wrong_terms, entity_rules.opposite_terms),
        "negated_fact": (entity_rules.negated_facts,),
        "wrong_choice": (entity_rules.wrong_choices,),
        "wrong_operator": (code_rules.wrong_operators, foreign_code_rules.wrong_foreign_operators),
        "off_by_one": (code_rules.off_by_one,),
        "wrong_variable": (code_rules.wrong_variables,),
    },
    "logic": {
        "wrong_step": (step_rules.wrong_steps,),
        "contradiction": (
            step_rules.contradicted_results,
            argument_rules.denied_conclusions,
            contradiction_rules.self_contradictions,
            argument_rules.contradicted_openings,
        ),
        "wrong_conclusion": (step_rules.wrong_results, argument_rules.wrong_conclusions),
        "missing_step": (step_rules.missing_steps, argument_rules.missing_premises, code_rules.missing_guards),
        "swapped_steps": (
            step_rules.swapped_steps,
            argument_rules.reversed_order,
            argument_rules.swapped_items,
            argument_rules.swapped_sentences,
            code_rules.swapped_statements,
        ),
        "wrong_connective": (argument_rules.wrong_connectives,),
        "wrong_condition": (
            argument_rules.reversed_conditions,
            code_rules.wrong_conditions,
            foreign_code_rules.wrong_foreign_conditions,
        ),
        "reversed_cause": (argument_rules.reversed_causes,),
        "overgeneralisation": (argument_rules.overgeneralisations,),
    },
    "hallucination": {
        "invented_premise": (
            premise_rules.invented_premises,
            source_rules.invented_clues,
        ),
        "invented_entity": (
            name_rules.invented_names,
            thing_rules.invented_things,
            coined_rules.invented_terms,
            source_rules.invented_entities,
        ),
        "invented_source": (source_rules.invented_sources,),
        "invented_event": (source_rules.invented_events,),
        "invented_statistic": (source_rules.invented_statistics,),
        "invented_quotation": (source_rules.invented_quotations,),
        "invented_api": (api_rules.invented_calls, api_rules.invented_imports, api_rules.invented_calls_elsewhere),
    },
}
"""Error type -> subtype -> the rules that make errors of this subtype, and of no other. Other error types have none
here; their strategies come with them."""


@STRATEGIES.register("rule")
def propose_by_rule(sample: Sample, error_type: str, context: Context) -> Iterator[Offer]:
    """A few drafts of every rule of the type; a rule is run when the first of its drafts is wanted."""
    for subtype, rules in RULES.get(error_type, {}).items():
        for rule in rules:
            yield Offer(subtype, _proposals(rule, error_type, context))


def _proposals(rule: Rule, error_type: str, context: Context) -> Iterator[Proposal]:
    rng = context.random(f"rule:{rule.__name__}")
    for draft in islice(rule(context.passage, rng), DRAFTS_PER_RULE):
        yield Proposal(error_type, draft.subtype, "rule", rule.__name__, draft.edits)
