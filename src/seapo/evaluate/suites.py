"""Suites of benchmark items, as plug-ins, and the items of a recipe.

A suite is a function from the recipe's section to its items. A package adds one by an entry point of the group
`seapo.suites`, or:

    @SUITES.register("weather")
    def weather(settings: EvaluateSection) -> Iterator[ChoiceItem]: ...
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from seapo.errors import DataError, RecipeError
from seapo.evaluate.statistics import question_of
from seapo.recipe import EvaluateSection
from seapo.records import ChoiceItem
from seapo.registry import Registry
from seapo.tasks import starter, truthfulqa

Suite = Callable[[EvaluateSection], Iterable[ChoiceItem]]

SUITES: Registry[Suite] = Registry("suite", "seapo.suites")


@SUITES.register("starter")
def starter_suite(settings: EvaluateSection) -> Iterable[ChoiceItem]:
    """The test items that seapo ships: five dimensions, through the model's chat template."""
    return starter.test_items()


@SUITES.register("truthfulqa")
def truthfulqa_suite(settings: EvaluateSection) -> Iterable[ChoiceItem]:
    """TruthfulQA MC1 and MC2 as lm-evaluation-harness asks them: plain text, no chat template."""
    if settings.data_dir is None:
        raise RecipeError(
            "the suite 'truthfulqa' reads its questions from a data folder, and evaluate.data_dir is not set; "
            f"set it to the folder that holds {truthfulqa.LAYOUT}"
        )
    return truthfulqa.choice_items(Path(settings.data_dir).expanduser())


def load_items(settings: EvaluateSection, *, seed: int) -> list[ChoiceItem]:
    """The items of all suites, in order; with a limit, that many of each task, drawn by the seed.

    Loads no model. Raises UnknownNameError for a suite that does not exist, DataError for one without usable items.
    """
    items = [item for name in dict.fromkeys(settings.suites) for item in _suite_items(name, settings)]
    return items if settings.limit is None else sample_items(items, settings.limit, seed=seed)


def sample_items(items: Iterable[ChoiceItem], limit: int, *, seed: int) -> list[ChoiceItem]:
    """At most `limit` items of each task, in their old order; tasks over the same questions get the same questions."""
    by_task: dict[tuple[str, str], list[ChoiceItem]] = {}
    for item in items:
        by_task.setdefault((item.suite, item.task), []).append(item)
    return [item for task in by_task.values() for item in _drawn(task, limit, seed)]


def _drawn(items: list[ChoiceItem], limit: int, seed: int) -> list[ChoiceItem]:
    lot = {item.id: random.Random(f"{seed}:{question_of(item.id)}:evaluate").random() for item in items}
    kept = set(sorted(lot, key=lambda item_id: lot[item_id])[:limit])
    return [item for item in items if item.id in kept]


def _suite_items(name: str, settings: EvaluateSection) -> list[ChoiceItem]:
    items = [item.model_copy(update={"suite": name}) for item in SUITES[name](settings)]
    if not items:
        raise DataError(f"the suite {name!r} gave no items")
    repeated = [item_id for (_, item_id), count in Counter((i.task, i.id) for i in items).items() if count > 1]
    if repeated:
        raise DataError(f"the suite {name!r} gave the item {repeated[0]!r} twice; ids are unique in a task")
    return items
