"""An experiment from its recipe to its results."""

from collections.abc import Callable

from seapo.errors import RunError
from seapo.evaluating import evaluate_depends
from seapo.experiment.estimate import Estimate, estimate
from seapo.experiment.matrix import RESULTS, Matrix, prepare
from seapo.experiment.results import Results, summarise
from seapo.experiment.table import format_markdown
from seapo.experiment.work import Done, ask_references, measure_untouched, share_stages, train_all
from seapo.pipeline import quiet_libraries
from seapo.recipe import Recipe, dump_recipe
from seapo.runfolder import RunFolder
from seapo.store import write_json, write_text


def run_experiment(
    recipe: Recipe,
    *,
    jobs: int = 1,
    quiet: bool = False,
    probe: bool = True,
    tell: Callable[[Estimate], None] = lambda found: None,
) -> Results:
    """Bring an experiment up to date, and write and give its results; what is finished and still fits is reused.

    `tell` is given what will be done and how long it takes, before it is done; without `probe`, no times. Raises
    RecipeError for an arm that cannot be; RunError where no run has a result, or another process works in the folder.
    """
    quiet_libraries()
    evaluate_depends(recipe)  # a mistake in what is asked shows before any work
    with RunFolder(recipe.run_dir).lock():
        matrix, done = prepare(recipe), Done()
        write_text(matrix.folder.path / "recipe.yaml", dump_recipe(recipe))
        tell(estimate(matrix, jobs=jobs, probe=probe))
        share_stages(matrix, done, quiet=quiet)
        measure_untouched(matrix, done, quiet=quiet)
        ask_references(matrix, done, quiet=quiet)
        train_all(matrix, done, jobs=jobs, quiet=quiet)
        return _write(matrix, done)


def _write(matrix: Matrix, done: Done) -> Results:
    if len(done.failed) == len(matrix.runs):
        raise RunError(f"no run of the experiment has a result; the first: {next(iter(done.failed.values()))}")
    found = summarise(matrix, done.failed)
    folder = matrix.folder.stage(RESULTS)
    folder.mkdir(exist_ok=True)
    write_text(folder / "results.md", format_markdown(found))
    write_json(folder / "work.json", done.as_json())
    write_json(folder / "results.json", found.model_dump(mode="json"))
    return found
