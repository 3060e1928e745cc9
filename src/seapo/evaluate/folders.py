"""From what a user names to an evaluation: its folder, or a run, of which `RUN:before` names the untouched model."""

from pathlib import Path

from seapo.errors import DataError
from seapo.evaluate.results import RESULTS, Evaluation, read_evaluation

MOMENTS = ("before", "after")


def find_evaluation(name: str) -> Path:
    """The folder that a name stands for: one with results, or `evaluate/after` of a run; raises DataError."""
    place, _, moment = name.rpartition(":")
    folder, moment = (Path(place), moment) if place and moment in MOMENTS else (Path(name), "after")
    if folder == Path(name) and (folder / RESULTS).is_file():
        return folder
    found = folder / "evaluate" / moment
    if (found / RESULTS).is_file():
        return found
    if (folder / "recipe.yaml").is_file():
        raise DataError(f"{name}: the run has no {found.relative_to(folder)}/{RESULTS}; run: seapo evaluate {folder}")
    what = "holds no evaluation" if folder.is_dir() else "is no folder"
    raise DataError(f"{name}: {what}; name a folder with {RESULTS}, or a run's folder (RUN, RUN:before or RUN:after)")


def read_evaluations(names: tuple[str, ...]) -> dict[str, Evaluation]:
    """Each evaluation under the name that the user gave; raises DataError where one is named twice."""
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise DataError(f"{twice[0]} is named twice; name each evaluation once")
    return {name: read_evaluation(find_evaluation(name)) for name in names}
