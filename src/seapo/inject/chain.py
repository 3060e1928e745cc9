"""The order in which strategies are tried: the steps of `chain`, or one step in which all that are named compete."""

from seapo.errors import EngineError, RecipeError
from seapo.inject.proposal import NO_ENGINE, STRATEGIES
from seapo.recipe import EngineSection, InjectSection

CHAIN = "chain"
Steps = tuple[tuple[str, ...], ...]
BY_RULE: Steps = (("rule", "pivot"),)
BY_INSTRUCTION: Steps = (("edit",), *BY_RULE)
ASK_NOTHING = frozenset({"rule", "pivot"})
ASK_ALWAYS = frozenset({"edit", "rewrite"})
"""Strategies that never ask an engine, and that cannot do without; of those that users add, nothing is known."""


def follows_instructions(section: EngineSection) -> bool:
    """Whether the engine's model can be told what to do; the embedded SmolLM2-135M only echoes it."""
    return section.kind in ("vllm", "openai") or (section.kind == "embedded" and section.model is not None)


def steps_of(settings: InjectSection, *, has_engine: bool, is_able: bool | None = None) -> Steps:
    """The steps of a recipe, with an engine or without one, that follows instructions (any does, if left out) or not.

    Raises RecipeError, UnknownNameError, or EngineError where there is no model for a strategy that must ask one.
    """
    steps = _named_steps(settings, has_engine if is_able is None else is_able)
    for name in (name for step in steps for name in step):
        STRATEGIES[name]
    if any(ASK_ALWAYS & set(step) for step in steps) and not has_engine:
        raise EngineError(NO_ENGINE)
    return steps


def may_ask(steps: Steps) -> bool:
    """Whether a step may ask an engine, where there is one."""
    return not all(ASK_NOTHING.issuperset(step) for step in steps)


def needs_model(steps: Steps, settings: InjectSection) -> bool:
    """Whether the model that judges plausibility has a part in it: to rank, or for its own alternatives."""
    return settings.rank_by == "model" or not all((ASK_ALWAYS | {"rule"}).issuperset(step) for step in steps)


def uses_rules_alone(steps: Steps, settings: InjectSection) -> bool:
    """Whether no model has any part in it, so that every sample is quicker made than looked up."""
    return not needs_model(steps, settings) and steps == (("rule",),)


def _named_steps(settings: InjectSection, is_able: bool) -> Steps:
    if settings.strategies == (CHAIN,):
        if settings.chain is None:
            return BY_INSTRUCTION if is_able else BY_RULE
        if not settings.chain or not all(settings.chain):
            raise RecipeError("inject.chain: each step names at least one strategy, as [[edit], [rule, pivot]]")
        return settings.chain
    if settings.chain is not None:
        raise RecipeError("inject.chain has no effect unless inject.strategies is [chain]")
    if CHAIN in settings.strategies or not settings.strategies:
        raise RecipeError("inject.strategies is either [chain], or names strategies that compete, as [rule, pivot]")
    return (settings.strategies,)
