"""notebooks/tour.ipynb: every cell runs, and what it shows is what is stored in it."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "tour.ipynb"
LARGEST_BYTES = 100_000


def shown(notebook) -> list[str]:
    """What each code cell printed; figures after a decimal point differ between machines in their last digits."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    texts = ["".join(out.text for out in cell.outputs if out.output_type == "stream") for cell in cells]
    return [re.sub(r" *-?\d+\.\d+(e-\d+)?", " #", text) for text in texts]


@pytest.mark.timeout(600)
def test_the_tour_runs_and_shows_what_is_stored():
    stored, run = nbformat.read(NOTEBOOK, 4), nbformat.read(NOTEBOOK, 4)
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(run, timeout=500, kernel_name="python3", resources=place).execute()
    assert shown(run) == shown(stored), "run the notebook anew and save it with its output"


def test_it_is_small_and_was_saved_with_its_output():
    stored = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(stored)
    assert NOTEBOOK.stat().st_size < LARGEST_BYTES
    assert all(cell.outputs for cell in stored.cells if cell.cell_type == "code")
    assert not [out for cell in stored.cells for out in cell.get("outputs", []) if out.output_type == "error"]
