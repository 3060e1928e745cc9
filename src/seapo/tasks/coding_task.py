"""A programming task as lm-evaluation-harness's `evaluate` drives it."""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import datasets
from lm_eval.api.task import ConfigurableTask
from tqdm import tqdm

from seapo.records import Protocol
from seapo.tasks.coding_data import CodingBenchmark
from seapo.tasks.coding_prompts import Finder, finders
from seapo.tasks.coding_run import Program, pass_at_k, run_all
from seapo.tasks.local import Row

if TYPE_CHECKING:
    from seapo.tasks.coding import Measure


class CodingTask(ConfigurableTask):  # type: ignore[misc]
    """Asks a benchmark's questions, and scores an answer by the tests of its question, run in the sandbox.

    An item's only metric is `pass@k`: 0 or 1 for a greedy answer, an estimate between them for samples. Item ids are
    the rows' `task_id`.
    """

    def __init__(
        self,
        name: str,
        benchmark: CodingBenchmark,
        measure: "Measure",
        prompts: Protocol,
        config: dict[str, Any],
        rows: Sequence[Row],
        *,
        allow_unsandboxed: bool,
    ) -> None:
        self._benchmark, self._measure, self._rows = benchmark, measure, rows
        self._allow_unsandboxed = allow_unsandboxed
        self._verdicts: dict[Program, bool] = {}
        own = _own_config(name, config, measure, finders(benchmark.prompts, prompts))
        super().__init__(config=own | {"process_results": self._score})

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Take the rows that were read; nothing is fetched."""
        self.dataset = {self.config.test_split: datasets.Dataset.from_list(list(self._rows))}

    def apply_filters(self) -> None:
        """Find the programs in the answers and run all of them, in parallel."""
        super().apply_filters()
        programs = [
            Program(code, self._benchmark.tests(instance.doc))
            for instance in self._instances
            for replies in instance.filtered_resps.values()
            for code in replies
        ]
        self._run(programs)

    def _score(self, doc: Row, results: Sequence[Sequence[str]]) -> dict[str, float]:
        """pass@k of one item; `results` holds the programs of its only request.

        lm_eval calls it as the configuration's `process_results`; without one there it looks the metric up on the hub.
        """
        tests = self._benchmark.tests(doc)
        programs = [Program(code, tests) for code in results[0]]
        self._run(programs)
        passed = sum(self._verdicts[program] for program in programs)
        return {metric_name(self._measure): pass_at_k(len(programs), passed, self._measure.k)}

    def _run(self, programs: Sequence[Program]) -> None:
        unknown = [program for program in programs if program not in self._verdicts]
        is_hidden = True if len(unknown) < 100 else None  # None: where there is no terminal
        progress = partial(tqdm, desc=f"running programs of {self.config.task}", disable=is_hidden)
        self._verdicts |= run_all(unknown, allow_unsandboxed=self._allow_unsandboxed, progress=progress)


def metric_name(measure: "Measure") -> str:
    """The name of the only metric."""
    return f"pass@{measure.k}"


def _own_config(name: str, config: dict[str, Any], measure: "Measure", finders: Mapping[str, Finder]) -> dict[str, Any]:
    """lm-evaluation-harness's configuration with our filters and metric, and without code that would run bare."""
    return copy.deepcopy(config) | {
        "task": name,
        "unsafe_code": False,
        "repeats": measure.samples,
        "generation_kwargs": config["generation_kwargs"] | measure.generation,
        "metric_list": [{"metric": metric_name(measure), "aggregation": "mean", "higher_is_better": True}],
        "filter_list": [
            {"name": name, "filter": [{"function": "custom", "filter_fn": partial(_programs, find)}]}
            for name, find in finders.items()
        ],
    }


def _programs(find: Finder, replies: Sequence[Sequence[str]], rows: Sequence[Row]) -> list[list[str]]:
    return [[find(reply, row) for reply in several] for several, row in zip(replies, rows, strict=True)]
