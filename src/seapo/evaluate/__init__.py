"""Stage 6: the five dimensions before and after, on the same items; paired statistics.

`load_items` -> `evaluate` for each model -> `compare` -> `format_table`. Importing this loads no torch.
"""

from seapo.evaluate.comparison import compare
from seapo.evaluate.scoring import METRICS
from seapo.evaluate.stage import evaluate
from seapo.evaluate.suites import SUITES, load_items
from seapo.evaluate.table import format_table

__all__ = ["METRICS", "SUITES", "compare", "evaluate", "format_table", "load_items"]
