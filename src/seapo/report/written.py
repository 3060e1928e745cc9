"""The report's three files in one folder: for people, for a terminal, for programs."""

from pathlib import Path
from typing import Final

from seapo.recipe import ReportSection
from seapo.report.contents import read_run
from seapo.report.markdown import render_markdown
from seapo.report.page import render
from seapo.report.quality import distances
from seapo.report.results import results_of
from seapo.store import write_json, write_text

PAGE: Final = "index.html"
MARKDOWN: Final = "report.md"
RESULTS: Final = "results.json"


def write_report(run_dir: Path, folder: Path, *, settings: ReportSection) -> None:
    """Write all three into a folder; raises RunError and DataError as `read_run` does."""
    contents = read_run(run_dir)
    found = distances(contents)
    write_json(folder / RESULTS, results_of(contents, found=found).model_dump(mode="json"))
    write_text(folder / MARKDOWN, render_markdown(contents, settings=settings, found=found))
    write_text(folder / PAGE, render(contents, settings=settings, found=found))
