"""Composes runs into an experiment: arms x seeds of one recipe, every common stage made once, one table at the end.

recipe = load_recipe(Path("recipes/experiment.yaml"))
print(estimate(look(recipe), jobs=1).seconds)
results = run_experiment(recipe)
"""

from seapo.experiment.estimate import Estimate, estimate
from seapo.experiment.matrix import Matrix, look
from seapo.experiment.perform import run_experiment
from seapo.experiment.results import Results, read_results
from seapo.experiment.table import format_estimate, format_markdown, format_results

__all__ = [
    "Estimate",
    "Matrix",
    "Results",
    "estimate",
    "format_estimate",
    "format_markdown",
    "format_results",
    "look",
    "read_results",
    "run_experiment",
]
