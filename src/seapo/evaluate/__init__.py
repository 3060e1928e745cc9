"""Stage 6: the five dimensions before and after, on the same items; paired statistics.

`measure` asks a model what a recipe names (`load_suites`) and sums its scores up; `write_evaluation` keeps them.
`compare` sets two models' scores of the same items against each other. Importing this loads no torch.
"""

from seapo.evaluate.comparison import compare
from seapo.evaluate.measurement import Subject, measure
from seapo.evaluate.results import read_evaluation, write_evaluation
from seapo.evaluate.results_table import format_results
from seapo.evaluate.scoring import METRICS
from seapo.evaluate.stage import evaluate
from seapo.evaluate.suites import SUITES, load_items, load_suites
from seapo.evaluate.table import format_table

__all__ = [
    "METRICS",
    "SUITES",
    "Subject",
    "compare",
    "evaluate",
    "format_results",
    "format_table",
    "load_items",
    "load_suites",
    "measure",
    "read_evaluation",
    "write_evaluation",
]
